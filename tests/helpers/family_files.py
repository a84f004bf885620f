"""The files that the pages of docs/how-to/families open: networks after the papers, with random weights, and a genome.

Each network has the inputs, outputs and structure of the published one, with fewer channels, and is written by the
library that wrote the published file. Basenji, Enformer and Borzoi are shorter too.
"""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import field_models  # noqa: E402
import keras  # noqa: E402
import tf_keras  # noqa: E402

CHROMOSOME = 41_000


def genome(path: Path) -> None:
    bases = np.random.default_rng(0).choice(list("ACGT"), CHROMOSOME)
    path.write_text(f">chr1\n{''.join(bases)}\n")


def peaks(path: Path) -> None:
    lines = [f"chr1\t{at}\t{at + 300}\tpeak{at}\t0\t.\t5\t-1\t-1\t150\n" for at in (8_000, 15_000, 22_000, 30_000)]
    path.write_text("".join(lines))


def spliceai(path: Path) -> None:
    """Groups of residual units with windows of 11, 11, 21 and 41 bases, dilated by 1, 4, 10 and 25."""
    K = tf_keras.layers
    x = tf_keras.Input((None, 4))
    h = K.Conv1D(3, 1)(x)
    skip = K.Conv1D(3, 1)(h)
    for width, rate in ((11, 1), (11, 4), (21, 10), (41, 25)):
        for _ in range(4):
            inner = h
            for _ in range(2):
                inner = K.Activation("relu")(K.BatchNormalization()(inner))
                inner = K.Conv1D(3, width, dilation_rate=rate, padding="same")(inner)
            h = K.add([inner, h])
        skip = K.add([skip, K.Conv1D(3, 1)(h)])
    out = K.Conv1D(3, 1, activation="softmax")(K.Cropping1D(5000)(skip))
    tf_keras.Model(x, out).save(path)


class ConvDNA(tf_keras.layers.Conv1D):
    """A convolution that remembers the length of its sequences."""

    def __init__(self, *args, seq_length=None, **options):
        super().__init__(*args, **options)
        self.seq_length = seq_length

    def get_config(self):
        return {**super().get_config(), "seq_length": self.seq_length}


class GlobalAveragePooling1D_Mask0(tf_keras.layers.Layer):
    """The mean over the positions at which the input has a base."""

    def call(self, inputs):
        h, x = inputs
        there = tf.reduce_max(x, axis=2, keepdims=True)
        return tf.reduce_sum(h * there, 1) / tf.maximum(tf.reduce_sum(there, 1), 1e-7)


class SplineWeight1D(tf_keras.layers.Layer):
    """Activations times a smooth weight of each position and channel."""

    def build(self, shape):
        positions = np.linspace(-1, 1, shape[1])
        self.bases = tf.constant(np.stack([positions**k for k in range(4)], 1), tf.float32)
        self.coefficients = self.add_weight("coefficients", (4, shape[2]), initializer="random_normal")

    def call(self, h):
        return h * (self.bases @ self.coefficients + 1)


def acceptor(path: Path) -> None:
    K = tf_keras.layers
    layers = [ConvDNA(8, 7, padding="same", activation="relu", seq_length=53, input_shape=(53, 4))]
    layers += [K.BatchNormalization(), K.Conv1D(4, 1, activation="relu"), K.BatchNormalization()]
    tf_keras.Sequential([*layers, K.Flatten(), K.Dropout(0.2), K.Dense(1)]).save(path)


def exon(path: Path) -> None:
    K = tf_keras.layers
    x = tf_keras.Input((None, 4))
    h = K.Activation("relu")(K.BatchNormalization()(K.Conv1D(8, 11, padding="same")(x)))
    tf_keras.Model(x, K.Dense(1)(GlobalAveragePooling1D_Mask0()([h, x]))).save(path)


def mtsplice(path: Path) -> None:
    K = tf_keras.layers
    inputs = [tf_keras.Input((400, 4), name=name) for name in ("acceptor", "donor")]
    trunk = K.Conv1D(8, 11, padding="same")
    sides = [SplineWeight1D()(K.ReLU()(K.BatchNormalization()(trunk(x)))) for x in inputs]
    h = K.BatchNormalization()(K.GlobalAveragePooling1D()(K.Concatenate(axis=1)(sides)))
    h = K.Dropout(0.5)(K.BatchNormalization()(K.Dense(8, activation="relu")(h)))
    tf_keras.Model(inputs, K.Dense(56)(h)).save(path)


def basset(path: Path) -> None:
    K = keras.layers
    layers = [keras.Input((600, 4))]
    for filters, width, pool in ((8, 19, 3), (6, 11, 4), (6, 7, 4)):
        layers += [K.Conv1D(filters, width), K.BatchNormalization(), K.ReLU(), K.MaxPooling1D(pool)]
    layers += [K.Flatten(), K.Dense(12, activation="relu"), K.Dropout(0.3), K.Dense(12, activation="relu")]
    keras.Sequential([*layers, K.Dense(164, activation="sigmoid")]).save(path)


