"""Files appear whole or not at all, and what a kill leaves beside them is removed by whoever comes next."""

import os
import signal
import subprocess
import sys
import time

import pytest

from genolift.export.outputs import outputs
from genolift.support.errors import FileProblem

PROGRAM = """
import sys
import time
from pathlib import Path
from genolift.export.outputs import outputs

with outputs([Path(sys.argv[1])]) as (part,):
    part.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writing(tmp_path):
    """A process in the middle of writing ``a.tsv``."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "a.tsv")], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def export(path):
    with outputs([path], force=True) as (part,):
        part.write_text("whole")


def age(folder, seconds):
    for entry in folder.glob(".genolift-*"):
        os.utime(entry, (time.time() - seconds, time.time() - seconds))


def test_what_a_kill_leaves_is_removed_by_the_next_but_nothing_else(writing, tmp_path):
    other = tmp_path / ".genolift-work"  # of a benchmark
    other.mkdir()
    (part,) = tmp_path.glob(".genolift-part-*")
    age(tmp_path, 3600)
    export(tmp_path / "b.tsv")
    assert part.exists()  # its process is alive
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    age(tmp_path, 5)
    export(tmp_path / "b.tsv")
    assert part.exists()  # so young that it might not be locked yet
    age(tmp_path, 3600)
    (tmp_path / ".genolift-part-link").symlink_to(other)
    export(tmp_path / "b.tsv")
    assert {path.name for path in tmp_path.iterdir()} == {".genolift-part-link", ".genolift-work", "b.tsv"}
    assert (tmp_path / "b.tsv").read_text() == "whole"


def test_a_folder_that_was_never_locked_counts_only_if_it_is_empty(tmp_path):
    empty, full = tmp_path / ".genolift-part-a", tmp_path / ".genolift-part-b"
    for folder in (empty, full):
        folder.mkdir()
    (full / "0.tsv").write_text("where there are no locks")
    age(tmp_path, 3600)
    export(tmp_path / "b.tsv")
    assert not empty.exists()
    assert full.exists()


def fail_to_write(paths, problem):
    with outputs(paths) as parts:
        parts[0].write_text("half")
        raise problem


def test_nothing_is_left_of_what_fails_and_none_of_several_is_moved(tmp_path):
    with pytest.raises(RuntimeError):
        fail_to_write([tmp_path / "a", tmp_path / "b"], RuntimeError())
    with pytest.raises(FileProblem, match="is a directory"):
        fail_to_write([tmp_path], None)
    with pytest.raises(FileProblem, match="cannot be written: No space"):
        fail_to_write([tmp_path / "a"], OSError(28, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_of_several_files_the_one_that_cannot_be_replaced_is_named(tmp_path):
    def replaced():
        with outputs([tmp_path / "a", tmp_path / "b"]) as parts:
            for part in parts:
                part.write_text("whole")
            (tmp_path / "b").mkdir()

    with pytest.raises(FileProblem, match=r"/b cannot be written: Is a directory"):
        replaced()


def test_modes_are_those_of_other_files(tmp_path):
    (tmp_path / "other").write_text("")
    export(tmp_path / "b.tsv")
    assert (tmp_path / "b.tsv").stat().st_mode == (tmp_path / "other").stat().st_mode
