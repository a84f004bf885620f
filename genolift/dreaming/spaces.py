"""Where it is searched: relaxed sequences, or the codes of a generator."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from genolift.support.errors import InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: The penalties of relaxed sequences.
PENALTIES = ("l2", "entropy", "none")
_ENTROPY = 0.1  # The factor of the entropy beside the length of a code.


class Space(Protocol):
    """A space of points, each of which opens to a relaxed sequence. ``shape`` is that of a point."""

    shape: tuple[int, ...]

    def begin(self, seed: int, number: int) -> np.ndarray:
        """Return the point where the start of this number begins, which depends on the two arguments alone."""
        ...

    def opened(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return relaxed sequences (B, L, 4) and penalties (B,) of points (B, *shape), inside a graph."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what tells this space from others."""
        ...


class RelaxedSpace:
    """Sequences whose base at each position is a distribution, the softmax of four free numbers.

    Parameters
    ----------
    length
        The length of the sequences.
    penalty
        ``"l2"`` is the sum of the squares of the free numbers θ, less their mean at each position, which does not
        matter. It keeps distributions soft. ``"entropy"`` is the sum of the positions' entropies in nats. It drives
        each position to a single base, so that little is lost by choosing one. ``"none"`` is 0.
    spread
        The standard deviation of the free numbers where a start begins.

    Raises
    ------
    InputError
        If there is no such penalty.
    """

    def __init__(self, length: int, penalty: str = "entropy", spread: float = 1.0):
        if penalty not in PENALTIES:
            raise InputError(f"the penalty is {', '.join(PENALTIES)}, and not {penalty!r}")
        self.shape: tuple[int, ...] = (length, 4)
        self.penalty, self._spread = penalty, spread

    def begin(self, seed: int, number: int) -> np.ndarray:
        """Return the free numbers (L, 4) where the start of this number begins."""
        return self._spread * stream(seed, "start of a dream", number).standard_normal(self.shape)

    def opened(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return relaxed sequences (B, L, 4) and penalties (B,) of points (B, L, 4), inside a graph."""
        x = tf.nn.softmax(points)
        if self.penalty == "l2":
            centred = points - tf.reduce_mean(points, -1, keepdims=True)
            return x, tf.reduce_sum(centred**2, [1, 2])
        if self.penalty == "entropy":
            return x, -tf.reduce_sum(x * tf.nn.log_softmax(points), [1, 2])
        return x, tf.zeros_like(points[:, 0, 0])

    def describe(self) -> dict[str, Any]:
        """Return the kind of the space and of its penalty."""
        return {"kind": "relaxed", "penalty": self.penalty}


class CodeSpace:
    """The codes z of a generator, whose decoder makes relaxed sequences of them.

    The penalty is −log p(‖z‖), the length of a code under its standard normal prior: ½ r² − (d − 1) ln r, less its
    least, for a code of d numbers and length r. Codes of the prior lie near a sphere of radius √d. The code of largest
    density is 0, far from all of them, and decodes to an average of everything; −log p(z) would draw the search there.
    With ``entropy``, a tenth of the sum of the positions' entropies in nats is added, because a decoder's bases are
    soft.

    Parameters
    ----------
    decoder
        A Keras model from codes (B, ...) to logits (B, L, 4).
    length
        The length of the sequences that are searched.
    entropy
        Whether entropy is penalised.

    Raises
    ------
    InputError
        If the generator makes sequences of another length.
    """

    def __init__(self, decoder: Any, length: int, entropy: bool = True):
        self._decoder, self._entropy = decoder, entropy
        makes = decoder.output_shape[1]
        if makes != length:
            raise InputError(
                f"the generator makes sequences of {makes} bases, and the model takes {length}; train one on sequences "
                f"of {length}"
            )
        self.shape: tuple[int, ...] = tuple(decoder.input_shape[1:])

    def begin(self, seed: int, number: int) -> np.ndarray:
        """Return the code where the start of this number begins, a draw from the prior."""
        return stream(seed, "start of a dream", number).standard_normal(self.shape)

    def opened(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return relaxed sequences (B, L, 4) and penalties (B,) of codes, inside a graph."""
        logits = self._decoder(points, training=False)
        x = tf.nn.softmax(logits)
        free = int(np.prod(self.shape)) - 1
        square = tf.reduce_sum(tf.reshape(points, [tf.shape(points)[0], -1]) ** 2, -1)
        penalty = (square - free * tf.math.log(tf.maximum(square, 1e-12))) / 2
        if free:
            penalty -= (free - free * np.log(free)) / 2
        if self._entropy:
            penalty -= _ENTROPY * tf.reduce_sum(x * tf.nn.log_softmax(logits), [1, 2])
        return x, penalty

    def describe(self) -> dict[str, Any]:
        """Return the kind of the space, and the shape of a code."""
        return {"kind": "code", "shape": list(self.shape), "penalty": "entropy" if self._entropy else "none"}
