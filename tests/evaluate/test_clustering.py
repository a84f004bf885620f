"""Windows laid on each other, clusters of them, and the members that patterns gather."""

import numpy as np
import pytest
from planted_scores import GATA, TAL, matrix, planted

from genolift.evaluate.discovery.alignment import Windows, align
from genolift.evaluate.discovery.clustering import Model, Shape, cluster_windows
from genolift.evaluate.discovery.members import Gathering, cut_windows
from genolift.evaluate.discovery.seqlets import ScoredStretches
from genolift.sequence.alphabet import one_hot

SHAPE = Shape()


def random_windows(rng, n, width, hypothetical=True):
    bases = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (n, width))]
    beside = rng.normal(size=(n, width, 4)).astype(np.float32)
    return Windows(bases * beside, beside if hypothetical else None, bases)


def cosine(a, b):
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    return a @ b / np.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else 0.0


@pytest.mark.parametrize("hypothetical", [True, False])
@pytest.mark.parametrize("scale", [1, 1e-30, 1e30])
def test_alignment_is_the_best_of_all_places(hypothetical, scale):
    """A slow twin: every query on every part of every window, on either strand, one after the other."""
    rng = np.random.default_rng(1)
    windows = random_windows(rng, 5, 14, hypothetical)
    queries = [track[:4, 3:9].copy() for track in windows.tracks]
    queries[0][3] = 0
    found = align(queries, Windows(*(None if c is None else (c * np.float32(scale)) for c in windows)))
    for q in range(4):
        for k in range(5):
            best = -np.inf, 0, False
            for turned in (False, True):
                for start in range(14 - 6 + 1):
                    parts = [track[k, start : start + 6] for track in windows.tracks]
                    parts = [part[::-1, ::-1] if turned else part for part in parts]
                    likeness = np.mean([cosine(query[q], part) for query, part in zip(queries, parts, strict=True)])
                    if likeness > best[0] + 1e-9:
                        best = likeness, start, turned
            assert found.similarity[q, k] == pytest.approx(best[0], abs=2e-6)
            assert (found.start[q, k], found.turned[q, k]) == best[1:]
    assert found.similarity[0, 0] == pytest.approx(1, abs=1e-6)
    assert found.start[0, 0] == 3


def test_parts_of_windows_and_what_lies_beyond():
    rng = np.random.default_rng(2)
    windows = random_windows(rng, 3, 8)
    parts = windows.cut(np.array([2, -1, 5]), 5, np.array([False, True, False]))
    np.testing.assert_array_equal(parts.bases[0], windows.bases[0, 2:7])
    np.testing.assert_array_equal(parts.contributions[1][:4], windows.contributions[1, :4][::-1, ::-1])
    assert not parts.hypothetical[1][4].any()
    np.testing.assert_array_equal(parts.bases[2][:3], windows.bases[2, 5:])
    assert not parts.bases[2][3:].any()


def windows_of(explanation, places, sign=1):
    stretches = [np.array(column) for column in zip(*[(i, a, b) for i, _, a, b, _ in places], strict=True)]
    seqlets = ScoredStretches(*stretches, np.full(len(places), float(sign)))
    hypothetical = explanation.hypothetical if "hypothetical" in explanation.defined else None
    return seqlets, *cut_windows(seqlets, 0, explanation.scores, explanation.inputs, hypothetical, SHAPE)


