"""Deep Taylor decomposition (Montavon et al. 2017): relevance that is never negative, of outputs that are positive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.operations.regions import is_relu
from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.relevance.neurons import Neurons
from genolift.engine.relevance.propagation import RelevancePropagation
from genolift.engine.relevance.rules import AlphaBeta, Box
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.relevance.composites import Composite, checked
from genolift.methods.relevance.lrp import RelevanceMethod
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError


class DeepTaylor(RelevanceMethod):
    """Deep Taylor decomposition: the rule z⁺ in hidden layers and sums, and z^B in layers that read the input.

    It is for networks of ReLUs and outputs above zero. ``hypothetical`` is Σ_j (w_bj − Σ_c w⁻_cj)·R_j/z_j for one-hot
    input.

    Parameters
    ----------
    low
        The smallest value that an input may have.
    high
        The largest value that an input may have.
    """

    name = "deep-taylor"
    positive_sums = True

    def __init__(
        self, model: Callable, target: TargetLike = None, *, low: float = 0.0, high: float = 1.0, **options: Any
    ):
        self.box = checked(Box(low, high))
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite({"input": self.box}, AlphaBeta(1.0, 0.0))

    @override
    def relevance(self, traced: Traced) -> RelevancePropagation:
        made = super().relevance(traced)
        for step in made.walk:
            if isinstance(step, Neurons) or step.op == "Input":
                continue
            kind = kind_of(step)
            rectifies = kind == "unary" and is_relu(step)
            adds = kind == "passing" and not operation(step.op).scale
            if not (rectifies or adds or kind == "selection"):
                does = "is derived for sums, maxima and ReLUs"
                raise lacking(self.name, does, f"{step.where} is none", "use lrp-composite or lrp-epsilon")
        return made

    @override
    def check(self, predictions: np.ndarray, lowest: np.ndarray, rows: np.ndarray) -> None:
        wrong = (predictions <= 0) | (lowest < 0)
        if wrong.any():
            n, t = np.argwhere(wrong)[0]
            why = (
                f"{predictions[n, t]:.3g}"
                if predictions[n, t] <= 0
                else f"a sum with a negative part {lowest[n, t]:.3g}"
            )
            raise InputError(
                f"deep-taylor explains outputs above zero, and the explained output of sequence {rows[n]} is {why} "
                f"({int(wrong.any(1).sum())} such of {len(wrong)}); give the sequences where it is positive, or use "
                "lrp-epsilon"
            )
