"""Tiny models whose weights make the answer obvious."""

import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")


def explain(model, x, ref, rule="rescale", target=0, **options):
    """The explanation of an array, or of a tuple of them, for references of the shape of x."""
    several = isinstance(x, tuple)
    xs, refs = (x, ref) if several else ([x], [ref])
    refs = [gl.references.Fixed(np.asarray(r, np.float32)[:, None]) for r in refs]
    method = gl.DeepLift(model, target=target, rule=rule, references=list(refs) if several else refs[0], **options)
    return method([np.asarray(one, np.float32) for one in xs] if several else np.asarray(x, np.float32))


def dense(kernel, bias=None, **options):
    kernel = np.asarray(kernel, np.float32)
    layer = K.Dense(kernel.shape[1], **options)
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel, np.zeros(kernel.shape[1]) if bias is None else np.asarray(bias)])
    return layer


def minimum_net():
    """The paper's figure 3: h₁ = i₁ − i₂, o = i₁ − relu(h₁), which is min(i₁, i₂)."""
    inputs = keras.Input((2,))
    h = K.ReLU()(dense([[1], [-1]])(inputs))
    return keras.Model(inputs, dense([[1], [0], [-1]])(K.Concatenate()([inputs, h])))


def test_figure_3():
    model, i = minimum_net(), np.array([[3, 1], [1, 3], [2, 2], [5, 0.5]])
    reveal = explain(model, i, np.zeros_like(i), "revealcancel")
    least = i.min(1, keepdims=True)
    np.testing.assert_allclose(reveal.raw_contributions, np.hstack([least, least]) / 2, rtol=1e-6)
    np.testing.assert_allclose(reveal.predictions, least[:, 0])
    # i₂'s minimum is credited to i₂ alone (relu passes all of h₁), i₁'s to i₁ alone (relu passes nothing).
    rescale = explain(model, i, np.zeros_like(i))
    np.testing.assert_allclose(rescale.raw_contributions, [[0, 1], [1, 0], [2, 0], [0, 0.5]], atol=1e-6)


def test_saturation():
    """The paper's figure 1: i₁ + i₂ capped at 1 has gradient 0 at (1, 1) and contributions of ½ each."""
    inputs = keras.Input((2,))
    h = K.ReLU()(dense([[-1], [-1]], [1])(inputs))
    model = keras.Model(inputs, dense([[-1]], [1])(h))
    for rule in ("rescale", "revealcancel"):
        found = explain(model, [[1, 1]], [[0, 0]], rule)
        np.testing.assert_allclose(found.raw_contributions, [[0.5, 0.5]])
    gradient = gl.method("gradient-x-input", model)(np.ones((1, 2)))
    np.testing.assert_allclose(gradient.raw_contributions, 0)


def test_threshold_is_continuous():
    """The paper's figure 2: relu(x − 10) gives contributions that do not jump at the threshold."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, K.ReLU()(dense([[1]], [-10])(inputs)))
    x = np.array([[9.99], [10], [10.01], [20]])
    found = explain(model, x, np.zeros_like(x))
    np.testing.assert_allclose(found.raw_contributions, np.maximum(x - 10, 0), atol=1e-5)


def test_negative_products_fall_into_the_negative_part():
    """relu(x₁ + x₂ − 1), Δ = (3, −2): Δ⁺ = 3, Δ⁻ = −2, so ½[(2 − 0) + (0 − 0)] = 1 and ½[(0 − 0) + (0 − 2)] = −1."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, K.ReLU()(dense([[1], [1]], [-1])(inputs)))
    found = explain(model, [[3, -2]], [[0, 0]], "revealcancel")
    np.testing.assert_allclose(found.raw_contributions, [[1, -1]], atol=1e-6)
    np.testing.assert_allclose(explain(model, [[3, -2]], [[0, 0]]).raw_contributions, [[0, 0]], atol=1e-6)


