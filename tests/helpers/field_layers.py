"""Layers of their own that networks of this field have, after their papers and public code."""

from __future__ import annotations

import numpy as np

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops


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


class Splines(K.Layer):
    """Fixed B-spline bases over the positions, as at the end of Sei."""

    def call(self, h):
        length = h.shape[1]
        places = np.linspace(0, 1, length)[:, None]
        bases = np.maximum(0, 1 - np.abs(places * 4 - np.arange(5))).astype(np.float32)
        return ops.einsum("nlc,lb->ncb", h, bases)


class Stranded(K.Layer):
    """Reverse complement and shift left out: what scBasset does in training is off at inference."""

    def call(self, x, training=False):
        return ops.flip(x, axis=(1, 2)) if training else x


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


class Gated(K.Layer):
    """Two inputs mixed in the frequency domain: a product of two spectra of the sequence."""

    def call(self, h):
        a, b = tf.split(tf.transpose(h, (0, 2, 1)), 2, axis=1)
        size = [2 * h.shape[1]]
        mixed = tf.signal.irfft(tf.signal.rfft(a, size) * tf.signal.rfft(tf.tanh(b), size), size)[..., : h.shape[1]]
        return tf.transpose(mixed, (0, 2, 1))


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


class Positions(K.Layer):
    def call(self, h):
        places = np.arange(h.shape[1])[:, None] / 50.0 ** (np.arange(0, h.shape[2], 2) / h.shape[2])
        return h + np.concatenate([np.sin(places), np.cos(places)], -1).astype(np.float32)[None]


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
