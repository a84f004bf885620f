"""What a model predicts with either allele, for blocks of windows as text, in this process or in others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from genolift.methods.targets import parse
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.scoring.worker import alike
from genolift.pipeline.variants.aligned import aligned
from genolift.sequence.alphabet import one_hot

if TYPE_CHECKING:
    from genolift.methods.prediction.predictor import Predictor

#: The kind of a variant, and each of its windows with the reference and with the alternative allele.
Item: TypeAlias = tuple[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Effects:
    """Predictions (N, T) with either allele, and distances (N, T) of their profiles, NaN where there are none.

    ``tested`` are the differences (N, T) of which p-values are taken.
    """

    ref: np.ndarray
    alt: np.ndarray
    distance: np.ndarray
    tested: np.ndarray

    def lost(self, i: int, t: int) -> str | None:
        """Say what of a variant is not finite for a target; ``None`` where all is."""
        ref, alt = self.ref[i, t], self.alt[i, t]
        # The table holds float32, in which a difference can overflow that float64 can hold.
        for value, what in (
            (ref, "the prediction with the reference allele"),
            (alt, "the prediction with the alternative allele"),
            (alt - ref, "the difference of the predictions"),
            (self.tested[i, t], "the difference before the final sigmoid or softmax"),
        ):
            with np.errstate(over="ignore"):
                single = np.float32(value)
            if not np.isfinite(single):
                return f"{what} is {'not a number' if np.isnan(single) else 'infinite'}"
        return None


class Comparing:
    """Compares the alleles of variants, whose windows are given as text.

    Parameters
    ----------
    predictor
        What predicts the targets.
    linked
        What predicts what is tested, where that is something else: effects on what a sigmoid or a softmax gives grow
        and shrink with the activity of the window, and so cannot be compared with those in shuffled windows.
    unknown
        How N and other IUPAC codes are encoded.
    align
        Whether profiles are compared base by base of the genome.
    """

    def __init__(self, predictor: Predictor, linked: Predictor | None, unknown: str, align: bool = False):
        self.predictor, self.linked, self._unknown, self._align = predictor, linked, unknown, align

    def __call__(self, items: Sequence[Item]) -> Effects:
        """Return means over each variant's windows and both strands."""
        from genolift.methods.prediction.predictor import profile_distance  # loads TensorFlow

        rows = np.repeat(np.arange(len(items)), [len(pairs) for _, pairs in items])
        every = [(pair, kind) for kind, pairs in items for pair in pairs]
        which: dict[str, int] = {}  # alleles of one record share the reference's windows
        sides = [[which.setdefault(pair[side], len(which)) for pair, _ in every] for side in (0, 1)]
        X = one_hot(list(which), self._unknown)
        predicted = self.predictor(X)
        mean = _mean_over(rows, len(items))
        # What is not finite is found in the means.
        with np.errstate(invalid="ignore", over="ignore"):
            ref, alt = (mean(predicted.values[side].astype(np.float64)) for side in sides)
            distance = np.full(ref.shape, np.nan)
            for t, profiles in enumerate(predicted.profiles):
                if profiles is not None:
                    both = [profiles[side] for side in sides]
                    found = profile_distance(*both)
                    if self._align:
                        for i, (pair, kind) in enumerate(every):
                            moved = aligned(both[0][i], both[1][i], pair, kind, self.predictor.tracks[t])
                            found[i] = profile_distance(*(each[None] for each in moved))[0]
                    distance[:, t] = mean(found[:, None])[:, 0]
            tested = alt - ref
            if self.linked is not None:
                values = self.linked(X).values.astype(np.float64)
                tested = mean(values[sides[1]]) - mean(values[sides[0]])
        return Effects(ref, alt, distance, tested)


@dataclass(frozen=True)
class Comparison:
    """All that a process needs to compare alleles as the one that began the job does.

    ``model_digest`` and ``versions`` are what that process must find, or its results would differ. It computes with as
    many ``threads``.

    Parameters
    ----------
    model, model_digest, versions, threads, memory
        As in :class:`genolift.pipeline.common.explaining.Task`.
    targets
        What is predicted, as text.
    activation
        As in :class:`genolift.pipeline.variants.job.EffectTable`.
    has_null
        Whether effects are compared with a null.
    unknown, align
        As in :class:`Comparing`.
    """

    model: ModelFile
    model_digest: Mapping[str, Any]
    versions: Mapping[str, str]
    threads: int
    memory: str | None
    targets: tuple[str, ...]
    activation: str
    has_null: bool
    unknown: str
    align: bool

    def predictor(self, model: Any) -> Predictor:
        """Return what predicts the targets."""
        return self._predictor(model, self.activation)

    def comparing(self, model: Any, predictor: Predictor | None = None) -> Comparing:
        """Return what compares alleles, for the model when it is loaded."""
        predictor = predictor or self.predictor(model)
        linked = None
        if self.has_null and self.activation == "keep":
            linked = self._predictor(model, "logit")
            linked = linked if linked.scales != predictor.scales else None
        return Comparing(predictor, linked, self.unknown, self.align)

    def _predictor(self, model: Any, activation: str) -> Predictor:
        from genolift.methods.prediction.predictor import Predictor  # loads TensorFlow; most mistakes are found without

        return Predictor(model, [parse(text) for text in self.targets], activation, self.memory)


_made: dict[str, Comparing] = {}
_making, _computing = threading.Lock(), threading.Lock()


def compare_block(comparison: Comparison, number: int, items: Sequence[Item]) -> Effects:
    """Compare the alleles of one block, in a worker."""
    key = repr(comparison)
    with _making:
        if key not in _made:
            _made.clear()
            with alike(comparison):
                _made[key] = comparison.comparing(comparison.model.load())
    with _computing:  # two blocks at once would be in each other's way
        return _made[key](items)


def _mean_over(rows: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from one value per window (W, ...) to their means per allele (count, ...)."""
    sizes = np.bincount(rows, minlength=count)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((count, values.shape[1]))
        np.add.at(sums, rows, values)
        return sums / sizes

    return mean
