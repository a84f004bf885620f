"""The explainer that holds the activations of one stage at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.operations.steps import switches
from genolift.engine.program import Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.engine.staged.stages import Cutting, Layout, Stage
from genolift.engine.target import Target
from genolift.engine.walk.explain import BySteps, Ends, Explainer, differing, refuse_switched, totals
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward
from genolift.support.errors import InputError
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass
class Begun:
    """Sequences that ran forward, with what stands between the stages.

    Parameters
    ----------
    values : dict of Value to Tensor
        What the stages read from before, the inputs included.
    n : int
        The number of sequences.
    leading : bool
        Whether every activation keeps the batch as its first axis.
    """

    values: dict[Value, Tensor]
    n: int
    leading: bool


@dataclass
class _Walk:
    """What a walk through all stages found so far."""

    flows: dict[Value, Tensor] = field(default_factory=dict)
    ends: Ends | None = None
    left: list[Tensor] = field(default_factory=list)
    audit: list[tuple[Step, Tensor]] = field(default_factory=list)

    def after(self, stage: Stage, reached: list, switched: BySteps, left: list[Tensor], audit: BySteps) -> None:
        """Add what the walk through a stage found."""
        refuse_switched(switched)
        for value, m in zip(stage.sources, reached, strict=True):
            if m is not None:
                self.flows[value] = self.flows[value] + m if value in self.flows else m
        self.left += left
        self.audit += list(audit)


class StagedExplainer(Explainer):
    """An explainer of sequences of which one pair does not fit into memory as a whole.

    Sequences and references run forward stage by stage, and only what stands between the stages is kept. On the way
    back each stage runs forward again. Where activations do not keep the batch as their first axis, it takes one pair
    at a time.

    Parameters
    ----------
    cutting : Cutting
        Where the program may be cut.
    layout : Layout
        Where it is cut.
    budget : int
        The memory that a pair may take, in bytes.
    dna : list of bool
        Whether each source is one-hot DNA.
    precision : DType
        The floating-point type to compute in, by default float32.
    """

    def __init__(self, cutting: Cutting, layout: Layout, budget: int, dna: list[bool], precision: Any = tf.float32):
        super().__init__(cutting.program, cutting.targets, cutting.propagation, dna, precision)
        self.propagation, self._cutting, self._budget = cutting.propagation, cutting, budget
        self.stages = cutting.stages(layout)
        self.tick: Callable[[int], Any] = lambda count: None
        self._graphs: dict[tuple, Callable] = {}

    def ticks(self, parts: int) -> int:
        """Return how often ``tick`` is called for a block whose references come in so many parts."""
        return (1 + parts) * (len(self.stages) - 1) + parts * len(self.targets) * len(self.stages)

    @override
    def begin(self, xs: list[np.ndarray], leading: bool) -> Begun:
        with exact_float32:
            return Begun(self._forward(self._tensors(xs)), len(xs[0]), leading)

    @override
    def __call__(
        self,
        xs: Any,
        refs: list[np.ndarray],
        shared: bool,
        leading: bool,
        small: frozenset[Value] | None = frozenset(),
    ) -> dict:
        begun = xs if isinstance(xs, Begun) else self.begin(xs, leading)
        count = len(refs[0]) if shared else refs[0].shape[1]
        if shared:
            refs = [np.broadcast_to(ref, (begun.n, *ref.shape)) for ref in refs]
        blocks = []
        with exact_float32:
            ends = self._tensors([ref.reshape(-1, *ref.shape[2:]) for ref in refs])
            values = self._forward(ends)
            for place, target in enumerate(self.targets):
                done = values if place == len(self.targets) - 1 else None
                walk = self._walked(begun, values, count, target, done=done)
                reached = [walk.flows.get(value) for value in self.program.inputs]
                reached = [tf.zeros_like(x) if m is None else m for m, x in zip(reached, ends, strict=True)]
                own = [begun.values[value] for value in self.program.inputs]
                block = self._summary(count, begun.leading)(own, ends, reached, walk.ends, walk.left)
                blocks.append(tf.nest.map_structure(lambda tensor: tensor.numpy(), block))
        return tf.nest.map_structure(lambda *arrays: np.stack(arrays, 1), *blocks)

    @override
    def in_float64(self, target: int) -> Explainer:
        if target not in self._exact:
            cutting = self._cutting
            layout = cutting.fit(self._budget / 2)
            if 2 * layout.pair_bytes > self._budget:
                raise InputError(f"a pair takes {2 * layout.pair_bytes / 1e9:.2g} GB in it")
            one = Cutting(cutting.program, self.propagation, [self.targets[target]], cutting.sizes)
            self._exact[target] = StagedExplainer(one, layout, self._budget, self.dna, tf.float64)
        return self._exact[target]

    @override
    def audit(self, xs: list[np.ndarray], refs: list[np.ndarray], target: int = 0) -> list[tuple[Step, float]]:
        begun = self.begin(xs, False)
        with exact_float32:
            values = self._forward(self._tensors([ref[:, 0] for ref in refs]))
            walk = self._walked(begun, values, 1, self.targets[target], audit=True, done=values)
        return [(step, float(imbalance[0])) for step, imbalance in walk.audit]

    # Forward

    def _forward(self, tensors: list[Tensor]) -> dict[Value, Tensor]:
        """Return what stands between the stages, from the program's inputs."""
        values = dict(zip(self.program.inputs, tensors, strict=True))
        for k, stage in enumerate(self.stages[:-1]):
            given = [values[value] for value in stage.program.inputs]
            run = self._graph(("forward", k), partial(self._forward_graph, stage.program, given))
            values.update(zip(stage.program.outputs, run(given), strict=True))
            self.tick(1)
        return values

    def _forward_graph(self, program: Program, given: list[Tensor]) -> Callable:
        def run(tensors: list[Tensor]) -> list[Tensor]:
            values = forward(program, tensors, constants(program, self.precision), self.precision)
            return [values[value] for value in program.outputs]

        return compiled(run, input_signature=[_specs(program.inputs, given)])

    # Back

    def _walked(
        self,
        begun: Begun,
        values: dict[Value, Tensor],
        r: int,
        target: Target,
        audit: bool = False,
        done: dict[Value, Tensor] | None = None,
    ) -> _Walk:
        """Walk back from a target through all stages.

        Parameters
        ----------
        begun : Begun
            The sequences.
        values : dict of Value to Tensor
            What stands between the stages for their references, one row per pair.
        r : int
            The number of references of each sequence.
        target : Target
            What is explained.
        audit : bool
            Whether each step's imbalance is wanted. By default it is not.
        done : dict of Value to Tensor, optional
            Where values are taken out of which no stage needs any more. By default they stay.
        """
        walk, last = _Walk(), len(self.stages) - 1
        for k in range(last, -1, -1):
            stage = self.stages[k]
            given = [[side[value] for value in stage.program.inputs] for side in (begun.values, values)]
            seeds = [value for value in stage.program.outputs if value in walk.flows]
            flows = [walk.flows.pop(value) for value in seeds]
            of_target = target if k == last else None
            key = ("back", k, tuple(seeds), begun.leading, audit, of_target and of_target.kind)
            numbers = [tf.convert_to_tensor(number) for number in target.numbers] if of_target else []

            make = partial(self._back_graph, stage, given, seeds, of_target, begun.leading, audit)
            found = self._graph(key, make)(*given, flows, numbers, begun.n, r)
            walk.ends = found["ends"] if of_target else walk.ends
            walk.after(stage, found["reached"], found["switched"], found["left"], found["audit"])
            del given, flows, found, make
            if done is not None:
                left = {value for earlier in self.stages[:k] for value in earlier.program.inputs}
                for value in set(stage.program.inputs) - left - set(self.program.inputs):
                    done.pop(value, None)
            self.tick(1)
        return walk

    def _back_graph(
        self,
        stage: Stage,
        given: list[list[Tensor]],
        seeds: list[Value],
        target: Target | None,
        leading: bool,
        audit: bool,
    ) -> Callable:
        """Return the walk back through a stage as a graph; the last stage is that of the target."""

        def run(xs, refs, flows, numbers, n, r) -> dict:
            pairs = Pairs.within(stage.program, xs, refs, n, r, leading, self.precision)
            weights = dict(zip(seeds, flows, strict=True))
            found: dict[str, Any] = {}
            if target is not None:
                own = target.with_numbers(numbers).seeds(pairs.x)
                found["ends"] = totals(pairs, own)
                weights.update({v: weights[v] + seed if v in weights else seed for v, seed in own.items()})
            back = Backward(pairs, stage.walk, self.propagation.rule_of, self.propagation.reveals)
            audited: list[tuple[Step, Tensor]] | None = [] if audit else None
            found["reached"] = back.reach(weights, stage.sources, audited)
            switched = {step: by for step in back.steps if (by := switches(step))}
            found["switched"] = BySteps(tuple(switched), differing(pairs, switched))
            found["left"] = back.left
            found["audit"] = BySteps(tuple(s for s, _ in audited or ()), tuple(one for _, one in audited or ()))
            return found

        specs = [_specs(stage.program.inputs, side) for side in given]
        of_numbers = [tf.TensorSpec(np.shape(number), number.dtype) for number in (target.numbers if target else [])]
        number = tf.TensorSpec([], tf.int32)
        of_flows = [tf.TensorSpec(value.shape, self._type(value)) for value in seeds]
        return compiled(run, input_signature=[*specs, of_flows, of_numbers, number, number])

    def _summary(self, r: int, leading: bool) -> Callable:
        """Return the graph that keeps of a walk what is kept of every explanation."""
        program = replace(self.program, steps=[value.step for value in self.program.inputs], outputs=[])

        def make() -> Callable:
            def run(xs, refs, reached, ends, left) -> dict:
                pairs = Pairs.within(program, xs, refs, tf.shape(xs[0])[0], r, leading, self.precision)
                return self.summarised(pairs, reached, ends, left)

            return compiled(run, reduce_retracing=True)

        return self._graph(("summary", r, leading), make)

    def _type(self, value: Value) -> Any:
        kind = tf.as_dtype(value.dtype)
        return self.precision if kind.is_floating else kind

    def _graph(self, key: tuple, make: Callable[[], Callable]) -> Callable:
        if key not in self._graphs:
            self._graphs[key] = make()
        return self._graphs[key]


def _specs(values: list[Value], tensors: list[Tensor]) -> list:
    """Return what a graph takes for values, for any number of rows."""
    shapes = [
        tensor.shape if value.shape is None else value.shape for value, tensor in zip(values, tensors, strict=True)
    ]
    return [tf.TensorSpec(shape, tensor.dtype) for shape, tensor in zip(shapes, tensors, strict=True)]
