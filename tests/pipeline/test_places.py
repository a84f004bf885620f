"""Whose directory is it, and may it be written?"""

import json
import os

import pytest

from genolift.pipeline.keeping.folder import RUN, WORK, Folder
from genolift.pipeline.keeping.places import check_writable
from genolift.results import lock
from genolift.support.errors import FileProblem, InputError


def publish(folder, text="result"):
    folder.begin()
    (folder.work / "a.txt").write_text(text)
    folder.record(["a.txt"], {"seconds": 1})
    folder.publish()
    folder.clear()


def test_a_result_is_published_and_recognised(tmp_path):
    out = tmp_path / "deep" / "out"
    folder = Folder(out, {"seed": 1}, {"numpy": "1"})
    assert not folder.is_complete
    assert not folder.begin()
    publish(folder)
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", RUN]
    record = json.loads((out / RUN).read_text())
    assert record == {"seconds": 1, "request": {"seed": 1}, "versions": {"numpy": "1"}, "files": ["a.txt"]}
    assert Folder(out, {"seed": 1}, {"numpy": "2"}).is_complete  # a finished result may be of other versions


def test_nothing_is_written_before_it_begins(tmp_path):
    Folder(tmp_path / "out", {"seed": 1}, {})
    assert not list(tmp_path.iterdir())


def test_work_in_progress_is_continued_by_the_same_request_and_versions_only(tmp_path):
    Folder(tmp_path, {"seed": 1}, {"numpy": "1"}).begin()
    assert Folder(tmp_path, {"seed": 1}, {"numpy": "1"}).begin()
    with pytest.raises(InputError, match="seed is 1 there and 2 here"):
        Folder(tmp_path, {"seed": 2}, {"numpy": "1"})
    with pytest.raises(InputError, match="numpy is '1' there and '2' here"):
        Folder(tmp_path, {"seed": 1}, {"numpy": "2"})


def test_two_processes_do_not_make_one_result(tmp_path):
    one = Folder(tmp_path / "out", {"seed": 1}, {})
    one.begin()
    lock._held.pop((os.getpid(), one.work.resolve()))  # as if another process held it
    for force in (False, True):
        with pytest.raises(FileProblem, match=r"out is being written by another process; wait"):
            Folder(tmp_path / "out", {"seed": 1}, {}, force).begin()
    one.record([], {})
    one.publish()
    one.clear()
    assert Folder(tmp_path / "out", {"seed": 1}, {}).is_complete


def test_a_process_killed_before_its_request_was_written_leaves_no_trace(tmp_path):
    (tmp_path / WORK).mkdir()
    assert not Folder(tmp_path, {"seed": 1}, {}).begin()


def test_force_removes_what_is_ours_and_nothing_else(tmp_path):
    publish(Folder(tmp_path, {"seed": 1}, {}))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError):
        Folder(tmp_path, {"seed": 2}, {})
    assert not Folder(tmp_path, {"seed": 2}, {}, force=True).is_complete
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_force_never_leaves_the_directory(tmp_path):
    (tmp_path / "precious").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / RUN).write_text(json.dumps({"request": {"seed": 1}, "files": ["../precious"]}))
    Folder(out, {"seed": 1}, {}, force=True)
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("content", ["[1]", "{", '{"my": "own"}'])
def test_another_programs_run_json_is_respected(content, tmp_path):
    (tmp_path / RUN).write_text(content)
    for force in (False, True):
        with pytest.raises(FileProblem):
            Folder(tmp_path, {"seed": 1}, {}, force=force)
    assert (tmp_path / RUN).read_text() == content


def test_a_result_that_lost_a_file_says_so(tmp_path):
    publish(Folder(tmp_path, {"seed": 1}, {}))
    (tmp_path / "a.txt").unlink()
    with pytest.raises(FileProblem, match=r"lacks a\.txt"):
        Folder(tmp_path, {"seed": 1}, {})


def test_paths_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileProblem, match="is a file"):
        Folder(tmp_path / "file", {}, {})
    with pytest.raises(FileProblem, match="is not a directory"):
        check_writable(tmp_path / "file" / "out")
    check_writable(tmp_path / "new" / "out")
