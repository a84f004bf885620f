"""Sequences that are coded as integers (tokens), which become one-hot so that importance can flow to them.

A look-up in an embedding becomes a product with the one-hot that a token stands for, and the program has that one-hot
as its input. Other uses of the tokens (masks, positions) read the tokens back from the one-hot. The sequence and its
reference therefore have tokens of their own, and whatever these switch is compared for each pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genolift.engine.operations.emit import emit
from genolift.engine.operations.native import at_precision
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value, ancestors
from genolift.engine.tracing.nodes import new_node
from genolift.engine.tracing.static import static_value
from genolift.engine.tracing.trace import mark_dependence
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(eq=False)
class Lookup:
    """A look-up of tokens in a table.

    Parameters
    ----------
    tokens : Value
        The tokens, an input of the program.
    step : Step
        The step that gathers rows of the table.
    body : list of Step
        The elementwise steps between the tokens and the indices of rows. In such steps Keras counts negative indices
        from the end.
    size : int
        The number of rows of the table.
    """

    tokens: Value
    step: Step
    body: list[Step]
    size: int


@dataclass(eq=False)
class TokenTable:
    """The payload of a ``TokenTable`` step, which looks up the rows of all tokens: 0, 1, 2 and so on.

    Parameters
    ----------
    lookup : Lookup
        The look-up in the user's model.
    inputs : list of Value
        What the steps of the look-up read beside the tokens.
    body : list of Step
        The elementwise steps of the look-up, in running order.
    gather : Step
        The step that gathers the rows.
    """

    lookup: Lookup
    inputs: list[Value]
    body: list[Step]
    gather: Step

    def run(self, tensors: list[Tensor], precision: Any) -> list[Tensor]:
        """Return the rows of the table, in the order of the tokens, for ``tensors`` as the inputs."""
        known = dict(zip(self.inputs, tensors, strict=True))
        tokens = self.lookup.tokens
        kind = at_precision(tf.as_dtype(tokens.dtype), precision)
        known[tokens] = tf.cast(tf.range(self.lookup.size), kind)
        for step in self.body:
            known.update(zip(step.outputs, emit(step, [known[v] for v in step.inputs], precision), strict=True))
        return emit(self.gather, [known[value] for value in self.gather.inputs], precision)


def read_tokens(program: Program) -> tuple[Program, list[int | None]]:
    """Replace the inputs of tokens by one-hot inputs.

    Parameters
    ----------
    program : Program
        The traced model, which is changed in place.

    Returns
    -------
    program : Program
        The program with one-hot inputs.
    sizes : list of int or None
        The number of different tokens of each input, None for an input that holds no tokens.

    Raises
    ------
    UnsupportedModel
        If the same tokens are looked up in tables of different sizes.
    """
    sizes: list[int | None] = []
    for place, value in enumerate(program.inputs):
        lookups = [lookup for step in program.steps if (lookup := _lookup(step, value)) is not None]
        looking = {lookup.step for lookup in lookups}
        others = [step for step in program.steps if value in step.inputs and step not in looking]
        if not lookups or any(step.dependence == Dependence.ACTIVE for step in others):
            sizes.append(None)
            continue
        known = {lookup.size for lookup in lookups}
        if len(known) > 1:
            raise UnsupportedModel(
                f"{lookups[0].step.where} and others look up the same tokens in tables of {sorted(known)} rows, so the "
                "one-hot that a token stands for is not defined; give the embeddings one input_dim"
            )
        sizes.append(lookups[0].size)
        _replace(program, place, lookups)
    if any(sizes):
        mark_dependence(program)
        program = mark_dependence(program.pruned())
    return program, sizes


def _lookup(step: Step, tokens: Value) -> Lookup | None:
    """Return the look-up that a step is, or None for a step that does not look up these tokens."""
    if step.op not in ("GatherV2", "ResourceGather", "OneHot"):
        return None
    shape: tuple[int | None, ...] | None
    if step.op == "OneHot":
        indices, depth, *levels = step.inputs
        size = static_value(depth, 1) if step.node.attr["axis"].i == -1 else None
        shape = None if size is None or any(level.dependence for level in levels) else (int(size), int(size))
    elif step.op == "GatherV2":
        table, indices, axis = step.inputs
        shape = table.shape
        plain = table.dependence == Dependence.CONSTANT and axis.step.op == "Const"
        if not plain or int(tf.make_ndarray(axis.step.node.attr["value"].tensor)) != 0:
            return None
    else:
        (indices,), shape = step.inputs, tuple(step.payload.shape)
    if (
        ("batch_dims" in step.node.attr and step.node.attr["batch_dims"].i)
        or shape is None
        or len(shape) != 2
        or shape[0] is None
    ):
        return None
    body: set[Step] = set()

    def outside(value: Value) -> bool:
        return value is tokens or value.dependence == Dependence.CONSTANT

    for value in ancestors([indices], stop=outside):
        if not outside(value):
            if not operation(value.step.op).elementwise or value.shape != tokens.shape:
                return None
            body.add(value.step)
    if tokens is not indices and not any(tokens in inner.inputs for inner in body):
        return None
    return Lookup(tokens, step, list(body), shape[0])


def _replace(program: Program, place: int, lookups: list[Lookup]) -> None:
    """Replace an input of tokens by a one-hot input, and its look-ups by products."""
    tokens, size = program.inputs[place], lookups[0].size
    source = Step("Input", f"{tokens.step.name}/one_hot", [])
    one_hot = Value(source, 0, None if tokens.shape is None else (*tokens.shape, size), "float32")
    source.outputs.append(one_hot)
    program.inputs[place] = one_hot
    steps = [source]
    for step in program.steps:
        lookup = next((one for one in lookups if one.step is step), None)
        if step is tokens.step:
            step.op, step.inputs, step.node = "Tokens", [one_hot], None
        elif lookup is not None:
            steps.append(_table(program, lookup))
            product = new_node("Einsum", equation=b"...v,vd->...d", N=2, T="float32")
            step.op, step.inputs, step.node = "Einsum", [one_hot, steps[-1].output], product
        steps.append(step)
    program.steps = steps


def _table(program: Program, lookup: Lookup) -> Step:
    """Return the step that looks up the rows of all tokens."""
    gather = Step(lookup.step.op, lookup.step.name, list(lookup.step.inputs), lookup.step.node, lookup.step.layers)
    gather.payload = lookup.step.payload
    body = [step for step in program.steps if step in set(lookup.body)]
    made = {value for step in body for value in step.outputs} | {lookup.tokens}
    given = [value for step in [*body, gather] for value in step.inputs if value not in made]
    rows = Step("TokenTable", f"{gather.name}/table", list(dict.fromkeys(given)), layers=gather.layers, body=[])
    rows.payload = TokenTable(lookup, rows.inputs, body, gather)
    looked_up = lookup.step.output
    width = None if looked_up.shape is None else looked_up.shape[-1]
    gather.outputs.append(Value(gather, 0, (lookup.size, width), looked_up.dtype))
    rows.outputs.append(Value(rows, 0, (lookup.size, width), looked_up.dtype))
    return rows
