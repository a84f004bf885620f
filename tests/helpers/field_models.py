"""Networks that people of this field run, in miniature and with random weights: each builder returns (model, target).

What matters is what they are made of, after their papers and public code, not their size.
"""

from __future__ import annotations

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402
from field_layers import (  # noqa: E402
    AttentionPooling,
    Equivariant,
    Gated,
    LongConvolution,
    Positions,
    RelativeAttention,
    Rotary,
    Splines,
    StateSpace,
    Stranded,
)

K, ops = keras.layers, keras.ops
LENGTH = 48


def dna():
    return keras.Input((LENGTH, 4), name="dna")


def quick_gelu(h):
    return K.Activation("sigmoid")(1.702 * h) * h


def conv_block(h, filters, width, **options):
    return K.Conv1D(filters, width, padding="same", **options)(quick_gelu(K.BatchNormalization()(h)))


def enformer():
    x = dna()
    h = K.Conv1D(8, 7, padding="same")(x)
    h = AttentionPooling()(h + conv_block(h, 8, 1))
    h = AttentionPooling()(conv_block(h, 8, 5))
    h = h + K.Dropout(0.4)(RelativeAttention()(K.LayerNormalization()(h)))
    h = h + K.Dense(8)(K.Dense(16, activation="relu")(K.LayerNormalization()(h)))
    h = quick_gelu(conv_block(K.Cropping1D(2)(h), 16, 1))
    return keras.Model(x, K.Dense(3, activation="softplus")(h)), gl.targets.Sum(bins=range(2, 6), tracks=2)


def borzoi():
    """A U-net: pooled, mixed, and upsampled with skip connections, then cropped."""
    x = dna()
    first = conv_block(K.Conv1D(6, 7, padding="same")(x), 8, 5)
    second = conv_block(K.MaxPooling1D(2)(first), 8, 5)
    h = K.MaxPooling1D(2)(second)
    h = h + K.MultiHeadAttention(2, 4)(K.LayerNormalization()(h), h)
    h = K.UpSampling1D(2)(conv_block(h, 8, 1)) + conv_block(second, 8, 1)
    h = K.SeparableConv1D(8, 3, padding="same")(h)
    h = K.UpSampling1D(2)(conv_block(h, 8, 1)) + conv_block(first, 8, 1)
    h = K.Cropping1D(4)(K.SeparableConv1D(8, 3, padding="same")(h))
    return keras.Model(x, K.Dense(2, activation="softplus")(quick_gelu(h))), gl.targets.Sum(tracks=0)


def bpnet_body(x, filters=6):
    h = K.Conv1D(filters, 7, padding="valid", activation="relu")(x)
    for rate in (2, 4):
        further = K.Conv1D(filters, 3, dilation_rate=rate, padding="valid", activation="relu")(h)
        h = K.add([K.Cropping1D(rate)(h), further])
    return h


def bpnet():
    x, control = dna(), keras.Input((1,), name="control")
    h = bpnet_body(x)
    profile = K.Flatten(name="logits")(K.Cropping1D(3)(K.Conv1D(1, 5, padding="valid")(h)))
    pooled = K.Concatenate()([K.GlobalAveragePooling1D()(h), control])
    return keras.Model([x, control], [profile, K.Dense(1, name="counts")(pooled)]), gl.targets.Profile("logits")


def chrombpnet():
    """A frozen bias model and a main one: logits add up, log-counts by the logarithm of the sum of exponentials."""
    inputs = keras.Input((LENGTH, 4))
    body = bpnet_body(inputs, 4)
    logits = K.Flatten()(K.Conv1D(1, 5)(body))
    bias = keras.Model(inputs, [logits, K.Dense(1)(K.GlobalAveragePooling1D()(body))], name="bias")
    bias.trainable = False
    x = dna()
    bias_logits, bias_counts = bias(x)
    h = bpnet_body(x)
    profile = K.Add(name="profile")([K.Flatten()(K.Conv1D(1, 5)(h)), bias_logits])
    counts = K.Concatenate()([K.Dense(1)(K.GlobalAveragePooling1D()(h)), bias_counts])
    counts = K.Lambda(lambda t: tf.reduce_logsumexp(t, axis=-1, keepdims=True), name="counts")(counts)
    return keras.Model(x, [profile, counts]), ("counts", 0)


def danq():
    x = dna()
    h = K.MaxPooling1D(4, 4)(K.Conv1D(8, 9, activation="relu")(x))
    h = K.Bidirectional(K.LSTM(4, return_sequences=True))(K.Dropout(0.2)(h))
    h = K.Dense(10, activation="relu")(K.Flatten()(K.Dropout(0.5)(h)))
    return keras.Model(x, K.Dense(3, activation="sigmoid")(h)), 1


def basenji():
    x = dna()
    h = K.MaxPooling1D(2)(conv_block(K.Conv1D(8, 7, padding="same")(x), 8, 5))
    for rate in (1, 2, 4):
        narrow = conv_block(h, 4, 3, dilation_rate=rate)
        h = K.Add()([h, K.Dropout(0.3)(conv_block(narrow, 8, 1))])
    h = quick_gelu(K.Conv1D(12, 1)(quick_gelu(K.Cropping1D(3)(h))))
    return keras.Model(x, K.Dense(2, activation="softplus")(h)), gl.targets.Sum(bins=4, tracks=1)


