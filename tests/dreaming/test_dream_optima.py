"""What is found is the optimum where that is known: linear models, alone and under an expert, and filters."""

import numpy as np
import pytest
from dream_models import K, L, convolution, keras, linear, real_sequences
from scipy.optimize import minimize
from scipy.stats import chi

import genolift as gl
from genolift.dreaming import MarkovDensity, Unit


def test_a_linear_model_has_the_sequence_of_its_largest_weights():
    model, weights = linear()
    dream = gl.dream(model, length=L, starts=3, steps=150)
    assert (dream.codes == weights.argmax(1)).all()
    np.testing.assert_allclose(dream.values, weights.max(1).sum() + 0.5, rtol=1e-5)
    np.testing.assert_allclose(dream.values, model.predict(dream.X, verbose=0)[:, 0], rtol=1e-5)
    assert (dream.lost >= 0).sum() == 0 or dream.lost.max() < 0.05
    # The slope of a linear model is its weights, so importance is the weight less the mean of the four.
    np.testing.assert_allclose(dream.importance[0], weights.max(1) - weights.mean(1), atol=1e-5)


def test_a_penalty_on_squares_has_its_own_optimum():
    """Position by position the maximum of w·softmax(θ) − λ‖θ‖², by another optimiser from the same equations."""
    model, weights = linear(length=5)
    strength = 0.05
    dream = gl.dream(model, penalty="l2", strength=strength, starts=2, steps=400)

    def relaxed(w):
        def objective(theta):
            p = np.exp(theta - theta.max())
            p /= p.sum()
            return -(w @ p) + strength * ((theta - theta.mean()) ** 2).sum()

        theta = minimize(objective, w).x
        return np.exp(theta - theta.max()) / np.exp(theta - theta.max()).sum()

    expected = np.stack([relaxed(w.astype(float)) for w in weights])
    np.testing.assert_allclose(dream.relaxed[0], expected, atol=2e-3)
    assert dream.relaxed.max() < 0.99
    np.testing.assert_allclose(dream.relaxed_values, (expected * weights).sum() + 0.5, atol=0.02)


def viterbi(weights: np.ndarray, density: MarkovDensity, factor: float) -> float:
    """The largest value of w·x + factor · log p(x) of all sequences, for a chain of order 1, by dynamic programming."""
    pair = np.array([[density.score(np.array([[a, b]]))[0] for b in range(4)] for a in range(4)])
    first = np.log(np.exp(pair).sum(1))
    # log p(b | a) as the score of a b c less that of a b, for any c
    after = np.array(
        [
            [density.score(np.array([[0, a, b]]))[0] - density.score(np.array([[0, a]]))[0] for b in range(4)]
            for a in range(4)
        ]
    )
    best = weights[0] + factor * first
    step = pair - first[:, None]
    for place in range(1, len(weights)):
        best = (best[:, None] + factor * step).max(0) + weights[place]
        step = after
    return float(best.max())


@pytest.mark.parametrize("factor", [pytest.param(0.3, marks=pytest.mark.slow), 2.0])
def test_under_an_expert_it_is_the_best_of_all_sequences(factor):
    """4^12 sequences, whose best dynamic programming finds; none of several starts is above it, and the best is it."""
    model, weights = linear(seed=1)
    density = MarkovDensity(real_sequences(), 1)
    dream = gl.dream(model, expert=density, weight=factor, growth=0, starts=24, steps=200)
    reached = dream.values - 0.5 + factor * dream.expert
    optimum = viterbi(weights.astype(float), density, factor)
    assert (reached <= optimum + 1e-3).all()
    assert reached.max() == pytest.approx(optimum, abs=1e-3)
    # The expert matters: the sequence of the largest weights is another one.
    assert (dream.codes[reached.argmax()] != weights.argmax(1)).any()


@pytest.mark.slow
def test_an_expert_may_be_held_at_what_is_typical():
    """Of real sequences, whose log p is far from the largest that there is."""
    model, _ = linear(seed=2, length=30)
    real = real_sequences()
    held = gl.dream(model, real=real, expert="markov", order=1, typical=True, weight=20.0, starts=4, steps=200)
    free = gl.dream(model, real=real, expert="markov", order=1, weight=20.0, starts=4, steps=200)
    mean, deviation = held.settings["typical"]
    assert np.abs(held.expert - mean).max() < 2 * deviation
    assert free.expert.min() > mean + 2 * deviation
    assert (held.realism.log_density < free.realism.log_density.min()).all()


