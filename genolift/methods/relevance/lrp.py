"""Layer-wise relevance propagation: the prediction shared out layer by layer (Bach et al. 2015)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.relevance.points import RelevancePoints
from genolift.engine.relevance.propagation import RelevancePropagation
from genolift.engine.relevance.rules import AlphaBeta, Box, Epsilon, Flat, Gamma, Rule, WSquare
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.pointwise import PointwiseMethod
from genolift.methods.common.predicting import Copies
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.relevance.composites import Composite, as_rule, checked
from genolift.methods.targets import TargetLike
from genolift.results.kinds import RelevanceExplanation
from genolift.support.errors import InputError, Remedy, Setting


class RelevanceMethod(PointwiseMethod):
    """Relevance R of the input as ``raw_contributions``; ``scores`` are its sum over the letters of a position.

    R = c·x + q, where c_b = Σ_j w_bj·R_j/z_j are the ``multipliers`` and q is what the rules of the first layer give
    whatever x is. ``hypothetical`` is what base b would take of the R_j/z_j that the sequence has: c_b + Σ_c q_c.
    Neither is defined where that layer's rule does not look at the input.
    """

    result_type = RelevanceExplanation
    #: Whether only positive terms of sums and averages take a share (z⁺).
    positive_sums = False

    def __init__(self, model: Callable, target: TargetLike = None, **options: Any):
        if "gradient_correction" in options:
            raise InputError(f"{self.name} has no gradient to correct; leave gradient_correction off")
        self.composite = self.layer_rules()
        super().__init__(model, target, **options)

    @abstractmethod
    def layer_rules(self) -> Composite:
        """Return which rule each layer follows."""

    def relevance(self, traced: Traced) -> RelevancePropagation:
        """Return the walk back by the layers' rules; refuse a model that they do not fit."""
        self.composite.check({layer for step in traced.program.steps for layer in step.layers})
        rest = self.composite.rest
        epsilon = rest.epsilon if isinstance(rest, Epsilon) else Epsilon().epsilon
        made = RelevancePropagation(traced.program, traced.targets, self.composite, epsilon, self.positive_sums)
        if "input" in self.composite.rules and not made.reads_input():
            does, none = (
                "has a rule of its own for layers that read the input",
                "no convolution or dense layer of this model does",
            )
            raise lacking(self.name, does, none, "use lrp-epsilon or integrated-gradients")
        return made

    @override
    def prepare(self, traced: Traced) -> None:
        self._relevance = self.relevance(traced)
        self._at = RelevancePoints(traced.program, traced.targets, self._relevance)
        ends = sorted(self._relevance.ends(), key=str)
        self._blind = next((str(one) for one in ends if not getattr(one, "per_unit", one != "unary")), None)
        self._bounded = any(getattr(one, "bounded", False) for one in ends)

    @override
    def points(self, inputs: Inputs, traced: Traced) -> RelevancePoints:
        for i, box in self._relevance.boxes().items():
            array = inputs.arrays[i]
            if isinstance(box, Box) and (array.min() < box.low or array.max() > box.high):
                raise InputError(
                    f"{self.name} is for inputs between {box.low:g} and {box.high:g}, and input {traced.names[i]!r} "
                    f"has values from {array.min():g} to {array.max():g}",
                    Remedy.naming(
                        "give {}, or the rule 'zb:low,high', that hold them",
                        Setting("low= and high=", "--option low=LOW and --option high=HIGH"),
                    ),
                )
        return self._at

    @override
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        predictions, (per_unit, apart, lowest) = copies.own(self._at.relevance)
        self.check(predictions, lowest, rows)
        letters = inputs.one_hot
        raw = [c * x[:, None] + q for c, x, q in zip(per_unit, copies.arrays, apart, strict=True)]
        total = sum(one.reshape(*one.shape[:2], -1).sum(-1, dtype=np.float64) for one in raw)
        fields = {
            "predictions": predictions,
            "raw_contributions": raw,
            "scores": [one.sum(-1) if dna else one for one, dna in zip(raw, letters, strict=True)],
            "absorbed": (predictions - total).astype(np.float32),
        }
        if self._blind is None and not self._bounded:
            fields["multipliers"] = per_unit
        if self._blind is None and any(letters):
            fields["hypothetical"] = [
                c + q.sum(-1, keepdims=True) if dna else None
                for c, q, dna in zip(per_unit, apart, letters, strict=True)
            ]
        return fields

    def check(self, predictions: np.ndarray, lowest: np.ndarray, rows: np.ndarray) -> None:
        """Refuse predictions (n, T) that cannot be shared out; ``lowest`` is the lowest part that each is a sum of."""

    @override
    def undefined(self) -> dict[str, str]:
        blind = (
            f"the rule {self._blind!r} that relevance reaches the input by gives it shares whatever base is there; "
            "lrp-epsilon and lrp-zb define them"
        )
        if self._blind == "unary":
            blind = "the model begins with a nonlinearity, which says nothing of other values; use gradient-x-input"
        not_letters = "the inputs are not DNA of shape (N, L, 4), nor tokens"
        none = f"{self.name} compares with no reference; 'absorbed' is what is missing from the sum"
        return {
            "hypothetical": blind if self._blind is not None else not_letters,
            "multipliers": blind if self._blind is not None else "z^B also gives relevance to what is zero",
            **dict.fromkeys(["reference_predictions", "reference_count", "residual", "standard_error"], none),
        }

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "composite": self.composite.describe()}