def spliceai():
    """Dilated residual units, skip connections gathered, cropped, a softmax at every position."""
    x = dna()
    h = K.Conv1D(6, 1)(x)
    skip = K.Conv1D(6, 1)(h)
    for width, rate in ((5, 1), (5, 2)):
        for _ in range(2):
            further = h
            for _ in range(2):
                further = K.Activation("relu")(K.BatchNormalization()(further))
                further = K.Conv1D(6, width, dilation_rate=rate, padding="same")(further)
            h = K.add([h, further])
        skip = K.add([skip, K.Conv1D(6, 1)(h)])
    return keras.Model(x, K.Conv1D(3, 1, activation="softmax")(K.Cropping1D(8)(skip))), (10, 1)


def sei():
    x = dna()
    linear = K.Conv1D(8, 5, padding="same")(K.Conv1D(8, 5, padding="same")(x))
    h = K.Conv1D(8, 5, padding="same", activation="relu")(linear)
    h = K.MaxPooling1D(2)(linear + h)
    for rate in (2, 4):
        h = h + K.Conv1D(8, 3, dilation_rate=rate, padding="same", activation="relu")(h)
    return keras.Model(x, K.Dense(4, activation="sigmoid")(K.ReLU()(K.Dense(8)(K.Flatten()(Splines()(h)))))), 2


def deepstarr():
    x = dna()
    h = x
    for filters, width in ((8, 7), (6, 3), (6, 5)):
        h = K.MaxPooling1D(2)(K.ReLU()(K.BatchNormalization()(K.Conv1D(filters, width, padding="same")(h))))
    h = K.Flatten()(h)
    for units in (8, 8):
        h = K.Dropout(0.4)(K.ReLU()(K.BatchNormalization()(K.Dense(units)(h))))
    return keras.Model(x, [K.Dense(1, name="dev")(h), K.Dense(1, name="hk")(h)]), ("hk", 0)


def scbasset():
    x = dna()
    h = K.MaxPooling1D(3, padding="same")(conv_block(Stranded()(x), 8, 7))
    h = K.MaxPooling1D(2, padding="same")(conv_block(h, 8, 5))
    h = K.Dropout(0.2)(K.BatchNormalization()(K.Dense(6)(K.Flatten()(conv_block(h, 4, 1)))))
    return keras.Model(x, K.Dense(5, activation="sigmoid")(quick_gelu(h))), 3


def saluki():
    """Convolutions, layer normalisation, and a GRU that runs from the end of the transcript."""
    x = keras.Input((None, 4), name="dna")
    h = K.Conv1D(6, 5, padding="valid", use_bias=False)(x)
    for _ in range(2):
        h = K.ReLU()(K.LayerNormalization(epsilon=1e-3)(h))
        h = K.MaxPooling1D(2)(K.Dropout(0.3)(K.Conv1D(6, 3)(h)))
    h = K.GRU(5, go_backwards=True)(K.ReLU()(K.LayerNormalization(epsilon=1e-3)(h)))
    h = K.ReLU()(K.BatchNormalization()(K.Dense(6)(K.ReLU()(K.BatchNormalization()(h)))))
    return keras.Model(x, K.Dense(1)(h)), 0


def malinois():
    """Basset's trunk and a branch of its own per cell type."""
    x = dna()
    h = x
    for filters, width, pool in ((8, 9, 3), (6, 5, 4)):
        h = K.MaxPooling1D(pool)(K.ReLU()(K.BatchNormalization()(K.Conv1D(filters, width, padding="same")(h))))
    h = K.ReLU()(K.Dense(8)(K.Flatten()(h)))
    branches = [K.Dense(1)(K.Activation("softplus")(K.Dense(4)(K.ReLU()(K.Dense(4)(h))))) for _ in range(3)]
    return keras.Model(x, K.Concatenate()(branches)), 2


def puffin():
    """Motif activations of both strands by sigmoid gates, effects summed over long convolutions, softplus."""
    x = dna()
    motifs = K.Conv1D(4, 11, padding="same")
    both = K.Concatenate()([motifs(x), ops.flip(motifs(ops.flip(x, axis=(1, 2))), axis=1)])
    gated = both * ops.sigmoid(K.Dense(8)(both)) + both * ops.softplus(both)
    h = K.Conv1D(6, 15, padding="same")(gated)
    return keras.Model(x, K.Activation("softplus")(K.Conv1D(2, 15, padding="same")(ops.log1p(ops.square(h))))), (20, 1)


def hyena():
    x = dna()
    h = K.Dense(6)(x)
    h = h + LongConvolution()(K.LayerNormalization()(h))
    h = h + K.Dense(6)(K.Activation("gelu")(K.Dense(12)(K.LayerNormalization()(h))))
    return keras.Model(x, K.Dense(2)(K.GlobalAveragePooling1D()(h))), 1