def test_parts_pass_a_negative_scale_exchanged():
    """−(x₁ + x₂) by batch normalisation of variance 1 and scale −1: the parts change places before the ReLU."""
    inputs = keras.Input((2,))
    norm = K.BatchNormalization(epsilon=0.0)
    h = norm(dense([[1], [1]])(inputs))
    norm.set_weights([np.array([-1.0]), np.array([-1.0]), np.array([0.0]), np.array([1.0])])
    found = explain(keras.Model(inputs, K.ReLU()(h)), [[-3, 2]], [[0, 0]], "revealcancel")
    np.testing.assert_allclose(found.raw_contributions, [[1, -1]], atol=1e-6)


@pytest.mark.parametrize(
    "join",
    [
        lambda h: K.Subtract()([h[0], h[1]]),
        lambda h: K.Add()([h[0], keras.ops.negative(h[1])]),
        lambda h: keras.ops.sum(keras.ops.stack([h[0], h[1] * -1.0]), axis=0),
    ],
)
def test_parts_pass_a_difference_exchanged(join):
    """The same as above with x₂'s sign turned by a subtraction after the weighted steps."""
    inputs = keras.Input((2,))
    h = join([dense([[1], [0]], [-1])(inputs), dense([[0], [1]])(inputs)])
    found = explain(keras.Model(inputs, K.ReLU()(h)), [[3, 2]], [[0, 0]], "revealcancel")
    np.testing.assert_allclose(found.raw_contributions, [[1, -1]], atol=1e-6)


def test_fused_batch_normalisation():
    """TensorFlow's fused kernel, as older libraries call it: 2(x − 1)/√(3.5 + 0.5) + 5 and −4(x − 1)/2."""
    inputs = keras.Input((1, 1, 2))
    fused = K.Lambda(
        lambda t: tf.compat.v1.nn.fused_batch_norm(
            t, [2.0, -4.0], [5.0, 0.0], [1.0, 1.0], [3.5, 3.5], epsilon=0.5, is_training=False
        )[0]
    )
    model = keras.Model(inputs, dense([[1], [1]])(K.Flatten()(fused(inputs))))
    found = explain(model, [[[[3, 2]]]], [[[[0, 0]]]])
    np.testing.assert_allclose(found.raw_contributions[0, 0, 0], [3, -4], rtol=1e-6)
    np.testing.assert_allclose(found.predictions, [(3 - 1) + 5 - 2 * (2 - 1)], rtol=1e-6)
    # With scale −1 the parts change places: Δ⁺ = 3 comes from x₁, Δ⁻ = −2 from x₂; ½[3 + 1] and ½[0 + (1 − 3)].
    turned = K.Lambda(
        lambda t: tf.compat.v1.nn.fused_batch_norm(t, [-1.0], [0.0], [0.0], [1.0], epsilon=1e-4, is_training=False)[0]
    )
    h = K.Reshape((1, 1, 1))(dense([[1], [1]])(K.Flatten()(inputs)))
    found = explain(keras.Model(inputs, K.ReLU()(K.Flatten()(turned(h)))), [[[[-3, 2]]]], [[[[0, 0]]]], "revealcancel")
    np.testing.assert_allclose(found.raw_contributions[0, 0, 0], [2, -1], atol=1e-3)


def test_nonlinearities_at_several_widths():
    """Σ_j tanh(w_j σ(x)): one number becomes three between two nonlinearities, which are no function of one source."""
    inputs = keras.Input((1,))
    spread = K.Lambda(lambda t: tf.reduce_sum(tf.tanh(tf.sigmoid(t) * tf.constant([1.0, 2, 3])), 1, keepdims=True))
    found = explain(keras.Model(inputs, spread(inputs)), [[2], [0]], [[-1], [0]])
    low, high = (np.tanh(np.array([1, 2, 3]) / (1 + np.exp(-x))).sum() for x in (-1, 2))
    np.testing.assert_allclose(found.raw_contributions, [[high - low], [0]], rtol=1e-5)
    assert found.multipliers.shape == (2, 1)


def sequence_model(layer, channels=1, length=4):
    inputs = keras.Input((length, channels))
    h = layer(inputs)
    return keras.Model(inputs, K.Lambda(lambda t: tf.reduce_sum(t, axis=list(range(1, len(t.shape))))[:, None])(h))


