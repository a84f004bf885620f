"""In-silico mutagenesis that runs again only what a substitution reaches, as fastISM does (Nair et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.target import Target, for_each
from genolift.engine.windows import actions, carry, windowed
from genolift.engine.windows.actions import Action
from genolift.engine.windows.mutants import Mutants, Window
from genolift.engine.windows.reach import Facts, Reach, RowLayout
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

_SHARES = (0.5, 0.7, 0.9, 1.1)
# The cost of reading or writing one number, in floating-point operations of a matrix product.
_TOUCH = 30
# The estimates are rough, so windows are used only if they promise to cost less than this share.
_PAYS = 0.8
# The number of steps whose tensors are in memory at the same time.
_ALIVE = 3


@dataclass
class Route:
    """How a program is run on mutants.

    Parameters
    ----------
    layout : RowLayout
        Where the changed rows of its values lie.
    steps : list of (Step, Action or None)
        The steps to run, each with its action on windows. Steps without an action are run on whole sequences.
    cost, plain : float
        Estimates of the work for a mutant, by this route and by running everything again, in floating-point operations.
    numbers : int
        How many numbers the largest step holds for a mutant.
    """

    layout: RowLayout
    steps: list[tuple[Step, Action | None]]
    cost: float
    plain: float
    numbers: int


class Mutation:
    """An evaluator of targets at mutants of sequences of given shapes.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are evaluated.
    shapes : list of tuple of int
        The shapes of the inputs without the batch.
    place : int
        The place of the input that is substituted in, among the program's inputs.
    leading : collection of Value
        The values that have the sequences' rows in front, see :class:`~genolift.engine.running.probe.Probe`.
    shares : sequence of float
        Shares of the length to choose from. Windows that cover this share are given up for whole sequences. The share
        is used that promises the least work.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        shapes: list[tuple[int, ...]],
        place: int,
        leading: Container[Value],
        shares: Sequence[float] = _SHARES,
    ):
        values = list(dict.fromkeys(value for target in targets for value in target.values))
        self.program = replace(program, outputs=values).pruned()
        self.targets, self.place, self.leading = targets, place, leading
        facts = Facts(self.program, shapes)
        routes = [route_of(self.program, program.inputs[place], facts, share) for share in shares]
        self.route = min(routes, key=lambda route: route.cost)
        self._shapes = shapes
        self._compiled: dict[int, Callable] = {}

    @property
    def pays(self) -> bool:
        """Whether this is less work than running everything again."""
        return self.route.cost < _PAYS * self.route.plain

    @property
    def mutant_bytes(self) -> int:
        """The memory in bytes that a mutant takes while it is computed."""
        return 4 * _ALIVE * self.route.numbers

    def values(
        self, xs: list[np.ndarray], sequences: np.ndarray, positions: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """Return the targets of mutants that have B letters in turn at each of Q positions.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequences (n, ...) for each input.
        sequences, positions : np.ndarray
            Which sequence is substituted, and at which position, (Q,).
        rows : np.ndarray
            What is put there, (Q, B, channels), such as one-hot letters.

        Returns
        -------
        np.ndarray
            The T targets of each mutant, (Q, B, T).
        """
        with exact_float32:
            values = self._function(*rows.shape[1:])(
                [tf.constant(x, tf.float32) for x in xs],
                tf.constant(sequences, tf.int32),
                tf.constant(positions, tf.int32),
                tf.constant(rows, tf.float32),
            )
        return values.numpy()

    def _function(self, letters: int, channels: int) -> Callable:
        """Return the compiled function, one for each number of letters and any number of sequences and positions."""
        if letters not in self._compiled:
            numbers = tf.TensorSpec([None], tf.int32)
            inputs = [tf.TensorSpec([None, *shape], tf.float32) for shape in self._shapes]
            signature = [inputs, numbers, numbers, tf.TensorSpec([None, letters, channels], tf.float32)]
            self._compiled[letters] = compiled(self._values, input_signature=signature)
        return self._compiled[letters]

    def _values(self, xs, sequences, positions, rows):
        letters = rows.shape[1]
        mutants = Mutants(self.program, self.route.layout, self.leading, xs, sequences, positions, letters)
        source = self.program.inputs[self.place]
        there = tf.gather_nd(xs[self.place], tf.stack([sequences, positions], axis=1))
        change = tf.reshape(rows - there[:, tf.newaxis], [-1, 1, rows.shape[2]])
        mutants.windows[source] = Window(change, clean=True)
        for step, action in self.route.steps:
            if action is not None:
                windowed.run(action, mutants)
            else:
                mutants.wholes.update(zip(step.outputs, mutants.run(step), strict=True))
        for value in self.program.outputs:
            if value in mutants.windows:
                mutants.delta(value)  # What is first made for one target cannot be read for another.
        totals = for_each(self.targets, lambda target: self._total(target, mutants))
        return tf.reshape(totals, [-1, letters, len(self.targets)])

    def _total(self, target: Target, mutants: Mutants):
        """Return the target of each mutant, (M,). Its weights are those of the sequence."""
        total = tf.zeros([mutants.count])
        for value, seed in target.seeds(mutants.at_x.__getitem__).items():
            if value in mutants.wholes:
                own = mutants.by_mutant(tf.gather(seed, mutants.sequences)) * mutants.wholes[value]
                total += tf.reduce_sum(tf.reshape(own, [mutants.count, -1]), 1)
                continue
            at_x = tf.reduce_sum(tf.reshape(seed * mutants.at_x[value], [mutants.n, -1]), 1)
            total += mutants.by_mutant(tf.gather(at_x, mutants.sequences))
            if value in mutants.windows:
                total += windowed.changes(value, seed, mutants)
        return total


def route_of(program: Program, source: Value, facts: Facts, share: float) -> Route:
    """Return the route that follows windows until they cover a share of the length, and whole sequences after that.

    Parameters
    ----------
    program : Program
        The traced model, without steps that no target needs.
    source : Value
        The input that is substituted in.
    facts : Facts
        The shapes and integers of the program's values.
    share : float
        The share of the length.
    """
    layout = RowLayout(facts)
    length = facts.shapes[source][1]
    layout.reaches[source] = Reach(1, length, np.arange(length), 1)
    readers = program.readers
    whole: set[Value] = set()
    expanded: set[Value] = set()
    steps: list[tuple[Step, Action | None]] = []
    cost = plain = 0.0
    numbers = 0
    for step in program.steps:
        if step.dependence >= Dependence.DISCRETE and step.op != "Input":
            plain += _work(step, facts)
        changed = [value for value in step.inputs if value in layout.reaches or value in whole]
        if step.dependence < Dependence.DISCRETE or not changed:
            continue
        action = None
        if not whole.intersection(changed):
            action = _action(step, layout, share)
        if action is None:
            # A window that is read as a whole sequence is put together with the sequence once.
            fresh = {value for value in changed if value in layout.reaches} - expanded
            expanded |= fresh
            cost += _work(step, facts) + sum(2 * _TOUCH * facts.elements(value) for value in fresh)
            numbers = max(numbers, sum(facts.elements(value) for value in {*changed, *step.outputs}))
            whole.update(step.outputs)
            steps.append((step, None))
            continue
        if isinstance(action, actions.Rowwise):
            action.alone = len(readers.get(action.step.output, [])) == 1 and action.step.output not in program.outputs
        cost += _work_of(action, layout)
        for value, reach in zip(action.step.outputs, action.reaches, strict=False):
            if reach is None:
                whole.add(value)
            else:
                layout.reaches[value] = reach
        numbers = max(numbers, _held(action, layout))
        steps.append((action.step, action))
    return Route(layout, steps, cost, plain, numbers)


def _action(step: Step, layout: RowLayout, share: float) -> Action | None:
    action = carry.action_for(step, layout)
    short = action is not None and all(r is None or r.width < share * r.length for r in action.reaches)
    return action if short else None


def _held(action: Action, layout: RowLayout) -> int:
    """Return how many numbers an action reads, makes in between and returns for one mutant."""
    step, facts = action.step, layout.facts
    held = sum(_window(v, layout.reaches[v], facts) for v in {*step.inputs, *step.outputs} if v in layout.reaches)
    if isinstance(action, actions.Products):
        rows = layout.reaches[step.inputs[0]].width
        held += rows * action.slide.taps * facts.shapes[action.kernel][-1]
    return held


def _window(value: Value, reach: Reach, facts: Facts) -> int:
    return reach.width * int(np.prod(facts.shapes[value][reach.axis + 1 :]))


def _work(step: Step, facts: Facts) -> float:
    """Return the work of a step on one whole sequence."""
    known = operation(step.op)
    if known.view in ("reshape", "unit-axes") or step.op == "Input" or not step.outputs:
        return 0.0
    if step.outputs[0] not in facts.shapes:
        return 0.0
    numbers = facts.elements(step.outputs[0])
    if known.window == "convolution":
        return numbers * (2.0 * _terms(step, facts) + _TOUCH)
    if known.window in ("matmul", "batch-matmul", "einsum"):
        return numbers * (2.0 * facts.shapes[step.inputs[0]][-1] + _TOUCH)
    return float(_TOUCH * max(numbers, facts.elements(step.inputs[0]) if step.inputs else 0))


def _terms(step: Step, facts: Facts) -> int:
    """Return how many products are summed for one number of a convolution."""
    kernel = facts.shapes[step.inputs[1]]
    return int(np.prod(kernel[: 3 if step.op == "Conv2D" else 2]))


def _work_of(action: Action, layout: RowLayout) -> float:
    """Return the work of an action for one mutant, including the gathering of activations and taking of differences."""
    facts, step = layout.facts, action.step
    if isinstance(action, actions.View):
        return 0.0
    if isinstance(action, actions.Products):
        rows = layout.reaches[step.inputs[0]].width
        taps, channels, filters = action.slide.taps, *facts.shapes[action.kernel][-2:]
        out = _window(step.output, action.reach, facts)
        return rows * taps * filters * (2.0 * channels + 2 * _TOUCH) + 2 * _TOUCH * out
    changed = [value for value in dict.fromkeys(step.inputs) if value in layout.reaches]
    read = sum(_window(value, layout.reaches[value], facts) for value in changed)
    if isinstance(action, actions.Contraction):
        return read * 2.0 * facts.shapes[action.kernel][1]
    reach = action.reaches[0]
    if reach is None:
        return float(2 * _TOUCH * read)
    share = reach.width / reach.length
    return share * _work(step, facts) + 2 * _TOUCH * (read + _window(step.output, reach, facts))
