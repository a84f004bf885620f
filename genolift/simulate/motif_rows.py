"""Motifs with a header that begins with ``>``, and rows of numbers: one per base (JASPAR) or per position (HOMER)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.simulate.motif_values import Entry, Line, numbers, probabilities_of
from genolift.support.errors import InputError, Remedy, setting

_JASPAR, _HOMER = "jaspar", "homer"
# A row may begin with a letter: a base, or the consensus of a position. Behind a base there may be a sign or a bracket.
_LETTERED = re.compile(r"([A-Za-z])(?:\s*[:|\[]|\s)\s*(.*)")
_EVEN = 0.02  # sums that differ by no more than this share of their mean are the same but for rounding


@dataclass(frozen=True)
class _Block:
    """A motif's header and its rows."""

    head: Line
    rows: tuple[Line, ...]

    @property
    def names(self) -> tuple[str, ...]:
        text = self.head.text[1:].strip()
        names = text.split("\t") if "\t" in text else text.split()
        return tuple(name.strip() for name in names[:2] if name.strip()) or ("",)

    @cached_property
    def letters(self) -> str:
        """The letters that the rows begin with; empty unless all do."""
        found = [_LETTERED.fullmatch(row.text) for row in self.rows]
        return "".join(match[1] for match in found if match).upper() if all(found) else ""

    @cached_property
    def values(self) -> list[list[float] | None]:
        """The numbers of each row, ``None`` for a row that holds something else."""
        texts = [_LETTERED.fullmatch(row.text)[2] if self.letters else row.text for row in self.rows]  # type: ignore[index]
        return [numbers(text.replace("[", " ").replace("]", " ").split()) for text in texts]

    @cached_property
    def readings(self) -> set[str]:
        """The formats whose shape the rows have."""
        if any("[" in row.text for row in self.rows):
            return {_JASPAR}
        sizes = {len(row) if row is not None else 0 for row in self.values}
        possible = set()
        if len(self.rows) == 4 and len(sizes) == 1 and 0 not in sizes and sorted(self.letters) in ([], sorted(BASES)):
            possible.add(_JASPAR)
        if sizes == {4}:
            possible.add(_HOMER)
        if len(possible) == 2 and self._is_the_same_turned():
            possible.discard(_JASPAR)
        elif len(possible) == 2 and self.letters and not self._letters_are_consensus():
            possible.discard(_HOMER)
        return possible

    def _is_the_same_turned(self) -> bool:
        table = np.array(self.values)
        return not self.letters and np.array_equal(table, table.T)

    def _letters_are_consensus(self) -> bool:
        table = np.array(self.values)
        return all(table[i, BASES.index(letter)] == table[i].max() for i, letter in enumerate(self.letters))

    def likely(self) -> set[str]:
        """Return in which of two readings the sums over the four bases are the same at every position."""
        table = np.array(self.values)
        sums = {_JASPAR: table.sum(axis=0), _HOMER: table.sum(axis=1)}
        even = {form for form, some in sums.items() if np.ptp(some) <= _EVEN * some.mean()}
        return even if len(even) == 1 else {_JASPAR, _HOMER}

    def entry(self, form: str) -> Entry:
        """Return the motif as a format has it."""
        entry = Entry(self.names, self.head.number)
        try:
            return replace(entry, matrix=self._by_base() if form == _JASPAR else self._by_position())
        except InputError as problem:
            return replace(entry, fault=str(problem))

    def _by_base(self) -> np.ndarray:
        letters = self.letters or BASES
        if len(self.rows) != 4 or sorted(letters) != sorted(BASES):
            raise InputError(f"it has {len(self.rows)} rows; one for each of A, C, G and T is needed")
        for row, values in zip(self.rows, self.values, strict=True):
            if not values:
                raise InputError(f"line {row.number}: {row.text!r} is not a row of numbers")
            if len(values) != len(self.values[0] or []):
                raise InputError(f"line {row.number}: {row.text!r} has not as many numbers as the row of {letters[0]}")
        return probabilities_of(np.array([self.values[letters.index(base)] for base in BASES]).T)

    def _by_position(self) -> np.ndarray:
        if not self.rows:
            raise InputError("it has no rows")
        for row, values in zip(self.rows, self.values, strict=True):
            if values is None or len(values) != 4:
                raise InputError(f"line {row.number}: {row.text!r} is not four numbers")
        return probabilities_of(np.array(self.values), self.rows)


def read_rows(lines: Sequence[Line], form: str | None) -> list[Entry]:
    """Return the motifs of a text.

    Parameters
    ----------
    lines
        The lines of the text.
    form
        ``"jaspar"`` for a row per base, ``"homer"`` for a row per position; ``None`` decides by the content. The shapes
        of all motifs count. Only if no shape decides, the sums over the four bases do.

    Raises
    ------
    InputError
        If rows may be bases or positions, or if something stands before the first header.
    """
    blocks: list[_Block] = []
    for line in lines:
        if line.text.startswith(">"):
            blocks.append(_Block(line, ()))
        elif blocks and line.text and not line.text.startswith("#"):
            blocks[-1] = replace(blocks[-1], rows=(*blocks[-1].rows, line))
        elif line.text and not line.text.startswith("#") and any(other.text.startswith(">") for other in lines):
            raise InputError(f"line {line.number}: {line.text[:40]!r} stands before the first motif")
    if form is not None:
        return [block.entry(form) for block in blocks]
    certain = {next(iter(block.readings)) for block in blocks if len(block.readings) == 1}
    open_ones = [block for block in blocks if len(block.readings) == 2]
    rest = certain
    if not certain and open_ones:
        rest = {form for block in open_ones if len(block.likely()) == 1 for form in block.likely()}
    if open_ones and len(rest) != 1:
        raise _ambiguous(open_ones[0])
    default = next(iter(rest)) if len(rest) == 1 else _HOMER
    return [block.entry(next(iter(block.readings)) if len(block.readings) == 1 else default) for block in blocks]


def _ambiguous(block: _Block) -> InputError:
    say = Remedy.naming(
        "{} reads a row per base, {} a row per position",
        *(setting("motif_format", form) for form in (_JASPAR, _HOMER)),
    )
    return InputError(f"line {block.head.number}: the rows of motif {block.names[0]!r} may be bases or positions", say)
