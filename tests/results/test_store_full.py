"""A full disk is one clear error, and leaves a store that can be continued."""

import errno
import os
import subprocess

import numpy as np
import pytest

from genolift.results import arrays
from genolift.results import layout as disk
from genolift.results.explanation import Explanation
from genolift.results.store import StoreWriter
from genolift.support import files
from genolift.support.errors import FileProblem

BLOCKS = 16


def block(k: int) -> Explanation:
    rng = np.random.default_rng(k)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (4, 1500))]
    return Explanation({"inputs": X, "raw_contributions": rng.normal(size=X.shape).astype(np.float32)})


def write_all(path) -> None:
    with StoreWriter(path, {"method": {"name": "m"}}, 4 * BLOCKS, block=4, one_hot=True) as writer:
        for k in set(range(BLOCKS)) - writer.done_blocks:
            writer.write(k, block(k))


def contents(folder) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", place]).returncode:
        pytest.skip("no file system can be mounted")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_and_then_a_larger_one(small_disk, tmp_path):
    path = small_disk / "s.zarr"
    for _ in range(2):  # again, while it is still full
        with pytest.raises(FileProblem, match=r"s\.zarr cannot be written: No space left on device$"):
            write_all(path)
    assert 0 < len(disk.done_blocks(path)) < BLOCKS
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    write_all(path)
    write_all(tmp_path / "twin.zarr")
    assert contents(path) == contents(tmp_path / "twin.zarr")


@pytest.mark.parametrize("step", range(12))
def test_space_that_ends_at_any_step(step, tmp_path, monkeypatch):
    path, flush, calls = tmp_path / "s.zarr", files.flush, []

    def full(place):
        calls.append(place)
        if len(calls) == step + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(place)

    with monkeypatch.context() as patched:
        for module in (files, arrays):
            patched.setattr(module, "flush", full)
        with pytest.raises(FileProblem, match=r"s\.zarr cannot be written: No space left on device$"):
            write_all(path)
    write_all(path)
    write_all(tmp_path / "twin.zarr")
    assert contents(path) == contents(tmp_path / "twin.zarr")
