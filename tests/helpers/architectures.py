"""Random architectures out of the layers that models on DNA are made of, with random weights."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
LENGTH = 12
ACTIVATIONS = ["relu", "elu", "gelu", "silu", "softplus", "selu", "tanh", "sigmoid", "softsign", "mish", "relu6"]
ACTIVATIONS += ["leaky_relu", "hard_sigmoid", "hard_silu", "log_sigmoid", "tanh_shrink", "celu"]


def act(rng, h):
    if rng.random() < 0.1:
        return K.PReLU(shared_axes=[1] if len(h.shape) == 3 else None)(h)
    return K.Activation(str(rng.choice(ACTIVATIONS)))(h)


def conv(rng, h):
    return K.Conv1D(int(rng.integers(2, 6)), int(rng.integers(1, 4)), padding="same")(h)


def strided(rng, h):
    return K.Conv1D(4, 3, strides=2, padding=str(rng.choice(["same", "valid"])))(h)


def dilated(rng, h):
    return K.Conv1D(4, 2, dilation_rate=2, padding=str(rng.choice(["same", "valid", "causal"])))(h)


def separable(rng, h):
    return K.SeparableConv1D(4, 3, depth_multiplier=2, padding="same")(h)


def depthwise(rng, h):
    return K.DepthwiseConv1D(2, padding="same")(h)


def transposed(rng, h):
    return K.Conv1DTranspose(3, 3, strides=2, padding="same")(h)


def planar(rng, h):
    flat = K.Reshape((h.shape[1], h.shape[2], 1))(h)
    return K.Reshape((h.shape[1], -1))(K.Conv2D(2, (2, 3), padding="same")(flat))


def residual(rng, h):
    return K.Add()([h, K.Dense(h.shape[-1])(act(rng, conv(rng, h)))])


def gate(rng, h):
    width = h.shape[-1]
    return K.Multiply()([K.Dense(width)(h), K.Activation("sigmoid")(K.Conv1D(width, 3, padding="same")(h))])


def excite(rng, h):
    squeezed = K.Dense(h.shape[-1], activation="sigmoid")(K.GlobalAveragePooling1D(keepdims=True)(h))
    return K.Multiply()([h, squeezed])


def branches(rng, h):
    return K.Concatenate()([act(rng, conv(rng, h)), K.AveragePooling1D(3, 1, "same")(h)])


def extremum(rng, h):
    width = h.shape[-1]
    layer = K.Maximum() if rng.random() < 0.5 else K.Minimum()
    return layer([K.Dense(width)(h), K.Conv1D(width, 2, padding="same")(h)])


def attention(rng, h):
    return K.Add()([K.Dense(4)(h), K.Dense(4)(K.MultiHeadAttention(2, 3)(h, h))])


def softmax(rng, h):
    return K.Softmax(axis=int(rng.choice([1, 2])))(conv(rng, h))


def layer_norm(rng, h):
    return K.LayerNormalization(epsilon=1e-2)(h)


def group_norm(rng, h):
    return K.GroupNormalization(2, epsilon=1e-2)(K.Dense(4)(h))


def rms(rng, h):
    return K.RMSNormalization(epsilon=1e-2)(h)


def batch_norm(rng, h):
    return K.BatchNormalization()(h)


def average(rng, h):
    return K.AveragePooling1D(2, padding="same")(h)


def maximum(rng, h):
    return K.MaxPooling1D(3, int(rng.integers(1, 3)), "same")(h)


def moved(rng, h):
    return K.UpSampling1D(2)(K.Cropping1D(1)(K.ZeroPadding1D((2, 0))(h)))


def dropped(rng, h):
    return K.SpatialDropout1D(0.5)(K.GaussianNoise(0.5)(K.Dropout(0.5)(h)))


def functional(rng, h):
    """Operations on tensors that belong to no layer."""
    return keras.ops.square(h) * 0.3 + keras.ops.flip(h, 1) / (1.5 + keras.ops.square(h)) - 0.2


def nested(rng, h):
    inputs = keras.Input(h.shape[1:])
    inner = keras.Model(inputs, act(rng, conv(rng, inputs)))
    return K.Concatenate()([inner(h), inner(K.Dense(h.shape[-1])(h))])


BLOCKS = [conv, strided, dilated, separable, depthwise, transposed, planar, residual, gate, excite, branches, extremum]
BLOCKS += [attention, softmax, layer_norm, group_norm, rms, batch_norm, average, maximum, moved, dropped, functional]
BLOCKS += [nested]


def _attention_pooling(rng, h):
    weights = K.Softmax(axis=1)(K.Dense(1)(h))
    return K.Flatten()(K.Dot(axes=1)([weights, h]))


POOLING = [
    lambda rng, h: K.Flatten()(h),
    lambda rng, h: K.GlobalAveragePooling1D()(h),
    lambda rng, h: K.GlobalMaxPooling1D()(h),
    _attention_pooling,
]


def model(seed: int, blocks: list[int], pooling: int):
    """``blocks`` are numbers of :data:`BLOCKS`, each followed by a nonlinearity or not; two outputs."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((LENGTH, 4))
    h = inputs
    for block in blocks:
        h = BLOCKS[block](rng, h)
        h = act(rng, h) if rng.random() < 0.6 else h
    h = POOLING[pooling](rng, h)
    if rng.random() < 0.7:
        h = act(rng, K.Dense(5)(h))
    found = keras.Model(inputs, K.Dense(2)(act(rng, K.Dense(4)(h))))
    for variable in found.weights:
        if "seed" in variable.path:
            continue
        fan = max(1, int(np.prod(variable.shape[:-1])))
        positive = "variance" in variable.path or "gamma" in variable.path
        new = rng.uniform(0.5, 2, variable.shape) if positive else rng.normal(0, 1.5 / fan**0.5, variable.shape)
        variable.assign(new * (rng.choice([-1, 1], variable.shape) if "gamma" in variable.path else 1))
    return found
