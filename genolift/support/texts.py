"""Many texts in little memory."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Sequence

import numpy as np


class Listed(Sequence):
    """A list of texts that are made when they are asked for; equal to any other that holds the same."""

    @abstractmethod
    def text(self, i: int) -> str: ...

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self.take(range(*i.indices(len(self))))
        return self.text(range(len(self))[i])

    def take(self, rows: Iterable[int]) -> list[str]:
        return [self.text(i) for i in rows]

    def __iter__(self):
        return map(self.text, range(len(self)))

    def __eq__(self, other) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        some = ", ".join(map(repr, self[:3]))
        return f"<{len(self)} texts: {some}{', ...' if len(self) > 3 else ''}>"


class Texts(Listed):
    """Texts as bytes one after the other: a million names are not a million objects.

    ``joined``: those bytes, UTF-8, as an array (nothing can be appended while somebody has it); ``ends`` (N,): where each
    text ends.
    """

    def __init__(self, texts: Iterable[str] = ()):
        self._bytes, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    @classmethod
    def of(cls, joined: np.ndarray, ends: np.ndarray) -> Texts:
        made = cls()
        made._bytes += joined.tobytes()
        made._ends.frombytes(ends.astype(np.int64).tobytes())
        return made

    @property
    def joined(self) -> np.ndarray:
        return np.frombuffer(self._bytes, np.uint8)

    @property
    def ends(self) -> np.ndarray:
        return np.array(self._ends, np.int64)[1:]

    def append(self, text: str) -> None:
        self._bytes += text.encode(errors="surrogatepass")
        self._ends.append(len(self._bytes))

    def text(self, i: int) -> str:
        return self._bytes[self._ends[i] : self._ends[i + 1]].decode(errors="surrogatepass")

    def __len__(self) -> int:
        return len(self._ends) - 1


class Words(Listed):
    """Texts of which there are few different ones: a number each.

    ``different``: those, in the order in which they came; ``codes`` (N,): which one each text is.
    """

    def __init__(self, texts: Iterable[str] = ()):
        self._numbers: dict[str, int] | None = None
        self.different: list[str] = []
        self._codes = array("i")
        for text in texts:
            self.append(text)

    @classmethod
    def of(cls, different: Sequence[str], codes: np.ndarray) -> Words:
        made = cls()
        made.different = different
        made._codes.frombytes(codes.astype(np.int32).tobytes())
        return made

    @property
    def codes(self) -> np.ndarray:
        return np.array(self._codes, np.int32)

    def at(self, rows: np.ndarray) -> Words:
        """Those of some rows."""
        return Words.of(self.different, np.asarray(self._codes)[rows])

    def compact(self) -> Words:
        """The same texts, of which ``different`` holds those that occur, in the order in which they do."""
        codes, first, places = np.unique(np.asarray(self._codes), return_index=True, return_inverse=True)
        order = np.argsort(first)
        return Words.of([self.different[code] for code in codes[order]], np.argsort(order)[places])

    def append(self, text: str) -> None:
        if self._numbers is None:  # until then the list may be others' too
            self.different = list(self.different)
            self._numbers = {known: i for i, known in enumerate(self.different)}
        number = self._numbers.setdefault(text, len(self._numbers))
        if number == len(self.different):
            self.different.append(text)
        self._codes.append(number)

    def text(self, i: int) -> str:
        return self.different[self._codes[i]]

    def __len__(self) -> int:
        return len(self._codes)