def test_max_pooling_is_shared_by_all_orders():
    """One window. The values follow from the heights max(x, r) above the floor, which is the largest min(x, r)."""
    model = sequence_model(K.MaxPooling1D(4))
    rise = explain(model, np.reshape([1, 5, 2, 0], (1, 4, 1)), np.reshape([3, 0, 0, 1], (1, 4, 1)))
    # The floor is 1. Up to 2 two rise and one falls, up to 3 one of each, and up to 5 the second alone.
    np.testing.assert_allclose(
        rise.raw_contributions[0, :, 0], [-1 / 3 - 1 / 2, 1 / 6 + 1 / 2 + 2, 1 / 6, 0], atol=1e-6
    )
    fall = explain(model, np.reshape([1, 0, 2, 0], (1, 4, 1)), np.reshape([7, 0, 3, 1], (1, 4, 1)))
    # The floor is 2. Up to 3 the first and the third fall, and above it the first alone.
    np.testing.assert_allclose(fall.raw_contributions[0, :, 0], [-4.5, 0, -0.5, 0], atol=1e-6)


def test_max_pooling_can_credit_rises_and_falls():
    """One window. A rise goes to x's maximum; a fall to the reference's."""
    model = sequence_model(K.MaxPooling1D(4))
    x, ref = np.reshape([[1, 5, 2, 0], [1, 0, 2, 0]], (2, 4, 1)), np.reshape([[3, 0, 0, 1], [7, 0, 3, 1]], (2, 4, 1))
    found = explain(model, x, ref, pooling="rise-and-fall")
    np.testing.assert_allclose(found.raw_contributions[:, :, 0], [[0, 2, 0, 0], [-5, 0, 0, 0]], atol=1e-6)


def test_overlapping_windows_add():
    """Windows (0, 1), (1, 2), (2, 3): the second of the positions rises alone, then beside the third."""
    model = sequence_model(K.MaxPooling1D(2, 1))
    x, ref = np.reshape([0, 5, 1, 2], (1, 4, 1)), np.zeros((1, 4, 1))
    found = explain(model, x, ref)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [0, 5 + 4.5, 0.5 + 0.5, 1.5], atol=1e-6)
    found = explain(model, x, ref, pooling="rise-and-fall")
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [0, 10, 0, 2], atol=1e-6)


@pytest.mark.parametrize("pooling", ["shapley", "rise-and-fall"])
@pytest.mark.parametrize("layer", [K.MaxPooling1D(4), K.GlobalMaxPooling1D()])
def test_ties_keep_the_sum(layer, pooling):
    """Ties in x, in the reference, and in both."""
    model = sequence_model(layer)
    x = np.reshape([[3, 3, 1, 0], [1, 0, 0, 1], [2, 2, 2, 2], [2, 2, 0, 0]], (4, 4, 1))
    ref = np.reshape([[1, 1, 1, 1], [4, 4, 2, 4], [1, 1, 1, 1], [0, 0, 2, 2]], (4, 4, 1))
    found = explain(model, x, ref, pooling=pooling)
    np.testing.assert_allclose(found.raw_contributions.sum((1, 2)), [2, -3, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found.residual, 0, atol=1e-6)
    # The last maximum did not change. With two that rise and two that fall, each has a twelfth of its difference.
    share = 0 if pooling == "rise-and-fall" else 1 / 12
    np.testing.assert_allclose(found.raw_contributions[3, :, 0], np.multiply([2, 2, -2, -2], share), atol=1e-6)


def test_global_max_with_ties_shares():
    model = sequence_model(K.GlobalMaxPooling1D())
    x, ref = np.reshape([3, 3, 1, 0], (1, 4, 1)), np.zeros((1, 4, 1))
    found = explain(model, x, ref)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [4 / 3, 4 / 3, 1 / 3, 0], rtol=1e-6)
    found = explain(model, x, ref, pooling="rise-and-fall")
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [1.5, 1.5, 0, 0])


def test_max_pooling_is_bounded():
    """Where a contribution lands, |Δ| is at least the change of the maximum, so multipliers of a pool are at most 1."""
    rng = np.random.default_rng(0)
    x, ref = rng.normal(size=(2, 50, 4, 1)).round(1)
    found = explain(sequence_model(K.MaxPooling1D(4)), x, ref)
    assert np.abs(found.multipliers).max() <= 1 + 1e-5
    np.testing.assert_allclose(found.residual, 0, atol=1e-5)


