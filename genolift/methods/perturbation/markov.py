"""A Markov background of DNA: the probability of the bases in a window, given the bases around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genolift.sequence.alphabet import is_dna, one_hot, one_hot_codes
from genolift.support.errors import InputError


class Markov:
    """The frequency of a base given up to ``order`` bases before it.

    ``tables[j]`` are the frequencies given j bases. They have j + 1 axes of length 4, of which the last sums to 1.
    There are tables of all orders up to the highest, because the ends of a sequence need the shorter ones.

    Parameters
    ----------
    counts
        The number of times that each (j + 1)-mer was seen, for each order j, as :func:`counts_of` returns it.
    pseudocount
        The number that is added to each count.
    """

    def __init__(self, counts: list[np.ndarray], pseudocount: float):
        added = [count + pseudocount for count in counts]
        self.tables = [one / one.sum(-1, keepdims=True) for one in added]

    @property
    def order(self) -> int:
        """The largest number of bases before it that a base depends on."""
        return len(self.tables) - 1

    def window(self, codes: np.ndarray, start: int, width: int) -> np.ndarray:
        """Return p(window | all other bases) for every content of a window of one sequence.

        It is proportional to the transitions into the window, within it, and out of it into the bases to its right.
        Unknown bases around the window are averaged over with base frequencies, each by itself.

        Parameters
        ----------
        codes
            The bases (L,) of the sequence, from 0 to 3 for A, C, G and T, and 4 for an unknown base.
        start
            The first position of the window.
        width
            The number of bases in the window.

        Returns
        -------
        np.ndarray
            The probabilities (4^width,) of the contents, in the order in which the last base changes first.
        """
        first, last = max(0, start - self.order), min(len(codes), start + width + self.order)
        # The likelihood has one axis per base of the window. The bases around it are fixed.
        shape = (4,) * width
        likelihood = np.ones(shape)
        for place in range(start, last):
            if place >= start + width and codes[place] > 3:
                continue  # An unknown base says nothing about those before it.
            context = list(range(max(first, place - self.order), place))
            table = self.tables[len(context)]
            for axis, at in zip(range(len(context) + 1), [*context, place], strict=True):
                if start <= at < start + width:
                    continue
                if codes[at] > 3:
                    table = np.expand_dims(np.tensordot(table, self.tables[0], (axis, 0)), axis)
                else:
                    table = np.take(table, [codes[at]], axis=axis)
            # The axes of the context and of the base itself go to their places among the window's axes.
            inside = [at - start for at in [*context, place] if start <= at < start + width]
            if inside:
                squeezed = table.reshape([4] * len(inside))
                expanded = [4 if axis in inside else 1 for axis in range(width)]
                likelihood = likelihood * squeezed.reshape(expanded)
        return (likelihood / likelihood.sum()).reshape(-1)


def counts_of(codes: list[np.ndarray], order: int) -> list[np.ndarray]:
    """Return how often each (j + 1)-mer occurs in sequences, for j from 0 to ``order``.

    Parameters
    ----------
    codes
        The bases (L,) of each sequence, from 0 to 3, and 4 for an unknown base. K-mers with unknown bases do not count.
    order
        The highest order of a background that is estimated from the counts.

    Returns
    -------
    list of np.ndarray
        An array for each j, with j + 1 axes of length 4.
    """
    counts = []
    for j in range(order + 1):
        total = np.zeros(4 ** (j + 1))
        for sequence in codes:
            if len(sequence) > j:
                kmers = np.lib.stride_tricks.sliding_window_view(sequence, j + 1)
                kmers = kmers[(kmers < 4).all(1)].astype(np.int64)
                total += np.bincount(kmers @ 4 ** np.arange(j, -1, -1), minlength=total.size)
        counts.append(total.reshape((4,) * (j + 1)))
    return counts


def codes_of(background: str | Sequence[str] | np.ndarray) -> list[np.ndarray]:
    """Return sequences as codes (L,), from 0 to 3 for A, C, G and T, and 4 for an unknown base.

    Parameters
    ----------
    background
        A text, several texts, or one-hot sequences of shape (N, L, 4).

    Raises
    ------
    InputError
        If the background is an array of another shape.
    """
    if isinstance(background, str) or (isinstance(background, (list, tuple)) and isinstance(background[0], str)):
        texts = [background] if isinstance(background, str) else background
        return [one_hot_codes(one_hot(text))[0] for text in texts]
    array = np.asarray(background)
    if not is_dna(array.shape[1:]):
        raise InputError(f"a background is sequences: texts, or one-hot of shape (N, L, 4), not {array.shape}")
    return list(one_hot_codes(array))
