"""Operations that the engine runs itself, because they are its own or because the library's kernel does not serve.

An implementation takes a step, the tensors of its inputs and a precision (or None), and returns the tensors of its
outputs. The table of operations refers to the implementations.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from genolift.engine.operations.native import at_precision, run_natively
from genolift.engine.operations.substitutes import images
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def variable(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the value that a variable has now."""
    value = tf.convert_to_tensor(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def captured(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return a tensor that the model's functions captured."""
    value = tf.identity(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def gather_variable(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Look up rows of a variable. The library's kernel reads the variable's handle, which has one precision only."""
    (table,) = variable(step, [], precision)
    return [tf.gather(table, tensors[-1], batch_dims=step.node.attr["batch_dims"].i)]


def batch_norm(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Apply batch normalisation as the affine map that it is at inference (Ioffe & Szegedy 2015).

    The library's fused kernel exists in float32 only.
    """
    x, scale, offset, mean, variance = tensors
    axis = 1 if step.node.attr["data_format"].s == b"NCHW" else -1
    shape = [1, -1, 1, 1] if axis == 1 else [-1]
    factor = tf.reshape(scale * tf.math.rsqrt(variance + tf.cast(step.node.attr["epsilon"].f, precision)), shape)
    y = (x - tf.reshape(mean, shape)) * factor + tf.reshape(offset, shape)
    statistics = [mean, variance, mean, variance, tf.zeros([], precision)]  # Only training reads these outputs.
    return [y, *statistics[: len(step.outputs) - 1]]


def guarded_reciprocal(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return 1/x, or 0 where x is 0. With it a quotient of ``DivNoNan`` becomes a product."""
    return [tf.math.reciprocal_no_nan(tensors[0])]


# Operations of the engine's own. Their payload runs them.


def loop(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Run a loop to its last turn, and return its outputs."""
    return step.payload.run(tensors, precision)[0]


def token_table(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the rows of an embedding, in the order of the tokens that look them up."""
    return step.payload.run(tensors, precision)


def tokens(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the tokens that a one-hot stands for."""
    return [tf.cast(tf.argmax(tensors[0], -1), at_precision(tf.as_dtype(step.output.dtype), precision))]


def whole_numbers(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return whole numbers in the type in which the model takes them."""
    return [tf.cast(tf.round(tensors[0]), tf.as_dtype(step.output.dtype))]


# Lists of tensors. A list is one dense tensor whose first axis is time.


def read_list(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return one element of a list; ``tensors`` are the list and the element's index."""
    return [tf.gather(*tensors)]


def grows(step: Step) -> bool:
    """Whether writing to a list beyond its end makes it longer."""
    return step.node.attr["resize_if_index_out_of_bounds"].b


def write_list(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return a list with one element replaced.

    Parameters
    ----------
    step : Step
        The step that writes.
    tensors : list of Tensor
        The list (or the length of a list that is still empty), the index of the element, and the new element.
    precision : DType or None
        Not used, because the tensors have their types already.

    Returns
    -------
    list of Tensor
        The new list.
    """
    into, index, item = tensors
    if into.shape.rank == 0:
        length = tf.maximum(into, index + 1) if grows(step) else into
        return [tf.scatter_nd([[index]], [item], tf.concat([[length], tf.shape(item)], 0))]
    if grows(step):
        more = tf.maximum(index + 1 - tf.shape(into)[0], 0)
        into = tf.concat([into, tf.zeros(tf.concat([[more], tf.shape(item)], 0), into.dtype)], 0)
    return [tf.tensor_scatter_nd_update(into, [[index]], [item])]


def length_of_list(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the number of elements of a list."""
    return [tf.shape(tensors[0])[0]]


# Linear operations whose weights are not an input, with the absolute values of the weights


def absolute_resize(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Interpolate with the absolute values of the weights."""
    return images.resize_absolutely(step, tensors, partial(run_natively, step, precision=precision))


def added(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Add the inputs of a difference, whose weights are 1 and −1."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return [total]


# Operations that read only a shape, computed from any tensor that has it


def shape(tensor: Tensor, dtype: Any) -> Tensor:
    """Return a tensor's shape."""
    return tf.shape(tensor, out_type=dtype)


def size(tensor: Tensor, dtype: Any) -> Tensor:
    """Return how many elements a tensor has."""
    return tf.size(tensor, out_type=dtype)


def rank(tensor: Tensor, dtype: Any) -> Tensor:
    """Return how many axes a tensor has."""
    return tf.rank(tensor)


def zeros(tensor: Tensor, dtype: Any) -> Tensor:
    """Return zeros in a tensor's shape."""
    return tf.zeros_like(tensor)


def ones(tensor: Tensor, dtype: Any) -> Tensor:
    """Return ones in a tensor's shape."""
    return tf.ones_like(tensor)
