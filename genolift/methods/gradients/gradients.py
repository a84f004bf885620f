"""Gradients times the difference from a reference: gradient × input, guided backprop and integrated gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.operations.regions import is_rectifier
from genolift.engine.walk import gradient_rules
from genolift.engine.walk.correction import Corrected
from genolift.engine.walk.explain import Explainer
from genolift.engine.walk.multipliers import Gradient, Multipliers, PathGradient, Propagation
from genolift.engine.walk.propagate import every_step
from genolift.methods.common import proof
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.proof import PairOf
from genolift.methods.common.referenced import ReferenceMethod
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.gradients.correction import CorrectsGradients, check_letters
from genolift.methods.targets import TargetLike
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.numbers import whole_number


class GradientMethod(CorrectsGradients, ReferenceMethod):
    """A method whose multipliers are gradients of some kind."""

    def __init__(self, model: Callable, target: TargetLike = None, **options: Any):
        super().__init__(model, target, **options)
        self.sums = type(self).sums and not self.gradient_correction

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        if self.gradient_correction:
            check_letters(inputs.letters == inputs.one_hot)
        return super().explain(inputs, traced)

    @override
    def rule_for(self, dna: list[bool]) -> Multipliers:
        if not self.gradient_correction:
            return self._rule
        check_letters(any(dna) and not self._hidden)
        return Corrected(self._rule, dna)


class GradientTimesInput(GradientMethod):
    """Gradient × (x − reference) (Shrikumar et al. 2016); with the default reference zero, gradient × input.

    ``hypothetical`` is g_b − Σ_c g_c·r_c, where g is the gradient at x.
    """

    name = "gradient-x-input"
    sums = False

    @override
    def multipliers(self, traced: Traced) -> Multipliers:
        return Gradient(traced.program, self.sources)


class _Gated(GradientMethod):
    """A method that gates gradients at rectifiers: ReLU and its leaky and clipped variants. The model needs some."""

    sums = False
    rule_of = staticmethod(gradient_rules.gradient)
    _rule: Propagation

    @override
    def multipliers(self, traced: Traced) -> Multipliers:
        return Propagation(traced.program, traced.targets, self.rule_of, chains=False, sources=self.sources, at_x=True)

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        check_rectifiers(self._rule, self.name)


def check_rectifiers(propagation: Propagation, name: str) -> None:
    """Refuse a method that gates gradients at rectifiers for a model without any on the way to the target.

    Parameters
    ----------
    propagation
        The walk back of the method.
    name
        The name of the method.

    Raises
    ------
    UnsupportedModel
        If the walk back passes no rectifier.
    """
    if not any(is_rectifier(step) for step in every_step(propagation.walk)):
        none, instead = (
            "this model runs none on the way to the target",
            "use gradient-x-input, integrated-gradients or deeplift",
        )
        raise lacking(name, "gates gradients at ReLUs", none, instead)


def guided(traced: Traced, name: str) -> Propagation:
    """Return the walk back of guided backprop, for a method called ``name``.

    Raises
    ------
    UnsupportedModel
        If the walk back passes no rectifier.
    """
    propagation = Propagation(traced.program, traced.targets, gradient_rules.guided, chains=False)
    check_rectifiers(propagation, name)
    return propagation


class GuidedBackpropTimesInput(_Gated):
    """Guided backprop (Springenberg et al. 2014) × (x − reference); only rectifiers are gated."""

    name = "guided-backprop-x-input"
    rule_of = staticmethod(gradient_rules.guided)


class Deconvnet(_Gated):
    """Deconvnet (Zeiler & Fergus 2013) × (x − reference); rectifiers are gated, other activations pass gradients."""

    name = "deconvnet"
    rule_of = staticmethod(gradient_rules.deconvnet)


class IntegratedGradients(GradientMethod):
    """Gradients averaged along the straight path from the reference, × (x − reference) (Sundararajan et al. 2017).

    The average is a quadrature. The part of f(x) − f(reference) that it misses is the ``residual``. The default
    reference is zero.

    Parameters
    ----------
    steps
        At how many points of the path gradients are taken.
    quadrature
        Where those points lie and how much each counts: ``"midpoint"`` or ``"gauss-legendre"``.
    """

    name = "integrated-gradients"

    lacks = ("layer",)

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        steps: int = 50,
        quadrature: str = "midpoint",
        **options: Any,
    ):
        if quadrature not in ("midpoint", "gauss-legendre"):
            raise InputError(f"quadrature must be 'midpoint' or 'gauss-legendre', not {quadrature!r}")
        self.steps, self.quadrature = whole_number(steps, "steps"), quadrature
        super().__init__(model, target, **options)

    @override
    def multipliers(self, traced: Traced) -> Multipliers:
        if self.layer is not None:
            raise InputError(
                "integrated-gradients explains inputs; use deeplift or gradient-x-input for a hidden layer"
            )
        return PathGradient(traced.program, *self._quadrature(self.steps))

    def _quadrature(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where on the path from 0 to 1 gradients are taken, and how much each counts."""
        if self.quadrature == "midpoint":
            return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        return (nodes + 1) / 2, weights / 2

    @override
    def judge(self, block: dict[str, Any], explainer: Explainer, pair_of: PairOf) -> None:
        # The residuals are the error of the quadrature. It matters where it is large beside the difference; beside the
        # contributions too, because a difference may happen to be almost zero.
        lost = proof.judge_finite(block, explainer, pair_of)
        if lost is not None:
            proof.warn(lost)
            return
        missing = np.abs(block["residual"])
        shares = proof.over(missing, 0.1 * proof.difference(block)), proof.over(missing, 0.01 * proof.added(block))
        share = np.where(missing > proof.TOLERANCE * proof.size(block), np.minimum(*shares), 0)
        if share.max() > 1:
            place = proof.place(share)
            warnings.warn(
                f"with {self.steps} steps, {proof.numbers(block, *place)}; "
                f"{self._advice(block, explainer, pair_of, place)}",
                GenoliftWarning,
                stacklevel=5,
            )

    def _advice(self, block: dict[str, Any], explainer: Explainer, pair_of: PairOf, place: tuple[int, int, int]) -> str:
        """Return whether more steps help one pair, which is tried with four times as many."""
        n, t, r = place
        path = PathGradient(explainer.program, *self._quadrature(4 * self.steps))
        again = Explainer(explainer.program, [explainer.targets[t]], path, explainer.dna)(*pair_of(n, r), False, False)
        left, before = float(np.abs(again["residual"]).item()), float(np.abs(block["residual"][n, t, r]))
        if left <= before / 2:
            return f"give more steps: {4 * self.steps} leave {left:.2g} instead of {before:.2g}"
        return (
            f"{4 * self.steps} steps leave as much ({left:.2g} instead of {before:.2g}), so more steps do not help: on "
            "the way from the reference, the output jumps or is too steep for gradients; use deeplift or ism, or a "
            "smoother output"
        )

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "steps": self.steps, "quadrature": self.quadrature}
