"""The walk back of relevance through the steps of a program, and through those of each loop's body.

- Neurons share relevance out by their rule (:mod:`~genolift.engine.relevance.rules`).
- Nonlinearities of each element hand on the relevance they receive, whatever they are (Bach et al. 2015).
- Views, moves and copies move it.
- Sums of several values (residuals) are neurons of weights one and share it out by LRP-ε. Averages, scales and sums
  within a value share it out in plain proportion to their terms.
- At maxima the winner takes all. Products are told of in :mod:`~genolift.engine.relevance.sharing`.
- Softmax follows its first-order expansion at x, which is gradient × input (Achtibat et al. 2024).
- Loops, and so recurrent layers, follow the walk of their body, turn by turn from the last to the first
  (Arras et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Step, Value
from genolift.engine.relevance import sharing
from genolift.engine.relevance.neurons import Neurons, grouped, not_negative, of_one_element, walk_back
from genolift.engine.relevance.rules import Relevance, Rule, divided, stabilised
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.reversal import Noted, Parts, Reversal
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Keeps quotients bounded where there is no ε of the method's own.
_GUARD = 1e-6


class RelevanceWalk:
    """The walk back of relevance through fused steps: every neuron has a rule, and every loop a walk of its own.

    Parameters
    ----------
    steps : list of Step
        The fused steps in running order.
    inputs : list of Value
        Those of their values that are the explained inputs or, within a loop, that the explained inputs became.
    explained : set of Value
        Values that no neuron reaches past.
    rule_of : callable
        Gives the rule of some neurons, and is told whether they read the explained inputs.
    epsilon : float
        LRP-ε's ε for sums of several values.
    positive_sums : bool
        Whether only positive terms of sums and averages take a share (z⁺).

    Raises
    ------
    UnsupportedModel
        If a step has no way to share relevance out, or a rule for bounded values reads the input inside a loop.
    """

    def __init__(
        self,
        steps: list[Step],
        inputs: list[Value],
        explained: set[Value],
        rule_of: Callable[[Neurons, bool], Rule],
        epsilon: float,
        positive_sums: bool,
    ):
        self.inputs, self.epsilon, self.positive_sums = inputs, epsilon, positive_sums
        self.producer = {value: step for step in steps for value in step.outputs}
        for step in steps:
            if step.op != "Input":
                sharing.check(step)
        self.walk = grouped(steps, explained)
        self.neurons = [item for item in self.walk if isinstance(item, Neurons)]
        self._from_input = self._downstream("passing")
        self.rules = {item: rule_of(item, self.at_input(item)) for item in self.neurons}
        plain = [item for item in self.walk if not isinstance(item, Neurons) and item.op != "Input"]
        scales = {step for step in plain if step.output in self._from_input and of_one_element(step)}
        self.loops = {step: self._inside(step, rule_of) for step in plain if kind_of(step) == "loop"}
        self._scales_of_input = set() if "unary" in self.ends() else scales

    def at_input(self, neurons: Neurons) -> bool:
        """Whether neurons read the explained inputs, through passing steps at most."""
        return neurons.source in self._from_input

    def reads_input(self) -> bool:
        """Whether any neurons read the explained inputs, see :meth:`at_input`; those in loops are neurons too."""
        return any(map(self.at_input, self.neurons)) or any(loop.reads_input() for loop in self.loops.values())

    def ends(self) -> set[Rule | str]:
        """Return what hands relevance to the inputs: rules of neurons, and kinds of other steps that change it."""
        near = self._downstream("passing", "selection", "extremum")
        readers = [item for item in self.walk if any(value in near for value in item.active_inputs)]
        ends: set[Rule | str] = set()
        for item in readers:
            if item in self.loops:
                ends |= self.loops[item].ends()
            else:
                ends.add(self.rules[item] if isinstance(item, Neurons) else kind_of(item))
        return ends

    def walk_back(self, flows: dict[Value, Relevance], pairs: Pairs) -> dict[Value, Relevance]:
        """Return the relevance of every value that ``flows`` reach."""
        return walk_back(self.walk, flows, partial(self._back, pairs=pairs))

    def _back(self, item: Step | Neurons, flows: list[Relevance | None], pairs: Pairs) -> dict[Value, Relevance]:
        (first, *_) = (flow for flow in flows if flow is not None)  # something arrived, or nobody would ask
        if isinstance(item, Neurons):
            return {item.source: self._shared(item, first, pairs)}
        return self._handed_on(item, flows, first, pairs)

    def _shared(self, neurons: Neurons, flow: Relevance, pairs: Pairs) -> Relevance:
        """Return what neurons' source receives by their rule."""
        unsigned = not_negative(neurons.source, self.producer)
        box = partial(self._box, neurons.source, pairs)
        return self.rules[neurons].share(neurons, pairs, flow.at(pairs.x(neurons.end)), unsigned, box)

    def _box(self, value: Value, pairs: Pairs, low: float, high: float) -> tuple[Tensor, Tensor]:
        """Return the lowest and highest values of what the inputs become through passing steps."""
        if value in self.inputs:
            return low * tf.ones_like(pairs.x(value)), high * tf.ones_like(pairs.x(value))
        step = self.producer[value]
        sides = [self._box(source, pairs, low, high) for source in step.active_inputs]
        ends = [dict(zip(step.active_inputs, side, strict=True)) for side in zip(*sides, strict=True)]
        first, second = (pairs.at(step, points)[value.slot] for points in ends)
        return tf.minimum(first, second), tf.maximum(first, second)

    def _handed_on(
        self, step: Step, flows: list[Relevance | None], first: Relevance, pairs: Pairs
    ) -> dict[Value, Relevance]:
        """Return what the inputs of a step receive that is no neuron; ``first`` is the first flow that there is."""
        kind = kind_of(step)
        if kind == "loop":
            return self._unwound(step, flows, pairs)
        if kind == "unary":
            return {step.inputs[0]: Relevance(apart=first.at(pairs.x(step.output)))}
        if kind in ("selection", "extremum"):
            return sharing.moved(step, flows, pairs, {value: pairs.x(value) for value in step.active_inputs})
        if kind == "passing" and operation(step.op).moves:
            return sharing.moved(step, flows, pairs)
        if step in self._scales_of_input:
            return sharing.rescaled(step, first, pairs)
        if kind == "passing" and self.positive_sums:
            return sharing.by_positive_terms(step, flows, pairs)
        adds = kind == "passing" and len(step.active_inputs) > 1
        grads = [
            None if flow is None else self._per_unit(flow, pairs.x(value), adds)
            for flow, value in zip(flows, step.outputs, strict=True)
        ]
        points = None
        if kind not in ("passing", "weighted"):
            points = {value: pairs.x(value) for value in step.inputs if value.dependence >= Dependence.DISCRETE}
        shares = pairs.transpose(step, grads, points)
        if kind == "product":
            shares = sharing.signals(step, shares, self.producer)
        return {value: Relevance(part) for value, part in shares.items()}

    def _per_unit(self, flow: Relevance, x: Tensor, adds: bool) -> Tensor:
        """Relevance per unit of what a step gave, by LRP-ε for sums of several values (``adds``)."""
        if adds:
            return divided(flow.at(x), stabilised(x, self.epsilon))
        return flow.over(x, min(self.epsilon, _GUARD))

    # Loops

    def _inside(self, step: Step, rule_of: Callable[[Neurons, bool], Rule]) -> RelevanceWalk:
        """Return the walk back through a loop's body."""
        loop, outside = step.payload, Reversal(step, parts=2).outside
        inputs = [inside for inside, source in outside.items() if source in self._from_input]
        walk = RelevanceWalk(loop.walk, inputs, set(loop.targets), rule_of, self.epsilon, self.positive_sums)
        bounded = next((neurons for neurons, rule in walk.rules.items() if rule.bounded), None)
        if bounded is not None:
            raise UnsupportedModel(
                f"{bounded.step.where} reads the input inside a loop, where its bounds are not followed; "
                "give that layer another rule than z^B, or use lrp-epsilon"
            )
        return walk

    def _unwound(self, step: Step, flows: list[Relevance | None], pairs: Pairs) -> dict[Value, Relevance]:
        """Return what a loop's inputs receive from its outputs. Both parts of the relevance go from turn to turn."""
        inside, reversal = self.loops[step], Reversal(step, parts=2)

        def turn_back(pairs: Pairs, seeds: dict[Value, Parts], noted: Noted) -> tuple[list[Parts], Noted]:
            arrived = inside.walk_back({value: Relevance(*parts) for value, parts in seeds.items()}, pairs)
            return [arrived.get(value, Relevance()).parts(pairs.x(value)) for value in reversal.ways], noted

        given = zip(step.outputs, flows, strict=True)
        received = {value: flow.parts(pairs.x(value)) for value, flow in given if flow is not None}
        arriving, _ = reversal(received, pairs, turn_back, {})
        return {value: Relevance(*parts) for value, parts in arriving.items()}

    def _downstream(self, *kinds: str) -> set[Value]:
        """Return the values made of the inputs by steps of some kinds alone, differences of them left out."""
        made = set(self.inputs)
        for item in self.walk:
            if isinstance(item, Neurons) or item.op == "Input" or kind_of(item) not in kinds:
                continue
            # Bounds of a − b do not follow from evaluating both terms at the same end.
            differs = item.op == "Sub" and len(item.active_inputs) > 1
            if not differs and all(value in made for value in item.active_inputs):
                made.update(item.outputs)
        return made
