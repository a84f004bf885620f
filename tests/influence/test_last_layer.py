"""The last layer's exact Hessian, against dense derivatives and against taking sequences out."""

import numpy as np
import pytest
from influence_case import LOSSES, data, gradients_of, hessian_of, keras, logit_gradients, network
from scipy.optimize import minimize

import genolift as gl
from genolift.influence.losses import loss_of
from genolift.models.objectives import OBJECTIVES
from genolift.support.errors import InputError

ENDS = [("sigmoid", 1), ("sigmoid", 3), ("linear", 2), ("softmax", 3)]


@pytest.mark.slow
@pytest.mark.parametrize(("end", "tasks"), ENDS)
@pytest.mark.parametrize("bias", [True, False])
def test_equals_dense_derivatives(end, tasks, bias):
    """Scores and suspicions are those of Keras' loss, differentiated twice by TensorFlow."""
    X, labels = data(23, tasks, end)
    model = network(tasks, end, bias=bias)
    variables = [variable.value for variable in model.get_layer("last").trainable_variables]
    gradients = gradients_of(model, X, labels, end, variables)
    hessian = hessian_of(model, X, labels, end, variables)
    damped = np.linalg.inv(hessian.astype(float) + 0.01 * np.eye(len(hessian)))
    queries, target = X[:4], tasks - 1
    expected = -logit_gradients(model, queries, target, variables) @ damped @ gradients.T / len(X)
    influence = gl.Influence(model, X, labels, method="last-layer", target=target, damping=0.01)
    # Derivatives by TensorFlow are float32.
    np.testing.assert_allclose(influence(queries).scores, expected, rtol=2e-4, atol=2e-6 * np.abs(expected).max())
    suspects = influence.suspects()
    own = np.einsum("np,pq,nq->n", gradients, damped, gradients) / len(X)
    np.testing.assert_allclose(suspects["suspicion"], own[suspects["training"].astype(int)], rtol=1e-3)
    assert suspects["suspicion"].is_monotonic_decreasing
    by_loss = -gradients[:2] @ damped @ gradients.T / len(X)
    of_loss = influence(queries[:2], labels=labels[:2]).scores
    np.testing.assert_allclose(of_loss, by_loss, rtol=1e-3, atol=1e-5 * np.abs(by_loss).max())


