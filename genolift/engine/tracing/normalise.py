"""Mean-normalised first layers, whose weights have the mean 0 over the four bases at every position of the kernel."""

from __future__ import annotations

from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value
from genolift.engine.tracing.nodes import new_constant, new_node, new_step
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import UnsupportedModel


def mean_normalise(program: Program) -> Program:
    """Subtract from the weights of every convolution of one-hot DNA their mean over bases, and add it per filter.

    Because the four channels sum to one, Σ_k Σ_b W[k, b]·x = Σ_k Σ_b (W[k, b] − W̄[k])·x + Σ_k W̄[k]. The outputs for
    one-hot input therefore stay as they are. Gradients change, and so do scores with references whose channels do not
    sum to one.

    Parameters
    ----------
    program : Program
        The traced model, which is changed in place.

    Returns
    -------
    Program
        The same program.

    Raises
    ------
    UnsupportedModel
        If no first layer is a convolution of one-hot DNA, or if one pads its input, because padding is not a base.
    """
    steps: list[Step] = []
    changed = False
    for step in program.steps:
        if step.op == "Conv2D" and _reads_dna(step.inputs[0], program) and step.node.attr["padding"].s != b"VALID":
            raise UnsupportedModel(
                f"{step.where} pads its input, so mean-normalising its weights would change the model; leave it off"
            )
        if step.op == "Conv2D" and _reads_dna(step.inputs[0], program):
            changed = True
            steps.extend(_normalised(step))
        else:
            steps.append(step)
    if not changed:
        raise UnsupportedModel(
            "mean-normalising needs a first layer that convolves one-hot DNA (N, L, 4), and this model has none"
        )
    program.steps = steps
    return program


def _reads_dna(value: Value, program: Program) -> bool:
    """Whether a value is an input of DNA, or a view of one."""
    while value not in program.inputs and operation(value.step.op).view in ("unit-axes", "type"):
        value = value.step.inputs[0]
    return value in program.inputs and value.shape is not None and is_dna(value.shape[1:])


def _normalised(step: Step) -> list[Step]:
    """Return the steps of Conv(x, W − W̄) + Σ W̄ in place of Conv(x, W); the sum takes over the convolution's output."""
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
    # The step itself becomes the sum, so that the steps that read its output need no change.
    step.op, step.inputs, step.node = "AddV2", [convolution.output, offset.output], new_node("AddV2", T=dtype)
    return [axis, rest, mean, centred, offset, convolution, step]
