"""The table of formats, ours and those registered by others, and the one function that writes any of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from genolift.export.options import FormatOption, Options
from genolift.export.outputs import outputs
from genolift.export.source import choose_target
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError
from genolift.support.plugins import imported

# A format of ours is the module of its name in genolift.export.formats and its line here.
_OURS = {
    "modisco": "one-hot sequences and hypothetical scores for TF-MoDISco, as a pair of .npz or one .h5",
    "chrombpnet": "chrombpnet's contribution scores, .h5, and the regions as narrowPeak",
    "finemo": "sequences, contributions and coordinates for Fi-NeMo, .npz",
    "bigwig": "a genome browser's track of one score per base; overlapping regions meet midway between their centres",
    "bedgraph": "the same track as text",
    "npz": "every field that the scores have, as NumPy arrays",
    "tsv": "a table with a row per base",
}
# What every export takes, so that no format has an option of that name.
_COMMON = ("scores", "to", "out", "target", "targets", "input", "force", "progress", "help")


class Format(Protocol):
    """The three parts of a format, which is a module or a class whose functions are static.

    Attributes
    ----------
    OPTIONS : sequence of FormatOption
        The options that it takes besides ``target`` and ``input``.
    """

    OPTIONS: Sequence[FormatOption]

    @staticmethod
    def files(out: Path, options: Options) -> list[Path]:
        """Return the files that the format makes.

        Parameters
        ----------
        out
            The path that the user gives. Most formats make one file, which is this one.
        options
            The options of this export.

        Returns
        -------
        list of Path
            The files.
        """

    @staticmethod
    def write(explanation: Explanation, paths: list[Path], options: Options) -> list[Path] | None:
        """Write the files.

        :class:`genolift.export.source.Scores` reads what most formats need, block by block.

        Parameters
        ----------
        explanation
            The explanation.
        paths
            Temporary names for the files, in the order of :meth:`files`. The files are moved into place once all are
            whole.
        options
            The options of this export.

        Returns
        -------
        list of Path or None
            Those of ``paths`` that were written; ``None`` for all of them.
        """


@dataclass(frozen=True)
class _Registered:
    """Where a format is defined, and a line that says what its files hold."""

    where: str | Format
    summary: str


_FORMATS: dict[str, _Registered] = {}


def register(name: str, where: str | Format, summary: str) -> None:
    """Make a format known by its name, to ``genolift.export`` and to the command line.

    Parameters
    ----------
    name
        What users call the format.
    where
        The format (see :class:`Format`): a module or a class, or the name ``"package.module"`` of a module or
        ``"package.module:Class"`` of a class, which is imported when it is needed.
    summary
        One line that says what the files hold, for the list of formats.

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
    _FORMATS[name] = _Registered(where, summary)


def listing() -> dict[str, str]:
    """Return all formats.

    Returns
    -------
    dict
        A line that says what its files hold, by the name of the format.
    """
    return {name: entry.summary for name, entry in _FORMATS.items()}


def format_named(name: str) -> Format:
    """Return the format called ``name``, or raise an :class:`InputError` that lists all formats."""
    if name not in _FORMATS:
        raise InputError(f"there is no format {name!r}; there are {', '.join(_FORMATS)}")
    where = _FORMATS[name].where
    module: Any = imported(where, f"the format {name}") if isinstance(where, str) else where
    if missing := [part for part in ("OPTIONS", "files", "write") if not hasattr(module, part)]:
        raise InputError(f"the format {name} is registered as {_place(where)}, which has no {' and no '.join(missing)}")
    if taken := [option.name for option in module.OPTIONS if option.name in _COMMON]:
        raise InputError(
            f"the format {name} has an option {taken[0]!r}, which means the same for every format; give it another name"
        )
    return module


def own_options() -> dict[str, dict[FormatOption, list[str]]]:
    """Return the options of all formats besides target and input.

    Returns
    -------
    dict
        By the name of an option, the options of that name, and for each the names of the formats that take it. A
        registered format that cannot be imported has none; whoever asks for it is told.
    """
    options: dict[str, dict[FormatOption, list[str]]] = {}
    for name in _FORMATS:
        try:
            own = format_named(name).OPTIONS
        except (InputError, ImportError):
            continue
        for option in own:
            options.setdefault(option.name, {}).setdefault(option, []).append(name)
    return options


