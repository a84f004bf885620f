"""Rules of the gradient family: the derivative at x, and its changes at rectifiers by guided backprop and deconvnet."""

from __future__ import annotations

from genolift.engine.operations.regions import is_rectifier, is_relu
from genolift.engine.operations.secants import apply
from genolift.engine.program import Dependence, Step, Value
from genolift.engine.walk.propagate import Backward, Flow, Flows, Rule
from genolift.engine.walk.rules import beside, parts
from genolift.engine.walk.unwind import unwind
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def derivative(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Return the operation's own vector-Jacobian product at x."""
    pairs = back.pairs
    if not step.body:
        # Comparisons of the input are taken at x too.
        points = {value: pairs.x(value) for value in step.inputs if value.dependence >= Dependence.DISCRETE}
        multipliers = pairs.transpose(step, parts(flows, "mean"), points)
        return {value: Flow(m) for value, m in multipliers.items()}
    source, (mean,) = step.inputs[0], parts(flows, "mean")
    if is_relu(step):  # The slope at zero is that of a ReLU, however it is written.
        return {source: Flow(tf.where(pairs.x(source) > 0, mean, tf.zeros_like(mean)))}
    extra = [tf.stop_gradient(tensor) for tensor in beside(step, pairs)]

    def slope(flow: Tensor, ref: Tensor, x: Tensor) -> Tensor:
        x = tf.broadcast_to(x, tf.shape(flow))  # What flows back has a row for each pair.
        y = apply(step, x, extra, pairs.precision)
        return tf.gradients(y, x, flow, stop_gradients=x, unconnected_gradients="zero")[0]

    return {source: Flow(pairs.elementwise(slope, source, mean))}


def gradient(step: Step) -> Rule:
    """Return the rule of the plain gradient, which is the same for every step."""
    return derivative


def _guided(step: Step, flows, back: Backward) -> dict:
    return derivative(step, [Flow(tf.nn.relu(flows[0].mean))], back)


def _deconvolved(step: Step, flows, back: Backward) -> dict:
    pairs, (flow,), (source, *_) = back.pairs, flows, step.inputs
    extra = beside(step, pairs)

    def rectified(flow: Tensor, ref: Tensor, x: Tensor) -> Tensor:
        return apply(step, flow, extra, pairs.precision)

    return {source: Flow(pairs.elementwise(rectified, source, flow.mean))}


def guided(step: Step) -> Rule:
    """Return a step's rule of guided backprop, where rectifiers hand back only what is positive.

    The method is that of Springenberg et al. 2014.
    """
    return unwind if step.op == "Loop" else _guided if is_rectifier(step) else derivative


def deconvnet(step: Step) -> Rule:
    """Return a step's rule of deconvnet, where rectifiers are applied to what flows back.

    The method is that of Zeiler & Fergus 2013.
    """
    return unwind if step.op == "Loop" else _deconvolved if is_rectifier(step) else derivative
