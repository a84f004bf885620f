"""Stores among other files: nothing else is touched, every trouble is named."""

import json
import shutil

import numpy as np
import pytest
import zarr
from stored import assert_same, full

from genolift.results import layout as disk
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem, InputError


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
    fresh()
    full(names=[f"n{i}" for i in range(10)]).save(tmp_path / "other.zarr")
    shutil.rmtree(path / "sequences")
    shutil.copytree(tmp_path / "other.zarr/sequences", path / "sequences")
    with pytest.raises(FileProblem, match="sequences is damaged: this is not what was written"):
        Explanation.load(path)
    (path / "sequences/zarr.json").write_text("[]")
    with pytest.raises(FileProblem, match="damaged"):
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