def export(
    scores: Explanation | str | Path,
    to: str,
    out: str | Path,
    *,
    target: Any = None,
    targets: Any = None,
    input: Any = None,
    force: bool = False,
    progress: bool = False,
    **options: Any,
) -> list[Path]:
    """Write an explanation in a format that other programs read.

    Parameters
    ----------
    scores
        The explanation, or the path of its store. It is read block by block, so a store may be larger than memory.
    to
        The name of the format. ``genolift.export.listing()`` lists all formats.
    out
        The file to write; for a pair of files, the beginning of both names.
    target
        Which target, if several were explained: in the form in which it was asked for, or by its place among targets
        that are not numbers. The format npz writes all targets by default.
    targets
        Several targets in one call: a list of them, each as ``target`` takes it, or ``"all"``. Each gets files of its
        own, which have the target in their names: ``peaks.0.bw`` and ``peaks.counts-0.bw`` for the targets ``0`` and
        ``("counts", 0)`` and the name ``peaks.bw``. All of them appear together or not at all.
    input
        Which input, if several are DNA: its name or number.
    force
        Whether to replace files that are there. The default is to refuse.
    progress
        Whether to show a progress bar. The default is not to.
    **options
        The options of the format. ``form``, of modisco, is ``"npz"`` or ``"h5"`` (default: by the suffix of ``out``).
        ``chrom_sizes``, of bigwig and bedgraph, is a file of chromosomes and their lengths, a FASTA index or a FASTA
        file (default: the lengths that the store recorded).

    Returns
    -------
    list of Path
        The files that were written. They appear whole or not at all.

    Raises
    ------
    InputError
        If the format cannot hold the explanation, or does not take one of the options.
    Undefined
        If the explanation lacks a field that the format needs.
    FileProblem
        If a file cannot be read or written.
    """
    kind = format_named(to)
    own = {option.name: option.read(options.pop(option.name, None)) for option in kind.OPTIONS}
    for name in (name for name, value in options.items() if value is not None):
        raise InputError(f"the format {to} takes no {name.replace('_', '-')}")
    if not isinstance(scores, Explanation):
        scores = Explanation.load(scores)
    jobs = [
        (Options(one, input, progress, own), path) for one, path in _each_target(scores, target, targets, Path(out))
    ]
    files = [kind.files(path, told) for told, path in jobs]
    paths = [path for some in files for path in some]
    _check_outside(scores, paths)
    made = []
    with outputs(paths, force) as parts:
        first = 0
        for (told, _), some in zip(jobs, files, strict=True):
            own_parts = parts[first : first + len(some)]
            written = kind.write(scores, own_parts, told)
            made += [path for path, part in zip(some, own_parts, strict=True) if written is None or part in written]
            first += len(some)
    return made


def _each_target(scores: Explanation, target: Any, targets: Any, out: Path) -> list[tuple[Any, Path]]:
    """Return the targets to write, and the name that each of them gets."""
    if targets is None:
        return [(target, out)]
    if target is not None:
        raise InputError("either target or targets choose what is written, not both")
    known = _all_targets(scores) if isinstance(targets, str) and targets == "all" else targets
    found: dict[Path, Any] = {}
    for one in known:
        chosen = choose_target(scores, one).target
        label = "only" if chosen is None else re.sub(r"[^A-Za-z0-9]+", "-", str(chosen)).strip("-")
        path = _named_by(out, label)
        if path in found:
            raise InputError(
                f"the targets {found[path]!r} and {chosen!r} would both be written to {path}; write them one by one"
            )
        found[path] = chosen
    if not found:
        raise InputError("targets is an empty list; name some, or all of them by 'all'")
    return [(one, path) for path, one in found.items()]


def _all_targets(scores: Explanation) -> list[Any]:
    if not scores.target_axis:
        return [scores.target]
    return scores.target if isinstance(scores.target, list) else list(range(scores.target_count))


def _named_by(out: Path, label: str) -> Path:
    """Return a path with a label before its suffix, and before that of the file that is compressed."""
    end = "".join(out.suffixes[-2:]) if out.suffix == ".gz" else out.suffix
    return out.with_name(f"{out.name.removesuffix(end)}.{label}{end}")


def _place(where: str | Format) -> str:
    return where if isinstance(where, str) else getattr(where, "__name__", type(where).__name__)


def _check_outside(explanation: Explanation, paths: list[Path]) -> None:
    """Raise :class:`InputError` for a file inside the store, which could not be replaced with a foreign file in it."""
    store = explanation.provenance.get("store")
    for path in paths:
        place = path.absolute()
        if store and any(os.path.exists(p) and os.path.samefile(store, p) for p in (place, *place.parents)):
            raise InputError(f"{path} lies inside the score store {store}; give a path outside it")


for _name, _summary in _OURS.items():
    register(_name, f"genolift.export.formats.{_name}", _summary)
