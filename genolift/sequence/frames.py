"""The frame of a FASTA file: where each record's lines lie, found by reading the file once.

Random access computes where a base lies from the length of the lines, so every line of a record but the last must be
like the first. An index that somebody made of another version of the file, or of one with blanks at the ends of its
lines, would shift the bases without a word. So none is believed: this scan looks at every line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_BOM = b"\xef\xbb\xbf"
_LINE_END, _HEADER = ord("\n"), ord(">")
_BLANKS = b" \t\r\v\f\x1c\x1d\x1e\x1f"  # with the line feed, the ASCII letters that str.split takes for blanks
_IS_BLANK = np.isin(np.arange(256), np.frombuffer(_BLANKS, np.uint8))
_LONG = 1 << 16  # A line of more bytes is not kept in memory until its end.
BLANKS = _BLANKS + b"\n"
_AFTER_SHORTER = "follows a line that is shorter than others, or that ends in another way"


class Frame(NamedTuple):
    """Where a record lies: its name, its number of bases, the place of its first, and the shape of its lines.

    A line has ``bases`` bases and ``width`` bytes, with what ends it. Only the last may have fewer.
    """

    name: str
    length: int
    offset: int
    bases: int
    width: int

    def place(self, base: int) -> int:
        """Return where a base (0-based) lies in the file."""
        return self.offset + base // self.bases * self.width + base % self.bases


class Irregular(Exception):
    """The lines of a record have no common shape. The message says which line is the first of another."""


def record_name(title: str) -> str:
    """Return the name of a record, which is the first word of its title; empty if there is none."""
    return (title.split(maxsplit=1) or [""])[0]


def scan_frames(pieces: Iterable[bytes]) -> list[Frame]:
    """Return the frames of all records of a FASTA file.

    Parameters
    ----------
    pieces
        The file's bytes in order, in pieces of any length.

    Raises
    ------
    Irregular
        If places of bases cannot be computed: a line is longer than those before it or follows a shorter one, or holds
        something within it that is not a letter of ASCII.
    """
    scan, rest, first = _Scan(), b"", True
    for piece in pieces:
        data = rest + piece
        if first and len(data) < len(_BOM) and _BOM.startswith(data):
            rest = data
            continue
        if first and data.startswith(_BOM):
            data, scan.place = data[len(_BOM) :], len(_BOM)
        first = False
        rest = scan.take(data)
    scan.take(rest + b"\n")
    scan.close()
    return scan.frames


class _Scan:
    """What is known of a file after some of its lines."""

    def __init__(self):
        self.frames: list[Frame] = []
        self.place = 0  # in the file, of the first byte that was not taken
        self._line = 0  # lines that were taken
        self._name: str | None = None  # of the open record
        self._begun: tuple[int, int] | None = None  # of a line that goes on: where it began, and its letters
        self._length = self._offset = self._bases = self._width = 0
        self._ended = False

    def take(self, data: bytes) -> bytes:
        """Take the whole lines of the data, and return the rest."""
        cut = data.rfind(b"\n") + 1
        if cut:
            self._lines(data[:cut])
            self.place += cut
        rest = data[cut:]
        if len(rest) > _LONG and (self._begun is not None or rest[0] != _HEADER):
            body = rest.rstrip(_BLANKS)  # Blanks may be followed by letters, or by the end of the line.
            if self._name is not None and (not body.isascii() or (np.frombuffer(body, np.uint8) <= 32).any()):
                raise self._irregular(0, "holds something else than letters")
            begin, letters = self._begun or (self.place, 0)
            self._begun = begin, letters + len(body)
            self.place += len(body)
            rest = rest[len(body) :]
        return rest

    def close(self) -> None:
        """End the open record."""
        if self._name is not None:
            self.frames.append(Frame(self._name, self._length, self._offset, self._bases or 1, self._width or 1))
        self._name, self._ended = None, False
        self._length = self._offset = self._bases = self._width = 0

    def _lines(self, data: bytes) -> None:
        """Take lines of which the last is whole."""
        a = np.frombuffer(data, np.uint8)
        found = np.flatnonzero(a <= 32) if data.isascii() else np.flatnonzero((a <= 32) | (a > 127))
        is_end = a[found] == _LINE_END
        ends, others = found[is_end], found[~is_end]
        starts = np.concatenate([[0], ends[:-1] + 1])
        header = a[starts] == _HEADER
        letters, odd = _letters(a, starts, ends, others)
        places = self.place + starts
        if self._begun is not None:
            header[0] = False
            letters[0] += self._begun[1]
            places[0] = self._begun[0]
            self._begun = None
        widths = self.place + ends + 1 - places
        # Most lines are like the one before, so that there is little left to look at one by one.
        other = header | odd
        other[1:] |= header[:-1] | (letters[1:] != letters[:-1]) | (widths[1:] != widths[:-1])
        other[0] = True
        runs = np.flatnonzero(other)
        columns = (runs, starts[runs], ends[runs], places[runs], letters[runs], widths[runs], header[runs], odd[runs])
        counts = np.diff(runs, append=len(ends)).tolist()
        for line, start, end, place, filled, width, is_header, is_odd, count in zip(
            *(column.tolist() for column in columns), counts, strict=True
        ):
            if is_header:
                self._open(data[start + 1 : end], line)
            elif self._name is not None:
                if is_odd:
                    raise self._irregular(line, "holds something else than letters")
                self._sequence(place, filled, width, count, line)
        self._line += len(ends)

    def _open(self, title: bytes, line: int) -> None:
        self.close()
        if b"\r" in title.rstrip() or b"\0" in title:
            raise self._irregular(line, "holds a carriage return or a null within it")
        self._name = record_name(title.decode("utf-8", "surrogateescape"))

    def _sequence(self, place: int, letters: int, width: int, count: int, line: int) -> None:
        """Add lines of one shape to the open record, the first of which begins at a place in the file."""
        if not letters:
            self._ended = self._bases > 0  # Blank lines may come first, and last.
            return
        if self._ended:
            raise self._irregular(line, _AFTER_SHORTER)
        if not self._bases:
            self._offset, self._bases, self._width = place, letters, width
        if (letters, width) == (self._bases, self._width):
            self._length += count * letters
            return
        if letters > self._bases:
            raise self._irregular(line, "is longer than those before it")
        if count > 1:
            raise self._irregular(line + 1, _AFTER_SHORTER)
        self._length += letters
        self._ended = True

    def _irregular(self, line: int, what: str) -> Irregular:
        record = f" (record {len(self.frames) + 1}, {self._name!r})" if self._name else ""
        return Irregular(f"line {self._line + line + 1:,}{record} {what}")


def _letters(a: np.ndarray, starts: np.ndarray, ends: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many letters each line has before the blanks at its end, and whether something else is among them."""
    if not len(others):
        return ends - starts, np.zeros(len(ends), bool)
    first = np.searchsorted(others, starts)
    count = np.searchsorted(others, ends) - first
    # The others of a line are all at its end if the first of them is as far from the end as there are others.
    at_end = others[np.minimum(first, len(others) - 1)] == ends - count
    strange = np.concatenate([[0], np.cumsum(~_IS_BLANK[a[others]])])
    odd = (count > 0) & (~at_end | (strange[first + count] > strange[first]))
    return ends - starts - count, odd
