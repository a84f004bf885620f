"""Every built-in Keras layer and activation as small models, and how each is classified.

The contract test runs them, the coverage table in the docs is made from them. A layer or activation of a newer Keras
that is not classified here fails the test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops
LENGTH = 12

#: The shape that a layer under test takes, made from (LENGTH, 4) one-hot input by a dense layer, so linearly.
SHAPES = {
    "flat": (6,),
    "sequence": (LENGTH, 4),
    "plane": (6, 4, 2),
    "image": (8, 6, 3),
    "volume": (4, 3, 2, 2),
    "steps": (3, 8, 2),
    "frames": (3, 4, 4, 2),
    "boxes": (3, 3, 3, 2, 2),
    "signal": (64, 1),
    "samples": (64,),
}


@dataclass(frozen=True)
class Case:
    """``build`` maps a tensor of the given shape to one that depends on it; ``linear`` says in a linear way."""

    name: str
    label: str
    shape: str
    build: Callable
    linear: bool = False

    @property
    def id(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name


CASES: list[Case] = []
#: Layers that make integers, strings or random numbers of their input: refused by name.
REFUSED: dict[str, Callable] = {}
#: What is not a layer to run by itself, and why.
NOT_RUN: dict[str, str] = {}


def case(name: str, shape: str, build, label: str = "", linear: bool = False) -> None:
    CASES.append(Case(name, label, shape, build, linear))


def layer(name: str, shape: str, *arguments, label: str = "", linear: bool = False, **options) -> None:
    """The layer of that name with these arguments, applied to one tensor."""
    case(name, shape, lambda h: getattr(K, name)(*arguments, **options)(h), label, linear=linear)


def merge(name: str, linear: bool, label: str = "", **options) -> None:
    case(name, "sequence", lambda h: getattr(K, name)(**options)([h, K.Dense(4)(h), K.Dense(4)(h)][: _arity(name)]),
         label, linear=linear)  # fmt: skip


def _arity(name: str) -> int:
    return 2 if name in ("Subtract", "Dot") else 3


# Convolutions and dense layers
for padding in ("same", "valid", "causal"):
    layer("Conv1D", "sequence", 3, 3, padding=padding, label=padding, linear=True)
    layer("Conv1D", "sequence", 3, 2, padding=padding, dilation_rate=2, label=f"dilated-{padding}", linear=True)
layer("Conv1D", "sequence", 4, 3, strides=2, label="strided", linear=True)
layer("Conv1D", "sequence", 6, 3, groups=2, label="grouped", linear=True)
layer("Conv1D", "sequence", 6, 3, groups=2, strides=2, padding="same", label="grouped-strided", linear=True)
layer("Conv1D", "sequence", 4, 2, groups=2, dilation_rate=2, padding="same", label="grouped-dilated", linear=True)
layer("Conv1D", "sequence", 3, 3, activation="relu", label="relu")
for dims, shape in ((2, "plane"), (3, "volume")):
    layer(f"Conv{dims}D", shape, 3, 2, padding="same", label="same", linear=True)
    layer(f"Conv{dims}D", shape, 3, 2, padding="valid", strides=2, label="strided", linear=True)
    layer(f"Conv{dims}D", shape, 4, 2, groups=2, padding="same", label="grouped", linear=True)
    layer(f"Conv{dims}D", shape, 2, 2, dilation_rate=2, padding="same", label="dilated", linear=True)
    layer(f"Conv{dims}DTranspose", shape, 3, 3, strides=2, padding="same", label="same", linear=True)
    layer(f"Conv{dims}DTranspose", shape, 2, 2, label="valid", linear=True)
layer("Conv2DTranspose", "plane", 2, 2, dilation_rate=2, label="dilated", linear=True)
layer("Conv1DTranspose", "sequence", 3, 3, strides=2, padding="same", label="same", linear=True)
layer("Conv1DTranspose", "sequence", 3, 2, padding="valid", label="valid", linear=True)
layer("Conv1DTranspose", "sequence", 3, 2, dilation_rate=2, label="dilated", linear=True)
for name, shape in (("1D", "sequence"), ("2D", "plane")):
    layer(f"DepthwiseConv{name}", shape, 2, padding="same", depth_multiplier=2, label="same", linear=True)
    layer(f"DepthwiseConv{name}", shape, 2, strides=2, label="strided", linear=True)
    layer(f"DepthwiseConv{name}", shape, 2, dilation_rate=2, label="dilated", linear=True)
    layer(f"SeparableConv{name}", shape, 3, 2, padding="same", depth_multiplier=2, label="same", linear=True)
    layer(f"SeparableConv{name}", shape, 3, 2, strides=2, label="strided", linear=True)
    layer(f"SeparableConv{name}", shape, 3, 2, dilation_rate=2, label="dilated", linear=True)
layer("Dense", "sequence", 3, label="sequence", linear=True)
layer("Dense", "flat", 9, activation="relu", label="relu")
layer("EinsumDense", "sequence", "abc,cd->abd", (LENGTH, 3), label="channels", linear=True)
layer("EinsumDense", "sequence", "abc,bd->adc", (5, 4), bias_axes="d", label="positions", linear=True)
case("ReversibleEmbedding", "sequence", lambda h: K.ReversibleEmbedding(5, 4)(h, reverse=True), linear=True)
case("ReversibleEmbedding", "sequence", lambda h: K.ReversibleEmbedding(5, 4, logit_soft_cap=2.0)(h, reverse=True),
     "soft-cap")  # fmt: skip
case("SpectralNormalization", "sequence", lambda h: K.SpectralNormalization(K.Conv1D(3, 3))(h), linear=True)
case("SpectralNormalization", "flat", lambda h: K.SpectralNormalization(K.Dense(9, activation="relu"))(h), "dense")
case("TimeDistributed", "steps", lambda h: K.TimeDistributed(K.Dense(3))(h), "dense", linear=True)
case("TimeDistributed", "steps", lambda h: K.TimeDistributed(K.Conv1D(3, 3, activation="relu"))(h), "conv")
case("TimeDistributed", "steps", lambda h: K.TimeDistributed(K.BatchNormalization())(h), "norm", linear=True)
case("TimeDistributed", "steps", lambda h: K.TimeDistributed(K.GlobalMaxPooling1D())(h), "pool")

# Pooling
for dims, shape in ((1, "sequence"), (2, "plane"), (3, "volume")):
    layer(f"AveragePooling{dims}D", shape, 2, label="plain", linear=True)
    layer(f"AveragePooling{dims}D", shape, 3, strides=1, padding="same", label="overlapping", linear=True)
    layer(f"MaxPooling{dims}D", shape, 2, label="plain")
    layer(f"MaxPooling{dims}D", shape, 3, strides=1, padding="same", label="overlapping")
    layer(f"AdaptiveAveragePooling{dims}D", shape, 2, linear=True)
    layer(f"AdaptiveMaxPooling{dims}D", shape, 2)
    layer(f"GlobalAveragePooling{dims}D", shape, linear=True)
    layer(f"GlobalAveragePooling{dims}D", shape, keepdims=True, label="keepdims", linear=True)
    layer(f"GlobalMaxPooling{dims}D", shape)
layer("AdaptiveAveragePooling1D", "sequence", 5, label="uneven", linear=True)
layer("AdaptiveMaxPooling1D", "sequence", 5, label="uneven")
case("MaxPooling1D", "sequence", lambda h: K.MaxPooling1D(3, 2)(ops.relu(h - 0.5)), "ties")

# Normalisation
layer("BatchNormalization", "sequence", linear=True)
layer("BatchNormalization", "sequence", axis=1, label="axis-1", linear=True)
layer("BatchNormalization", "plane", label="plane", linear=True)
layer("BatchNormalization", "flat", label="flat", linear=True)
layer("LayerNormalization", "sequence", epsilon=1e-2)
layer("LayerNormalization", "sequence", axis=[1, 2], epsilon=1e-2, label="axes")
layer("LayerNormalization", "sequence", epsilon=1e-2, center=False, scale=False, label="bare")
layer("GroupNormalization", "sequence", 2, epsilon=1e-2)
layer("GroupNormalization", "sequence", -1, epsilon=1e-2, label="instance")
layer("GroupNormalization", "plane", 1, epsilon=1e-2, label="plane")
layer("RMSNormalization", "sequence", epsilon=1e-2)
layer("UnitNormalization", "sequence")
layer("UnitNormalization", "sequence", axis=[1, 2], label="axes")
layer("Normalization", "sequence", mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 1.5], linear=True)
layer("Normalization", "sequence", mean=0.3, variance=2.0, axis=None, invert=True, label="invert", linear=True)

# Merging
for name in ("Add", "Average", "Concatenate", "Subtract"):
    merge(name, linear=True)
for name in ("Multiply", "Maximum", "Minimum"):
    merge(name, linear=False)
merge("Concatenate", linear=True, label="axis-1", axis=1)
for axes in (1, 2, (1, 1), (2, 2)):
    merge("Dot", linear=False, label=f"axes-{axes}".replace(" ", ""), axes=axes)
merge("Dot", linear=False, label="normalize", axes=2, normalize=True)
case("Dot", "flat", lambda h: K.Dot(1)([h, K.Dense(6)(h)]), "flat")
case("Multiply", "sequence", lambda h: K.Multiply()([h, h]), "itself")
case("Multiply", "sequence", lambda h: K.Multiply()([h, K.Dense(4, activation="sigmoid")(
    K.GlobalAveragePooling1D(keepdims=True)(h))]), "squeeze-excitation")  # fmt: skip
case("Maximum", "sequence", lambda h: K.Maximum()([h, keras.ops.mean(h, -1, keepdims=True)]), "broadcast")
case("Add", "sequence", lambda h: K.Add()([h, K.GlobalAveragePooling1D(keepdims=True)(h)]), "broadcast", linear=True)

# Attention
case("Attention", "sequence", lambda h: K.Attention()([K.Dense(4)(h), h]))
case("Attention", "sequence", lambda h: K.Attention(use_scale=True, score_mode="concat")([K.Dense(4)(h), h]), "concat")
case("Attention", "sequence", lambda h: K.Attention()([h, h], use_causal_mask=True), "causal")
case("AdditiveAttention", "sequence", lambda h: K.AdditiveAttention()([h, K.Dense(4)(h), h]))
case("MultiHeadAttention", "sequence", lambda h: K.MultiHeadAttention(2, 3)(h, h))
case("MultiHeadAttention", "sequence", lambda h: K.MultiHeadAttention(2, 3)(h, h, use_causal_mask=True), "causal")
case("MultiHeadAttention", "sequence", lambda h: K.MultiHeadAttention(1, 3, flash_attention=False)(h, K.Dense(3)(h)),
     "cross")  # fmt: skip
case("MultiHeadAttention", "steps", lambda h: K.MultiHeadAttention(2, 3, attention_axes=(2,))(h, h), "axes")
case("GroupQueryAttention", "sequence", lambda h: K.GroupQueryAttention(3, 4, 2)(h, h))

# Views, moves, copies
layer("Cropping1D", "sequence", (2, 1), linear=True)
layer("Cropping2D", "plane", ((1, 1), (0, 1)), linear=True)
layer("Cropping3D", "volume", ((1, 1), (0, 1), (0, 1)), linear=True)
layer("ZeroPadding1D", "sequence", (2, 1), linear=True)
layer("ZeroPadding2D", "plane", linear=True)
layer("ZeroPadding3D", "volume", linear=True)
layer("UpSampling1D", "sequence", 3, linear=True)
layer("UpSampling2D", "plane", linear=True)
layer("UpSampling2D", "plane", (2, 3), interpolation="bilinear", label="bilinear", linear=True)
layer("UpSampling2D", "plane", interpolation="bicubic", label="bicubic", linear=True)
layer("UpSampling2D", "plane", interpolation="lanczos3", label="lanczos", linear=True)
layer("UpSampling3D", "volume", linear=True)
layer("Flatten", "plane", linear=True)
layer("Reshape", "sequence", (6, 8), linear=True)
layer("Permute", "sequence", (2, 1), linear=True)
layer("RepeatVector", "flat", 3, linear=True)
layer("Identity", "sequence", linear=True)
layer("CenterCrop", "image", 4, 4, linear=True)
layer("Resizing", "image", 5, 4, label="bilinear", linear=True)
layer("Resizing", "image", 5, 4, interpolation="nearest", label="nearest", linear=True)
layer("Resizing", "image", 5, 4, interpolation="bicubic", antialias=True, label="bicubic-antialias", linear=True)
layer("Resizing", "image", 5, 4, pad_to_aspect_ratio=True, label="padded", linear=True)
layer("Resizing", "image", 5, 4, crop_to_aspect_ratio=True, label="cropped", linear=True)
layer("Rescaling", "sequence", 0.3, 0.1, linear=True)

# Switched off at inference
for name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D"):
    layer(name, "sequence", 0.4, linear=True)
layer("SpatialDropout2D", "plane", 0.4, linear=True)
layer("SpatialDropout3D", "volume", 0.4, linear=True)
layer("ActivityRegularization", "sequence", l1=0.1, linear=True)
for name, options in {
    "AugMix": {}, "CutMix": {}, "MixUp": {}, "RandAugment": {}, "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.2}, "RandomColorJitter": {"contrast_factor": 0.2},
    "RandomContrast": {"factor": 0.2}, "RandomElasticTransform": {}, "RandomErasing": {}, "RandomFlip": {},
    "RandomGaussianBlur": {}, "RandomGrayscale": {}, "RandomHue": {"factor": 0.2}, "RandomInvert": {},
    "RandomPerspective": {}, "RandomPosterization": {"factor": 4}, "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.2}, "RandomSharpness": {"factor": 0.2}, "RandomShear": {"x_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2}, "RandomZoom": {"height_factor": 0.2},
}.items():  # fmt: skip
    layer(name, "image", linear=True, **options)

case("Equalization", "image", lambda h: K.Lambda(lambda t: K.Equalization()(t, training=False))(h), linear=True)
# Keras declares the cropped shape, but at inference it does not crop.
case("RandomCrop", "image", lambda h: K.GlobalAveragePooling2D()(K.RandomCrop(4, 4)(h)), linear=True)

# Activations as layers
layer("Activation", "sequence", "tanh")
layer("ELU", "sequence", 0.7)
layer("LeakyReLU", "sequence")
layer("PReLU", "sequence", shared_axes=[1])
layer("ReLU", "sequence", label="plain")
layer("ReLU", "sequence", max_value=0.5, negative_slope=0.1, threshold=0.1, label="all")
layer("Softmax", "sequence", label="channels")
layer("Softmax", "sequence", axis=1, label="positions")
layer("Softmax", "sequence", axis=(1, 2), label="both")
case("Softmax", "sequence", lambda h: K.Dot(1)([K.Softmax(axis=1)(K.Dense(2)(h)), h]), "attention-pooling")
case("Lambda", "sequence", lambda h: K.Lambda(lambda t: tf.nn.relu(t) * tf.exp(-tf.square(t)))(h))
case("Pipeline", "image", lambda h: K.Pipeline([K.Rescaling(0.5), K.CenterCrop(4, 4)])(h), linear=True)
case("Masking", "sequence", lambda h: K.Masking(mask_value=9.0)(h), linear=True)
case("Solarization", "image", lambda h: K.Solarization(0.1, threshold_factor=0.1, value_range=(0, 1))(h), linear=True)
case("AutoContrast", "image", lambda h: K.AutoContrast(value_range=(0, 1))(h))
case("STFTSpectrogram", "signal", lambda h: K.STFTSpectrogram("magnitude", 8)(h), "magnitude")
case("STFTSpectrogram", "signal", lambda h: K.STFTSpectrogram("real", 8)(h), "real", linear=True)
case("STFTSpectrogram", "signal", lambda h: K.STFTSpectrogram("log", 8)(h), "log")
case("STFTSpectrogram", "signal", lambda h: K.STFTSpectrogram("psd", 8)(h), "psd")
case(
    "MelSpectrogram",
    "samples",
    lambda h: K.MelSpectrogram(16, 8, num_mel_bins=4, sampling_rate=100, power_to_db=False)(h),
)

# Recurrent
for name in ("LSTM", "GRU", "SimpleRNN"):
    layer(name, "sequence", 3, label="last")
    layer(name, "sequence", 3, return_sequences=True, go_backwards=True, label="sequences")
    case("Bidirectional", "sequence", lambda h, name=name: K.Bidirectional(getattr(K, name)(2))(h), name)
    case("RNN", "sequence", lambda h, name=name: K.RNN(getattr(K, f"{name}Cell")(3))(h), name)
layer("GRU", "sequence", 3, reset_after=False, label="original")
layer("LSTM", "sequence", 3, unroll=True, label="unrolled")
case("StackedRNNCells", "sequence", lambda h: K.RNN(K.StackedRNNCells([K.LSTMCell(2), K.GRUCell(3)]))(h))
layer("ConvLSTM1D", "steps", 2, 3)
layer("ConvLSTM2D", "frames", 2, 2)
layer("ConvLSTM3D", "boxes", 2, 2)
for name in ("LSTMCell", "GRUCell", "SimpleRNNCell"):
    NOT_RUN[name] = "one turn of a loop, which RNN runs"

NOT_RUN.update(
    Layer="base class",
    Wrapper="base class",
    InputSpec="a shape, not a layer",
    InputLayer="every model here begins with one",
    FlaxLayer="runs on JAX, not on TensorFlow",
    JaxLayer="runs on JAX, not on TensorFlow",
    TorchModuleWrapper="runs on Torch, not on TensorFlow",
    MaxNumBoundingBoxes="takes labels, not numbers that a network computes",
    Embedding="takes integers; tested with integer-coded models",
    TFSMLayer="takes a SavedModel from disk; tested with kinds of models",
)


def _as_image(layer, h):
    """Some layers cannot be drawn, only called."""
    image = K.Reshape((4, 4, 3))(K.Dense(48)(h))
    return K.Lambda(lambda t: layer(t), output_shape=(4, 4, 3), name=f"Holds{type(layer).__name__}")(image)


# Refused by name
REFUSED.update(
    CategoryEncoding=lambda h: K.CategoryEncoding(4)(h),
    Discretization=lambda h: K.Discretization([0.0, 0.5])(h),
    HashedCrossing=lambda h: K.HashedCrossing(4)((ops.cast(h[:, :1], "int32"), ops.cast(h[:, 1:2], "int32"))),
    Hashing=lambda h: K.Hashing(4)(ops.cast(h, "int32")),
    IntegerLookup=lambda h: K.IntegerLookup(vocabulary=[1, 2])(ops.cast(h, "int32")),
    ContrastLimitedAdaptiveHistogramEqualization=lambda h: _as_image(
        K.ContrastLimitedAdaptiveHistogramEqualization(value_range=(0, 1), tile_grid_size=(1, 1)), h
    ),
)
NOT_RUN.update(StringLookup="takes strings", TextVectorization="takes strings")

# Activations, each by the name that keras.activations has for it
LINEAR_ACTIVATIONS = {"linear"}
NO_ACTIVATION = {"get", "serialize", "deserialize"}
#: Sorts, sums and compares; up to Keras 3.15 it is not continuous (its rows do not sum to one), so no rule can hold.
REFUSED_ACTIVATIONS = {"sparsemax"}


def activation_names() -> list[str]:
    module = keras.activations
    return sorted(n for n in dir(module) if callable(getattr(module, n)) and n not in NO_ACTIVATION)


def layer_names() -> list[str]:
    """Layers that Keras exports, each class under the longest of its names."""
    names: dict[type, str] = {}
    for name in dir(K):
        found = getattr(K, name)
        if inspect.isclass(found) and len(name) > len(names.get(found, "")):
            names[found] = name
    return sorted(names.values())


def canonical(name: str) -> type:
    return getattr(K, name)


def shaped(inputs, shape: str):
    """A tensor of the named shape that depends linearly on the input."""
    if shape == "sequence":
        return K.Dense(4)(inputs)
    sizes = SHAPES[shape]
    return K.Reshape(sizes)(K.Dense(int(np.prod(sizes)))(K.Flatten()(inputs)))


def body(shape: str, seed: int):
    """Input and a tensor of the named shape."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((LENGTH, 4))
    return inputs, shaped(inputs, shape)


