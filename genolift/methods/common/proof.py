"""Summation-to-delta as a proof.

What is missing from f(x) − f(reference) is either rounding or a breach, and a breach begins at some step.
"""

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
    """What is found out about the residuals of a result.

    Parameters
    ----------
    kind
        "exact" (within tolerance), "rounding", "breach", "undecided" or "not finite".
    worst
        The largest residual, relative to the outputs of its pair.
    pairs_over
        How many pairs of a sequence and a reference are over the tolerance.
    where
        The step at which the balance fails first.
    """

    kind: str
    worst: float
    pairs_over: int
    where: str = ""

    def record(self) -> dict:
        """Return the verdict for the result's record."""
        record = {"verdict": self.kind, "worst_relative_residual": self.worst, "pairs_over_tolerance": self.pairs_over}
        return {**record, "tolerance": TOLERANCE, **({"where": self.where} if self.where else {})}


def relative(residual: np.ndarray, predictions: np.ndarray, reference_predictions: np.ndarray) -> np.ndarray:
    """Return |residual| over the larger of |f(x)| and |f(reference)|, for each pair."""
    scale = np.maximum(np.abs(predictions)[..., None], np.abs(reference_predictions))
    return np.abs(residual) / np.maximum(scale, 1e-3)


def judge(block: dict[str, Any], explainer: Explainer, pair_of: PairOf) -> Verdict:
    """Look at every pair's residual; where one is beyond rounding, compute the worst again in float64.

    Parameters
    ----------
    block
        ``residual`` (N, T, R), ``predictions`` (N, T), ``reference_predictions`` (N, T, R) and ``count`` (N,).
    explainer
        What explained the block.
    pair_of
        Gives the inputs and references of one pair.
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
    n, t, r = map(int, np.unravel_index(int(finite.argmax()), finite.shape))
    try:
        again = explainer.in_float64(t)
        xs, refs = pair_of(n, r)
        pair = again(xs, refs, False, False)
        left = relative(pair["residual"], pair["predictions"], pair["reference_predictions"]).item()
        if left <= _EXACT:
            return Verdict("rounding", most, over)
        return Verdict("breach", most, over, _first_breach(again, xs, refs))
    except (tf.errors.OpError, TypeError, ValueError) as problem:
        return Verdict("undecided", most, over, f"float64 is not available: {str(problem).splitlines()[0]}")


def _used(block: dict[str, Any]) -> np.ndarray:
    """Which references were drawn, (N, 1, R): the others' places hold NaN."""
    return np.arange(block["residual"].shape[2]) < block["count"][:, None, None]


def not_finite(block: dict[str, Any]) -> np.ndarray:
    """Which pairs (N, T, R) have a prediction, or a sum of contributions, that is no number."""
    numbers = block["predictions"][..., None] + block["reference_predictions"] + block["residual"]
    return np.asarray(_used(block) & ~np.isfinite(numbers))


def _first_lost(explainer: Explainer, xs: list, refs: list) -> str:
    """Return the step nearest the input whose balance is no number."""
    audit = [step.where for step, imbalance in explainer.audit(xs, refs) if not np.isfinite(imbalance)]
    return audit[-1] if audit else "no single operation"


def _first_breach(explainer: Explainer, xs: list, refs: list) -> str:
    """Return the step nearest the output whose own balance fails most."""
    audit = explainer.audit(xs, refs)
    if not audit:
        return "an operation outside the walk"
    size = max(abs(imbalance) for _, imbalance in audit)
    return next((step.where for step, imbalance in audit if abs(imbalance) >= size / 2), "no single operation")


def warn(verdict: Verdict) -> None:
    """Say what a user should know; rounding that was recognised as such needs no words."""
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
    """Return a row for each step that is walked for one pair, output first, with its imbalance in both precisions."""
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
