"""`genolift explain` killed at random moments, by one process and with workers: in the end the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from cli_files import LENGTH, fasta

from genolift.models.zoo import build

# Blocks of four sequences, so that there are many moments.
PROGRAM = """
import sys
from genolift.pipeline.scoring import scoring
scoring._LARGEST_BLOCK = 4
from genolift.cli.app import main
if __name__ == "__main__":
    main()
"""
WINDOWS = 480


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, a genome, regions some of which cannot be scored, and the store of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("killed")
    build("tal_gata", length=LENGTH, filters=4, width=5).save(folder / "model.keras")
    rng = np.random.default_rng(2)
    fasta(folder / "genome.fa", {"chr1": "".join(rng.choice(list("ACGT"), 20_000))})
    starts = rng.choice(20_000 - LENGTH, WINDOWS, replace=False)
    lines = [f"chr1\t{start}\t{start + LENGTH}\tr{i}\t0\t{'+-'[i % 2]}\n" for i, start in enumerate(starts)]
    (folder / "r.bed").write_text("".join([*lines, "chr1\t19990\t20050\n", "chr2\t1\t61\n"]))
    (folder / "program.py").write_text(PROGRAM)
    found = SimpleNamespace(folder=folder, whole=folder / "whole.zarr")
    assert start(found, found.whole).wait() == 0
    return found


def start(place, out, *options) -> subprocess.Popen:
    folder = place.folder
    command = [sys.executable, folder / "program.py", "explain", folder / "model.keras", folder / "genome.fa"]
    command += ["--regions", folder / "r.bed", "--on-bad", "skip", "--target", "0", "--references", "shuffled:2"]
    return subprocess.Popen([*map(str, command), "--out", str(out), *options], stderr=subprocess.DEVNULL)


def contents(store) -> dict[str, bytes]:
    """All bytes of a store, but for its command line."""
    found = {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("*") if file.is_file()}
    root = json.loads(found.pop("zarr.json"))
    assert root["attributes"]["genolift"]["provenance"].pop("command")
    return {**found, "root": json.dumps(root).encode()}


@pytest.mark.slow
@pytest.mark.parametrize(("options", "kills"), [((), 3), (("--workers", "2"), 2)])
def test_killed_at_random_moments_and_continued(options, kills, place, tmp_path):
    if options:
        pytest.importorskip("distributed")
    out = tmp_path / "s.zarr"
    done = out / "blocks" / "done"
    chance, stopped, moments = random.Random(5), 0, []
    for _ in range(3 * kills):
        process = start(place, out, *options)
        # Sometimes before anything is there, mostly after some more blocks, at any moment within one.
        wanted = chance.choice([0, 1, 3, 7]) + len(list(done.glob("*.json")))
        while process.poll() is None and len(list(done.glob("*.json"))) < wanted:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.05))
        if process.poll() is not None:
            break
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive  # workers do not outlive the command
        stopped += 1
        moments.append(len(list(done.glob("*.json"))))
        if stopped == kills:
            break
    assert stopped == kills, moments
    assert any(0 < moment < WINDOWS // 4 for moment in moments)  # in the middle, not all before or after
    process = start(place, out, *options)
    assert process.wait() == 0
    assert contents(out) == contents(place.whole)
    assert os.listdir(tmp_path) == ["s.zarr"]
