"""The ways to compute multipliers: by rules, as the gradient at x, or as gradients on the path from the reference."""

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
    """The result of one walk back from a target.

    Parameters
    ----------
    reached : list of Tensor
        What came to each source, one row per pair. This is a multiplier, or whatever else was walked back.
    switched : dict of Step to list of Value
        The steps that comparisons of the input switch, with these comparisons. Where the two sides differ in one, no
        rule holds.
    left : list of Tensor
        The share that each local integral did not account for.
    audit : list of (Step, Tensor)
        The steps in the order of the walk, with each pair's imbalance there. It is empty unless it was asked for.
    """

    reached: list[Tensor]
    switched: dict[Step, list[Value]] = field(default_factory=dict)
    left: list[Tensor] = field(default_factory=list)
    audit: list[tuple[Step, Tensor]] = field(default_factory=list)


class Multipliers(Protocol):
    """A way to compute multipliers, as the Explainer takes it.

    Parameters
    ----------
    sources : list of Value
        The values that are explained.
    compared : set of Value
        The values that are looked at pair by pair.
    held : Counter of Value
        How many copies of a value, one row per pair, wait in memory for the walk back.
    """

    sources: list[Value]
    compared: set[Value]
    held: Counter[Value]

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the multipliers of a target at the sources, one row per pair.

        Parameters
        ----------
        pairs : Pairs
            Both sides, which ran forward already.
        target : Target
            What is explained.
        seeds : dict of Value to Tensor
            The weight of each of the target's values, one row per pair.
        audit : bool
            Whether each step's imbalance is wanted. If nothing is walked step by step, there is none. By default False.
        """
        ...

    def reveals(self, step: Step) -> bool:
        """Return whether RevealCancel tells the positive and negative parts of a difference apart at this step."""
        ...


class Propagation:
    """Multipliers by rules walked back through the program (DeepLIFT, guided backprop).

    Parameters
    ----------
    program : Program
        The program that is walked back through.
    targets : list of Target
        The targets that walks begin from.
    rule_of : callable
        A function that returns the rule of a step, or raises if there is none.
    reveals : callable
        A function that says whether RevealCancel is followed at a nonlinearity. It is given the step and a dict with
        the step of the walk that produces each value. By default RevealCancel is followed nowhere.
    chains : bool
        Whether consecutive nonlinearities become one function. By default they do.
    sources : list of Value, optional
        The values that are explained, by default the program's inputs.
    at_x : bool
        Whether the rules look at x alone, so that a reference may switch a step in another way. By default they
        compare the two sides.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        rule_of: Callable[[Step], Rule],
        reveals: Callable[[Step, dict[Value, Step]], bool] = lambda step, producer: False,
        chains: bool = True,
        sources: list[Value] | None = None,
        at_x: bool = False,
    ):
        self.program, self.rule_of, self._at_x = program, rule_of, at_x
        self.sources = program.inputs if sources is None else sources
        explained = list(dict.fromkeys(value for target in targets for value in target.values))
        self.walk = fuse(program, explained, chains, self.sources)
        for step in self.walk:
            if step.op != "Input":
                rule_of(step)  # This refuses steps without a rule before anything is computed.
        producer = {value: step for step in self.walk for value in step.outputs}
        self._revealing = {step for step in self.walk if step.body and reveals(step, producer)}
        self.compared = compared(self.walk, self.reveals) | set(self.sources)
        self.held = held(self.walk, self.reveals)

    def __call__(self, pairs: Pairs, target: Target, seeds: dict[Value, Tensor], audit: bool = False) -> Walked:
        """Return the multipliers that the rules give, see :class:`Multipliers`."""
        back = Backward(pairs, self.walk, self.rule_of, self.reveals)
        audited: list[tuple[Step, Tensor]] | None = [] if audit else None
        reached = back.run(seeds, self.sources, audited)
        steps = [] if self._at_x else back.steps
        switched = {step: by for step in steps if (by := switches(step))}
        return Walked(reached, switched, back.left, audited or [])

    def reveals(self, step: Step) -> bool:
        """Return whether RevealCancel is followed at this step."""
        return step in self._revealing


class _OfGradients:
    """The base of multipliers that come from TensorFlow's own differentiation rather than a walk by rules."""

    def __init__(self, program: Program, sources: list[Value]):
        self.sources, self.compared = sources, set(sources)
        # A gradient may need every activation on the way back.
        self.held = Counter(value for step in program.active_steps for value in step.outputs)

    def reveals(self, step: Step) -> bool:
        """Return False, because a gradient has no parts that could be told apart."""
        return False


class Gradient(_OfGradients):
    """Multipliers that are the gradient at x, whatever the reference.

    Parameters
    ----------
    program : Program
        The traced model.
    sources : list of Value, optional
        The values that are explained, by default the program's inputs.
    """

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

    The integral is that of Sundararajan et al. 2017, equation 1.

    Parameters
    ----------
    program : Program
        The traced model.
    positions : np.ndarray
        The places (S,) on the path where gradients are taken, from 0 at the reference to 1 at x.
    weights : np.ndarray
        Their quadrature weights (S,).
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
