"""Patterns: the direction of each neuron's signal in what it reads, and the walk back by them (Kindermans et al. 2017).

A weight vector w says how to cancel what distracts from the signal, not where the signal is. Let the input x = s + d
be a signal s and a distractor d, and z = wᵀx the neuron. The signal is s = a·z with a pattern a that is estimated from
data and for which wᵀa = 1. :class:`PatternPropagation` walks back with a in place of w, which gives the signal itself
(PatternNet), or with w·a, which gives shares of the output (PatternAttribution).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np

from genolift.engine.operations.regions import fuse, is_relu
from genolift.engine.operations.steps import kind_of, linear_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, LayerCall, Program, Step, Value, only_reader, readers_of
from genolift.engine.relevance.neurons import Neurons, grouped, of_one_element, walk_back
from genolift.engine.relevance.rules import divided
from genolift.engine.target import Target
from genolift.engine.walk.multipliers import Walked
from genolift.engine.walk.pairs import Pairs
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(eq=False)
class Use:
    """One place where a layer's sums are formed: its weighted or adding ``step``.

    The steps of ``path`` lead from there to the value whose sign says whether the sum is passed on, where a rectifier
    does that (``rectified``).
    """

    step: Step
    path: list[Step] = field(default_factory=list)
    rectified: bool = False

    @property
    def source(self) -> Value:
        """What a weighted step reads."""
        return self.step.active_inputs[0]

    def masks(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return which sums there are, and which of them are above zero with their bias.

        Both are 1 and 0 in the layout of the step's output.
        """
        end = pairs.x(self.path[-1].output if self.path else self.step.output)
        there, above = tf.ones_like(end), tf.cast(end > 0, end.dtype)
        for step in reversed(self.path):
            if not _same_layout(step):
                there, above = (next(iter(pairs.transpose(step, [mask]).values())) for mask in (there, above))
        return there, above


@dataclass(eq=False)
class Units:
    """Neurons of the same weights, wherever the model uses them.

    ``weights`` is None for sums of several values.
    """

    name: str
    uses: list[Use]
    weights: Value | None

    @property
    def rectified(self) -> bool:
        """Whether a rectifier follows at every use."""
        return all(use.rectified for use in self.uses)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights, or (values, channels) for sums of several values."""
        if self.weights is not None:
            return sizes(self.weights)
        step = self.uses[0].step
        return len(step.active_inputs), sizes(step.output)[-1]

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of the step's output that tell units apart. The others are samples."""
        return _unit_axes(self.uses[0].step)


