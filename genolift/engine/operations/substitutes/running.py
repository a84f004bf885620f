"""What all substitutes use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: The library's own operation: (tensors, precision=None, **changed attributes) -> outputs.
Run: TypeAlias = Callable[..., list[Tensor]]


def sizes_of(tensor: Tensor) -> list[Any]:
    """Return the size of each axis, as a number where it is known, else as a tensor."""
    if tensor.shape.is_fully_defined():
        return tensor.shape.as_list()
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape)]
