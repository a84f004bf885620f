"""Stretches of bases as the players of a game: they lie side by side, and each is kept or exchanged as a whole."""

from __future__ import annotations

import numpy as np

from genolift.support.errors import InputError


class Stretches:
    """Stretches of bases that cover inputs. The last stretch of each input may be shorter.

    Parameters
    ----------
    lengths
        The length of each input that is covered.
    width
        The number of bases in a stretch.

    Raises
    ------
    InputError
        If a stretch is longer than every input.
    """

    def __init__(self, lengths: list[int], width: int):
        if width > max(lengths):
            raise InputError(f"width is {width}, but the sequences are {max(lengths)} long; give a shorter one")
        self.of_position, first = [], 0
        for length in lengths:
            self.of_position.append(first + np.arange(length) // width)
            first = int(self.of_position[-1][-1]) + 1
        self.count = first
        self.sizes = np.bincount(np.concatenate(self.of_position))

    def keep(self, bits: np.ndarray) -> list[np.ndarray]:
        """Return which bases (b, L) of each input are kept, from which of the M stretches are (b, M)."""
        return [bits[..., of] for of in self.of_position]

    def spread(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the values (..., M) of stretches as (..., L) of each input, divided evenly among a stretch's bases."""
        shares = values / self.sizes
        return [shares[..., of].astype(np.float32) for of in self.of_position]
