"""Neurons: a weighted step together with the biases, scales and views behind it, up to what reads the sum.

LRP's rules speak of z_j = Σ_i x_i·w_ij + b_j, which a traced program spells as several steps: a Keras convolution is
ExpandDims, Conv2D, Squeeze and BiasAdd. Batch normalisation at inference is a scale and a shift behind the sum, and is
folded into it: w_ij·s_j are the weights and b_j·s_j + t_j the bias, as rules that tell signs apart need them (z⁺ of a
scale by itself would lose all relevance wherever the scaled value is negative).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from genolift.engine.operations.regions import is_not_negative
from genolift.engine.operations.steps import kind_of, linear_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value, only_reader, readers_of
from genolift.engine.walk.pairs import Pairs
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: What flows back into a value; flows into one value can be added.
Flow = TypeVar("Flow", bound=Any)
#: Changes weights element by element, as in |w| or w⁺.
OfWeights = Callable[[Tensor], Tensor]


def upper(tensor: Tensor) -> Tensor:
    """Return what is positive of a tensor, zero elsewhere."""
    return tf.nn.relu(tensor)


def lower(tensor: Tensor) -> Tensor:
    """Return what is negative of a tensor, zero elsewhere."""
    return tf.minimum(tensor, tf.zeros([], tensor.dtype))


@dataclass(eq=False)
class Neurons:
    """A weighted ``step`` and the ``chain`` of steps behind it that give each sum its bias, scale and place."""

    step: Step
    chain: list[Step] = field(default_factory=list)

    @property
    def source(self) -> Value:
        """What the weighted step reads."""
        return self.step.active_inputs[0]

    @property
    def active_inputs(self) -> list[Value]:
        """What importance flows into, as of a step."""
        return [self.source]

    @property
    def end(self) -> Value:
        """The sums z, with their biases."""
        return self.chain[-1].output if self.chain else self.step.output

    def forward(self, pairs: Pairs, tensor: Tensor, weights: OfWeights | None = None) -> Tensor:
        """Return Σ_i tensor_i·weights(w)_ij, laid out as the sums are, without bias and scale."""
        (tensor, *_) = pairs.at(self.step, {self.source: tensor}, weights, offsets=False)
        for step in self.chain:
            if operation(step.op).view is not None:
                (tensor,) = pairs.at(step, {step.active_inputs[0]: tensor})
        return tensor

    def backward(self, pairs: Pairs, tensor: Tensor, weights: OfWeights | None = None) -> Tensor:
        """Return Σ_j weights(w)_ij·tensor_j, the transpose of :meth:`forward`."""
        for step in reversed(self.chain):
            if operation(step.op).view is not None:
                (tensor,) = pairs.transpose(step, [tensor]).values()
        rest = [None] * (len(self.step.outputs) - 1)
        return pairs.transpose(self.step, [tensor, *rest], weights=weights)[self.source]

    def scale(self, pairs: Pairs) -> Tensor | None:
        """Return the factor s_j that each sum is multiplied by; None where there is none."""
        if not any(operation(step.op).scale for step in self.chain):
            return None
        return self._through(pairs, tf.ones_like, offsets=False)

    def bias(self, pairs: Pairs) -> Tensor | None:
        """Return what is added to each sum, in the scale of the end; None where nothing is."""
        if all(operation(step.op).view is not None for step in self.chain):
            return None
        return self._through(pairs, tf.zeros_like, offsets=True)

    def _through(self, pairs: Pairs, fill, offsets: bool):
        tensor = fill(pairs.x(self.step.output))
        for step in self.chain:
            tensor = pairs.at(step, {step.active_inputs[0]: tensor}, offsets=offsets)[0]
        return tensor


def grouped(walk: list[Step], explained: set[Value]) -> list[Step | Neurons]:
    """Return the walk with each layer's weighted step, biases, scales and views as one item, where the last step was.

    ``explained`` are values that no neuron reaches past.
    """
    readers = readers_of(walk)
    last: dict[Step, Neurons] = {}
    taken: set[Step] = set()
    for step in walk:
        if step.op == "Input" or kind_of(step) != "weighted" or not linear_of(step).factors_of(step):
            continue
        neurons = Neurons(step)
        while neurons.end not in explained:
            follower = only_reader(neurons.end, readers)
            if follower is None or not of_one_element(follower):
                break
            neurons.chain.append(follower)
        taken.update([step, *neurons.chain])
        last[neurons.end.step] = neurons
    return [last.get(step, step) for step in walk if step in last or step not in taken]


def walk_back(
    walk: list[Step | Neurons],
    flows: dict[Value, Flow],
    back: Callable[[Step | Neurons, list[Flow | None]], dict[Value, Flow]],
) -> dict[Value, Flow]:
    """Return what flows into every value that is reached, going back through a walk from what flows into some.

    Parameters
    ----------
    walk : list of Step and Neurons
        What is walked back through.
    flows : dict of Value to Flow
        What flows into the values that the walk starts from.
    back : callable
        Gives what flows into the inputs of a step or of neurons from what flows into their outputs, which is None for
        an output that nothing reaches.
    """
    flows = dict(flows)
    for item in reversed(walk):
        outputs = [item.end] if isinstance(item, Neurons) else [] if item.op == "Input" else item.outputs
        if any(value in flows for value in outputs):
            for value, flow in back(item, [flows.get(value) for value in outputs]).items():
                flows[value] = flows[value] + flow if value in flows else flow
    return flows


def of_one_element(step: Step) -> bool:
    """Whether a step gives each sum its own place, bias or scale."""
    if step.body or kind_of(step) != "passing" or len(step.active_inputs) != 1:
        return False
    known = operation(step.op)
    if known.view is not None:
        return True
    shape = step.active_inputs[0].shape
    return (known.shift or known.scale) and shape is not None and shape == step.output.shape


def not_negative(value: Value, producer: dict[Value, Step]) -> bool:
    """Whether a value is known to have no negative elements, because a rectifier (or its kind) made it."""
    step = producer.get(value)
    if step is None or step.op == "Input":
        return False
    if step.body:
        return is_not_negative(step)
    numbers = [part for part in step.inputs if part.dtype.startswith(("float", "bfloat"))]  # neither shapes nor axes
    return operation(step.op).keeps_sign and all(part.active and not_negative(part, producer) for part in numbers)
