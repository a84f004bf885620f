"""Summation-to-delta as a proof: is what is missing rounding, or a breach, and where does it begin?"""

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

#: Gives the inputs (1, ...) and references (1, 1, ...) of sequence n and its reference r.
PairOf: TypeAlias = Callable[[int, int], tuple[list, list]]
#: Share of the larger of |f(x)| and |f(reference)| that float32 rounding may leave.
TOLERANCE = 3e-5
#: The same in float64, where rounding is nine digits further down.
_EXACT = 1e-9
#: Rounding beyond this share of the output is worth a word of its own.
_LOST = 0.01


@dataclass(frozen=True)
class Verdict:
    """``kind``: "exact" (within tolerance), "rounding", "breach", "undecided" or "not finite"; ``where`` names the step."""

    kind: str
    worst: float
    pairs_over: int
    where: str = ""

    def record(self) -> dict[str, Any]:
        record = {"verdict": self.kind, "worst_relative_residual": self.worst, "pairs_over_tolerance": self.pairs_over}
        return {**record, "tolerance": TOLERANCE, **({"where": self.where} if self.where else {})}


def relative(residual: np.ndarray, predictions: np.ndarray, reference_predictions: np.ndarray) -> np.ndarray:
    """|residual| over the larger of |f(x)| and |f(reference)|, per pair."""
    scale = np.maximum(np.abs(predictions)[..., None], np.abs(reference_predictions))
    return np.abs(residual) / np.maximum(scale, 1e-3)


def judge(found: dict, explainer: Explainer, pair_of: PairOf) -> Verdict:
    """Look at every pair's residual; where one is beyond rounding, compute the worst again in float64.

    ``found`` holds ``residual`` (N, T, R), ``predictions`` (N, T) and ``reference_predictions`` (N, T, R);
    ``pair_of(n, r)`` gives the inputs and references of one pair.
    """
    lost = not_finite(found)
    if lost.any():
        n, _, r = (int(i) for i in np.argwhere(lost)[0])
        return Verdict(
            "not finite", float("inf"), int(lost.sum()), f"{_first_lost(explainer, *pair_of(n, r))}, row {n}"
        )
    worst = relative(found["residual"], found["predictions"], found["reference_predictions"])
    finite = np.where(_used(found), worst, 0)
    over = int((finite > TOLERANCE).sum())
    most = float(finite.max())
    if not over:
        return Verdict("exact", most, 0)
    n, t, r = np.unravel_index(int(finite.argmax()), finite.shape)
    try:
        again = explainer.in_float64(int(t))
        xs, refs = pair_of(int(n), int(r))
        block = again(xs, refs, False, False)
        left = relative(block["residual"], block["predictions"], block["reference_predictions"]).item()
        if left <= _EXACT:
            return Verdict("rounding", most, over)
        return Verdict("breach", most, over, _first_breach(again, xs, refs))
    except (tf.errors.OpError, TypeError, ValueError) as problem:
        return Verdict("undecided", most, over, f"float64 is not available: {str(problem).splitlines()[0]}")


def _used(found: dict) -> np.ndarray:
    """Which references were drawn, (N, 1, R): the others' places hold NaN."""
    return np.arange(found["residual"].shape[2]) < found["count"][:, None, None]


def not_finite(found: dict) -> np.ndarray:
    """Which pairs (N, T, R) have a prediction, or a sum of contributions, that is no number."""
    numbers = found["predictions"][..., None] + found["reference_predictions"] + found["residual"]
    return _used(found) & ~np.isfinite(numbers)


def _first_lost(explainer: Explainer, xs: list, refs: list) -> str:
    """The step nearest the input whose balance is no number."""
    audit = [step.where for step, imbalance in explainer.audit(xs, refs) if not np.isfinite(imbalance)]
    return audit[-1] if audit else "no single operation"


def _first_breach(explainer: Explainer, xs: list, refs: list) -> str:
    """The step nearest the output whose own balance fails most."""
    audit = explainer.audit(xs, refs)
    if not audit:
        return "an operation outside the walk"
    size = max(abs(imbalance) for _, imbalance in audit)
    return next((step.where for step, imbalance in audit if abs(imbalance) >= size / 2), "no single operation")


def warn(verdict: Verdict) -> None:
    """Say what a user should know; rounding that was recognised as such needs no words."""
    if verdict.kind == "rounding" and verdict.worst > _LOST:
        warnings.warn(
            f"contributions miss f(x) − f(reference) by up to {verdict.worst:.2g} of the output through rounding alone: they "
            "are so large, and cancel so far, that float32 cannot hold their sum; do not read single ones of them",
            GenoliftWarning,
            stacklevel=6,
        )
    elif verdict.kind == "not finite":
        warnings.warn(
            f"{verdict.pairs_over} (sequence, reference) pairs have outputs or contributions that are not finite, first at "
            f"{verdict.where}; the contributions of these sequences are NaN: give other references, or mend the model",
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
    """One row per step walked for one pair, output first, with its imbalance in both precisions."""
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
