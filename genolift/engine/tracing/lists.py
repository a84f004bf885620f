"""The rewriting of lists of tensors as dense tensors whose first axis is time, and of ``While`` operations as loops."""

from __future__ import annotations

from dataclasses import dataclass

from genolift.engine.operations.implementations import grows
from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value
from genolift.engine.tracing.loops import Carried, WhileLoop, WrittenList
from genolift.support.errors import UnsupportedModel


@dataclass(eq=False)
class _Reserved:
    """A list that is still empty, of which only the number of elements is known."""

    length: Value


def open_lists(program: Program) -> Program:
    """Return a recorded program without lists of tensors, in the bodies of loops too. The program given is changed."""
    _Rewriter(program, {}).rewrite()
    return program.pruned()


class _Rewriter:
    """A rewriter of one program.

    Parameters
    ----------
    program : Program
        The program, which is changed in place.
    lists : dict
        The dense tensor (or the number of elements) that each list stands for. It takes up the lists of the program.
    """

    def __init__(self, program: Program, lists: dict[Value, Value | _Reserved]):
        self.program = program
        self.lists = lists
        self.same: dict[Value, Value] = {}  # Values that are replaced by others.

    def rewrite(self) -> None:
        """Rewrite every step of the program."""
        steps: list[Step] = []
        for step in self.program.steps:
            step.inputs = [self.same.get(value, value) for value in step.inputs]
            steps.extend(self._step(step))
        self.program.steps = steps
        self.program.outputs = [self._meant(value) for value in self.program.outputs]

    def _meant(self, value: Value) -> Value:
        """Return the value that takes the place of a value or of a list."""
        value = self.same.get(value, value)
        listed = self.lists.get(value)
        return listed if isinstance(listed, Value) else value

    def _step(self, step: Step) -> list[Step]:
        """Return the step rewritten, or no step where nothing is left to do."""
        if step.op == "TensorListFromTensor":
            self.lists[step.output] = step.inputs[0]
            return []
        if step.op == "TensorListReserve":
            self.lists[step.output] = _Reserved(step.inputs[1])
            return []
        if operation(step.op).control == "while":
            return [self._loop(step)]
        if not step.op.startswith("TensorList") and all(self._meant(v) is v for v in step.inputs):
            return [step]
        dense = self.lists.get(step.inputs[0])
        if step.op == "TensorListSetItem" and dense is not None and step.inputs[2] not in self.lists:
            item, written = step.inputs[2], step.output
            step.inputs = [dense.length if isinstance(dense, _Reserved) else dense, *step.inputs[1:3]]
            written.shape, written.dtype = None if item.shape is None else (None, *item.shape), item.dtype
            self.lists[written] = written
            return [step]
        if isinstance(dense, Value):
            if step.op == "TensorListStack":
                self.same[step.output] = dense
                dense.shape = _merged(dense.shape, step.output.shape)
                return []
            if step.op in ("TensorListGetItem", "TensorListLength"):
                step.inputs = [dense, *step.inputs[1:2]]
                return [step]
        raise _refusal(step, f"uses a list of tensors by {step.op}")

    def _loop(self, step: Step) -> Step:
        """Return the ``Loop`` step of a ``While`` operation."""
        condition, body = step.payload
        loop = WhileLoop(body, condition)
        lists: dict[Value, Value | _Reserved] = {}
        inputs: list[Value] = []
        outputs: list[tuple[Value, Carried]] = []
        written: list[tuple[Value, Step]] = []
        for place, (given, before, after) in enumerate(zip(step.inputs, body.inputs, body.outputs, strict=True)):
            outside = step.outputs[place]
            if given.dtype == "resource":
                continue
            listed = self.lists.get(given)
            both = listed if isinstance(listed, Value) and before is not after else None
            if both is not None:
                # The body reads this list and also writes it, so it carries the list along like any other tensor.
                before.shape, before.dtype = outside.shape, outside.dtype = both.shape, both.dtype
                lists[before], self.lists[outside] = before, outside
                given = both
            if listed is None or both is not None:
                inputs.append(given)
                if before is after:
                    loop.fixed.append((len(inputs) - 1, before))
                    self.same[outside] = given
                else:
                    carried = Carried(len(inputs) - 1, before, after)
                    loop.carried.append(carried)
                    outputs.append((outside, carried))
                loop.tested.append((condition.inputs[place], before))
            elif before is after:
                self.lists[outside] = listed
                if isinstance(listed, Value):
                    inputs.append(listed)
                    loop.fixed.append((len(inputs) - 1, before))
                    loop.tested.append((condition.inputs[place], before))
                    before.shape, before.dtype = listed.shape, listed.dtype
                    lists[before] = before
            elif isinstance(listed, _Reserved):
                written.append((outside, self._write(step, before, after, body)))
                inputs.append(listed.length)
                write = after.step
                loop.written.append(WrittenList(len(inputs) - 1, write.inputs[2], write.inputs[1], grows(write)))
        writes = {write for _, write in written}
        body.steps = [inner for inner in body.steps if inner not in writes]
        ends = [carried.after for carried in loop.carried]
        body.inputs = [carried.before for carried in loop.carried] + [value for _, value in loop.fixed]
        body.outputs = ends + [w.item for w in loop.written] + [w.index for w in loop.written]
        self._inside(loop, body, lists)
        condition.inputs = [value for value, _ in loop.tested]
        loop.condition = condition.pruned()
        result = Step("Loop", step.name, inputs, layers=step.layers, payload=loop)
        for outside, carried in outputs:
            self._attach(result, outside)
            outside.shape = carried.before.shape
        for (outside, _), w in zip(written, loop.written, strict=True):
            shape = None if w.item.shape is None else (None, *w.item.shape)
            result.outputs.append(Value(result, len(result.outputs), shape, w.item.dtype))
            self.lists[outside] = result.outputs[-1]
        return result

    @staticmethod
    def _attach(step: Step, value: Value) -> None:
        """Make a value the next output of a step."""
        value.step, value.slot = step, len(step.outputs)
        step.outputs.append(value)

    @staticmethod
    def _inside(loop: WhileLoop, body: Program, lists: dict[Value, Value | _Reserved]) -> None:
        """Rewrite the lists and loops of a loop's body, and what the loop refers to accordingly."""
        inner = _Rewriter(body, lists)
        inner.rewrite()
        for carried in loop.carried:
            carried.after = inner._meant(carried.after)
        for w in loop.written:
            w.item, w.index = inner._meant(w.item), inner._meant(w.index)
        if any(value.dtype == "variant" for value in body.outputs):
            raise _refusal(body.outputs[0].step, "carries a list of tensors from turn to turn")
        loop.body = body.pruned()

    @staticmethod
    def _write(step: Step, before: Value, after: Value, body: Program) -> Step:
        """Return the one step that writes to a list which was empty before the loop."""
        write = after.step
        readers = [inner for inner in body.steps if before in inner.inputs]
        if write.op != "TensorListSetItem" or write.inputs[0] is not before or readers != [write]:
            raise _refusal(step, "reads an empty list of tensors that it also writes, or writes it twice a turn")
        return write


def _merged(left: tuple[int | None, ...] | None, right: tuple[int | None, ...] | None) -> tuple[int | None, ...] | None:
    """Return a shape with the sizes that are known in one of two shapes."""
    if left is None or right is None or len(left) != len(right):
        return right if left is None else left
    return tuple(b if a is None else a for a, b in zip(left, right, strict=True))


def _refusal(step: Step, what: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"{step.where} {what}, which cannot be explained yet; write the loop so that each turn reads its input lists "
        "and writes each output list once"
    )
