"""Stores that are written block by block, in any order, over several sittings."""

import numpy as np
import pytest
from stored import assert_same, dna, full

from genolift.results.explanation import Explanation
from genolift.results.reading import read_provenance
from genolift.results.store import StoreWriter
from genolift.support.errors import FileProblem, InputError


def provenance(e, **changes):
    return {"method": {"name": "deeplift", "rule": "rescale"}, "target": 0, "names": e.names} | changes


def test_blocks_in_any_order_over_several_sittings(tmp_path):
    e, path = full(n=23, method={"name": "deeplift", "rule": "rescale"}, target=0), tmp_path / "s.zarr"
    writer = StoreWriter(path, provenance(e), 23, block=5, one_hot=True)
    assert writer.blocks == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)]
    for k in (3, 0):
        writer.write(k, e[slice(*writer.blocks[k])])
    with pytest.raises(FileProblem, match="incomplete: 10 of 23 sequences are done; run the same command again"):
        Explanation.load(path)
    again = StoreWriter(path, provenance(e), 23, block=7, one_hot=True)  # another memory budget
    assert again.blocks == writer.blocks
    assert again.done_blocks == {0, 3}
    assert not again.is_complete
    for k in {1, 2, 4}:
        again.write(k, e[slice(*again.blocks[k])])
    assert again.is_complete
    assert_same(e, Explanation.load(path))
    assert read_provenance(path)["done"] == 23
    assert StoreWriter(path, provenance(e), 23, one_hot=True).is_complete


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": 1}, "target is 0 there and 1 here"),
        (
            {"method": {"name": "deeplift", "rule": "genomics"}},
            r"method\.rule is 'rescale' there and 'genomics'",
        ),
        ({"names": [*"abcdefghij"]}, r"names\[0\] is '0' there and 'a' here"),
        ({"names": [str(i) for i in range(9)]}, "names has 10 entries there and 9 here"),
        ({"regions": [("chr1", 1, 9)] * 10}, "regions is None there and "),
        ({"lengths": [8] * 10}, "lengths is None there and "),
        ({"model": "abc"}, "model is None there and 'abc' here"),
        ({"target": (0,)}, r"target is 0 there and \(0,\) here"),
    ],
)
def test_another_result_is_refused_by_its_first_difference(tmp_path, changes, message):
    e, path = full(), tmp_path / "s.zarr"
    StoreWriter(path, provenance(e), 10).write(0, e)
    with pytest.raises(InputError, match=message):
        StoreWriter(path, provenance(e) | changes, 10)
    assert StoreWriter(path, provenance(e) | changes, 10, force=True).done_blocks == set()


def test_versions_matter_until_the_result_is_complete(tmp_path):
    e, path = full(), tmp_path / "s.zarr"
    old, new = (provenance(e, versions={"tensorflow": v}) for v in ("2.20", "2.21"))
    writer = StoreWriter(path, old, 10)
    with pytest.raises(InputError, match=r"versions\.tensorflow is '2\.20' there and '2\.21' here"):
        StoreWriter(path, new, 10)
    writer.write(0, e)
    assert StoreWriter(path, new, 10).is_complete


def test_blocks_must_fit(tmp_path):
    e = full(n=6)
    writer = StoreWriter(tmp_path / "s.zarr", provenance(e), 6, block=3, one_hot=True)
    with pytest.raises(InputError, match="block 0 holds 3 sequences, not 2"):
        writer.write(0, e[:2])
    writer.write(0, e[:3])
    with pytest.raises(InputError, match="differs from those stored"):
        writer.write(1, Explanation({"inputs": e.inputs[3:], "scores": np.ones((3, 8))}))
    fields = dict(e[3:]._fields)
    fields["predictions"] = fields["predictions"].astype(np.float64)
    with pytest.raises(InputError, match=r"arrays\.predictions\[0\] is 'float32' there and 'float64' here"):
        writer.write(1, Explanation(fields))
    fields["inputs"] = fields["inputs"] * np.float32(0.5)
    with pytest.raises(InputError, match="neither one-hot nor a neutral encoding"):
        writer.write(1, Explanation(fields))
    assert writer.done_blocks == {0}
    with pytest.raises(InputError, match="at least one sequence"):
        StoreWriter(tmp_path / "t.zarr", {}, 0)


def test_blocks_of_mixed_lengths_are_padded_to_the_longest_of_all(tmp_path):
    parts = [full(2, 6), full(2, 9), full(2, 7)]
    lengths = [6, 6, 9, 9, 7, 7]
    writer = StoreWriter(tmp_path / "s.zarr", {"method": {}, "lengths": lengths}, 6, block=2, one_hot=True)
    for k, part in enumerate(parts):
        writer.write(k, part)
    loaded = Explanation.load(tmp_path / "s.zarr")
    assert loaded.inputs.shape == (6, 9, 4)
    np.testing.assert_array_equal(loaded[5].scores, parts[2].scores[1:])
    with pytest.raises(InputError, match="12 long, but the longest sequence 9"):
        writer.write(1, full(2, 12))


@pytest.mark.parametrize("name", ["blocks", "sequences"])
def test_a_field_cannot_take_the_name_of_what_is_the_stores_own(tmp_path, name):
    with pytest.raises(InputError, match=f"cannot be called '{name}'"):
        Explanation({"inputs": dna(2, 4), name: np.ones(2)}).save(tmp_path / "s.zarr")


def test_zeros_are_written_not_taken_for_missing(tmp_path):
    e = Explanation({"inputs": dna(4, 5), "raw_contributions": np.zeros((4, 5, 4), np.float32)})
    e.save(tmp_path / "s.zarr")
    assert_same(e, Explanation.load(tmp_path / "s.zarr"))
