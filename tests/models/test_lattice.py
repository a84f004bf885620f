"""Calibrated lattices: interpolation by hand, signs and shapes over the whole range, and exact Shapley values."""

import itertools

import numpy as np
import pytest

from genolift.models.readable.lattice import Lattice
from genolift.models.readable.reading import reading_of
from genolift.models.zoo import build
from genolift.support.errors import InputError


def made(signs, tasks=2, shape="free", seed=0, **options):
    head = Lattice(tasks, signs, shape, **options)
    head(np.zeros((1, 2, len(signs)), np.float32))
    random = np.random.default_rng(seed)
    for variable in head.trainable_variables:
        variable.assign((0.2 if "corners" in variable.path else 2) * random.normal(size=variable.shape))
    return head


def at(head, counts):
    """The logits at counts (N, F), as sites of one place."""
    return np.asarray(head(np.asarray(counts, np.float32)[:, None, :]))


def slow(head, counts):
    """Multilinear interpolation, corner by corner."""
    knots, rises = np.array(head.knots), np.asarray(head.rises())
    x = [np.interp(c, knots, np.concatenate([[0], np.cumsum(rise)])) for c, rise in zip(counts, rises, strict=True)]
    values = np.asarray(head.values())
    total = np.zeros(head.tasks)
    for corner in itertools.product((0, 1), repeat=len(counts)):
        weight = np.prod([x[i] if bit else 1 - x[i] for i, bit in enumerate(corner)])
        total = total + weight * values[corner]
    return total


@pytest.mark.parametrize("features", [1, 2, 3])
@pytest.mark.parametrize("shape", ["free", "concave", "convex"])
def test_interpolation_by_corners(features, shape):
    head = made([0, 1, -1][:features], shape=shape)
    counts = np.random.default_rng(1).uniform(0, 8, (12, features))
    np.testing.assert_allclose(at(head, counts), [slow(head, row) for row in counts], rtol=1e-4, atol=1e-4)


def test_corners_without_signs_are_the_weights():
    head = made([0, 0])
    np.testing.assert_allclose(np.asarray(head.values()).ravel(), 10 * np.asarray(head.corners), rtol=1e-6)
    monotone = made([1, 1])
    monotone.corners.assign([0, 0, 1, 2, 1, 1, 1, 5])  # An OR, and one that rises: both stay as they are.
    np.testing.assert_allclose(np.asarray(monotone.values()).ravel(), 10 * np.asarray(monotone.corners), rtol=1e-6)


@pytest.mark.parametrize("signs", [(1,), (-1,), (1, -1), (1, 1, -1), (0, 1, 0), (0, 0)])
def test_signs_hold_over_the_whole_range(signs):
    """For any weights, on a grid finer than the knots and beyond the last of them, whatever the other counts are."""
    grid = np.linspace(0, 8, 17)
    rest = list(itertools.product((0.0, 0.7, 2.5, 7.0), repeat=len(signs) - 1))
    for seed in range(8):
        head = made(signs, seed=seed)
        for number, sign in enumerate(signs):
            for other in rest:
                rows = [[*other[:number], c, *other[number:]] for c in grid]
                steps = np.diff(at(head, rows), axis=0)
                if sign:
                    assert (sign * steps >= -1e-4).all()
                else:  # Without a sign it is still one direction for each task, which the other counts may decide.
                    assert ((steps >= -1e-4).all(axis=0) | (steps <= 1e-4).all(axis=0)).all()


@pytest.mark.parametrize(("shape", "way"), [("concave", -1), ("convex", 1)])
def test_shapes_hold_over_the_whole_range(shape, way):
    for seed in range(8):
        head = made([0, 0], shape=shape, seed=seed)
        rises, widths = np.asarray(head.rises()), np.diff(head.knots)
        assert (rises > 0).all()
        np.testing.assert_allclose(rises.sum(axis=1), 1, rtol=1e-5)
        assert (way * np.diff(rises / widths, axis=1) >= -1e-6).all()


