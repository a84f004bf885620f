"""The method ``minimal-change``: the fewest edits that bring the prediction to a goal."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.operations.table import operation
from genolift.engine.target import Target
from genolift.engine.walk.points import Points
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, batch_size
from genolift.methods.common.refusals import lacking, only_dna
from genolift.methods.common.traced import Traced
from genolift.methods.editing.asked import Stretches, check_known, held_of, limits_of, texts_of
from genolift.methods.editing.constraints import Constraints, patterns_of
from genolift.methods.editing.goals import Goal
from genolift.methods.editing.searches import SEARCHES, WITH_INDELS, WITH_SLOPES
from genolift.methods.editing.solving import Asked, Solver
from genolift.methods.perturbation.perturbed import ChangingMethod
from genolift.methods.perturbation.substituting import Substituting
from genolift.methods.targets import TargetLike, describe, is_function, parse, text_of
from genolift.results.explanation import Explanation
from genolift.results.kinds import DesignExplanation
from genolift.sequence.alphabet import UNKNOWN, encode, one_hot_codes
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.numbers import whole_number
from genolift.support.progress import bar

# So many sequences are searched at a time.
_AT_ONCE = 8


class MinimalChange(ChangingMethod):
    """The fewest edits of the sequence that bring the prediction to a goal (a counterfactual).

    ``scores`` say what each edited base counts in the first solution: what the prediction of the design becomes when
    the sequence's own base is put back, less the prediction of the design. They are positive where the sequence's own
    base speaks for the target, and 0 where nothing is edited. Superfluous edits are undone after every search, and the
    result is what the model predicts for the designs. Where a goal is not reached, a warning says how far the search
    got, and the best design is returned.

    Parameters
    ----------
    to
        The value that the prediction must reach, from whichever side it is now, on the scale of predictions.
    above
        The value that the prediction must be at least.
    below
        The value that the prediction must be at most. Without ``to``, ``above`` and ``below`` the prediction must lose
        ``share`` of what it has beyond the mean over 10 dinucleotide shuffles of the sequence.
    within
        How far from ``to`` the prediction may end. The default is anywhere beyond.
    share
        The share of the prediction's excess over its shuffles that must be lost where no other goal is given.
    hold
        Targets that must stay, each with how far its prediction may move: in Python a dict such as ``{1: 0.1}``, as
        text ``1:0.1``, several with ; between.
    algorithm
        The search: ``"thorough"``, ``"greedy"``, ``"beam"``, ``"exhaustive"``, ``"ledidi"``, ``"fast-seqprop"``,
        ``"adabeam"`` or ``"gradabeam"``.
    width
        The number of drafts that thorough, beam, adabeam and gradabeam keep.
    most
        The largest number of edits.
    solutions
        The number of solutions. No two of them edit the same position.
    keep
        The positions that stay: a BED file with the names of the sequences, in Python also a list of (start, end) or a
        boolean array (L,) or (N, L).
    only
        The positions that may be edited, in the same forms. By default all may.
    forbid
        Motifs that must not occur on either strand, with commas between: letters of IUPAC, such as CANNTG, or
        restriction enzymes, such as BsaI.
    gc
        The lowest and the highest share of G and C, such as 0.4,0.6.
    existing
        What becomes of forbidden motifs, and of a G+C content beyond its limits, that a sequence has from the start:
        ``"refuse"`` is an error, ``"keep"`` lets them stay.
    indels
        Whether bases may be inserted and deleted, too. The length stays, and one side of the change moves.
    moves
        The side that moves: ``"right"`` or ``"left"``.
    fill
        The values where bases are missing at the end: ``"uniform"`` (as N, 1/4 for each base) or ``"zero"``.
    fast
        Whether mutagenesis computes only what a substitution reaches, as for the method ism.
    activation
        The scale of predictions and goals. ``"keep"`` is that of the model's output, so that ``to=0.9`` of a sigmoid is
        a probability. ``"logit"`` looks through a final sigmoid or softmax, which is the default of other methods.
    """

    name = "minimal-change"
    result_type = DesignExplanation
    averages = False
    kept_after = _AT_ONCE
    doing = "searching"
    gaps = ("standard_error",)
    trying = False  # A job sets it for its trials, which are silent: they look for a single edit.

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        to: float | None = None,
        above: float | None = None,
        below: float | None = None,
        within: float | None = None,
        share: float = 0.5,
        hold: str | dict | list | None = None,
        algorithm: str = "thorough",
        width: int = 8,
        most: int = 30,
        solutions: int = 1,
        keep: str | Path | list | np.ndarray | None = None,
        only: str | Path | list | np.ndarray | None = None,
        forbid: str | list | None = None,
        gc: tuple[float, float] | None = None,
        existing: str = "refuse",
        indels: bool = False,
        moves: str = "right",
        fill: str = "uniform",
        fast: bool | None = None,
        activation: str = "keep",
        **options: Any,
    ):
        for name, value, known in (
            ("algorithm", algorithm, tuple(SEARCHES)),
            ("existing", existing, ("refuse", "keep")),
            ("moves", moves, ("right", "left")),
            ("fill", fill, ("uniform", "zero")),
            ("fast", fast, (None, True, False)),
            ("indels", indels, (True, False)),
        ):
            if value not in known:
                raise InputError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}")
        if indels and algorithm not in WITH_INDELS:
            raise InputError(f"{algorithm} exchanges bases only; with indels, use {', '.join(WITH_INDELS)}")
        self.forbid, self.fast = texts_of(forbid), fast
        self.keep, self.only = Stretches.of(keep, "keep"), Stretches.of(only, "only")
        self.asked = Asked(
            Goal(to, above, below, within, share),
            held_of(hold),
            algorithm,
            whole_number(width, "width"),
            whole_number(most, "most"),
            whole_number(solutions, "solutions"),
            patterns_of(self.forbid),
            limits_of(gc),
            existing,
            indels,
            moves,
            fill,
            options.get("seed", 0),
        )
        self._names: Sequence[str] | None = None
        super().__init__(model, target, activation=activation, **options)

    @property
    def by_name(self) -> bool:
        """Whether the method must know the names of sequences."""
        return any(one is not None and one.by_name for one in (self.keep, self.only))

    def check_names(self, names: Sequence[str]) -> None:
        """Raise :class:`InputError` where ``keep`` or ``only`` is of a sequence that is not among ``names``."""
        check_known(self.keep, "keep", names)
        check_known(self.only, "only", names)

    def check_sequences(self, sequences: Sequence[str], names: Sequence[str]) -> None:
        """Raise :class:`InputError` where sequences break the constraints from the start, see ``existing``."""
        if self.asked.existing == "refuse" and (self.asked.patterns or self.asked.gc is not None):
            for sequence, name in zip(sequences, names, strict=True):
                Constraints(encode(sequence).astype(np.int8)[None], [name], self.asked.patterns, self.asked.gc)

    @override
    def describe(self) -> dict[str, Any]:
        asked = self.asked
        own: dict[str, Any] = {name: getattr(asked.goal, name) for name in ("to", "above", "below", "within", "share")}
        own["hold"] = [[describe(one.target), one.tolerance] for one in asked.held]
        for name in ("algorithm", "width", "most", "solutions", "existing", "indels", "moves", "fill"):
            own[name] = getattr(asked, name)
        own |= {"fast": self.fast, "forbid": list(self.forbid), "gc": None if asked.gc is None else list(asked.gc)}
        own |= {name: None if one is None else one.told for name, one in (("keep", self.keep), ("only", self.only))}
        return {**super().describe(), **own}

    @override
    def prepare(self, traced: Traced) -> None:
        if any(is_function(one.target) for one in self.asked.held):
            raise InputError("a function of the outputs cannot be held; name the output and its index")
        wanted = [describe(one) for one in (self.target if isinstance(self.target, list) else [self.target])]
        for one in self.asked.held:
            if describe(one.target) in wanted:
                raise InputError(
                    f"target {text_of(describe(one.target))} cannot both stay and reach a goal; hold other targets, "
                    "and design for each target by itself where each must stay for the other"
                )
        held = [one for held in self.asked.held for one in traced.resolved(held.target, self.activation)[0]]
        if any(weights.follow for target in (*traced.targets, *held) for _, weights in target.terms):
            raise lacking(
                self.name,
                "needs a target that is the same function of every sequence",
                "the weights of a profile follow x",
                "use its log-counts or a sum over bins",
            )
        steering, linked = self._steering(traced)
        self._points = Points(traced.program, [*traced.targets, *held])
        points = Points(traced.program, [*steering, *held]) if linked.any() else self._points
        self._substituting = Substituting(traced, points.targets, points, self.fast, self.memory, self.seed)
        self._solve = Solver(self.asked, len(traced.targets), self._points, points, linked, self._substituting)

    def _steering(self, traced: Traced) -> tuple[list[Target], np.ndarray]:
        """Return the targets by which the search is steered, and for which of them (T,) they are logits.

        Where a sigmoid is the explained output, its logit is the same goal. It differs between sequences also where the
        output is so near to 0 or 1 that single precision does not tell them apart.
        """
        plain = np.zeros(len(traced.targets), bool)
        if (
            self.activation != "keep"
            or self.rc_average
            or self.asked.goal.within is not None
            or not _are_numbers(self.target)
        ):
            return traced.targets, plain
        logits, _ = traced.resolved(self.target, "logit")
        linked = np.array([_is_sigmoid(*pair) for pair in zip(traced.targets, logits, strict=True)])
        return [b if is_one else a for a, b, is_one in zip(traced.targets, logits, linked, strict=True)], linked

    @override
    def findings(self) -> dict[str, Any]:
        trials = self._substituting.trials
        return {"form": dict(trials)} if trials else {}

    @override
    def __call__(self, X: Any, names: Sequence[str] | None = None, regions: Any = None) -> Explanation:
        self._names = names
        try:
            return super().__call__(X, names, regions)
        finally:
            self._names = None

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        return [only_dna(self.name, "edits", inputs, "wrap the model in a function of one sequence of DNA")]

    @override
    def count(self, lengths: list[int]) -> None:
        return None

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        (place,) = self.changed(inputs)
        x = inputs.arrays[place]
        names = list(self._names or inputs.names or map(str, range(len(x))))
        given = self._names or inputs.names
        n, length = x.shape[:2]
        fixed = np.zeros((n, length), bool)
        if self.keep is not None:
            fixed |= self.keep.positions(given, n, length, "keep")
        if self.only is not None:
            fixed |= ~self.only.positions(given, n, length, "only")
        codes = one_hot_codes(x).astype(np.int8)
        closed = np.flatnonzero((fixed | (codes == UNKNOWN)).all(1))
        if len(closed) and not self.trying:
            warnings.warn(
                f"no position of {names[closed[0]]!r} may be edited"
                + (f", nor of {len(closed) - 1} other sequences" if len(closed) > 1 else "")
                + "; keep, only and unknown bases leave none",
                GenoliftWarning,
                stacklevel=4,
            )
        if self.asked.existing == "refuse":
            Constraints(codes, names, self.asked.patterns, self.asked.gc)
        size = batch_size(traced, inputs, self.memory, self.asked.algorithm in WITH_SLOPES)
        solve = replace(self._solve, asked=replace(self.asked, most=1)) if self.trying else self._solve
        blocks = []
        with bar(None, self.name, "predictions", self.progress, long=True) as display:
            for start in range(0, len(x), _AT_ONCE):
                rows = np.arange(start, min(start + _AT_ONCE, len(x)))
                xs = [array[rows] for array in inputs.arrays]
                blocks.append(solve(xs, place, codes[rows], fixed[rows], size, display.update))
        if not self.trying:
            self._tell(blocks, names)
        return self._fields(blocks, inputs, traced, [place])

    @override
    def block(self, copies: Copies, block: Any) -> dict[str, Any]:
        raise NotImplementedError("sequences are explained by `explain`, which knows their names")

    def _tell(self, blocks: list[dict], names: Sequence[str]) -> None:
        """Warn of goals that were not reached, and say how far the first of them got; and of goals without a way."""
        missed, total, first, idle = 0, 0, None, 0
        for number, block in enumerate(blocks):
            reached = block["reached"][..., 0]
            idle += int(((reached == 1) & (block["edit_count"][..., 0] == 0)).sum())
            total, missed = total + reached.size, missed + int((reached == 0).sum())
            if first is None and missed:
                row, target = np.argwhere(reached == 0)[0].tolist()
                first = names[number * _AT_ONCE + row], block, (row, target)
        if idle and self.asked.goal.value is None:
            warnings.warn(
                f"{idle} of {total} predictions are the same for shuffles of the sequence, so that nothing has to "
                "change and all scores are 0; give to, above or below",
                GenoliftWarning,
                stacklevel=4,
            )
        if first is None:
            return
        name, block, at = first
        edits = int(block["edit_count"][at][0])
        warnings.warn(
            f"{missed} of {total} goals were not reached; of {name!r} the prediction is {block['predictions'][at]:.4g} "
            f"and should become {block['goal'][at]:.4g}, and with {edits} edit{'s' * (edits != 1)} it becomes "
            f"{block['design_predictions'][at][0]:.4g}",
            GenoliftWarning,
            stacklevel=4,
        )

    @override
    def undefined(self) -> dict[str, str]:
        return {
            **super().undefined(),
            "hypothetical": f"{self.name} tells what edited bases count in a design, not what each base would; ism and "
            "deeplift do",
            "reference_predictions": f"{self.name} edits the sequence, and has no references",
            "reference_count": f"{self.name} edits the sequence, and has no references",
        }


def _are_numbers(target: TargetLike) -> bool:
    """Whether every target is one number of an output, and not a sum or a function of several."""
    each = target if isinstance(target, list) else [target]
    return all(one is None or isinstance(parse(one) if isinstance(one, str) else one, (int, tuple)) for one in each)


def _is_sigmoid(output: Target, logit_of_it: Target) -> bool:
    """Whether a target is one number of a sigmoid, and another is its logit."""
    value = output.terms[0][0]
    while value.step.op == "Cast":
        value = value.step.inputs[0]
    same = output.terms[0][0] is logit_of_it.terms[0][0]
    return not same and operation(value.step.op).link == "logistic"


def design(
    model: Callable,
    X: Any,
    target: TargetLike = None,
    *,
    names: Sequence[str] | None = None,
    activation: str = "keep",
    **options: Any,
) -> DesignExplanation:
    """Find the fewest edits of sequences that bring a prediction to a goal.

    This is the method ``minimal-change``. Goals are on the scale of the model's output.

    Parameters
    ----------
    model : callable
        The model: a Keras model, a loaded SavedModel, or a function of tensors.
    X : array, regions, dict or list
        One-hot sequences (N, L, 4), or what else the method takes.
    target : int, tuple, str, target or list of these, optional
        What is brought to the goal; see :mod:`genolift.methods.targets`. Each of a list has designs of its own.
    names : sequence of str, optional
        The names of the sequences.
    activation : str, default "keep"
        ``"logit"`` looks through a final sigmoid or softmax.
    **options
        The goal, constraints and search, such as ``to=0.9``, ``hold={1: 0.1}`` or ``algorithm="beam"``. ``genolift
        methods minimal-change`` lists them.

    Returns
    -------
    DesignExplanation
        The designs; ``edits(i)`` and ``sequence(i)`` are those of sequence i.

    Raises
    ------
    InputError
        If an option or a sequence cannot be used.
    UnsupportedModel
        If the model takes no sequence of DNA, or several.

    Examples
    --------
    >>> found = gl.design(model, X, target=0, to=0.9, hold={1: 0.1})
    >>> found.edits(0)
    """
    method = MinimalChange(model, target, activation=activation, **options)
    return method(X, names)  # type: ignore[return-value]