def randomised(model, seed: int):
    """Random weights of all kinds, batch statistics and scales among them."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" in variable.path or not str(variable.dtype).startswith(("float", "bfloat")):
            continue
        fan = max(1, int(np.prod(variable.shape[:-1])))
        positive = "variance" in variable.path or "gamma" in variable.path
        new = rng.uniform(0.5, 2, variable.shape) if positive else rng.normal(0, 1.5 / fan**0.5, variable.shape)
        variable.assign(new * (rng.choice([-1, 1], variable.shape) if "gamma" in variable.path else 1))
    return model


def model_of(branches, seed: int = 0):
    """``branches``: (shape, function of a tensor of that shape); their sum after a dense layer each."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((LENGTH, 4))
    outputs = [K.Dense(2)(K.Flatten()(function(shaped(inputs, shape)))) for shape, function in branches]
    return randomised(keras.Model(inputs, K.Add()(outputs) if len(outputs) > 1 else outputs[0]), seed)


def build(cases, seed: int = 0):
    """One case, or several side by side, as a model."""
    cases = [cases] if isinstance(cases, Case) else cases
    return model_of([(case.shape, case.build) for case in cases], seed)


def through(functions, seed: int = 3):
    """Functions of (N, LENGTH, 4) tensors side by side, each in a layer called by its name."""

    def branch(name, function):
        return "sequence", lambda h: K.Lambda(function, name=name)(h)

    return model_of([branch(name, function) for name, function in functions.items()], seed)
