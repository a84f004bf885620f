"""The walk back: rules carry multipliers from the explained output to the inputs, one step at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
    """What flows back into a value: the multipliers of the positive and negative part of its difference.

    They are carried as their mean and half their difference (m⁺ = mean + half, m⁻ = mean − half); with the forward
    mass A = Δ⁺ − Δ⁻ the contribution is mean·Δ + half·A. ``half`` is None where both parts have one multiplier.
    """

    mean: object
    half: object = None

    def __add__(self, other: Flow) -> Flow:
        halves = [flow.half for flow in (self, other) if flow.half is not None]
        half = None if not halves else halves[0] if len(halves) == 1 else halves[0] + halves[1]
        return Flow(self.mean + other.mean, half)


Rule = Callable[[Step, list, "Backward"], dict]


def every_step(walk: list[Step]) -> Iterator[Step]:
    """Yield the steps of a walk, and after each loop those inside it."""
    for step in walk:
        yield step
        if step.op == "Loop":
            yield from every_step(step.payload.walk)


def compared(walk: list[Step], reveals: Callable[[Step], bool]) -> set[Value]:
    """Return the values that rules look at pair by pair; linear steps need no more than the shape of theirs."""
    parts = any(step.body and reveals(step) for step in walk)
    found: set[Value] = set()
    for step in walk:
        found.update(switches(step))
        if step.op == "Loop":
            found.update(step.payload.active_values)
            found.update(value for value in (*step.inputs, *step.outputs) if parts and value.active)
        elif parts or step.op == "Input" or kind_of(step) not in ("passing", "weighted"):
            found.update(value for value in (*step.inputs, *step.outputs) if value.active)
    return found


def held(walk: list[Step], reveals: Callable[[Step], bool]) -> Counter[Value]:
    """Return how many copies of each value, one row per pair, wait in memory until the walk comes back to them."""
    parts = any(step.body and reveals(step) for step in walk)
    found: Counter[Value] = Counter()
    for step in walk:
        kind = kind_of(step)
        if parts:  # masses run along every step
            found.update(value for value in step.outputs if value.active)
        elif kind == "unary":
            found[step.inputs[0]] += 1
        elif kind == "sort":
            found[step.inputs[0]] += 2 * Sort.turns(step.inputs[0].shape[-1])
        elif kind not in ("passing", "weighted"):
            found.update(2 * [value for value in (*step.inputs, *step.outputs) if value.active])
    return found


class Backward:
    """One walk back over the pairs under a set of rules.

    ``rule_of`` gives each step's rule; ``reveals`` tells of a nonlinearity whether the positive and negative parts of
    its difference are told apart there (RevealCancel). After a run ``steps`` are those that something flowed back
    through, and ``left`` is what each local integral among them did not account for, as a share of what it hands on.
    """

    def __init__(
        self, pairs: Pairs, walk: list[Step], rule_of: Callable[[Step], Rule], reveals: Callable[[Step], bool]
    ):
        self.pairs, self.walk, self.rule_of, self.reveals = pairs, walk, rule_of, reveals
        self.producer = {value: step for step in walk for value in step.outputs}
        self._mass: dict[Value, object] = {}
        self._delta: dict[Value, object] = {}
        self._by_pair = None  # for the audit: one row per pair, all else summed
        self.audit: list | None = None
        self.steps: list[Step] = []
        self.left: list[Tensor] = []

    def run(
        self, seeds: dict[Value, Tensor], sources: list[Value], audit: list[tuple[Step, Tensor]] | None = None
    ) -> list[Tensor]:
        """Return the multipliers of each of ``sources``, one row per pair, for ``seeds`` at the explained values.

        What reaches a source ends there, so that its contribution is counted once. ``audit`` collects (step,
        imbalance per pair): the contribution that entered the step less what left it.
        """
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
        return [self.collapsed(flows[value], value) if value in flows else self._nothing(value) for value in sources]

    def _through(self, step: Step, incoming: list) -> dict:
        try:
            return self.rule_of(step)(step, incoming, self)
        except GenoliftError:
            raise
        except (LookupError, NotImplementedError, TypeError, ValueError) as problem:
            raise unwalked(step, problem) from problem

    def _nothing(self, value: Value):
        return tf.zeros_like(self.pairs.delta(value))

    def collapsed(self, flow: Flow, value: Value) -> Tensor:
        """Return one multiplier again, where the two parts of a difference are the difference itself and nothing."""
        if flow.half is None:
            return flow.mean
        pairs = self.pairs
        parts = [pairs.pair_side(flow.mean), pairs.pair_side(flow.half)]
        return pairs.flat(kernels.collapse(*parts, pairs.ref_side(value), pairs.x_side(value)), value)

    def distance(self, value: Value) -> Tensor:
        """Return |Δ|, one row per pair."""
        pairs = self.pairs
        return pairs.flat(kernels.distance(pairs.ref_side(value), pairs.x_side(value)), value)

    def mass(self, value: Value) -> Tensor:
        """Return A = Δ⁺ − Δ⁻ of a value, one row per pair (design: |L||Δ| after a weighted step, |L|A after a passing one)."""
        if value not in self._mass:
            step = self.producer.get(value)
            inner = step is not None and step.op != "Input"
            rule = getattr(self.rule_of(step), "mass", None) if inner else None
            self._mass[value] = self.distance(value) if rule is None else rule(step, value, self)
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


def collapsed(step: Step, flows: list[Flow | None], back: Backward) -> list[Tensor | None]:
    """Return one multiplier for each output of a step, None where nothing flows back."""
    pairs = zip(flows, step.outputs, strict=True)
    return [None if flow is None else back.collapsed(flow, value) for flow, value in pairs]