@pytest.mark.parametrize("hypothetical", [True, False])
def test_both_motifs_are_recovered_and_no_third(hypothetical):
    """Both hold CAGAT or AGAT, so that they are not told apart by a few bases; windows lie on either strand."""
    motifs = [(matrix(GATA), 0.4), (matrix(TAL), 0.4)]
    explanation, places = planted(400, 120, motifs, hypothetical=hypothetical)
    _, windows, _ = windows_of(explanation, places)
    model = cluster_windows(windows.speaking(1), SHAPE)
    assert len(model) == 2
    label, at = model.assign(windows.speaking(1))
    truth = np.array([k for _, k, *_ in places])
    for pattern in range(2):
        own = label == pattern
        (kind,) = np.unique(truth[own])
        placed = SHAPE.placed(windows.where(own), at.start[own], at.turned[own])
        frequencies, known = placed.bases.mean(0), motifs[kind][0]
        best = max(
            np.corrcoef(frequencies[s : s + len(known)].ravel(), turned.ravel())[0, 1]
            for turned in (known, known[::-1, ::-1])
            for s in range(SHAPE.pattern - len(known) + 1)
        )
        assert best > 0.95
    assert (label >= 0).mean() > 0.98


def test_a_motif_beside_the_middle_of_its_seqlets_is_one_pattern():
    """Flanks that matter a little more at one end must not keep two halves of the windows from being laid on each other."""
    rng = np.random.default_rng(8)
    windows = random_windows(rng, 400, SHAPE.window)
    bases, height = windows.bases.copy(), np.full((400, SHAPE.window, 1), 0.01, np.float32)
    first = SHAPE.window // 2 - 3 + np.repeat([-6, 6], 200)
    for row, start in enumerate(first):
        bases[row, start : start + 6] = np.eye(4)[[2, 0, 3, 0, 0, 2]]
        height[row, start : start + 6] = rng.uniform(0.2, 0.4, (6, 1))
        ends = slice(0, start - 8) if start < SHAPE.window // 2 - 3 else slice(start + 14, None)
        height[row, ends] = 0.08
    alone = Windows(bases * height, None, bases)
    model = cluster_windows(alone.speaking(1), SHAPE)
    assert len(model) == 1
    assert (model.assign(alone.speaking(1))[0] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_chance_makes_no_pattern(seed):
    """Stretches of high scores at random bases are alike only as far as chance makes them."""
    rng = np.random.default_rng(seed)
    windows = random_windows(rng, 300, SHAPE.window)
    height = rng.laplace(scale=0.05, size=(300, SHAPE.window, 1)).astype(np.float32)
    height[:, 27:33] += rng.uniform(0.3, 1, (300, 6, 1)).astype(np.float32)
    alone = Windows(windows.bases * height, None, windows.bases)
    assert len(cluster_windows(alone.speaking(1), SHAPE)) == 0
    beside = windows.bases * height + rng.laplace(scale=0.05, size=(300, SHAPE.window, 4)).astype(np.float32)
    assert len(cluster_windows(Windows(windows.bases * height, beside, windows.bases).speaking(1), SHAPE)) == 0


def test_strands_and_order_do_not_matter():
    explanation, places = planted(120, 100, [(matrix(GATA), 0.4), (matrix(TAL), 0.4)], both_strands=False)
    _, windows, _ = windows_of(explanation, places)
    rng = np.random.default_rng(3)
    order, turned = rng.permutation(len(windows)), rng.random(len(windows)) < 0.5
    other = windows.where(order).cut(np.zeros(len(windows), int), SHAPE.window, turned)
    one, two = (some.speaking(1) for some in (windows, other))
    label, again = (cluster_windows(some, SHAPE).assign(some)[0] for some in (one, two))
    same = label[order]
    assert {(a, b) for a, b in zip(same.tolist(), again.tolist(), strict=True)} in (
        {(0, 0), (1, 1)},
        {(0, 1), (1, 0)},
    )


def test_few_windows_or_none():
    rng = np.random.default_rng(5)
    for n in (0, 1, 3):
        assert len(cluster_windows(random_windows(rng, n, SHAPE.window), SHAPE)) == 0


def test_a_weak_window_beside_a_strong_one_of_the_other_sign_is_compared_by_itself():
    x = np.ones((1, 4, 4), np.float32)
    contributions = np.zeros((1, 4, 4), np.float32)
    contributions[0, :, 0] = [-1, -2, 9, 9]
    speaking = Windows(contributions, 3 * x, x).speaking(-1)
    assert speaking.contributions[0, :, 0].tolist() == [-1, -2, 0, 0]
    assert not speaking.hypothetical.any()  # What all four bases have in common is taken away.


def gathered(explanation, places, model, blocks):
    gathering = Gathering(model, 1)
    seqlets, windows, start = windows_of(explanation, places)
    for first, last in blocks:
        own = np.flatnonzero((seqlets.sequence >= first) & (seqlets.sequence < last))
        gathering.add(seqlets.where(own), windows.where(own), start[own])
    return gathering.patterns(2)


def test_means_of_members_are_those_of_what_lies_there():
    """Closed form: the matrix of a pattern is the mean of the contributions at the places of its members."""
    explanation, places = planted(90, 110, [(matrix(GATA), 0.4)])
    _, windows, _ = windows_of(explanation, places)
    model = cluster_windows(windows.speaking(1), SHAPE).trimmed(windows.speaking(1), windows)
    assert (model.kept[:, 1] - model.kept[:, 0]).tolist() == [8]  # The first base of GATA contributes nothing.
    (one,) = gathered(explanation, places, model, [(0, 90)])
    contributions = np.pad(explanation.contributions, ((0, 0), (60, 60), (0, 0))).astype(float)
    total = np.zeros((one.kept.stop - one.kept.start, 4))
    for i, start, end, turned in zip(
        one.members.sequence, one.members.start, one.members.end, one.members.turned, strict=True
    ):
        part = contributions[i, start + 60 : end + 60]
        total += part[::-1, ::-1] if turned else part
    np.testing.assert_allclose(one.trimmed.cwm, total / len(one.members), atol=1e-6)
    assert one.members.importance.mean() == pytest.approx(one.trimmed.cwm.sum(), rel=1e-6)
    for blocks in ([(0, 40), (40, 90)], [(i, i + 1) for i in range(90)]):
        (again,) = gathered(explanation, places, model, blocks)
        np.testing.assert_allclose(again.contributions, one.contributions, atol=1e-9)
        np.testing.assert_array_equal(again.members.start, one.members.start)


def test_two_seqlets_of_one_motif_are_one_member():
    explanation, places = planted(60, 110, [(matrix(GATA), 0.4)])
    _, windows, _ = windows_of(explanation, places)
    model = cluster_windows(windows.speaking(1), SHAPE).trimmed(windows.speaking(1), windows)
    halves = [part for i, k, a, b, t in places for part in ((i, k, a, a + 5, t), (i, k, a + 5, b, t))]
    (once,), (twice,) = gathered(explanation, places, model, [(0, 60)]), gathered(explanation, halves, model, [(0, 60)])
    assert len(once.members) == len(twice.members) == 60


def test_the_middle_of_a_seqlet_is_that_of_its_importance():
    scores = np.zeros((1, 30), np.float32)
    scores[0, 10:15] = [0.1, 0, 0, 0, 1]
    seqlets = ScoredStretches(np.array([0]), np.array([10]), np.array([15]), np.array([1.1]))
    x = one_hot(["A" * 30])
    windows, start = cut_windows(seqlets, 0, scores, x, None, SHAPE)
    assert start.tolist() == [13 - SHAPE.window // 2]
    assert windows.contributions[0].sum() == pytest.approx(1.1)
    assert windows.bases[0].sum() == 30


def test_a_window_that_is_like_no_pattern_has_none():
    track = np.zeros((1, SHAPE.pattern, 4), np.float32)
    track[0, 15:22, 0] = 1
    model = Model([track], np.array([0.6]), SHAPE)
    windows = np.zeros((2, SHAPE.window, 4), np.float32)
    windows[0, 30:37, 0] = 1
    windows[1, 30:37, 1] = 1
    label, at = model.assign(Windows(windows, None, windows))
    assert label.tolist() == [0, -1]
    assert at.start[0] == 15  # Its middle begins 10 positions into the window.
    assert not at.turned[0]
