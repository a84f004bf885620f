"""Prediction difference analysis: what the prediction loses when a window is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.operations.table import operation
from genolift.engine.program import Value
from genolift.engine.target import Target
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.markov import Markov, codes_of, counts_of
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.targets import TargetLike, parse
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number

_BASES = np.eye(4, dtype=np.float32)
# The widest window in bases. The sum over its contents has 4 to this power terms.
_WIDEST = 6
# The most bases before it that a base of the background may depend on.
_LONGEST = 5


class PredictionDifference(ChangingMethod):
    """What the prediction loses when a window is not known (Zintgraf et al. 2017; Robnik-Šikonja & Kononenko 2008).

    f without the window is Σ p(window | its flanks)·f(x with it). The sum is exact: it runs over all contents of the
    window. Their probabilities p are those of a Markov background. For the probability of a class (a final sigmoid or
    softmax) a window's score is the difference in log2-odds, with the probabilities' Laplace correction
    (pn + 1)/(n + K) for K classes and n training examples. For any other output it is a plain difference. A position's
    score is the mean over the windows that cover it. ``predictions`` are on the same scale. ``hypothetical`` and
    ``raw_contributions`` are not defined, because a window is unknown as a whole.

    Parameters
    ----------
    window
        The width of a window in bases, at most 6, because a window has 4 to this power contents.
    order
        The number of bases before it that a base of the background depends on, at most 5.
    background
        The sequences in which the background is counted, as texts or as one-hot of shape (N, L, 4). By default each
        sequence is its own background.
    pseudocount
        The number that is added to every count. It is above 0.
    training_size
        The number of examples that the model was trained on, for the Laplace correction.
    activation
        ``"logit"`` takes differences in log2-odds where the target is the probability of a class. ``"keep"`` takes
        plain differences of the output.
    """

    name = "prediction-difference"

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        window: int = 3,
        order: int = 1,
        background: Sequence[str] | np.ndarray | None = None,
        pseudocount: float = 1.0,
        training_size: int = 10_000,
        activation: str = "logit",
        **options: Any,
    ):
        self.window, self.order = whole_number(window, "window"), whole_number(order, "order", 0)
        self.training_size = whole_number(training_size, "training_size")
        if self.window > _WIDEST:
            raise InputError(
                f"a window of {window} has 4^{window} contents to sum over; give one of at most {_WIDEST}, or use "
                "occlusion"
            )
        if self.order > _LONGEST:
            raise InputError(f"order must be at most {_LONGEST}, not {order}: longer contexts hardly ever occur")
        if not pseudocount > 0:
            raise InputError(f"pseudocount must be above 0, so that no base is impossible, not {pseudocount}")
        if activation not in ("logit", "keep"):
            raise InputError(f"activation must be 'logit' (log2-odds of classes) or 'keep', not {activation!r}")
        self.pseudocount, self.scale = float(pseudocount), activation
        self._background = None if background is None else self._markov(codes_of(background))
        self._counted_in = "each sequence" if background is None else "sequences given"
        # Probabilities are averaged, not their logits.
        super().__init__(model, target, activation="keep", **options)

    def _markov(self, codes: list[np.ndarray]) -> Markov:
        return Markov(counts_of(codes, self.order), self.pseudocount)

    @override
    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("window", "order", "pseudocount", "training_size")}
        tables = None if self._background is None else self._background.tables[-1].tolist()
        return {**super().describe(), **own, "activation": self.scale, "background": tables or self._counted_in}

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        given = self.target if isinstance(self.target, list) else [self.target]
        named = given if len(given) == len(traced.targets) else given * len(traced.targets)
        self._classes = [self._class_count(*pair) for pair in zip(named, traced.targets, strict=True)]

    def _class_count(self, given: TargetLike, target: Target) -> int | None:
        """Return K where the target is the probability of one of K classes whose log-odds are wanted, else None."""
        if isinstance(given, str):
            given = parse(given)
        counts = {_classes(value) for value in target.values}
        single = given is None or isinstance(given, (int, np.integer, tuple))
        return counts.pop() if single and self.scale == "logit" and len(counts) == 1 else None

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        places = super().changed(inputs)
        if not all(inputs.dna[i] for i in places):
            raise lacking(self.name, "sums over A, C, G and T", "this model takes other letters", "use occlusion")
        return places

    def _starts(self, length: int) -> int:
        if self.window > length:
            raise InputError(f"window is {self.window}, but the sequences are {length} long; give a shorter one")
        return length - self.window + 1

    @override
    def count(self, lengths: list[int]) -> int:
        return 1 + 4**self.window * sum(map(self._starts, lengths))

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        contents = np.stack(np.unravel_index(np.arange(4**self.window), (4,) * self.window), axis=1)
        predictions = copies.predictions()
        scores = []
        for i in block.changed:
            x = block.xs[i]
            starts = self._starts(x.shape[1])

            def filled(row, start, content, i=i):
                arrays = [array[row] for array in block.xs]
                places = start[:, None] + np.arange(self.window)
                arrays[i][np.arange(len(row))[:, None], places] = _BASES[contents[content]]
                return arrays

            f = copies.grid((len(block), starts, len(contents)), filled).astype(np.float64)
            without = np.einsum("nskt,nsk->nst", f, self._likelihood(x, starts))
            lost = self._scaled(predictions.astype(np.float64))[:, None] - self._scaled(without)
            scores.append(_by_position(lost, self.window).astype(np.float32))
        return {"scores": scores, "predictions": self._scaled(predictions.astype(np.float64)).astype(np.float32)}

    def _likelihood(self, x: np.ndarray, starts: int) -> np.ndarray:
        """Return p(window | flanks), of shape (n, starts, 4^window)."""
        likelihoods = []
        for codes in one_hot_codes(x):
            background = self._background or self._markov([codes])
            likelihoods.append([background.window(codes, start, self.window) for start in range(starts)])
        return np.array(likelihoods)

    def _scaled(self, f: np.ndarray) -> np.ndarray:
        """Return the targets (..., T) with log2-odds in place of those that are probabilities of classes."""
        f = f.copy()
        for t, classes in enumerate(self._classes):
            if classes is not None:
                n = self.training_size
                p = (f[..., t] * n + 1) / (n + classes)
                f[..., t] = np.log2(p / (1 - p))
        return f


def _classes(value: Value) -> int | None:
    """Return how many classes an output holds probabilities of, which its last operation tells, else None."""
    while value.step.op == "Cast":
        value = value.step.inputs[0]
    link = operation(value.step.op).link
    if link == "softmax" and value.shape is not None:
        return value.shape[-1]
    return 2 if link == "logistic" else None


def _by_position(lost: np.ndarray, width: int) -> np.ndarray:
    """Return the mean loss (n, T, L) over the windows that cover a position, from each window's (n, starts, T)."""
    n, starts, targets = lost.shape
    total, covering = np.zeros((n, targets, starts + width - 1)), np.zeros(starts + width - 1)
    for offset in range(width):
        total[:, :, offset : offset + starts] += lost.transpose(0, 2, 1)
        covering[offset : offset + starts] += 1
    return total / covering
