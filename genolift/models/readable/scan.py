"""The first layer of networks that can be read: filters that look for motifs on one or on both strands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genolift.simulate.motifs import Motif
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

ops = keras.ops
PACKAGE = "genolift"  # The layers are registered under this name, by which a saved model names them.
_ACTIVATIONS = ("relu", "exponential", "sigmoid")
_STEEP = 12.0  # The factor that motifs begin with, where the best match is 1.
# Sites that are counted: how steeply they are told from other places, and between which matches the threshold may lie.
# A threshold without bounds can sink so low while a network learns that every place counts, and it stays there.
_COUNTED, _LOWEST, _HIGHEST = 20.0, 0.3, 0.9


@keras.saving.register_keras_serializable(package=PACKAGE)
class MotifScan(keras.layers.Layer):
    """Filters (width, 4) on every place of a sequence, (N, L, 4) to (N, L - width + 1, filters).

    Filters that are given motifs hold their log-odds, divided by those of the best match, so that this scores 1, and
    learn an offset and a factor. With a sigmoid they count sites: sigmoid(20 (score - threshold)), with a threshold
    from 0.3 to 0.9 that is learnt. Filters without motifs are learnt as in any convolution.

    Parameters
    ----------
    filters, width
        The number and the width of the filters.
    activation
        ``"relu"``, ``"exponential"`` (Koo & Ploenzke 2021) or ``"sigmoid"``.
    both_strands
        Whether a place counts as the better one of its two strands.
    tie
        How motifs are held: ``"fixed"``, or a number. The mean squared deviation of the log-odds from those of the
        motifs is multiplied by it and added to the loss. ``None`` is for filters without motifs.
    motifs
        The names of the filters.
    """

    def __init__(
        self,
        filters: int,
        width: int,
        activation: str = "relu",
        both_strands: bool = False,
        tie: str | float | None = None,
        motifs: list[str] | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        if activation not in _ACTIVATIONS:
            raise InputError(f"a scan's activation is one of {', '.join(_ACTIVATIONS)}, not {activation!r}")
        self.filters, self.width, self.activation_name = int(filters), int(width), activation
        self.both_strands, self.tie = bool(both_strands), tie
        self.motifs = list(motifs) if motifs is not None else [f"filter_{i}" for i in range(self.filters)]

    def build(self, shape: tuple) -> None:
        """Make the weights."""
        size = (self.width, 4, self.filters)
        if self.tie is not None:
            self.anchor = self.add_weight(name="anchor", shape=size, initializer="zeros", trainable=False)
            self.best = self.add_weight(name="best", shape=(self.filters,), initializer="ones", trainable=False)
        if self.tie is None:
            self.kernel = self.add_weight(name="kernel", shape=size, initializer="glorot_uniform")
        elif self.tie != "fixed":
            # A vector, because the kernels of a new network are drawn anew by its seed, and vectors are not.
            cells = (self.width * 4 * self.filters,)
            self.deviation = self.add_weight(
                name="deviation", shape=cells, initializer="zeros", regularizer=_MeanSquare(float(self.tie))
            )
        self.counts_sites = self.tie is not None and self.activation_name == "sigmoid"
        start = -0.5 * _STEEP if self.tie is not None and not self.counts_sites else 0.0
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=keras.initializers.Constant(start))
        if self.tie is not None and not self.counts_sites:
            steep = keras.initializers.Constant(_STEEP)
            self.factor = self.add_weight(name="factor", shape=(self.filters,), initializer=steep)
        self.built = True

    def hold(self, motifs: Mapping[str, np.ndarray], background: np.ndarray) -> None:
        """Give the filters their motifs, probabilities (width, 4) by name; narrow ones lie in the middle."""
        table = np.zeros((self.width, 4, self.filters), dtype=np.float32)
        best = np.ones(self.filters, dtype=np.float32)
        for number, matrix in enumerate(motifs.values()):
            odds = Motif(self.motifs[number], matrix).log_odds(background)
            first = (self.width - len(odds)) // 2
            table[first : first + len(odds), :, number] = odds
            best[number] = odds.max(axis=1).sum()
        self.anchor.assign(table)
        self.best.assign(best)

    @property
    def weights_of_bases(self) -> Any:
        """The weight of each base at each place of each filter, (width, 4, filters)."""
        if self.tie is None:
            return ops.convert_to_tensor(self.kernel)
        odds = ops.convert_to_tensor(self.anchor)
        if self.tie != "fixed":
            odds = odds + ops.reshape(ops.convert_to_tensor(self.deviation), (self.width, 4, self.filters))
        return odds / ops.convert_to_tensor(self.best)

    def scores(self, x: Any) -> tuple[Any, Any]:
        """Return how well each place of sequences (N, L, 4) matches on each strand, twice (N, places, filters)."""
        kernel = self.weights_of_bases
        forward = ops.conv(x, kernel, strides=1, padding="valid")
        if not self.both_strands:
            return forward, forward
        return forward, ops.conv(x, ops.flip(kernel, axis=(0, 1)), strides=1, padding="valid")

    def call(self, x: Any) -> Any:
        """Return the activations (N, places, filters) of sequences (N, L, 4)."""
        forward, backward = self.scores(x)
        found = ops.maximum(forward, backward) if self.both_strands else forward
        bias = ops.convert_to_tensor(self.bias)
        if self.counts_sites:
            return ops.sigmoid(_COUNTED * (found - _LOWEST - (_HIGHEST - _LOWEST) * ops.sigmoid(bias)))
        if self.tie is not None:
            found = found * ops.convert_to_tensor(self.factor)
        found = found + bias
        if self.activation_name == "relu":
            return ops.relu(found)
        return ops.exp(found) if self.activation_name == "exponential" else ops.sigmoid(found)

    def compute_output_shape(self, shape: tuple) -> tuple:
        """Return the shape of the activations."""
        return (shape[0], None if shape[1] is None else shape[1] - self.width + 1, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the parameters."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "width": self.width,
            "activation": self.activation_name,
            "both_strands": self.both_strands,
            "tie": self.tie,
            "motifs": self.motifs,
        }


class _MeanSquare(keras.regularizers.Regularizer):
    """The mean square of a weight, times a number."""

    def __init__(self, strength: float):
        self._strength = strength

    def __call__(self, weight: Any) -> Any:
        return self._strength * ops.mean(ops.square(weight))
