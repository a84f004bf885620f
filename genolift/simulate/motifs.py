"""Motifs as position weight matrices: checked, scored, and read from the formats of motif collections."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError

ROUNDING = 1.0001e-3  # published matrices are rounded; rows this close to 1 are renormalised, others refused


def check_probabilities(rows, what: str) -> np.ndarray:
    """``rows`` (..., 4) as float64 probabilities that sum to 1 exactly.

    Raises :class:`InputError` if the shape is wrong, a value is not between 0 and 1, or a sum is off by more
    than rounding.
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
    """A position weight matrix: ``matrix`` (width, 4) of probabilities, columns A, C, G, T."""

    name: str
    matrix: np.ndarray

    def __post_init__(self):
        matrix = check_probabilities(self.matrix, f"motif {self.name!r}")
        if matrix.ndim != 2:
            raise InputError(f"motif {self.name!r} must be a matrix (width, 4), not the shape {matrix.shape}")
        object.__setattr__(self, "matrix", matrix)

    @property
    def width(self) -> int:
        """Number of positions."""
        return len(self.matrix)

    @property
    def consensus(self) -> str:
        """The likeliest base of every position."""
        return "".join(BASES[i] for i in self.matrix.argmax(axis=1))

    def reverse_complement(self) -> "Motif":
        """The same motif as the other strand shows it."""
        return Motif(self.name, self.matrix[::-1, ::-1])

    def log_odds(self, background, pseudo: float = 0.001) -> np.ndarray:
        """ln(((1 - pseudo) p + pseudo / 4) / background), (width, 4): every base's score."""
        background = check_probabilities(background, "background")
        if (background == 0).any():
            raise InputError("background must give every base a probability above 0 to score against it")
        return np.log(((1 - pseudo) * self.matrix + pseudo / 4) / background)


def read_motifs(path) -> dict[str, Motif]:
    """Motifs of a file by name: MEME, JASPAR, TRANSFAC, HOMER or the like (a header ``>``, rows of four).

    A motif that has both an accession and a name is entered under both (the accession first). Count matrices
    become probabilities. Raises :class:`FileProblem` or :class:`InputError` naming the file.
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


def meme_text(motifs: Iterable[tuple[Motif, int]], background) -> str:
    """Motifs, each with its number of sites, in MEME's motif format; strands are both, as for most DNA."""
    shares = " ".join(f"{base} {share:.6f}" for base, share in zip(BASES, background, strict=True))
    parts = [f"MEME version 5\n\nALPHABET= {BASES}\n\nstrands: + -\n\nBackground letter frequencies\n{shares}\n"]
    for motif, sites in motifs:
        rows = "\n".join(" ".join(f"{p:.6f}" for p in row) for row in motif.matrix)
        head = f"letter-probability matrix: alength= 4 w= {motif.width} nsites= {sites} E= 0"
        parts.append(f"MOTIF {motif.name}\n{head}\n{rows}\n")
    return "\n".join(parts)


def _parse(text: str) -> list[tuple[list[str], np.ndarray]]:
    """(names, counts or probabilities (width, 4)) of every motif of the text."""
    if re.search(r"^MEME version", text, re.MULTILINE):
        return _meme(text)
    if re.search(r"^(P0|PO)\s", text, re.MULTILINE):
        return _by_library(text, "transfac")
    blocks = re.findall(r"^>(.*)\n((?:(?!>).*\n?)*)", text, re.MULTILINE)
    if blocks and _is_jaspar([body for _, body in blocks]):
        return _by_library(text, "jaspar")
    return [_rows(header, body) for header, body in blocks]


def _is_jaspar(bodies: list[str]) -> bool:
    """Whether motifs have a row per base, as in JASPAR's files, and not a row per position, as in HOMER's and ENCODE's.

    Brackets and shapes tell. A motif of four positions has neither, so that the next one decides; where all have four
    positions, those that are read the right way have sums that differ less.
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
    """MEME's text format. Not by Biopython, which rounds the probabilities to whole counts of ``nsites``."""
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
        entries.append(
            (
                header.split()[:2],
                np.array([row.split() for row in matrix[1].split("\n") if row.strip()], float),
            )
        )
    return entries


def _rows(header: str, body: str) -> tuple[list[str], np.ndarray]:
    """One motif with a row per position: four numbers, with or without the consensus letter before them."""
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
