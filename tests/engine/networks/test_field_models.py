"""The networks of this field in miniature, explained against shuffles of the sequence under both rules."""

import contract
import field_models
import keras_cases
import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

X = contract.one_hot(0, 3, field_models.LENGTH)
SHUFFLED = gl.references.Shuffled(3)
#: A net for each kind of thing that others do not have; all of them run as slow tests.
SOME = ["spectral_gates", "chrombpnet", "k_max_pooling"]


def built(name):
    keras.utils.set_random_seed(0)
    model, target = field_models.MODELS[name]()
    return keras_cases.randomised(model, 1), target


def given(name, model):
    """What the model takes, and references for it."""
    if name == "tokens":
        drawn = np.random.default_rng(3).integers(0, 4, (3, 3, field_models.LENGTH))
        return X.argmax(-1).astype(np.int32), gl.references.Fixed(drawn)
    if len(model.inputs) > 1:
        return {"dna": X, "control": np.full((3, 1), 0.5, np.float32)}, {"dna": SHUFFLED}
    return X, SHUFFLED


def explained(name, rule):
    model, target = built(name)
    x, references = given(name, model)
    method = gl.DeepLift(model, target, rule=rule, references=references)
    found = method(x)
    change = found.predictions[:, None] - found.reference_predictions
    assert np.abs(change).max() > 1e-6 * np.abs(found.predictions).max() + 1e-6, "the net does not look at its input"
    assert method.verdict.kind in ("exact", "rounding")
    assert np.abs(found.residual).max() < 1e-3 * np.abs(change).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", SOME)
def test_what_others_do_not_have(uncompiled, name):
    explained(name, "revealcancel")


@pytest.mark.slow
@pytest.mark.parametrize("name", field_models.MODELS)
@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_under_both_rules(uncompiled, name, rule):
    explained(name, rule)
