"""Layer-wise relevance propagation from a program's targets to its inputs (Bach et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from genolift.engine.operations.regions import fuse
from genolift.engine.program import Program, Value, ancestors
from genolift.engine.relevance.backward import RelevanceWalk
from genolift.engine.relevance.neurons import Neurons
from genolift.engine.relevance.rules import Relevance, Rule
from genolift.engine.target import Target
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


class InputRelevance(NamedTuple):
    """What the inputs receive of a target, R = per_unit·x + apart, and the ``lowest`` (n,) of the parts it is a sum of.

    ``per_unit`` and ``apart`` hold a tensor (n, ...) for each input. Arrays of several targets have an axis of them
    behind the first, (n, T, ...).
    """

    per_unit: list[Tensor]
    apart: list[Tensor]
    lowest: Tensor


class RelevancePropagation(RelevanceWalk):
    """The relevance of a program's inputs for some targets.

    Parameters
    ----------
    program : Program
        What is walked back through.
    targets : list of Target
        Where the walk starts.
    rule_of, epsilon, positive_sums
        See :class:`RelevanceWalk`.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        rule_of: Callable[[Neurons, bool], Rule],
        epsilon: float = 1e-6,
        positive_sums: bool = False,
    ):
        explained = {value for target in targets for value in target.values}
        steps = fuse(program, list(explained), sources=program.inputs)
        super().__init__(steps, program.inputs, explained, rule_of, epsilon, positive_sums)

    def boxes(self) -> dict[int, Rule]:
        """Return the inputs, by number, that a rule for bounded values reads, and that rule."""
        rules: dict[int, Rule] = {}
        for neurons, rule in self.rules.items():
            start = [neurons.source] if rule.bounded else []
            for value in ancestors(start, lambda value: self.producer[value].active_inputs, self.inputs.__contains__):
                if value in self.inputs:
                    rules[self.inputs.index(value)] = rule
        return rules

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor]) -> InputRelevance:
        """Return what the inputs receive of a target whose values have the weights ``seeds`` (n, ...)."""
        flows = self.walk_back({value: Relevance(seed) for value, seed in seeds.items()}, pairs)
        received = [flows.get(value, Relevance()).parts(pairs.x(value)) for value in self.inputs]
        per_unit, apart = map(list, zip(*received, strict=True))
        count = tf.shape(per_unit[0])[0]
        terms = [tf.reshape(seed * pairs.x(value), [count, -1]) for value, seed in seeds.items()]
        return InputRelevance(per_unit, apart, tf.reduce_min(tf.concat(terms, 1), 1))
