"""What a network that can be read says of itself: what each place of each filter adds, shared out among bases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.models.readable.heads import ReadableHead
from genolift.models.readable.scan import MotifScan
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

_CELLS = 8_000_000  # How many numbers are computed in one go.


@dataclass(frozen=True)
class Reading:
    """The two layers of a network that can be read.

    Attributes
    ----------
    scan : MotifScan
        Its first layer.
    head : ReadableHead
        Its last layer before the activation.
    """

    scan: MotifScan
    head: ReadableHead

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Return the logits (N, T) of sequences (N, L, 4)."""
        parts = [np.asarray(self.head(self.scan(x[rows]))) for rows in self._blocks(x)]
        return np.concatenate(parts)

    def silent(self) -> np.ndarray:
        """Return the logits (T,) of activations that are all zero, from which the parts of a sequence begin."""
        none = np.zeros((1, 2, self.scan.filters), dtype=np.float32)
        return np.asarray(self.head(none))[0]

    def by_base(self, x: np.ndarray) -> np.ndarray:
        """Return what each base adds to each logit, (N, T, L), which sums to the logits less :meth:`silent`.

        What a place of a filter adds is shared among the bases that the filter sees there, in proportion to how much
        more the filter gives for each than for the mean base; bases that it does not favour have no share. Where it
        favours none, all have equal shares. On the strand that the filter did not find better, it has no say.

        Parameters
        ----------
        x
            One-hot sequences (N, L, 4).
        """
        return np.concatenate([self._by_base(x[rows]) for rows in self._blocks(x)])

    def by_filter(self, x: np.ndarray) -> np.ndarray:
        """Return what each filter adds to each logit, (N, T, filters), for sequences (N, L, 4)."""
        parts = [np.asarray(self.head.parts(self.scan(x[rows]))).sum(axis=1) for rows in self._blocks(x)]
        return np.concatenate(parts).transpose(0, 2, 1)

    def _blocks(self, x: np.ndarray) -> Iterator[slice]:
        cells = x.shape[1] * self.scan.filters * max(self.scan.width, self.head.tasks)
        step = max(1, _CELLS // cells)
        return (slice(start, start + step) for start in range(0, len(x), step))

    def _by_base(self, x: np.ndarray) -> np.ndarray:
        width = self.scan.width
        parts = np.asarray(self.head.parts(self.scan(x)))  # (N, P, F, T)
        kernel = np.asarray(self.scan.weights_of_bases)
        share = _shares(x, kernel)
        if self.scan.both_strands:
            forward, backward = (np.asarray(one) for one in self.scan.scores(x))
            share = np.where((forward >= backward)[..., None], share, _shares(x, kernel[::-1, ::-1]))
        places = parts.shape[1]
        scores = np.zeros((len(x), self.head.tasks, x.shape[1]), dtype=np.float32)
        for at in range(width):
            scores[:, :, at : at + places] += np.einsum("npft,npf->ntp", parts, share[..., at], optimize=True)
        return scores


def _shares(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the share of each base that a filter sees at each place, (N, P, F, width)."""
    favoured = kernel - kernel.mean(axis=1, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(x, len(kernel), axis=1)  # (N, P, 4, width)
    gain = np.maximum(np.einsum("npbw,wbf->npfw", windows, favoured, optimize=True), 0)
    total = gain.sum(axis=-1, keepdims=True)
    shares: np.ndarray = np.where(total > 0, gain / np.where(total > 0, total, 1), 1 / len(kernel))
    return shares.astype(np.float32)


def reading_of(model: Any) -> Reading | None:
    """Return the layers of a Keras model that can be read, or ``None`` if it cannot.

    It takes one input, which a :class:`genolift.models.readable.scan.MotifScan` reads, and a head that can be read
    takes what the scan finds. An activation may follow.
    """
    if not isinstance(model, keras.Model) or len(model.inputs or []) != 1 or len(model.outputs or []) != 1:
        return None
    scans = [layer for layer in model.layers if isinstance(layer, MotifScan)]
    heads = [layer for layer in model.layers if isinstance(layer, ReadableHead)]
    if len(scans) != 1 or len(heads) != 1:
        return None
    (scan,), (head,) = scans, heads
    last = model.outputs[0]
    before = getattr(last._keras_history, "operation", None)
    if isinstance(before, keras.layers.Activation):
        last = before.input
    connected = scan.input is model.inputs[0] and head.input is scan.output and last is head.output
    return Reading(scan, head) if connected else None