def spectral_gates():
    x = dna()
    h = Gated()(K.Conv1D(6, 5, padding="same", activation="silu")(x))
    return keras.Model(x, K.Dense(1)(K.GlobalMaxPooling1D()(K.LayerNormalization()(h)))), 0


def mamba():
    x = dna()
    h = K.Dense(5)(x)
    h = h + StateSpace()(K.RMSNormalization()(K.Conv1D(5, 3, padding="causal")(h)))
    return keras.Model(x, K.Dense(1)(K.RMSNormalization()(h)[:, -1])), 0


def evo():
    """A causal language model of nucleotides on one-hot input: rotary attention and a SwiGLU."""
    x = dna()
    h = K.Dense(8, use_bias=False)(x)
    h = h + Rotary()(K.RMSNormalization()(h))
    normed = K.RMSNormalization()(h)
    h = h + K.Dense(8, use_bias=False)(ops.silu(K.Dense(12, use_bias=False)(normed)) * K.Dense(12)(normed))
    return keras.Model(x, K.Dense(4, activation="softmax")(K.RMSNormalization()(h))), (30, 2)


def squeeze_excitation():
    """EfficientNet's blocks in one dimension, as in LegNet."""
    x = dna()
    h = K.Conv1D(8, 7, padding="same")(x)
    for _ in range(2):
        wide = K.Activation("silu")(K.BatchNormalization()(K.Conv1D(16, 1)(h)))
        wide = K.Activation("silu")(K.BatchNormalization()(K.Conv1D(16, 5, padding="same", groups=4)(wide)))
        squeezed = K.Dense(16, activation="sigmoid")(K.Dense(4, activation="silu")(K.GlobalAveragePooling1D()(wide)))
        wide = wide * K.Reshape((1, 16))(squeezed)
        h = K.MaxPooling1D(2)(K.Concatenate()([h, K.Conv1D(8, 1)(wide)]))
    h = K.GlobalAveragePooling1D()(K.Conv1D(18, 1)(h))
    return keras.Model(x, K.Dense(18, activation="softmax")(h)), 7


def transformer():
    x = dna()
    h = Positions()(K.Conv1D(8, 5, padding="same", activation="relu")(x))
    h = K.LayerNormalization()(h + K.MultiHeadAttention(2, 4, dropout=0.1)(h, h))
    h = K.LayerNormalization()(h + K.Dense(8)(K.Dense(16, activation="gelu")(h)))
    return keras.Model(x, K.Dense(2, activation="sigmoid")(h[:, 0])), 0


def reverse_complement():
    x = dna()
    h = K.MaxPooling1D(2)(K.ReLU()(Equivariant(4, 7)(x)))
    h = K.ReLU()(Equivariant(4, 5)(h))
    folded = ops.maximum(h[:, :, :4], h[:, ::-1, :3:-1])
    return keras.Model(x, K.Dense(2, activation="sigmoid")(K.GlobalMaxPooling1D()(folded))), 1


def k_max_pooling():
    """The mean of the strongest three positions, and their median, per filter."""
    x = dna()
    h = ops.swapaxes(K.Conv1D(4, 7, activation="relu")(x), 1, 2)
    top = ops.top_k(h, 3)[0]
    middle = ops.sort(h, axis=-1)[..., 20:22]
    h = K.Concatenate()([ops.mean(top, -1), ops.max(top, -1), ops.mean(middle, -1)])
    return keras.Model(x, K.Dense(2)(K.Dense(6, activation="relu")(h))), 1


def deepsea():
    """Images of one column, in two dimensions."""
    x = dna()
    h = K.Reshape((LENGTH, 4, 1))(x)
    h = K.ReLU()(K.BatchNormalization()(K.Conv2D(8, (7, 4))(h)))
    h = K.MaxPooling2D((4, 1))(h)
    h = K.MaxPooling2D((2, 1))(K.Conv2D(6, (3, 1), activation="relu")(h))
    return keras.Model(x, K.Dense(3, activation="sigmoid")(K.Dense(6, activation="relu")(K.Flatten()(h)))), 0


def tokens():
    """An integer-coded sequence with a mask for what is unknown."""
    x = keras.Input((LENGTH,), dtype="int32", name="tokens")
    h = K.Embedding(5, 6, mask_zero=False)(x)
    h = h + K.Embedding(LENGTH, 6)(ops.arange(LENGTH))
    h = K.LayerNormalization()(h + K.MultiHeadAttention(2, 3)(h, h))
    return keras.Model(x, K.Dense(2)(K.GlobalAveragePooling1D()(K.Dense(8, activation="relu")(h)))), 1


MODELS = {
    builder.__name__: builder
    for builder in (
        *(enformer, borzoi, bpnet, chrombpnet, danq, basenji, spliceai, sei, deepstarr, scbasset, saluki, malinois),
        *(puffin, hyena, spectral_gates, mamba, evo, squeeze_excitation, transformer, reverse_complement),
        *(k_max_pooling, deepsea, tokens),
    )
}
