"""Where a program is cut into stages, so that the activations of only one of them are in memory at a time.

Between two stages stand a few values: those which the steps behind the cut read. They are kept for the sequence and for
its reference. What a stage computes inside is computed again when the walk comes back to it, as Chen et al. (2016,
"Training deep nets with sublinear memory cost") do for gradients.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from genolift.engine.operations.steps import kind_of, switches
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.target import Target
from genolift.engine.walk.multipliers import Propagation

# The largest share of the budget by which the next limit of a stage is smaller than the one before.
_FINER = 0.85
# The working space of a stage, in tensors of the size of its widest activation with one row for the sequence, one for
# the reference and one for what flows back.
_SPARE = 6


@dataclass(frozen=True)
class Stage:
    """A part of a program and of the walk back through it.

    Parameters
    ----------
    program : Program
        The steps of the stage. Its inputs are the values that it reads from earlier stages, its outputs those that
        later stages read.
    walk : list of Step
        The steps to walk back through, in running order.
    """

    program: Program
    walk: list[Step]

    @property
    def sources(self) -> list[Value]:
        """The inputs that importance flows back to."""
        return [value for value in self.program.inputs if value.active]


@dataclass(frozen=True)
class Layout:
    """Where a program is cut, and what a pair then needs.

    Parameters
    ----------
    cuts : tuple of int
        The places in the walk before which a stage begins, without the first.
    kept : int
        The size of what stands between the stages for one side of a pair, in bytes.
    working : int
        The most that a stage takes for one pair, in bytes.
    """

    cuts: tuple[int, ...]
    kept: int
    working: int

    @property
    def pair_bytes(self) -> int:
        """How much memory one pair of a sequence and a reference takes, in bytes."""
        return 2 * self.kept + self.working


class Cutting:
    """The places where a program may be cut, and what each choice of them needs.

    Parameters
    ----------
    program : Program
        The program.
    propagation : Propagation
        The walk, whose sources are the program's inputs.
    targets : list of Target
        What is explained.
    sizes : dict of Value to int
        The size of one row of each activation, in bytes.
    """

    def __init__(self, program: Program, propagation: Propagation, targets: list[Target], sizes: dict[Value, int]):
        self.program, self.propagation, self.targets = program, propagation, targets
        self.walk = propagation.walk
        self.sizes = sizes
        self._place = {value: i for i, step in enumerate(self.walk) for value in step.outputs}
        self._at = {step: i for i, step in enumerate(self.walk)}

    def fit(self, budget: float) -> Layout:
        """Return the fewest stages of which a pair takes no more than a budget, or else those that take least.

        Parameters
        ----------
        budget : float
            The budget in bytes.
        """
        limit = self._cost(0, len(self.walk))
        smallest = max(self._inside)
        best: Layout | None = None
        while True:
            layout = self._cut(limit)
            if best is None or layout.pair_bytes < best.pair_bytes:
                best = layout
            if layout.pair_bytes <= budget or limit < smallest:
                return best
            limit *= _FINER

    def stages(self, layout: Layout) -> list[Stage]:
        """Return the stages of a layout, in running order."""
        bounds = [0, *layout.cuts, len(self.walk)]
        place = self._stage_of_steps(layout)
        ends = {value for target in self.targets for value in target.values}
        steps: list[list[Step]] = [[] for _ in bounds[1:]]
        for step, stage in place.items():
            steps[stage].append(step)
        reads: list[dict[Value, None]] = []
        for stage, (low, high) in enumerate(pairwise(bounds)):
            read = dict.fromkeys(value for step in steps[stage] for value in step.inputs)
            for step in self.walk[low:high]:
                read.update(dict.fromkeys((*step.inputs, *step.outputs)))
            if stage == len(bounds) - 2:
                read.update(dict.fromkeys(ends))
            reads.append({value: None for value in read if value.dependence != Dependence.CONSTANT})
        made = []
        for stage, (low, high) in enumerate(pairwise(bounds)):
            before = [value for value in reads[stage] if place[value.step] < stage or value.step.op == "Input"]
            later = {value for one in reads[stage + 1 :] for value in one}
            after = [value for step in steps[stage] for value in step.outputs if value in later]
            known = self._constants([*steps[stage], *self.walk[low:high]])
            walk = [step for step in self.walk[low:high] if step.op != "Input"]
            program = replace(self.program, steps=[*known, *steps[stage]], inputs=before, outputs=after)
            made.append(Stage(program, walk))
        return made

    def _constants(self, steps: list[Step]) -> list[Step]:
        """Return the steps that compute the constants which some steps read, in running order."""
        pending, needed = [value for step in steps for value in step.inputs], set()
        while pending:
            step = pending.pop().step
            if step.dependence == Dependence.CONSTANT and step not in needed:
                needed.add(step)
                pending.extend(step.inputs)
        return [step for step in self.program.steps if step in needed]

    def _stage_of_steps(self, layout: Layout) -> dict[Step, int]:
        """Return in which stage each step runs that depends on the input and is needed, in running order.

        A step of the walk runs in the stage of its walk. What only an elementwise region reads runs with the region.
        Sizes and comparisons run as early as they can, so that no large tensor is kept for them.
        """
        last = len(layout.cuts)
        needed: set[Step] = set()
        pending = [value for target in self.targets for value in target.values]
        pending += [value for step in self.walk for value in (*step.outputs, *switches(step))]
        while pending:
            step = pending.pop().step
            if step not in needed and step.dependence != Dependence.CONSTANT:
                needed.add(step)
                pending.extend(step.inputs)
        running = [step for step in self.program.steps if step in needed]
        place: dict[Step, int] = {}
        walked = {value.step: bisect_right(layout.cuts, i) for value, i in self._place.items()}
        for step in reversed(running):
            if step.op == "Input":
                place[step] = 0
            elif step in walked:
                place[step] = min(walked[step], place.get(step, last))
            else:
                place.setdefault(step, last)
            if step.dependence == Dependence.ACTIVE:
                for value in step.inputs:
                    place[value.step] = min(place.get(value.step, last), place[step])
        for step in running:  # What is not active goes to where its inputs are.
            before = [place[value.step] for value in step.inputs if value.step in needed]
            if step.dependence != Dependence.ACTIVE and step.op != "Input":
                place[step] = min(place[step], max(before, default=0))
        for step in reversed(running):
            for value in step.inputs:
                if value.step in needed:
                    place[value.step] = min(place[value.step], place[step])
        return {step: place[step] for step in running}

    # What a choice of cuts needs

    def _cut(self, limit: float) -> Layout:
        """Return a layout whose stages take at most so many bytes, or as few as one step takes."""
        cuts: list[int] = []
        start, count = 0, len(self.walk)
        while self._cost(start, count) > limit:
            end = start + 1
            while end < count and self._cost(start, end + 1) <= limit:
                end += 1
            allowed = [p for p in range(start + 1, end + 1) if self._live[p] is not None and p < count]
            while not allowed and end < count - 1:  # The next place where a cut may be.
                end += 1
                allowed = [end] if self._live[end] is not None else []
            if not allowed:
                break
            late = [p for p in allowed if p >= (start + end) / 2] or allowed
            start = min(late, key=lambda p: (self._live_bytes(p), -p))
            cuts.append(start)
        between = {value for p in cuts for value in (self._live[p] or ())}
        kept = sum(self.sizes.get(value, 0) for value in between)
        bounds = [0, *cuts, count]
        stages = [
            self._cost(low, high) + (self._live_bytes(high) if high < count else 0) for low, high in pairwise(bounds)
        ]
        return Layout(tuple(cuts), kept, int(max(stages)))

    def _cost(self, low: int, high: int) -> float:
        """Return what the steps of a stage take, on both sides and on the way back."""
        if low >= high:
            return 0.0
        return 2 * (self._held[high] - self._held[low]) + _SPARE * max(self._inside[low:high])

    @cached_property
    def _inside(self) -> list[int]:
        """The size of the widest value of each step."""
        return [
            max((self.sizes.get(value, 0) for value in (*step.inputs, *step.outputs)), default=0) for step in self.walk
        ]

    @cached_property
    def _held(self) -> list[int]:
        """The sizes of the values that rules compare, summed over the steps before each place."""
        compared = self.propagation.compared
        made = [sum(self.sizes.get(v, 0) for v in step.outputs if v in compared) for step in self.walk]
        return [0, *accumulate(made)]

    @cached_property
    def _live(self) -> list[set[Value] | None]:
        """The values that stand between the steps before and behind each place, None where no cut may be."""
        last: dict[Value, int] = {}
        for i, step in enumerate(self.walk):
            for value in step.inputs:
                if value in self._place:
                    last[value] = i
        for target in self.targets:
            last.update((value, len(self.walk)) for value in target.values if value in self._place)
        live: list[set[Value] | None] = []
        now: set[Value] = set()
        for i in range(len(self.walk) + 1):
            live.append(set(now))
            if i < len(self.walk):
                now |= {value for value in self.walk[i].outputs if last.get(value, -1) > i}
                now -= {value for value in now if last[value] <= i}
        for i in self._forbidden():
            live[i] = None
        return live

    def _live_bytes(self, place: int) -> int:
        return sum(self.sizes.get(value, 0) for value in self._live[place] or ())

    def _forbidden(self) -> set[int]:
        """Return the places between a nonlinearity under RevealCancel and the layers that mix before it.

        On this way the two parts of a difference have a multiplier each, and the forward masses are followed.
        """
        forbidden: set[int] = set()
        for i, step in enumerate(self.walk):
            if not (step.body and self.propagation.reveals(step)):
                continue
            first, pending, seen = i, [step.inputs[0]], set[Value]()
            while pending:
                value = pending.pop()
                before = self._place.get(value)
                if before is None or value in seen or value in self.propagation.sources:
                    continue
                seen.add(value)
                maker = self.walk[before]
                rule: Any = self.propagation.rule_of(maker)
                if getattr(rule, "mass", None) is None:
                    continue
                first = min(first, before)
                if kind_of(maker) != "weighted":
                    pending.extend(maker.active_inputs)
            forbidden |= set(range(first + 1, i + 1))
        return forbidden
