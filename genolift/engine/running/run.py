"""The forward run of a program, which computes every value from the tensors of its inputs."""

from __future__ import annotations

from typing import Any

from genolift.engine.operations.emit import emit
from genolift.engine.program import Dependence, Program, Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def constants(program: Program, precision: Any = tf.float32) -> dict[Any, Tensor]:
    """Return the values that do not depend on the inputs, which are computed once for sequences and references.

    Parameters
    ----------
    program : Program
        The traced model.
    precision : DType
        The type of floating-point tensors, by default float32.
    """
    known: dict[Any, Tensor] = {}
    for step in program.steps:
        if step.dependence == Dependence.CONSTANT and not (step.outputs and step.output.dtype == "resource"):
            run_step(step, known, precision)
            if step.op == "Const" and step.output.dtype.startswith("float"):
                known[step.output] = _as_given(known[step.output])
    return known


def _as_given(tensor: Tensor) -> Tensor:
    """Return a constant as a tensor that is only known when the graph runs.

    TensorFlow merges a constant that is added after a bias into that bias. It fails where the constant does not have
    the shape of a bias, such as an encoding of positions.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tensor.shape) if tensor.shape.rank > 1 else tensor


def forward(
    program: Program, tensors: list[Tensor], known: dict[Any, Tensor], precision: Any = tf.float32, record: bool = False
) -> dict[Any, Any]:
    """Return every value of a program.

    Parameters
    ----------
    program : Program
        The traced model.
    tensors : list of Tensor
        The tensors of the program's inputs.
    known : dict
        The constants, as :func:`constants` returns them.
    precision : DType
        The type of floating-point tensors, by default float32.
    record : bool
        Whether to record the turns of loops. By default they are not recorded.

    Returns
    -------
    dict
        The tensor of each value. With ``record`` there is also the record of the turns of each loop's step.
    """
    values = dict(known)
    values.update(zip(program.inputs, tensors, strict=True))
    for step in program.steps:
        if step.dependence != Dependence.CONSTANT and step.op != "Input":
            run_step(step, values, precision, record)
    return values


def run_step(step: Step, values: dict[Any, Any], precision: Any, record: bool = False) -> None:
    """Run one step on ``values``, and add its outputs (and a loop's record, if asked for) to them."""
    tensors = [values[value] for value in step.inputs]
    if record and step.op == "Loop":
        outputs, values[step] = step.payload.run(tensors, precision, record=True)
    else:
        outputs = emit(step, tensors, precision)
    for value, tensor in zip(step.outputs, outputs, strict=True):
        values[value] = tensor if _tells(tensor, value.shape) else tf.ensure_shape(tensor, value.shape)


def _tells(tensor: Tensor, shape: tuple[int | None, ...] | None) -> bool:
    """Whether a tensor's own shape says all that is known of its value's, on which quicker forms depend."""
    if shape is None or tensor.shape.rank is None:
        return shape is None
    if tensor.shape.rank != len(shape):  # Vectors of a decomposition that asks for values alone, which nobody reads.
        return True
    return all(own is not None or known is None for own, known in zip(tensor.shape, shape, strict=True))
