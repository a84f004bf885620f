"""A softmax over two elements, which the library's kernel computes ten times more slowly than a sigmoid."""

from __future__ import annotations

from contextlib import nullcontext

from genolift.engine.operations import slopes
from genolift.engine.operations.substitutes.running import Run
from genolift.engine.program import Step
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def softmax(step: Step, tensors: list[Tensor], run: Run) -> list[Tensor]:
    """Compute the softmax over two elements, as attention pooling has it, as the sigmoid of their difference."""
    (x,) = tensors
    if x.shape.rank is None or x.shape[-1] != 2:
        return run(tensors)
    guard = nullcontext()
    if slopes.ATTRIBUTE in step.node.attr and not tf.executing_eagerly():
        own = {"Sigmoid": slopes.guarded("Sigmoid", elementwise=True)}
        guard = tf.compat.v1.get_default_graph().gradient_override_map(own)
    with guard:
        return [tf.sigmoid(x - tf.reverse(x, [-1]))]
