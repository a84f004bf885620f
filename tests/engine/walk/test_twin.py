"""The engine against the slow NumPy twin: DeepLIFT's three rules on small random nets."""

import numpy as np
import pytest
import twin

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
# The engine computes in float32, whose rounding (6e-8) grows with the number of terms and of layers; two orders above
# that, and far below what any wrong sign or missing term gives.
TOLERANCE = 1e-5


class Net:
    """A Keras model and the twin's nodes, grown together with the same random weights."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.tensors, self.convolutional = [], [], set()

    def weights(self, *shape, scale=0.5):
        return self.rng.normal(0, scale, shape).astype(np.float32)

    def add(self, op, parents, tensor) -> int:
        self.nodes.append(twin.Node(op, parents))
        self.tensors.append(tensor)
        return len(self.nodes) - 1

    def shape(self, p):
        return tuple(self.tensors[p].shape[1:])

    def input(self, *shape):
        return self.add(twin.Input(), [], keras.Input(shape))

    def layer(self, p, layer, weights, op):
        tensor = layer(self.tensors[p])
        if weights:
            layer.set_weights(weights)
        return self.add(op, [p], tensor)

    def dense(self, p, units):
        kernel, bias = self.weights(self.shape(p)[-1], units), self.weights(units, scale=0.3)
        return self.layer(p, K.Dense(units), [kernel, bias], twin.dense(kernel, bias, self.shape(p)))

    def conv(self, p, filters, width, stride=1, dilation=1, padding="valid"):
        kernel, bias = self.weights(width, self.shape(p)[-1], filters), self.weights(filters, scale=0.3)
        layer = K.Conv1D(filters, width, strides=stride, dilation_rate=dilation, padding=padding)
        op = twin.conv1d(kernel, bias, self.shape(p), stride, dilation, padding == "same")
        k = self.layer(p, layer, [kernel, bias], op)
        self.convolutional.add(k)
        return k

    def norm(self, p):
        gamma, beta, mean = (self.weights(self.shape(p)[-1]) for _ in range(3))
        variance = self.rng.uniform(0.5, 2, gamma.shape).astype(np.float32)
        factor = gamma / np.sqrt(variance + 1e-3)
        op = twin.Scale(factor, beta - mean * factor)
        return self.layer(p, K.BatchNormalization(epsilon=1e-3), [gamma, beta, mean, variance], op)

    def act(self, p, name):
        if name == "prelu":
            alpha = self.rng.uniform(-0.5, 0.5, self.shape(p)[-1:]).astype(np.float32)
            axes = list(range(1, len(self.shape(p))))
            layer = K.PReLU(shared_axes=axes)
            given = alpha.reshape((1,) * len(axes) + (-1,))
            return self.layer(p, layer, [given], twin.prelu(alpha)) if not axes else self._prelu(p)
        return self.layer(p, K.Activation(name), [], getattr(twin, name)())

    def _prelu(self, p):
        alpha = self.rng.uniform(-0.5, 0.5, self.shape(p)).astype(np.float32)
        return self.layer(p, K.PReLU(), [alpha], twin.prelu(alpha))

    def average(self, p, width, stride, padding="valid"):
        op = twin.Average(self.shape(p), width, stride, padding == "same")
        return self.layer(p, K.AveragePooling1D(width, stride, padding), [], op)

    def maximum(self, p, width, stride, padding="valid"):
        op = twin.Maximum(self.shape(p), width, stride, padding == "same")
        return self.layer(p, K.MaxPooling1D(width, stride, padding), [], op)

    def global_average(self, p):
        return self.layer(p, K.GlobalAveragePooling1D(), [], twin.GlobalAverage(self.shape(p)))

    def global_maximum(self, p):
        return self.layer(p, K.GlobalMaxPooling1D(), [], twin.GlobalMaximum(self.shape(p)))

    def flatten(self, p):
        return self.layer(p, K.Flatten(), [], twin.Flatten())

    def concatenate(self, *ps):
        return self.add(twin.Concatenate(), list(ps), K.Concatenate()([self.tensors[p] for p in ps]))

    def sum(self, *ps):
        return self.add(twin.Sum(), list(ps), K.Add()([self.tensors[p] for p in ps]))

    def model(self, activation=None):
        inputs = [t for node, t in zip(self.nodes, self.tensors, strict=True) if isinstance(node.op, twin.Input)]
        end = self.tensors[-1] if activation is None else K.Activation(activation)(self.tensors[-1])
        return keras.Model(inputs, end)

    def with_rule(self, rule: str):
        """The twin's nodes under a rule; which nonlinearities RevealCancel is for is looked up layer by layer."""
        for node in self.nodes:
            if isinstance(node.op, twin.Unary):
                before = self._mixers(node.parents[0])
                dense = all(k is not None and k not in self.convolutional for k in before)
                reveals = {"rescale": False, "revealcancel": None not in before, "genomics": dense}[rule]
                node.rule = "revealcancel" if reveals else "rescale"
        return self.nodes

    def _mixers(self, p):
        op = self.nodes[p].op
        if isinstance(op, twin.Linear):
            return [p]
        if isinstance(op, (twin.Input, twin.Unary)):
            return [None]
        return [k for parent in self.nodes[p].parents for k in self._mixers(parent)]


