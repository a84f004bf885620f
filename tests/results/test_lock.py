"""Two processes never write one store; a lock dies with its process."""

import errno
import gc
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from genolift.results import lock
from genolift.results.explanation import Explanation
from genolift.results.store import StoreWriter
from genolift.support.errors import FileProblem

PROGRAM = """
import sys, time
from genolift.results.store import StoreWriter
writer = StoreWriter(sys.argv[1], {"method": {"name": "m"}}, 4, block=2)
print("open", flush=True)
time.sleep(600)
"""


def an_explanation() -> Explanation:
    return Explanation({"inputs": np.ones((2, 5, 4), np.float32), "scores": np.ones((2, 5), np.float32)})


def open_here(path, **options) -> StoreWriter:
    return StoreWriter(path, {"method": {"name": "m"}}, 4, block=2, **options)


def test_another_process_is_refused_until_the_first_is_gone(tmp_path):
    path = tmp_path / "s.zarr"
    other = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"open\n"
        for options in ({}, {"force": True}):
            with pytest.raises(FileProblem, match=r"s\.zarr is being written by another process; wait until it has"):
                open_here(path, **options)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    assert (path / lock.NAME).exists()  # the file outlives its process, the lock does not
    writer = open_here(path)
    for k in (0, 1):
        writer.write(k, an_explanation())
    del writer
    gc.collect()
    assert not (path / lock.NAME).exists()
    assert len(Explanation.load(path)) == 4


def test_writers_of_one_process_share_the_lock(tmp_path):
    path = tmp_path / "s.zarr"
    one = open_here(path)
    two = open_here(path)
    del one
    gc.collect()
    assert (path / lock.NAME).exists()
    two.write(0, an_explanation())
    two.write(1, an_explanation())
    assert open_here(path).is_complete
    del two
    gc.collect()
    assert not (path / lock.NAME).exists()


def test_a_closed_writer_holds_nothing_whoever_still_knows_it(tmp_path):
    """An exception that is kept keeps the frames, and so the writer, of what was interrupted."""
    path = tmp_path / "s.zarr"
    with open_here(path) as writer:
        assert (path / lock.NAME).exists()
    assert writer.done_blocks == set()
    assert not (path / lock.NAME).exists()


def test_a_complete_store_is_not_locked_and_tidied(tmp_path):
    path = tmp_path / "s.zarr"
    writer = open_here(path)
    for k in (0, 1):
        writer.write(k, an_explanation())
    del writer
    gc.collect()
    (path / lock.NAME).write_text("")  # of a process that was killed after the last block
    held = lock.hold(path)
    another = lock._held.pop((os.getpid(), path.resolve()))  # as if it were another process's
    assert open_here(path).is_complete
    del held, another
    gc.collect()
    (path / lock.NAME).write_text("")
    assert open_here(path).is_complete
    assert not (path / lock.NAME).exists()


def test_a_lock_file_that_is_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    held = lock.hold(tmp_path)
    opened, really = [], os.open

    def late(*arguments):
        handle = really(*arguments)
        opened.append(handle)
        if len(opened) == 1:  # whoever had it leaves between opening and locking
            held.__del__()
        return handle

    monkeypatch.setattr(os, "open", late)
    handle = lock._locked(tmp_path / lock.NAME, tmp_path)
    assert len(opened) == 2
    assert lock._is_still(tmp_path / lock.NAME, handle)
    os.close(handle)


def test_file_systems_without_locks_do_without(tmp_path, monkeypatch):
    def unknown(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unknown)
    writer = open_here(tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr" / lock.NAME).exists()
    writer.write(0, an_explanation())


def test_a_forked_child_takes_nothing_away(tmp_path):
    held = lock.hold(tmp_path)
    child = os.fork()
    if not child:
        held.__del__()
        os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / lock.NAME).exists()
    with pytest.raises(FileProblem):
        lock._locked(tmp_path / lock.NAME, tmp_path)
