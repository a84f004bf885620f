"""The files that TF-MoDISco (modisco-lite) reads: one-hot sequences and hypothetical scores, which it projects itself.

A pair of ``.npz`` files holds arrays ``arr_0`` (N, 4, L), for ``modisco motifs -s OUT.ohe.npz -a OUT.shap.npz``. One
``.h5`` file holds ``input_seqs`` and ``hyp_scores`` (N, L, 4), for ``modisco motifs -i``. A position whose base is
unknown is written as zeros, so that MoDISco sees no contribution there.

One export serves both signs: `modisco motifs` finds patterns of positive and of negative contributions in the same
files, where more than 100 seqlets have the sign, and writes them as ``pos_patterns`` and ``neg_patterns``. Several
targets, or ``--target all``, make files for each target.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from genolift.export.arrays import archive, member
from genolift.export.hdf5 import dataset, hdf5_file
from genolift.export.options import FormatOption, Options
from genolift.export.source import Scores
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import UNKNOWN, one_hot_codes
from genolift.support.errors import GenoliftWarning, InputError

OPTIONS = (
    FormatOption("form", "a pair of .npz or one .h5.  [default: by the suffix of --out]", choices=("npz", "h5")),
)
_HDF5 = (".h5", ".hdf5")
# `modisco motifs` looks at so many bases around the middle by default (option -w). By the defaults of its Python
# function, a seqlet with its flanks is 41 bases long.
_WINDOW, _SEQLET = 400, 41
_BASES = np.concatenate([np.eye(4, dtype=np.int8), np.zeros((1, 4), np.int8)])


def files(out: Path, options: Options) -> list[Path]:
    """Return the one HDF5 file, or the pair of NumPy archives."""
    form = options.own["form"] or ("h5" if out.suffix in _HDF5 else "npz")
    if form == "h5":
        return [out]
    if out.suffix in _HDF5:
        raise InputError(f"{out} is no name for a pair of .npz files; give the beginning of their names")
    stem = out.with_suffix("") if out.suffix == ".npz" else out
    return [stem.with_name(f"{stem.name}.{part}.npz") for part in ("ohe", "shap")]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write the sequences and the hypothetical scores of one target."""
    scores = Scores(explanation, options.target, options.input, options.progress)
    scores.require("hypothetical", "MoDISco")
    scores.one_length("MoDISco")
    _tell_window(scores.width)
    n, length = len(scores), scores.width
    with ExitStack() as stack:
        if len(paths) == 1:
            file = stack.enter_context(hdf5_file(paths[0]))
            one_hot = dataset(file, "input_seqs", (n, length, 4), np.int8)
            hypothetical = dataset(file, "hyp_scores", (n, length, 4), np.float32)
            for rows, x, h in scores.blocks("inputs", "hypothetical"):
                one_hot[rows], hypothetical[rows] = as_bases(x), h
        else:
            types = (np.int8, np.float32)
            archives = [stack.enter_context(archive(path)) for path in paths]
            append = [
                stack.enter_context(member(file, "arr_0", (n, 4, length), dtype))
                for file, dtype in zip(archives, types, strict=True)
            ]
            for _, x, h in scores.blocks("inputs", "hypothetical"):
                append[0](as_bases(x).transpose(0, 2, 1))
                append[1](h.transpose(0, 2, 1))


def as_bases(x: np.ndarray) -> np.ndarray:
    """Return inputs (n, L, 4) as one-hot int8: exactly one base per position, or zeros where the base is unknown."""
    return _BASES[np.minimum(one_hot_codes(x), UNKNOWN)]


def _tell_window(length: int) -> None:
    """Warn if MoDISco's default window does not suit the sequences.

    MoDISco takes a window from the middle of every sequence, which must be even and not longer than the sequences.
    """
    if length < _SEQLET:
        told = f"and finds nothing in sequences of {length} bases: a seqlet with its flanks has {_SEQLET}"
    elif length < _WINDOW or length % 2:
        told = f"which must be even and not longer than the sequences, here {length}: give it `-w {length // 2 * 2}`"
        told += "" if length < _WINDOW else " or less"
    else:
        return
    warnings.warn(f"`modisco motifs` looks at a window of {_WINDOW} bases by default, {told}", GenoliftWarning, 2)
