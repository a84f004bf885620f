"""In-silico mutagenesis: the prediction with each other base at each position."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.windows.mutation import Mutation
from genolift.methods.common.blocks import pad
from genolift.methods.common.predicting import Copies
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.targets import TargetLike
from genolift.results.kinds import MutagenesisExplanation
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

# A batch of mutants should hold at most this many bytes of windows. It has at least ``_ENOUGH`` mutants, so that they
# are worth the activations of their sequence, and at most ``_MANY``, because calls get no cheaper with more.
_BATCH_BYTES, _ENOUGH, _MANY = 128e6, 192, 1536
#: The two forms may differ by this share of the range of the predictions, and by this share of their size by rounding.
TOLERANCE, _ROUNDING = 1e-5, 1e-6
# The number of positions that are tried on each of two random sequences, besides the first and the last position.
_TRIED = 4
# The errors that a layout which is not understood may run into.
_FAILURES = (tf.errors.OpError, AttributeError, LookupError, TypeError, ValueError)


class InSilicoMutagenesis(ChangingMethod):
    """Predictions with every base at every position, the others as they are (in-silico saturation mutagenesis).

    ``hypothetical[n, l, b]`` is f(x with b at l) minus its mean over the four bases. ``contributions`` and
    ``raw_contributions`` are its values for the bases that are there: they are positive where a base speaks for the
    target more than other bases would. ``effects`` are the differences from f(x). Where a position is not exactly one
    base (N), all four are put there.

    Parameters
    ----------
    fast
        Whether to compute only the part of each layer that a substitution reaches, as fastISM does (Nair et al. 2022).
        By default this is done wherever it is estimated to be less work. The fast form is compared with the plain one
        when the method is made. If they differ, a warning says so and the plain form is used.
    """

    name = "ism"
    result_type = MutagenesisExplanation

    def __init__(self, model: Callable, target: TargetLike = None, *, fast: bool | None = None, **options: Any):
        if fast not in (None, True, False):
            raise InputError(f"fast must be True, False or None (fast where it is less work), not {fast!r}")
        self.fast = fast
        super().__init__(model, target, **options)

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        self._mutations: dict[tuple, Mutation | None] = {}
        self._trials: dict[str, str] = {}
        shapes = traced.fixed_shapes
        if self.fast is not False and shapes is not None:
            for place, letters in enumerate(traced.letters(shapes)):
                if letters:
                    self._mutation(traced, shapes, place)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "fast": self.fast}

    @override
    def findings(self) -> dict[str, Any]:
        return {"form": dict(self._trials)} if self._trials else {}

    @override
    def count(self, lengths: list[int]) -> int:
        letters = [4 if size is None else size for size in self.traced.tokens]
        return sum(length * (size - 1) for length, size in zip(lengths, letters, strict=False))

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        predictions = copies.predictions()
        fields: dict[str, list] = {"hypothetical": [], "raw_contributions": [], "effects": []}
        for place in block.changed:
            f = self._mutated(copies, block, place, predictions)  # (n, L, letters, T)
            hypothetical = np.moveaxis(f - f.mean(axis=2, keepdims=True), -1, 1)
            fields["hypothetical"].append(hypothetical)
            fields["raw_contributions"].append(block.xs[place][:, None] * hypothetical)
            fields["effects"].append(np.moveaxis(f - predictions[:, None, None], -1, 1))
        return {**fields, "predictions": predictions}

    def _mutated(self, copies: Copies, block: Block, place: int, predictions: np.ndarray) -> np.ndarray:
        """Return the targets (n, L, letters, T) with each letter at each position of the input number ``place``."""
        x = block.xs[place]
        letters = x.shape[-1]
        shapes = [array.shape[1:] for array in block.xs]
        mutation = None if self.fast is False else self._mutation(self.traced, shapes, place)
        known = ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)
        f = np.repeat(np.repeat(predictions[:, None, None], x.shape[1], 1), letters, 2)
        for where in (known, ~known):
            rows, positions = np.nonzero(where)
            if len(rows):
                there = x.argmax(-1)[rows, positions, None]
                others = (there + 1 + np.arange(letters - 1)) % letters
                others = others if where is known else np.tile(np.arange(letters), (len(rows), 1))
                if mutation is None:
                    values = self._plainly(copies, block, place, rows, positions, others)
                else:
                    values = self._quickly(copies, block, place, mutation, rows, positions, others)
                f[rows[:, None], positions[:, None], others] = values
        return f

    @staticmethod
    def _plainly(
        copies: Copies, block: Block, place: int, rows: np.ndarray, positions: np.ndarray, letters: np.ndarray
    ) -> np.ndarray:
        """Return the targets (Q, B, T) of the sequences ``rows`` (Q,) with ``letters`` (Q, B) at ``positions`` (Q,)."""
        x = block.xs[place]

        def make(which):
            q, b = np.divmod(which, letters.shape[1])
            arrays = [array[rows[q]] for array in block.xs]
            arrays[place][np.arange(len(q)), positions[q]] = np.eye(x.shape[-1], dtype=x.dtype)[letters[q, b]]
            return rows[q], arrays

        return copies.values(letters.size, make).reshape(*letters.shape, -1)

    def _quickly(
        self,
        copies: Copies,
        block: Block,
        place: int,
        mutation: Mutation,
        rows: np.ndarray,
        positions: np.ndarray,
        letters: np.ndarray,
    ) -> np.ndarray:
        """Return what :meth:`_plainly` returns, computed by windows, some positions and their sequences at a time."""
        # All batches have one shape, which the trial has compiled already.
        size = self._positions_at_once(mutation, letters.shape[1])
        one_hot = np.eye(block.xs[place].shape[-1], dtype=np.float32)
        _, order = np.unique(rows, return_inverse=True)
        parts, start = [], 0
        while start < len(rows):
            # A batch has no more sequences than may be predicted at a time, because it needs their activations as well.
            end = min(start + size, int(np.searchsorted(order, order[start] + copies.size)))
            sequences, local = np.unique(rows[start:end], return_inverse=True)
            xs = [array[sequences] for array in block.xs]
            padded = [pad(array, size) for array in (local, positions[start:end], one_hot[letters[start:end]])]
            parts.append(mutation.values(xs, *padded)[: end - start])
            copies.tick((end - start) * letters.shape[1])
            start = end
        return np.concatenate(parts)

    def _positions_at_once(self, mutation: Mutation, letters: int) -> int:
        wanted = min(max(_BATCH_BYTES / mutation.mutant_bytes, _ENOUGH), _MANY)
        return max(1, int(min(self.memory / mutation.mutant_bytes, wanted) / letters))

    # The fast form and its trial

    def _mutation(self, traced: Traced, shapes: list[tuple], place: int) -> Mutation | None:
        """Return the fast form for inputs of these shapes, or None where it is more work or failed its trial."""
        key = (*map(tuple, shapes), place)
        if key not in self._mutations:
            leading = traced.probe([tuple(shape) for shape in shapes]).leading
            try:
                mutation = Mutation(traced.program, traced.targets, list(shapes), place, leading)
                fits = mutation.mutant_bytes * shapes[place][-1] <= self.memory
                worth = fits and (self.fast or mutation.pays)
                why = self._trial(mutation, shapes, place, traced) if worth else None
            except _FAILURES as problem:
                worth, why = False, f"failed ({' '.join(str(problem).split())[-200:]})"
            if why is not None:
                warnings.warn(
                    f"the fast form of mutagenesis {why} when it was tried against the plain one, which is used "
                    "instead",
                    GenoliftWarning,
                    stacklevel=2,
                )
            self._mutations[key] = mutation if worth and why is None else None
            self._trials[traced.names[place]] = "whole sequences" if self._mutations[key] is None else "windows"
        return self._mutations[key]

    def _trial(self, mutation: Mutation, shapes: list[tuple], place: int, traced: Traced) -> str | None:
        """Return how the fast form differs from the plain one at a few positions of random sequences.

        It is None where they agree.
        """
        rng = stream(self.seed, "trial of mutagenesis", *map(str, shapes))
        xs = [_random(rng, *one) for one in zip(shapes, traced.letters(shapes), strict=True)]
        length, letters = shapes[place]
        drawn = [np.concatenate([[0, length - 1], rng.integers(0, length, _TRIED)]) for _ in range(2)]
        rows, positions = np.repeat([0, 1], len(drawn[0])), np.concatenate(drawn)
        codes = (xs[place].argmax(-1)[rows, positions, None] + 1 + np.arange(letters - 1)) % letters
        copies, block = Copies(self._points, xs, len(codes)), Block(xs, [], [place])
        plain = self._plainly(copies, block, place, rows, positions, codes)
        fast = self._quickly(copies, block, place, mutation, rows, positions, codes)
        allowed = TOLERANCE * np.ptp(plain, axis=(0, 1)) + _ROUNDING * np.abs(plain).max(axis=(0, 1))
        difference = np.abs(fast - plain).max(axis=(0, 1))
        return None if (difference <= allowed).all() else f"differed from it by up to {difference.max():.2g}"

    @override
    def undefined(self) -> dict[str, str]:
        return {
            **super().undefined(),
            "multipliers": "ism has none: contributions are differences between predictions",
            **dict.fromkeys(
                ["reference_predictions", "reference_count"], "ism substitutes bases, and has no references"
            ),
        }


def _random(rng: np.random.Generator, shape: tuple, letters: bool) -> np.ndarray:
    """Return two random inputs (2, ...): sequences where there are letters, and numbers elsewhere."""
    if letters:
        return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], (2, *shape[:-1]))]
    return rng.uniform(0, 1, (2, *shape)).astype(np.float32)
