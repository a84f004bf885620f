"""Where multipliers come from: rules walked back, the gradient at x, or gradients along the path from the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from genolift.engine.operations.regions import fuse
from genolift.engine.operations.steps import switches
from genolift.engine.program import Program, Step, Value
from genolift.engine.running.run import forward
from genolift.engine.target import Target
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Rule, compared, held
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Walked:
    """What one walk back for a target gave.

    ``reached`` is what came to each source, one row per pair: a multiplier, or whatever else was walked back. The rest
    tells of the steps on the way. ``switches`` says of each step that a comparison of the input switches whether the two
    sides differ there, so that no rule holds. ``left`` is the share that each local integral did not account for.
    ``audit``, where it was asked for, holds the steps in the order of the walk and each pair's imbalance there.
    """

    reached: list[Tensor]
    switches: dict[Step, Tensor] = field(default_factory=dict)
    left: list[Tensor] = field(default_factory=list)
    audit: list[tuple[Step, Tensor]] = field(default_factory=list)


class Multipliers(Protocol):
    """What the Explainer takes: a way to compute multipliers, and what that needs of both sides.

    ``sources`` are the values that are explained, ``compared`` the values that are looked at pair by pair, and ``held``
    how many copies of a value wait in memory for the walk back, one row per pair.
    """

    sources: list[Value]
    compared: set[Value]
    held: Counter[Value]

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the multipliers of a target at the sources, one row per pair.

        Parameters
        ----------
        pairs
            Both sides, which ran forward already.
        target
            What is explained.
        seeds
            The weight of each of the target's values, one row per pair.
        audit
            Whether each step's imbalance is wanted. Where nothing is walked step by step there is none.
        """
        ...

    def reveals(self, step: Step) -> bool:
        """Whether the positive and negative parts of a difference are told apart at this step (RevealCancel)."""
        ...


class Propagation:
    """Multipliers by rules walked back through the program (DeepLIFT, guided backprop).

    Parameters
    ----------
    program, targets
        What is walked back through, and from where.
    rule_of
        Gives the rule of each step, and raises where there is none.
    reveals
        Tells of a nonlinearity, and of what produces each value of the walk, whether RevealCancel is followed there.
    chains
        Whether one nonlinearity after another becomes one function.
    sources
        The values that are explained, by default the program's inputs.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        rule_of: Callable[[Step], Rule],
        reveals: Callable[[Step, dict[Value, Step]], bool] = lambda step, producer: False,
        chains: bool = True,
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
        self._revealing = {step for step in self.walk if step.body and reveals(step, producer)}
        self.compared = compared(self.walk, self.reveals) | set(self.sources)
        self.held = held(self.walk, self.reveals)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the multipliers that the rules give, see :class:`Multipliers`."""
        back = Backward(pairs, self.walk, self.rule_of, self.reveals)
        audited: list[tuple[Step, Tensor]] | None = [] if audit else None
        reached = back.run(seeds, self.sources, audited)
        differ = {step: [pairs.differ(value) for value in switches(step)] for step in back.steps}
        switched = {step: tf.reduce_any(tf.stack(some)) for step, some in differ.items() if some}
        return Walked(reached, switched, back.left, audited or [])

    def reveals(self, step: Step) -> bool:
        """Whether RevealCancel is followed at this step."""
        return step in self._revealing


class _OfGradients:
    """What multipliers have in common that TensorFlow differentiates, rather than a walk by rules."""

    def __init__(self, program: Program, sources: list[Value]):
        self.sources, self.compared = sources, set(sources)
        # A gradient may need every activation on the way back.
        self.held = Counter(value for step in program.active_steps for value in step.outputs)

    def reveals(self, step: Step) -> bool:
        """Return False: a gradient has no parts that could be told apart."""
        return False


class Gradient(_OfGradients):
    """Multipliers that are the gradient at x, whatever the reference."""

    def __init__(self, program: Program, sources: list[Value] | None = None):
        super().__init__(program, program.inputs if sources is None else sources)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the slopes at x, see :class:`Multipliers`."""
        sources = [pairs.x_alone(value) for value in self.sources]
        alone = target.seeds(pairs.x_alone)
        outputs = [pairs.x_alone(value) for value in alone]
        slopes = tf.gradients(outputs, sources, list(alone.values()), unconnected_gradients="zero")
        return Walked([pairs.per_pair(slope) for slope in slopes])


class PathGradient(_OfGradients):
    """Multipliers that are gradients averaged along the straight path from the reference (integrated gradients).

    ``positions`` on [0, 1] and their quadrature ``weights`` (Sundararajan et al. 2017, equation 1).
    """

    def __init__(self, program: Program, positions: np.ndarray, weights: np.ndarray):
        super().__init__(program, program.inputs)
        self.program, self.positions, self.weights = program, positions, weights

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the mean slopes along the path, see :class:`Multipliers`."""
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
        return Walked(totals)
