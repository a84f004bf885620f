"""The Zarr directory: nothing is lost, nothing else is touched, every trouble is named."""

import json
import os
import shutil
import warnings

import numpy as np
import pytest
import zarr

from genolift.results import coding
from genolift.results import layout as disk
from genolift.results.explanation import Explanation
from genolift.results.regions import Region
from genolift.results.store import StoreWriter, read_provenance, save
from genolift.support.errors import FileProblem, InputError, Undefined

RNG = np.random.default_rng(2)


def dna(n, length):
    X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (n, length))]
    X[0, :2] = 0.25
    X[-1, 3] = 0
    return X


def full(n=10, length=8, targets=(), **options):
    """An explanation with every kind of field."""
    normal = lambda *shape: RNG.normal(size=(n, *targets, *shape)).astype(np.float32)  # noqa: E731
    standard_error = normal(length)
    standard_error[0] = np.nan
    return Explanation(
        {
            "inputs": dna(n, length),
            "raw_contributions": normal(length, 4),
            "hypothetical": normal(length, 4),
            "multipliers": normal(length, 4),
            "predictions": normal(),
            "reference_predictions": normal(3),
            "residual": normal(3),
            "standard_error": standard_error,
            "reference_count": RNG.integers(1, 4, (n, *targets)),
        },
        **options,
    )


def assert_same(a, b):
    assert set(a.defined) == set(b.defined)
    for name in a.defined:
        one, two = getattr(a, name), getattr(b, name)
        forms = [one, two] if isinstance(one, dict | list) else [[one], [two]]
        pairs = [x.values() if isinstance(x, dict) else x for x in forms]
        assert type(one) is type(two) or not isinstance(one, dict | list)
        for x, y in zip(*pairs, strict=True):
            if x is None:
                assert y is None
                continue
            x, y = np.asarray(x), np.asarray(y)
            assert x.dtype == y.dtype
            assert np.ascontiguousarray(x).tobytes() == np.ascontiguousarray(y).tobytes()
    for name in ("names", "regions", "target", "method", "undefined"):
        assert getattr(a, name) == getattr(b, name)


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


# -- one's own and other people's directories ----------------------------------------------------------------


def test_saving_twice_needs_force(tmp_path):
    path = tmp_path / "s.zarr"
    full().save(path)
    other = full(n=3)
    with pytest.raises(FileProblem, match="holds a score store already"):
        other.save(path)
    other.save(path, force=True)
    assert_same(other, Explanation.load(path))


def test_force_deletes_nothing_but_a_store(tmp_path):
    foreign = tmp_path / "precious"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years")
    with pytest.raises(FileProblem, match="other contents"):
        full().save(foreign, force=True)
    group = tmp_path / "other.zarr"
    zarr.create_group(group).create_array("x", shape=3, dtype="f4")
    with pytest.raises(FileProblem, match="not a genolift score store"):
        full().save(group, force=True)
    mine = tmp_path / "s.zarr"
    full().save(mine)
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(FileProblem, match=r"besides a score store it holds notes\.txt"):
        full().save(mine, force=True)
    (mine / "notes.txt").unlink()
    (mine / "inputs" / "secret").mkdir()
    with pytest.raises(FileProblem, match="it holds inputs"):
        full().save(mine, force=True)
    link = tmp_path / "t.zarr"
    full().save(link)
    for place in (link / "elsewhere", link / "sequences" / "elsewhere"):
        place.symlink_to(foreign)
        with pytest.raises(FileProblem, match=place.relative_to(link).parts[0]):
            full().save(link, force=True)
        place.unlink()
    assert (foreign / "thesis.tex").read_text() == "years"


def test_a_file_in_the_way_and_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "s.zarr"):
        with pytest.raises(FileProblem):
            full().save(path)
    assert (tmp_path / "file").read_text() == "x"


def test_an_explanation_is_not_saved_over_what_it_is_read_from(tmp_path):
    path = tmp_path / "s.zarr"
    e = full()
    e.save(path)
    with pytest.raises(InputError, match="is read from"):
        Explanation.load(path)[2:5].save(path, force=True)
    assert_same(e, Explanation.load(path))
    Explanation.load(path)[2:5].save(tmp_path / "t.zarr")
    assert_same(e[2:5], Explanation.load(tmp_path / "t.zarr"))


def test_what_is_no_store_is_named(tmp_path):
    with pytest.raises(FileProblem, match="is not there"):
        Explanation.load(tmp_path / "nothing.zarr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileProblem, match="empty"):
        Explanation.load(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileProblem, match="is a file"):
        Explanation.load(tmp_path / "file")


def edit_header(path, **changes):
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"]["genolift"] |= changes
    (path / "zarr.json").write_text(json.dumps(root))


def test_damage_is_named(tmp_path):
    path = tmp_path / "s.zarr"
    e = full()

    def fresh():
        shutil.rmtree(path, ignore_errors=True)
        e.save(path)

    fresh()
    edit_header(path, format=99)
    with pytest.raises(FileProblem, match="format 99, and this genolift knows format 2"):
        Explanation.load(path)
    fresh()
    edit_header(path, n="ten")
    with pytest.raises(FileProblem, match="damaged"):
        Explanation.load(path)
    fresh()
    (path / "zarr.json").write_text("{")
    with pytest.raises(FileProblem, match="damaged"):
        Explanation.load(path)
    fresh()
    shutil.rmtree(path / "hypothetical")
    with pytest.raises(FileProblem, match="damaged"):
        Explanation.load(path)
    fresh()
    (path / disk.LAYOUT).write_text("[")
    with pytest.raises(FileProblem, match="damaged"):
        Explanation.load(path)
    for victim in ("zarr.json", "names/c/0", "name_ends/zarr.json"):
        fresh()
        (path / "sequences" / victim).unlink()
        with pytest.raises(FileProblem, match=r"s\.zarr.* is damaged"):
            Explanation.load(path)
    fresh()
    names = path / "sequences/names/c/0"
    names.write_bytes(names.read_bytes()[:-1] + b"x")
    with pytest.raises(FileProblem, match=r"damaged: sequences/names.*checksum"):
        Explanation.load(path)
    for harm in ("flip", "cut", "empty", "remove"):
        fresh()
        chunk = path / "predictions/c/0"
        content = bytearray(chunk.read_bytes())
        content[len(content) // 2] ^= 1
        if harm == "remove":
            chunk.unlink()
        else:
            chunk.write_bytes({"flip": content, "cut": content[:-3], "empty": b""}[harm])
        loaded = Explanation.load(path)
        with pytest.raises(FileProblem, match="damaged"):
            np.asarray(loaded.predictions)
        np.testing.assert_array_equal(loaded.scores, e.scores)


# -- block by block ------------------------------------------------------------------------------------------


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
        save(Explanation({"inputs": dna(2, 4), name: np.ones(2)}), tmp_path / "s.zarr")


def test_zeros_are_written_not_taken_for_missing(tmp_path):
    e = Explanation({"inputs": dna(4, 5), "raw_contributions": np.zeros((4, 5, 4), np.float32)})
    e.save(tmp_path / "s.zarr")
    assert_same(e, Explanation.load(tmp_path / "s.zarr"))
