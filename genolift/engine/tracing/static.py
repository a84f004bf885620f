"""Values and shapes that are known before a program runs, because they follow from constants and known sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.engine.operations.emit import emit
from genolift.engine.program import Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def static_value(value: Value, batch: int, library: Any = None) -> np.ndarray | None:
    """Return the numbers of a value that depends on constants and known sizes only, or None where it depends on more.

    Parameters
    ----------
    value : Value
        The value.
    batch : int
        The number of rows that batches have whose size is not known.
    library : FunctionDefLibrary, optional
        The functions that steps may call.
    """
    return _evaluated(value, batch, library, sized=False)


def static_shape(value: Value) -> tuple[int | None, ...] | None:
    """Return a value's shape, with those sizes that follow from the inputs' sizes whatever the size of the batch."""
    if value.shape is not None and None not in value.shape[1:]:
        return value.shape
    two, three = (_evaluated(value, batch, None, sized=True) for batch in (2, 3))
    if two is None or three is None or two.ndim != three.ndim:
        return value.shape
    return tuple(a if a == b else None for a, b in zip(two.shape, three.shape, strict=True))


def _evaluated(value: Value, batch: int, library: Any, sized: bool) -> np.ndarray | None:
    """Return the numbers of a value, or None where they are not known.

    Where only the value's size counts (``sized``), inputs and weights are taken to be zeros.
    """

    def tensor_of(value: Value, known: dict[Value, Tensor], sized: bool) -> Tensor:
        step = value.step
        if value in known:
            return known[value]
        if step.op == "Shape":
            source = step.inputs[0]
            shape = _with_batch(source, batch)
            shape = tf.shape(tensor_of(source, sizes, True)) if shape is None else tf.constant(shape)
            known[value] = tf.cast(shape, tf.as_dtype(value.dtype))
        elif step.node is not None:
            tensors = [tensor_of(source, known, sized) for source in step.inputs]
            known.update(zip(step.outputs, emit(step, tensors, None, library), strict=True))
        elif sized and (shape := _with_batch(value, batch)) is not None and value.dtype != "resource":
            known[value] = tf.zeros(shape, tf.as_dtype(value.dtype))
        else:
            raise LookupError(step)
        return known[value]

    sizes: dict[Value, Tensor] = {}
    try:  # A session runs wherever it is called, also while another graph is being made.
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
            return session.run(tensor_of(value, sizes if sized else {}, sized))
    except (LookupError, TypeError, ValueError, tf.errors.OpError):
        return None


def _with_batch(value: Value, batch: int) -> list[int] | None:
    """Return a value's shape with ``batch`` rows, or None where other sizes are unknown."""
    if value.shape is None:
        return None
    sizes = [batch if i == 0 and size is None else size for i, size in enumerate(value.shape)]
    known = [size for size in sizes if size is not None]
    return known if len(known) == len(sizes) else None
