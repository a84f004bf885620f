"""The check that contributions sum to f(x) − f(reference), which tells rounding from a breach and where it begins."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from genolift.engine.operations.steps import kind_of
from genolift.engine.running.origins import Origins
from genolift.engine.walk.explain import Explainer
from genolift.support.errors import GenoliftWarning
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

#: Returns the inputs (1, ...) and references (1, 1, ...) of sequence n and its reference r.
PairOf: TypeAlias = Callable[[int, int], tuple[list, list]]
# Each operation in float32 rounds its result by up to 2⁻²⁴ = 6e-8 of it, so the errors of a sum have the size of the
# numbers that are added, however small the sum is. Contributions are sums in every layer that they pass: 3e-5 of them
# are five hundred such errors. An output is the end of one forward run: 2e-6 of it, which is a fifteenth of 3e-5, are
# thirty-two. On seventy random networks of up to four blocks, with outputs of 1e-8 to 1e8, the largest residual was a
# quarter of what this allows; tests/methods/common/test_proof.py has such networks.
#: The share of the numbers that are added, as :func:`size` gives them, that float32 rounding may leave.
TOLERANCE = 3e-5
_OF_OUTPUTS = 1 / 15
#: The share of the output above which even rounding deserves a warning.
_LOST = 0.01


@dataclass(frozen=True)
class Verdict:
    """The outcome of the check.

    Parameters
    ----------
    kind
        ``"exact"`` (all pairs are within the tolerance), ``"rounding"`` (the worst ones are exact in float64),
        ``"breach"`` (one is not), ``"undecided"`` (the model does not run in float64) or ``"not finite"``.
    worst
        The largest relative residual of a pair, see :func:`relative`.
    pairs_over
        How many pairs are over the tolerance, or not finite.
    where
        The step at which the balance first fails, or why the check is undecided.
    seen
        What the worst pair shows, in words with numbers.
    lost
        Whether rounding takes more than a hundredth of an output.
    """

    kind: str
    worst: float
    pairs_over: int
    where: str = ""
    seen: str = ""
    lost: bool = False

    def record(self) -> dict[str, Any]:
        """Return the verdict as a result records it."""
        record = {"verdict": self.kind, "worst_relative_residual": self.worst, "pairs_over_tolerance": self.pairs_over}
        return {**record, "tolerance": TOLERANCE, **({"where": self.where} if self.where else {})}


def difference(block: dict) -> np.ndarray:
    """Return |f(x) − f(reference)| of every pair of a block, (N, T, R)."""
    return np.abs(block["predictions"][..., None] - block["reference_predictions"])


def added(block: dict) -> np.ndarray:
    """Return the sum of the absolute contributions of every pair, or its difference where that is larger, (N, T, R)."""
    return np.maximum(np.sum(block["sizes"], axis=0), difference(block))


def size(block: dict) -> np.ndarray:
    """Return the size of the numbers that are added for every pair, of which rounding is a share, (N, T, R)."""
    return added(block) + _OF_OUTPUTS * _output(block)


def relative(block: dict) -> np.ndarray:
    """Return the absolute residual of every pair over the :func:`size` of the numbers that were added, (N, T, R)."""
    return over(np.abs(block["residual"]), size(block))


def over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, and 0 where both are 0; both are arrays (N, T, R)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(part == 0, 0, part / whole)


def place(array: np.ndarray) -> tuple[int, int, int]:
    """Return where the largest number of an array (N, T, R) stands."""
    n, t, r = np.unravel_index(int(array.argmax()), array.shape)
    return int(n), int(t), int(r)


def numbers(block: dict, n: int, t: int, r: int) -> str:
    """Return what one pair's contributions sum to and what they should, in words."""
    change = float(block["predictions"][n, t]) - float(block["reference_predictions"][n, t, r])
    total = change + float(block["residual"][n, t, r])
    sums = float(np.sum(block["sizes"], axis=0)[n, t, r])
    return (
        f"for sequence {n} and its reference {r}, contributions sum to {total:.4g}, where f(x) − f(reference) is "
        f"{change:.4g} (their absolute values sum to {sums:.2g}, f(x) is {float(block['predictions'][n, t]):.4g})"
    )


