"""Many short texts in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence


class Texts(Sequence):
    """A growing list of texts, kept as bytes one after the other: a million names are not a million objects."""

    def __init__(self, texts: Iterable[str] = ()):
        self._bytes, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, i):
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        return self._bytes[self._ends[i] : self._ends[i + 1]].decode()
