"""What a method compares with where no references are given: something that means nothing, or a refusal."""

import numpy as np
import pytest

import genolift as gl
from genolift.methods import listing
from genolift.methods.common.referring import TakesReferences
from genolift.methods.registry import method_class
from genolift.support.errors import GenoliftError
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")

L = 12
RNG = np.random.default_rng(0)
TAKING = [one for one in listing() if issubclass(method_class(one), TakesReferences)]
# Those whose default are references that hold bases; the others compare with zeros.
OF_BASES = [name for name in TAKING if type(method_class(name).default_references()).__name__ != "Zeros"]
# What makes methods quick.
QUICK = {"lime": {"samples": 60}, "kernel-shap": {"samples": 64, "width": 3}, "mask": {"steps": 3}}


def of_tokens(size):
    keras.utils.set_random_seed(size)
    layers = [K.Embedding(size, 3), K.Conv1D(4, 3, activation="relu"), K.Flatten(), K.Dense(1)]
    return keras.Sequential([keras.Input((L,), dtype="int32"), *layers])


def of_numbers(*shape):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), K.Flatten(), K.Dense(4, activation="relu"), K.Dense(1)])


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 7])
@pytest.mark.parametrize("name", TAKING)
def test_tokens_have_default_references(name, size):
    method = gl.method(name, of_tokens(size), progress=False, **QUICK.get(name, {}))
    X = RNG.integers(0, size, (2, L))
    found = method(X)
    assert found.scores.shape == (2, L)
    assert np.isfinite(found.scores).all()
    if size == 7:
        assert found.method["references"]["frequencies"] == pytest.approx([1 / 7] * 7)


def test_the_default_for_tokens_is_the_mean_of_the_embedding():
    model = of_tokens(7)
    found = gl.DeepLift(model)(RNG.integers(0, 7, (2, L)))
    mean = np.broadcast_to(model.layers[0].get_weights()[0].mean(0), (1, L, 3))
    after = keras.Sequential([keras.Input((L, 3)), *model.layers[1:]])
    assert np.allclose(found.reference_predictions, after(mean).numpy()[0, 0], atol=1e-5)
    assert np.abs(found.residual).max() < 1e-5


@pytest.mark.parametrize("shape", [(6,), (L, 20), (L, 4)], ids=str)
@pytest.mark.parametrize("name", OF_BASES)
def test_numbers_are_not_compared_with_bases(name, shape):
    X = RNG.normal(size=(2, *shape))
    with pytest.raises(GenoliftError, match=r"need one-hot DNA.*references=|the model takes none; use") as refused:
        gl.method(name, of_numbers(*shape), progress=False, **QUICK.get(name, {}))(X)
    assert ("dna=True" in str(refused.value)) == (shape == (L, 4))


@pytest.mark.parametrize("references", ["shuffled:3", "sampled:3"])
def test_signals_are_not_compared_with_bases_that_were_asked_for(references):
    with pytest.raises(GenoliftError, match=r"need one-hot DNA.*holds other numbers"):
        gl.DeepLift(of_numbers(L, 4), references=references)(RNG.normal(size=(2, L, 4)))


def test_signals_with_references_of_their_own():
    X = RNG.normal(size=(2, L, 4)).astype(np.float32)
    for references in ("zeros", X[::-1].mean(0, keepdims=True)):
        found = gl.DeepLift(of_numbers(L, 4), references=references)(X)
        assert np.abs(found.scores).min() > 0
        assert np.abs(found.residual).max() < 1e-5