class PatternPropagation:
    """The walk back by patterns to a program's inputs, with one tensor for each.

    Rectifiers pass what they passed forward, and maxima follow the winner. A scale or average hands shares on in
    proportion to its weights, and a signal as the smallest input that gives it. Sums of several values (residuals) are
    neurons of weights one with patterns of their own.

    Parameters
    ----------
    program : Program
        What is walked back through.
    targets : list of Target
        Where the walk starts.
    name : str
        The method's name, for refusals.
    attributes : bool
        Whether w·a is walked back with, rather than a.

    Raises
    ------
    UnsupportedModel
        If the model has no weighted sums, or a step that patterns are not derived for.
    """

    def __init__(self, program: Program, targets: list[Target], name: str, attributes: bool):
        self.program, self.attributes = program, attributes
        explained = {value for target in targets for value in target.values}
        fused = fuse(program, list(explained), sources=program.inputs)
        self.walk = grouped(fused, explained)
        readers = readers_of(fused)
        layers: dict[object, Units] = {}
        sums: Counter[LayerCall] = Counter()
        self.units: dict[Step | Neurons, Units] = {}
        for item in self.walk:
            weights: Value | None = None
            key: object
            if isinstance(item, Neurons):
                step, weights = item.step, _weights(item.step, name)
                key = _origin(weights), step.op
            elif _adds(item):
                step, key = item, _place(item, sums)
            else:
                _check(item, name)
                continue
            use = _followed(Use(step), readers, explained)
            if key not in layers:
                layers[key] = Units(_named(step, layers.values()), [], weights)
                _unit_axes(step)
            layers[key].uses.append(use)
            self.units[item] = layers[key]
        self.layers = list(layers.values())
        if not self.layers:
            raise UnsupportedModel(
                f"{name} needs layers of weighted sums, and this model has none; use ism or occlusion"
            )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each layer's pattern, by the layer's name."""
        return {units.name: units.shape for units in self.layers}

    def __call__(
        self, patterns: dict[Units, np.ndarray], pairs: Pairs, target: Target, seeds: dict[Value, Tensor]
    ) -> Walked:
        """Return what the patterns send back to the inputs.

        Parameters
        ----------
        patterns : dict of Units to array
            The pattern of each layer, in the shape of its weights.
        pairs : Pairs
            The activations.
        target : Target
            What is explained.
        seeds : dict of Value to tensor
            The weights (n, ...) of the target's values.
        """
        start = {value: seed * pairs.x(value) for value, seed in seeds.items()}
        flows = walk_back(self.walk, start, partial(self._back, patterns=patterns, pairs=pairs))
        return Walked([flows.get(value, tf.zeros_like(pairs.x(value))) for value in self.program.inputs])

    def _back(
        self, item: Step | Neurons, flows: list, patterns: dict[Units, np.ndarray], pairs: Pairs
    ) -> dict[Value, Tensor]:
        if isinstance(item, Neurons):
            pattern = tf.constant(patterns[self.units[item]], flows[0].dtype)
            return {item.source: self._weighted(item, flows[0], pattern, pairs)}
        if item.body:
            return {item.inputs[0]: tf.where(pairs.x(item.output) > 0, flows[0], tf.zeros_like(flows[0]))}
        if item in self.units:
            pattern = tf.constant(patterns[self.units[item]], flows[0].dtype)
            values = item.active_inputs
            return {value: flows[0] * pattern[i] for i, value in enumerate(values)}
        if kind_of(item) in ("selection", "extremum"):
            return pairs.transpose(item, flows, {value: pairs.x(value) for value in item.active_inputs})
        return self._passed(item, flows, pairs)

    def _weighted(self, neurons: Neurons, flow: Tensor, pattern: Tensor, pairs: Pairs) -> Tensor:
        scale = None if self.attributes else neurons.scale(pairs)  # w·s has the pattern a/s
        flow = flow if scale is None else divided(flow, scale)
        return neurons.backward(pairs, flow, lambda w: w * pattern if self.attributes else pattern)

    def _passed(self, step: Step, flows: list, pairs: Pairs) -> dict[Value, Tensor]:
        if self.attributes:
            ones = {value: tf.ones_like(pairs.x(value)) for value in step.active_inputs}
        else:
            some = [None if f is None else tf.ones_like(f) for f in flows]
            ones = pairs.transpose(step, some)
            ones.update((v, tf.zeros_like(pairs.x(v))) for v in step.active_inputs if v not in ones)
        totals = pairs.at(step, ones, offsets=False)
        shares = [None if f is None else divided(f, total) for f, total in zip(flows, totals, strict=True)]
        return pairs.transpose(step, shares)


def sizes(value: Value) -> tuple[int, ...]:
    """Return the shape of a value whose sizes are known, as those of weights and channels are."""
    return cast(tuple[int, ...], value.shape)


def _check(step: Step, name: str) -> None:
    """Refuse what the method is not derived for."""
    kind = "input" if step.op == "Input" else kind_of(step)
    rectifies = kind == "unary" and is_relu(step)
    passes = kind == "passing" and (len(step.active_inputs) == 1 or step.op != "Sub")
    if not (kind in ("input", "selection", "extremum") or rectifies or passes):
        raise UnsupportedModel(
            f"{name} is derived for weighted sums, maxima and ReLUs, and {step.where} is none; use deeplift or "
            "integrated-gradients"
        )


def _adds(step: Step) -> bool:
    """Whether a step is a sum of several values of one shape."""
    shapes = {value.shape for value in step.inputs}
    return not step.body and operation(step.op).adds and len(step.active_inputs) > 1 and shapes == {step.output.shape}


def _weights(step: Step, name: str) -> Value:
    """Return the one constant that multiplies what is explained."""
    factors = [step.inputs[i] for i in linear_of(step).factors_of(step)]
    constant = [value for value in factors if value.dependence == Dependence.CONSTANT]
    of_matrices = operation(step.op).transposes is not None
    known = (operation(step.op).filters or step.op == "Einsum") or (
        of_matrices and all(value.shape and set(value.shape[:-2]) <= {1} for value in constant)
    )
    if not known or len(constant) != 1 or len(factors) != 2:
        raise UnsupportedModel(
            f"{name} estimates patterns of convolutions and dense layers, and {step.where} is another weighted sum; "
            "use deeplift or integrated-gradients"
        )
    return constant[0]


def _unit_axes(step: Step) -> tuple[int, ...]:
    rank, known = len(sizes(step.output)), operation(step.op)
    if known.filters:
        return (1,) if step.node.attr["data_format"].s.startswith(b"NC") else (rank - 1,)
    if known.transposes is not None:
        return (rank - 1,) if step.inputs[0].active else (rank - 2,)
    if known.adds:
        return (rank - 1,)
    terms, out = (part.strip() for part in step.node.attr["equation"].s.decode().split("->"))
    of_weights = terms.split(",")[0 if step.inputs[1].active else 1]
    of_weights = of_weights.replace(".", "")
    # An ellipsis stands for axes of samples, so what comes after it is counted from the end.
    dots = out.find("...")
    behind = [i for i, label in enumerate(out) if label in of_weights]
    return tuple(i if dots < 0 or i < dots else i - len(out) + rank for i in behind)


def _origin(value: Value) -> object:
    """Return what tells weights apart: the variable, however often the model reads it and through whatever views."""
    while operation(value.step.op).view is not None:
        value = value.step.inputs[0]
    payload = value.step.payload
    return value if payload is None else id(payload)


def _place(step: Step, sums: Counter[LayerCall]) -> object:
    """Return what tells sums of several values apart: the layer, and which of its call's sums it is."""
    if not step.layers:
        return step
    call = step.layers[-1]
    sums[call] += 1
    return call.path, sums[call]


def _named(step: Step, others: Iterable[Units]) -> str:
    """Return the layer's path, with a number where it has several weighted steps."""
    path = step.layers[-1].path if step.layers else step.name
    count = sum(one.name == path or one.name.startswith(f"{path}:") for one in others)
    return f"{path}:{count + 1}" if count else path


def _same_layout(step: Step) -> bool:
    """Whether a step gives each element its bias or scale, where it is."""
    return of_one_element(step) and operation(step.op).view not in ("reshape", "unit-axes", "transpose")


def _followed(use: Use, readers: dict[Value, list[Step]], explained: set[Value]) -> Use:
    """Return the use with its path: biases, scales and views up to the rectifier, which may stand behind a maximum."""
    value, picked = use.step.output, False
    while value not in explained:
        step = only_reader(value, readers)
        if step is None:
            break
        if step.body:
            use.rectified = is_relu(step)
            break
        moved = of_one_element(step) or step.op == "BatchToSpaceND"
        if kind_of(step) == "selection":
            picked = True
        elif not moved or (picked and _same_layout(step)):
            break
        elif not picked:
            use.path.append(step)
        value = step.output
    return use
