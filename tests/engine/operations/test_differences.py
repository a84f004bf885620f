"""Exact differences of elementwise functions against extended precision."""

import math

import numpy as np
import pytest

from genolift.engine.operations import kernels
from genolift.engine.operations.regions import fuse
from genolift.engine.operations.table import OPERATIONS
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.trace import trace
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
raw = tf.raw_ops
LONG = np.longdouble
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def stable(f):
    """Where a difference of values in extended precision is good enough."""
    return lambda a, b: f(b) - f(a)


def log1pexp(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigma(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def sigmoid_difference(a, b):
    """sinh((b − a)/2) / (2 cosh(a/2) cosh(b/2))."""
    return np.sinh((b - a) / 2) / (2 * np.cosh(a / 2) * np.cosh(b / 2))


def elu_difference(a, b, alpha=1):
    low, high = np.minimum(a, 0), np.minimum(b, 0)
    return np.maximum(b, 0) - np.maximum(a, 0) + alpha * np.exp(low) * np.expm1(high - low)


def between(f):
    """exp(f(tanh x)): linear operations are part of a region between two nonlinearities. ``f`` is linear in t and x."""
    return lambda x: tf.exp(f(tf.tanh(x)))


def exact_between(slope, offset=0):
    def difference(a, b):
        change = slope * np.sinh(b - a) / (np.cosh(a) * np.cosh(b))
        return np.exp(slope * np.tanh(a) + offset) * np.expm1(change)

    return difference


def erf_difference(a, b):
    """Quadrature piece by piece; the standard library's error function where the ends lie apart."""
    middle, half = (a + b) / 2, (b - a) / 2
    density = np.exp(-((middle[:, None] + half[:, None] * _NODES.astype(LONG)) ** 2))
    near = 2 / np.sqrt(LONG(np.pi)) * half * (density @ _WEIGHTS.astype(LONG))
    far = np.array(
        [
            math.erf(y) - math.erf(x) if x * y < 0 else np.sign(x + y) * (math.erfc(abs(x)) - math.erfc(abs(y)))
            for x, y in zip(a, b, strict=True)
        ]
    )
    return np.where(np.abs(b - a) < 2, near, far)


SELU = (LONG("1.0507009873554804934193349852946"), LONG("1.6732632423543772848170429916717"))
POSITIVE, SMALL = "positive", "small"
ROOT = np.sqrt(LONG(0.5))

# Operation → (TensorFlow function, exact difference between a and b, domain).
CASES = {
    "Relu": (tf.nn.relu, stable(lambda x: np.maximum(x, 0)), ""),
    "Relu6": (tf.nn.relu6, stable(lambda x: np.clip(x, 0, 6)), ""),
    "LeakyRelu": (lambda x: tf.nn.leaky_relu(x, 0.25), stable(lambda x: np.where(x > 0, x, x / 4)), ""),
    "Elu": (tf.nn.elu, elu_difference, ""),
    "Selu": (tf.nn.selu, lambda a, b: SELU[0] * elu_difference(a, b, SELU[1]), ""),
    "Sigmoid": (tf.sigmoid, sigmoid_difference, ""),
    "Softplus": (
        tf.nn.softplus,
        lambda a, b: np.where(
            np.abs(b - a) < 1, np.log1p(sigma(a) * np.expm1(np.minimum(b - a, 1))), log1pexp(b) - log1pexp(a)
        ),
        "",
    ),
    "Tanh": (tf.tanh, lambda a, b: np.sinh(b - a) / (np.cosh(a) * np.cosh(b)), ""),
    "Softsign": (tf.nn.softsign, stable(lambda x: x / (1 + np.abs(x))), ""),
    "Exp": (tf.exp, lambda a, b: np.exp(a) * np.expm1(b - a), ""),
    "Expm1": (tf.math.expm1, lambda a, b: np.exp(a) * np.expm1(b - a), ""),
    "Log": (tf.math.log, lambda a, b: np.log1p((b - a) / a), POSITIVE),
    "Log1p": (tf.math.log1p, lambda a, b: np.log1p((b - a) / (1 + a)), POSITIVE),
    "Erf": (tf.math.erf, erf_difference, SMALL),
    "Erfc": (tf.math.erfc, lambda a, b: -erf_difference(a, b), SMALL),
    "Sqrt": (tf.sqrt, stable(np.sqrt), POSITIVE),
    "Rsqrt": (tf.math.rsqrt, stable(lambda x: 1 / np.sqrt(x)), POSITIVE),
    "Square": (tf.square, lambda a, b: (b - a) * (a + b), ""),
    "Abs": (tf.abs, stable(np.abs), ""),
    "Reciprocal": (tf.math.reciprocal, lambda a, b: (a - b) / (a * b), POSITIVE),
    "ReciprocalNoNan": (
        lambda x: tf.square(tf.math.divide_no_nan(1.0, x)),
        lambda a, b: (a - b) * (a + b) / (a * b) ** 2,
        POSITIVE,
    ),
    "Inv": (lambda x: raw.Inv(x=x), lambda a, b: (a - b) / (a * b), POSITIVE),
    "Sin": (tf.sin, lambda a, b: 2 * np.cos((a + b) / 2) * np.sin((b - a) / 2), SMALL),
    "Cos": (tf.cos, lambda a, b: -2 * np.sin((a + b) / 2) * np.sin((b - a) / 2), SMALL),
    "Pow": (lambda x: tf.pow(x, 3.0), lambda a, b: (b - a) * (a * a + a * b + b * b), ""),
    "Maximum": (lambda x: tf.maximum(x, 0.5), stable(lambda x: np.maximum(x, 0.5)), ""),
    "Minimum": (lambda x: tf.minimum(2 * x, tf.square(x)), stable(lambda x: np.minimum(2 * x, x * x)), SMALL),
    "ClipByValue": (
        lambda x: raw.ClipByValue(t=x, clip_value_min=-1.0, clip_value_max=0.25),
        stable(lambda x: np.clip(x, -1, 0.25)),
        "",
    ),
    "SelectV2": (
        lambda x: tf.where(x > 0.5, tf.exp(x), -x),
        lambda a, b: np.where(
            (a > 0.5) & (b > 0.5),
            np.exp(a) * np.expm1(b - a),
            np.where(b > 0.5, np.exp(b), -b) - np.where(a > 0.5, np.exp(a), -a),
        ),
        SMALL,
    ),
    "FloorMod": (lambda x: tf.math.floormod(x, 0.75), stable(lambda x: np.mod(x, LONG(0.75))), ""),
    "Mod": (lambda x: raw.Mod(x=x, y=0.75), stable(lambda x: np.fmod(x, LONG(0.75))), ""),
    "Floor": (tf.floor, stable(np.floor), ""),
    "Ceil": (tf.math.ceil, stable(np.ceil), ""),
    "Round": (tf.round, stable(np.rint), ""),
    "Rint": (tf.math.rint, stable(np.rint), ""),
    "Sign": (tf.sign, stable(np.sign), ""),
    "TruncateMod": (lambda x: tf.truncatemod(x, 0.75), stable(lambda x: np.fmod(x, LONG(0.75))), ""),
    "FloorDiv": (lambda x: raw.FloorDiv(x=x, y=0.75), stable(lambda x: np.floor(x / LONG(0.75))), ""),
    "FakeQuantWithMinMaxArgs": (
        lambda x: tf.quantization.fake_quant_with_min_max_args(x, -64, 63.5),
        stable(lambda x: np.clip(np.floor(2 * x + LONG(0.5)) / 2, -64, LONG(63.5))),
        "",
    ),
    "FakeQuantWithMinMaxVars": (
        lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -64.0, 63.5),
        stable(lambda x: np.clip(np.floor(2 * x + LONG(0.5)) / 2, -64, LONG(63.5))),
        "",
    ),
    "QuantizeAndDequantizeV2": (
        lambda x: raw.QuantizeAndDequantizeV2(input=x, input_min=-64.0, input_max=64.0, range_given=True),
        stable(lambda x: np.clip(np.rint(x * LONG(127) / 64), -128, 127) * 64 / LONG(127)),
        "",
    ),
    "QuantizeAndDequantizeV4": (
        lambda x: raw.QuantizeAndDequantizeV4(input=x, input_min=-64.0, input_max=64.0, range_given=True),
        stable(lambda x: np.clip(np.rint(x * LONG(127) / 64), -128, 127) * 64 / LONG(127)),
        "",
    ),
    "Add": (between(lambda t: raw.Add(x=t, y=t)), exact_between(2), SMALL),
    "AddV2": (between(lambda t: raw.AddV2(x=t, y=1.0)), exact_between(1, 1), SMALL),
    "AddN": (between(lambda t: tf.add_n([t, t, -t])), exact_between(1), SMALL),
    "BiasAdd": (between(lambda t: tf.nn.bias_add(t, [1.0])), exact_between(1, 1), SMALL),
    "Sub": (between(lambda t: (1.0 - t) - t), exact_between(-2, 1), SMALL),
    "Neg": (between(lambda t: -t), exact_between(-1), SMALL),
    "Mul": (
        lambda x: tf.exp(x) * (tf.exp(x) * 3.0),
        lambda a, b: 3 * np.exp(2 * a) * np.expm1(2 * (b - a)),
        SMALL,
    ),
    "RealDiv": (between(lambda t: t / 4.0), exact_between(LONG(0.25)), SMALL),
    "Div": (between(lambda t: raw.Div(x=t, y=4.0)), exact_between(LONG(0.25)), SMALL),
    "DivNoNan": (between(lambda t: tf.math.divide_no_nan(t, 4.0)), exact_between(LONG(0.25)), SMALL),
    "Cast": (between(lambda t: tf.cast(t, tf.float64)), exact_between(1), SMALL),
}
STEPS = {"Floor", "Ceil", "Round", "Rint", "Sign", "FloorDiv"}
STEPS |= {op for op in CASES if "Quant" in op}

# No entry of their own, but common: activations spelled with several operations, and other powers; with the absolute
# error that cancelling terms of the size of their ends leave in a slope.
SPELLED = {
    "gelu": (
        lambda x: 0.5 * x * (1 + tf.math.erf(x * 0.7071067811865476)),
        lambda a, b: ((b - a) * (normal(a) + normal(b)) + erf_difference(a * ROOT, b * ROOT) / 2 * (a + b)) / 2,
        SMALL,
        2e-7,
    ),
    "silu": (
        lambda x: x * tf.sigmoid(x),
        lambda a, b: ((b - a) * (sigma(a) + sigma(b)) + sigmoid_difference(a, b) * (a + b)) / 2,
        "",
        1e-6,
    ),
    "prelu": (
        lambda x: tf.nn.relu(x) - 0.25 * tf.nn.relu(-x),
        stable(lambda x: np.where(x > 0, x, x / 4)),
        "",
        0,
    ),
    "square root": (lambda x: tf.pow(x, 0.5), stable(np.sqrt), POSITIVE, 0),
    "inverse": (lambda x: tf.pow(x, -1.0), lambda a, b: (a - b) / (a * b), POSITIVE, 0),
    "power of two": (lambda x: tf.pow(2.0, x), lambda a, b: 2**a * np.expm1((b - a) * np.log(LONG(2))), SMALL, 0),
    # Without an exact form: the derivative in the middle, or subtraction where that is as good.
    "sinh": (tf.math.sinh, lambda a, b: 2 * np.cosh((a + b) / 2) * np.sinh((b - a) / 2), SMALL, 3e-4),
    "atan": (tf.math.atan, lambda a, b: np.arctan2(b - a, 1 + a * b), "", 1e-4),
}


def normal(x):
    return (1 + np.array([LONG(math.erf(v * math.sqrt(0.5))) for v in x])) / 2


def chord(function, a, b, **options):
    program = lower(trace(function, [tf.TensorSpec((None, 1))]))
    (region,) = [step for step in fuse(program, program.outputs) if step.op != "Input"]
    assert region.body
    a, b = (tf.constant(np.float32(v)[:, None]) for v in (a, b))
    extra = [tf.constant(v.step.payload) for v in region.inputs[1:]]
    return kernels.rescale(region, tf.float32, a, b, extra, tf.ones_like(a)).numpy()[:, 0], region


def sample(domain, n=4000):
    """Ends a and b in float32, their distances from 1e-12 to 1e2 evenly on a logarithmic scale, some of them 0."""
    rng = np.random.default_rng(0)
    top = 0.6 if domain == SMALL else 1.6
    a = rng.choice([-1, 1], n) * 10 ** rng.uniform(-6, top, n)
    d = rng.choice([-1, 1], n) * 10 ** rng.uniform(-12, top if domain == SMALL else 2, n)
    d[::10] = 0
    if domain == POSITIVE:
        a = np.abs(a)
        d = np.where(a + d > 0.01 * a, d, np.abs(d))
    a = a.astype(np.float32)
    return a, np.clip(a + d, -80, 80).astype(np.float32)


def exact_slope(difference, a, b):
    """In extended precision; at a = b the derivative, by a central difference (kinks are not among the points)."""
    a, b = a.astype(LONG), b.astype(LONG)
    h = LONG(1e-6) * np.maximum(np.abs(a), LONG(1e-3))
    derivative = difference(a - h, a + h) / (2 * h)
    return np.where(a == b, derivative, difference(a, b) / np.where(a == b, 1, b - a))


def check(function, difference, domain, relative, absolute=0.0):
    """The slopes of a sample, right to ``relative`` and (beside it) ``absolute`` precision."""
    a, b = sample(domain)
    found, region = chord(function, a, b)
    exact = exact_slope(difference, a, b)
    assert np.isfinite(found).all()
    # Where the ends lie apart values may be subtracted: what that rounds is small beside the difference of the ends.
    d = np.abs(b.astype(LONG) - a)
    apart = d > 0.1 * np.maximum(np.abs(a), np.abs(b))
    value = np.abs(difference(np.full(len(a), LONG(domain == POSITIVE)), a.astype(LONG))) + np.abs(exact * d) + 1
    allowed = relative * np.abs(exact) + absolute + 1e-18
    allowed = allowed + np.where(apart & (d > 1e-3), 2e-7 * value / np.maximum(d, LONG(1e-3)), 0)
    error = np.abs(found - exact)
    worst = np.argmax(error / allowed)
    assert error[worst] <= allowed[worst], f"{a[worst]!r} to {b[worst]!r}: {found[worst]!r}, exactly {exact[worst]!r}"
    return region


def test_every_difference_has_a_case():
    assert set(CASES) == {op for op, known in OPERATIONS.items() if known.difference is not None}


# A dozen roundings of float32; the error function's quadrature is right to rounding beside its largest slope; what a
# sine's argument loses in rounding is lost.
@pytest.mark.parametrize("op", sorted(set(CASES) - STEPS))
def test_secant(op):
    region = check(*CASES[op], 3e-6, 1e-6 if op in ("Erf", "Erfc", "Sin", "Cos") else 0)
    assert op in {step.op for step in region.body}


@pytest.mark.parametrize("name", sorted(SPELLED))
def test_secant_of_compositions(name):
    function, difference, domain, absolute = SPELLED[name]
    check(function, difference, domain, 1e-5, absolute)


@pytest.mark.parametrize("op", sorted(STEPS))
def test_steps_have_no_slope(op):
    function, difference, _ = CASES[op]
    a, b = np.array([0.2, 0.2, -1.7, 3.4]), np.array([0.2, 0.3, 2.6, 3.4])
    found, _ = chord(function, a, b)
    d = np.where(a == b, 1, b - a)
    np.testing.assert_allclose(found, np.where(a == b, 0, difference(a, b) / d), rtol=1e-6)


def test_guarded_reciprocal_at_zero():
    found, _ = chord(CASES["ReciprocalNoNan"][0], np.array([0, 2, 0.0]), np.array([2, 0, 0.0]))
    np.testing.assert_allclose(found, [1 / 8, 1 / 8, 0])


@pytest.mark.parametrize("op", sorted(op for op, case in CASES.items() if case[2] == ""))
def test_extremes(op):
    """No NaN, no infinity and nothing beside the mark between any two of zero, kinks, and values far out."""
    function, difference, _ = CASES[op]
    points = np.float32([-80, -20, -6, -1, -0.5, -1e-30, 0, 1e-30, 0.25, 0.5, 1, 6, 20, 80])
    a, b = (grid.ravel() for grid in np.meshgrid(points, points))
    found, _ = chord(function, a, b)
    assert np.isfinite(found).all()
    apart = np.abs(b - a) > 1e-18
    np.testing.assert_allclose(found[apart], exact_slope(difference, a, b)[apart], rtol=1e-5, atol=1e-18)
