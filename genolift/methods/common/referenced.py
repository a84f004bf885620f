"""Methods whose contributions are multiplier × (x − reference), averaged over references."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.layers import layer_outputs
from genolift.engine.running.overlap import overlapped
from genolift.engine.staged.explain import StagedExplainer
from genolift.engine.walk.explain import Explainer
from genolift.engine.walk.multipliers import Multipliers
from genolift.methods.common import proof
from genolift.methods.common.blocks import (
    Plan,
    Planner,
    head,
    joined,
    merged,
    pad,
    padded,
    repeat_to,
    standard_error,
    widened,
)
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.proof import PairOf
from genolift.methods.common.referring import TakesReferences
from genolift.methods.common.traced import Traced
from genolift.methods.references import Reference
from genolift.methods.targets import TargetLike
from genolift.results.kinds import LayerExplanation
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.progress import bar

# References of many sequences are drawn together, which is much faster than one sequence at a time.
_DRAWN_BYTES = 16e6
# How many references are drawn for every sequence before their spread is first looked at. With few, those that are rare
# and unlike the others are missing where drawing stops, and the mean leans away from them.
_FIRST_DRAW = 40


class ReferenceMethod(TakesReferences):
    """A method whose contributions are multiplier × (x − reference), averaged over references.

    Parameters
    ----------
    layer
        The hidden layer whose output importance is attributed to, instead of the inputs; by name, path, or the Keras
        layer itself.
    """

    #: Whether contributions sum to f(x) − f(reference), so that the residual is a proof.
    sums = True

    def __init__(self, model: Callable, target: TargetLike = None, *, layer: str | None = None, **options: Any):
        self.layer = getattr(layer, "name", layer)
        if self.layer is not None:
            self.result_type = LayerExplanation
        super().__init__(model, target, **options)

    @abstractmethod
    def multipliers(self, traced: Traced) -> Multipliers:
        """Return the way in which the engine computes the multipliers of ``self.sources``.

        Parameters
        ----------
        traced
            The model.

        Returns
        -------
        Multipliers
            What the engine's Explainer calls to compute them.
        """

    #: The outcome of the check that contributions sum to the difference, after a call.
    verdict: proof.Verdict | None = None
    #: The largest relative error of a local integral in the last call.
    left = 0.0

    @override
    def prepare(self, traced: Traced) -> None:
        at_layer = [] if self.layer is None else layer_outputs(traced.program, self.layer)
        self._hidden = len(at_layer)
        self.sources = [*at_layer, *traced.program.inputs]
        self._rule = self.multipliers(traced)
        self._explainers: dict[tuple, Explainer] = {}
        self._planner = Planner(traced, self._rule, self.memory)

    def explainer(self, inputs: Inputs, traced: Traced) -> Explainer:
        """Return the engine's explainer for inputs of these shapes and letters.

        Where the activations of one pair do not fit into memory, it holds those of one stage of the model at a time.

        Parameters
        ----------
        inputs
            The sequences.
        traced
            The model.
        """
        dna = [False] * self._hidden + inputs.one_hot
        stages = self._planner.stages(inputs)
        key = (tuple(dna), None if stages is None else inputs.shapes)
        if key not in self._explainers:
            self._explainers[key] = (
                Explainer(traced.program, traced.targets, self.rule_for(dna), dna)
                if stages is None
                else StagedExplainer(*stages, self.memory - self._planner.kept_bytes(inputs), dna)
            )
        return self._explainers[key]

    def rule_for(self, dna: list[bool]) -> Multipliers:
        """Return how multipliers are computed, where ``dna`` says of each source whether it has an axis of letters."""
        return self._rule

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        chosen = self.references_for(inputs)
        count = max(reference.count for reference in chosen)
        explainer = self.explainer(inputs, traced)
        tolerance = min((one.tolerance for one in chosen if one.tolerance is not None), default=None)
        rows = np.arange(len(inputs))
        if tolerance is None:
            block = self._drawn(inputs, traced, explainer, chosen, rows, 0, count)
        else:
            block = self._until_enough(inputs, traced, explainer, chosen, count, tolerance)
        self.left = float(block["left"].max())
        if self.sums:
            self.judge(block, explainer, lambda n, r: self._pair(inputs, chosen, count, n, r))
            lost = np.logical_or.reduce(proof.not_finite(block), axis=(1, 2))
        else:  # References of which f is not finite are not used.
            lost = ~np.logical_and.reduce(np.isfinite(block["predictions"]), axis=1)
        _blank(block, lost)
        return self._fields(inputs, traced, block)

    def _until_enough(
        self,
        inputs: Inputs,
        traced: Traced,
        explainer: Explainer,
        chosen: list[Reference],
        cap: int,
        tolerance: float,
    ) -> dict:
        """Explain, and double the references of the sequences whose standard error is still too large."""
        rows, seen = np.arange(len(inputs)), min(_FIRST_DRAW, cap)
        block = self._drawn(inputs, traced, explainer, chosen, rows, 0, seen)
        while seen < cap:
            rows = rows[_uncertain(block, rows, tolerance)]
            if not len(rows):
                break
            until = min(2 * seen, cap)
            block = widened(block, rows, self._drawn(inputs, traced, explainer, chosen, rows, seen, until))
            seen = until
        if at_cap := int(_uncertain(block, rows, tolerance).sum()) if len(rows) else 0:
            warnings.warn(
                f"{at_cap:,} of {len(inputs):,} sequences have a standard error above {tolerance:g} of their largest "
                f"score after {cap} references, where Shuffled('auto') stops; a sequence without a motif often has. "
                "standard_error says how sure each score is",
                GenoliftWarning,
                stacklevel=5,
            )
        return padded(block, cap)

    def _drawn(
        self,
        inputs: Inputs,
        traced: Traced,
        explainer: Explainer,
        chosen: list[Reference],
        rows: np.ndarray,
        first: int,
        last: int,
    ) -> dict:
        """Explain the given rows against the references from number ``first`` up to ``last``, block by block."""
        plan = self._planner.plan(inputs, len(rows), last - first)
        blocks = []
        staged = explainer if isinstance(explainer, StagedExplainer) else None
        total, unit, long = len(rows), "sequences", len(rows) > plan.sequences
        if staged is not None:
            total *= staged.ticks(-(-(last - first) // plan.references))
            unit, long = "stages of the model", True
        with bar(total, self.name, unit, self.progress, long=long) as display:
            if staged is not None:
                staged.tick = display.update
            explain = partial(self._block, explainer, plan, first, last)
            for block in overlapped(explain, self._compared(inputs, chosen, rows, last, plan.sequences), plan.lanes):
                blocks.append(block)
                if staged is None:
                    display.update(len(block["predictions"]))
        return joined(blocks)

    @staticmethod
    def _compared(
        inputs: Inputs, chosen: list[Reference], rows: np.ndarray, count: int, sequences: int
    ) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Yield the given rows, so many sequences at a time, and their first ``count`` references.

        The sequences are an array (n, ...) per input. So are the references: (R, ...) where all sequences share them,
        and otherwise (n, R, ...).
        """
        shared = all(reference.shared for reference in chosen)
        row_bytes = sum(array[0].nbytes for array in inputs.arrays) * (1 if shared else count)
        together = max(1, int(_DRAWN_BYTES // row_bytes) // sequences) * sequences
        for start in range(0, len(rows), together):
            some = rows[start : start + together]
            arrays = [array[some] for array in inputs.arrays]
            drawn = [_references_of(one.first(count), array, some) for one, array in zip(chosen, arrays, strict=True)]
            if not shared:
                drawn = [
                    np.broadcast_to(one, (len(some), *one.shape)) if reference.shared else one
                    for one, reference in zip(drawn, chosen, strict=True)
                ]
            for low in range(0, len(some), sequences):
                part = slice(low, low + sequences)
                yield [array[part] for array in arrays], drawn if shared else [one[part] for one in drawn]

    def judge(self, block: dict, explainer: Explainer, pair_of: PairOf) -> None:
        """Check whether rounding explains the residuals, and keep the verdict for the result's record.

        Parameters
        ----------
        block
            A block with the residuals and predictions of all sequences; see
            :func:`genolift.methods.common.proof.judge`.
        explainer
            What explained the block.
        pair_of
            A function that returns the inputs and references of one pair.
        """
        self.verdict = proof.judge(block, explainer, pair_of)
        proof.warn(self.verdict)

    @override
    def check_finite(self, fields: dict[str, Any], inputs: Inputs, traced: Traced) -> None:
        if not self.sums:  # Of contributions that sum to the difference, the proof says it.
            super().check_finite(fields, inputs, traced)

    @override
    def findings(self) -> dict[str, Any]:
        return {"proof": self.verdict.record()} if self.sums and self.verdict is not None else {}

    def diagnose(self, X: Any, index: int = 0, reference: int = 0) -> list[dict]:
        """Return the steps that importance passes through for one pair, see :func:`genolift.diagnose`.

        Parameters
        ----------
        X
            The sequences, as for a call.
        index
            The number of the sequence.
        reference
            The number of its reference.

        Returns
        -------
        list of dict
            A row for each step, from the output to the input, with its imbalance.

        Raises
        ------
        InputError
            If there is no such pair.
        """
        inputs, traced = self.adapted(X)
        chosen = self.references_for(inputs)
        count = max(one.count for one in chosen)
        if not (0 <= index < len(inputs) and 0 <= reference < count):
            raise InputError(
                f"there are {len(inputs)} sequences and {count} references; pair ({index}, {reference}) is not one"
            )
        pair = self._pair(inputs, chosen, count, index, reference)
        return proof.steps_table(self.explainer(inputs, traced), *pair)

    @staticmethod
    def _pair(
        inputs: Inputs, chosen: list[Reference], count: int, n: int, r: int
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the inputs (1, ...) and references (1, 1, ...) of one pair."""
        xs = [array[n : n + 1] for array in inputs.arrays]
        drawn = [one.draw(x, np.array([n])) for one, x in zip(chosen, xs, strict=True)]
        drawn = [d if one.shared else d[0] for one, d in zip(chosen, drawn, strict=True)]
        return xs, [repeat_to(d, count, 0)[None, r : r + 1] for d in drawn]

    @override
    def describe(self) -> dict[str, Any]:
        described = super().describe()
        described["layer"] = self.layer
        return described

    def pair_bytes(self, inputs: Inputs, traced: Traced) -> int:
        """Return how much memory one pair of a sequence and a reference takes with the targets' results, in bytes.

        Parameters
        ----------
        inputs
            The sequences, of which only the shapes matter.
        traced
            The model.
        """
        return self._planner.pair_bytes(inputs)

    @staticmethod
    def _block(explainer: Explainer, plan: Plan, first: int, last: int, compared: tuple[list, list]) -> dict:
        """Explain some sequences against their references from number ``first`` up to ``last``."""
        xs, drawn = compared
        shared = drawn[0].ndim == xs[0].ndim
        kept, axis = len(xs[0]), 0 if shared else 1
        drawn = [repeat_to(one, last, axis) for one in drawn]
        xs = [pad(array, plan.sequences) for array in xs]
        begun, parts = explainer.begin(xs, plan.leading), []
        for start in range(first, last, plan.references):
            some = [np.take(one, range(start, min(start + plan.references, last)), axis) for one in drawn]
            some = some if shared else [pad(one, plan.sequences) for one in some]
            part = explainer(begun, some, shared, plan.leading, plan.small)
            parts.append((some[0].shape[axis], part))
        return head(merged(parts), kept)

    def _fields(self, inputs: Inputs, traced: Traced, block: dict) -> tuple[dict, dict]:
        dna, hidden = inputs.one_hot, self._hidden
        pick = (lambda a: a) if traced.several else (lambda a: a[:, 0])
        pack: Callable[[list], Any] = inputs.pack
        if hidden:
            block = {**block, **{key: block[key][:hidden] for key in ("raw", "multipliers", "squares")}}
            pack = (lambda per_call: per_call[0]) if hidden == 1 else list
        fields = {
            "raw_contributions": pack([pick(a) for a in block["raw"]]),
            "multipliers": pack([pick(a) for a in block["multipliers"]]),
            "predictions": pick(block["predictions"]),
            "reference_predictions": pick(block["reference_predictions"]),
            "residual": pick(block["residual"]),
            "reference_count": pick(np.repeat(block["count"][:, None], len(traced.targets), axis=1)),
            "standard_error": pack([pick(standard_error(a, block["count"])) for a in block["squares"]]),
        }
        if any(size is not None for size in inputs.tokens) and not hidden:
            summed = [a.sum(-1) if one_hot else a for a, one_hot in zip(block["raw"], dna, strict=True)]
            fields["scores"] = pack([pick(a) for a in summed])
        undefined = {}
        if hidden:
            fields["inputs"] = pack([a[:, 0] for a in block["points"]])
            fields["bypass"] = pick(sum(block["shares"][hidden:]))
            undefined["hypothetical"] = "contributions are those of a hidden layer's activations"
        elif any(dna):
            arrays = iter(block["hypothetical"])
            hypothetical = [pick(next(arrays)) if letters else None for letters in dna]
            fields["hypothetical"] = inputs.pack(hypothetical) if len(dna) > 1 else hypothetical[0]
        else:
            undefined["hypothetical"] = "the inputs are not DNA of shape (N, L, 4), nor tokens"
        if not self.sums:
            del fields["residual"]
            fields.pop("bypass", None)
            undefined["residual"] = f"{self.name} does not promise to sum to the difference from the reference"
        return fields, undefined


def _references_of(reference: Reference, array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the references of some sequences, copied, because a user's class may use its array again."""
    drawn = np.array(reference.draw(array, rows), np.float32)
    expected = (*(() if reference.shared else (len(array),)), reference.count, *array.shape[1:])
    if drawn.shape != expected:
        kind = "shared by all sequences" if reference.shared else "of each sequence's own"
        raise InputError(
            f"{type(reference).__name__} drew references of shape {drawn.shape}; {reference.count} {kind}, for "
            f"{len(array)} sequences of shape {array.shape[1:]}, have shape {expected}"
        )
    return drawn


def _blank(block: dict, rows: np.ndarray) -> None:
    """Make the contributions of these sequences NaN. A rule may have made finite numbers of what is not finite."""
    if rows.any():
        for key in ("raw", "multipliers", "hypothetical", "squares"):
            for array in block[key]:
                if array is not None:
                    array[rows] = np.nan


def _uncertain(block: dict, rows: np.ndarray, tolerance: float) -> np.ndarray:
    """Return which rows have a largest standard error above ``tolerance`` times their largest score."""
    error, size = np.zeros(len(rows)), np.zeros(len(rows))
    for squares, mean in zip(block["squares"], block["mean"], strict=True):
        errors = standard_error(squares, block["count"])[rows]
        error = np.maximum(error, errors.reshape(len(rows), -1).max(axis=1))
        size = np.maximum(size, np.abs(mean[rows]).reshape(len(rows), -1).max(axis=1))
    return error > tolerance * size
