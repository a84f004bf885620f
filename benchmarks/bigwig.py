"""Writes the same windows as bigWig by genolift's way (pyBigWig in a process of its own) and by pybigtools.

Both files are read back by pyBigWig: values base by base, and the summaries that a browser shows when it is zoomed out.
Run with `python benchmarks/bigwig.py [WINDOWS]` where `pyBigWig` and `pybigtools` are installed.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig

from genolift.export.formats.bigwig import _write

LENGTH, STEP, CHROMS = 1000, 2000, ("chr2", "chr10", "chr1")
BINS = 20


def stretches(windows):
    for chrom in CHROMS:
        rng = np.random.default_rng(len(chrom))
        for i in range(windows // len(CHROMS)):
            yield chrom, i * STEP + 7, rng.normal(size=LENGTH).astype(np.float32)


def by_genolift(path, sizes, windows):
    _write(path, sizes, stretches(windows))


def by_pybigtools(path, sizes, windows):
    rows = (
        (chrom, start + i, start + i + 1, value)
        for chrom, start, values in stretches(windows)
        for i, value in enumerate(values.tolist())
    )
    pybigtools.open(str(path), "w").write(sizes, rows)


def main(windows=6000, rounds=3):
    sizes = {chrom: windows // len(CHROMS) * STEP + 5000 for chrom in CHROMS}
    with tempfile.TemporaryDirectory() as folder:
        paths = {write: Path(folder) / f"{write.__name__}.bw" for write in (by_genolift, by_pybigtools)}
        seconds = {write: [] for write in paths}
        for _ in range(rounds):
            for write, path in paths.items():
                began = time.perf_counter()
                write(path, sizes, windows)
                seconds[write].append(time.perf_counter() - began)
        truth = None
        for write, path in paths.items():
            with pyBigWig.open(str(path)) as file:
                values = file.values("chr1", 0, sizes["chr1"], numpy=True)
                truth = values if truth is None else truth
                same = np.array_equal(values, truth, equal_nan=True)
                whole, bins = ("chr1", 0, sizes["chr1"]), {"type": "mean", "nBins": BINS}
                means = [np.array(file.stats(*whole, exact=exact, **bins), float) for exact in (False, True)]
                coverage = [file.stats(*whole, type="coverage", exact=exact)[0] for exact in (False, True)]
            print(
                f"{write.__name__}: {np.median(seconds[write]):.2f} s, {path.stat().st_size / 1e6:.1f} MB, same values: "
                f"{same}, zoomed out: means of {BINS} bins differ by {np.abs(means[0] - means[1]).max():.4f} at most "
                f"(they are {np.abs(means[1]).mean():.4f}), coverage {coverage[0]:.3f} of {coverage[1]:.3f}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
