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
from genolift.support.errors import InputError

if TYPE_CHECKING:
    from genolift.methods.beside import Beside
    from genolift.methods.prediction.predictor import Predictor

#: The kind of a variant, each of its windows with the reference and with the alternative allele, and the number of its
#: record, by which the model's inputs beside the sequence are known.
Item: TypeAlias = tuple[str, list[tuple[str, str]], int]


@dataclass(frozen=True)
class Effects:
    """Predictions (N, T) with either allele, and distances (N, T) of their profiles, NaN where there are none.

    ``tested`` are the differences (N, T) of which p-values are taken. Of several models these are means, and ``spread``
    and ``distance_spread`` are the standard deviations (N, T) of their differences and distances.
    """

    ref: np.ndarray
    alt: np.ndarray
    distance: np.ndarray
    tested: np.ndarray
    spread: np.ndarray | None = None
    distance_spread: np.ndarray | None = None

    @classmethod
    def mean(cls, each: Sequence[Effects]) -> Effects:
        """Return the mean of what several models say, and their spread; of one model, what it says."""
        if len(each) == 1:
            return each[0]
        # What is not finite for one of the models is not finite in the mean.
        with np.errstate(invalid="ignore", over="ignore"):
            return cls(
                np.mean([one.ref for one in each], axis=0),
                np.mean([one.alt for one in each], axis=0),
                np.mean([one.distance for one in each], axis=0),
                np.mean([one.tested for one in each], axis=0),
                np.std([one.alt - one.ref for one in each], axis=0, ddof=1),
                np.std([one.distance for one in each], axis=0, ddof=1),
            )

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
    predictors
        What predicts the targets, for each of the models.
    linked
        What predicts what is tested, for each of the models, where that is something else: effects on what a sigmoid or
        a softmax gives grow and shrink with the activity of the window, and so cannot be compared with those in
        shuffled windows.
    unknown
        How N and other IUPAC codes are encoded.
    align
        Whether profiles are compared base by base of the genome.
    beside
        The inputs of the models beside the sequence. Both alleles get those of their record.
    """

    def __init__(
        self,
        predictors: Sequence[Predictor],
        linked: Sequence[Predictor] | None,
        unknown: str,
        align: bool = False,
        beside: Beside | None = None,
    ):
        self.predictors, self.linked, self._beside = predictors, linked, beside
        self._unknown, self._align = unknown, align

    @property
    def tested_scales(self) -> list[str]:
        """The scales of what is tested."""
        return (self.linked or self.predictors)[0].scales

    def __call__(self, items: Sequence[Item]) -> Effects:
        """Return means over each variant's windows and both strands, and over the models."""
        rows = np.repeat(np.arange(len(items)), [len(pairs) for _, pairs, _ in items])
        every = [(pair, kind) for kind, pairs, _ in items for pair in pairs]
        by_record = self._beside is not None and self._beside.rows is not None
        records = [record if by_record else 0 for _, pairs, record in items for _ in pairs]
        # Alleles of one record share the reference's windows.
        which: dict[tuple[str, int], int] = {}
        sides = [
            [
                which.setdefault((pair[side], record), len(which))
                for (pair, _), record in zip(every, records, strict=True)
            ]
            for side in (0, 1)
        ]
        X: Any = one_hot([text for text, _ in which], self._unknown)
        if self._beside is not None:
            X = self._beside.joined(X, np.array([record for _, record in which]))
        mean = _mean_over(rows, len(items))
        linked: Sequence[Predictor | None] = self.linked or [None] * len(self.predictors)
        return Effects.mean(
            [self._of_model(*both, X, every, sides, mean) for both in zip(self.predictors, linked, strict=True)]
        )

    def _of_model(
        self,
        predictor: Predictor,
        linked: Predictor | None,
        X: Any,
        every: list[tuple[tuple[str, str], str]],
        sides: list[list[int]],
        mean: Callable[[np.ndarray], np.ndarray],
    ) -> Effects:
        """Return the effects by one of the models."""
        from genolift.methods.prediction.predictor import profile_distance  # loads TensorFlow

        predicted = predictor(X)
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
                            moved = aligned(both[0][i], both[1][i], pair, kind, predictor.tracks[t])
                            found[i] = profile_distance(*(each[None] for each in moved))[0]
                    distance[:, t] = mean(found[:, None])[:, 0]
            tested = alt - ref
            if linked is not None:
                values = linked(X).values.astype(np.float64)
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

    def predictors(self, model: Any) -> list[Predictor]:
        """Return what predicts the targets, for each of the models.

        Raises
        ------
        InputError
            If the values of several models differ in scale.
        """
        return self._predictors(model, self.activation)

    def comparing(self, model: Any, predictors: list[Predictor] | None = None) -> Comparing:
        """Return what compares alleles, for the model when it is loaded."""
        predictors = predictors or self.predictors(model)
        linked = None
        if self.has_null and self.activation == "keep":
            linked = self._predictors(model, "logit")
            linked = linked if linked[0].scales != predictors[0].scales else None
        return Comparing(predictors, linked, self.unknown, self.align, self.model.beside(model))

    def _predictors(self, model: Any, activation: str) -> list[Predictor]:
        from genolift.methods.prediction.predictor import Predictor  # loads TensorFlow; most mistakes are found without

        models = model if isinstance(model, list) else [model]
        chosen = [parse(text) for text in self.targets]
        made = [Predictor(one, chosen, activation, self.memory) for one in models]
        for file, one in zip(self.model.each, made, strict=True):
            if one.scales != made[0].scales:
                raise InputError(
                    f"{file.called} predicts {', '.join(one.scales)}, and {self.model.called} "
                    f"{', '.join(made[0].scales)}; values of different scales have no mean"
                )
        return made


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
