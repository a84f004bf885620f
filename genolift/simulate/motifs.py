"""Motifs as position weight matrices: checked, scored, and read from the formats of motif collections."""

from __future__ import annotations

import difflib
import gzip
import logging
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.sequence.files import open_text
from genolift.simulate import motif_formats
from genolift.simulate.motif_values import Entry
from genolift.support.errors import FileProblem, InputError, Remedy

log = logging.getLogger("genolift")

#: Published matrices are rounded. A row whose sum is this close to 1 is renormalised, and any other is refused.
ROUNDING = 1.0001e-3


def check_probabilities(rows: Any, what: str) -> np.ndarray:
    """Return probabilities of the four bases whose sums are 1.

    Parameters
    ----------
    rows
        Numbers (..., 4) in whatever form NumPy takes them. Each row may differ from a sum of 1 by ``ROUNDING``.
    what
        What an error message calls them.

    Returns
    -------
    np.ndarray
        (..., 4) float64.

    Raises
    ------
    InputError
        If the shape is wrong, a value is not between 0 and 1, or a sum differs from 1 by more than ``ROUNDING``.
    """
    try:
        rows = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError):
        raise InputError(f"{what} must have four numbers (A, C, G, T) in every row") from None
    if rows.ndim < 1 or rows.shape[-1] != 4 or rows.size == 0:
        raise InputError(f"{what} must have four numbers (A, C, G, T) in every row, not the shape {rows.shape}")
    table = rows.reshape(-1, 4)
    for index, row in enumerate(table):
        where = f"row {index + 1} of {what}" if rows.ndim > 1 else what
        if not np.isfinite(row).all() or (row < 0).any() or (row > 1 + ROUNDING).any():
            raise InputError(f"{where} holds {row.tolist()}: probabilities lie between 0 and 1")
        if abs(row.sum() - 1) > ROUNDING:
            raise InputError(f"{where} sums to {row.sum():.6g}: probabilities of A, C, G, T must sum to 1")
    return rows / rows.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif as a position weight matrix.

    Parameters
    ----------
    name
        The motif's name.
    matrix
        The probabilities of A, C, G, T at each position, (width, 4). They are kept as float64 with sums of 1.

    Raises
    ------
    InputError
        If ``matrix`` does not hold probabilities (width, 4).
    """

    name: str
    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = check_probabilities(self.matrix, f"motif {self.name!r}")
        if matrix.ndim != 2:
            raise InputError(f"motif {self.name!r} must be a matrix (width, 4), not the shape {matrix.shape}")
        object.__setattr__(self, "matrix", matrix)

    @property
    def width(self) -> int:
        """The number of positions."""
        return len(self.matrix)

    @property
    def consensus(self) -> str:
        """The most probable base of each position, as a text."""
        return "".join(BASES[i] for i in self.matrix.argmax(axis=1))

    def reverse_complement(self) -> Motif:
        """Return the motif as the other strand shows it."""
        return Motif(self.name, self.matrix[::-1, ::-1])

    def log_odds(self, background: Any, pseudo: float = 0.001) -> np.ndarray:
        """Return the score of each base at each position against a background.

        Parameters
        ----------
        background
            The probabilities of A, C, G, T in the background, (4,).
        pseudo
            The share of uniform probabilities that is mixed into the matrix, so that no probability is 0.

        Returns
        -------
        np.ndarray
            (width, 4): ln(((1 - pseudo) p + pseudo / 4) / background).

        Raises
        ------
        InputError
            If ``background`` does not hold four probabilities above 0.
        """
        background = check_probabilities(background, "background")
        if (background == 0).any():
            raise InputError("background must give every base a probability above 0 to score against it")
        return np.log(((1 - pseudo) * self.matrix + pseudo / 4) / background)


@dataclass(frozen=True)
class MotifFile:
    """The motifs of a file, and those that cannot be used.

    Attributes
    ----------
    path : Path
        The file.
    motifs : dict of str to Motif
        The motifs by their names. A motif with both an accession and a name is there under both. Where several
        different motifs have the same accession, they are ``NAME#1``, ``NAME#2`` and so on.
    faulty : dict of str to str
        The names of motifs that cannot be used, and the reasons.
    left_out : int
        The number of motifs that cannot be used.
    shared : dict of str to list of str
        Names that several motifs have, and the names that tell these apart.
    titles : dict of str to tuple of str
        All names of each motif by the one that tells it apart.
    """

    path: Path
    motifs: dict[str, Motif]
    faulty: dict[str, str]
    shared: dict[str, list[str]]
    titles: dict[str, tuple[str, ...]]
    left_out: int

    @classmethod
    def read(cls, path: str | os.PathLike, motif_format: str | None = None) -> MotifFile:
        """Read a file; the arguments and errors are those of :func:`read_motifs`, but single motifs raise nothing."""
        path = Path(path)
        try:
            with open_text(path) as handle:
                text = handle.read()
        except (EOFError, UnicodeDecodeError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is not a motif file: it is damaged or holds binary data") from None
        if "\0" in text:
            raise FileProblem(f"{path} is not a motif file: it holds binary data, or text that is not UTF-8")
        try:
            entries = motif_formats.parse(text, motif_format)
        except InputError as problem:
            raise InputError(f"{path} cannot be read as a motif file: {problem.message}", problem.remedy) from None
        if not entries:
            raise InputError(f"{path} holds no motifs; MEME, JASPAR, TRANSFAC and HOMER formats are read")
        return cls(path, *_named(entries), sum(bool(entry.fault) for entry in entries))

    def get(self, name: str) -> Motif:
        """Return the motif of a name.

        Raises
        ------
        InputError
            If there is none, if several have this name, or if it cannot be used.
        """
        if name in self.shared:
            others = " and ".join(map(repr, self.shared[name]))
            raise InputError(f"{self.path} has several motifs named {name!r}; ask for {others}")
        if name in self.motifs:
            return self.motifs[name]
        if name in self.faulty:
            raise InputError(f"{self.path}: motif {name!r}, {self.faulty[name]}")
        close = difflib.get_close_matches(name, self.motifs, 4, 0.5) or list(self.motifs)[:8]
        raise InputError(f"{self.path} holds no motif {name!r}; it has {', '.join(close)}")

    def __contains__(self, name: str) -> bool:
        return name in self.motifs or name in self.shared or name in self.faulty


def _named(
    entries: Sequence[Entry],
) -> tuple[dict[str, Motif], dict[str, str], dict[str, list[str]], dict[str, tuple[str, ...]]]:
    """Return motifs, faults, shared names and titles of entries by name."""
    alike: dict[str, list[Entry]] = {}
    faulty: dict[str, str] = {}
    for entry in entries:
        if entry.fault:
            for name in entry.names:
                faulty.setdefault(
                    name, entry.fault if entry.fault.startswith("line ") else f"line {entry.line}: {entry.fault}"
                )
            continue
        others = alike.setdefault(entry.names[0], [])
        if not any(_same(entry, other) for other in others):
            others.append(entry)
    motifs: dict[str, Motif] = {}
    shared: dict[str, list[str]] = {}
    second: dict[str, list[str]] = {}
    titles: dict[str, tuple[str, ...]] = {}
    for first, several in alike.items():
        for number, entry in enumerate(several, start=1):
            name = first if len(several) == 1 else f"{first}#{number}"
            motifs[name] = Motif(name, entry.matrix)
            titles[name] = tuple(dict.fromkeys([name, *entry.names[1:]]))
            if name != first:
                shared.setdefault(first, []).append(name)
            for other in entry.names[1:]:
                if other not in alike:
                    second.setdefault(other, []).append(name)
                    motifs[other] = Motif(other, entry.matrix)
    for name, owners in second.items():
        if len(owners) > 1:
            shared[name] = owners
            del motifs[name]
    # A good motif keeps its own name. A second name that a faulty one has as well is not to be taken for the good one.
    for name in faulty.keys() & second.keys():
        motifs.pop(name, None)
        shared.pop(name, None)
    return motifs, faulty, shared, titles


def _same(one: Entry, other: Entry) -> bool:
    return one.names == other.names and np.array_equal(one.matrix, other.matrix)


def read_motifs(
    path: str | os.PathLike, motif_format: str | None = None, on_bad: Literal["refuse", "skip"] = "refuse"
) -> dict[str, Motif]:
    """Return the motifs of a file by their names.

    Parameters
    ----------
    path
        A file in the format of MEME, JASPAR, TRANSFAC, HOMER or a similar one (headers that begin with ``>``, and rows
        of numbers): plain, gzip or bgzip.
    motif_format
        ``"meme"``, ``"jaspar"`` (a row per base), ``"transfac"`` or ``"homer"`` (a row of four numbers per position).
        The default ``None`` recognises the format by the content.
    on_bad
        ``"refuse"`` (the default) raises where a motif cannot be used, ``"skip"`` leaves it out with a warning.

    Returns
    -------
    dict of str to Motif
        A motif with both an accession and a name is there under both, the accession first. Counts are turned into
        probabilities. Different motifs of one accession are ``NAME#1``, ``NAME#2`` and so on. A second name that
        several motifs share is left out.

    Raises
    ------
    FileProblem
        If the file cannot be read, or does not hold text.
    InputError
        If the file holds no motifs, if its rows may be bases or positions, or if it holds a motif that is malformed.
    """
    found = MotifFile.read(path, motif_format)
    if found.faulty:
        name, fault = next(iter(found.faulty.items()))
        told = f"{found.path}: motif {name!r}, {fault}"
        if on_bad == "refuse":
            skip = Remedy("on_bad='skip' leaves such motifs out", "remove the motif, or ask for others by name")
            raise InputError(told, skip)
        if not found.motifs:
            raise InputError(f"{told}; no other motif can be used")
        log.warning("%s motifs are left out, for example: %s", f"{len(found.faulty):,}", told)
    return found.motifs


def scan(codes: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Return the log-odds at every place of sequences.

    Parameters
    ----------
    codes
        The sequences (N, L); 4 is an unknown base, which adds nothing.
    log_odds
        The score of each base at each position of the motif, (w, 4).

    Returns
    -------
    np.ndarray
        (N, L - w + 1).
    """
    padded = np.concatenate([log_odds, np.zeros((len(log_odds), 1))], axis=1)
    places = codes.shape[1] - len(log_odds) + 1
    score = np.zeros((len(codes), places))
    for k, row in enumerate(padded):
        score += row[codes[:, k : k + places]]
    return np.round(score, 9)  # Rounding makes windows equal that differ only by the order of additions.


def meme_text(motifs: Iterable[tuple[Motif, int]], background: Iterable[float]) -> str:
    """Return motifs in MEME's motif format. It says that both strands were used.

    Parameters
    ----------
    motifs
        The motifs, each with the number of sites that it was made from.
    background
        The probabilities of A, C, G, T in the background.

    Returns
    -------
    str
        The text of a MEME file.
    """
    shares = " ".join(f"{base} {share:.6f}" for base, share in zip(BASES, background, strict=True))
    parts = [f"MEME version 5\n\nALPHABET= {BASES}\n\nstrands: + -\n\nBackground letter frequencies\n{shares}\n"]
    for motif, sites in motifs:
        rows = "\n".join(" ".join(f"{p:.6f}" for p in row) for row in motif.matrix)
        head = f"letter-probability matrix: alength= 4 w= {motif.width} nsites= {sites} E= 0"
        parts.append(f"MOTIF {motif.name}\n{head}\n{rows}\n")
    return "\n".join(parts)
