"""Layer-wise relevance propagation: the walk back, and what steps that are no neurons do with relevance.

- Nonlinearities of each element hand on the relevance they receive, whatever they are (Bach et al. 2015).
- Views, moves and copies move it; sums of several values (residuals) are neurons of weights one and share it out by LRP-ε;
  averages, scales and sums within a value do so in plain proportion to their terms.
- Maxima: the winner takes all.
- Products: the signal takes all where the other factor is a gate or a normaliser (a sigmoid, softmax, or reciprocal root;
  Arras et al. 2017; Ali et al. 2022 for attention and layer normalisation), else each factor takes an equal share
  (Achtibat et al. 2024).
- Softmax: its first-order expansion at x (Achtibat et al. 2024), which is gradient × input.
- Loops: the body's own walk, turn by turn from the last to the first (:mod:`~genolift.engine.relevance.loops`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from genolift.engine.operations.regions import fuse
from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.relevance.neurons import Neurons, grouped, not_negative, of_one_element, upper
from genolift.engine.relevance.rules import Relevance, Rule, divided, stabilised
from genolift.engine.target import Target
from genolift.engine.walk.pairs import Pairs
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Keeps quotients bounded where there is no ε of the method's own.
_GUARD = 1e-6


class InputRelevance(NamedTuple):
    """What the inputs receive of a target, R = per_unit·x + apart, and the ``lowest`` (n,) of the parts it is a sum of.

    ``per_unit`` and ``apart`` hold a tensor (n, ...) for each input. Arrays of several targets have an axis of them behind
    the first, (n, T, ...).
    """

    per_unit: list[Tensor]
    apart: list[Tensor]
    lowest: Tensor


class RelevancePropagation:
    """Relevance of a program's inputs; ``rule_of(neurons, at_input)`` gives each layer's rule.

    With ``positive_sums`` only positive terms of sums and averages take a share (z⁺).
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        rule_of: Callable[[Neurons, bool], Rule],
        epsilon: float = 1e-6,
        positive_sums: bool = False,
    ):
        self.epsilon, self.positive_sums = epsilon, positive_sums
        explained = {value for target in targets for value in target.values}
        fused = fuse(program, list(explained), sources=program.inputs)
        self._lay_out(program, fused, explained, rule_of)

    def _lay_out(self, program: Program, fused: list[Step], explained: set[Value], rule_of) -> None:
        """Give every neuron of the walk ``fused`` its rule, and every loop in it a walk of its own."""
        from genolift.engine.relevance.loops import LoopRelevance  # which walks a loop's body as this walks a program

        self.program = program
        self.producer = {value: step for step in fused for value in step.outputs}
        for step in fused:
            if step.op != "Input":
                _check(step)
        self.walk = grouped(fused, explained)
        self.neurons = [item for item in self.walk if isinstance(item, Neurons)]
        self._from_input = _downstream(self.walk, program, ("passing",))
        self.rules = {item: rule_of(item, self.at_input(item)) for item in self.neurons}
        plain = [item for item in self.walk if not isinstance(item, Neurons) and item.op != "Input"]
        scales = {step for step in plain if step.output in self._from_input and of_one_element(step)}
        loops = [item for item in plain if kind_of(item) == "loop"]
        self.loops = {step: LoopRelevance(step, self._from_input, rule_of, self) for step in loops}
        self._scales_of_input = set() if "unary" in self.ends() else scales

    def at_input(self, neurons: Neurons) -> bool:
        """Whether neurons read the explained inputs, through passing steps at most."""
        return neurons.source in self._from_input

    def reads_input(self) -> bool:
        """Whether any neurons read the explained inputs, see :meth:`at_input`; those in loops are neurons too."""
        return any(map(self.at_input, self.neurons)) or any(loop.reads_input() for loop in self.loops.values())

    def ends(self) -> set[Rule | str]:
        """What hands relevance to the inputs: rules of neurons, and kinds of other steps that change it."""
        near = _downstream(self.walk, self.program, ("passing", "selection", "extremum"))
        readers = [item for item in self.walk if any(value in near for value in _reads(item))]
        inside = [self.loops[item].ends() for item in readers if item in self.loops]
        own = {self.rules[item] if isinstance(item, Neurons) else kind_of(item) for item in readers}
        return (own - {"loop"}).union(*inside)

    def boxes(self) -> dict[int, Rule]:
        """The inputs, by number, that a rule for bounded values reads, and that rule."""
        inputs, rules = self.program.inputs, {}
        for neurons, rule in self.rules.items():
            start = [neurons.source] if rule.bounded else []
            for value in ancestors(start, lambda value: self.producer[value].active_inputs, inputs.__contains__):
                if value in inputs:
                    rules[inputs.index(value)] = rule
        return rules

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor]) -> InputRelevance:
        """Return what the inputs receive of a target whose values have the weights ``seeds`` (n, ...)."""
        flows = self.walk_back({value: Relevance(seed) for value, seed in seeds.items()}, pairs)
        xs = [pairs.x(value) for value in self.program.inputs]
        received = [flows.get(value, Relevance()) for value in self.program.inputs]
        per_unit = [_filled(flow.per_unit, x) for flow, x in zip(received, xs, strict=True)]
        apart = [_filled(flow.apart, x) for flow, x in zip(received, xs, strict=True)]
        count = tf.shape(xs[0])[0]
        terms = [tf.reshape(seed * pairs.x(value), [count, -1]) for value, seed in seeds.items()]
        return InputRelevance(per_unit, apart, tf.reduce_min(tf.concat(terms, 1), 1))

    def walk_back(self, flows: dict[Value, Relevance], pairs: Pairs) -> dict[Value, Relevance]:
        """The relevance of every value that ``flows`` reach."""
        flows = dict(flows)
        for item in reversed(self.walk):
            outputs = [item.end] if isinstance(item, Neurons) else item.outputs
            if not isinstance(item, Neurons) and item.op == "Input":
                continue
            if not any(value in flows for value in outputs):
                continue
            if isinstance(item, Neurons):
                found = {item.source: self._shared(item, flows[item.end], pairs)}
            else:
                found = self._handed(item, [flows.get(value) for value in outputs], pairs)
            for value, flow in found.items():
                flows[value] = flows[value] + flow if value in flows else flow
        return flows

    def _shared(self, neurons: Neurons, flow: Relevance, pairs: Pairs) -> Relevance:
        unsigned = not_negative(neurons.source, self.producer)
        relevance = flow.at(pairs.x(neurons.end))

        def box(low: float, high: float):
            return self._box(neurons.source, pairs, low, high)

        return self.rules[neurons].share(neurons, pairs, relevance, unsigned, box)

    def _box(self, value: Value, pairs: Pairs, low: float, high: float):
        """The lowest and highest values of what the inputs become through passing steps."""
        if value in self.program.inputs:
            return low * tf.ones_like(pairs.x(value)), high * tf.ones_like(pairs.x(value))
        step = self.producer[value]
        sides = [self._box(source, pairs, low, high) for source in step.active_inputs]
        ends = [dict(zip(step.active_inputs, side, strict=True)) for side in zip(*sides, strict=True)]
        first, second = (pairs.at(step, points)[value.slot] for points in ends)
        return tf.minimum(first, second), tf.maximum(first, second)

    def _handed(self, step: Step, flows: list[Relevance | None], pairs: Pairs) -> dict[Value, Relevance]:
        kind = kind_of(step)
        if kind == "loop":
            return self.loops[step](flows, pairs)
        if kind == "unary":
            return {step.inputs[0]: Relevance(apart=flows[0].at(pairs.x(step.output)))}
        if kind in ("selection", "extremum"):
            points = {value: pairs.x(value) for value in step.active_inputs}
            return _moved(step, flows, pairs, points)
        if kind == "passing" and operation(step.op).moves:
            return _moved(step, flows, pairs, None)
        if step in self._scales_of_input:
            return _rescaled(step, flows[0], pairs)
        if kind == "passing" and self.positive_sums:
            return _by_positive_terms(step, flows, pairs)
        adds = kind == "passing" and len(step.active_inputs) > 1
        grads = [
            None if flow is None else self._per_unit(flow, pairs.x(value), adds)
            for flow, value in zip(flows, step.outputs, strict=True)
        ]
        if kind in ("passing", "weighted"):
            return {value: Relevance(part) for value, part in pairs.transpose(step, grads).items()}
        points = {value: pairs.x(value) for value in step.inputs if value.dependence >= Dependence.DISCRETE}
        found = pairs.transpose(step, grads, points)
        if kind == "product":
            found = _signals(step, found, self.producer)
        return {value: Relevance(part) for value, part in found.items()}

    def _per_unit(self, flow: Relevance, x, adds: bool):
        """Relevance per unit of what a step gave, by LRP-ε or as it is; only what is apart has to be divided there."""
        if adds:
            return divided(flow.at(x), stabilised(x, self.epsilon))
        return flow.over(x, min(self.epsilon, _GUARD))


