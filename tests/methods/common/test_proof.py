"""The check that contributions sum to the difference: it says nothing of rounding and finds breaches, at any scale."""

import warnings

import architectures
import numpy as np
import pytest

import genolift as gl
from genolift.engine.walk import rules
from genolift.methods.common.proof import TOLERANCE
from genolift.support.errors import GenoliftWarning
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.usefixtures("uncompiled")
LENGTH = architectures.LENGTH
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (6, LENGTH))]
#: Blocks of :mod:`architectures`, by number, and how their positions are pooled.
NETWORKS = [([0], 0), ([0, 11], 1), ([16, 7], 0), ([8, 10], 1)]
SOME = len(architectures.BLOCKS)
ALL = [([i % SOME, (7 * i + 3) % SOME, (11 * i) % SOME], i % 3) for i in range(SOME)]


def scaled(seed, blocks, pooling):
    """A random network, and a function that sets the scale of its output and what is added to it."""
    network = architectures.model(seed, blocks, pooling)
    top = keras.layers.Dense(1)
    model = keras.Sequential([network, top])

    def at(scale, offset):
        weights = np.random.default_rng(seed).normal(size=(2, 1))
        top.set_weights([weights * scale, np.array([offset * scale])])
        return model

    return at


def verdicts(seed, blocks, pooling, rule):
    """The verdicts at many scales; there must be no warning."""
    at = scaled(seed, blocks, pooling)
    method = gl.DeepLift(at(1, 0), 0, rule=rule, references=gl.references.Shuffled(3))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for i, scale in enumerate(10.0 ** np.arange(-8, 9, 2)):
            at(scale, (0, 1, 100)[i % 3])
            method(X)
            yield scale, method.verdict
    assert not said, [str(one.message) for one in said]


def check_silence(seed, blocks, pooling, most):
    rule = ("rescale", "genomics", "revealcancel")[seed % 3]
    for scale, verdict in verdicts(seed, blocks, pooling, rule):
        assert verdict.kind in ("exact", "rounding"), (scale, verdict)
        assert verdict.worst < most, (scale, verdict)


@pytest.mark.parametrize(("blocks", "pooling"), NETWORKS[:1])
def test_rounding_is_not_mentioned_at_any_scale(blocks, pooling):
    check_silence(1, blocks, pooling, TOLERANCE / 3)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ALL)))
def test_rounding_is_not_mentioned_of_many_networks(number):
    check_silence(number, *ALL[number], 0.01)


@pytest.fixture
def breach(monkeypatch):
    """A fault of one per cent in the rule of nonlinearities."""

    def broken(step, flows, back):
        return {value: rules.Flow(flow.mean * 1.01) for value, flow in rules.chords(step, flows, back).items()}

    monkeypatch.setitem(rules.DEEPLIFT, "unary", broken)


def check_breach(seed, blocks, pooling):
    at = scaled(seed, blocks, pooling)
    method = gl.DeepLift(at(1, 0), 0, references=gl.references.Zeros())
    for scale, offset in [(1e-8, 0), (1e-8, 100), (1e-4, 1), (1, 100), (1e4, 100), (1e8, 1)]:
        at(scale, offset)
        with pytest.warns(
            GenoliftWarning, match=r"contributions sum to .* not through rounding: the balance first fails"
        ):
            method(X)
        assert method.verdict.kind == "breach", (scale, offset)


def test_breaches_are_found_at_any_scale(breach):
    check_breach(1, *NETWORKS[0])


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "pooling"), NETWORKS[1:])
def test_breaches_of_many_networks(breach, blocks, pooling):
    check_breach(2, blocks, pooling)


def linear(weights):
    return lambda x: tf.reduce_sum(x[..., 0] * tf.constant(weights, tf.float32), 1, keepdims=True)


def test_contributions_that_cancel_are_measured_by_their_own_size():
    """Their sum is a ten-millionth of them, so rounding of it is not a breach, and single ones are right."""
    weights = np.random.default_rng(0).normal(size=LENGTH)
    weights[-1] -= weights.sum() - 1e-6
    x, references = np.zeros((1, LENGTH, 4), np.float32), gl.references.Fixed(np.eye(4)[np.full((1, LENGTH), 1)])
    x[..., 0] = 1
    method = gl.DeepLift(linear(weights), 0, references=references)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = method(x)
    assert method.verdict.kind == "exact"
    np.testing.assert_allclose(found.scores[0], weights, rtol=1e-5)


def test_contributions_that_are_rounding_themselves_are_not_to_be_read():
    """The large parts of the output cancel before the input, so that each contribution holds rounding of them."""

    def model(x):
        part = tf.tanh(straight(x) + 0.1)
        return part - part * (1 - 1e-6)

    method = gl.DeepLift(model, 0, references=gl.references.Zeros())
    with pytest.warns(GenoliftWarning, match="which is rounding: .* do not read single ones"):
        method(X)
    assert method.verdict.kind == "rounding"


def test_an_output_of_zero_is_no_alarm():
    """Under RevealCancel, contributions at a dead ReLU cancel, and of nothing even rounding is more than all."""
    weights = np.random.default_rng(0).normal(size=(LENGTH * 4, 1)).astype(np.float32)

    def model(x):
        return tf.nn.relu(tf.reshape(x, [-1, LENGTH * 4]) @ weights - 2.5)

    method = gl.DeepLift(model, 0, rule="revealcancel", references=gl.references.Shuffled(5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = method(X)
    assert (found.predictions == 0).any()
    assert method.verdict.kind == "exact"


def made(function, **options):
    return gl.method("integrated-gradients", function, target=0, references="zeros", **options)


def straight(x):
    weights = np.random.default_rng(0).normal(size=(LENGTH * 4, 1)).astype(np.float32)
    return tf.reshape(x, [-1, LENGTH * 4]) @ weights


@pytest.mark.parametrize("constant", [0.0, 100.0, 1e4])
def test_integrated_gradients_that_miss_the_difference_say_so_beside_any_constant(constant):
    with pytest.warns(GenoliftWarning, match="with 5 steps, .*give more steps: 20 leave"):
        made(lambda x: tf.tanh(8 * (straight(x) - 0.5)) + constant, steps=5)(X)


@pytest.mark.parametrize("function", [tf.sign, tf.round, lambda z: tf.where(z > 0.3, 1.0, 0.0) * (1 + z)])
def test_more_steps_are_not_advised_where_the_output_jumps(function):
    with pytest.warns(GenoliftWarning, match="200 steps leave as much .* do not help: .* jumps"):
        made(lambda x: function(straight(x)))(X)


def test_integrated_gradients_of_a_smooth_output_are_silent_at_any_scale():
    for scale in (1e-8, 1e8):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made(lambda x, scale=scale: scale * tf.tanh(straight(x) / 4))(X)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda h: tf.math.log(h - 30), "at operation Log.*, whose value at the sequence is not finite"),
        (lambda h: tf.where(h > 0, h, tf.math.log(-tf.abs(h) - 1)), "at operation Log.* is not finite"),
    ],
)
def test_the_step_that_makes_what_is_not_finite_is_named(function, message):
    """And not the first step of the model, which what is not finite comes back to."""

    def model(x):
        return tf.reduce_sum(tf.tanh(function(tf.reshape(straight(2 * x), [-1, 1]))), 1, keepdims=True)

    for method in (gl.DeepLift(model, 0, references=gl.references.Zeros()), made(model)):
        with pytest.warns(GenoliftWarning, match=message):
            method(X)