def strided():
    """Stride, zero padding, deep dense layers one after another, sigmoid outputs that are looked through."""
    net = Net(1)
    h = net.act(net.conv(net.input(10, 4), 4, 3), "relu")
    h = net.act(net.conv(h, 5, 4, stride=2, padding="same"), "relu")
    h = net.act(net.dense(net.flatten(h), 6), "relu")
    net.dense(net.act(net.dense(h, 5), "tanh"), 2)
    return net, net.model("sigmoid")


def normalised():
    """Dilation, PReLU, padded average pooling, batch normalisation with scales of both signs, before ReLU and after."""
    net = Net(2)
    h = net.act(net.norm(net.conv(net.input(10, 4), 4, 3, dilation=2)), "prelu")
    h = net.norm(net.average(h, 3, 2, "same"))
    h = net.act(net.conv(h, 4, 2, padding="same"), "sigmoid")
    h = net.act(net.norm(net.dense(net.global_average(h), 6)), "relu")
    net.dense(net.norm(h), 2)
    return net, net.model()


def pooled():
    """Overlapping max pooling, padded, over values that differ between x and its reference; then the global maximum."""
    net = Net(3)
    h = net.maximum(net.act(net.conv(net.input(10, 4), 4, 3), "tanh"), 3, 2, "same")
    h = net.global_maximum(net.act(net.conv(h, 5, 2), "tanh"))
    net.dense(net.act(net.dense(h, 5), "relu"), 2)
    return net, net.model()


def pooled_before():
    """Max pooling, overlapping and global, between a weighted layer and its nonlinearity: both parts pass through."""
    net = Net(6)
    h = net.act(net.maximum(net.conv(net.input(10, 4), 4, 3), 3, 2, "same"), "relu")
    h = net.act(net.global_maximum(net.conv(h, 5, 2)), "relu")
    net.dense(net.act(net.dense(h, 5), "relu"), 2)
    return net, net.model()


def residual():
    """Branches that meet again: a sum, a concatenation, a dense layer at every position and pooling before ReLU."""
    net = Net(4)
    x = net.input(8, 4)
    a = net.act(net.conv(x, 4, 3, padding="same"), "relu")
    b = net.act(net.average(net.dense(net.sum(a, x), 5), 2, 2), "relu")
    c = net.act(net.average(net.conv(a, 3, 3, padding="same"), 2, 2), "relu")
    h = net.flatten(net.concatenate(b, c))
    net.dense(net.act(net.dense(h, 5), "relu"), 2)
    return net, net.model("softmax")


