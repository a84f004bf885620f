"""The one result type: fields, their meaning, sequences, targets, mixed lengths."""

import copy
import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from genolift.results.explanation import Explanation
from genolift.results.regions import Region
from genolift.support.errors import InputError, Undefined

RNG = np.random.default_rng(1)


def dna(n=5, length=12):
    return np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (n, length))]


def make(n=5, length=12, targets=None, **options):
    X = dna(n, length)
    t = () if targets is None else (targets,)
    fields = {
        "inputs": X,
        "raw_contributions": RNG.normal(size=(n, *t, length, 4)).astype(np.float32),
        "hypothetical": RNG.normal(size=(n, *t, length, 4)).astype(np.float32),
        "predictions": RNG.normal(size=(n, *t)).astype(np.float32),
        "residual": RNG.normal(size=(n, *t, 3)).astype(np.float32),
        "standard_error": RNG.random(size=(n, *t, length)).astype(np.float32),
    }
    return Explanation(fields, target=0 if targets is None else list(range(targets)), **options)


def test_scores_and_contributions_follow_from_what_is_stored():
    e = make()
    np.testing.assert_array_equal(e.scores, e.raw_contributions.sum(-1))
    np.testing.assert_array_equal(e.contributions, e.inputs * e.hypothetical)
    assert e.scores.shape == (5, 12)


def test_a_list_of_targets_is_an_axis_after_n():
    e = make(targets=3)
    assert e.scores.shape == (5, 3, 12)
    assert e.contributions.shape == (5, 3, 12, 4)
    for t in range(3):
        one = e.for_target(t)
        np.testing.assert_array_equal(one.contributions, e.inputs * e.hypothetical[:, t])
        np.testing.assert_array_equal(one.scores, e.scores[:, t])
        assert one.residual.shape == (5, 3)
        assert one.inputs.shape == (5, 12, 4)
        assert one.target == t


def test_a_target_is_found_by_what_was_asked_for_or_its_text_not_by_place():
    e = make(targets=2)
    e.target = [("counts", 0), 7]
    np.testing.assert_array_equal(e.for_target("7").scores, e.scores[:, 1])
    np.testing.assert_array_equal(e.for_target(("counts", 0)).scores, e.scores[:, 0])
    with pytest.raises(InputError, match=r"among those explained: \('counts', 0\), 7"):
        e.for_target(1)
    with pytest.raises(InputError):
        e.for_target()


def test_the_only_target_need_not_be_named():
    e = make(targets=1)
    assert e.for_target().scores.shape == (5, 12)
    single = make()
    assert single.for_target() is single
    assert single.for_target("0") is single
    with pytest.raises(InputError, match="only, not 4"):
        single.for_target(4)


def test_inputs_that_are_not_dna_keep_their_shape():
    X = RNG.normal(size=(4, 7)).astype(np.float32)
    e = Explanation({"inputs": X, "raw_contributions": 2 * X})
    np.testing.assert_array_equal(e.scores, 2 * X)


def test_position_level_methods_have_scores_and_say_why_nothing_else():
    e = Explanation(
        {"inputs": dna(), "scores": np.ones((5, 12))},
        undefined={"hypothetical": "occlusion scores positions, not bases"},
        method={"name": "occlusion"},
    )
    assert e.scores.shape == (5, 12)
    with pytest.raises(Undefined, match="occlusion scores positions"):
        e.hypothetical  # noqa: B018
    with pytest.raises(Undefined, match="follows from hypothetical, and occlusion scores positions"):
        e.contributions  # noqa: B018
    with pytest.raises(Undefined, match="method occlusion"):
        e.multipliers  # noqa: B018
    with pytest.raises(AttributeError, match="no field 'nonsense'; this one has inputs, scores"):
        e.nonsense  # noqa: B018
    assert not hasattr(e, "residual")


@pytest.mark.parametrize("form", ["dict", "list"])
def test_several_inputs_keep_their_form(form):
    parts = [dna(), RNG.normal(size=(5, 2)).astype(np.float32)]
    raw = [RNG.normal(size=part.shape).astype(np.float32) for part in parts]
    hypothetical = [RNG.normal(size=parts[0].shape), None]

    def shaped(items):
        return dict(zip("ab", items, strict=True)) if form == "dict" else items

    e = Explanation({"inputs": shaped(parts), "raw_contributions": shaped(raw), "hypothetical": shaped(hypothetical)})
    first, second = ("a", "b") if form == "dict" else (0, 1)
    np.testing.assert_array_equal(e.scores[first], raw[0].sum(-1))
    np.testing.assert_array_equal(e.scores[second], raw[1])
    assert e.contributions[second] is None
    assert len(e) == 5
    assert type(e[1:3].scores) is type(e.inputs)
    np.testing.assert_array_equal(e[1:3].scores[second], raw[1][1:3])


def test_slices_masks_numbers_and_names():
    e = make(names=list("vwxyz"), regions=[("chr1", i, i + 12, "-") for i in range(5)])
    part = e[1:4]
    assert part.names == ["w", "x", "y"]
    assert part.regions[0] == Region("chr1", 1, 13, "-")
    np.testing.assert_array_equal(part.scores, e.scores[1:4])
    np.testing.assert_array_equal(e[[3, 0]].predictions, e.predictions[[3, 0]])
    np.testing.assert_array_equal(e[e.predictions > 0].names, np.array(e.names)[e.predictions > 0])
    assert len(e[[]]) == 0
    assert len(e[2]) == 1
    assert e[-1].names == ["z"]
    np.testing.assert_array_equal(e["x"].scores, e.scores[2:3])
    assert [one.names[0] for one in e] == e.names
    with pytest.raises(IndexError):
        e[5]
    with pytest.raises(InputError, match="no sequence is called 'q'; names begin v, w"):
        e["q"]
    with pytest.raises(InputError, match="indexed by sequence alone"):
        e[0, 1]


