"""The formats there are, ours and others', and the one function that writes any of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from genolift.export.options import FormatOption, Options
from genolift.export.outputs import outputs
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

# A format of ours is the module of its name in genolift.export.formats, and its line here.
_OURS = {
    "modisco": "one-hot sequences and hypothetical scores for TF-MoDISco, as a pair of .npz or one .h5",
    "chrombpnet": "chrombpnet's contribution scores, .h5, and the regions as narrowPeak",
    "bigwig": "a genome browser's track of one score per base; overlapping regions meet midway between their centres",
    "bedgraph": "the same track as text",
    "npz": "every field that the scores have, as NumPy arrays",
    "tsv": "a table with a row per base",
}


class Format(Protocol):
    """What a format is made of: a module, or a class whose functions are static, that has these three."""

    #: The options that it takes beside ``target`` and ``input``.
    OPTIONS: Sequence[FormatOption]

    @staticmethod
    def files(out: Path, options: Options) -> list[Path]:
        """Return the files that the format makes for ``out``, which is what the user gives; most make the one file ``out``."""

    @staticmethod
    def write(explanation: Explanation, paths: list[Path], options: Options) -> list[Path] | None:
        """Write the explanation into ``paths``, temporary names of the files, in the same order.

        They are moved to where they belong once all are whole. Return those of ``paths`` that were written, or ``None`` for
        all. :class:`genolift.export.source.Scores` reads what most formats need, block by block.
        """


@dataclass(frozen=True)
class _Entry:
    """Where a format is found, and a line of what it holds."""

    where: str | Format
    summary: str


_FORMATS: dict[str, _Entry] = {}


def register(name: str, where: str | Format, summary: str) -> None:
    """Make a format known by its name, to ``genolift.export`` and to the command line.

    Parameters
    ----------
    name
        What users call the format.
    where
        The format, see :class:`Format`: a module or a class, or ``"package.module"``, which is imported when it is needed.
    summary
        One line of what the files hold, for the list of formats.

    Raises
    ------
    InputError
        If another format has the name.

    Examples
    --------
    >>> genolift.export.register("counts", "my_package.counts", "how many bases of each kind are important")
    >>> genolift.export("scores.zarr", to="counts", out="counts.txt")
    """
    known = _FORMATS.get(name)
    if known is not None and _place(known.where) != _place(where):
        raise InputError(f"there is a format {name!r} already, {_place(known.where)}; give yours another name")
    _FORMATS[name] = _Entry(where, summary)


def listing() -> dict[str, str]:
    """Return the summary of every format by its name."""
    return {name: entry.summary for name, entry in _FORMATS.items()}


def format_named(name: str) -> Format:
    """Return the format called ``name``, or raise an :class:`InputError` that lists what there is."""
    if name not in _FORMATS:
        raise InputError(f"there is no format {name!r}; there are {', '.join(_FORMATS)}")
    where = _FORMATS[name].where
    # Ours stand in the table above; others' were registered.
    found: Any = import_module(where) if isinstance(where, str) else where
    if missing := [part for part in ("OPTIONS", "files", "write") if not hasattr(found, part)]:
        raise InputError(f"the format {name} is registered as {_place(where)}, which has no {' and no '.join(missing)}")
    return found


def own_options() -> dict[str, dict[FormatOption, list[str]]]:
    """Return what formats can be told beside target and input: by the option's name, who takes which option of that name."""
    options: dict[str, dict[FormatOption, list[str]]] = {}
    for name in _FORMATS:
        for option in format_named(name).OPTIONS:
            options.setdefault(option.name, {}).setdefault(option, []).append(name)
    return options


def export(
    scores: Explanation | str | Path,
    to: str,
    out: str | Path,
    *,
    target: Any = None,
    input: Any = None,
    force: bool = False,
    progress: bool = False,
    **options: Any,
) -> list[Path]:
    """Write an explanation in a format that other programs read.

    Parameters
    ----------
    scores
        The explanation, or the path of its store. It is read block by block, so that a store may be larger than memory.
    to
        The format's name; ``genolift.export.listing()`` has them all.
    out
        The file that is written; for a pair of files what both names begin with.
    target
        Which target, where several were explained: as it was asked for, or by its place among targets that have no numbers.
        The format npz keeps all.
    input
        Which input, where several are DNA: its name or number.
    force
        Whether to replace files that are there.
    progress
        Whether a bar shows how far it is.
    **options
        What the format takes beside these. ``form``, of modisco, is ``"npz"`` or ``"h5"`` (default: by the suffix of ``out``).
        ``chrom_sizes``, of bigwig and bedgraph, is a file of chromosomes and their lengths, a FASTA index or a FASTA file
        (default: what the store recorded).

    Returns
    -------
    list of Path
        The files that were written. They appear whole or not at all.

    Raises
    ------
    InputError
        For what the format cannot hold, and for options that it does not take.
    Undefined
        For scores that lack what the format needs.
    FileProblem
        For paths that cannot be read or written.
    """
    kind = format_named(to)
    own = {option.name: option.read(options.pop(option.name, None)) for option in kind.OPTIONS}
    for name in (name for name, value in options.items() if value is not None):
        raise InputError(f"the format {to} takes no {name.replace('_', '-')}")
    told = Options(target, input, progress, own)
    paths = kind.files(Path(out), told)
    if not isinstance(scores, Explanation):
        scores = Explanation.load(scores)
    _check_outside(scores, paths)
    with outputs(paths, force) as parts:
        written = kind.write(scores, parts, told)
    return [path for path, part in zip(paths, parts, strict=True) if written is None or part in written]


def _place(where: str | Format) -> str:
    return where if isinstance(where, str) else getattr(where, "__name__", type(where).__name__)


def _check_outside(explanation: Explanation, paths: list[Path]) -> None:
    """A store holds nothing but its own files: with others inside it could not be replaced any more."""
    store = explanation.provenance.get("store")
    for path in paths:
        place = path.absolute()
        if store and any(os.path.exists(p) and os.path.samefile(store, p) for p in (place, *place.parents)):
            raise InputError(f"{path} lies inside the score store {store}; give a path outside it")


for _name, _summary in _OURS.items():
    register(_name, f"genolift.export.formats.{_name}", _summary)
