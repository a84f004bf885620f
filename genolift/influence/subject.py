"""A network taken apart for influence: its last hidden layer, its logits, and how they move with its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from genolift.influence.losses import Loss, loss_of
from genolift.models.zoo import ARCHITECTURES
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import UnsupportedModel
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow, require_eager

_ENDS = {"sigmoid": "sigmoid", "softmax": "softmax", "linear": "linear"}


class Subject:
    """A Keras 3 model with one input of DNA that ends in a dense layer with one output per task.

    Attributes
    ----------
    model : keras.Model
        The network.
    loss : Loss
        The loss that belongs to its last activation.
    dense : keras.layers.Dense
        Its last dense layer, whose outputs are the logits.
    variables : list
        Its trainable weights.
    tasks : int
        The number T of outputs.
    width : int
        The number D of units of the last hidden layer.

    Parameters
    ----------
    model
        The network.

    Raises
    ------
    UnsupportedModel
        If it is something else.
    """

    def __init__(self, model: Any):
        tf = quiet_tensorflow()
        require_eager()
        import keras

        _check(model)
        self.model = model
        self.dense, activation = _end(model)
        self.loss: Loss = loss_of(activation)
        self.hidden = keras.Model(model.inputs, self.dense.input)
        self.tasks, self.width = int(self.dense.units), int(self.dense.kernel.shape[0])
        self.length: int | None = model.inputs[0].shape[1]
        self.variables = [variable.value for variable in model.trainable_variables]
        if not self.variables:
            raise UnsupportedModel(f"model {model.name!r} has no trainable weight, so no training sequence taught it")
        self.sizes = [int(np.prod(variable.shape)) for variable in self.variables]
        self.parameters = sum(self.sizes)
        input_shape = tf.TensorSpec(model.inputs[0].shape, tf.float32)
        by_task = tf.TensorSpec([None, self.tasks], tf.float32)
        flat = tf.TensorSpec([None, self.parameters], tf.float32)
        self._run_hidden = compiled(self._hidden, input_signature=[input_shape])
        self._run_back = compiled(self._back, input_signature=[input_shape, by_task])
        by_direction = tf.TensorSpec([None, None, self.tasks], tf.float32)
        self._run_backs = compiled(self._backs, input_signature=[input_shape, by_direction])
        self._run_along = compiled(self._along, input_signature=[input_shape, flat])

    # -- the last layer --------------------------------------------------------------------------------------------

    def features(self, X: np.ndarray) -> np.ndarray:
        """Return the last hidden layer (B, D) float32 for sequences (B, L, 4)."""
        with exact_float32:
            return self._run_hidden(quiet_tensorflow().constant(X, "float32")).numpy()

    def weights(self) -> np.ndarray:
        """Return the weights of the last layer, (D + 1, T) float64, of which the last row is the bias."""
        kernel = np.asarray(self.dense.kernel, dtype=np.float64)
        bias = np.asarray(self.dense.bias, dtype=np.float64) if self.dense.use_bias else np.zeros(self.tasks)
        return np.concatenate([kernel, bias[None]])

    def logits_of(self, features: np.ndarray) -> np.ndarray:
        """Return the logits (B, T) float64 of the last hidden layer."""
        weights = self.weights()
        return features.astype(np.float64) @ weights[:-1] + weights[-1]

    # -- all trainable weights -------------------------------------------------------------------------------------

    def logits(self, X: np.ndarray) -> np.ndarray:
        """Return the logits (B, T) float64 for sequences (B, L, 4)."""
        return self.logits_of(self.features(X))

    def back(self, X: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return Jᵀ s: the derivative by all weights (P,) of the logits, weighted by ``slopes`` (B, T) and summed."""
        tf = quiet_tensorflow()
        with exact_float32:
            return self._run_back(tf.constant(X, "float32"), tf.constant(slopes, "float32")).numpy()

    def backs(self, X: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return :meth:`back` for several weightings (B, T, K), as (K, P)."""
        tf = quiet_tensorflow()
        with exact_float32:
            return self._run_backs(
                tf.constant(X, "float32"), tf.constant(np.moveaxis(slopes, -1, 0), "float32")
            ).numpy()

    def along(self, X: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return J v: how the logits move along directions (K, P) in the weights, (B, T, K)."""
        tf = quiet_tensorflow()
        with exact_float32:
            moves = self._run_along(tf.constant(X, "float32"), tf.constant(directions, "float32")).numpy()
        return np.moveaxis(moves, 0, -1).astype(np.float64)

    def _hidden(self, x: Tensor) -> Tensor:
        return self.hidden(x, training=False)

    def traced_end(self, features: Tensor) -> Tensor:
        """Return the logits of the last hidden layer as a tensor."""
        logits = quiet_tensorflow().matmul(features, self.dense.kernel.value)
        return logits + self.dense.bias.value if self.dense.use_bias else logits

    def _back(self, x: Tensor, slopes: Tensor) -> Tensor:
        tf = quiet_tensorflow()
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(slopes * self.traced_end(self._hidden(x)))
        return self._flat(tape.gradient(total, self.variables, unconnected_gradients="zero"))

    def _backs(self, x: Tensor, slopes: Tensor) -> Tensor:
        return quiet_tensorflow().map_fn(lambda one: self._back(x, one), slopes)

    def _along(self, x: Tensor, directions: Tensor) -> Tensor:
        """Differentiate the backward pass by the slopes that it begins with, which gives the forward direction."""
        tf = quiet_tensorflow()

        def one(direction: Tensor) -> Tensor:
            with tf.GradientTape() as outer:
                slopes = tf.zeros([tf.shape(x)[0], self.tasks])
                outer.watch(slopes)
                moved = tf.reduce_sum(self._back(x, slopes) * direction)
            return outer.gradient(moved, slopes, unconnected_gradients="zero")

        return tf.map_fn(one, directions)

    def _flat(self, parts: list[Tensor]) -> Tensor:
        tf = quiet_tensorflow()
        return tf.concat([tf.reshape(tf.convert_to_tensor(part), [-1]) for part in parts], axis=0)

    def block_size(self, budget: int) -> int:
        """Return how many sequences are computed at once in a budget of bytes."""
        widest = sum(
            float(np.prod([size or self.length or 1 for size in output.shape[1:]], dtype=float))
            for operation in self.model.operations
            for node in operation._inbound_nodes
            for output in node.outputs
        )
        # Activations, their slopes and the slopes of these, in float32.
        return int(np.clip(budget / (3 * 4 * max(widest, 1)), 1, 256))


def _check(model: Any) -> None:
    import keras

    kind = f"{type(model).__module__}.{type(model).__name__}"
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        raise UnsupportedModel(
            f"influence needs the trainable layers of a functional or sequential Keras 3 model, and {kind} is none"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnsupportedModel(
            f"influence takes a model with one input and one output; {model.name!r} has {len(model.inputs)} and "
            f"{len(model.outputs)}"
        )
    shape, output = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if not is_dna(shape[1:]):
        raise UnsupportedModel(f"influence takes a model of DNA (N, length, 4); {model.name!r} takes {shape}")
    if len(output) != 2:
        raise UnsupportedModel(
            f"influence takes a model with one output per task, (N, T), such as {', '.join(ARCHITECTURES)}; "
            f"{model.name!r} gives {output}"
        )
    for layer in model._flatten_layers(include_self=False, recursive=True):
        for name in ("kernel", "bias", "activity", "embeddings"):
            if getattr(layer, f"{name}_regularizer", None) is not None:
                raise UnsupportedModel(
                    f"layer {layer.name!r} is trained with a penalty ({name}_regularizer), which the curvature of the "
                    "loss does not hold; influence takes models without penalties"
                )


def _end(model: Any) -> tuple[Any, str]:
    """Return the last dense layer and the activation behind it."""
    import keras

    (last,) = (model.outputs[0]._keras_history.operation,)
    activation = "linear"
    if isinstance(last, keras.layers.Activation | keras.layers.Softmax):
        softmax = isinstance(last, keras.layers.Softmax)
        activation = "softmax" if softmax else getattr(last.activation, "__name__", "another")
        (tensor,) = last._inbound_nodes[0].input_tensors if len(last._inbound_nodes) == 1 else (None,)
        last = None if tensor is None else tensor._keras_history.operation
    if not isinstance(last, keras.layers.Dense):
        name = "an unknown layer" if last is None else repr(last.name)
        raise UnsupportedModel(f"influence takes a model that ends in a dense layer; {model.name!r} ends in {name}")
    own = getattr(last.activation, "__name__", "another")
    if own != "linear":
        activation = own if activation == "linear" else f"{own} and {activation}"
    if activation not in _ENDS:
        raise UnsupportedModel(
            f"model {model.name!r} ends in {activation}; influence knows the loss of sigmoid, softmax and linear ends"
        )
    if len(last._inbound_nodes) != 1 or len(last.input.shape) != 2:
        raise UnsupportedModel(f"the last layer {last.name!r} of model {model.name!r} is used at several places")
    return last, activation
