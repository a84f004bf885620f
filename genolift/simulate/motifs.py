"""Motifs as position weight matrices: checked, scored, and read from the formats of motif collections."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError

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


def read_motifs(path: str | os.PathLike) -> dict[str, Motif]:
    """Return the motifs of a file by their names.

    Parameters
    ----------
    path
        A file in the format of MEME, JASPAR, TRANSFAC, HOMER or a similar one (headers that begin with ``>``, and rows
        of four numbers): plain, gzip or bgzip.

    Returns
    -------
    dict of str to Motif
        A motif with both an accession and a name is there under both, the accession first. Counts are turned into
        probabilities.

    Raises
    ------
    FileProblem
        If the file cannot be read, or does not hold text.
    InputError
        If the file holds no motifs, or holds one that is malformed.
    """
    path = Path(path)
    try:
        with open_text(path) as handle:
            text = handle.read()
    except (EOFError, UnicodeDecodeError):
        raise FileProblem(f"{path} is not a motif file: it is damaged or holds binary data") from None
    try:
        entries = _parse(text)
    except (ValueError, KeyError, IndexError) as problem:
        raise InputError(f"{path} cannot be read as a motif file: {problem}") from None
    if not entries:
        raise InputError(f"{path} holds no motifs; MEME, JASPAR, TRANSFAC and HOMER formats are read")
    motifs: dict[str, Motif] = {}
    for names, counts in entries:
        totals = counts.sum(axis=1, keepdims=True)
        if counts.size == 0 or not (totals > 0).all():
            raise InputError(f"{path}: motif {names[0]!r} has a position without any counts")
        for name in dict.fromkeys(names):
            if name and name not in motifs:
                motifs[name] = Motif(name, counts / totals)
    return motifs


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


def _parse(text: str) -> list[tuple[list[str], np.ndarray]]:
    """Return the names, and the counts or probabilities (width, 4), of every motif of a text."""
    if re.search(r"^MEME version", text, re.MULTILINE):
        return _meme(text)
    if re.search(r"^(P0|PO)\s", text, re.MULTILINE):
        return _by_library(text, "transfac")
    blocks = re.findall(r"^>(.*)\n((?:(?!>).*\n?)*)", text, re.MULTILINE)
    if blocks and _is_jaspar([body for _, body in blocks]):
        return _by_library(text, "jaspar")
    return [_rows(header, body) for header, body in blocks]


def _is_jaspar(bodies: list[str]) -> bool:
    """Return whether motifs have a row per base, as in JASPAR's files, and not one per position, as in HOMER's.

    Brackets or the shape of the first motif decide. A motif of four positions without brackets fits both formats, so
    then the next one decides. If none does, the sums over the four bases are compared: read in the right direction they
    differ less from position to position.
    """
    by_row = by_column = 0.0
    for body in bodies:
        rows = [line.split() for line in body.splitlines() if line.strip()]
        if "[" in body or len(rows) != 4:
            return "[" in body
        if len(rows[0]) == 5 and not rows[0][0].replace(".", "").isdigit():
            return False
        if len(rows[0]) != 4:
            return True
        table = np.array(rows, dtype=np.float64)
        by_row += np.ptp(table.sum(axis=1))
        by_column += np.ptp(table.sum(axis=0))
    return by_row > by_column


def _by_library(text: str, form: str) -> list[tuple[list[str], np.ndarray]]:
    """Return what Biopython reads from a text in JASPAR's or TRANSFAC's format."""
    from Bio import motifs

    entries = []
    for motif in motifs.parse(io.StringIO(text), form, strict=False):
        if form == "transfac":
            names = [motif.get(key) for key in ("AC", "ID", "NA")]
        else:
            names = [motif.matrix_id, motif.name]
        counts = np.array([motif.counts[base] for base in BASES], dtype=np.float64).T
        entries.append(([name for name in names if name], counts))
    return entries


def _meme(text: str) -> list[tuple[list[str], np.ndarray]]:
    """Read MEME's text format. Biopython is no help, because it rounds the probabilities to counts of ``nsites``."""
    alphabet = re.search(r"^ALPHABET\s*=?\s*(\S+)", text, re.MULTILINE)
    if alphabet and alphabet[1] != BASES and not alphabet[1].startswith('"DNA'):
        raise ValueError(f"its alphabet is {alphabet[1]}, not ACGT")
    entries = []
    for block in re.split(r"^MOTIF\s+", text, flags=re.MULTILINE)[1:]:
        header, _, body = block.partition("\n")
        matrix = re.search(
            r"letter-probability matrix:[^\n]*\n((?:\s*[-+.\deE]+(?:[ \t]+[-+.\deE]+){3}[ \t]*\n?)+)", body
        )
        if not matrix:
            raise ValueError(f"motif {header.strip()!r} has no letter-probability matrix of four columns")
        rows = [row.split() for row in matrix[1].split("\n") if row.strip()]
        entries.append((header.split()[:2], np.array(rows, float)))
    return entries


def _rows(header: str, body: str) -> tuple[list[str], np.ndarray]:
    """Read one motif with a row of four numbers per position, with or without the consensus letter before them."""
    names = header.split("\t") if "\t" in header else header.split()
    rows = []
    for line in body.splitlines():
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        if len(fields) == 5 and len(fields[0]) == 1 and not fields[0].isdigit():
            fields = fields[1:]
        if len(fields) != 4:
            raise ValueError(f"motif {header.strip()!r} has a row that is not four numbers: {line.strip()!r}")
        rows.append([float(field) for field in fields])
    return [name.strip() for name in names[:2]], np.array(rows)