@pytest.mark.parametrize(("end", "tasks"), ENDS)
def test_losses_are_those_of_training(end, tasks):
    """As Keras computes them of outputs, by the names that training gives them."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(7, tasks))
    _, labels = data(7, tasks, end)
    loss = loss_of(end)
    assert OBJECTIVES[loss.kind].loss == LOSSES[end]
    outputs = np.asarray(keras.activations.get(end)(keras.ops.convert_to_tensor(logits)))
    expected = keras.losses.get(OBJECTIVES[loss.kind].loss)(labels.astype(float), outputs)
    np.testing.assert_allclose(loss.values(logits, labels), expected, rtol=1e-5)
    h = 1e-5
    for task in range(tasks):
        step = h * np.eye(tasks)[task]
        slope = (loss.values(logits + step, labels) - loss.values(logits - step, labels)) / (2 * h)
        np.testing.assert_allclose(loss.slopes(logits, labels)[:, task], slope, rtol=1e-6, atol=1e-9)
        bend = (loss.slopes(logits + step, labels) - loss.slopes(logits - step, labels)) / (2 * h)
        np.testing.assert_allclose(loss.curvatures(logits)[:, task], bend, rtol=1e-6, atol=1e-9)
    moves = rng.normal(size=(7, tasks, 2))
    np.testing.assert_allclose(loss.along(logits, moves), loss.curvatures(logits) @ moves, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("end", "tasks"), ENDS)
def test_drawn_slopes_have_the_curvature_as_second_moment(end, tasks):
    rng = np.random.default_rng(4)
    logits = np.repeat(rng.normal(size=(1, tasks)), 200_000, axis=0)
    drawn = loss_of(end).drawn(logits, rng.uniform(size=logits.shape))
    # Six standard errors of a mean of numbers of at most 2.
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), loss_of(end).curvatures(logits[:1])[0], atol=0.01)
    if end != "linear":
        np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.01)


def fitted(units, labels, end, start=None):
    """The minimum of the mean loss of a last layer on given units, (D, T)."""
    loss = loss_of(end)
    shape = (units.shape[1], labels.shape[1])

    def value(flat):
        logits = units @ flat.reshape(shape)
        return loss.values(logits, labels).mean(), (units.T @ loss.slopes(logits, labels) / len(units)).reshape(-1)

    begin = np.zeros(shape).reshape(-1) if start is None else start.reshape(-1)
    return minimize(value, begin, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000}).x.reshape(shape)


def with_best_end(end, tasks, n):
    X, labels = data(n, tasks, end, seed=5)
    model = network(tasks, end)
    hidden = keras.Model(model.inputs, model.get_layer("last").input)
    units = np.concatenate([hidden.predict(X, verbose=0), np.ones((n, 1))], axis=1).astype(float)
    best = fitted(units, labels, end)
    model.get_layer("last").set_weights([best[:-1], best[-1]])
    return model, X, labels, units, best


def test_of_a_linear_model_is_leaving_one_out():
    """For squared errors the difference is exact, but for the leverage: influence / (1 − leverage)."""
    model, X, labels, units, best = with_best_end("linear", 1, 40)
    scores = gl.Influence(model, X, labels, method="last-layer", damping=0)(X[:5]).scores
    inverse = np.linalg.inv(units.T @ units)
    leverage = np.einsum("nd,de,ne->n", units, inverse, units)
    for i in range(40):
        kept = np.arange(40) != i
        without = np.linalg.lstsq(units[kept], labels[kept], rcond=None)[0]
        exact = (units[:5] @ (best - without))[:, 0]
        np.testing.assert_allclose(scores[:, i] / (1 - leverage[i]), exact, rtol=1e-3, atol=1e-5)


def test_of_a_logistic_model_comes_near_leaving_one_out():
    """The rest is of second order: it is the smaller, the more training sequences there are."""
    gaps = []
    for n in (60, 600):
        model, X, labels, units, best = with_best_end("sigmoid", 1, n)
        scores = gl.Influence(model, X, labels, method="last-layer", damping=0)(X[:5]).scores
        chosen = np.arange(0, n, n // 20)
        exact = []
        for i in chosen:
            kept = np.arange(n) != i
            exact.append((units[:5] @ (best - fitted(units[kept], labels[kept], "sigmoid", best)))[:, 0])
        exact = np.array(exact).T
        assert np.corrcoef(scores[:, chosen].reshape(-1), exact.reshape(-1))[0, 1] > 0.99
        gaps.append(np.abs(scores[:, chosen] - exact).max() / np.abs(exact).max())
    assert gaps[0] < 0.35
    assert gaps[1] < gaps[0] / 3


def test_without_damping_a_unit_that_is_never_active_is_refused():
    X, labels = data(30, 1, "sigmoid")
    model = network(1, "sigmoid")
    kernel, bias = model.get_layer("hidden").get_weights()
    model.get_layer("hidden").set_weights([kernel * [0, 1, 1, 1], bias * [0, 1, 1, 1]])
    with pytest.raises(InputError, match="'last' cannot be inverted"):
        gl.Influence(model, X, labels, method="last-layer", damping=0)(X[:1])
    assert np.isfinite(gl.Influence(model, X, labels, method="last-layer")(X[:1]).scores).all()


def test_an_activation_of_its_own_is_looked_through():
    X, labels = data(30, 3, "softmax")
    whole, apart = network(3, "softmax"), network(3, "softmax", apart=True)
    found = [gl.Influence(model, X, labels, method="last-layer", target=1)(X[:3]).scores for model in (whole, apart)]
    np.testing.assert_array_equal(*found)
