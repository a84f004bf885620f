"""One step, run again on other tensors, in the current graph, at a chosen precision."""

from __future__ import annotations

from functools import partial
from typing import Any

from genolift.engine.operations.native import run_natively
from genolift.engine.operations.table import operation
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def emit(step: Step, tensors: list[Tensor], precision: Any = tf.float32, library: Any = None) -> list[Tensor]:
    """Return a step's outputs for other tensors.

    Parameters
    ----------
    step : Step
        The step to run.
    tensors : list of Tensor
        The tensors that take the place of the step's inputs.
    precision : DType or None
        The type that floating-point tensors have: float32 by default, in which half-precision models are computed too,
        or float64. With None the types stay as they are.
    library : FunctionDefLibrary, optional
        The functions that the step may call.

    Returns
    -------
    list of Tensor
        One tensor for each output of the step.
    """
    known = operation(step.op)
    if known.implementation is not None and (precision is not None or step.node is None):
        return known.implementation(step, tensors, precision)
    if known.substitute is not None and precision is not None:
        return known.substitute(step, tensors, partial(run_natively, step, precision=precision))
    return run_natively(step, tensors, precision, library)
