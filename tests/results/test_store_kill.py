"""A process that writes a store is killed again and again; in the end it leaves what it would have left."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from genolift.results.explanation import Explanation

# Deterministic blocks, so that every process writes the same; the pause makes a kill fall into the middle.
PROGRAM = """
import sys
import numpy as np
import pytest
from genolift.results.explanation import Explanation
from genolift.results.store import StoreWriter

told = {"method": {"name": "m"}, "target": 0, "names": [f"s{i}" for i in range(60)]}
writer = StoreWriter(sys.argv[1], told, 60, block=4, one_hot=True)
print("open", flush=True)
for k, (start, stop) in enumerate(writer.blocks):
    if k in writer.done_blocks:
        continue
    rng = np.random.default_rng(k)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (stop - start, 300))]
    raw = rng.normal(size=X.shape).astype(np.float32)
    writer.write(k, Explanation({"inputs": X, "raw_contributions": raw, "predictions": raw[:, 0, 0]}))
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def run(path: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_killed_at_random_moments_and_continued(tmp_path):
    whole, killed = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    process = run(whole)
    process.stdout.readline()
    began = time.monotonic()
    assert process.wait() == 0
    writing = time.monotonic() - began
    chance = random.Random(7)
    kills = 0
    for _ in range(7):
        process = run(killed)
        process.stdout.readline()
        time.sleep(chance.uniform(0, writing / 3))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 2  # or the kills came too late to show anything
    process = run(killed)
    assert process.wait() == 0
    assert contents(killed) == contents(whole)
    np.testing.assert_array_equal(Explanation.load(killed).scores, Explanation.load(whole).scores)


def test_what_a_killed_process_left_in_a_complete_store_goes(tmp_path):
    """A worker may be killed with a file half written, and the block be done again by another."""
    path = tmp_path / "a.zarr"
    assert run(path).wait() == 0
    expected, left = contents(path), path / "inputs/c/3/0.abc.partial"
    left.write_bytes(b"half")
    (path / "lock").touch()
    assert run(path).wait() == 0
    assert contents(path) == expected


@pytest.mark.slow
def test_leftovers_of_every_step_are_overcome(tmp_path):
    """The states a kill can leave, one by one: files are removed in the reverse order of their writing."""
    path, twin = tmp_path / "a.zarr", tmp_path / "b.zarr"
    assert run(twin).wait() == 0
    assert run(path).wait() == 0
    expected = contents(twin)
    (path / "blocks/done/3.json").rename(path / "blocks/done/3.json.partial")
    (path / "inputs/c/3/0.abc.partial").write_bytes(b"half")
    (path / "predictions/c/3").write_bytes(b"half")
    assert run(path).wait() == 0
    assert contents(path) == expected
    for name in sorted(expected, reverse=True):
        if name.startswith("blocks/done"):
            (path / name).unlink()
    (path / "blocks/layout.json").unlink()
    (path / "inputs/zarr.json").unlink()
    assert run(path).wait() == 0
    assert contents(path) == expected
    subprocess.run(["rm", "-r", str(path / "blocks")], check=True)
    # Zarr itself writes that of the folder with the first array.
    (path / "sequences/zarr.json").write_text('{"attributes": {}, "zarr_format": 3, "node_type": "group"}')
    (path / "sequences/names/c/0").write_bytes(b"half")
    assert run(path).wait() == 0
    assert contents(path) == expected
    for gone in ("sequences/names/c/0", "sequences/name_ends/zarr.json", "sequences/zarr.json"):
        (path / gone).unlink()  # a complete store, of which the same command makes good what it can
        assert run(path).wait() == 0
        assert contents(path) == expected
    (path / "zarr.json").rename(path / "zarr.json.partial")
    for folder in ("blocks", "inputs", "predictions", "raw_contributions", "sequences"):
        subprocess.run(["rm", "-r", str(path / folder)], check=True)
    assert run(path).wait() == 0
    assert contents(path) == expected
