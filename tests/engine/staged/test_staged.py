"""The walk in stages: it gives what the walk as a whole gives, whatever the budget, and says what it needs."""

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.engine.running import probe
from genolift.engine.staged import explain
from genolift.engine.staged.explain import StagedExplainer
from genolift.engine.staged.stages import Cutting
from genolift.support.errors import InputError

K = keras.layers
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("uncompiled")]
L = 240
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, L))]
FIELDS = ("raw_contributions", "hypothetical", "multipliers", "predictions", "reference_predictions")


def network(length=L):
    """A residual block with a skip over it, pools, attention, and dense layers that RevealCancel looks behind."""
    keras.utils.set_random_seed(1)
    x = keras.Input((length, 4))
    h = early = K.MaxPooling1D(2)(K.Conv1D(8, 9, padding="same", activation="relu")(x))
    inner = K.Conv1D(8, 5, padding="same")(K.Activation("gelu")(K.BatchNormalization()(h)))
    h = K.Add()([h, inner])
    h = K.MaxPooling1D(4)(K.Concatenate()([h, early]))
    normal = K.LayerNormalization()(h)
    h = K.Add()([h, K.MultiHeadAttention(2, 4)(normal, normal)])
    h = K.Activation("relu")(K.BatchNormalization()(K.Dense(12)(K.Flatten()(h))))
    return keras.Model(x, K.Dense(3)(K.Dense(6, activation="relu")(h)))


@pytest.fixture(scope="module")
def model():
    return network()


def in_stages(method, monkeypatch, share):
    """Let a method cut its model so that a stage takes so large a share of the model, whatever the budget."""

    traced = method.traced

    def stages(inputs):
        cutting = Cutting(traced.program, method._rule, traced.targets, traced.probe(list(inputs.shapes)).sizes)
        return cutting, cutting._cut(share * cutting._cost(0, len(cutting.walk)))

    monkeypatch.setattr(method._planner, "stages", stages)
    return method


@pytest.mark.parametrize(("rule", "target", "share"), [("genomics", 1, 0.6), ("revealcancel", [0, 2], 0.0)])
def test_stages_give_what_the_whole_gives(model, monkeypatch, rule, target, share):
    """To rounding: 3e-6 of the largest number of a field."""
    references = gl.references.Shuffled(3, seed=1)
    whole = gl.DeepLift(model, target, rule=rule, references=references)(X)
    method = in_stages(gl.DeepLift(model, target, rule=rule, references=references, progress=False), monkeypatch, share)
    found = method(X)
    (explainer,) = method._explainers.values()
    assert isinstance(explainer, StagedExplainer)
    assert len(explainer.stages) > (8 if share == 0 else 1)
    for name in FIELDS:
        expected = getattr(whole, name)
        np.testing.assert_allclose(getattr(found, name), expected, atol=3e-6 * np.abs(expected).max(), err_msg=name)
    assert method.verdict.kind == "exact"


def test_references_that_sequences_share(model, monkeypatch):
    whole = gl.DeepLift(model, 0, references=gl.references.Zeros())(X)
    found = in_stages(gl.DeepLift(model, 0, references=gl.references.Zeros()), monkeypatch, 0.3)(X)
    np.testing.assert_allclose(found.scores, whole.scores, atol=3e-6 * np.abs(whole.scores).max())


def test_no_cut_between_revealcancel_and_the_layers_before(model):
    """Where the two parts of a difference have multipliers of their own, all steps are in one stage."""
    method = gl.DeepLift(model, 0, rule="revealcancel")
    traced = method.traced
    cutting = Cutting(traced.program, method._rule, traced.targets, probe.static_sizes(traced.program))
    layout = cutting._cut(0)
    for stage in cutting.stages(layout):
        own = {value for step in stage.walk for value in step.outputs}
        for step in stage.walk:
            if step.body and method._rule.reveals(step):
                assert step.inputs[0] in own


def test_the_audit_goes_through_all_stages(model, monkeypatch):
    whole = gl.DeepLift(model, 0).diagnose(X)
    found = in_stages(gl.DeepLift(model, 0, memory="1GB"), monkeypatch, 0.2).diagnose(X)
    assert [row["operation"] for row in found] == [row["operation"] for row in whole]
    worst = [max(abs(row["imbalance_float64"]) for row in rows) for rows in (found, whole)]
    assert worst[0] <= 2 * worst[1] < 1e-8


def test_where_a_number_is_not_finite(monkeypatch):
    x = keras.Input((L, 4))
    h = K.Conv1D(4, 5, activation="relu", name="first")(x)
    h = K.Activation(lambda t: keras.ops.log(t - 100.0), name="lost")(K.MaxPooling1D(2)(h))
    model = keras.Model(x, K.Dense(1)(K.Flatten()(h)))
    method = in_stages(gl.DeepLift(model, 0, progress=False), monkeypatch, 0.3)
    with pytest.warns(UserWarning, match="'.*lost' .*value at the sequence is not finite"):
        method(X)


def test_a_budget_is_kept_by_stages_and_progress_is_counted_in_them(monkeypatch):
    model = network(1200)
    x = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (1, 1200))]
    whole = gl.DeepLift(model, 0, references=gl.references.Shuffled(2, seed=0))
    inputs, traced = whole.adapted(x)
    budget = int(0.9 * whole.pair_bytes(inputs, traced))
    method = gl.DeepLift(model, 0, references=gl.references.Shuffled(2, seed=0), memory=budget, progress=False)
    explainer = method.explainer(*method.adapted(x))
    assert isinstance(explainer, StagedExplainer)
    counted = []
    counting = property(lambda self: counted.append, lambda self, tick: None)
    monkeypatch.setattr(explain.StagedExplainer, "tick", counting, raising=False)
    found = method(x)
    assert sum(counted) == explainer.ticks(2)
    expected = whole(x)
    np.testing.assert_allclose(found.scores, expected.scores, atol=3e-6 * np.abs(expected.scores).max())


def test_what_a_pair_needs_is_said_before_anything_runs(model, monkeypatch):
    monkeypatch.setattr(probe.Probe, "_measure", lambda self, rows: pytest.fail("the model ran"))
    with pytest.raises(InputError, match=r"pair needs about .* GB .* give memory="):
        gl.DeepLift(model, 0, memory=10_000)(X)


def test_rows_of_large_models_run_two_at_a_time(model, monkeypatch):
    """They tell the same as four rows do."""
    traced = gl.DeepLift(model, 0).traced
    few = probe.Probe(traced.program)([(L, 4)])
    monkeypatch.setattr(probe, "_LARGE", 0)
    large = probe.Probe(traced.program)([(L, 4)])
    assert large.leading == few.leading
    assert large.sizes == few.sizes


@pytest.mark.parametrize(
    "mixing",
    [
        lambda x: x + keras.ops.roll(x, 1, axis=0),
        lambda x: x + keras.ops.roll(x, -1, axis=0),
        lambda x: x * keras.ops.mean(x, axis=0, keepdims=True),
        lambda x: x + x[:1],
        lambda x: x + x[-1:],
    ],
)
def test_models_that_mix_rows_are_refused_however_large(monkeypatch, mixing):
    monkeypatch.setattr(probe, "_LARGE", 0)
    x = keras.Input((30, 4))
    model = keras.Model(x, K.Dense(1)(K.Flatten()(K.Lambda(mixing, output_shape=(30, 4))(x))))
    with pytest.raises(TypeError, match="depends on the other sequences of its batch"):
        gl.DeepLift(model, 0)(X[:, :30])
