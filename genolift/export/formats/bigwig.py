"""A track for genome browsers. The value at a position is its score: the contributions summed over the four bases.

Where several models were scored, ``field="spread"`` writes how far they disagree there instead.

Writing one needs another package: ``pip install 'genolift[bigwig]'``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from genolift.export.genome import tracks
from genolift.export.options import FIELD, Options
from genolift.export.sizes import CHROM_SIZES, chromosome_sizes
from genolift.export.source import Scores
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError, Remedy, setting

OPTIONS = (CHROM_SIZES, FIELD)
# pyBigWig ends its process when the disk is full, so it gets one of its own. pybigtools does not, but its summaries for
# zoomed-out views are wrong beside gaps, which scored windows have (benchmarks/bigwig.py).
_SCRIPT = Path(__file__).with_name("bigwig_process.py")


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out`` itself."""
    return [out]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write the scores of one target in genome order."""
    if not _has_library():
        raise InputError("writing bigWig files needs another package: pip install 'genolift[bigwig]'")
    scores = Scores(explanation, options.target, options.input, options.progress)
    scores.located("a bigWig")
    sizes = chromosome_sizes(explanation, options.own["chrom_sizes"])
    if sizes is None:
        give = Remedy.naming("give {}, a table or the genome's FASTA file", setting("chrom_sizes"))
        raise InputError("a bigWig needs the lengths of the chromosomes", give)
    _write(paths[0], sizes, tracks(scores, sizes, paths[0].parent, "a bigWig", options.own["field"] or "scores"))


def _has_library() -> bool:
    try:
        return find_spec("pyBigWig") is not None
    except ValueError:  # An earlier import of it failed.
        return False


def _write(path: Path, sizes: dict[str, int], stretches: Iterable[tuple[str, int, np.ndarray]]) -> None:
    """Have another process write the file, or raise ``OSError`` if it cannot."""
    command = [sys.executable, "-P", str(_SCRIPT), str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError), process.stdin as pipe:  # The pipe breaks if the other process has ended.
            pipe.write(json.dumps(list(sizes.items())).encode() + b"\n")
            for chrom, start, values in stretches:
                pipe.write(json.dumps([chrom, start, len(values)]).encode() + b"\n")
                pipe.write(np.ascontiguousarray(values, dtype=np.float32).data)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
    if process.returncode != 0:
        raise OSError("the bigWig library failed to write it; is the disk full?")
