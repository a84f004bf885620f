"""Where multipliers come from: rules walked back, the gradient at x, or gradients along the path from the reference."""

from __future__ import annotations

from collections import Counter

from genolift.engine.operations.regions import fuse
from genolift.engine.program import Program, Value
from genolift.engine.running.run import forward
from genolift.engine.target import Target
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, compared, held
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class Propagation:
    """Multipliers by rules walked back through the program (DeepLIFT, guided backprop)."""

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        rule_of,
        reveals=lambda step, producer: False,
        chains=True,
        sources: list[Value] | None = None,
    ):
        self.program, self.rule_of = program, rule_of
        self.sources = program.inputs if sources is None else sources
        explained = list(dict.fromkeys(value for target in targets for value in target.values))
        self.walk = fuse(program, explained, chains, self.sources)
        for step in self.walk:
            if step.op != "Input":
                rule_of(step)  # refuses what it has no rule for before anything is computed
        producer = {value: step for step in self.walk for value in step.outputs}
        revealing = {step for step in self.walk if step.body and reveals(step, producer)}
        self.reveals = revealing.__contains__
        self.compared = compared(self.walk, self.reveals) | set(self.sources)
        self.held = held(self.walk, self.reveals)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict, audit: list | None = None) -> list:
        back = Backward(pairs, self.walk, self.rule_of, self.reveals)
        return back.run(seeds, self.sources, audit)


def everything(program: Program) -> Counter[Value]:
    """A gradient may need every activation on the way back."""
    return Counter(value for step in program.active_steps for value in step.outputs)


class Gradient:
    """Multipliers that are the gradient at x, whatever the reference."""

    def __init__(self, program: Program, sources: list[Value] | None = None):
        self.sources = program.inputs if sources is None else sources
        self.compared, self.held = set(self.sources), everything(program)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict, audit=None) -> list:
        sources = [pairs.x_alone(value) for value in self.sources]
        alone = target.seeds(pairs.x_alone)
        outputs = [pairs.x_alone(value) for value in alone]
        slopes = tf.gradients(outputs, sources, list(alone.values()), unconnected_gradients="zero")
        return [pairs.per_pair(slope) for slope in slopes]


class PathGradient:
    """Multipliers that are gradients averaged along the straight path from the reference (integrated gradients).

    ``positions`` on [0, 1] and their quadrature ``weights`` (Sundararajan et al. 2017, equation 1).
    """

    def __init__(self, program: Program, positions, weights):
        self.program, self.positions, self.weights = program, positions, weights
        self.sources, self.compared = program.inputs, set(program.inputs)
        self.held = everything(program)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict, audit=None) -> list:
        precision = pairs.precision
        positions, weights = tf.constant(self.positions, precision), tf.constant(self.weights, precision)
        xs = [pairs.x(value) for value in self.program.inputs]
        refs = [pairs.ref(value) for value in self.program.inputs]

        def step(i, totals):
            points = [ref + positions[i] * (x - ref) for x, ref in zip(xs, refs, strict=True)]
            values = forward(self.program, points, pairs.constants, precision)
            outputs, weighting = [values[value] for value in seeds], list(seeds.values())
            slopes = tf.gradients(outputs, points, weighting, stop_gradients=points, unconnected_gradients="zero")
            return i + 1, [total + weights[i] * slope for total, slope in zip(totals, slopes, strict=True)]

        start = (tf.constant(0), [tf.zeros_like(x) for x in xs])
        _, totals = tf.while_loop(
            lambda i, _: i < len(self.positions), step, start, maximum_iterations=len(self.positions)
        )
        return totals
