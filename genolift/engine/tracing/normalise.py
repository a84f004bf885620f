"""Mean-normalised first layers: weights whose mean over the four bases is nothing at every kernel position."""

from __future__ import annotations

from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value
from genolift.engine.tracing.nodes import new_constant, new_node, new_step
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import UnsupportedModel


def mean_normalise(program: Program) -> Program:
    """Rewrite every convolution of one-hot DNA: W − mean over bases, and the mean back as an offset per filter.

    Because the four channels sum to one, Σ_k Σ_b W[k, b]·x = Σ_k Σ_b (W[k, b] − W̄[k])·x + Σ_k W̄[k]: outputs stay as
    they are, for one-hot input and unpadded convolutions. Gradients, and scores with references that do not sum to
    one, change. Refuses padded convolutions, because padding is not a base.
    """
    steps: list[Step] = []
    found = False
    for step in program.steps:
        if step.op == "Conv2D" and _reads_dna(step.inputs[0], program) and step.node.attr["padding"].s != b"VALID":
            raise UnsupportedModel(
                f"{step.where} pads its input, so mean-normalising its weights would change the model; leave it off"
            )
        if step.op == "Conv2D" and _reads_dna(step.inputs[0], program):
            found = True
            steps.extend(_normalised(step))
        else:
            steps.append(step)
    if not found:
        raise UnsupportedModel(
            "mean-normalising needs a first layer that convolves one-hot DNA (N, L, 4), and this model has none"
        )
    program.steps = steps
    return program


def _reads_dna(value: Value, program: Program) -> bool:
    while value not in program.inputs and operation(value.step.op).view in ("unit-axes", "type"):
        value = value.step.inputs[0]
    return value in program.inputs and value.shape is not None and is_dna(value.shape[1:])


def _normalised(step: Step) -> list[Step]:
    """Conv(x, W) as Conv(x, W − W̄) + Σ W̄; the convolution's output value moves to the sum."""
    x, weights = step.inputs
    shape, dtype = weights.shape, weights.dtype
    axis, rest = new_constant([2], step), new_constant([0, 1, 2], step)
    over_bases = new_node("Mean", T=dtype, keep_dims=True, Tidx="int32")
    mean = new_step(over_bases, [weights, axis.output], shape, dtype, step)
    centred = new_step(new_node("Sub", T=dtype), [weights, mean.output], shape, dtype, step)
    over_positions = new_node("Sum", T=dtype, keep_dims=False, Tidx="int32")
    offset = new_step(over_positions, [mean.output, rest.output], shape and shape[-1:], dtype, step)
    convolution = Step(step.op, step.name, [x, centred.output], step.node, step.layers, step.dependence)
    convolution.outputs = [Value(convolution, 0, step.output.shape, step.output.dtype)]
    # The step itself becomes the sum, so that its readers need not know.
    step.op, step.inputs, step.node = "AddV2", [convolution.output, offset.output], new_node("AddV2", T=dtype)
    return [axis, rest, mean, centred, offset, convolution, step]
