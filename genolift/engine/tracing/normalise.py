"""Mean-normalised first layers: weights whose mean over the four bases is nothing at every kernel position."""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Program, Step, Value
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_VIEWS = {"ExpandDims", "Squeeze", "Cast"}


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
    while value not in program.inputs and value.step.op in _VIEWS:
        value = value.step.inputs[0]
    return value in program.inputs and value.shape is not None and is_dna(value.shape[1:])


def _normalised(step: Step) -> list[Step]:
    """Conv(x, W) as Conv(x, W − W̄) + Σ W̄; the convolution's output value moves to the sum."""
    x, weights = step.inputs
    axis, rest = _constant(step, [2]), _constant(step, [0, 1, 2])
    mean = _new(step, "Mean", [weights, axis.output], weights, keep_dims=True)
    centred = _new(step, "Sub", [weights, mean.output], weights)
    offset = _new(step, "Sum", [mean.output, rest.output], weights, keep_dims=False)
    offset.output.shape = weights.shape and weights.shape[-1:]
    convolution = Step(step.op, step.name, [x, centred.output], step.node, step.layers, step.dependence)
    convolution.outputs = [Value(convolution, 0, step.output.shape, step.output.dtype)]
    # The step itself becomes the sum, so that its readers need not know.
    step.op, step.inputs, step.node = "AddV2", [convolution.output, offset.output], _node("AddV2", weights.dtype)
    return [axis, rest, mean, centred, offset, convolution, step]


def _node(op: str, dtype: str, **flags: bool):
    node = tf.compat.v1.NodeDef()
    node.op = op
    node.attr["T"].type = tf.as_dtype(dtype).as_datatype_enum
    for name, flag in flags.items():
        node.attr[name].b = flag
        node.attr["Tidx"].type = tf.int32.as_datatype_enum
    return node


def _constant(step: Step, numbers: list[int]) -> Step:
    node = tf.compat.v1.NodeDef()
    node.op = "Const"
    node.attr["dtype"].type = tf.int32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array(numbers, np.int32)))
    made = Step("Const", f"{step.name}/axes", [], node, step.layers)
    made.outputs = [Value(made, 0, (len(numbers),), "int32")]
    return made


def _new(step: Step, op: str, inputs: list[Value], like: Value, **flags: bool) -> Step:
    made = Step(op, f"{step.name}/{op}", inputs, _node(op, like.dtype, **flags), step.layers)
    made.outputs = [Value(made, 0, like.shape, like.dtype)]
    return made