@pytest.mark.parametrize(
    ("over", "taken"),
    [
        ("max", lambda h: h.max(1)),
        pytest.param("mean", lambda h: h.mean(1), marks=pytest.mark.slow),
        pytest.param(2, lambda h: h[:, 2], marks=pytest.mark.slow),
    ],
)
def test_a_filter_finds_its_largest_weights(over, taken):
    """Alone, the best stretch for a filter is the largest weight of each of its positions."""
    model = convolution()
    kernel, bias = model.get_layer("conv").get_weights()
    dream = gl.dream(model, Unit("conv", 1, over), starts=6, steps=150)
    hidden = keras.Model(model.inputs, model.get_layer("conv").output)
    np.testing.assert_allclose(dream.outputs, taken(hidden.predict(dream.X, verbose=0)[..., 1]), rtol=1e-4, atol=1e-5)
    best = kernel[..., 1].max(1).sum() + bias[1]
    if over == "mean":
        assert dream.values[0] <= best
    else:
        assert dream.values[0] == pytest.approx(best, rel=1e-5)
        stretch = kernel[..., 1].argmax(1)
        windows = np.lib.stride_tricks.sliding_window_view(dream.codes[0], 4)
        assert (windows == stretch).all(1).any()


def test_a_unit_behind_a_shut_relu_has_a_slope_all_the_same():
    """The filter is below 0 nearly everywhere. Behind the ReLU there would be nothing to climb."""
    model = convolution()
    kernel, bias = model.get_layer("conv").get_weights()
    bias[0] = -0.9 * kernel[..., 0].max(1).sum()
    model.get_layer("conv").set_weights([kernel, bias])
    dream = gl.dream(model, Unit("conv", 0), starts=3, steps=200)
    assert dream.outputs[0] > 0
    with pytest.raises(gl.support.errors.InputError, match="no slope at any of the starts"):
        gl.dream(model, Unit("conv", 0), starts=1, steps=5, activation="keep")


@pytest.mark.slow
def test_a_dense_unit_and_an_output_behind_a_sigmoid():
    model = convolution()
    unit = gl.dream(model, Unit("hidden", 3), starts=2, steps=60)
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    np.testing.assert_allclose(unit.outputs, hidden.predict(unit.X, verbose=0)[:, 3], rtol=1e-4, atol=1e-5)
    output = gl.dream(model, 1, starts=2, steps=60)
    predicted = model.predict(output.X, verbose=0)[:, 1]
    np.testing.assert_allclose(output.outputs, predicted, rtol=1e-4)
    np.testing.assert_allclose(output.values, np.log(predicted / (1 - predicted)), atol=1e-3)
    kept = gl.dream(model, 1, starts=2, steps=60, activation="keep")
    np.testing.assert_allclose(kept.values, model.predict(kept.X, verbose=0)[:, 1], rtol=1e-4)


def decoder_of(length: int):
    code = keras.Input((3,), name="code")
    decoder = keras.Model(code, K.Reshape((length, 4))(K.Dense(4 * length, name="dense")(code)), name="decoder")
    random = np.random.default_rng(4)
    decoder.get_layer("dense").set_weights([random.normal(size=(3, 4 * length)), random.normal(size=4 * length)])
    return decoder


def test_a_code_is_the_best_under_its_prior():
    """The maximum over codes of three numbers of w·softmax(decoder) + log p(‖z‖), by another optimiser."""
    model, weights = linear()
    decoder = decoder_of(L)
    kernel, bias = decoder.get_layer("dense").get_weights()
    dream = gl.dream(model, generator=decoder, penalty="none", strength=1.0, starts=8, steps=250)

    def objective(z):
        logits = (z @ kernel + bias).reshape(L, 4)
        p = np.exp(logits - logits.max(1, keepdims=True))
        return (
            -((p / p.sum(1, keepdims=True)) * weights).sum()
            - chi.logpdf(np.linalg.norm(z), 3)
            + chi.logpdf(np.sqrt(2), 3)
        )

    best = min(minimize(objective, start).fun for start in np.random.default_rng(0).normal(size=(20, 3)))
    reached = dream.relaxed_values - 0.5 - dream.history["penalty"][-1]
    assert reached.max() == pytest.approx(-best, abs=2e-3)
    assert (reached <= -best + 2e-3).all()


def test_an_output_is_known_by_its_name():
    """Behind the sigmoid of one of two outputs that have names, as of a model of a profile and counts."""
    from genolift.dreaming.subject import Subject
    from genolift.methods import targets

    x = keras.Input((L, 4))
    flat = K.Flatten()(x)
    model = keras.Model(x, [K.Dense(2, name="other")(flat), K.Dense(3, "sigmoid", name="counts")(flat)])
    subject = Subject(model, targets.parse("counts:2"))
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, L))]
    values, own, _ = subject.evaluate(X, 3)
    predicted = model.predict(X, verbose=0)[1][:, 2]
    np.testing.assert_allclose(own, predicted, rtol=1e-5)
    np.testing.assert_allclose(values, np.log(predicted / (1 - predicted)), atol=1e-4)
    assert subject.looked_through
