"""The rule of LRP that each layer follows: as text, by a mapping from layers to rules, or by a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from genolift.engine.operations.steps import linear_of
from genolift.engine.program import LayerCall
from genolift.engine.relevance.neurons import Neurons
from genolift.engine.relevance.rules import RULES, AlphaBeta, Box, Epsilon, Gamma, Rule
from genolift.support.errors import InputError

#: Kinds of layers, which keys of a composite may name besides layer names and types. They never name a layer.
KINDS = ("input", "convolution", "dense")

_ABBREVIATIONS = {"zplus": "alphabeta:1,0", "alpha1beta0": "alphabeta:1,0", "alpha2beta1": "alphabeta:2,1"}

#: Mappings by name, as Zennit calls them (Anders et al. 2021). Layers that a mapping does not name follow LRP-ε.
PRESETS: dict[str, dict[str, str]] = {
    "epsilon-plus": {"convolution": "zplus"},
    "epsilon-plus-flat": {"convolution": "zplus", "input": "flat"},
    "epsilon-plus-zb": {"convolution": "zplus", "input": "zb"},
    "epsilon-gamma-zb": {"convolution": "gamma", "input": "zb"},
    "epsilon-alpha2-beta1": {"convolution": "alpha2beta1"},
    "epsilon-alpha2-beta1-flat": {"convolution": "alpha2beta1", "input": "flat"},
}


def as_rule(given: str | Rule) -> Rule:
    """Return a rule from its text.

    Parameters
    ----------
    given
        A rule, or a text such as ``"gamma:0.5"``, ``"alphabeta:2,1"``, ``"zb"`` or ``"zplus"``.

    Raises
    ------
    InputError
        If the text names no rule, or the numbers do not make sense.
    """
    if isinstance(given, Rule):
        return checked(given)
    spelled = _ABBREVIATIONS.get(given, given) if isinstance(given, str) else ""
    name, _, numbers = spelled.partition(":")
    if name not in RULES:
        known = ", ".join([*RULES, *_ABBREVIATIONS])
        raise InputError(f"relevance rule {given!r} is not known; choose among {known}, as in 'gamma:0.5'")
    count = len(fields(RULES[name]))
    try:
        values = [float(number) for number in numbers.split(",")] if numbers else []
    except ValueError:
        values = [0.0] * (count + 1)
    if len(values) not in {0, count}:
        default = str(RULES[name]())
        raise InputError(f"relevance rule {given!r} should be written as in {default!r}, with {count} numbers or none")
    return checked(RULES[name](*values))


def checked(rule: Rule) -> Rule:
    """Return the rule itself, or refuse one whose numbers do not make sense."""
    if isinstance(rule, Epsilon) and not 0 <= rule.epsilon < float("inf"):
        raise InputError(f"epsilon must be a number of at least 0, not {rule.epsilon:g}")
    if isinstance(rule, Gamma) and not 0 <= rule.gamma < float("inf"):
        raise InputError(f"gamma must be a number of at least 0, not {rule.gamma:g}")
    if isinstance(rule, AlphaBeta) and not (rule.beta >= 0 and abs(rule.alpha - rule.beta - 1) < 1e-6):
        raise InputError(
            f"alpha − beta must be 1 with beta of at least 0, or relevance is not conserved; alpha={rule.alpha:g} and "
            f"beta={rule.beta:g} were given"
        )
    if isinstance(rule, Box) and not -float("inf") < rule.low < rule.high < float("inf"):
        raise InputError(f"low must be below high, and both finite; low={rule.low:g}, high={rule.high:g} were given")
    return rule


class Composite:
    """The rule of each layer.

    A layer's own name (or path) goes first, then ``"input"`` (layers that read the explained input), then its type
    (``"Conv1D"``), then its kind (``"convolution"`` or ``"dense"``).

    Parameters
    ----------
    given
        The name of a preset, or a mapping from layer names, layer types or kinds of layers to rules.
    rest
        The rule of layers that the mapping does not name, by default LRP-ε.

    Raises
    ------
    InputError
        If there is no such preset or rule.
    """

    def __init__(self, given: str | Mapping, rest: Rule | None = None):
        if isinstance(given, str):
            if given not in PRESETS:
                raise InputError(
                    f"composite {given!r} is not known; choose among {', '.join(PRESETS)}, or map layers to rules"
                )
            given = PRESETS[given]
        if not isinstance(given, Mapping):
            raise InputError(f"composite must be the name of a preset or a mapping from layers to rules, not {given!r}")
        self.rules = {str(key): as_rule(rule) for key, rule in given.items()}
        self.rest = rest or Epsilon()

    def __call__(self, neurons: Neurons, at_input: bool) -> Rule:
        """Return the rule of a layer's step.

        ``at_input`` tells whether the step reads the explained input. A rule for bounded inputs is refused for any
        other step.
        """
        layers = neurons.step.layers[::-1]
        convolves = linear_of(neurons.step).convolves
        named = [name for layer in layers for name in (layer.path, layer.name) if name not in KINDS]
        types = [layer.type for layer in layers]
        keys = [*named, *(["input"] if at_input else []), *types, "convolution" if convolves else "dense"]
        rule = next((self.rules[key] for key in keys if key in self.rules), self.rest)
        if rule.bounded and not at_input:
            raise InputError(
                f"the rule {rule} is for layers that read the explained input, which is bounded, and "
                f"{neurons.step.where} is not one; give that layer another rule, such as 'zplus'"
            )
        return rule

    def check(self, layers: set[LayerCall]) -> None:
        """Refuse names that no layer of the model has."""
        known = {name for layer in layers for name in (layer.path, layer.name, layer.type)} | set(KINDS)
        unknown = sorted(set(self.rules) - known)
        if unknown:
            raise InputError(
                f"composite names layers that the model does not run: {', '.join(unknown)}; it runs "
                f"{', '.join(sorted(known))}"
            )

    def describe(self) -> dict[str, str]:
        """Return the rules as text, by key of the mapping, and under ``"others"`` the rule of all other layers."""
        return {**{key: str(rule) for key, rule in self.rules.items()}, "others": str(self.rest)}