def test_minimum_over_positions():
    model = sequence_model(K.Lambda(lambda t: tf.reduce_min(t, axis=1)))
    x, ref = np.reshape([4, 5, 3, 6], (1, 4, 1)), np.reshape([3, 1, 2, 9], (1, 4, 1))
    rise = explain(model, x, ref)
    # Of the depths min(x, r) the second alone has those from 1 to 2, and the second and the third have those up to 3.
    np.testing.assert_allclose(rise.raw_contributions[0, :, 0], [0, 1.5, 0.5, 0], atol=1e-6)
    rise = explain(model, x, ref, pooling="rise-and-fall")
    np.testing.assert_allclose(rise.raw_contributions[0, :, 0], [0, 2, 0, 0], atol=1e-6)
    fall = explain(model, np.reshape([4, 5, 0, 6], (1, 4, 1)), ref, pooling="rise-and-fall")
    np.testing.assert_allclose(fall.raw_contributions[0, :, 0], [0, 0, -1, 0], atol=1e-6)


def test_product_is_split_by_halves():
    """x₁x₂ − r₁r₂ = ½(x₁ + r₁)Δx₂ + ½(x₂ + r₂)Δx₁ (Shapley)."""
    a, b = keras.Input((1,)), keras.Input((1,))
    found = explain(keras.Model([a, b], K.Multiply()([a, b])), ([[5]], [[7]]), ([[1]], [[2]]))
    np.testing.assert_allclose(found.raw_contributions[0], [[4 * 4.5]])
    np.testing.assert_allclose(found.raw_contributions[1], [[5 * 3]])


def test_quotient_and_product_of_three():
    a, b = keras.Input((1,)), keras.Input((1,))
    quotient = K.Lambda(lambda t: t[0] / t[1])([a, b])
    found = explain(keras.Model([a, b], quotient), ([[6]], [[3]]), ([[1]], [[2]]))
    # a times 1/b: ½(1/3 + 1/2)·5 and ½(6 + 1)·(1/3 − 1/2).
    np.testing.assert_allclose(found.raw_contributions[0], [[5 * 5 / 12]], rtol=1e-5)
    np.testing.assert_allclose(found.raw_contributions[1], [[-7 / 12]], rtol=1e-5)
    cube = K.Lambda(lambda t: tf.einsum("ni,ni,ni->n", t, t, t)[:, None])(a)  # two products of two
    found = explain(keras.Model(a, cube), [[3]], [[1]])
    np.testing.assert_allclose(found.raw_contributions, [[26]], rtol=1e-5)


@pytest.mark.parametrize("op", ["Maximum", "Minimum"])
def test_extremum_of_two_is_their_mean_over_orders(op):
    a, b = keras.Input((1,)), keras.Input((1,))
    model = keras.Model([a, b], getattr(K, op)()([a, b]))
    found = explain(model, ([[5]], [[3]]), ([[1]], [[2]]))
    fn = max if op == "Maximum" else min
    first = (fn(5, 3) - fn(1, 3) + fn(5, 2) - fn(1, 2)) / 2
    second = (fn(5, 3) - fn(5, 2) + fn(1, 3) - fn(1, 2)) / 2
    np.testing.assert_allclose([c[0, 0] for c in found.raw_contributions], [first, second], atol=1e-6)


def test_extremum_broadcast():
    """A tensor used at several places gathers what each of them sends back."""
    a, b = keras.Input((3,)), keras.Input((1,))
    largest = K.Lambda(lambda t: tf.reduce_sum(tf.maximum(t[0], t[1]), 1, keepdims=True))
    model = keras.Model([a, b], largest([a, b]))
    found = explain(model, ([[5, 1, 2]], [[3]]), ([[0, 0, 0]], [[0]]))
    # Pairwise: max(5, 3): 5 → (3.5, 1.5); max(1, 3): 3 → (0.5, 2.5); max(2, 3): 3 → (1, 2).
    np.testing.assert_allclose(found.raw_contributions[0], [[3.5, 0.5, 1]], rtol=1e-5)
    np.testing.assert_allclose(found.raw_contributions[1], [[6]], rtol=1e-5)


