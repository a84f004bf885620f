"""What holds for every architecture: balance at every step, and results that do not depend on how work is arranged."""

import architectures
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import genolift as gl
from genolift.engine.walk.explain import Explainer
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
RULES = ("rescale", "revealcancel", "genomics")
nets = st.tuples(
    st.integers(0, 10**6),
    st.lists(st.integers(0, len(architectures.BLOCKS) - 1), min_size=1, max_size=4),
    st.integers(0, len(architectures.POOLING) - 1),
)
# Without shrinking: every example compiles a model, and a failure names the layer anyway.
relaxed = {"suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}


def one_hot(seed, *shape):
    rng = np.random.default_rng(seed)
    return np.eye(4, dtype=np.float32)[rng.integers(0, 4, (*shape, architectures.LENGTH))]


def balances(net, rule, single_too=False):
    """In double precision nothing is lost at any step; in single precision rounding is. Gradients lose a lot."""
    model = architectures.model(*net)
    x, refs = one_hot(net[0], 3), one_hot(net[0] + 1, 3, 2)
    refs[:, 1] = 0.25
    method = gl.DeepLift(model, target=0, rule=rule, references=gl.references.Fixed(refs))
    traced = method.traced
    double = Explainer(traced.program, traced.targets, method._rule, [True], tf.float64)
    found = double([x], [refs], False, False)
    change = found["predictions"][..., None] - found["reference_predictions"]
    scale = np.abs(change).max() + np.abs(found["predictions"]).max()
    assert np.abs(found["residual"]).max() <= 1e-9 * scale
    steps = double.audit([x[:1]], [refs[:1, :1]])
    assert len(steps) > 3
    # A step's turnover may exceed the difference of the outputs many times where large contributions cancel.
    for step, imbalance in steps:
        assert abs(imbalance) <= 1e-8 * (scale + 1), step
    if single_too:
        single = method(x)
        assert np.abs(single.residual).max() <= 1e-3 * scale
        np.testing.assert_allclose(single.raw_contributions.sum((1, 2)), change[:, 0].mean(-1), atol=1e-3 * scale)
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        output = model(inputs, training=False)[:, 0]
    slopes = tape.gradient(output, inputs).numpy()
    plain = (slopes[:, None] * (x[:, None] - refs)).sum((2, 3)) - change[:, 0]
    assert np.abs(plain).max() > 1e-3 * np.abs(change).max(), "the nonlinearities of this net were not exercised"


@pytest.mark.slow
@settings(max_examples=2, **relaxed)
@given(nets, st.sampled_from(RULES))
def test_balance(uncompiled, net, rule):
    balances(net, rule)


@pytest.mark.exhaustive
@settings(max_examples=150, **relaxed)
@given(nets, st.sampled_from(RULES))
def test_balance_of_many(net, rule):
    balances(net, rule, single_too=True)
