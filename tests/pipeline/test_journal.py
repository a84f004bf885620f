"""A table made in blocks: whole or not at all, and by one process at a time."""

import json
import os

import pytest

from genolift.pipeline.keeping.journal import Journal
from genolift.results import lock
from genolift.support.errors import FileProblem


def journal(path, force=False) -> Journal:
    return Journal(path, {"seed": 1}, {"numpy": "1"}, force)


def finished(one: Journal) -> None:
    one.write(1, ["c"])
    one.publish("column", {"rows": 3})


def test_blocks_of_several_sittings_make_one_table(tmp_path):
    path = tmp_path / "t.tsv"
    one = journal(path)
    one.begin()
    one.write(0, ["a", "b"])
    assert not path.exists()
    again = journal(path)
    again.begin()
    assert again.done() == {0}
    finished(again)
    assert path.read_text() == "column\na\nb\nc\n"
    assert json.loads((tmp_path / "t.tsv.json").read_text())["rows"] == 3
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["t.tsv", "t.tsv.json"]
    assert journal(path).is_complete


def test_two_processes_do_not_write_one_table(tmp_path):
    path = tmp_path / "t.tsv"
    one = journal(path)
    one.begin()
    one.write(0, ["a"])
    lock._held.pop((os.getpid(), one.work.resolve()))  # as if another process held it
    for force in (False, True):
        with pytest.raises(FileProblem, match=r"t\.tsv is being written by another process; wait"):
            journal(path, force).begin()
    finished(one)
    assert path.read_text() == "column\na\nc\n"


def test_force_starts_afresh(tmp_path):
    one = journal(tmp_path / "t.tsv")
    one.begin()
    one.write(0, ["old"])
    again = journal(tmp_path / "t.tsv", force=True)
    again.begin()
    assert again.done() == set()
