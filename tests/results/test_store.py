"""The Zarr directory: nothing is lost."""

import os
import shutil
import warnings

import numpy as np
import pytest
import zarr
from stored import RNG, assert_same, dna, full

from genolift.results import arrays as coding
from genolift.results.explanation import Explanation
from genolift.results.regions import Region
from genolift.results.store import StoreWriter
from genolift.support.errors import FileProblem, InputError, Undefined


@pytest.mark.parametrize("targets", [(), (2,)])
def test_everything_comes_back_bit_for_bit(tmp_path, targets):
    e = full(
        targets=targets,
        names=[f"../../{i} é" for i in range(10)],
        regions=[("chr1", i, i + 8, "-") for i in range(10)],
        target=[("counts", 0), 3] if targets else ("counts", 0),
        method={"name": "deeplift", "steps": np.int64(3), "rule": {"dense": "rescale"}, "threshold": 0.5},
        undefined={"samples": "no"},
        provenance={"versions": {"genolift": "0"}},
    )
    e.save(tmp_path / "s.zarr")
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert_same(e, loaded)
    assert loaded.regions[3] == Region("chr1", 3, 11, "-")
    assert loaded.provenance["versions"] == {"genolift": "0"}
    assert isinstance(loaded.method["steps"], int)
    assert zarr.open_group(tmp_path / "s.zarr", mode="r")["inputs"].dtype == np.uint8


def test_names_and_regions_are_many_but_little(tmp_path):
    """A store of many sequences opens at once, and says of itself no more than one of few."""
    n = 20_000
    where = [(f"chr{i % 3}", i, i + 4, "+-."[i % 2]) for i in range(n)]
    e = Explanation({"inputs": dna(n, 4)}, names=[f"n {i}" for i in range(n)], regions=where)
    e.save(tmp_path / "s.zarr")
    assert (tmp_path / "s.zarr/zarr.json").stat().st_size < 2000
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert_same(e, loaded)
    assert loaded["n 19999"].regions == [Region("chr1", 19999, 20003, "-")]
    assert loaded[[5, 3]].regions == [where[5], where[3]]
    assert loaded[10:12].names == ["n 10", "n 11"]


def test_strange_names_and_many_strands(tmp_path):
    names = ["a\ud800", "", "\u2028 é", *map(str, range(297))]
    e = Explanation({"inputs": dna(300, 4)}, names=names, regions=[("1", 0, 4, f"s{i}") for i in range(300)])
    e.save(tmp_path / "s.zarr")
    assert_same(e, Explanation.load(tmp_path / "s.zarr"))


@pytest.mark.parametrize(
    "inputs",
    [
        RNG.normal(size=(4, 6, 4)).astype(np.float32),
        np.eye(4, dtype=np.int8)[RNG.integers(0, 4, (4, 6))],
        RNG.integers(0, 9, (4, 6)),
        RNG.normal(size=(4, 3, 2, 5)),
        np.float32(0.25) * np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (4, 6))],
    ],
)
def test_inputs_that_are_not_one_hot_are_kept_as_they_are(tmp_path, inputs):
    e = Explanation({"inputs": inputs, "raw_contributions": inputs * np.float32(2)})
    e.save(tmp_path / "s.zarr")
    assert_same(e, Explanation.load(tmp_path / "s.zarr"))


def test_codes_are_used_only_where_every_bit_comes_back():
    X = dna(3, 5)
    np.testing.assert_array_equal(coding.from_codes(coding.to_codes(X)), X)
    negative_zero = X.copy()
    negative_zero[0, 4][negative_zero[0, 4] == 0] = -0.0
    nan = X.copy()
    nan[1, 1] = np.nan
    two = X.copy()
    two[1, 1] = [1, 1, 0, 0]
    for other in (negative_zero, nan, two, X.astype(np.float64), X * np.float32(0.5)):
        assert coding.to_codes(other) is None