def deepsea(path: Path) -> None:
    K = keras.layers
    layers = [keras.Input((1, 1000, 4)), K.Conv2D(8, (1, 8), activation="relu"), K.MaxPooling2D((1, 4))]
    layers += [K.Conv2D(6, (1, 8), activation="relu"), K.MaxPooling2D((1, 4)), K.Conv2D(6, (1, 8), activation="relu")]
    keras.Sequential([*layers, K.Flatten(), K.Dense(8, activation="relu"), K.Dense(19, activation="sigmoid")]).save(
        path
    )


def deepstarr(path: Path) -> None:
    """Write the architecture as JSON, and the weights beside it."""
    K = tf_keras.layers
    x = tf_keras.Input((249, 4))
    h = x
    for filters, width in ((8, 7), (6, 3), (6, 5), (6, 3)):
        h = K.Activation("relu")(K.BatchNormalization()(K.Conv1D(filters, width, padding="same")(h)))
        h = K.MaxPooling1D(2)(h)
    h = K.Flatten()(h)
    for units in (8, 8):
        h = K.Dropout(0.4)(K.Activation("relu")(K.BatchNormalization()(K.Dense(units)(h))))
    model = tf_keras.Model(x, [K.Dense(1, name="Dev")(h), K.Dense(1, name="Hk")(h)])
    path.write_text(model.to_json())
    model.save_weights(path.with_suffix(".h5"))


