"""Contribution scores in the files that chrombpnet writes, and the regions.

The arrays are ``raw/seq``, ``shap/seq`` and ``projected_shap/seq``, each (N, 4, L). ``shap`` are the hypothetical
scores, and ``projected_shap`` are these times the sequence. Where several models were scored, ``spread/seq`` (N, L) is
the standard deviation of the scores over them, which chrombpnet's own files lack. The others have half precision, as in
chrombpnet's own files. Row i of ``PREFIX.interpreted_regions.bed``, a narrowPeak file, is the region of example i.
chrombpnet's tools take every example to be of the forward strand, so examples of the reverse strand are
reverse-complemented.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from genolift.export.formats.modisco import as_bases
from genolift.export.hdf5 import dataset, hdf5_file
from genolift.export.options import FormatOption, Options
from genolift.export.outputs import text_file
from genolift.export.source import Scores
from genolift.results.explanation import Explanation
from genolift.support.errors import GenoliftWarning, InputError

OPTIONS: tuple[FormatOption, ...] = ()
_TAIL = re.compile(r"(\.(counts|profile)_scores)?(\.(h5|hdf5))?$")
_LARGEST, _SMALLEST = float(np.finfo(np.float16).max), float(np.finfo(np.float16).tiny)


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out``, and beside it the narrowPeak file that chrombpnet's tools look for."""
    prefix = _TAIL.sub("", out.name)
    if not prefix:
        raise InputError(f"{out} is no name to write to; give one such as peaks.counts_scores.h5")
    return [out, out.with_name(f"{prefix}.interpreted_regions.bed")]


def write(explanation: Explanation, paths: list[Path], options: Options) -> list[Path]:
    """Write the scores of one target, and the regions if they are known."""
    scores = Scores(explanation, options.target, options.input, options.progress)
    scores.require("hypothetical", "chrombpnet's format")
    scores.one_length("chrombpnet's format")
    regions = None if scores.regions is None else scores.located("chrombpnet's format")
    backward = np.array([region.strand == "-" for region in regions or []], dtype=bool)
    shape, largest = (len(scores), 4, scores.width), 0.0
    with hdf5_file(paths[0]) as file:
        raw = dataset(file, "raw/seq", shape, np.int8)
        shap = dataset(file, "shap/seq", shape, np.float16)
        projected = dataset(file, "projected_shap/seq", shape, np.float16)
        disagreeing = ["spread"] if scores.has("spread") else []
        spread = dataset(file, "spread/seq", (len(scores), scores.width), np.float32) if disagreeing else None
        for rows, x, h, *more in scores.blocks("inputs", "hypothetical", *disagreeing):
            if spread is not None:
                s = more[0]
                spread[rows] = np.where(backward[rows][:, None], s[:, ::-1], s) if len(backward) else s
            bases = as_bases(x)
            if len(backward):
                bases, h = (forward(array, backward[rows]) for array in (bases, h))
            largest = max(largest, _fitting(h))
            raw[rows] = bases.transpose(0, 2, 1)
            shap[rows] = h.transpose(0, 2, 1)
            projected[rows] = (bases * h).transpose(0, 2, 1)
    if 0 < largest < 1000 * _SMALLEST:
        warnings.warn(
            f"the largest score is {largest:.2g}, where chrombpnet's half precision is coarse; scale the scores up or "
            "use another format",
            GenoliftWarning,
            2,
        )
    if regions is None:
        warnings.warn("these scores have no genome coordinates: no regions are written beside them", GenoliftWarning, 2)
        return paths[:1]
    with text_file(paths[1]) as bed:
        for name, region in zip(scores.names, regions, strict=True):
            summit = scores.width // 2
            fields = (region.chrom, region.start, region.end, "_".join(name.split()) or ".", 0, ".", 0, -1, -1, summit)
            bed.write("\t".join(map(str, fields)) + "\n")
    return paths


def forward(array: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Return an array with the rows of the reverse strand replaced by their reverse complements."""
    return np.where(backward[:, None, None], array[:, ::-1, ::-1], array)


def _fitting(h: np.ndarray) -> float:
    """Return the largest absolute score, or raise :class:`InputError` if half precision cannot hold it."""
    largest = float(np.abs(h).max(initial=0))
    if largest > _LARGEST:
        raise InputError(
            f"a score of {largest:.3g} does not fit chrombpnet's half precision, which ends at {_LARGEST}; "
            "use another format, such as modisco"
        )
    return largest
