"""How fast a fused region's function grows, found by running it at a few numbers rather than by its name."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from genolift.engine.operations.kernels import Structure
from genolift.engine.operations.secants import apply
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

# From half of this number to the whole of it, a cube grows eightfold and an exponential by e³⁰.
_FAR = 60.0
_CUBE = 8.5


def explodes(region: Step) -> bool:
    """Return whether a region's function grows faster than a cube on one side, as an exponential does.

    Constants of the region's layers, such as a scale, count as one. A function that cannot be run does not explode.

    Parameters
    ----------
    region : Step
        The fused region.
    """
    return _explodes(Structure(region, tf.float64))


@lru_cache(maxsize=512)
def _explodes(structure: Structure) -> bool:
    region, precision = structure.region, structure.precision

    def values(source: Tensor) -> Tensor:
        types = [tf.as_dtype(value.dtype) for value in region.inputs[1:]]
        extra = [tf.cast(tf.ones([1]), precision if one.is_floating else one) for one in types]
        return apply(region, source, extra, precision)

    try:
        found = compiled(values)(tf.constant([[0.0], [_FAR / 2], [_FAR], [-_FAR / 2], [-_FAR]], precision)).numpy()
    except (tf.errors.OpError, TypeError, ValueError):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        half, whole = np.abs(found[[1, 3]] - found[0]), np.abs(found[[2, 4]] - found[0])
        return bool(((whole > _CUBE * half) & (whole > 1)).any())