class LrpEpsilon(RelevanceMethod):
    """LRP-ε (Bach et al. 2015, equation 58) in all layers.

    ``hypothetical`` is Σ_j w_bj·R_j/(z_j ± ε); on ReLU networks with ε → 0 all is gradient × input.

    Parameters
    ----------
    epsilon
        What is added to the size of every sum that relevance is divided by, in units of those sums.
    """

    name = "lrp-epsilon"

    def __init__(self, model: Callable, target: TargetLike = None, *, epsilon: float = 1e-6, **options: Any):
        self.rule = checked(Epsilon(epsilon))
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite({}, self.rule)


class LrpGamma(RelevanceMethod):
    """LRP-γ (Montavon et al. 2019) in all layers: positive terms are favoured by 1 + γ.

    ``hypothetical`` is Σ_j (w_bj + γ·w_bj⁺)·R_j/(z_j + γ·z_j⁺).

    Parameters
    ----------
    gamma
        By how much positive terms are favoured: they count 1 + ``gamma`` times.
    """

    name = "lrp-gamma"

    def __init__(self, model: Callable, target: TargetLike = None, *, gamma: float = 0.25, **options: Any):
        self.rule = checked(Gamma(gamma))
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite({}, self.rule)


class LrpAlphaBeta(RelevanceMethod):
    """LRP-αβ (Bach et al. 2015, equation 60) in all layers; ``alpha=1, beta=0`` is the z⁺ rule.

    Relevance is conserved where a sum has terms of both signs; one that has positive terms alone hands on α times its
    own.

    ``hypothetical`` is Σ_j (α·w_bj⁺/P_j − β·w_bj⁻/N_j)·R_j with the sums P and N of positive and negative terms.

    Parameters
    ----------
    alpha
        How often the share of the positive terms counts. It is ``beta`` + 1, so that relevance is conserved.
    beta
        How often the share of the negative terms is subtracted, at least 0.
    """

    name = "lrp-alphabeta"

    def __init__(
        self, model: Callable, target: TargetLike = None, *, alpha: float = 2.0, beta: float = 1.0, **options: Any
    ):
        self.rule = checked(AlphaBeta(alpha, beta))
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite({}, self.rule)


class _FirstLayer(RelevanceMethod):
    """A rule of its own for the layers that read the input.

    Parameters
    ----------
    hidden
        The rule of all other layers, such as ``"epsilon"``, ``"gamma:0.5"``, ``"alphabeta:2,1"`` or ``"zplus"``.
    """

    def __init__(self, model: Callable, target: TargetLike = None, *, hidden: str | Rule = "epsilon", **options: Any):
        self.hidden = as_rule(hidden)
        super().__init__(model, target, **options)

    @abstractmethod
    def first(self) -> Rule:
        """Return the rule where the input is read."""

    @override
    def layer_rules(self) -> Composite:
        return Composite({"input": self.first()}, self.hidden)


class LrpBox(_FirstLayer):
    """The rule z^B (Montavon et al. 2017) where the input, which has bounds, is read.

    ``hypothetical`` is Σ_j (w_bj − Σ_c w⁻_cj)·R_j/z_j for one-hot input: absent bases take −w⁻ ≥ 0.

    Parameters
    ----------
    low
        The smallest value that an input may have.
    high
        The largest value that an input may have.
    """

    name = "lrp-zb"

    def __init__(
        self, model: Callable, target: TargetLike = None, *, low: float = 0.0, high: float = 1.0, **options: Any
    ):
        self.low, self.high = low, high
        super().__init__(model, target, **options)

    @override
    def first(self) -> Rule:
        return checked(Box(self.low, self.high))


class LrpFlat(_FirstLayer):
    """Equal shares to all that a sum of the first layer reads (Bach et al. 2016).

    ``hypothetical`` is not defined: shares do not depend on the base that is there.
    """

    name = "lrp-flat"

    @override
    def first(self) -> Rule:
        return Flat()


class LrpWSquare(_FirstLayer):
    """Shares by squared weights in the first layer (Montavon et al. 2017).

    ``hypothetical`` is not defined: shares do not depend on the base that is there.
    """

    name = "lrp-wsquare"

    @override
    def first(self) -> Rule:
        return WSquare()


class LrpComposite(RelevanceMethod):
    """LRP with a rule for each kind of layer.

    ``hypothetical`` is what the rule of the first layer says: Σ_j w_bj·R_j/z_j and the like. It is not defined where
    that rule is ``flat`` or ``wsquare``.

    Parameters
    ----------
    composite
        Which rule each layer follows: the name of a preset (``"epsilon-plus"``, ``"epsilon-plus-flat"``,
        ``"epsilon-plus-zb"``, ``"epsilon-gamma-zb"``, ``"epsilon-alpha2-beta1"``, ``"epsilon-alpha2-beta1-flat"``), or
        a mapping such as ``{"input": "zb", "convolution": "gamma:0.5", "my_layer": "zplus"}``. A layer's own name goes
        first, then ``"input"`` for layers that read the explained input, then the layer's type (``"Conv1D"``), then its
        kind (``"convolution"`` or ``"dense"``). Layers that are not named follow LRP-ε.
    """

    name = "lrp-composite"

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        composite: str | Mapping = "epsilon-plus-zb",
        **options: Any,
    ):
        self.given = composite
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite(self.given)
