"""Operations that the engine runs itself, because they are its own or because the library's kernel does not serve.

An implementation is ``implementation(step, tensors, precision) -> outputs``; the table of operations refers to it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from genolift.engine.operations import substitutes
from genolift.engine.operations.native import at_precision, run_natively
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def variable(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Read a variable as it is now."""
    value = tf.convert_to_tensor(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def captured(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return a tensor that the model's functions captured."""
    value = tf.identity(step.payload)
    return [tf.cast(value, precision) if value.dtype.is_floating else value]


def gather_variable(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Look rows of a variable up, whose handle knows one precision only."""
    (table,) = variable(step, [], precision)
    return [tf.gather(table, tensors[-1], batch_dims=step.node.attr["batch_dims"].i)]


def batch_norm(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Apply the affine map that batch normalisation is at inference (Ioffe & Szegedy 2015).

    The library's fused kernel exists in float32 only.
    """
    x, scale, offset, mean, variance = tensors
    axis = 1 if step.node.attr["data_format"].s == b"NCHW" else -1
    shape = [1, -1, 1, 1] if axis == 1 else [-1]
    factor = tf.reshape(scale * tf.math.rsqrt(variance + tf.cast(step.node.attr["epsilon"].f, precision)), shape)
    y = (x - tf.reshape(mean, shape)) * factor + tf.reshape(offset, shape)
    statistics = [mean, variance, mean, variance, tf.zeros([], precision)]  # what training would want
    return [y, *statistics[: len(step.outputs) - 1]]


def guarded_reciprocal(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return 1/x, and 0 for 0, by which a quotient of ``DivNoNan`` becomes a product."""
    return [tf.math.reciprocal_no_nan(tensors[0])]


# Operations of the engine's own, which carry what they do as their payload


def loop(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Run a loop to its last turn."""
    return step.payload.run(tensors, precision)[0]


def token_table(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the rows of an embedding, in the order of the tokens that look them up."""
    return step.payload.run(tensors, precision)


def tokens(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return the tokens that a one-hot stands for."""
    return [tf.cast(tf.argmax(tensors[0], -1), at_precision(tf.as_dtype(step.output.dtype), precision))]


# Lists of tensors, which are dense tensors with time in front


def read_list(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return one element of a list."""
    return [tf.gather(*tensors)]


def grows(step: Step) -> bool:
    """Whether writing to a list beyond its end makes it longer."""
    return step.node.attr["resize_if_index_out_of_bounds"].b


def write_list(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Return a list with an element exchanged; ``tensors`` begin with it, or with the length of one that is empty."""
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


# With the absolute values of weights that are not an input


def absolute_resize(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Interpolate with the absolute values of the weights."""
    return substitutes.resize_absolutely(step, tensors, partial(run_natively, step, precision=precision))


def added(step: Step, tensors: list[Tensor], precision: Any) -> list[Tensor]:
    """Add the inputs of a difference, whose weights are 1 and −1."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return [total]


# Shapes, from any tensor that has the shape


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
