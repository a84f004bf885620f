"""Which methods can take a model, kind by kind, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from genolift.methods import listing
from genolift.methods.common.referring import TakesReferences
from genolift.methods.registry import method_class
from genolift.pipeline.checking.finding import Finding, columns, wrapped
from genolift.pipeline.checking.inputs import Sample
from genolift.support.errors import GenoliftError

#: The kinds of methods, and the methods of each.
KINDS = {
    "DeepLIFT": ("deeplift", "deep-shap"),
    "gradients": (
        *("gradient-x-input", "integrated-gradients", "expected-gradients", "gradient", "sensitivity"),
        *("smoothgrad", "smoothgrad-squared", "smoothgrad-variance"),
    ),
    "guided gradients": ("guided-backprop-x-input", "guided-backprop", "deconvnet"),
    "mutagenesis": ("ism", "indels", "pairwise-mutagenesis", "prediction-difference"),
    "exchanged stretches": ("occlusion", "mask"),
    "surrogates, Shapley": (*("lime", "kernel-shap", "shapley-sampling", "surrogate", "interaction-maps"),),
    "relevance": (
        *("lrp-epsilon", "lrp-gamma", "lrp-alphabeta", "lrp-zb", "lrp-flat", "lrp-wsquare", "lrp-composite"),
        "deep-taylor",
    ),
    "fitted patterns": ("patternnet", "pattern-attribution"),
    "hidden layers": ("cam", "grad-cam", "guided-grad-cam"),
    "attention": ("attention", "attention-rollout"),
    "subsets, edits": ("sis", "maxent", "minimal-change"),
    "what networks say": ("built-in",),
}
_OTHERS = "of your own"
# Options without which a method runs the model as soon as it is made, only to see what is faster.
_UNTRIED: dict[str, dict[str, Any]] = {"ism": {"fast": False}}

# Methods whose own look at a model can take many minutes, with others that refuse most of what they refuse.
_LIKE = {"attention-rollout": "attention"}


@dataclass(frozen=True)
class Kind:
    """The methods of a kind that can take the model, and for each of the others the reason why it cannot."""

    name: str
    takes: tuple[str, ...]
    refuses: dict[str, str]

    @property
    def answer(self) -> str:
        """Whether methods of this kind can take the model."""
        return "no" if not self.takes else "some" if self.refuses else "yes"


@dataclass(frozen=True)
class Kinds(Finding):
    """What each kind of method makes of the model."""

    title: ClassVar[str] = "Methods"
    key: ClassVar[str] = "methods"
    kinds: tuple[Kind, ...]

    def takes(self, name: str) -> bool:
        """Whether the method of this name can take the model."""
        return any(name in kind.takes for kind in self.kinds)

    def why_not(self, name: str) -> str | None:
        """Return why the method of this name cannot take the model; None if it can."""
        return next((kind.refuses[name] for kind in self.kinds if name in kind.refuses), None)

    def lines(self) -> list[str]:
        """Return a line for each kind, and one for each reason."""
        lines = columns([(kind.answer, kind.name, ", ".join(kind.takes)) for kind in self.kinds])
        by_reason: dict[str, list[str]] = {}
        for kind in self.kinds:
            for name, reason in kind.refuses.items():
                by_reason.setdefault(reason.removeprefix(f"{name} "), []).append(name)
        if by_reason:
            lines.append("Why not:")
        for reason, names in by_reason.items():
            lines += wrapped(f"  {_some(names)}: {reason}.", 4)
        return lines


def kinds(model: Callable, target: Any, sample: Sample, tick: Callable[[str], None], **options: Any) -> Kinds:
    """Return which methods can take a model, which are made for it but not run.

    Parameters
    ----------
    model
        The model.
    target
        The target that they would explain.
    sample
        The inputs that they would explain.
    tick
        A function that is called with the name of each method before it is tried.
    **options
        Options of all methods, such as ``memory``, and the ``references`` of those that take them.
    """
    known = {name: kind for kind, names in KINDS.items() for name in names}
    found: dict[str, tuple[list[str], dict[str, str]]] = {}
    for name in listing():
        tick(name)
        takes, refuses = found.setdefault(known.get(name, _OTHERS), ([], {}))
        asked = _LIKE.get(name, name)
        reason = _reason(asked, model, target, sample, options)
        if asked != name and reason is not None:
            reason = f"{name} {reason.removeprefix(f'{asked} ')}"
        if reason is None:
            takes.append(name)
        else:
            refuses[name] = reason
    order = [kind for kind in (*KINDS, _OTHERS) if kind in found]
    return Kinds(tuple(Kind(kind, tuple(found[kind][0]), found[kind][1]) for kind in order))


def _reason(name: str, model: Callable, target: Any, sample: Sample, options: dict[str, Any]) -> str | None:
    """Return why a method refuses a model or its inputs, before it computes anything; None if it takes them."""
    kind: Any = method_class(name)
    if not issubclass(kind, TakesReferences):
        options = {key: value for key, value in options.items() if key != "references"}
    try:
        method = kind(model, target, progress=False, **options, **_UNTRIED.get(name, {}))
        method.accept(*method.adapted(sample.X))
    except GenoliftError as problem:
        return problem.for_command_line()
    return None


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names) if len(names) <= most + 1 else f"{', '.join(names[:most])} and {len(names) - most} more"
