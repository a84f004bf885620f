"""Inputs beside the sequence as the command line names them: ``NAME=FILE.npz``, ``NAME=0.5`` or ``NAME=zeros``."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.models.layout import guess
from genolift.models.signature import Port, describe
from genolift.pipeline.keeping.digest import digest_path
from genolift.sequence.alphabet import is_dna
from genolift.sequence.files import check_regular
from genolift.support.errors import FileProblem, InputError, Remedy, Setting, UnsupportedModel, setting
from genolift.support.files import absent

if TYPE_CHECKING:
    from genolift.methods.beside import Beside

_SUFFIXES = (".npz", ".npy")


def read_text(text: str) -> tuple[str, float | Path]:
    """Return the name of an input, and its constant or its file, from ``NAME=VALUE``.

    Raises
    ------
    InputError
        If the text is not understood.
    """
    name, equals, value = text.partition("=")
    if name and equals and value:
        if value == "zeros":
            return name, 0.0
        if value.endswith(_SUFFIXES):
            return name, Path(value)
        try:
            number = float(value)
        except ValueError:
            number = np.nan
        if np.isfinite(number):
            return name, number
    raise InputError(
        f"{text!r} is not understood; write NAME=FILE.npz (or .npy, a row for each record), NAME=0.5 or NAME=zeros"
    )


def check_file(path: Path) -> None:
    """Raise :class:`FileProblem` for a file that is not there, or can be read once only."""
    if not path.exists():
        raise absent(path)
    check_regular(path)
    if not path.is_file():
        raise FileProblem(f"{path} is not a file")


def described(also: Sequence[tuple[str, float | Path]]) -> dict[str, Any]:
    """Return what tells these inputs from others, by content."""
    return {name: {"sha256": digest_path(value)} if isinstance(value, Path) else value for name, value in also}


def sequence_place(path: Path, ports: Sequence[Port], name: str | None, layout: str | None) -> int:
    """Return the number of the input that is the sequence.

    Parameters
    ----------
    path
        The model's file.
    ports
        The inputs of the model.
    name
        The name of the input, if the user says it.
    layout
        The layout that the model is read with.

    Raises
    ------
    InputError
        If there is no such input, or several are DNA and none is named.
    UnsupportedModel
        If no input is DNA.
    """
    dna = [i for i, port in enumerate(ports) if is_dna(port.shape)]
    if name is not None:
        named = [i for i, port in enumerate(ports) if port.name == name]
        if not named:
            raise InputError(f"{path} has no input {name!r}; it takes {told(ports)}")
        if named[0] not in dna:
            raise InputError(f"input {name!r} of {path} is no DNA of shape (length, 4); it takes {told(ports)}")
        return named[0]
    if len(dna) > 1:
        choose = Remedy.naming("{} says which one is scored", setting("input", "NAME"))
        raise InputError(f"{path} takes {told(ports)}, of which several have the shape of DNA", choose)
    if dna:
        return dna[0]
    guesses = [] if layout is not None else [found for port in ports if (found := guess(port.shape)) is not None]
    remedy = Remedy.naming("a sequence has the shape (length, 4)")
    if len(guesses) == 1:
        remedy = Remedy.naming("if that is DNA, {} says how", setting("layout", str(guesses[0])))
    raise UnsupportedModel(f"{path} takes {told(ports)}, of which none is DNA as (length, 4)", remedy)


def inputs_beside(path: Path, model: Any, place: int, also: Sequence[tuple[str, float | Path]]) -> Beside | None:
    """Return the inputs beside the sequence; ``None`` for a model that takes nothing else.

    Parameters
    ----------
    path
        The model's file.
    model
        The model.
    place
        The number of the input that is the sequence.
    also
        The names of other inputs, each with a number or a file.

    Raises
    ------
    InputError
        If an input is not given, not known, given twice, or not of the shape that the model takes.
    FileProblem
        If a file cannot be read.
    """
    ports = describe(model).inputs
    others = [port for i, port in enumerate(ports) if i != place]
    names = [name for name, _ in also]
    for name in names:
        if name == ports[place].name:
            raise InputError(f"input {name!r} of {path} is the sequence, which comes from the FASTA file")
        if name not in [port.name for port in others]:
            raise InputError(f"{path} has no input {name!r}; it takes {told(ports)}")
        if names.count(name) > 1:
            raise InputError(f"input {name!r} is given twice")
    missing = [port for port in others if port.name not in names]
    if missing:
        way = Setting("others=", "--also NAME=FILE.npz (a row for each record), NAME=0.5 or NAME=zeros")
        raise InputError(
            f"{path} takes {told(missing)} beside the sequence {told([ports[place]])}", Remedy.naming("give {}", way)
        )
    if not others:
        return None
    from genolift.methods.beside import Beside  # loads TensorFlow

    return Beside.of(model, {name: _read(value, name) if isinstance(value, Path) else value for name, value in also})


def check_rows(beside: Beside | None, records: int, listing: object) -> None:
    """Raise :class:`InputError` unless there is a row for each of so many records of ``listing``, scored or not."""
    if beside is not None and beside.rows not in (None, records):
        (_, name), *_ = beside.by_record
        raise InputError(
            f"input {name!r} has {beside.rows:,} rows, and {listing} {records:,} records; give a row for each record, "
            "in their order, also for those that are left out"
        )


def told(ports: Sequence[Port]) -> str:
    """Return the names and shapes of inputs."""
    return ", ".join(
        f"{port.name} ({', '.join('any' if size is None else str(size) for size in port.shape)})" for port in ports
    )


def _read(path: Path, name: str) -> np.ndarray:
    check_file(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if len(loaded.files) > 1 and name not in loaded.files:
                raise InputError(f"{path} holds {', '.join(loaded.files)}; none of its arrays is called {name!r}")
            if not loaded.files:
                raise InputError(f"{path} holds no array")
            return loaded[name if name in loaded.files else loaded.files[0]]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as problem:
        if isinstance(problem, InputError):
            raise
        raise FileProblem(f"{path} cannot be read as NumPy's .npy or .npz: {problem}") from None