def splicing():
    """SpliceAI's residual units, whose convolutions are dilated, with skip connections, in a model of free length."""
    net = Net(7)
    h = net.conv(net.input(10, 4), 4, 1)
    skip = net.conv(h, 4, 1)
    for width, rate in ((4, 1), (3, 3)):
        further = h
        for _ in range(2):
            further = net.conv(net.act(net.norm(further), "relu"), 4, width, dilation=rate, padding="same")
        h = net.sum(h, further)
        skip = net.sum(skip, net.conv(h, 4, 1))
    net.dense(net.global_average(net.conv(skip, 3, 1)), 2)
    model = net.model("softmax")
    free = keras.models.clone_model(model, input_tensors=[keras.Input((None, 4))])
    free.set_weights(model.get_weights())
    return net, free


def several():
    """Two inputs, one of them not DNA; a nonlinearity whose branches are a convolution and a dense layer."""
    net = Net(5)
    x, z = net.input(8, 4), net.input(3)
    a = net.global_average(net.conv(x, 4, 3))
    h = net.act(net.concatenate(a, net.act(net.dense(z, 4), "relu")), "relu")
    net.dense(net.act(net.dense(h, 5), "sigmoid"), 2)
    return net, net.model()


def pairs(net, seed=0, n=3):
    """x and reference for every pair: references of zeros, of one background, and random one-hot ones."""
    rng = np.random.default_rng(seed)
    xs, refs = [], []
    for node, tensor in zip(net.nodes, net.tensors, strict=True):
        if not isinstance(node.op, twin.Input):
            continue
        shape = tuple(tensor.shape[1:])
        if shape[-1] == 4:
            one_hot = np.eye(4, dtype=np.float32)
            x = one_hot[rng.integers(0, 4, (n, shape[0]))]
            varying = one_hot[rng.integers(0, 4, (n, shape[0]))]
            background = np.broadcast_to(np.float32([0.3, 0.2, 0.2, 0.3]), x.shape)
        else:
            x, varying, background = (rng.normal(size=(n, *shape)).astype(np.float32) for _ in range(3))
        xs.append(np.tile(x, (3,) + (1,) * len(shape)))
        refs.append(np.concatenate([np.zeros_like(x), background, varying])[:, None])
    return xs, refs


@pytest.mark.parametrize("rule", ["rescale", "revealcancel", "genomics"])
@pytest.mark.parametrize("build", [strided, normalised, pooled, pooled_before, residual, splicing, several])
def test_engine_equals_the_twin(uncompiled, build, rule):
    net, model = build()
    xs, refs = pairs(net)
    several_inputs = len(xs) > 1
    method = gl.DeepLift(
        model, target=[1], rule=rule, references=refs if several_inputs else gl.references.Fixed(refs[0])
    )
    found = method(xs if several_inputs else xs[0])
    raw = found.raw_contributions if several_inputs else [found.raw_contributions]
    multipliers = found.multipliers if several_inputs else [found.multipliers]
    nodes = net.with_rule(rule)
    expected = [[twin.deeplift(nodes, [x[i] for x in xs], [r[i, 0] for r in refs], 1)] for i in range(len(xs[0]))]
    y, y0 = (np.array([[one[k] for one in row] for row in expected]) for k in (1, 2))
    np.testing.assert_allclose(found.predictions, y, atol=1e-5)
    np.testing.assert_allclose(found.reference_predictions[..., 0], y0, atol=1e-5)
    for k, (x, r) in enumerate(zip(xs, refs, strict=True)):
        m = np.array([[one[0][k] for one in row] for row in expected])
        c = m * (x - r[:, 0])[:, None]
        assert np.abs(raw[k] - c).max() <= TOLERANCE * np.abs(c).max()
        assert np.abs(multipliers[k] - m).max() <= TOLERANCE * np.abs(m).max()


@pytest.mark.parametrize("build", [strided, pooled, pooled_before, residual])
def test_rules_differ_where_they_should(build):
    """The nets above tell the rules apart: otherwise agreement would prove little."""
    net, _ = build()
    xs, refs = pairs(net)
    rescale, reveal = (
        twin.deeplift(net.with_rule(rule), [xs[0][0]], [refs[0][0, 0]], 0)[0][0] for rule in ("rescale", "revealcancel")
    )
    assert np.abs(rescale - reveal).max() > 1e-2 * np.abs(rescale).max()
