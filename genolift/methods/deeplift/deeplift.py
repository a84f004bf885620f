"""DeepLIFT (Shrikumar et al. 2017) with the Rescale and RevealCancel rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from typing_extensions import override

from genolift.engine.operations.steps import kind_of
from genolift.engine.program import Step
from genolift.engine.walk import rules
from genolift.engine.walk.multipliers import Multipliers, Propagation
from genolift.engine.walk.pooling import POOLING
from genolift.engine.walk.propagate import every_step
from genolift.methods.common.referenced import ReferenceMethod
from genolift.methods.common.traced import Traced
from genolift.methods.references import Reference, Shuffled
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError

RULES = ("genomics", "rescale", "revealcancel")


class DeepLift(ReferenceMethod):
    """DeepLIFT contributions: the difference from a reference, handed back step by step from the output to the input.

    ``hypothetical`` is the mean over references of m_b − Σ_c m_c·r_c, where m are the multipliers and r the reference.
    By default a sequence is compared with 20 shuffles that keep its dinucleotides.

    Parameters
    ----------
    rule
        The rule for nonlinearities. ``"rescale"`` and ``"revealcancel"`` use that rule wherever it is defined.
        ``"genomics"`` uses RevealCancel after dense layers and Rescale after convolutions, which is the paper's
        DeepLIFT-fc-RC-conv-RS. A mapping from layer names or layer types to rules chooses for each layer. A name takes
        precedence over a type, and layers that are not named use Rescale.
    pooling
        The rule for max pooling and for maxima along axes. ``"shapley"`` gives each element of a window its exact
        Shapley value: the average, over all orders of changing the elements from the reference to x, of what the
        maximum changes by. ``"rise-and-fall"`` credits a rise to the maximum of x and a fall to the maximum of the
        reference; equal maxima share. ``"winner"`` lets the maximum of x pass whole, as the original code does.
        Contributions then miss the difference unless the reference is constant along the window.
    fallback
        What to do with a differentiable operation that has no rule. ``"integrated-gradients"`` integrates its gradient
        between its own inputs, and records the share of the difference that this misses. None refuses the model.
    """

    name = "deeplift"
    _rule: Propagation

    @staticmethod
    @override
    def default_references() -> Reference:
        return Shuffled(20, k=2, seed=0)

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        rule: str | Mapping[str, str] = "genomics",
        pooling: str = "shapley",
        fallback: str | None = None,
        **options: Any,
    ):
        if fallback not in (None, "integrated-gradients"):
            raise InputError(f"fallback must be 'integrated-gradients' or None, not {fallback!r}")
        self.fallback = fallback
        for one in rule.values() if isinstance(rule, Mapping) else [rule]:
            if one not in RULES:
                raise InputError(f"rule {one!r} is not known; choose among {', '.join(RULES)}, or map layers to them")
        self.rule = rule
        if pooling not in POOLING:
            raise InputError(f"pooling {pooling!r} is not known; choose among {', '.join(POOLING)}")
        self.pooling = pooling
        super().__init__(model, target, **options)

    @override
    def multipliers(self, traced: Traced) -> Multipliers:
        rule_of = partial(rules.deeplift, fallback=self.fallback is not None, pooling=self.pooling)
        return Propagation(traced.program, traced.targets, rule_of, self._reveals, sources=self.sources)

    def _reveals(self, step: Step, producer: dict) -> bool:
        """Whether a nonlinearity follows RevealCancel rather than Rescale."""
        rule = self._rule_of(step)
        if rule == "rescale":
            return False
        return (rules.after_mixing if rule == "revealcancel" else rules.after_dense)(step, producer)

    def _rule_of(self, step: Step) -> str:
        """Return the rule that the user chose for a step, by the names and then the types of its layers."""
        if isinstance(self.rule, str):
            return self.rule
        layers = step.layers[::-1]
        for names in (
            [key for layer in layers for key in (layer.path, layer.name)],
            [layer.type for layer in layers],
        ):
            for name in names:
                if name in self.rule:
                    return self.rule[name]
        return "rescale"

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        self._check_mapping(traced)

    def _check_mapping(self, traced: Traced) -> None:
        """Refuse a mapping that names layers which the model does not have."""
        if isinstance(self.rule, str):
            return
        layers = {layer for step in traced.program.steps for layer in step.layers}
        known = {name for layer in layers for name in (layer.path, layer.name, layer.type)}
        unknown = sorted(set(self.rule) - known)
        if unknown:
            raise InputError(
                f"rule names layers that the model does not run: {', '.join(unknown)}; it runs "
                f"{', '.join(sorted(known))}"
            )

    @override
    def describe(self) -> dict[str, Any]:
        rule = self.rule if isinstance(self.rule, str) else dict(self.rule)
        return {**super().describe(), "rule": rule, "pooling": self.pooling, "fallback": self.fallback}

    @override
    def findings(self) -> dict[str, Any]:
        walk = [step for step in every_step(self._rule.walk) if step.op != "Input"]
        integrated = [step.where for step in walk if kind_of(step) == "unknown"]
        fallback = {"fallback": {"operations": integrated, "left": self.left}} if integrated else {}
        return {**super().findings(), **fallback}
