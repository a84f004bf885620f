"""The walk back, in which rules carry multipliers from the explained output to the inputs, one step at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from genolift.engine.operations import kernels
from genolift.engine.operations.kinds import Sort
from genolift.engine.operations.steps import kind_of, switches, unwalked
from genolift.engine.program import Step, Value
from genolift.engine.walk.pairs import Pairs
from genolift.support.errors import GenoliftError
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Flow:
    """The multipliers that flow back into a value, for the positive and the negative part of its difference.

    The two multipliers are m⁺ = mean + half and m⁻ = mean − half. With the forward mass A = Δ⁺ − Δ⁻ the contribution is
    mean·Δ + half·A. Flows can be added.

    Parameters
    ----------
    mean : Tensor
        The mean of the two multipliers, of the value's shape with one row per pair.
    half : Tensor, optional
        Half their difference, of the same shape. By default None: both parts have the same multiplier.
    """

    mean: Tensor
    half: Tensor | None = None

    def __add__(self, other: Flow) -> Flow:
        halves = [flow.half for flow in (self, other) if flow.half is not None]
        half = None if not halves else halves[0] if len(halves) == 1 else halves[0] + halves[1]
        return Flow(self.mean + other.mean, half)


#: What flows back into each output of a step, None where nothing does.
Flows: TypeAlias = list[Flow | None]
#: A function from a step, what flows back into its outputs and the walk to what flows back into each of its inputs.
Rule: TypeAlias = Callable[[Step, Flows, "Backward"], dict[Value, Flow]]


def every_step(walk: list[Step]) -> Iterator[Step]:
    """Yield the steps of a walk, and after each loop those inside it."""
    for step in walk:
        yield step
        if step.op == "Loop":
            yield from every_step(step.payload.walk)


def compared(walk: list[Step], reveals: Callable[[Step], bool]) -> set[Value]:
    """Return the values that rules look at pair by pair. Linear steps need only the shapes of their values.

    Parameters
    ----------
    walk : list of Step
        The steps that are walked back through.
    reveals : callable
        A function that says whether RevealCancel is followed at a nonlinearity.
    """
    parts = any(step.body and reveals(step) for step in walk)
    values: set[Value] = set()
    for step in walk:
        values.update(switches(step))
        if step.op == "Loop":
            values.update(step.payload.active_values)
            values.update(value for value in (*step.inputs, *step.outputs) if parts and value.active)
        elif parts or step.op == "Input" or kind_of(step) not in ("passing", "weighted"):
            values.update(value for value in (*step.inputs, *step.outputs) if value.active)
    return values


def held(walk: list[Step], reveals: Callable[[Step], bool]) -> Counter[Value]:
    """Return how many copies of each value, one row per pair, wait in memory until the walk comes back to them.

    Parameters
    ----------
    walk : list of Step
        The steps that are walked back through.
    reveals : callable
        A function that says whether RevealCancel is followed at a nonlinearity.
    """
    parts = any(step.body and reveals(step) for step in walk)
    copies: Counter[Value] = Counter()
    for step in walk:
        kind = kind_of(step)
        if parts:  # The masses run along every step.
            copies.update(value for value in step.outputs if value.active)
        elif kind == "unary":
            copies[step.inputs[0]] += 1
        elif kind == "sort":
            shape = step.inputs[0].shape
            copies[step.inputs[0]] += 2 * Sort.turns(None if shape is None else shape[-1])
        elif kind not in ("passing", "weighted"):
            copies.update(2 * [value for value in (*step.inputs, *step.outputs) if value.active])
    return copies


class Backward:
    """One walk back over the pairs under a set of rules.

    A rule is handed the walk that it takes part in. It reads both sides from ``pairs``, and may use :meth:`collapsed`,
    :meth:`distance` and :meth:`mass`. After a run, ``steps`` holds the steps that something flowed back through. A rule
    that is not exact adds to ``left`` the share of what it hands on that it did not account for.

    Parameters
    ----------
    pairs : Pairs
        The activations of sequences and references.
    walk : list of Step
        The steps to walk back through, in running order.
    rule_of : callable
        A function that returns the rule of a step.
    reveals : callable
        A function that says whether the positive and negative parts of a difference are told apart at a nonlinearity
        (RevealCancel).
    """

    def __init__(
        self, pairs: Pairs, walk: list[Step], rule_of: Callable[[Step], Rule], reveals: Callable[[Step], bool]
    ):
        self.pairs, self.walk, self.rule_of, self.reveals = pairs, walk, rule_of, reveals
        self.producer = {value: step for step in walk for value in step.outputs}
        self._mass: dict[Value, Tensor] = {}
        self._delta: dict[Value, Tensor] = {}
        self._by_pair: Tensor | None = None  # The shape that has one row per pair, which the audit sums over.
        self.audit: list[tuple[Step, Tensor]] | None = None
        self.steps: list[Step] = []
        self.left: list[Tensor] = []

    def run(
        self, seeds: dict[Value, Tensor], sources: list[Value], audit: list[tuple[Step, Tensor]] | None = None
    ) -> list[Tensor]:
        """Walk back from the explained values to the sources.

        Parameters
        ----------
        seeds : dict of Value to Tensor
            The weights of the explained values, one row per pair.
        sources : list of Value
            The values where the walk ends, so that their contributions are counted once.
        audit : list of (Step, Tensor), optional
            A list that collects each step and its imbalance per pair, which is the contribution that entered the step
            less what left it. By default none is worked out.

        Returns
        -------
        list of Tensor
            The multipliers of each source, one row per pair.

        Raises
        ------
        UnsupportedModel
            If a step cannot be walked back through.
        """
        reached = self.reach(seeds, sources, audit)
        return [self._nothing(value) if m is None else m for value, m in zip(sources, reached, strict=True)]

    def reach(
        self, seeds: dict[Value, Tensor], sources: list[Value], audit: list[tuple[Step, Tensor]] | None = None
    ) -> list[Tensor | None]:
        """Walk back as :meth:`run` does, and return None for each source that nothing flows back into."""
        self.audit = audit
        if audit is not None:
            self._by_pair = tf.stack([self.pairs.n * self.pairs.r, -1])
        flows: dict[Value, Flow] = {value: Flow(seed) for value, seed in seeds.items()}
        for step in reversed(self.walk):
            if step.op == "Input":
                continue
            incoming = [None if value in sources else flows.get(value) for value in step.outputs]
            if all(flow is None for flow in incoming):
                continue
            self.steps.append(step)
            outgoing = self._through(step, incoming)
            if audit is not None:
                audit.append((step, self._imbalance(step, incoming, outgoing)))
            for value, flow in outgoing.items():
                flows[value] = flows[value] + flow if value in flows else flow
        return [self.collapsed(flows[value], value) if value in flows else None for value in sources]

    def _through(self, step: Step, incoming: list) -> dict:
        try:
            with kernels.at_step(step):
                return self.rule_of(step)(step, incoming, self)
        except GenoliftError:
            raise
        except (LookupError, NotImplementedError, TypeError, ValueError) as problem:
            raise unwalked(step, problem) from problem

    def _nothing(self, value: Value):
        return tf.zeros_like(self.pairs.delta(value))

    def collapsed(self, flow: Flow, value: Value) -> Tensor:
        """Return the one multiplier that a flow amounts to where the two parts of a difference are not told apart.

        It is m⁺ where the value's difference is positive, m⁻ where it is negative, and their mean where it is zero.

        Parameters
        ----------
        flow : Flow
            What flows back into the value.
        value : Value
            The value.

        Returns
        -------
        Tensor
            The multiplier, of the value's shape with one row per pair.
        """
        if flow.half is None:
            return flow.mean
        return self.pairs.elementwise(kernels.collapse, value, flow.mean, flow.half)

    def distance(self, value: Value) -> Tensor:
        """Return the size ``|Δ|`` of a value's difference.

        Parameters
        ----------
        value : Value
            The value.

        Returns
        -------
        Tensor
            The size, of the value's shape with one row per pair.
        """
        return self.pairs.elementwise(kernels.distance, value)

    def mass(self, value: Value) -> Tensor:
        """Return the forward mass A = Δ⁺ − Δ⁻ of a value.

        After a weighted step L it is ``|L||Δ|`` of the step's inputs, and after a step that passes the parts through it
        is ``|L|A`` of them. Elsewhere it is ``|Δ|``.

        Parameters
        ----------
        value : Value
            The value.

        Returns
        -------
        Tensor
            The mass, of the value's shape with one row per pair.
        """
        if value not in self._mass:
            step = self.producer.get(value)
            mass = None if step is None or step.op == "Input" else getattr(self.rule_of(step), "mass", None)
            self._mass[value] = self.distance(value) if mass is None else mass(step, value, self)
        return self._mass[value]

    def _total(self, flow: Flow, value: Value):
        if value not in self._delta:
            self._delta[value] = self.pairs.delta(value)
        mean, delta = flow.mean, self._delta[value]
        total = tf.math.real(tf.math.conj(mean) * delta) if delta.dtype.is_complex else mean * delta
        if flow.half is not None:
            total = total + flow.half * self.mass(value)
        return tf.reduce_sum(tf.reshape(total, self._by_pair), axis=1)

    def _imbalance(self, step: Step, incoming: list, outgoing: dict):
        received = [self._total(f, v) for f, v in zip(incoming, step.outputs, strict=True) if f is not None]
        sent = [self._total(flow, value) for value, flow in outgoing.items()]
        return tf.add_n([*received, *(-total for total in sent)])


def collapsed(step: Step, flows: Flows, back: Backward) -> list[Tensor]:
    """Return one multiplier for each output of a step, None for an output that nothing flows back into."""
    pairs = zip(flows, step.outputs, strict=True)
    return [None if flow is None else back.collapsed(flow, value) for flow, value in pairs]
