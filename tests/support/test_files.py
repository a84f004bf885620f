"""Whatever genolift writes is on the disk before it gets its name, and leaves nothing behind where writing fails."""

import errno
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from genolift.export.outputs import outputs
from genolift.methods.relevance.pattern_file import Patterns
from genolift.pipeline.benchmark.stages import Stage, complete
from genolift.pipeline.benchmark.training import save_model
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.journal import Journal
from genolift.plot.style import save_figure
from genolift.results.explanation import Explanation
from genolift.sequence.fasta import write_fasta
from genolift.sequence.genome import Fasta


class _Model:
    """As much of a Keras model as saving it takes."""

    def save(self, path):
        Path(path).write_bytes(b"model")


def journal(folder):
    one = Journal(folder / "t.tsv", {}, {})
    one.begin()
    one.write(0, ["a"])
    one.publish("column", {})


def directory(folder):
    one = Folder(folder / "out", {}, {})
    one.begin()
    (one.work / "a.txt").write_text("a")
    one.record(["a.txt"], {})
    one.publish()


def exported(folder):
    with outputs([folder / "a", folder / "b"]) as parts:
        for part in parts:
            part.write_text("whole")


def picture(folder):
    from matplotlib.figure import Figure

    save_figure(Figure(), folder / "a.png")


def uneven_fasta(folder):
    (folder / "uneven.fa").write_text(">a\nACGT\nACGTACGT\nAC\n")
    assert Fasta(folder / "uneven.fa").fetch("a") == "ACGTACGTACGTAC"


WRITERS = {
    "text": lambda folder: write_fasta(folder / "a.fa.gz", ["a"], ["ACGT"]),
    "picture": picture,
    "store": lambda folder: Explanation({"inputs": np.zeros((1, 5, 4), np.float32)}).save(folder / "s.zarr"),
    "export": exported,
    "table in blocks": journal,
    "directory of results": directory,
    "stage": lambda folder: complete(Stage("a", "a", lambda work: None), folder),
    "model": lambda folder: save_model(_Model(), {}, folder / "m.keras", folder / "training.json"),
    "patterns": lambda folder: Patterns({"dense": np.zeros(2)}).save(folder / "patterns.npz"),
    "cached genome": uneven_fasta,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_what_gets_its_name_is_on_the_disk(kind, tmp_path, monkeypatch):
    """Otherwise a machine that loses its power may keep the name and lose the bytes."""
    fsync, replace = os.fsync, os.replace
    flushed, moved = set(), []

    def identity(path):
        found = os.stat(path)
        return found.st_dev, found.st_ino

    def noted_fsync(handle):
        flushed.add(identity(handle))
        fsync(handle)

    def noted_replace(old, new):
        if sys._getframe(1).f_globals["__name__"].startswith("genolift."):  # Zarr moves files too
            moved.append((Path(new), identity(old) in flushed))
            flushed.discard(identity(Path(new).parent))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    WRITERS[kind](tmp_path)
    assert moved
    for path, was_flushed in moved:
        assert was_flushed, path
        if path.parent.exists():  # a working directory goes at the end
            assert identity(path.parent) in flushed, path


@pytest.mark.parametrize("kind", WRITERS)
def test_nothing_is_left_where_the_disk_fails(kind, tmp_path, monkeypatch):
    def full(handle):
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(OSError, match="No space left on device"):
        WRITERS[kind](tmp_path)
    there = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not [name for name in there if name not in ("uneven.fa", "lock", "a.txt")], there


def test_modes_are_those_of_other_files(tmp_path):
    (tmp_path / "other").write_text("")
    write_fasta(tmp_path / "a.fa", ["a"], ["ACGT"])
    assert (tmp_path / "a.fa").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_cached_genome_is_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    uneven_fasta(tmp_path)
    (copy,) = (tmp_path / "cache").rglob("*.fa")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
