"""One method on several models: means, the spread, the worst residual, and what cannot be averaged."""

import warnings

import numpy as np
import pytest
import small_network
from small_network import K, X, keras

import genolift as gl
from genolift.results.kinds import MutagenesisExplanation
from genolift.support.errors import GenoliftWarning, InputError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore:.*no other shuffle:genolift.support.errors.GenoliftWarning"),
]


@pytest.fixture(scope="module")
def models():
    return [small_network.build() for _ in range(3)]


def test_mutagenesis_is_the_mean_of_what_plain_keras_says(models):
    found = gl.method("ism", models, 1)(X)
    assert type(found) is MutagenesisExplanation
    assert found.kind("effects") == "as inputs"
    mutated = X.copy()
    mutated[:, 2] = np.eye(4)[0]
    each = np.stack([model.predict(mutated, verbose=0)[:, 1] - model.predict(X, verbose=0)[:, 1] for model in models])
    np.testing.assert_allclose(found.effects[:, 2, 0], each.mean(0), atol=1e-6)
    alone = [gl.method("ism", model, 1)(X).scores for model in models]
    np.testing.assert_allclose(found.spread, np.std(alone, axis=0, ddof=1), atol=1e-6)


def test_the_residual_is_that_of_the_worst_model(models):
    together = gl.method("integrated-gradients", models, 0, steps=3)(X)
    each = np.stack([gl.method("integrated-gradients", model, 0, steps=3)(X).residual for model in models])
    np.testing.assert_allclose(np.abs(together.residual), np.abs(each).max(0), atol=1e-6)
    assert np.abs(together.residual).max() > np.abs(each.mean(0)).max() > 0


def test_models_that_need_different_numbers_of_references(models):
    flat = keras.models.clone_model(models[0])
    flat.set_weights([0 * weight for weight in models[0].get_weights()])
    references = gl.references.Shuffled("auto")
    steep = gl.DeepLift(models[0], 0, references=references)(X)
    level = gl.DeepLift(flat, 0, references=references)(X)
    both = gl.method("deeplift", [models[0], flat], 0, references=references)(X)
    assert level.reference_count.max() < steep.reference_count.max()
    np.testing.assert_array_equal(both.reference_count, level.reference_count)
    np.testing.assert_allclose(both.residual, steep.residual, atol=1e-6)
    fewest = int(level.reference_count.min())
    mean = (steep.reference_predictions[:, :fewest] + level.reference_predictions[:, :fewest]) / 2
    np.testing.assert_allclose(both.reference_predictions[:, :fewest], mean, atol=1e-6)
    assert np.isnan(both.reference_predictions[:, level.reference_predictions.shape[1] :]).all()


def test_patterns_are_fitted_on_every_model(models):
    training = np.eye(4, dtype=np.float32)[np.random.default_rng(1).integers(0, 4, (40, small_network.L))]
    together = gl.method("patternnet", models, 0).fit(training)(X)
    each = [gl.method("patternnet", model, 0).fit(training)(X).signal for model in models]
    np.testing.assert_allclose(together.signal, np.mean(each, axis=0), atol=1e-6)
    with pytest.raises(InputError, match="gradient is not fitted on data"):
        gl.method("gradient", models, 0).fit(training)


def test_hidden_units_are_not_averaged(models):
    with pytest.raises(InputError, match="hidden layer of one model are not those of another"):
        gl.method("deeplift", models, 0, layer="conv")


def test_a_warning_says_which_model_it_is_about(models):
    inputs = keras.Input((small_network.L, 4), name="dna")
    broken = keras.Model(inputs, K.Dense(3)(keras.ops.sqrt(K.Flatten()(inputs) - 2)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GenoliftWarning)
        gl.method("gradient-x-input", [models[0], broken], 0)(X)
    told = [str(one.message) for one in caught if issubclass(one.category, GenoliftWarning)]
    assert told
    assert all(text.startswith("model 2 of 2: ") for text in told)
