"""Relevance through loops: recurrent layers, turn by turn from the last to the first (Arras et al. 2017).

Gates take nothing and signals all, by the rule of products.
"""

from __future__ import annotations

from genolift.engine.program import Program, Step, Value
from genolift.engine.relevance.propagation import RelevancePropagation
from genolift.engine.relevance.rules import Relevance
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.reversal import Parts, Reversal
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


class LoopRelevance(RelevancePropagation):
    """The walk back through a loop's body; ``from_input`` are values outside that the explained inputs became."""

    def __init__(self, step: Step, from_input: set[Value], rule_of, outer: RelevancePropagation):
        self.step, self.reversal = step, Reversal(step, parts=2)
        self.epsilon, self.positive_sums = outer.epsilon, outer.positive_sums
        inputs = [inside for inside, outside in self.reversal.outside.items() if outside in from_input]
        loop = step.payload
        self._lay_out(Program(loop.body.steps, inputs, [], [], []), loop.walk, set(loop.targets), rule_of)
        bounded = next((neurons for neurons, rule in self.rules.items() if rule.bounded), None)
        if bounded is not None:
            raise UnsupportedModel(
                f"{bounded.step.where} reads the input inside a loop, where its bounds are not followed; give that layer "
                "another rule than z^B, or use lrp-epsilon"
            )

    def __call__(self, flows: list, pairs: Pairs) -> dict[Value, Relevance]:
        """Relevance of the loop's inputs from that of its outputs; both parts of it go from turn to turn."""

        def turn_back(inner: Pairs, seeds: dict[Value, Parts], noted: list) -> tuple[list[Parts], list]:
            found = self.walk_back({value: Relevance(*parts) for value, parts in seeds.items()}, inner)
            return [_parts(found.get(value), inner.x(value)) for value in self.reversal.ways], noted

        given = zip(self.step.outputs, flows, strict=True)
        received = {value: _parts(flow, pairs.x(value)) for value, flow in given if flow is not None}
        arriving, _ = self.reversal(received, pairs, turn_back, [])
        return {value: Relevance(*parts) for value, parts in arriving.items()}


def _parts(flow: Relevance | None, x: Tensor) -> Parts:
    """Relevance per unit of a value that is ``x``, and apart from it; zeros for none."""
    parts = (None, None) if flow is None else (flow.per_unit, flow.apart)
    return [tf.zeros_like(x) if part is None else part for part in parts]
