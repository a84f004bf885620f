"""Run a step again on other tensors, in the current graph, at a chosen precision."""

from __future__ import annotations

from functools import partial
from typing import Any

from genolift.engine.operations.native import run_natively
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def emit(step: Step, tensors: list[Tensor], precision: Any = tf.float32, library: Any = None) -> list[Tensor]:
    """Return the step's outputs for ``tensors`` in place of its inputs.

    Floating-point types become ``precision``: half-precision models are computed in float32, and any model can be
    computed in float64. ``None`` leaves them as they are.
    """
    known = operation(step.op)
    if known.implementation is not None and (precision is not None or step.node is None):
        return known.implementation(step, tensors, precision)
    if known.substitute is not None and precision is not None:
        return known.substitute(step, tensors, partial(run_natively, step, precision=precision))
    return run_natively(step, tensors, precision, library)
