"""A Markov background of DNA: how probable what stands in a window is, given what stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.sequence.alphabet import is_dna, one_hot, one_hot_codes
from genolift.support.errors import InputError


class Markov:
    """Base frequencies given up to ``order`` bases before.

    ``tables[j]`` has shape (4,)·(j + 1), and its last axis sums to 1. They are estimated from k-mer counts with
    ``pseudocount`` added to each, for all orders up to the highest: shorter ones serve the ends of a sequence.
    """

    def __init__(self, counts: list[np.ndarray], pseudocount: float):
        added = [count + pseudocount for count in counts]
        self.tables = [one / one.sum(-1, keepdims=True) for one in added]

    @property
    def order(self) -> int:
        """The largest number of bases before that a base depends on."""
        return len(self.tables) - 1

    def window(self, codes: np.ndarray, start: int, width: int) -> np.ndarray:
        """p(window | all other bases) of the 4^width windows at ``start`` of one sequence (L,), first base slowest.

        Proportional to the transitions into the window, within it, and out of it into the bases to its right. Unknown
        bases (code 4) around the window are averaged over with base frequencies, each by itself.
        """
        first, last = max(0, start - self.order), min(len(codes), start + width + self.order)
        # One axis per base of the window; what is around it is fixed.
        shape = (4,) * width
        likelihood = np.ones(shape)
        for place in range(start, last):
            if place >= start + width and codes[place] > 3:
                continue  # an unknown base says nothing of what is before it
            context = list(range(max(first, place - self.order), place))
            table = self.tables[len(context)]
            for axis, at in zip(range(len(context) + 1), [*context, place], strict=True):
                within = start <= at < start + width
                if not within and codes[at] > 3:
                    table = np.expand_dims(np.tensordot(table, self.tables[0], (axis, 0)), axis)
                elif not within:
                    table = np.take(table, [codes[at]], axis=axis)
            # Axes of the context and the base itself, at their places among the window's.
            inside = [at - start for at in [*context, place] if start <= at < start + width]
            if inside:
                squeezed = table.reshape([4] * len(inside))
                expanded = [4 if axis in inside else 1 for axis in range(width)]
                likelihood = likelihood * squeezed.reshape(expanded)
        return (likelihood / likelihood.sum()).reshape(-1)


def counts_of(codes: list[np.ndarray], order: int) -> list[np.ndarray]:
    """How often each (j + 1)-mer occurs in sequences of codes (unknown bases are 4), for j from 0 to ``order``."""
    found = []
    for j in range(order + 1):
        total = np.zeros(4 ** (j + 1))
        for sequence in codes:
            if len(sequence) > j:
                kmers = np.lib.stride_tricks.sliding_window_view(sequence, j + 1)
                kmers = kmers[(kmers < 4).all(1)].astype(np.int64)
                total += np.bincount(kmers @ 4 ** np.arange(j, -1, -1), minlength=total.size)
        found.append(total.reshape((4,) * (j + 1)))
    return found


def codes_of(background: Any) -> list[np.ndarray]:
    """Sequences as codes, from texts or one-hot (N, L, 4)."""
    if isinstance(background, str) or (isinstance(background, (list, tuple)) and isinstance(background[0], str)):
        texts = [background] if isinstance(background, str) else background
        return [one_hot_codes(one_hot(text))[0] for text in texts]
    array = np.asarray(background)
    if not is_dna(array.shape[1:]):
        raise InputError(f"a background is sequences: texts, or one-hot of shape (N, L, 4), not {array.shape}")
    return list(one_hot_codes(array))
