"""Random architectures out of the whole operation set, under the conditions of the contract.

Some in `.ci/run`, thousands under `make fuzz` (``GENOLIFT_FUZZ=N`` runs N), each from its own
number, so that a failure can be run again by it (``GENOLIFT_FUZZ_SEED``, the first number).
"""

import os

import contract
import keras_cases
import numpy as np
import pytest
from test_keras_layers import LINEAR, NONLINEAR, SPELLINGS

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
RULES = ("rescale", "revealcancel", "genomics")
#: Steps of what may be an arbitrarily steep staircase, and numbers that grow without bound, tell nothing in a chain.
WILD = {"steps", "exponential", "trigonometric", "special"}
FUNCTIONS = {f"{name}_{i}": f for name, forms in SPELLINGS.items() if name not in WILD for i, f in enumerate(forms)}
FUNCTIONS |= LINEAR | NONLINEAR
LOOPS = ("LSTM", "GRU", "RNN")
PIECES = [c for c in keras_cases.CASES if not any(loop in c.id for loop in LOOPS)]
RECURRENT = [c for c in keras_cases.CASES if any(loop in c.id for loop in LOOPS) and "Conv" not in c.id]
FIRST = int(os.environ.get("GENOLIFT_FUZZ_SEED", 0))
ASKED = int(os.environ.get("GENOLIFT_FUZZ", 0))


def reshaped(h, shape: str):
    """Any tensor as one of the named shape."""
    sizes = keras_cases.SHAPES[shape]
    if tuple(h.shape[1:]) == sizes:
        return h
    return K.Reshape(sizes)(K.Dense(int(np.prod(sizes)))(K.Flatten()(h)))


def piece(rng, h):
    """One layer or function of the set, on ``h`` brought to the shape it takes."""
    draw = rng.random()
    if draw < 0.4:
        name = str(rng.choice(list(FUNCTIONS)))
        return K.Lambda(FUNCTIONS[name], name=f"{name}_{rng.integers(10**9)}")(reshaped(h, "sequence"))
    cases = RECURRENT if draw > 0.97 else PIECES
    case = cases[rng.integers(len(cases))]
    return case.build(reshaped(h, case.shape))


def joined(rng, h, other):
    """Two tensors brought together: sums, products, extrema, concatenation, attention."""
    h, other = reshaped(h, "sequence"), reshaped(other, "sequence")
    how = rng.integers(6)
    if how == 5:
        return K.Attention()([h, other])
    return [K.Add, K.Multiply, K.Maximum, K.Average, K.Concatenate][how]()([h, other])


def architecture(seed: int):
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((keras_cases.LENGTH, 4))
    h = K.Dense(4)(inputs)
    kept = [h]
    for _ in range(rng.integers(2, 5)):
        h = piece(rng, h)
        if rng.random() < 0.5:
            h = K.Activation(str(rng.choice(["tanh", "softsign", "sigmoid", "gelu", "relu"])))(h)
        if rng.random() < 0.3:
            h = joined(rng, h, kept[rng.integers(len(kept))])
        kept.append(h)
    top = K.Dense(6, activation="tanh")(K.Flatten()(h))
    return keras_cases.randomised(keras.Model(inputs, K.Dense(2)(top)), seed)


def explained(seed: int):
    x, refs = contract.inputs(seed, keras_cases.LENGTH)
    model = architecture(seed)
    try:
        outputs = model(np.concatenate([x, refs[:, 0]]), training=False)[:, 0].numpy()
    except ValueError:
        return False  # layers that do not go together, a mask of one with another's shape say
    if not np.isfinite(outputs).all() or np.ptp(outputs) < 0.02 or not contract.bends(model, x, refs):
        return False  # a flat, straight or overflowing function says nothing
    contract.balances(model, x, refs, rule=RULES[seed % 3], thorough=seed % 5 == 0)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (ASKED or 6)))
def test_random_architectures(uncompiled, seed):
    if not explained(seed):
        pytest.skip("this architecture does not run, or its output hardly depends on its input")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10_000, 10_040))  # Every join and activation is in four of them or more.
def test_many_random_architectures(uncompiled, seed):
    if not explained(seed):
        pytest.skip("this architecture does not run, or its output hardly depends on its input")