def judge(block: dict, explainer: Explainer, pair_of: PairOf) -> Verdict:
    """Return the verdict on a block; where a residual is beyond rounding, the worst pairs are computed in float64.

    Parameters
    ----------
    block
        A block with ``residual`` (N, T, R), ``predictions`` (N, T), ``reference_predictions`` (N, T, R), ``sizes`` (a
        list of (N, T, R), the sums of absolute contributions of each source) and ``count`` (N,), the number of
        references of each sequence.
    explainer
        What explained the block.
    pair_of
        A function that returns the inputs and references of one pair.
    """
    not_proven = judge_finite(block, explainer, pair_of)
    if not_proven is not None:
        return not_proven
    used = _used(block)
    share = np.where(used, relative(block), 0)
    beyond = share > TOLERANCE
    verdict = partial(Verdict, worst=float(share.max()), pairs_over=int(beyond.sum()))
    if not beyond.any():
        return verdict("exact")
    worst = place(share)
    missing = np.where(beyond[:, worst[1]], np.abs(block["residual"][:, worst[1]]), 0)
    n, r = (int(i) for i in np.unravel_index(int(missing.argmax()), missing.shape))
    try:
        again = explainer.in_float64(worst[1])
        for pair in dict.fromkeys([worst, (n, worst[1], r)]):
            xs, refs = pair_of(pair[0], pair[2])
            exact = again(xs, refs, False, False)
            # Doubles hold what float32 loses of an output, so what is missing is compared with the contributions alone.
            if not over(np.abs(exact["residual"]), added(exact)).item() <= TOLERANCE:
                return verdict("breach", where=_first_breach(again, xs, refs), seen=numbers(block, *pair))
    except (tf.errors.OpError, TypeError, ValueError) as problem:
        why = f"float64 is not available: {str(problem).splitlines()[0]}"
        return verdict("undecided", where=why, seen=numbers(block, *worst))
    lost = beyond & (np.abs(block["residual"]) > _LOST * _output(block))
    worst = place(np.where(lost, share, 0)) if lost.any() else worst
    return verdict("rounding", seen=numbers(block, *worst), lost=bool(lost.any()))


def judge_finite(block: dict, explainer: Explainer, pair_of: PairOf) -> Verdict | None:
    """Return the verdict on a block with pairs that are not finite, and None if there is none.

    Parameters
    ----------
    block, explainer, pair_of
        As for :func:`judge`.
    """
    lost = not_finite(block)
    if not lost.any():
        return None
    n, t, r = place(lost)
    where = f"{_first_lost(explainer, *pair_of(n, r), t)}, row {n}"
    return Verdict("not finite", float("inf"), int(lost.sum()), where)


def _output(block: dict) -> np.ndarray:
    """Return the larger of |f(x)| and |f(reference)| of every pair, (N, T, R)."""
    return np.maximum(np.abs(block["predictions"])[..., None], np.abs(block["reference_predictions"]))


def _used(block: dict) -> np.ndarray:
    """Return which references were drawn, (N, 1, R). The places of the others hold NaN."""
    return np.arange(block["residual"].shape[2]) < block["count"][:, None, None]


def not_finite(block: dict) -> np.ndarray:
    """Return which pairs (N, T, R) of a block have a prediction, or a sum of contributions, that is not finite."""
    numbers = block["predictions"][..., None] + block["reference_predictions"] + block["residual"]
    return _used(block) & ~np.isfinite(numbers)


def _first_lost(explainer: Explainer, xs: list, refs: list, target: int) -> str:
    """Return the step that first makes something that is not finite, forward or, if f is finite, on the way back."""
    origins = Origins(explainer.program, [explainer.targets[target]])
    for side, arrays in (("the sequence", xs), ("the reference", [ref[0] for ref in refs])):
        step = origins.forward(arrays)
        if step is not None:
            return f"at {step.where}, whose value at {side} is not finite"
    audit = [step.where for step, imbalance in explainer.audit(xs, refs, target) if not np.isfinite(imbalance)]
    return f"at {audit[0]}, which hands back what is not finite" if audit else "somewhere on the way back"


def _first_breach(explainer: Explainer, xs: list, refs: list) -> str:
    """Return the step nearest the output among those whose own balance fails most."""
    audit = explainer.audit(xs, refs)
    if not audit:
        return "an operation outside the walk"
    most = max(abs(imbalance) for _, imbalance in audit)
    return next((step.where for step, imbalance in audit if abs(imbalance) >= most / 2), "no single operation")


def warn(verdict: Verdict) -> None:
    """Warn of what a user should know. Small rounding errors are not worth a warning."""
    text = {
        "rounding": f"{verdict.seen}, which is rounding: numbers within the model are so large beside it, and cancel "
        "so far, that float32 cannot hold what is left; do not read single ones of the contributions"
        if verdict.lost
        else "",
        "not finite": f"{verdict.pairs_over} (sequence, reference) pairs have outputs or contributions that are not "
        f"finite, first {verdict.where}; the contributions of these sequences are NaN: give other references, or "
        "mend the model",
        "breach": f"{verdict.seen}, and not through rounding: the balance first fails at {verdict.where}",
        "undecided": f"{verdict.seen}; whether that is rounding is undecided ({verdict.where})",
    }.get(verdict.kind)
    if text:
        warnings.warn(text, GenoliftWarning, stacklevel=6)


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
