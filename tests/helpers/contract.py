"""What every model must pass: the conditions under which a DeepLIFT explanation is believed."""

from __future__ import annotations

import numpy as np

import genolift as gl
from genolift.engine.walk.explain import Explainer
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def one_hot(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.eye(4, dtype=np.float32)[rng.integers(0, 4, shape)]


def inputs(seed: int, length: int, n: int = 3, r: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (n, length, 4) and references (n, r, length, 4) whose base frequencies vary along the sequence."""
    refs = np.random.default_rng(seed + 1).dirichlet(np.ones(4), (n, r, length)).astype(np.float32)
    return one_hot(seed, n, length), refs


def plain_gradient(function, x, refs) -> tuple[np.ndarray, np.ndarray]:
    """What gradient × Δ misses of f(x) − f(reference), and that difference, (n, r) each."""
    n, r = refs.shape[:2]
    points = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(points)
        outputs = function(points)
    slopes = tape.gradient(outputs, points, unconnected_gradients="zero").numpy()
    at_refs = np.reshape(function(tf.constant(refs.reshape(n * r, *refs.shape[2:]))), (n, r))
    change = np.reshape(outputs, (n, 1)) - at_refs
    return (slopes[:, None] * (x[:, None] - refs)).reshape(n, r, -1).sum(-1) - change, change


def function_of(model):
    """The explained output as a function of points."""

    def function(points):
        outputs = model(points, training=False) if hasattr(model, "layers") else model(points)
        return tf.cast(outputs[:, 0], tf.float32)

    return function


def bends(model, x, refs) -> bool:
    """Whether the output differs from its reference's, and not by as much as a plain gradient says."""
    missed, change = plain_gradient(function_of(model), x, refs)
    return np.abs(change).max() > 1e-3 and np.abs(missed).max() > 1e-3 * np.abs(change).max()


def difference(model, x, refs, linear: bool = False) -> np.ndarray:
    """f(x) − f(reference) (n, r), of which the plain gradient misses a part unless the model is linear."""
    missed, change = plain_gradient(function_of(model), x, refs)
    size = np.abs(change).max()
    assert size > 1e-3, "the output hardly depends on the input: the case tells nothing"
    if linear:
        assert np.abs(missed).max() < 1e-3 * (1 + size), "declared linear, and is not"
    else:
        assert np.abs(missed).max() > 1e-3 * size, "the nonlinearity was not exercised"
    return change


def adds_up(model, x, refs, method=None):
    """What is explained is the model itself: in single precision, contributions sum to what its output differs by."""
    change = difference(model, x, refs)
    size = np.abs(change).max()
    found = (method or gl.DeepLift(model, 0, rule="revealcancel", references=gl.references.Fixed(refs)))(x)
    np.testing.assert_allclose(found.predictions[:, None] - found.reference_predictions, change, atol=2e-3 * size)
    assert np.abs(found.residual).max() <= 1e-3 * (1 + size)
    total = found.raw_contributions.reshape(len(x), -1).sum(1)
    np.testing.assert_allclose(total, change.mean(1), atol=2e-3 * (1 + size))


def balances(model, x, refs, *, linear: bool = False, rule: str = "revealcancel", thorough: bool = False, **options):
    """Every step's balance in double precision, where only a breach is left, and the same total at the input.

    Nothing is rescaled at the end: the multipliers that leave the last step are those that the audit followed. Plain
    gradient × Δ must fail the same case, unless it is linear, where it must hold. ``thorough`` also explains in single
    precision, blocks and shared sides and all.
    """
    change = difference(model, x, refs, linear)
    size = np.abs(change).max()
    method = gl.DeepLift(model, target=0, rule=rule, references=gl.references.Fixed(refs), **options)
    traced = method.traced if method.is_traced else method.trace([x.shape[1:]], ["input_0"])
    double = Explainer(traced.program, traced.targets, method._rule, [x.ndim == 3], tf.float64)
    steps = double.audit([x[:1]], [refs[:1, :1]])
    assert steps
    for step, imbalance in steps:
        assert abs(imbalance) <= 1e-8 * (1 + size), step
    if thorough:
        found = double([x], [refs], False, traced.probe([x.shape[1:]]).leading >= method._rule.compared)
        assert np.abs(found["residual"]).max() <= 1e-9 * (1 + size)
        adds_up(model, x, refs, method)
    return method
