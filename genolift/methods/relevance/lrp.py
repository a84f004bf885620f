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
    """A method that walks relevance back from the output to the input.

    ``raw_contributions`` are the relevance R of the input, and ``scores`` its sum over the letters of a position.
    R = c·x + q, where c_b = Σ_j w_bj·R_j/z_j are the ``multipliers``, and q is the part that the rules of the first
    layer give whatever x is. ``hypothetical`` is the share that base b would take of the R_j/z_j of the sequence:
    c_b + Σ_c q_c. Neither is defined if the rule of the first layer does not depend on the input.
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
        """Refuse predictions that cannot be shared out.

        Parameters
        ----------
        predictions
            The predictions (n, T).
        lowest
            The lowest of the parts (n, T) that each prediction is a sum of.
        rows
            The numbers (n,) of the sequences in the call.
        """

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

    ``hypothetical`` is Σ_j w_bj·R_j/(z_j ± ε). On networks of ReLUs with ε → 0, relevance is gradient × input.

    Parameters
    ----------
    epsilon
        The number that is added to the size of every sum that relevance is divided by, in units of those sums.
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
        The preference for positive terms, which count 1 + ``gamma`` times.
    """

    name = "lrp-gamma"

    def __init__(self, model: Callable, target: TargetLike = None, *, gamma: float = 0.25, **options: Any):
        self.rule = checked(Gamma(gamma))
        super().__init__(model, target, **options)

    @override
    def layer_rules(self) -> Composite:
        return Composite({}, self.rule)


class LrpAlphaBeta(RelevanceMethod):
    """LRP-αβ (Bach et al. 2015, equation 60) in all layers. With ``alpha=1, beta=0`` it is the rule z⁺.

    Relevance is conserved if a sum has terms of both signs. A sum of positive terms alone passes on α times its own.

    ``hypothetical`` is Σ_j (α·w_bj⁺/P_j − β·w_bj⁻/N_j)·R_j with the sums P and N of positive and negative terms.

    Parameters
    ----------
    alpha
        The factor of the share of the positive terms. It is ``beta`` + 1, so that relevance is conserved.
    beta
        The factor of the share of the negative terms, which is subtracted. It is at least 0.
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
    """A method with a rule of its own for the layers that read the input.

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
        """Return the rule of layers that read the input."""

    @override
    def layer_rules(self) -> Composite:
        return Composite({"input": self.first()}, self.hidden)


class LrpBox(_FirstLayer):
    """The rule z^B (Montavon et al. 2017) in layers that read the input, which must have bounds.

    ``hypothetical`` is Σ_j (w_bj − Σ_c w⁻_cj)·R_j/z_j for one-hot input. Absent bases take −w⁻ ≥ 0.

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
    """Equal shares for all inputs of a sum in the first layer (Bach et al. 2016).

    ``hypothetical`` is not defined, because shares do not depend on the base that is there.
    """

    name = "lrp-flat"

    @override
    def first(self) -> Rule:
        return Flat()


class LrpWSquare(_FirstLayer):
    """Shares in proportion to squared weights in the first layer (Montavon et al. 2017).

    ``hypothetical`` is not defined, because shares do not depend on the base that is there.
    """

    name = "lrp-wsquare"

    @override
    def first(self) -> Rule:
        return WSquare()


class LrpComposite(RelevanceMethod):
    """LRP with a rule for each kind of layer.

    ``hypothetical`` follows from the rule of the first layer, such as Σ_j w_bj·R_j/z_j. It is not defined if that rule
    is ``flat`` or ``wsquare``.

    Parameters
    ----------
    composite
        The rule that each layer follows: the name of a preset (``"epsilon-plus"``, ``"epsilon-plus-flat"``,
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
