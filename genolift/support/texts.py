"""Lists of many texts that take little memory."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np


class Listed(Sequence[str]):
    """A list of texts that are made when they are asked for. It is equal to any other list of the same texts."""

    @abstractmethod
    def text(self, i: int) -> str:
        """Return text ``i``, which is from 0 to one less than the length."""

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        if isinstance(i, slice):
            return self.take(range(*i.indices(len(self))))
        return self.text(range(len(self))[i])

    def take(self, rows: Iterable[int]) -> list[str]:
        """Return the texts of some rows, which must not be negative."""
        return [self.text(i) for i in rows]

    def __iter__(self) -> Iterator[str]:
        return map(self.text, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        some = ", ".join(map(repr, self[:3]))
        return f"<{len(self)} texts: {some}{', ...' if len(self) > 3 else ''}>"


class Texts(Listed):
    """Texts that are kept as bytes, one after the other, so that a million names are not a million objects."""

    def __init__(self, texts: Iterable[str] = ()):
        self._bytes, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    @classmethod
    def of(cls, joined: np.ndarray, ends: np.ndarray) -> Texts:
        """Return the texts that have these ``joined`` and ``ends``."""
        made = cls()
        made._bytes += joined.tobytes()
        made._ends.frombytes(ends.astype(np.int64).tobytes())
        return made

    @property
    def joined(self) -> np.ndarray:
        """All texts in UTF-8, one after the other, as uint8. No text can be appended while this array exists."""
        return np.frombuffer(self._bytes, np.uint8)

    @property
    def ends(self) -> np.ndarray:
        """The place in ``joined`` where each text ends, (N,) int64."""
        return np.array(self._ends, np.int64)[1:]

    def append(self, text: str) -> None:
        """Add a text at the end."""
        self._bytes += text.encode(errors="surrogatepass")
        self._ends.append(len(self._bytes))

    def text(self, i: int) -> str:
        """Return text ``i``."""
        return self._bytes[self._ends[i] : self._ends[i + 1]].decode(errors="surrogatepass")

    def __len__(self) -> int:
        return len(self._ends) - 1


class Words(Listed):
    """Texts of which only a few are different. Each is kept as a number.

    Attributes
    ----------
    different : list of str
        The different texts, in the order of their first appearance.
    """

    def __init__(self, texts: Iterable[str] = ()):
        self._numbers: dict[str, int] | None = None
        self.different: list[str] = []
        self._codes = array("i")
        for text in texts:
            self.append(text)

    @classmethod
    def of(cls, different: list[str], codes: np.ndarray) -> Words:
        """Return the texts that have these ``different`` and ``codes``."""
        made = cls()
        made.different = different
        made._codes.frombytes(codes.astype(np.int32).tobytes())
        return made

    @property
    def codes(self) -> np.ndarray:
        """The place of each text in ``different``, (N,) int32."""
        return np.array(self._codes, np.int32)

    def at(self, rows: np.ndarray) -> Words:
        """Return the texts of some rows (M,)."""
        return Words.of(self.different, np.asarray(self._codes)[rows])

    def compact(self) -> Words:
        """Return the same texts with a ``different`` that holds only those that occur."""
        codes, first, places = np.unique(np.asarray(self._codes), return_index=True, return_inverse=True)
        order = np.argsort(first)
        return Words.of([self.different[code] for code in codes[order]], np.argsort(order)[places])

    def append(self, text: str) -> None:
        """Add a text at the end."""
        if self._numbers is None:  # Until now the list may belong to other texts too.
            self.different = list(self.different)
            self._numbers = {known: i for i, known in enumerate(self.different)}
        number = self._numbers.setdefault(text, len(self._numbers))
        if number == len(self.different):
            self.different.append(text)
        self._codes.append(number)

    def text(self, i: int) -> str:
        """Return text ``i``."""
        return self.different[self._codes[i]]

    def __len__(self) -> int:
        return len(self._codes)