def test_knots_are_reached_exactly():
    head = made([0])
    features = np.asarray(head.calibrated(np.array([[0.0], [6.0], [99.0]], np.float32)))
    np.testing.assert_allclose(features[:, 0], [0, 1, 1], atol=1e-5)


def test_parts_are_shapley_values_shared_by_activation():
    head = made([0, 1, 0], tasks=1)
    hits = np.random.default_rng(2).uniform(0, 1, (1, 4, 3)).astype(np.float32)
    counts = hits[0].sum(axis=0)
    parts = np.asarray(head.parts(hits))[0, :, :, 0]
    total = np.zeros(3)
    orders = list(itertools.permutations(range(3)))
    for order in orders:
        there = np.zeros(3)
        for f in order:
            before = slow(head, there)[0]
            there[f] = counts[f]
            total[f] += slow(head, there)[0] - before
    np.testing.assert_allclose(parts.sum(axis=0), total / len(orders), atol=1e-4)
    np.testing.assert_allclose(parts / parts.sum(axis=0), hits[0] / counts, rtol=1e-3)


def test_the_network_is_monotone_in_the_count_of_a_motif():
    """More sites of GATA1 in one sequence never lower the logit where its sign is up, and never raise it if down."""
    from genolift.sequence.alphabet import one_hot

    for signs, way in (("up", 1), ("down", -1)):
        model = build("lattice", seed=4, length=120, tasks=3, signs=signs)
        head = model.get_layer("logits")
        random = np.random.default_rng(5)
        head.corners.assign(0.3 * random.normal(size=head.corners.shape))
        sites = [("ACAGATAAGG" + "CCCCC") * k + "CCCCC" * (24 - 3 * k) for k in range(8)]
        logits = reading_of(model).logits(one_hot(sites))
        assert (way * np.diff(logits, axis=0) >= -1e-4).all()
        assert np.abs(logits[-1] - logits[0]).max() > 0.1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"signs": [2]}, "with the signs -1, 0 or 1"),
        ({"signs": []}, "1 to 8 features"),
        ({"signs": [0], "shape": "wavy"}, "one of free, concave, convex"),
        ({"signs": [0], "knots": [0, 2, 1]}, "rise from 0 on"),
        ({"signs": [0], "knots": [1, 2]}, "rise from 0 on"),
    ],
)
def test_lattices_that_cannot_be(options, words):
    with pytest.raises(InputError, match=words):
        Lattice(1, **options)


def test_networks_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="signs='sideways' are not one of free, up, down"):
        build("lattice", signs="sideways")
    with pytest.raises(InputError, match="for all 2 motifs, or one for each"):
        build("lattice", signs="up,up,down")
    many = tmp_path / "many.jaspar"
    column = ["A [{} 1 1]", "C [1 {} 1]", "G [1 1 {}]", "T [1 1 1]"]
    many.write_text("".join(f">M{i}\n" + "\n".join(column).format(i + 2, i + 2, i + 2) + "\n" for i in range(9)))
    with pytest.raises(InputError, match="8 motifs at most, and there are 9"):
        build("lattice", motifs=many)


def test_the_direction_of_a_count_is_learnt_and_not_drawn():
    """All corners of a new lattice are alike, whatever the seed."""
    for seed in range(3):
        head = build("lattice", seed=seed, length=40, tasks=2).get_layer("logits")
        assert not np.asarray(head.corners).any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_are_learnt(seed):
    """The curves do not run to their ends while the corners are far from the mean of the labels."""
    from genolift.models.training import train
    from genolift.simulate.drawing.generate import simulate

    _, record = train("lattice", simulate("density", n=1500), seed=seed, epochs=6, progress=False)
    assert record["metrics"]["number"]["pearson"] > 0.9


def test_corners_that_are_the_wrong_way_round_meet_halfway():
    """So both go on learning, and neither end wins."""
    head = made([1], tasks=1)
    head.corners.assign([1.0, 0.0])
    np.testing.assert_allclose(np.asarray(head.values()).ravel(), [5.0, 5.0])