@pytest.mark.parametrize("form", ["dict", "list"])
def test_several_inputs_come_back_in_their_form(tmp_path, form):
    parts = [dna(4, 5), RNG.normal(size=(4, 2)).astype(np.float32)]

    def shaped(items):
        return dict(zip(["seq/../x", "b"], items, strict=True)) if form == "dict" else items

    raw = [RNG.normal(size=part.shape).astype(np.float32) for part in parts]
    e = Explanation({"inputs": shaped(parts), "raw_contributions": shaped(raw), "hypothetical": shaped([raw[0], None])})
    e.save(tmp_path / "s.zarr")
    assert_same(e, Explanation.load(tmp_path / "s.zarr"))
    assert sorted(os.listdir(tmp_path)) == ["s.zarr"]
    assert {"inputs.0", "inputs.1"} < set(os.listdir(tmp_path / "s.zarr"))


def test_subclasses_come_back_as_themselves(tmp_path):
    class Sampled(Explanation):
        FIELDS = Explanation.FIELDS | {"samples": "(N, R)"}

    Sampled({"inputs": dna(3, 4), "samples": np.ones((3, 2, 2))}).save(tmp_path / "s.zarr")
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert type(loaded) is Sampled
    assert loaded.samples.shape == (3, 2, 2)
    del Explanation._types["Sampled"]
    plain = Explanation.load(tmp_path / "s.zarr")
    np.testing.assert_array_equal(plain.samples, np.ones((3, 2, 2)))


def test_undefined_fields_stay_undefined(tmp_path):
    e = Explanation({"inputs": dna(3, 4), "scores": np.ones((3, 4))}, undefined={"hypothetical": "positions only"})
    e.save(tmp_path / "s.zarr")
    with pytest.raises(Undefined, match="positions only"):
        Explanation.load(tmp_path / "s.zarr").hypothetical  # noqa: B018


def test_mixed_lengths(tmp_path):
    e = Explanation.concatenate([full(4, 6), full(3, 11), full(5, 8)])
    e.save(tmp_path / "s.zarr")
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert_same(e, loaded)
    assert loaded.lengths.tolist() == [6] * 4 + [11] * 3 + [8] * 5
    assert_same(e[2], loaded[2])
    assert loaded[2].scores.shape == (1, 6)


def test_half_precision_only_when_asked_and_only_along_the_sequence(tmp_path):
    e = full()
    e.save(tmp_path / "s.zarr", dtype="float16")
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert loaded.raw_contributions.dtype == np.float32
    np.testing.assert_array_equal(loaded.raw_contributions, e.raw_contributions.astype(np.float16).astype(np.float32))
    for exact in ("inputs", "predictions", "residual", "reference_count"):
        np.testing.assert_array_equal(getattr(loaded, exact), getattr(e, exact))
    with pytest.raises(InputError, match="float16"):
        e.save(tmp_path / "t.zarr", dtype="int8")


def test_only_the_chunks_asked_for_are_read(tmp_path, monkeypatch):
    e = full(n=40)
    provenance = {"method": {}, "names": e.names}
    writer = StoreWriter(tmp_path / "s.zarr", provenance, 40, block=8)
    for k, (start, stop) in enumerate(writer.blocks):
        writer.write(k, e[start:stop])
    for chunk in (0, 3, 4):  # what is not there cannot be read
        shutil.rmtree(tmp_path / "s.zarr/raw_contributions/c" / str(chunk))
    loaded = Explanation.load(tmp_path / "s.zarr")
    part = loaded[8:24]
    np.testing.assert_array_equal(part.scores, e.scores[8:24])
    np.testing.assert_array_equal(part[3:5].raw_contributions, e.raw_contributions[11:13])
    np.testing.assert_array_equal(loaded[10].for_target().scores, e.scores[10:11])
    with pytest.raises(FileProblem, match="damaged: raw_contributions/c/3/0/0 is missing"):
        loaded.scores[23:25]
    np.testing.assert_array_equal(loaded.predictions, e.predictions)


def test_a_store_is_plain_zarr(tmp_path):
    e = full()
    e.save(tmp_path / "s.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(tmp_path / "s.zarr", mode="r")
        assert {"inputs", "raw_contributions", "blocks"} < {name for name, _ in group.members(max_depth=None)}
        np.testing.assert_array_equal(group["raw_contributions"][:], e.raw_contributions)
    assert group.metadata.zarr_format == 3
