"""Representer points sum to the logit, and the baseline is what it says."""

import numpy as np
import pytest
from influence_case import data, keras, network
from scipy.optimize import minimize

import genolift as gl
from genolift.influence.losses import loss_of


@pytest.mark.parametrize(("end", "tasks"), [("sigmoid", 2), ("linear", 2), ("softmax", 3)])
def test_representer_points_sum_to_the_logits_of_the_minimum(end, tasks):
    """The minimum is found by another optimiser, which knows no Hessian."""
    X, labels = data(40, tasks, end)
    model = network(tasks, end)
    hidden = keras.Model(model.inputs, model.get_layer("last").input)
    units = np.concatenate([hidden.predict(X, verbose=0), np.ones((40, 1))], axis=1).astype(float)
    loss, l2 = loss_of(end), 0.01

    def value(flat):
        weights = flat.reshape(-1, tasks)
        logits = units @ weights
        slope = units.T @ loss.slopes(logits, labels) / 40 + 2 * l2 * weights
        return loss.values(logits, labels).mean() + l2 * (weights**2).sum(), slope.reshape(-1)

    best = minimize(value, np.zeros(units.shape[1] * tasks), jac=True, method="BFGS", options={"gtol": 1e-9})
    logits = units @ best.x.reshape(-1, tasks)
    for target in range(tasks):
        influence = gl.Influence(model, X, labels, method="representer", target=target, l2=l2)
        found = influence(X)
        # Scores are kept in float32.
        np.testing.assert_allclose(found.scores.sum(axis=1), logits[:, target], rtol=1e-4, atol=1e-5)
    assert found.method["l2"] == l2
    assert -1 <= found.method["agreement_with_the_network"] <= 1


def test_a_sequence_speaks_for_its_own_label():
    X, labels = data(40, 1, "sigmoid")
    own = np.diag(gl.Influence(network(1, "sigmoid"), X, labels, method="representer")(X).scores)
    assert (np.sign(own) == np.where(labels[:, 0], 1, -1)).all()


def test_neighbours_are_cosines_with_the_label_as_direction():
    X, labels = data(30, 2, "sigmoid")
    model = network(2, "sigmoid")
    hidden = keras.Model(model.inputs, model.get_layer("last").input).predict(X, verbose=0).astype(float)
    normed = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    expected = (normed[:6] @ normed.T) * (labels[:, 1] - labels[:, 1].mean())
    found = gl.Influence(model, X, labels, method="neighbours", target=1)(X[:6])
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-6)


def test_a_neighbourhood_tells_a_label_that_does_not_fit():
    X, labels = data(60, 1, "sigmoid")
    X[20:40], labels[20:40] = X[20], 1
    labels[33] = 0
    suspects = gl.Influence(network(1, "sigmoid"), X, labels, method="neighbours").suspects()
    assert suspects["suspicion"][suspects["training"] == "33"].item() == 1
