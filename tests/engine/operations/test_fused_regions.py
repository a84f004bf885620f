"""Functions that grow as exponentials do are told by their values, however they are spelled."""

import itertools
from math import factorial

import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

L = 6
X, REFERENCE = np.eye(4, dtype=np.float32)[np.random.default_rng(3).integers(0, 4, (2, 5, L))]
WEIGHTS = np.random.default_rng(1).normal(0, 1.5, (L * 4, 1)).astype(np.float32)
OFFSET = tf.Variable([0.5])


def model(function):
    return lambda x: function(tf.reshape(x, [-1, L * 4]) @ WEIGHTS)


def explained(function, rule):
    references = gl.references.Fixed(REFERENCE[:1])
    return gl.DeepLift(model(function), 0, activation="keep", rule=rule, references=references)(X).scores


def shapley(function):
    """By enumeration over which positions are those of x."""
    sets = np.array(list(itertools.product([0, 1], repeat=L)))
    place = {tuple(one): i for i, one in enumerate(sets)}
    mixed = np.where(sets[None, :, :, None] == 1, X[:, None], REFERENCE[0])
    values = model(function)(tf.constant(mixed.reshape(-1, L, 4), tf.float32)).numpy().reshape(len(X), -1)
    found = np.zeros((len(X), L))
    for one in sets:
        for position in np.flatnonzero(one == 0):
            more = one.copy()
            more[position] = 1
            share = factorial(one.sum()) * factorial(L - 1 - one.sum()) / factorial(L)
            found[:, position] += share * (values[:, place[tuple(more)]] - values[:, place[tuple(one)]])
    return found


@pytest.mark.parametrize("function", [tf.exp, lambda z: tf.cosh(z + OFFSET), lambda z: tf.math.expm1(-z) * 2])
@pytest.mark.parametrize("rule", ["genomics", "revealcancel"])
def test_revealcancel_does_not_look_where_an_exponential_explodes(function, rule):
    found, wanted = explained(function, rule), shapley(function)
    assert np.abs(found).max() < 3 * np.abs(wanted).max()
    np.testing.assert_array_equal(found, explained(function, "rescale"))


@pytest.mark.parametrize(
    "function",
    [
        tf.nn.elu,
        lambda z: tf.where(z > 0, z, tf.exp(z) - 1),
        lambda z: tf.exp(-tf.square(z)),
        tf.nn.softplus,
        lambda z: tf.nn.silu(z + OFFSET),
    ],
)
def test_functions_that_hold_an_exponential_and_do_not_explode_keep_revealcancel(function):
    assert np.abs(explained(function, "genomics") - explained(function, "rescale")).max() > 1e-3
