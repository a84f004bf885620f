"""Running a program forward: every value for some tensors as its inputs."""

from __future__ import annotations

from genolift.engine.operations.emit import emit
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def constants(program: Program, precision=tf.float32) -> dict[Value, object]:
    """What does not depend on the inputs, computed once for both sides."""
    known: dict[Value, object] = {}
    for step in program.steps:
        if step.dependence == Dependence.CONSTANT and not (step.outputs and step.output.dtype == "resource"):
            run_step(step, known, precision)
            if step.op == "Const" and step.output.dtype.startswith("float"):
                known[step.output] = _as_given(known[step.output])
    return known


def _as_given(tensor):
    """The constant as something that is only known when the graph runs.

    TensorFlow merges a constant that is added behind a bias into that bias, and fails where the constant has another
    shape than a bias, as encodings of positions have.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tensor.shape) if tensor.shape.rank > 1 else tensor


def forward(program: Program, tensors: list, known: dict, precision=tf.float32, record=False) -> dict:
    """Every value of the program for ``tensors`` as its inputs; ``known`` holds the constants.

    With ``record``, loops' steps map to the record of their turns.
    """
    values = dict(known)
    values.update(zip(program.inputs, tensors, strict=True))
    for step in program.steps:
        if step.dependence != Dependence.CONSTANT and step.op != "Input":
            run_step(step, values, precision, record)
    return values


def run_step(step: Step, values: dict, precision, record: bool = False) -> None:
    """Run one step on ``values`` and add what it gives to them."""
    tensors = [values[value] for value in step.inputs]
    if record and step.op == "Loop":
        outputs, values[step] = step.payload.run(tensors, precision, record=True)
    else:
        outputs = emit(step, tensors, precision)
    for value, tensor in zip(step.outputs, outputs, strict=True):
        if value.shape is not None:
            tensor = tf.ensure_shape(tensor, value.shape) if tensor.shape.rank is None else tensor
        values[value] = tensor
