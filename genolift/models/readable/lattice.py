"""A last layer of calibrated lattices: counts of motifs, bent by monotone curves and interpolated between corners.

It follows the calibrated lattices of Gupta et al. (2016, JMLR 17) on Keras 3. Every constraint holds by construction,
for whatever values the weights have, so nothing is projected while the network learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import factorial
from typing import Any

import numpy as np

from genolift.models.readable.heads import ReadableHead
from genolift.models.readable.scan import PACKAGE
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

ops = keras.ops
SHAPES = ("free", "concave", "convex")
# What corners are, as a multiple of their weights. So they learn faster than the curves and the thresholds of sites,
# which would otherwise be driven to their ends while the corners are still far from the mean of the labels.
_REACH = 10.0
MOST = 8  # A lattice of d features has 2^d corners.


@keras.saving.register_keras_serializable(package=PACKAGE)
class Lattice(ReadableHead):
    """Logits that are a calibrated lattice in the counts of motifs, c_f = Σ_p h_pf.

    Each count is bent by a piecewise linear curve that rises from 0 at no site to 1 at the last knot and stays there.
    The lattice interpolates multilinearly between its corners, where each feature is 0 or 1. In the count of one motif,
    all else being as it is, every logit therefore never changes its direction. ``signs`` say which direction it is.

    A part is the exact Shapley value of the motif in the lattice, where a motif that is taken away has no site, shared
    among places in proportion to their activations.

    Parameters
    ----------
    tasks
        The number of logits.
    signs
        For each feature 1 if logits never fall when there is more of it, -1 if they never rise, and 0 for either.
    shape
        ``"concave"`` for curves that flatten (more sites add less and less), ``"convex"`` for such that steepen,
        ``"free"`` for any that rise.
    knots
        The counts at which the curves bend, from 0 on.
    """

    def __init__(
        self,
        tasks: int,
        signs: Sequence[int],
        shape: str = "free",
        knots: Sequence[float] = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0),
        **options: Any,
    ):
        super().__init__(tasks, **options)
        self.signs, self.curve, self.knots = [int(s) for s in signs], shape, [float(k) for k in knots]
        if not 1 <= len(self.signs) <= MOST or not set(self.signs) <= {-1, 0, 1}:
            raise InputError(f"a lattice takes 1 to {MOST} features with the signs -1, 0 or 1, not {list(signs)}")
        if shape not in SHAPES:
            raise InputError(f"a lattice's shape is one of {', '.join(SHAPES)}, not {shape!r}")
        if len(self.knots) < 2 or self.knots[0] != 0 or (np.diff(self.knots) <= 0).any():
            raise InputError(f"the knots of a lattice rise from 0 on, and these are {list(knots)}")

    def build(self, shape: tuple) -> None:
        """Make the weights."""
        if shape[-1] != len(self.signs):
            raise InputError(f"the lattice has {len(self.signs)} signs and is given {shape[-1]} features")
        steps = (len(self.signs), len(self.knots) - 1)
        self.steps = self.add_weight(name="steps", shape=steps, initializer="glorot_uniform")
        # All corners begin alike, so that the data decide in which direction a count acts. One that began the wrong way
        # round may stay so. They are a vector, because the seed of a network draws all that are none anew.
        cells = (2 ** len(self.signs) * self.tasks,)
        self.corners = self.add_weight(name="corners", shape=cells, initializer="zeros")
        self.built = True

    def rises(self) -> Any:
        """Return how much each feature's curve rises between its knots, (F, knots - 1): above 0, 1 in all."""
        raw = ops.convert_to_tensor(self.steps)
        if self.curve == "free":
            return ops.softmax(raw, axis=1)
        slopes = ops.softplus(raw)  # Each is added to all slopes before it, or behind it.
        order = slopes if self.curve == "convex" else ops.flip(slopes, axis=1)
        summed = ops.cumsum(order, axis=1)
        slopes = summed if self.curve == "convex" else ops.flip(summed, axis=1)
        rises = slopes * ops.convert_to_tensor(np.diff(self.knots).astype(np.float32))
        return rises / ops.sum(rises, axis=1, keepdims=True)

    def calibrated(self, counts: Any) -> Any:
        """Return counts (N, F) as features between 0 and 1."""
        low, high = (np.array(part, dtype=np.float32) for part in (self.knots[:-1], self.knots[1:]))
        there = (ops.relu(counts[..., None] - low) - ops.relu(counts[..., None] - high)) / (high - low)
        return ops.sum(there * self.rises(), axis=-1)

    def values(self) -> Any:
        """Return the values of the corners, (2, ..., 2, T), in which every sign holds.

        Along an axis that has a sign, a corner is the mean of the largest value that is not beyond it and of the
        smallest that is not before it. Both are monotone, and values that are monotone already stay as they are.
        """
        d = len(self.signs)
        raw = _REACH * ops.reshape(ops.convert_to_tensor(self.corners), (*[2] * d, self.tasks))
        up, down = raw, raw
        for axis, sign in enumerate(self.signs):
            if sign:
                up = _along(up, axis, sign, ops.maximum, keep=0)
                down = _along(down, axis, sign, ops.minimum, keep=1)
        return (up + down) / 2

    def interpolated(self, features: Any) -> Any:
        """Return the logits (..., T) at features (..., F) between 0 and 1."""
        d = len(self.signs)
        table = ops.reshape(self.values(), (2, 2 ** (d - 1), self.tasks))
        value = table[0] + features[..., 0, None, None] * (table[1] - table[0])
        for number in range(1, d):
            half = 2 ** (d - 1 - number)
            low, high = value[..., :half, :], value[..., half:, :]
            value = low + features[..., number, None, None] * (high - low)
        return value[..., 0, :]

    def call(self, hits: Any) -> Any:
        """Return the logits (N, T)."""
        return self.interpolated(self.calibrated(ops.sum(hits, axis=1)))

    def parts(self, hits: Any) -> Any:
        """Return what each place and filter adds to each logit, (N, P, F, T)."""
        counts = ops.sum(hits, axis=1)
        d = len(self.signs)
        subsets = np.array(list(product((0.0, 1.0), repeat=d)), dtype=np.float32)
        size = subsets.sum(axis=1).astype(int)
        weight = [factorial(s) * factorial(d - s - 1) / factorial(d) for s in range(d)] + [0.0]
        table = np.array(
            [[weight[s - 1] if there else -weight[s] for there in row] for s, row in zip(size, subsets, strict=True)],
            dtype=np.float32,
        )
        worths = self.interpolated(self.calibrated(counts)[:, None, :] * subsets)  # (N, 2^F, T)
        shapley = ops.einsum("sf,nst->nft", table, worths)
        share = hits / ops.maximum(counts, keras.config.epsilon())[:, None, :]
        return share[..., None] * shapley[:, None, :, :]

    def get_config(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**super().get_config(), "signs": self.signs, "shape": self.curve, "knots": self.knots}


def _along(values: Any, axis: int, sign: int, better: Any, keep: int) -> Any:
    """Return corners where one end of an axis is replaced by the better one of both, and the other end is kept.

    ``keep`` is the end that is kept where the sign is 1: the lower end for a running maximum.
    """
    first, second = ops.split(values, 2, axis=axis)
    changed = better(first, second)
    lower_kept = (keep == 0) == (sign > 0)
    return ops.concatenate([first, changed] if lower_kept else [changed, second], axis=axis)
