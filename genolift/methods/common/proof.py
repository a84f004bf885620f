"""The check that contributions sum to f(x) − f(reference), which tells rounding from a breach and where it begins."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from genolift.engine.operations.steps import kind_of
from genolift.engine.walk.explain import Explainer
from genolift.support.errors import GenoliftWarning
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

#: Returns the inputs (1, ...) and references (1, 1, ...) of sequence n and its reference r.
PairOf: TypeAlias = Callable[[int, int], tuple[list, list]]
#: The share of the larger of |f(x)| and |f(reference)| that float32 rounding may leave.
TOLERANCE = 3e-5
#: The same in float64, where rounding is nine digits further down.
_EXACT = 1e-9
#: The share of the output above which even rounding deserves a warning.
_LOST = 0.01


@dataclass(frozen=True)
class Verdict:
    """The outcome of the check.

    Parameters
    ----------
    kind
        ``"exact"`` (all pairs are within the tolerance), ``"rounding"`` (the worst one is exact in float64),
        ``"breach"`` (it is not), ``"undecided"`` (the model does not run in float64) or ``"not finite"``.
    worst
        The largest relative residual of a pair.
    pairs_over
        How many pairs are over the tolerance, or not finite.
    where
        The step at which the balance first fails, or why the check is undecided.
    """

    kind: str
    worst: float
    pairs_over: int
    where: str = ""

    def record(self) -> dict[str, Any]:
        """Return the verdict as a result records it."""
        record = {"verdict": self.kind, "worst_relative_residual": self.worst, "pairs_over_tolerance": self.pairs_over}
        return {**record, "tolerance": TOLERANCE, **({"where": self.where} if self.where else {})}


def relative(residual: np.ndarray, predictions: np.ndarray, reference_predictions: np.ndarray) -> np.ndarray:
    """Return |residual| over the larger of |f(x)| and |f(reference)| of every pair.

    Parameters
    ----------
    residual
        (N, T, R).
    predictions
        (N, T).
    reference_predictions
        (N, T, R).
    """
    scale = np.maximum(np.abs(predictions)[..., None], np.abs(reference_predictions))
    return np.abs(residual) / np.maximum(scale, 1e-3)


def judge(block: dict, explainer: Explainer, pair_of: PairOf) -> Verdict:
    """Return the verdict on a block; where a residual is beyond rounding, the worst pair is computed again in float64.

    Parameters
    ----------
    block
        A block with ``residual`` (N, T, R), ``predictions`` (N, T), ``reference_predictions`` (N, T, R) and ``count``
        (N,), the number of references of each sequence.
    explainer
        What explained the block.
    pair_of
        A function that returns the inputs and references of one pair.
    """
    lost = not_finite(block)
    if lost.any():
        n, _, r = (int(i) for i in np.argwhere(lost)[0])
        return Verdict(
            "not finite", float("inf"), int(lost.sum()), f"{_first_lost(explainer, *pair_of(n, r))}, row {n}"
        )
    worst = relative(block["residual"], block["predictions"], block["reference_predictions"])
    finite = np.where(_used(block), worst, 0)
    over = int((finite > TOLERANCE).sum())
    most = float(finite.max())
    if not over:
        return Verdict("exact", most, 0)
    n, t, r = (int(i) for i in np.unravel_index(int(finite.argmax()), finite.shape))
    try:
        again = explainer.in_float64(t)
        xs, refs = pair_of(n, r)
        exact = again(xs, refs, False, False)
        left = relative(exact["residual"], exact["predictions"], exact["reference_predictions"]).item()
        if left <= _EXACT:
            return Verdict("rounding", most, over)
        return Verdict("breach", most, over, _first_breach(again, xs, refs))
    except (tf.errors.OpError, TypeError, ValueError) as problem:
        return Verdict("undecided", most, over, f"float64 is not available: {str(problem).splitlines()[0]}")


def _used(block: dict) -> np.ndarray:
    """Return which references were drawn, (N, 1, R). The places of the others hold NaN."""
    return np.arange(block["residual"].shape[2]) < block["count"][:, None, None]


def not_finite(block: dict) -> np.ndarray:
    """Return which pairs (N, T, R) of a block have a prediction, or a sum of contributions, that is not finite."""
    numbers = block["predictions"][..., None] + block["reference_predictions"] + block["residual"]
    return _used(block) & ~np.isfinite(numbers)


def _first_lost(explainer: Explainer, xs: list, refs: list) -> str:
    """Return the step nearest the input whose imbalance is not finite."""
    audit = [step.where for step, imbalance in explainer.audit(xs, refs) if not np.isfinite(imbalance)]
    return audit[-1] if audit else "no single operation"


def _first_breach(explainer: Explainer, xs: list, refs: list) -> str:
    """Return the step nearest the output among those whose own balance fails most."""
    audit = explainer.audit(xs, refs)
    if not audit:
        return "an operation outside the walk"
    size = max(abs(imbalance) for _, imbalance in audit)
    return next((step.where for step, imbalance in audit if abs(imbalance) >= size / 2), "no single operation")


def warn(verdict: Verdict) -> None:
    """Warn of what a user should know. Small rounding errors are not worth a warning."""
    if verdict.kind == "rounding" and verdict.worst > _LOST:
        warnings.warn(
            f"contributions miss f(x) − f(reference) by up to {verdict.worst:.2g} of the output through rounding "
            "alone: they are so large, and cancel so far, that float32 cannot hold their sum; do not read single ones "
            "of them",
            GenoliftWarning,
            stacklevel=6,
        )
    elif verdict.kind == "not finite":
        warnings.warn(
            f"{verdict.pairs_over} (sequence, reference) pairs have outputs or contributions that are not finite, "
            f"first at {verdict.where}; the contributions of these sequences are NaN: give other references, or mend "
            "the model",
            GenoliftWarning,
            stacklevel=6,
        )
    elif verdict.kind == "breach":
        warnings.warn(
            f"contributions miss f(x) − f(reference) by up to {verdict.worst:.2g} of the output, and not through "
            f"rounding: the balance first fails at {verdict.where}",
            GenoliftWarning,
            stacklevel=6,
        )
    elif verdict.kind == "undecided":
        warnings.warn(
            f"contributions miss f(x) − f(reference) by up to {verdict.worst:.2g} of the output; whether that is "
            f"rounding is undecided ({verdict.where})",
            GenoliftWarning,
            stacklevel=6,
        )


def steps_table(explainer: Explainer, xs: list, refs: list) -> list[dict]:
    """Return a row for each step that importance passes through for one pair, see :func:`genolift.diagnose`.

    Parameters
    ----------
    explainer
        The walk back.
    xs
        The sequence, (1, ...) per input.
    refs
        Its reference, (1, 1, ...) per input.
    """
    single = explainer.audit(xs, refs)
    try:
        double = [imbalance for _, imbalance in explainer.in_float64(0).audit(xs, refs)]
    except (tf.errors.OpError, TypeError, ValueError):
        double = [float("nan")] * len(single)
    rows = []
    for (step, imbalance), exact in zip(single, double, strict=True):
        kind = kind_of(step)
        reveals = kind == "unary" and explainer.multipliers.reveals(step)
        rows.append(
            {
                "layer": step.layers[-1].path if step.layers else "",
                "operation": "+".join(inner.op for inner in step.body if inner.op != "Const") or step.op,
                "kind": kind,
                "rule": "revealcancel" if reveals else "rescale" if kind == "unary" else "",
                "imbalance": imbalance,
                "imbalance_float64": exact,
            }
        )
    return rows
