"""How steps that are no neurons share relevance out among what they read.

- Moves and maxima hand both parts of the relevance on to the elements that they took.
- An input that is scaled before the first layer keeps what it received.
- In a product, the signal takes all where the other factor is a gate or a normaliser: a sigmoid, softmax, or reciprocal
  root (Arras et al. 2017; Ali et al. 2022 for attention and layer normalisation). Otherwise each factor takes an equal
  share (Achtibat et al. 2024).
"""

from __future__ import annotations

from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.engine.relevance.neurons import upper
from genolift.engine.relevance.rules import Relevance, divided
from genolift.engine.walk.pairs import Pairs
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def check(step: Step) -> None:
    """Refuse a step that has no way to share relevance out."""
    if kind_of(step) in ("unknown", "complex"):
        raise UnsupportedModel(
            f"{step.where} has no rule by which relevance is handed on; use integrated-gradients or gradient-x-input"
        )


def moved(
    step: Step, flows: list[Relevance | None], pairs: Pairs, points: dict[Value, Tensor] | None = None
) -> dict[Value, Relevance]:
    """Return both parts of the relevance by the transpose of a step.

    Parameters
    ----------
    step : Step
        The step that took the elements.
    flows : list of Relevance or None
        What each of its outputs received.
    pairs : Pairs
        The activations.
    points : dict of Value to tensor, optional
        The inputs at which the transpose is taken, where the step is not linear.
    """
    shares: dict[Value, Relevance] = {}
    for name in ("per_unit", "apart"):
        grads = [None if flow is None else getattr(flow, name) for flow in flows]
        if any(grad is not None for grad in grads):
            for value, part in pairs.transpose(step, grads, points).items():
                more = Relevance(**{name: part})
                shares[value] = shares[value] + more if value in shares else more
    return shares


def rescaled(step: Step, flow: Relevance, pairs: Pairs) -> dict[Value, Relevance]:
    """Return the relevance of an input that is scaled and shifted before the first layer.

    What is apart from its value stays with its element.
    """
    (source,) = step.active_inputs
    share = Relevance(apart=flow.apart)
    if flow.per_unit is not None:
        rest = [None] * (len(step.outputs) - 1)
        share.per_unit = pairs.transpose(step, [flow.per_unit, *rest])[source]
        if flow.apart is not None:
            share.apart = flow.apart + flow.per_unit * pairs.at(step, {source: tf.zeros_like(pairs.x(source))})[0]
    return {source: share}


def by_positive_terms(step: Step, flows: list[Relevance | None], pairs: Pairs) -> dict[Value, Relevance]:
    """Return the shares of a sum or average by z⁺, whose weights are positive: R_i = x_i⁺ / (Σ x_i⁺ + b⁺)·R."""
    points = {value: upper(pairs.x(value)) for value in step.active_inputs}
    nothing = {value: tf.zeros_like(point) for value, point in points.items()}
    totals, biases = pairs.at(step, points, offsets=False), pairs.at(step, nothing)
    grads = [
        None if flow is None else divided(flow.at(pairs.x(value)), total + upper(bias))
        for flow, value, total, bias in zip(flows, step.outputs, totals, biases, strict=True)
    ]
    shares = pairs.transpose(step, grads)
    return {v: Relevance(tf.where(points[v] > 0, part, tf.zeros_like(part))) for v, part in shares.items()}


def signals(step: Step, slopes: dict[Value, Tensor], producer: dict[Value, Step]) -> dict[Value, Tensor]:
    """Return what the factors of a product receive: gates nothing where others are signals, else equal shares.

    ``slopes`` are what each factor would receive alone, and ``producer`` are the steps that made them.
    """
    taking = [value for value in slopes if not is_gate(value, producer)] or list(slopes)
    places = sum(value in taking for value in step.inputs)  # a square has one signal in two places
    return {value: slopes[value] / places for value in taking}


def is_gate(value: Value, producer: dict[Value, Step]) -> bool:
    """Whether a factor was made by a gate, through passing steps of one source."""
    step = producer.get(value)
    while step is not None and step.op != "Input":
        if kind_of(step) != "passing" or len(step.active_inputs) != 1:
            return operation(step.outputs[0].step.op).gate
        step = producer.get(step.active_inputs[0])
    return False
