"""Windows of contributions laid on each other: at which offset, and on which strand, two of them are most alike.

The likeness of two windows at one offset is the cosine of the angle between their contributions. Where hypothetical
contributions are known, it is the mean of this cosine and of theirs, because two instances of a motif that hold other
bases still agree in what each base would contribute there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np

_BYTES = 2**25  # of the likenesses that are held at a time


class Windows(NamedTuple):
    """K stretches of W positions around seqlets, with zeros beyond the ends of a sequence.

    Attributes
    ----------
    contributions : np.ndarray
        The contributions, (K, W, 4) float32.
    hypothetical : np.ndarray or None
        The hypothetical contributions in the same shape, if they are known.
    bases : np.ndarray
        Which base is there, (K, W, 4) float32; zeros for unknown ones.
    """

    contributions: np.ndarray
    hypothetical: np.ndarray | None
    bases: np.ndarray

    def __len__(self) -> int:
        return len(self.contributions)

    @property
    def width(self) -> int:
        """The number W of positions."""
        return self.contributions.shape[1]

    @property
    def tracks(self) -> list[np.ndarray]:
        """What windows are compared by."""
        return [one for one in (self.contributions, self.hypothetical) if one is not None]

    def speaking(self, sign: float) -> Windows:
        """Return windows to be compared: zero where contributions do not have a sign, and hypothetical ones centred.

        A weak window beside a strong one of the other sign would otherwise be laid on that. What all four bases have in
        common says nothing of a motif.
        """
        mask = (sign * self.contributions.sum(-1) > 0)[..., None]
        hypothetical = self.hypothetical
        if hypothetical is not None:
            hypothetical = (hypothetical - hypothetical.mean(-1, keepdims=True)) * mask
        return Windows(self.contributions * mask, hypothetical, self.bases)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Windows:
        """Return the windows with each of their arrays changed."""
        beside = None if self.hypothetical is None else change(self.hypothetical)
        return Windows(change(self.contributions), beside, change(self.bases))

    def where(self, keep: np.ndarray) -> Windows:
        """Return some of the windows, by mask or numbers."""
        return self.each(lambda column: column[keep])

    def cut(self, start: np.ndarray, width: int, turned: np.ndarray) -> Windows:
        """Return a part of each window, and its reverse complement where that is wanted.

        Parameters
        ----------
        start
            Where each part begins, (K,). Parts may reach beyond the window, where there are zeros.
        width
            The width of all parts.
        turned
            Of which windows the reverse complement is taken, (K,). The start counts in the window as it is.
        """
        places = start[:, None] + np.where(turned[:, None], np.arange(width)[::-1], np.arange(width))
        inside = (places >= 0) & (places < self.width)
        rows = np.arange(len(self))[:, None]

        def part(values: np.ndarray) -> np.ndarray:
            taken = values[rows, np.clip(places, 0, self.width - 1)] * inside[..., None]
            return np.where(turned[:, None, None], taken[..., ::-1], taken)

        return self.each(part)


class Alignment(NamedTuple):
    """The best place of each of Q queries in each of K windows, each attribute an array (Q, K).

    Attributes
    ----------
    similarity : np.ndarray
        How alike they are there, at most 1; float32.
    start : np.ndarray
        Where the part of the window begins that is like the query, int16.
    turned : np.ndarray
        Whether the reverse complement of that part is like the query.
    """

    similarity: np.ndarray
    start: np.ndarray
    turned: np.ndarray


def align(queries: list[np.ndarray], windows: Windows) -> Alignment:
    """Return where each query is most like a part of each window, on either strand.

    Of equal places the forward strand and the first offset are taken.

    Parameters
    ----------
    queries
        The tracks of the queries as :attr:`Windows.tracks`, (Q, w, 4) each, where w is at most the windows' width.
    windows
        The windows, of which all parts of width w are looked at.
    """
    width = queries[0].shape[1]
    count, offsets = len(queries[0]), windows.width - width + 1
    kernels = [_kernels(query) / len(queries) for query in queries]
    found = Alignment(*(np.zeros((count, len(windows)), kind) for kind in (np.float32, np.int16, bool)))
    size = max(1, _BYTES // (4 * offsets * max(2 * count, 4 * width)))
    for first in range(0, len(windows) if count else 0, size):
        here = slice(first, first + size)
        parts = zip(kernels, windows.tracks, strict=True)
        similarity: np.ndarray = reduce(np.add, (_along(kernel, track[here], width) for kernel, track in parts))
        similarity = np.moveaxis(similarity.reshape(2, count, -1, offsets), 0, 2).reshape(count, -1, 2 * offsets)
        best = similarity.argmax(-1)
        found.similarity[:, here] = np.take_along_axis(similarity, best[..., None], -1)[..., 0]
        found.start[:, here] = best % offsets
        found.turned[:, here] = best >= offsets
    return found


def _kernels(query: np.ndarray) -> np.ndarray:
    """Return queries (Q, w, 4) and then their reverse complements, scaled to length one, as (2 · Q, 4 · w)."""
    rows = np.concatenate([query, query[:, ::-1, ::-1]]).reshape(2 * len(query), 4 * query.shape[1]).astype(np.float64)
    length = np.sqrt((rows * rows).sum(1, keepdims=True))
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0).astype(np.float32)


def _along(kernels: np.ndarray, track: np.ndarray, width: int) -> np.ndarray:
    """Return the cosine of each kernel with each part of each window, (2 · Q, n · offsets)."""
    parts = np.lib.stride_tricks.sliding_window_view(track, width, axis=1).transpose(0, 1, 3, 2)
    # Squares of float32 would overflow, or vanish, where scores are large or small.
    sums = np.pad(np.cumsum((track.astype(np.float64) ** 2).sum(-1), axis=1), ((0, 0), (1, 0)))
    power = sums[:, width:] - sums[:, :-width]
    # What is left of a sum when another is taken away is rounding where there is nothing.
    some = power > 1e-12 * sums[:, -1:]
    scale = np.divide(1, np.sqrt(power, where=some, out=np.ones_like(power)), where=some, out=np.zeros_like(power))
    parts = parts * scale[..., None, None].astype(np.float32)
    return kernels @ parts.reshape(-1, 4 * width).T