def _filled(part: Tensor | None, x: Tensor) -> Tensor:
    return tf.zeros_like(x) if part is None else part


def _moved(step: Step, flows, pairs: Pairs, points) -> dict[Value, Relevance]:
    """Both parts of the relevance by the transpose."""
    found = {}
    for name in ("per_unit", "apart"):
        grads = [None if flow is None else getattr(flow, name) for flow in flows]
        if any(grad is not None for grad in grads):
            for value, part in pairs.transpose(step, grads, points).items():
                more = Relevance(**{name: part})
                found[value] = found[value] + more if value in found else more
    return found


def _rescaled(step: Step, flow: Relevance, pairs: Pairs) -> dict[Value, Relevance]:
    """An input that is scaled and shifted before the first layer: what is apart from its value stays with its element."""
    (source,) = step.active_inputs
    found = Relevance(apart=flow.apart)
    if flow.per_unit is not None:
        rest = [None] * (len(step.outputs) - 1)
        found.per_unit = pairs.transpose(step, [flow.per_unit, *rest])[source]
        if flow.apart is not None:
            found.apart = flow.apart + flow.per_unit * pairs.at(step, {source: tf.zeros_like(pairs.x(source))})[0]
    return {source: found}


def _by_positive_terms(step: Step, flows, pairs: Pairs) -> dict[Value, Relevance]:
    """z⁺ for a sum or average, whose weights are positive: R_i = x_i⁺ / (Σ x_i⁺ + b⁺)·R."""
    points = {value: upper(pairs.x(value)) for value in step.active_inputs}
    nothing = {value: tf.zeros_like(point) for value, point in points.items()}
    totals, biases = pairs.at(step, points, offsets=False), pairs.at(step, nothing)
    grads = [
        None if flow is None else divided(flow.at(pairs.x(value)), total + upper(bias))
        for flow, value, total, bias in zip(flows, step.outputs, totals, biases, strict=True)
    ]
    found = pairs.transpose(step, grads)
    return {v: Relevance(tf.where(points[v] > 0, part, tf.zeros_like(part))) for v, part in found.items()}


