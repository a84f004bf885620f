"""The method built-in: the network's own terms, for every target that is a logit, and nothing else."""

import numpy as np
import pytest

import genolift as gl
from genolift.models.readable.reading import reading_of
from genolift.models.zoo import READABLE, build
from genolift.support.errors import InputError, UnsupportedModel

pytestmark = pytest.mark.usefixtures("uncompiled")
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (4, 30))]


def network(name, tasks=2, **options):
    model = build(name, seed=1, length=30, tasks=tasks, **options)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.3 * random.normal(size=variable.shape))
    return model


@pytest.fixture(scope="module")
def additive():
    return network("additive", filters=4)


def test_scores_sum_to_the_logit_less_the_silent_one(additive):
    found = gl.method("built-in", additive, target=[1, 0])(X)
    p = np.asarray(additive(X)).astype(float)
    logits = np.log(p / (1 - p))[:, [1, 0]]
    np.testing.assert_allclose(found.predictions, logits, atol=1e-4)
    silent = np.array(found.provenance["reading"]["silent"])
    np.testing.assert_allclose(found.scores.sum(axis=2), logits - silent, atol=1e-4)
    np.testing.assert_allclose(found.scores, reading_of(additive).by_base(X)[:, [1, 0]], atol=1e-6)


def test_targets(additive):
    both = gl.method("built-in", additive, target=[0, 1])(X)
    for target in (1, -1, ("tasks", 1), (1,)):
        np.testing.assert_array_equal(gl.method("built-in", additive, target)(X).scores, both.scores[:, 1])
    alone = network("pwm", tasks=1)
    assert gl.method("built-in", alone)(X).scores.shape == (4, 30)
    linear = network("additive", filters=3, output="linear")
    np.testing.assert_allclose(gl.method("built-in", linear, 0)(X).predictions, np.asarray(linear(X))[:, 0], rtol=1e-4)


def test_what_is_no_logit_is_refused(additive):
    for target in (gl.targets.MeanCentred(0), lambda outputs: outputs[:, 0]):
        with pytest.raises(InputError, match="built-in reads the logit of one task"):
            gl.method("built-in", additive, target)
    with pytest.raises(InputError, match="not the output behind its activation"):
        gl.method("built-in", additive, 0, activation="keep")
    with pytest.raises(InputError, match="not the mean over both strands"):
        gl.method("built-in", additive, 0, rc_average=True)
    with pytest.raises(
        UnsupportedModel,
        match="this model has none",
    ):
        gl.method("built-in", build("dilated", length=30), 0)


@pytest.mark.parametrize(
    "name",
    [one if one == "lattice" else pytest.param(one, marks=pytest.mark.slow) for one in READABLE],
)
def test_deeplift_explains_every_network_without_a_rest(name):
    """All operations have rules, also in a model that was saved and loaded."""
    model = network(name)
    if name in ("pwm", "pwm_tied"):  # Sites so weak that random sequences have some.
        model.get_layer("scan").factor.assign(3 + 0 * model.get_layer("scan").factor)
        model.get_layer("scan").bias.assign(0.5 + 0 * model.get_layer("scan").bias)
    with_sites = X.copy()
    with_sites[:, 5:15] = gl.one_hot(["ACAGATAAGG"])
    found = gl.DeepLift(model, target=[0, 1], references=gl.references.Shuffled(2))(with_sites)
    size = np.abs(found.scores).max()
    assert size > 1e-4
    assert np.abs(found.residual).max() < 1e-5 * (1 + size)
