"""Rules of the gradient family: derivatives at x, and guided backprop and deconvnet, which change them at rectifiers."""

from __future__ import annotations

from genolift.engine.operations import kernels
from genolift.engine.operations.regions import is_rectifier
from genolift.engine.operations.secants import apply
from genolift.engine.program import Dependence, Step
from genolift.engine.walk.propagate import Backward, Flow
from genolift.engine.walk.rules import extra_sides, parts
from genolift.engine.walk.unwind import unwind
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def derivative(step: Step, flows, back: Backward) -> dict:
    """The operation's own vector-Jacobian product at x."""
    pairs = back.pairs
    if not step.body:
        # Comparisons of the input, too, are those of x.
        points = {value: pairs.x(value) for value in step.inputs if value.dependence >= Dependence.DISCRETE}
        found = pairs.transpose(step, parts(flows, "mean"), points)
        return {value: Flow(m) for value, m in found.items()}
    source, (flow,) = step.inputs[0], flows
    x, extra = pairs.x_side(source), extra_sides(step, pairs)
    slope = kernels.rescale(step, pairs.precision, x, x, extra, pairs.pair_side(flow.mean))
    return {source: Flow(pairs.flat(slope, source))}


def gradient(step: Step):
    return derivative


def _guided(step: Step, flows, back: Backward) -> dict:
    return derivative(step, [Flow(tf.nn.relu(flows[0].mean))], back)


def _deconvolved(step: Step, flows, back: Backward) -> dict:
    pairs, (flow,), (source, *_) = back.pairs, flows, step.inputs
    rectified = apply(step, pairs.pair_side(flow.mean), extra_sides(step, pairs), pairs.precision)
    return {source: Flow(pairs.flat(rectified, source))}


def guided(step: Step):
    """Guided backprop (Springenberg et al. 2014): at rectifiers only what is positive flows back."""
    return unwind if step.op == "Loop" else _guided if is_rectifier(step) else derivative


def deconvnet(step: Step):
    """Deconvnet (Zeiler & Fergus 2013): rectifiers are applied to what flows back, whatever went forward."""
    return unwind if step.op == "Loop" else _deconvolved if is_rectifier(step) else derivative
