"""The formats there are, and the one function that writes any of them.

A format is the module of its name in this package. It has ``OPTIONS``, the names of the options that it takes;
``files(out, options)``, the files that it makes for ``out``; and ``write(explanation, paths, options)``, which fills
``paths``, temporary names of those files.
"""

import logging
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from genolift.export.outputs import outputs
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

FORMATS = {
    "modisco": "one-hot sequences and hypothetical scores for TF-MoDISco, as a pair of .npz or one .h5",
    "chrombpnet": "chrombpnet's contribution scores, .h5, and the regions as narrowPeak",
    "bigwig": "a genome browser's track of one score per base; overlapping regions meet midway between their centres",
    "bedgraph": "the same track as text",
    "npz": "every field that the scores have, as NumPy arrays",
    "tsv": "a table with a row per base",
}


@dataclass(frozen=True)
class Options:
    """What an export can be told: see :func:`export`."""

    target: object = None
    input: object = None
    form: str | None = None
    chrom_sizes: Path | None = None
    progress: bool = False


def export(
    scores,
    to: str,
    out,
    *,
    target=None,
    input=None,
    form: str | None = None,
    chrom_sizes=None,
    force: bool = False,
    progress: bool = False,
) -> list[Path]:
    """Write an explanation, or the store at a path, in the format ``to``; returns the files that were written.

    ``scores`` are read block by block, so a store may be larger than memory. ``out`` is the file, or for a pair of
    files what their names begin with. ``target`` is needed where several were explained (not for npz, which keeps
    all), as it was asked for, or by its place among targets that have no numbers; ``input`` where several inputs are
    DNA. ``form``, ``"npz"`` or ``"h5"``, is modisco's, by default what the suffix of ``out`` says.
    ``chrom_sizes``, for tracks, is a file of chromosomes and their lengths, a FASTA index, or a FASTA file. Files
    appear whole or not at all; ``force`` replaces what is there.

    Raises :class:`InputError` for what the format cannot hold, :class:`Undefined` for scores that lack what it needs,
    :class:`FileProblem` for paths that cannot be read or written.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r}; there are {', '.join(FORMATS)}")
    kind = import_module(f"genolift.export.{to}")
    sizes = None if chrom_sizes is None else Path(chrom_sizes)
    options = Options(target, input, form, sizes, progress)
    for name in ("form", "chrom_sizes"):
        if getattr(options, name) is not None and name not in kind.OPTIONS:
            raise InputError(f"the format {to} takes no {name.replace('_', '-')}")
    paths = kind.files(Path(out), options)
    if not isinstance(scores, Explanation):
        scores = Explanation.load(scores)
    _check_outside(scores, paths)
    with outputs(paths, force) as parts:
        written = kind.write(scores, parts, options)
    return [path for path, part in zip(paths, parts, strict=True) if written is None or part in written]


def _check_outside(explanation: Explanation, paths: list[Path]) -> None:
    """A store holds nothing but its own files: with others inside it could not be replaced any more."""
    store = explanation.provenance.get("store")
    for path in paths:
        place = path.absolute()
        if store and any(os.path.exists(p) and os.path.samefile(store, p) for p in (place, *place.parents)):
            raise InputError(f"{path} lies inside the score store {store}; give a path outside it")
