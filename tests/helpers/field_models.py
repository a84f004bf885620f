"""Networks that people of this field run, in miniature and with random weights: each builder returns (model, target).

What matters is what they are made of, after their papers and public code, not their size.
"""

from __future__ import annotations

import numpy as np

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops
LENGTH = 48


def dna():
    return keras.Input((LENGTH, 4), name="dna")


def quick_gelu(h):
    return K.Activation("sigmoid")(1.702 * h) * h


def conv_block(h, filters, width, **options):
    return K.Conv1D(filters, width, padding="same", **options)(quick_gelu(K.BatchNormalization()(h)))


class AttentionPooling(K.Layer):
    """Softmax pooling over windows with a weight per channel, as in Enformer."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1], shape[-1]), initializer="identity", name="weight")

    def call(self, h):
        length, width = h.shape[1], h.shape[2]
        windows = tf.reshape(h, (-1, length // 2, 2, width))
        return tf.reduce_sum(windows * tf.nn.softmax(tf.matmul(windows, self.weight), axis=-2), axis=-2)


class RelativeAttention(K.Layer):
    """Multi-head attention with relative positions by the shift of a padded matrix (Transformer-XL, Enformer)."""

    def __init__(self, heads=2, width=3, **options):
        super().__init__(**options)
        self.heads, self.width = heads, width

    def build(self, shape):
        size = self.heads * self.width
        self.q, self.k, self.v = (K.Dense(size, use_bias=False) for _ in range(3))
        self.r = K.Dense(size, use_bias=False)
        self.out = K.Dense(shape[-1])
        self.content = self.add_weight(shape=(1, self.heads, 1, self.width), initializer="normal", name="content")
        self.position = self.add_weight(shape=(1, self.heads, 1, self.width), initializer="normal", name="position")
        for layer in (self.q, self.k, self.v):
            layer.build(shape)
        self.r.build((None, 4))
        self.out.build((*shape[:2], size))

    def call(self, h):
        n, length = tf.shape(h)[0], h.shape[1]

        def heads(t):
            return tf.transpose(tf.reshape(t, (-1, t.shape[1], self.heads, self.width)), (0, 2, 1, 3))

        distances = tf.range(-length + 1, length, dtype=tf.float32)
        scales = tf.abs(distances)[:, None] / tf.constant([2.0, 8.0])
        features = tf.concat([tf.exp(-scales), tf.sign(distances)[:, None] * tf.exp(-scales)], -1)[None]
        q, k, v, r = heads(self.q(h)) * self.width**-0.5, heads(self.k(h)), heads(self.v(h)), heads(self.r(features))
        content = tf.matmul(q + self.content, k, transpose_b=True)
        relative = tf.matmul(q + self.position, tf.tile(r, (n, 1, 1, 1)), transpose_b=True)
        padded = tf.concat([tf.zeros_like(relative[..., :1]), relative], -1)
        shifted = tf.reshape(padded, (-1, self.heads, 2 * length, length))[:, :, 1:]
        shifted = tf.reshape(shifted, (-1, self.heads, length, 2 * length - 1))[..., :length]
        attended = tf.matmul(tf.nn.softmax(content + shifted), v)
        return self.out(tf.reshape(tf.transpose(attended, (0, 2, 1, 3)), (-1, length, self.heads * self.width)))


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


class Splines(K.Layer):
    """Fixed B-spline bases over the positions, as at the end of Sei."""

    def call(self, h):
        length = h.shape[1]
        places = np.linspace(0, 1, length)[:, None]
        bases = np.maximum(0, 1 - np.abs(places * 4 - np.arange(5))).astype(np.float32)
        return ops.einsum("nlc,lb->ncb", h, bases)


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


class Stranded(K.Layer):
    """Reverse complement and shift left out: what scBasset does in training is off at inference."""

    def call(self, x, training=False):
        return ops.flip(x, axis=(1, 2)) if training else x


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


class LongConvolution(K.Layer):
    """A convolution as long as the sequence by Fourier transform, with its gates, as in Hyena."""

    def build(self, shape):
        length, width = shape[1], shape[2]
        self.filter = self.add_weight(shape=(width, length), initializer="normal", name="filter")
        self.skip = self.add_weight(shape=(width,), initializer="ones", name="skip")
        self.project = K.Dense(3 * width)
        self.short = K.Conv1D(3 * width, 3, padding="causal", groups=3 * width)
        self.project.build(shape)
        self.short.build((*shape[:2], 3 * width))

    def call(self, h):
        length = h.shape[1]
        gate, key, value = tf.split(self.short(self.project(h)), 3, axis=-1)
        u = tf.transpose(key * value, (0, 2, 1))
        spectrum = tf.signal.rfft(u, [2 * length]) * tf.signal.rfft(self.filter, [2 * length])
        y = tf.signal.irfft(spectrum, [2 * length])[..., :length] + u * self.skip[:, None]
        return gate * tf.transpose(y, (0, 2, 1))


def hyena():
    x = dna()
    h = K.Dense(6)(x)
    h = h + LongConvolution()(K.LayerNormalization()(h))
    h = h + K.Dense(6)(K.Activation("gelu")(K.Dense(12)(K.LayerNormalization()(h))))
    return keras.Model(x, K.Dense(2)(K.GlobalAveragePooling1D()(h))), 1


class Gated(K.Layer):
    """Two inputs mixed in the frequency domain: a product of two spectra of the sequence."""

    def call(self, h):
        a, b = tf.split(tf.transpose(h, (0, 2, 1)), 2, axis=1)
        size = [2 * h.shape[1]]
        mixed = tf.signal.irfft(tf.signal.rfft(a, size) * tf.signal.rfft(tf.tanh(b), size), size)[..., : h.shape[1]]
        return tf.transpose(mixed, (0, 2, 1))


def spectral_gates():
    x = dna()
    h = Gated()(K.Conv1D(6, 5, padding="same", activation="silu")(x))
    return keras.Model(x, K.Dense(1)(K.GlobalMaxPooling1D()(K.LayerNormalization()(h)))), 0


class StateSpace(K.Layer):
    """A selective state space, h_t = a_t·h_(t−1) + b_t with a and b of the input, by associative scan (Mamba)."""

    def build(self, shape):
        self.decay, self.enter = K.Dense(shape[-1]), K.Dense(shape[-1])
        self.leave, self.gate = K.Dense(shape[-1]), K.Dense(shape[-1])
        for layer in (self.decay, self.enter, self.leave, self.gate):
            layer.build(shape)

    def call(self, h):
        step = ops.softplus(self.decay(h))
        kept, entering = ops.exp(-step), step * self.enter(h)

        def combine(left, right):
            return left[0] * right[0], left[1] * right[0] + right[1]

        _, states = ops.associative_scan(combine, (kept, entering), axis=1)
        return ops.reshape(states, ops.shape(kept)) * self.leave(h) * ops.silu(self.gate(h))

    def compute_output_shape(self, shape):
        return shape


def mamba():
    x = dna()
    h = K.Dense(5)(x)
    h = h + StateSpace()(K.RMSNormalization()(K.Conv1D(5, 3, padding="causal")(h)))
    return keras.Model(x, K.Dense(1)(K.RMSNormalization()(h)[:, -1])), 0


class Rotary(K.Layer):
    """Attention on queries and keys turned by their positions."""

    def build(self, shape):
        self.qkv = K.Dense(3 * shape[-1], use_bias=False)
        self.qkv.build(shape)

    def call(self, h):
        length, width = h.shape[1], h.shape[2]
        angle = np.arange(length)[:, None] / 100.0 ** (np.arange(width // 2) / (width // 2))
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)

        def turned(t):
            a, b = ops.split(t, 2, axis=-1)
            return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

        q, k, v = ops.split(self.qkv(h), 3, axis=-1)
        scores = ops.matmul(turned(q), ops.swapaxes(turned(k), 1, 2)) / np.sqrt(width)
        mask = np.where(np.tril(np.ones((length, length))), 0, -1e9).astype(np.float32)
        return ops.matmul(ops.softmax(scores + mask), v)


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


class Positions(K.Layer):
    def call(self, h):
        places = np.arange(h.shape[1])[:, None] / 50.0 ** (np.arange(0, h.shape[2], 2) / h.shape[2])
        return h + np.concatenate([np.sin(places), np.cos(places)], -1).astype(np.float32)[None]


def transformer():
    x = dna()
    h = Positions()(K.Conv1D(8, 5, padding="same", activation="relu")(x))
    h = K.LayerNormalization()(h + K.MultiHeadAttention(2, 4, dropout=0.1)(h, h))
    h = K.LayerNormalization()(h + K.Dense(8)(K.Dense(16, activation="gelu")(h)))
    return keras.Model(x, K.Dense(2, activation="sigmoid")(h[:, 0])), 0


class Equivariant(K.Layer):
    """A convolution that shares its weights with its reverse complement (Shrikumar et al. 2017b)."""

    def __init__(self, filters, width, **options):
        super().__init__(**options)
        self.filters, self.width = filters, width

    def build(self, shape):
        self.kernel = self.add_weight(shape=(self.width, shape[-1], self.filters), initializer="normal", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="normal", name="bias")

    def call(self, h):
        kernel = tf.concat([self.kernel, tf.reverse(self.kernel, [0, 1, 2])], -1)
        return tf.nn.conv1d(h, kernel, 1, "SAME") + tf.concat([self.bias, tf.reverse(self.bias, [0])], 0)


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