def _dilated_body(K, x, filters: int):
    h = K.Conv1D(filters, 21, activation="relu")(x)
    for layer in range(1, 9):
        further = K.Conv1D(filters, 3, dilation_rate=2**layer, activation="relu")(h)
        h = K.add([K.Cropping1D(2**layer)(h), further])
    profile = K.Conv1D(1, 75)(h)
    cropped = K.Cropping1D((profile.shape[1] - 1000) // 2)(profile)
    return K.Flatten()(cropped), K.GlobalAveragePooling1D()(h)


def bpnet(path: Path) -> None:
    K = keras.layers
    x, control = keras.Input((2114, 4), name="sequence"), keras.Input((1,), name="control")
    profile, pooled = _dilated_body(K, x, 4)
    counts = K.Dense(1, name="logcounts")(K.Concatenate()([pooled, control]))
    keras.Model([x, control], [K.Activation("linear", name="profile")(profile), counts]).save(path)


def chrombpnet(path: Path) -> None:
    K = tf_keras.layers
    outputs = []
    x = tf_keras.Input((2114, 4), name="sequence")
    for name, filters in (("bias", 2), ("main", 4)):
        inputs = tf_keras.Input((2114, 4))
        profile, pooled = _dilated_body(K, inputs, filters)
        outputs.append(tf_keras.Model(inputs, [profile, K.Dense(1)(pooled)], name=name)(x))
    (bias_profile, bias_counts), (profile, counts) = outputs
    joined = K.Concatenate(axis=-1)([counts, bias_counts])
    counts = K.Lambda(lambda t: tf.math.reduce_logsumexp(t, axis=-1, keepdims=True), name="logcounts")(joined)
    tf_keras.Model(x, [K.Add(name="profile")([profile, bias_profile]), counts]).save(path)


def crested(path: Path) -> None:
    K = keras.layers
    x = keras.Input((500, 4))
    h = K.MaxPooling1D(2)(K.Activation("gelu")(K.BatchNormalization()(K.Conv1D(8, 17, padding="same")(x))))
    for _ in range(2):
        further = K.Activation("relu")(K.BatchNormalization()(K.Conv1D(8, 5, padding="same")(h)))
        h = K.MaxPooling1D(4)(K.Add()([h, further]))
    h = K.Dropout(0.3)(K.Dense(8, activation="gelu")(K.Flatten()(h)))
    keras.Model(x, K.Dense(10, activation="sigmoid")(h)).save(path)


def deepmel(path: Path) -> None:
    K = tf_keras.layers
    inputs = [tf_keras.Input((500, 4), name=name) for name in ("forward", "reverse")]
    trunk = [K.Conv1D(6, 20, activation="relu"), K.MaxPooling1D(10, 10), K.Dropout(0.2), K.TimeDistributed(K.Dense(6))]
    trunk += [K.Bidirectional(K.LSTM(4, return_sequences=True)), K.Dropout(0.2), K.Flatten()]
    trunk += [K.Dense(8, activation="relu"), K.Dropout(0.4), K.Dense(24, activation="sigmoid")]
    sides = []
    for side in inputs:
        for layer in trunk:
            side = layer(side)
        sides.append(side)
    tf_keras.Model(inputs, K.maximum(sides)).save(path)


def optimus(path: Path) -> None:
    K = tf_keras.layers
    layers = [tf_keras.Input((50, 4))]
    layers += [K.Conv1D(8, 8, padding="same", activation="relu") for _ in range(3)]
    layers += [K.Flatten(), K.Dense(6), K.Activation("relu"), K.Dropout(0.2), K.Dense(1)]
    tf_keras.Sequential(layers).save(path)


def aparent(path: Path) -> None:
    K = tf_keras.layers
    image, library, distal = tf_keras.Input((205, 4, 1)), tf_keras.Input((13,)), tf_keras.Input((1,))
    h = K.MaxPooling2D((2, 1))(K.Conv2D(6, (8, 4), activation="relu")(image))
    h = K.Flatten()(K.Conv2D(6, (6, 1), activation="relu")(h))
    h = K.Dropout(0.2)(K.Dense(8, activation="relu")(K.Concatenate()([h, distal])))
    h = K.Concatenate()([h, library])
    outputs = [K.Dense(1, activation="sigmoid")(h), K.Dense(206, activation="softmax")(h)]
    tf_keras.Model([image, library, distal], outputs).save(path)


def xpresso(path: Path) -> None:
    K = tf_keras.layers
    promoter, halflife = tf_keras.Input((10500, 4), name="promoter"), tf_keras.Input((8,), name="halflife")
    h = K.MaxPooling1D(30)(K.Conv1D(6, 6, padding="same", activation="relu")(promoter))
    h = K.Flatten()(K.MaxPooling1D(10)(K.Conv1D(4, 9, padding="same", activation="relu")(h)))
    h = K.Concatenate()([h, halflife])
    for units in (8, 2):
        h = K.Dropout(0.01)(K.Dense(units, activation="relu")(h))
    tf_keras.Model([promoter, halflife], K.Dense(1)(h)).save(path)


def kmers(path: Path) -> None:
    K = keras.layers
    layers = [keras.Input((98,), dtype="int32"), K.Embedding(65, 6), K.Conv1D(8, 5, activation="relu")]
    keras.Sequential([*layers, K.GlobalMaxPooling1D(), K.Dense(8, activation="relu"), K.Dense(2)]).save(path)


def twin(path: Path) -> None:
    K = keras.layers
    inputs = [keras.Input((100, 4), name=name) for name in ("ref", "alt")]
    layers = [K.Conv1D(8, 9, activation="relu"), K.GlobalAveragePooling1D(), K.Dense(8, activation="relu")]
    sides = []
    for side in inputs:
        for layer in layers:
            side = layer(side)
        sides.append(side)
    keras.Model(inputs, K.Dense(1)(K.Subtract()(sides[::-1]))).save(path)


def trained_elsewhere(path: Path) -> None:
    K = keras.layers
    layers = [keras.Input((48, 4)), K.Conv1D(6, 7, activation="gelu"), K.GlobalAveragePooling1D(), K.Dense(2)]
    keras.Sequential(layers).save(path)


def _small() -> keras.Model:
    K = keras.layers
    layers = [keras.Input((48, 4)), K.Conv1D(6, 7, activation="relu"), K.MaxPooling1D(3), K.Flatten(), K.Dense(2)]
    return keras.Sequential(layers)


def frozen(path: Path) -> None:
    """Write the graph of a function whose variables have become constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = _small()
    function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec([None, 48, 4], name="dna"))
    path.write_bytes(convert_variables_to_constants_v2(function).graph.as_graph_def().SerializeToString())


def small(path: Path) -> None:
    """Write a network for sequences of 48 bases, with two outputs."""
    _small().save(path)


def saved_model(path: Path) -> None:
    _small().export(path, verbose=False)


#: What writes each file that a page names.
FILES = {
    "genome.fa": genome,
    "peaks.narrowPeak": peaks,
    "spliceai1.h5": spliceai,
    "spliceai2.h5": spliceai,
    "Acceptor.h5": acceptor,
    "Exon.h5": exon,
    "mtsplice0.h5": mtsplice,
    "basset.keras": basset,
    "deepsea.keras": deepsea,
    "deepstarr.json": deepstarr,
    "bpnet.keras": bpnet,
    "chrombpnet.h5": chrombpnet,
    "borzoi.keras": lambda path: field_models.borzoi()[0].save(path),
    "crested.keras": crested,
    "deepmel.h5": deepmel,
    "optimus.h5": optimus,
    "aparent.h5": aparent,
    "xpresso.h5": xpresso,
    "kmers.keras": kmers,
    "twin.keras": twin,
    "trained_elsewhere.keras": trained_elsewhere,
    "frozen.pb": frozen,
    '"saved_model"': saved_model,
}


def write(names: list[str], folder: Path) -> None:
    """Write the files of these names into a folder."""
    for seed, name in enumerate(names):
        keras.utils.set_random_seed(seed)
        tf_keras.utils.set_random_seed(seed)
        FILES[name](folder / name.strip('"'))


def mmsplice_layers() -> types.ModuleType:
    """Return a module with the classes that a page imports from the package mmsplice."""
    module = types.ModuleType("mmsplice.layers")
    for layer in (ConvDNA, GlobalAveragePooling1D_Mask0, SplineWeight1D):
        setattr(module, layer.__name__, layer)
    return module
