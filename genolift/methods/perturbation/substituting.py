"""Predictions of sequences in which single letters are exchanged, by windows where that is less work."""

from __future__ import annotations

import warnings

import numpy as np

from genolift.engine.target import Target
from genolift.engine.walk.points import Points
from genolift.engine.windows.mutation import Mutation
from genolift.methods.common.blocks import pad
from genolift.methods.common.predicting import Copies
from genolift.methods.common.traced import Traced
from genolift.support.errors import GenoliftWarning
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


class Substituting:
    """The targets of sequences with other letters at single positions.

    The fast form computes only the part of each layer that a substitution reaches, as fastISM does (Nair et al. 2022).
    It is compared with the plain one when this object is made. If they differ, a warning says so and the plain form is
    used.

    Parameters
    ----------
    traced
        The model.
    targets
        The targets that are evaluated.
    points
        An evaluator of the same targets.
    fast
        Whether to use the fast form. None is for wherever it is estimated to be less work.
    memory
        The budget in bytes.
    seed
        The seed of the sequences on which the fast form is tried.

    Attributes
    ----------
    trials : dict of str to str
        The form that is used, "windows" or "whole sequences", for each input that was tried.
    """

    def __init__(
        self, traced: Traced, targets: list[Target], points: Points, fast: bool | None, memory: int, seed: int
    ):
        self.traced, self.targets, self.points = traced, targets, points
        self.fast, self.memory, self.seed = fast, memory, seed
        self.trials: dict[str, str] = {}
        self._mutations: dict[tuple, Mutation | None] = {}
        shapes = traced.fixed_shapes
        if fast is not False and shapes is not None:
            for place, letters in enumerate(traced.letters(shapes)):
                if letters:
                    self._mutation(shapes, place)

    def values(
        self,
        copies: Copies,
        xs: list[np.ndarray],
        place: int,
        rows: np.ndarray,
        positions: np.ndarray,
        letters: np.ndarray,
    ) -> np.ndarray:
        """Return the targets of sequences with other letters at single positions.

        Parameters
        ----------
        copies
            The predictions of changed copies of the sequences.
        xs
            The sequences (n, ...) for each input.
        place
            The number of the input in which letters are exchanged.
        rows, positions
            Which sequence is changed, and at which position, (Q,).
        letters
            The letters (Q, B) that are put there in turn, by number.

        Returns
        -------
        np.ndarray
            The T targets of each copy, (Q, B, T).
        """
        shapes = [array.shape[1:] for array in xs]
        mutation = None if self.fast is False else self._mutation(shapes, place)
        if mutation is None:
            return self._plainly(copies, xs, place, rows, positions, letters)
        return self._quickly(copies, xs, place, mutation, rows, positions, letters)

    @staticmethod
    def _plainly(
        copies: Copies, xs: list[np.ndarray], place: int, rows: np.ndarray, positions: np.ndarray, letters: np.ndarray
    ) -> np.ndarray:
        """Return the targets (Q, B, T) of the sequences ``rows`` (Q,) with ``letters`` (Q, B) at ``positions`` (Q,)."""
        x = xs[place]

        def make(which):
            q, b = np.divmod(which, letters.shape[1])
            arrays = [array[rows[q]] for array in xs]
            arrays[place][np.arange(len(q)), positions[q]] = np.eye(x.shape[-1], dtype=x.dtype)[letters[q, b]]
            return rows[q], arrays

        return copies.values(letters.size, make).reshape(*letters.shape, -1)

    def _quickly(
        self,
        copies: Copies,
        xs: list[np.ndarray],
        place: int,
        mutation: Mutation,
        rows: np.ndarray,
        positions: np.ndarray,
        letters: np.ndarray,
    ) -> np.ndarray:
        """Return what :meth:`_plainly` returns, computed by windows, some positions and their sequences at a time."""
        # All batches have one shape, which the trial has compiled already.
        size = self._positions_at_once(mutation, letters.shape[1])
        one_hot = np.eye(xs[place].shape[-1], dtype=np.float32)
        _, order = np.unique(rows, return_inverse=True)
        parts, start = [], 0
        while start < len(rows):
            # A batch has no more sequences than may be predicted at a time, because it needs their activations as well.
            end = min(start + size, int(np.searchsorted(order, order[start] + copies.size)))
            sequences, local = np.unique(rows[start:end], return_inverse=True)
            some = [array[sequences] for array in xs]
            padded = [pad(array, size) for array in (local, positions[start:end], one_hot[letters[start:end]])]
            parts.append(mutation.values(some, *padded)[: end - start])
            copies.tick((end - start) * letters.shape[1])
            start = end
        return np.concatenate(parts)

    def _positions_at_once(self, mutation: Mutation, letters: int) -> int:
        wanted = min(max(_BATCH_BYTES / mutation.mutant_bytes, _ENOUGH), _MANY)
        return max(1, int(min(self.memory / mutation.mutant_bytes, wanted) / letters))

    # The fast form and its trial

    def _mutation(self, shapes: list[tuple], place: int) -> Mutation | None:
        """Return the fast form for inputs of these shapes, or None where it is more work or failed its trial."""
        key = (*map(tuple, shapes), place)
        if key not in self._mutations:
            leading = self.traced.probe([tuple(shape) for shape in shapes]).leading
            try:
                mutation = Mutation(self.traced.program, self.targets, list(shapes), place, leading)
                fits = mutation.mutant_bytes * shapes[place][-1] <= self.memory
                worth = fits and (self.fast or mutation.pays)
                why = self._trial(mutation, shapes, place) if worth else None
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
            self.trials[self.traced.names[place]] = "whole sequences" if self._mutations[key] is None else "windows"
        return self._mutations[key]

    def _trial(self, mutation: Mutation, shapes: list[tuple], place: int) -> str | None:
        """Return how the fast form differs from the plain one at a few positions of random sequences.

        It is None where they agree.
        """
        rng = stream(self.seed, "trial of mutagenesis", *map(str, shapes))
        xs = [_random(rng, *one) for one in zip(shapes, self.traced.letters(shapes), strict=True)]
        length, letters = shapes[place]
        drawn = [np.concatenate([[0, length - 1], rng.integers(0, length, _TRIED)]) for _ in range(2)]
        rows, positions = np.repeat([0, 1], len(drawn[0])), np.concatenate(drawn)
        codes = (xs[place].argmax(-1)[rows, positions, None] + 1 + np.arange(letters - 1)) % letters
        copies = Copies(self.points, xs, len(codes))
        plain = self._plainly(copies, xs, place, rows, positions, codes)
        fast = self._quickly(copies, xs, place, mutation, rows, positions, codes)
        allowed = TOLERANCE * np.ptp(plain, axis=(0, 1)) + _ROUNDING * np.abs(plain).max(axis=(0, 1))
        difference = np.abs(fast - plain).max(axis=(0, 1))
        return None if (difference <= allowed).all() else f"differed from it by up to {difference.max():.2g}"


def _random(rng: np.random.Generator, shape: tuple, letters: bool) -> np.ndarray:
    """Return two random inputs (2, ...): sequences where there are letters, and numbers elsewhere."""
    if letters:
        return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], (2, *shape[:-1]))]
    return rng.uniform(0, 1, (2, *shape)).astype(np.float32)
