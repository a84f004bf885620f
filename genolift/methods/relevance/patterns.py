"""PatternNet and PatternAttribution (Kindermans et al. 2017): the signal in the input that a network reads."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from typing_extensions import override

from genolift.engine.relevance.pattern_sums import PatternSums, has_gram
from genolift.engine.relevance.patterns import PatternPropagation
from genolift.engine.running.digest import weights_digest
from genolift.engine.walk.points import Points
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.pointwise import PointwiseMethod
from genolift.methods.common.predicting import Copies, batch_size
from genolift.methods.common.traced import Traced
from genolift.methods.relevance import pattern_estimates as estimates
from genolift.methods.relevance.pattern_file import Patterns
from genolift.methods.targets import TargetLike
from genolift.results.kinds import RelevanceExplanation, SignalExplanation
from genolift.support.errors import InputError, Remedy, Setting, method_option
from genolift.support.memory import check_fits
from genolift.support.progress import bar
from genolift.support.seeds import stream

if TYPE_CHECKING:
    import pandas as pd

ESTIMATORS = ("relu", "linear")
# ρ is measured on patches of at most this many numbers, because it needs their covariances.
_LARGEST_PATCH = 4096
# The number of parts of the sequences, on which patterns, v and the correlation of ρ are estimated.
_PARTS = 3


class PatternMethod(PointwiseMethod):
    """A method that walks back by patterns, which :meth:`fit` estimates from data, on networks of ReLUs.

    Parameters
    ----------
    estimator
        The samples that a unit's pattern is estimated from. ``"relu"`` takes those above zero for rectified units (the
        two-component estimator), and ``"linear"`` takes all of them for every unit.
    patterns
        A file of patterns that :meth:`save` wrote, in place of fitting.
    """

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        estimator: str = "relu",
        patterns: str | None = None,
        **options: Any,
    ):
        if "gradient_correction" in options:
            raise InputError(f"{self.name} has no gradient to correct; leave gradient_correction off")
        if estimator not in ESTIMATORS:
            raise InputError(f"estimator must be one of {', '.join(ESTIMATORS)}, not {estimator!r}")
        self.estimator = estimator
        self._fitted: Patterns | None = None
        self._points: Points | None = None
        super().__init__(model, target, **options)
        if patterns is not None:
            self.load(patterns)

    learned = ("_fitted",)

    #: Whether shares of the output are walked back, rather than the signal.
    attributes = False

    # Fitting

    def fit(self, X: Any) -> Self:
        """Estimate the patterns and how good they are.

        Parameters
        ----------
        X
            Sequences such as the model was trained on. The patterns are estimated from all of them. For ``rho`` they
            are divided into three parts at random.

        Returns
        -------
        PatternMethod
            The method itself.

        Raises
        ------
        InputError
            If ``X`` is not what the model takes, or a patch does not fit the memory budget.
        """
        inputs, traced = self.adapted(X)
        sums = self._sums(inputs, traced)
        patterns = Patterns({}, record=self._record(inputs, traced))
        for i, units in enumerate(self._by_patterns.layers):
            parts = [part[i] for part in sums if part]
            layer = estimates.LayerUnits(units.name, self._of[i], self._weights[i], self._shifts[i])
            self._estimate(patterns, layer, parts, self.estimator == "relu" and units.rectified)
        self._fitted, self._points = patterns, None
        return self

    def _estimate(self, patterns: Patterns, layer: estimates.LayerUnits, parts: list, rectified: bool) -> None:
        total = estimates.added(parts)
        mean = estimates.mean_of(total, layer)
        pattern, alive = estimates.pattern(estimates.plus(total) if rectified else total, mean, layer)
        patterns.arrays[layer.name] = pattern.astype(np.float32)
        units = alive.size
        measured = None
        if "gram" in total and len(parts) == _PARTS:
            measured = estimates.quality(parts, layer, rectified)
        rho, of_weights = [np.full(units, np.nan)] * 2 if measured is None else measured
        share = (total["count+"] / np.maximum(total["count"], 1)).reshape(-1) if "count+" in total else [np.nan] * units
        table = {
            "layer": [layer.name] * units,
            "unit": range(units),
            "estimator": ["relu" if rectified else "linear"] * units,
            "above_zero": share,
            "dead": ~alive.reshape(-1),
            "rho": rho,
            "rho_of_weights": of_weights,
        }
        for name, values in table.items():
            patterns.table[name].extend(np.asarray(values).tolist())

    def _sums(self, inputs: Inputs, traced: Traced) -> list[list]:
        """Return the sums of each part of the sequences, layer by layer."""
        layers = self._by_patterns.layers
        measured = [units for units in layers if has_gram(units, _LARGEST_PATCH)]
        collect = PatternSums(traced.program, self._by_patterns, measured)
        arrays, count = inputs.arrays, len(inputs)
        size = self._batch(inputs, traced, measured)
        self._of, self._weights = collect.numbers(arrays), collect.weights(arrays)
        # The mean of z in the first batch is subtracted from z, so that no result is a small difference of large sums.
        first = collect([array[:size] for array in arrays], [np.zeros((), np.float32)] * len(layers))
        self._shifts = [(one["z"] / np.maximum(one["count"], 1)).astype(np.float32).astype(np.float64) for one in first]
        order = stream(self.seed, "parts", count).permutation(count)
        sums = []
        with bar(count, f"{self.name}: fitting", "sequences", self.progress, long=count > size) as shown:
            for part in (np.sort(order[k::_PARTS]) for k in range(_PARTS)):
                total: list = []
                for start in range(0, len(part), size):
                    rows = part[start : start + size]
                    more = collect([array[rows] for array in arrays], self._shifts)
                    total = more if not total else [estimates.added(both) for both in zip(total, more, strict=True)]
                    shown.update(len(rows))
                sums.append(total)
        return sums

    def _batch(self, inputs: Inputs, traced: Traced, measured: list) -> int:
        size = batch_size(traced, inputs, self.memory, backward=True)
        largest = max((np.prod(units.shape[:-1]) for units in measured), default=0)
        rows = max(array.shape[1] for array in inputs.arrays)
        need = 8 * largest * rows  # These are the bytes of patches, and of their product with themselves.
        check_fits(need, self.memory, "sequence's patches")
        return int(max(1, min(size, self.memory // max(need, 1), len(inputs))))

    def _record(self, inputs: Inputs, traced: Traced) -> dict:
        digest = hashlib.blake2b(digest_size=16)
        for array in inputs.arrays:
            digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return {
            "weights": weights_digest(traced.program),
            "estimator": self.estimator,
            "sequences": len(inputs),
            "data": digest.hexdigest(),
        }

    # What was fitted

    @property
    def patterns(self) -> dict[str, np.ndarray]:
        """The pattern of each layer, shaped like its weights, or (values, channels) for a sum of several values."""
        return dict(self._known().arrays)

    @property
    def quality(self) -> pd.DataFrame:
        """The quality of the patterns: a table with a row for each unit of each layer.

        ``rho`` is 1 − max_v corr(wᵀx, vᵀ(x − S(x))). It is 1 if the estimated signal S leaves nothing of the unit's sum
        behind. Patterns, v and the correlation are estimated on a third of the sequences each. ``rho_of_weights`` is
        the same for a signal along the weights. Both are NaN where patches are too large or too few, or have a layout
        that is not measured. ``above_zero`` is the share of samples that a rectifier passes. ``dead`` units have no
        pattern, and nothing flows through them.
        """
        return self._known().frame()

    def save(self, path: str | Path) -> None:
        """Write the patterns to ``path`` (.npz), for :meth:`load` or the option ``patterns``.

        Raises
        ------
        InputError
            If there are no patterns yet.
        FileProblem
            If the file cannot be written.
        """
        self._known().save(path)

    def load(self, path: str | Path) -> Self:
        """Take patterns that :meth:`save` wrote, and return the method itself.

        Raises
        ------
        InputError
            If the patterns are those of a model with other weights, or of another estimator.
        """
        patterns = Patterns.load(path)
        if self.is_traced:
            self._check(patterns, self.traced)
        self._fitted, self._points = patterns, None
        return self

    def _known(self) -> Patterns:
        if self._fitted is None:
            raise InputError(
                f"{self.name} has no patterns yet",
                Remedy.naming(
                    "{} with sequences such as the model was trained on, or give {}",
                    Setting("call fit(X)", "give --fit-on a FASTA file"),
                    method_option("patterns", "file.npz"),
                ),
            )
        return self._fitted

    def _check(self, patterns: Patterns, traced: Traced) -> None:
        # The model's weights may have changed since the fit. Patterns of other weights would be silently wrong.
        patterns.check(weights_digest(traced.program), self._by_patterns.shapes(), self.estimator, self.name)

    # Explaining

    @override
    def prepare(self, traced: Traced) -> None:
        self._by_patterns = PatternPropagation(traced.program, traced.targets, self.name, self.attributes)
        self._points = None

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        self._check(self._known(), traced)
        return super().explain(inputs, traced)

    @override
    def points(self, inputs: Inputs, traced: Traced) -> Points:
        if self._points is None:
            known = self._known()
            patterns = {units: known.arrays[units.name] for units in self._by_patterns.layers}
            self._points = Points(traced.program, traced.targets, partial(self._by_patterns, patterns))
        return self._points

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        predictions, columns = copies.own_slopes()
        return {"predictions": predictions, **self.fields(columns, predictions, copies.arrays, inputs.one_hot)}

    @abstractmethod
    def fields(self, columns: list, predictions: np.ndarray, arrays: list, letters: list[bool]) -> dict[str, Any]:
        """Return fields from what was walked back to each input, (n, T, ...)."""

    @override
    def undefined(self) -> dict[str, str]:
        none = f"{self.name} compares with no reference"
        return {
            "multipliers": f"{self.name} walks back what a neuron says, not what multiplies its input",
            **dict.fromkeys(["reference_predictions", "reference_count", "residual", "standard_error"], none),
        }

    @override
    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "estimator": self.estimator,
            "fitted": None if self._fitted is None else self._fitted.record,
        }

    @override
    def findings(self) -> dict[str, Any]:
        return {"rho": self._known().mean_rho()}


class PatternNet(PatternMethod):
    """The part of the input that the network responds to, as ``signal`` in the shape of the inputs.

    It is the output walked back with patterns in place of weights. In one-hot DNA a base with a positive signal goes
    with what the network detects there, and a base with a negative one speaks against it. ``scores`` are the signal at
    the base that is there, and ``hypothetical`` the signal at each base.
    """

    name = "patternnet"
    result_type = SignalExplanation

    @override
    def fields(
        self, columns: list[np.ndarray], predictions: np.ndarray, arrays: list[np.ndarray], letters: list[bool]
    ) -> dict[str, Any]:
        fields = {
            "signal": columns,
            "scores": [
                (signal * x[:, None]).sum(-1) if dna else signal
                for signal, x, dna in zip(columns, arrays, letters, strict=True)
            ],
        }
        if any(letters):
            fields["hypothetical"] = [signal if dna else None for signal, dna in zip(columns, letters, strict=True)]
        return fields

    @override
    def undefined(self) -> dict[str, str]:
        return {
            **super().undefined(),
            "hypothetical": "the inputs are not DNA of shape (N, L, 4), nor tokens; 'signal' has their shape",
            "raw_contributions": "a signal is what is there, not shares of the output; pattern-attribution has these",
        }


class PatternAttribution(PatternMethod):
    """Shares of the output by weight × pattern, a deep Taylor decomposition whose root is the input without its signal.

    ``raw_contributions`` are the shares of every base, also of those that are not there, and ``scores`` their sum over
    a position. ``absorbed`` is the part that dead units and rectifiers that pass nothing took. ``hypothetical`` is not
    defined, because shares do not depend on the base that is there.
    """

    name = "pattern-attribution"
    result_type = RelevanceExplanation
    attributes = True

    @override
    def fields(
        self, columns: list[np.ndarray], predictions: np.ndarray, arrays: list[np.ndarray], letters: list[bool]
    ) -> dict[str, Any]:
        total = sum(raw.reshape(*raw.shape[:2], -1).sum(-1, dtype=np.float64) for raw in columns)
        return {
            "raw_contributions": columns,
            "scores": [raw.sum(-1) if dna else raw for raw, dna in zip(columns, letters, strict=True)],
            "absorbed": (predictions - total).astype(np.float32),
        }

    @override
    def undefined(self) -> dict[str, str]:
        blind = (
            "pattern-attribution gives a base its share whatever base is there; patternnet and lrp-epsilon define it"
        )
        return {**super().undefined(), "hypothetical": blind}
