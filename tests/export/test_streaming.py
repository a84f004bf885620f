"""Stores are sliced, plotted and exported a block at a time: four times the sequences take no more memory."""

import subprocess
import sys

import numpy as np
import pytest

from genolift.results.explanation import Explanation
from genolift.results.store import StoreWriter

LENGTH, FEW, MANY = 500, 2000, 8000
# Of what lies in the larger store alone: three fields of four float32 per base.
ADDED_MB = (MANY - FEW) * LENGTH * 3 * 16 / 1e6

PROGRAM = """
import sys
import warnings
from pathlib import Path
import genolift as gl
from genolift.export import source
from genolift.export.formats import npz
from genolift.results.explanation import Explanation

warnings.simplefilter("ignore")
source._BLOCK_BYTES = npz._BLOCK_BYTES = 2**21  # so that sizes show which a test can make
store, to, out = sys.argv[1:]
if to == "slices":
    found = Explanation.load(store)
    assert found[len(found) - 20 :].in_memory().scores.shape == (20, 500)
    assert found[found.names[-1]].hypothetical.shape == (1, 500, 4)
    assert found.contributions[7].shape == (500, 4)
    assert len(found[::2]) == len(found) // 2
elif to == "plot":
    gl.Explanation.load(store).plot(len(gl.Explanation.load(store)) - 1).savefig(out + ".png")
else:
    gl.export(store, to.split()[0], out + ("" if to == "modisco" else ".h5" if "h5" in to else ".x"))
print([line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two of them, with coordinates and the sizes of their chromosomes."""
    folder = tmp_path_factory.mktemp("streamed")
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (250, LENGTH))]
    h = rng.integers(-9, 9, X.shape).astype(np.float32)
    for name, n in (("few", FEW), ("many", MANY)):
        regions = [["chr1", 600 * i, 600 * i + LENGTH, "+-"[i % 2]] for i in range(n)]
        told = {"method": {"name": "m"}, "regions": regions, "chrom_sizes": [["chr1", 10**7]]}
        writer = StoreWriter(folder / name, told | {"names": [f"s{i}" for i in range(n)]}, n, block=250, one_hot=True)
        for k in range(len(writer.blocks)):
            writer.write(k, Explanation({"inputs": X, "raw_contributions": X * h, "hypothetical": h}))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize(
    "to", ["slices", "plot", "modisco", "modisco h5", "chrombpnet h5", "bigwig", "bedgraph", "npz", "tsv"]
)
def test_more_sequences_take_no_more_memory(to, stores, tmp_path):
    if to == "bigwig":
        pytest.importorskip("pyBigWig")
    peaks = []
    for name in ("few", "many"):
        command = [sys.executable, "-c", PROGRAM, str(stores / name), to, str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]) / 1e3)
    # The one thing that is in memory wholly, up to a quarter of a gigabyte, is a track's one number per base.
    allowed = 0.15 * ADDED_MB + (ADDED_MB / 12 if to in ("bigwig", "bedgraph") else 0)
    assert peaks[1] - peaks[0] < allowed, (peaks, ADDED_MB)
