"""Gradients of single sequences by the weights of dense and convolutional layers: what goes in, and what comes back.

A dense layer's gradient is Σ a gᵀ over the places where it is applied, with its input a (and a 1 for the bias) and the
derivative g by what it gives before its activation. A convolution is a dense layer of patches (Grosse & Martens 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from genolift.influence.subject import Subject
from genolift.support.errors import UnsupportedModel
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow


class Weighted:
    """A dense or convolutional layer.

    Attributes
    ----------
    layer : keras.layers.Layer
        The layer.
    rows, columns : int
        The size of its matrix of weights: inputs (with one for the bias, if there is one), and outputs.
    """

    def __init__(self, layer: Any):
        self.layer = layer
        shape = tuple(layer.kernel.shape)
        self.rows, self.columns = int(np.prod(shape[:-1])) + bool(layer.use_bias), int(shape[-1])

    @property
    def variables(self) -> list[Any]:
        """Its weights."""
        return [self.layer.kernel, self.layer.bias] if self.layer.use_bias else [self.layer.kernel]

    def patches(self, x: Tensor) -> Tensor:
        """Return the inputs at each place where the layer is applied, (B, places, rows)."""
        tf = quiet_tensorflow()
        rank = len(self.layer.kernel.shape) - 2
        if rank == 1:
            x = _patches(x, self.layer)
        elif rank == 2:
            ones = lambda sizes: [1, *sizes, 1]  # noqa: E731
            x = tf.image.extract_patches(
                x,
                ones(self.layer.kernel_size),
                ones(self.layer.strides),
                ones(self.layer.dilation_rate),
                self.layer.padding.upper(),
            )
        flat = tf.reshape(x, [tf.shape(x)[0], -1, self.rows - bool(self.layer.use_bias)])
        if not self.layer.use_bias:
            return flat
        return tf.concat([flat, tf.ones_like(flat[..., :1])], axis=-1)

    def backwards(self, g: Tensor) -> Tensor:
        """Return the derivative at each place, (B, places, columns)."""
        tf = quiet_tensorflow()
        return tf.reshape(g, [tf.shape(g)[0], -1, self.columns])


def _patches(x: Tensor, layer: Any) -> Tensor:
    """Return the patches (B, places, width, channels) that a convolution over one axis sees."""
    tf = quiet_tensorflow()
    (width,), (stride,), (dilation,) = layer.kernel_size, layer.strides, layer.dilation_rate
    length, span = tf.shape(x)[1], (width - 1) * dilation + 1
    if layer.padding == "causal":
        x = tf.pad(x, [[0, 0], [span - 1, 0], [0, 0]])
    elif layer.padding == "same":
        room = tf.maximum((-(-length // stride) - 1) * stride + span - length, 0)
        x = tf.pad(x, [[0, 0], [room // 2, room - room // 2], [0, 0]])
    places = (tf.shape(x)[1] - span) // stride + 1
    return tf.gather(x, stride * tf.range(places)[:, None] + dilation * tf.range(width)[None], axis=1)


def weighted_layers(subject: Subject) -> list[Weighted]:
    """Return the trainable dense and convolutional layers, the last layer last.

    Raises
    ------
    UnsupportedModel
        If a layer of them is applied at several places, or its weights are not a plain matrix.
    """
    import keras

    kinds = keras.layers.Dense | keras.layers.Conv1D | keras.layers.Conv2D
    found = []
    for layer in subject.model._flatten_layers(include_self=False, recursive=True):
        if not isinstance(layer, kinds) or not layer.trainable or layer is subject.dense:
            continue
        if getattr(layer, "groups", 1) != 1 or getattr(layer, "data_format", "channels_last") != "channels_last":
            raise UnsupportedModel(
                f"layer {layer.name!r} has groups, or channels before positions; EK-FAC takes plain convolutions, and "
                "gauss-newton takes any"
            )
        found.append(Weighted(layer))
    return [*found, Weighted(subject.dense)]


class Gradients:
    """Computes inputs and derivatives of the layers of a network, sequence by sequence.

    Attributes
    ----------
    layers : list of Weighted
        The layers.
    left_out : list of str
        The paths of trainable weights that belong to none of them.

    Parameters
    ----------
    subject
        The network.
    """

    def __init__(self, subject: Subject):
        tf = quiet_tensorflow()
        self._subject = subject
        self.layers = weighted_layers(subject)
        covered = {id(variable) for layer in self.layers for variable in layer.variables}
        self.left_out = [v.path for v in subject.model.trainable_variables if id(v) not in covered]
        signature = [
            tf.TensorSpec(subject.model.inputs[0].shape, tf.float32),
            tf.TensorSpec([None, subject.tasks], tf.float32),
        ]
        self._run_factors = compiled(self._factors, input_signature=signature)
        self._run_gradients = compiled(self._gradients, input_signature=signature)

    @property
    def sizes(self) -> list[int]:
        """The number of weights of each layer."""
        return [layer.rows * layer.columns for layer in self.layers]

    def trace(self) -> None:
        """Build the graph of the gradients; raise :class:`UnsupportedModel` where a layer is called twice."""
        self._run_gradients.get_concrete_function()

    def ordered(self, gradients: list[np.ndarray]) -> np.ndarray:
        """Return gradients by layer (B, rows, columns) as (B, P), in the order of the subject's weights."""
        parts: dict[int, np.ndarray] = {}
        for layer, one in zip(self.layers, gradients, strict=True):
            flat = one.reshape(len(one), -1)
            kernel = (layer.rows - bool(layer.layer.use_bias)) * layer.columns
            for variable, part in zip(layer.variables, (flat[:, :kernel], flat[:, kernel:]), strict=False):
                parts[id(variable)] = part
        return np.concatenate([parts[id(one)] for one in self._subject.model.trainable_variables], axis=1)

    def factors(self, X: np.ndarray, slopes: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return Σ a aᵀ and Σ g gᵀ of each layer over sequences and places, for slopes (B, T) by the logits."""
        inputs, backwards = self._called(self._run_factors, X, slopes)
        return [one.numpy() for one in inputs], [one.numpy() for one in backwards]

    def gradients(self, X: np.ndarray, slopes: np.ndarray) -> list[np.ndarray]:
        """Return the gradient of each sequence by the weights of each layer, (B, rows, columns)."""
        return [one.numpy() for one in self._called(self._run_gradients, X, slopes)]

    def _called(self, function: Callable[..., Any], X: np.ndarray, slopes: np.ndarray) -> Any:
        tf = quiet_tensorflow()
        with exact_float32:
            return function(tf.constant(X, "float32"), tf.constant(slopes, "float32"))

    def _factors(self, x: Tensor, slopes: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        tf = quiet_tensorflow()
        pairs = self._pairs(x, slopes)
        inputs = [tf.einsum("bpi,bpj->ij", a, a) for a, _ in pairs]
        return inputs, [tf.einsum("bpi,bpj->ij", g, g) for _, g in pairs]

    def _gradients(self, x: Tensor, slopes: Tensor) -> list[Tensor]:
        return [quiet_tensorflow().einsum("bpi,bpo->bio", a, g) for a, g in self._pairs(x, slopes)]

    def _pairs(self, x: Tensor, slopes: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return inputs and derivatives (B, places, ·) of each layer."""
        tf = quiet_tensorflow()
        *hidden, last = self.layers
        with tf.GradientTape() as tape, _listening([one.layer for one in hidden]) as heard:
            tape.watch(x)
            features = self._subject.hidden(x, training=False)
            total = tf.reduce_sum(slopes * self._subject.traced_end(features))
        before = [heard[id(one.layer)] for one in hidden]
        derivatives = tape.gradient(total, [z for _, z in before], unconnected_gradients="zero")
        pairs = [(one.patches(a), one.backwards(g)) for one, (a, _), g in zip(hidden, before, derivatives, strict=True)]
        return [*pairs, (last.patches(features), last.backwards(slopes))]


@contextmanager
def _listening(layers: list[Any]) -> Iterator[dict[int, tuple[Tensor, Tensor]]]:
    """Yield a dict that gets the input and the output before the activation of each layer that is called meanwhile.

    Raises
    ------
    UnsupportedModel
        If a layer is called twice, or not at all.
    """
    heard: dict[int, tuple[Tensor, Tensor]] = {}
    with ExitStack() as undo:
        for layer in layers:
            _listen(layer, heard, undo)
        yield heard
    for layer in layers:
        if id(layer) not in heard:
            raise UnsupportedModel(f"layer {layer.name!r} is not called as a layer, so EK-FAC cannot see its inputs")


def _listen(layer: Any, heard: dict[int, tuple[Tensor, Tensor]], undo: ExitStack) -> None:
    call, activation = layer.call, layer.activation
    inputs: list[Tensor] = []

    def called(x: Tensor, *arguments: Any, **options: Any) -> Tensor:
        if inputs:
            raise UnsupportedModel(
                f"layer {layer.name!r} is called more than once, and EK-FAC needs each layer at one place; "
                "gauss-newton takes any"
            )
        inputs.append(x)
        return call(x, *arguments, **options)

    def activated(z: Tensor) -> Tensor:
        z = quiet_tensorflow().identity(z)
        heard[id(layer)] = inputs[0], z
        return z if activation is None else activation(z)

    def restore() -> None:
        del layer.call
        layer.activation = activation

    layer.call, layer.activation = called, activated
    undo.callback(restore)


class Moves:
    """How logits move with all trainable weights, by Jacobians of single sequences wherever that costs less.

    The Jacobian of a sequence takes a backward pass for each task, and then serves any number of directions. It is
    known where all trainable weights are those of dense and convolutional layers at one place each. Elsewhere, and
    where there are few directions, each direction takes passes of its own.

    Parameters
    ----------
    subject
        The network.
    memory
        The budget in bytes.
    """

    def __init__(self, subject: Subject, memory: int):
        self._subject = subject
        self._size = int(max(1, memory / 8 / (4 * subject.tasks * subject.parameters)))
        self._of: Gradients | None = None
        try:
            of = Gradients(subject)
            if not of.left_out:
                # Layers that are called twice are noticed only as the network runs.
                of.trace()
                self._of = of
        except UnsupportedModel:
            pass

    def _fast(self, directions: int) -> bool:
        return self._of is not None and self._subject.tasks <= 2 * directions

    def _jacobians(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield parts of the sequences, and their Jacobians (B, T, P) with the weights in the subject's order."""
        assert self._of is not None
        tasks = np.eye(self._subject.tasks, dtype=np.float32)
        for start in range(0, len(X), self._size):
            rows = slice(start, start + self._size)
            each = []
            for task in tasks:
                gradients = self._of.gradients(X[rows], np.repeat(task[None], len(X[rows]), axis=0))
                each.append(self._of.ordered(gradients))
            yield rows, np.stack(each, axis=1)

    def along(self, X: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return J v: how the logits move along directions (K, P), (B, T, K)."""
        if not self._fast(len(directions)):
            return self._subject.along(X, directions)
        columns = np.ascontiguousarray(directions.T, dtype=np.float32)
        return np.concatenate([jacobian @ columns for _, jacobian in self._jacobians(X)]).astype(np.float64)

    def curved(self, X: np.ndarray, directions: np.ndarray, bend: Callable[[slice, np.ndarray], np.ndarray]) -> Any:
        """Return Σ Jᵀ C J v for directions (K, P), (K, P); ``bend`` gives C of some rows times moves (B, T, K)."""
        if not self._fast(len(directions)):
            moves = self._subject.along(X, directions)
            return self._subject.backs(X, bend(slice(0, len(X)), moves))
        columns, total = np.ascontiguousarray(directions.T, dtype=np.float32), np.zeros(directions.shape)
        for rows, jacobian in self._jacobians(X):
            bent = bend(rows, (jacobian @ columns).astype(np.float64)).astype(np.float32)
            flat = jacobian.reshape(-1, jacobian.shape[-1])
            total += bent.reshape(-1, bent.shape[-1]).T @ flat
        return total

    def gradients(self, X: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return the gradient of each sequence by all weights, (B, P), of its logits weighted by ``slopes`` (B, T)."""
        if self._of is None:
            return np.stack([self._subject.back(X[k : k + 1], slopes[k : k + 1]) for k in range(len(X))])
        parts = [slice(start, start + self._size) for start in range(0, len(X), self._size)]
        return np.concatenate([self._of.ordered(self._of.gradients(X[rows], slopes[rows])) for rows in parts])