def test_shared_layer_adds_its_uses():
    shared = dense([[2], [3]])
    a, b = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([a, b], K.Subtract()([shared(a), shared(b)]))
    found = explain(model, ([[1, 1]], [[1, 2]]), ([[0, 0]], [[0, 0]]))
    np.testing.assert_allclose(found.raw_contributions[0], [[2, 3]])
    np.testing.assert_allclose(found.raw_contributions[1], [[-2, -6]])


def test_one_input_used_twice():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, K.Add()([dense([[2]])(inputs), K.Multiply()([inputs, inputs])]))
    found = explain(model, [[3]], [[1]])
    np.testing.assert_allclose(found.raw_contributions, [[2 * 2 + 9 - 1]], rtol=1e-6)


def test_nested_model_is_the_flat_one():
    rng = np.random.default_rng(0)
    inputs = keras.Input((6, 4))
    conv, top = K.Conv1D(3, 2, activation="relu"), K.Dense(1)
    flat = keras.Model(inputs, top(K.Flatten()(conv(inputs))))
    inner_in = keras.Input((6, 4))
    inner = keras.Sequential([keras.Model(inner_in, conv(inner_in)), K.Flatten()])
    outer = keras.Input((6, 4))
    nested = keras.Model(outer, top(inner(outer)))
    x, ref = rng.normal(size=(2, 3, 6, 4))
    one, other = (explain(m, x, ref, "revealcancel").raw_contributions for m in (flat, nested))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_position_equal_to_its_reference_gets_nothing():
    rng = np.random.default_rng(0)
    inputs = keras.Input((8, 4))
    h = K.Conv1D(6, 3, padding="same", activation="relu")(inputs)
    h = K.MaxPooling1D(2)(K.Conv1D(6, 3, padding="same", activation="gelu")(h))
    model = keras.Model(inputs, K.Dense(1)(K.Flatten()(h)))
    x, ref = np.eye(4)[rng.integers(0, 4, (2, 5, 8))]
    same = (x == ref).all(-1)
    assert same.any()
    found = explain(model, x, ref, "genomics")
    assert not found.scores[same].any()
    assert found.scores[~same].all()


def test_zero_difference_has_the_derivative_as_multiplier():
    """Where x equals its reference the multiplier tells what a change there would do."""
    inputs = keras.Input((1,))
    for name, slope in (("tanh", 1 - np.tanh(0.5) ** 2), ("softplus", 1 / (1 + np.exp(-0.5)))):
        model = keras.Model(inputs, K.Activation(name)(dense([[1]])(inputs)))
        for rule in ("rescale", "revealcancel"):
            found = explain(model, [[0.5]], [[0.5]], rule)
            np.testing.assert_allclose(found.multipliers, [[slope]], rtol=1e-5)


def test_a_difference_that_is_rounding_is_neither_part():
    """In single precision 0.1 + 0.6 is above 0.7. The parts 0.7 and −0.7 are credited with the mean all the same."""
    inputs = keras.Input((4,))
    sums = dense([[0.1, 0], [0.6, 0], [0.7, 0], [0, 1]])(inputs)
    model = keras.Model(inputs, dense([[1], [-1]], activation="relu")(sums))
    expected = np.array([0.06, 0.36, -0.42, 0.7])  # The mean of m⁺ = 0.7 and m⁻ = (0 + 1) / 2 is 0.6.
    for x, ref, sign in (([1, 1, 0, 0], [0, 0, 1, 1], 1), ([0, 0, 1, 1], [1, 1, 0, 0], -1)):
        found = explain(model, [x], [ref], "revealcancel").raw_contributions[0]
        np.testing.assert_allclose(found, sign * expected, rtol=1e-5)


