"""What a page offers by name: the first ones of a long list, and others by a part of their name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Found(NamedTuple):
    """The names that have something in them.

    Attributes
    ----------
    numbers : list of int
        The numbers of the first names, from 0 on; no more of them than a page lists.
    total : int
        How many names there are in all that have it.
    """

    numbers: list[int]
    total: int


@dataclass(frozen=True)
class Choices:
    """A list of names, of which a page lists ``most`` at once."""

    names: Sequence[str]
    most: int

    def find(self, text: str = "") -> Found:
        """Return the names that have every word of a text in them, whatever the case.

        The name that is the text itself comes first, then those that begin with it, and then the others, each in their
        order. No text is in every name.
        """
        whole = text.strip().lower()
        words = whole.split()
        if not words:
            return Found(list(range(min(self.most, len(self.names)))), len(self.names))
        ranks: tuple[list[int], ...] = ([], [], [])
        count = 0
        for number, name in enumerate(self.names):
            name = name.lower()
            if all(word in name for word in words):
                count += 1
                rank = ranks[0 if name == whole else 1 if name.startswith(whole) else 2]
                if len(rank) < self.most:
                    rank.append(number)
        return Found([number for rank in ranks for number in rank][: self.most], count)