def _signals(step: Step, found: dict, producer) -> dict:
    """What the factors of a product receive: gates nothing where others are signals, else equal shares."""
    signals = [value for value in found if not is_gate(value, producer)] or list(found)
    places = sum(value in signals for value in step.inputs)  # a square has one signal in two places
    return {value: found[value] / places for value in signals}


def is_gate(value: Value, producer: dict[Value, Step]) -> bool:
    """Whether a factor was made by a gate, through passing steps of one source."""
    step = producer.get(value)
    while step is not None and step.op != "Input":
        if kind_of(step) != "passing" or len(step.active_inputs) != 1:
            return operation(step.outputs[0].step.op).gate
        step = producer.get(step.active_inputs[0])
    return False


def _check(step: Step) -> None:
    """Refuse what has no relevance rule."""
    kind = kind_of(step)
    if kind in ("unknown", "complex"):
        raise UnsupportedModel(
            f"{step.where} has no rule by which relevance is handed on; use integrated-gradients or gradient-x-input"
        )


def _reads(item: Step | Neurons) -> list[Value]:
    if isinstance(item, Neurons):
        return [item.source]
    return [] if item.op == "Input" else item.active_inputs


def _downstream(walk: list, program: Program, kinds: tuple[str, ...]) -> set[Value]:
    """Values made of the inputs by steps of some kinds alone, differences of them left out."""
    found = set(program.inputs)
    for item in walk:
        if isinstance(item, Neurons) or item.op == "Input" or kind_of(item) not in kinds:
            continue
        # Of a difference nobody knows the bounds from those of its two terms taken alike.
        differs = item.op == "Sub" and len(item.active_inputs) > 1
        if not differs and all(value in found for value in item.active_inputs):
            found.update(item.outputs)
    return found
