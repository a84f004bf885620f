"""The sites of the units of a layer: the stretches of sequence that excite them, counted base by base."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.sparse import csr_matrix

from genolift.support.errors import UnsupportedModel

# How many bytes of sites are cut out at a time.
_BYTES = 64e6


class SiteCounts:
    """The counts of bases at the sites of each unit, which are added up batch by batch."""

    def __init__(self, largest: np.ndarray, threshold: float, by_activation: bool):
        self.largest, self.by_activation = largest, by_activation
        self.least = np.where(largest > 0, threshold * largest, np.inf).astype(np.float32)
        self.divisor = np.where(largest > 0, largest, 1)
        self.sites, self.sequences = np.zeros(len(largest), np.int64), np.zeros(len(largest), np.int64)
        self.bases: np.ndarray | None = None  # (units, w · 4)

    def add(self, values: np.ndarray, known: np.ndarray, windows: np.ndarray, layer: str, peaks: bool) -> None:
        """Count the sites in a batch of sequences.

        Parameters
        ----------
        values
            The activations of the layer, (n, J, C).
        known
            The sequences (n, L, 4), with zeros for unknown bases.
        windows
            The first and last (exclusive) position that each row of the layer sees, (J, 2).
        layer
            The name of the layer, for the error.
        peaks
            Whether only peaks are sites.
        """
        width = int(windows[0, 1] - windows[0, 0])
        if (windows[:, 1] - windows[:, 0] != width).any() or (
            self.bases is not None and self.bases.shape[1] != 4 * width
        ):
            raise UnsupportedModel(
                f"the positions of layer {layer!r} see stretches of different lengths, which make no motif"
            )
        if self.bases is None:
            self.bases = np.zeros((len(self.sites), 4 * width))
        sites = values >= self.least
        if peaks and len(windows) > 1:
            reach = int(width / 2 / max(1, np.abs(np.diff(windows[:, 0])).min()))
            sites &= values == maximum_filter1d(values, 2 * reach + 1, axis=1, mode="nearest")
        self.sites += sites.sum((0, 1))
        self.sequences += sites.any(1).sum(0)
        before, after = max(0, -int(windows[:, 0].min())), max(0, int(windows[:, 1].max()) - known.shape[1])
        padded = np.pad(known, [(0, 0), (before, after), (0, 0)])
        stretches = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)  # (n, places, 4, w)
        where = np.argwhere(sites.any(2))
        at_once = max(1, int(_BYTES // (16 * width)))
        for start in range(0, len(where), at_once):
            n, j = where[start : start + at_once].T
            cut = stretches[n, windows[j, 0] + before].transpose(0, 2, 1).reshape(len(n), -1)
            count = sites[n, j] * (values[n, j] / self.divisor if self.by_activation else 1.0)
            self.bases += csr_matrix(count.T) @ cut.astype(np.float64)

    def matrices(self, background: np.ndarray, pseudocount: float) -> np.ndarray:
        """Return the probabilities of the bases at the sites of each unit.

        Parameters
        ----------
        background
            The composition of the sequences, (4,), which is also the matrix of a unit without sites.
        pseudocount
            How many bases, in this composition, are added to each position.

        Returns
        -------
        np.ndarray
            The probabilities, (units, w, 4).
        """
        assert self.bases is not None
        counts = self.bases.reshape(len(self.sites), -1, 4) + pseudocount * background
        totals = counts.sum(-1, keepdims=True)
        return np.where(totals > 0, counts / np.where(totals > 0, totals, 1), background)