def test_regions_come_from_an_object_of_columns():
    class Columns:
        chroms, starts, ends, strands = ["chr1", "chr2"], np.array([3, 5]), np.array([9, 11]), "+-"

    e = make(n=2, regions=Columns())
    assert e.regions == [Region("chr1", 3, 9, "+"), Region("chr2", 5, 11, "-")]


@pytest.mark.parametrize("targets", [None, 2])
def test_mixed_lengths_are_padded_together_and_cut_apart(targets):
    parts = [make(2, 9, targets), make(1, 12, targets), make(2, 5, targets)]
    e = Explanation.concatenate(parts)
    assert e.lengths.tolist() == [9, 9, 12, 5, 5]
    assert e.inputs.shape == (5, 12, 4)
    assert not e.inputs[3:, 5:].any()
    assert not e.scores[3:, ..., 5:].any()
    for i, (part, row) in enumerate([(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]):
        for name in e.defined:
            np.testing.assert_array_equal(getattr(e[i], name), getattr(parts[part], name)[row : row + 1])
    reordered = e[[4, 2, 0]]
    assert reordered.lengths.tolist() == [5, 12, 9]
    assert reordered[0].inputs.shape == (1, 5, 4)


def test_concatenating_equal_lengths_sets_no_lengths_and_refuses_different_fields():
    assert Explanation.concatenate([make(), make()]).lengths is None
    with pytest.raises(InputError, match="different fields"):
        Explanation.concatenate([make(), Explanation({"inputs": dna()})])
    with pytest.raises(InputError, match="nothing to concatenate"):
        Explanation.concatenate([])


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ({"scores": np.ones(3)}, {}, "needs the field 'inputs'"),
        ({"inputs": np.ones((3, 2)), "predictions": np.ones(4)}, {}, r"'predictions' has shape \(4,\)"),
        ({"inputs": np.ones((3, 2)), "predictions": np.float32(1)}, {}, r"'predictions' has shape \(\)"),
        ({"inputs": np.ones((3, 2))}, {"names": ["a"]}, "1 names were given for 3"),
        ({"inputs": np.ones((3, 2))}, {"lengths": [1, 2]}, "2 lengths"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields, options, message):
    with pytest.raises(InputError, match=message):
        Explanation(fields, **options)


def test_subclasses_add_fields():
    class Subsets(Explanation):
        FIELDS = Explanation.FIELDS | {"kept": "per position"}

    e = Subsets({"inputs": dna(), "kept": np.ones((5, 12), bool)}, lengths=[12, 3, 4, 5, 6])
    assert type(e[1:2]) is Subsets
    assert e[1].kept.shape == (1, 3)


def test_copies_and_pickles():
    e = make()
    for twin in (copy.copy(e), copy.deepcopy(e), pickle.loads(pickle.dumps(e))):  # noqa: S301
        np.testing.assert_array_equal(twin.scores, e.scores)


def test_repr_and_dir_name_the_fields():
    e = make(method={"name": "deeplift"})
    assert repr(e).startswith("<Explanation of 5 sequences by deeplift: inputs, scores,")
    assert "contributions" in dir(e)


def test_names_and_regions_are_lists_whatever_holds_them(tmp_path):
    rows = [("chr1", 0, 4, "+"), ("chr2", 5, 9, "-")]
    Explanation({"inputs": np.zeros((2, 4, 4))}, names=["a", "b"], regions=rows).save(tmp_path / "s.zarr")
    loaded = Explanation.load(tmp_path / "s.zarr")
    for e in (loaded, loaded[:2], loaded.in_memory()):
        assert isinstance(e.names, list)
        assert isinstance(e.regions, list)
        assert [*e.names.copy(), "x"] == ["a", "b", "x"]
        assert json.loads(json.dumps(e.regions)) == [list(row) for row in rows]
    loaded.regions = [("chr3", 1, 5, "+")] * 2
    assert loaded[1].regions == [("chr3", 1, 5, "+")]


def test_regions_as_columns_or_an_error_that_says_how():
    columns = {"chroms": [1, "X"], "starts": np.array([1, 2]), "ends": [5, 6], "strands": ["+", "-"]}
    for given in (columns, SimpleNamespace(**columns)):
        e = Explanation({"inputs": np.zeros((2, 4, 4))}, regions=given)
        assert e.regions == [("1", 1, 5, "+"), ("X", 2, 6, "-")]
    for wrong in (["chr1:0-8"] * 2, [{"chrom": "chr1"}] * 2, [("chr1", float("nan"), 3)] * 2, {"chroms": ["a", "b"]}):
        with pytest.raises(InputError, match=r"regions are rows \(chrom, start, end\)"):
            Explanation({"inputs": np.zeros((2, 4, 4))}, regions=wrong)
    for lengths in ([-1, 4], [[4], [4]]):
        with pytest.raises(InputError, match="lengths are a number for each"):
            Explanation({"inputs": np.zeros((2, 4, 4))}, lengths=lengths)