def test_small_differences_are_not_noise():
    """A difference a thousand times below float32's resolution of the activation still has the right multiplier."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, dense([[1]])(K.Activation("sigmoid")(dense([[1], [1]], [2.0])(inputs))))
    x = np.array([1e-3, 1e-5, 1e-7])[:, None] * [1, -0.5]
    found = explain(model, x, np.zeros_like(x), "revealcancel")
    slope = 1 / (1 + np.exp(-2.0)) / (1 + np.exp(2.0))
    np.testing.assert_allclose(found.multipliers, np.full_like(x, slope), rtol=2e-3)


def test_softmax_inside():
    """A rising logit takes from the other classes what it gives to its own, and the sum is kept."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, dense(np.diag([1.0, 2, 3]))(K.Softmax()(dense(np.eye(3))(inputs))))
    found = explain(model, [[2, 1, 0]], [[0, 0, 0]], target=0)
    change = np.exp(2) / np.exp([2, 1, 0]).sum() - 1 / 3
    np.testing.assert_allclose(found.raw_contributions.sum(), change, rtol=1e-5)
    assert found.raw_contributions[0, 0] > 0 > found.raw_contributions[0, 1]
    assert found.raw_contributions[0, 2] == 0
    # Shifting all logits of x alike changes nothing but how the same difference is told.
    shifted = explain(model, [[102, 101, 100]], [[100, 100, 100]], target=0)
    np.testing.assert_allclose(shifted.raw_contributions, found.raw_contributions, rtol=1e-4)


@pytest.mark.parametrize("gap", [1, 5, 30, 300])
def test_softmax_of_distant_logits_is_bounded(gap):
    """However far apart the maxima of x and its reference are, no contribution is far above the difference."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, dense(np.diag([1.0, 2, 3]))(K.Softmax()(dense(np.eye(3))(inputs))))
    found = explain(model, [[gap, -gap, 1]], [[0, 0, 0]], target=[0, 1, 2])
    assert np.abs(found.residual).max() <= 2e-6
    assert np.abs(found.raw_contributions).max() <= 3


def test_extremum_at_no_difference_has_the_derivative():
    a, b = keras.Input((1,)), keras.Input((1,))
    model = keras.Model([a, b], K.Maximum()([a, b]))
    found = explain(model, ([[3]], [[5]]), ([[3]], [[2]]))  # of a: 0 where b is 5, 1 where b is 2
    np.testing.assert_allclose([m[0, 0] for m in found.multipliers], [0.5, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose([c[0, 0] for c in found.raw_contributions], [0, 2], rtol=1e-6)


def test_dividing_by_the_norm_of_nothing():
    """Zeros divided by their norm are zeros times 10¹²: what comes of it must not be noise."""
    inputs = keras.Input((2, 2))
    model = keras.Model(inputs, dense([[1], [2], [3], [4]])(K.Flatten()(K.UnitNormalization()(inputs))))
    found = explain(model, [[[3, 4], [0, 0]]], [[[0, 0], [5, 12]]])
    np.testing.assert_allclose(found.raw_contributions.sum(2), [[0.6 + 1.6, -(15 + 48) / 13]], rtol=1e-5)


def test_a_choice_between_two_spellings_of_a_choice():
    """The older of TensorFlow's selections does not broadcast, the newer does."""
    x, ref = np.array([[3.0, -1]]), np.array([[1.0, 2]])
    both = [
        explain(lambda t, f=f: tf.reduce_sum(f(t * 2 > 0, t * t, tf.zeros_like(t)), 1, keepdims=True), x, ref)
        for f in (tf.compat.v1.where, tf.where)
    ]
    np.testing.assert_allclose(both[0].raw_contributions, [[8, -4]], rtol=1e-5)
    np.testing.assert_allclose(both[1].raw_contributions, both[0].raw_contributions)


def test_constants_for_each_position():
    """TensorFlow would merge them into the bias before them, and fail."""
    rng = np.random.default_rng(0)
    inputs = keras.Input((6, 4))
    places = tf.constant(np.linspace(-1, 1, 6, dtype=np.float32)[None, :, None])
    h = K.Lambda(lambda t: tf.nn.gelu(t + places))(K.Conv1D(3, 3, padding="same", bias_initializer="ones")(inputs))
    model = keras.Model(inputs, K.Dense(1)(K.Flatten()(h)))
    x, ref = rng.normal(size=(2, 3, 6, 4))
    assert np.abs(explain(model, x, ref).residual).max() < 1e-5
