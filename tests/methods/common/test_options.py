"""Options that every engine method takes: both strands, ensembles, hidden layers, references until enough, fallback."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import genolift as gl
from genolift.methods.common import referenced
from genolift.support.errors import GenoliftWarning, InputError, Undefined, UnsupportedModel

LENGTH, BASES = 24, np.eye(4, dtype=np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(7)
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(6, 5, activation="relu", name="first")(inputs)
    y = layers.Conv1D(6, 3, activation="silu", padding="same", name="second")(x)
    z = layers.GlobalMaxPooling1D()(layers.Add()([x, y]))
    outputs = layers.Dense(3, activation="sigmoid", name="head")(layers.Dense(5, activation="relu", name="mix")(z))
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def X():
    return BASES[np.random.default_rng(0).integers(0, 4, (6, LENGTH))]


@pytest.fixture(scope="module")
def references():
    return BASES[np.random.default_rng(1).integers(0, 4, (6, 3, LENGTH))]


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max(), rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deeplift", "guided-backprop-x-input"])
def test_both_strands_are_the_mean_of_each(name, model, X, references):
    def explain(x, refs, **options):
        return gl.method(name, model, [0, 2], references=gl.references.Fixed(refs), progress=False, **options)(x)

    forward = explain(X, references)
    reverse = explain(X[:, ::-1, ::-1], references[:, :, ::-1, ::-1])
    both = explain(X, references, rc_average=True)
    for field in ("hypothetical", "raw_contributions", "multipliers"):
        mirrored = getattr(reverse, field)[:, :, ::-1, ::-1]
        close(getattr(both, field), (getattr(forward, field) + mirrored) / 2)
    close(both.predictions, (forward.predictions + reverse.predictions) / 2)
    assert both.standard_error.shape == (6, 2, LENGTH)


def test_a_target_that_does_not_tell_its_other_strand_is_refused(model):
    with pytest.raises(InputError, match="reverse_complement"):
        gl.DeepLift(model, target=lambda outputs: outputs[:, 0], rc_average=True)
    keras.utils.set_random_seed(0)
    profile = keras.Sequential([keras.Input((LENGTH, 4)), layers.Conv1D(2, 5, name="profile")])
    with pytest.raises(InputError, match="other strand"):
        gl.DeepLift(profile, target=(3, 1), rc_average=True)


def test_bins_are_reversed_on_the_other_strand(X, references):
    keras.utils.set_random_seed(0)
    profile = keras.Sequential([keras.Input((LENGTH, 4)), layers.Conv1D(2, 5, activation="relu", name="profile")])
    refs = gl.references.Fixed(references)
    both = gl.DeepLift(profile, gl.targets.Sum(bins=range(3, 7), tracks=1), references=refs, rc_average=True)(X)
    own = gl.DeepLift(profile, gl.targets.Sum(bins=range(3, 7), tracks=1), references=refs)(X).predictions
    flipped = profile(X[:, ::-1, ::-1]).numpy()[:, 20 - 7 : 20 - 3, 1].sum(1)
    close(both.predictions, (own + flipped) / 2)


@pytest.mark.slow
def test_ensemble_is_mean_and_spread(model, X):
    other = keras.models.clone_model(model)
    single = [gl.DeepLift(one, 1, references=gl.references.Zeros())(X) for one in (model, other)]
    both = gl.method("deeplift", [model, other], 1, references=gl.references.Zeros())(X)
    close(both.scores, (single[0].scores + single[1].scores) / 2)
    close(both.spread, np.std([one.scores for one in single], axis=0, ddof=1))
    close(both.contributions, (single[0].contributions + single[1].contributions) / 2)


def test_a_layer_that_is_a_cut_takes_everything_and_one_that_is_not_tells_what_bypasses_it(model, X, references):
    refs = gl.references.Fixed(references)
    cut = gl.DeepLift(model, 1, references=refs, layer="first")(X)
    assert cut.inputs.shape == cut.raw_contributions.shape == (6, LENGTH - 4, 6)
    np.testing.assert_array_equal(cut.bypass, 0)
    difference = cut.predictions[:, None] - cut.reference_predictions
    close(cut.raw_contributions.sum((1, 2)), difference.mean(1), 1e-4)
    beside = gl.DeepLift(model, 1, references=refs, layer="second")(X)
    assert np.abs(beside.bypass).min() > 1e-6
    close(beside.raw_contributions.sum((1, 2)) + beside.bypass.mean(1), difference.mean(1), 1e-4)
    assert np.abs(beside.residual).max() < 1e-5
    with pytest.raises(Undefined, match="hidden layer"):
        _ = cut.hypothetical


def test_layer_contributions_by_hand():
    inputs = keras.Input((3, 1))
    doubled = layers.Dense(1, use_bias=False, name="double")(inputs)
    model = keras.Model(inputs, layers.Flatten()(layers.Add()([inputs, doubled]))[:, :1])
    model.get_layer("double").kernel.assign([[2.0]])
    x = np.array([[[1.0], [5.0], [7.0]]])
    found = gl.DeepLift(model, references=gl.references.Zeros(), layer="double")(x)
    np.testing.assert_allclose(found.raw_contributions[0, :, 0], [2.0, 0.0, 0.0])
    np.testing.assert_allclose(found.bypass, [[1.0]])


def test_hidden_units_are_targets(model, X, references):
    refs = gl.references.Fixed(references)
    inner = keras.Model(model.inputs, model.get_layer("mix").output)
    expected = gl.DeepLift(inner, 3, references=refs)(X)
    found = gl.DeepLift(model, gl.targets.Hidden("mix", 3), references=refs)(X)
    close(found.hypothetical, expected.hypothetical)
    close(found.predictions, expected.predictions)
    with pytest.raises(InputError, match="first"):
        gl.DeepLift(model, gl.targets.Hidden("nonesuch", 0))


@pytest.mark.slow
def test_references_until_enough_are_a_prefix_of_as_many(model, X, monkeypatch):
    monkeypatch.setattr(referenced, "_FIRST_DRAW", 10)
    auto = gl.references.Shuffled("auto", tolerance=0.3, cap=40, seed=3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = gl.DeepLift(model, [0, 1], references=auto, progress=False)(X)
    counts = found.reference_count[:, 0]
    assert len(set(counts.tolist())) > 1, "the case should have sequences that need different numbers"
    enough = found.standard_error.max(-1).max(1) <= 0.3 * np.abs(found.scores).max((1, 2))
    assert (enough | (counts == 40)).all()
    told = [str(one.message) for one in told if "Shuffled('auto') stops" in str(one.message)]
    assert bool(told) == (not enough.all())
    assert all(f"{(~enough).sum()} of {len(X)} sequences" in one for one in told)
    for i, count in enumerate(counts):
        assert np.isnan(found.residual[i, :, count:]).all()
        assert np.isfinite(found.residual[i, :, :count]).all()
    for i in (counts.argmin(), counts.argmax()):
        alone = gl.DeepLift(model, [0, 1], references=gl.references.Shuffled(int(counts[i]), seed=3))(X[i : i + 1])
        close(found.hypothetical[i], alone.hypothetical[0])
        close(found.standard_error[i], alone.standard_error[0], 1e-4)


@pytest.mark.slow
def test_the_end_of_references_until_enough_is_told(model, X):
    never = gl.references.Shuffled("auto", tolerance=1e-9, cap=12, seed=3)
    with pytest.warns(GenoliftWarning, match=f"{len(X)} of {len(X)} sequences .* after 12 references"):
        found = gl.DeepLift(model, [0, 1], references=never, progress=False)(X)
    assert (found.reference_count == 12).all()
    at_once = gl.references.Shuffled("auto", tolerance=1e9, cap=12, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", GenoliftWarning)
        gl.DeepLift(model, [0, 1], references=at_once, progress=False)(X)
        at_once = gl.references.Shuffled("auto", tolerance=1e9, cap=80, seed=3)
        assert (gl.DeepLift(model, [0, 1], references=at_once, progress=False)(X).reference_count == 40).all()


@pytest.mark.slow
def test_mean_normalising_keeps_outputs_and_centres_gradients(model, X):
    plain = gl.method("gradient-x-input", model, 0)(X)
    centred = gl.method("gradient-x-input", model, 0, mean_normalise=True)(X)
    close(centred.predictions, plain.predictions)
    close(centred.multipliers, plain.multipliers - plain.multipliers.mean(-1, keepdims=True))
    same = gl.references.Shuffled(4)
    close(
        gl.DeepLift(model, 0, references=same, mean_normalise=True)(X).hypothetical,
        gl.DeepLift(model, 0, references=same)(X).hypothetical,
    )


def test_mean_normalising_is_refused_under_padding():
    padded = keras.Sequential(
        [keras.Input((LENGTH, 4)), layers.Conv1D(3, 5, padding="same"), layers.GlobalMaxPooling1D(), layers.Dense(1)]
    )
    with pytest.raises(UnsupportedModel, match="pads"):
        gl.DeepLift(padded, mean_normalise=True)


def determinant(x):
    return tf.linalg.det(tf.eye(4) + x[:, :4])[:, None]


def test_an_operation_without_a_rule_is_refused_by_name(X):
    with pytest.raises(UnsupportedModel, match=r"MatrixDeterminant.*fallback='integrated-gradients'.*register"):
        gl.DeepLift(determinant)(X)


def test_the_fallback_closes_the_balance_and_reports_what_is_left(X, references):
    refs = gl.references.Fixed(references)
    found = gl.DeepLift(determinant, references=refs, fallback="integrated-gradients")(X)
    record = found.provenance["fallback"]
    assert "MatrixDeterminant" in record["operations"][0]
    assert record["left"] < 1e-4
    assert np.abs(found.residual).max() < 1e-4
    path = gl.method("integrated-gradients", determinant, references=refs, steps=300)(X)
    close(found.hypothetical, path.hypothetical, 1e-3)


def test_the_fallback_inside_a_loop_reports_the_most_that_a_turn_left(X, references):
    def turn(total, now):
        total = tf.linalg.det(tf.eye(2) + tf.reshape(tf.sin(now + total[:, None]), (-1, 2, 2))) - total / 2
        return total, total

    def model(x):
        return keras.ops.scan(turn, tf.zeros_like(x[:, 0, 0]), tf.transpose(x, (1, 0, 2)))[0][:, None]

    with pytest.raises(UnsupportedModel, match=r"MatrixDeterminant.*fallback='integrated-gradients'"):
        gl.DeepLift(model)(X[:2])
    options = {"references": gl.references.Fixed(references), "fallback": "integrated-gradients"}
    found = gl.DeepLift(model, **options)(X)
    record = found.provenance["fallback"]
    assert "MatrixDeterminant" in record["operations"][0]
    assert 0 < record["left"] < 1e-4
    assert np.abs(found.residual).max() < 1e-4 * np.abs(found.predictions).max()


def test_a_user_teaches_an_operation_in_a_line(X, monkeypatch):
    from genolift.engine.operations.table import OPERATIONS

    def model(x):
        return tf.reduce_sum(tf.raw_ops.BesselI0e(x=3 * x[:, :2]), axis=(1, 2))[:, None]

    monkeypatch.delitem(OPERATIONS, "BesselI0e")
    with pytest.raises(UnsupportedModel, match="BesselI0e"):
        gl.DeepLift(model)(X)
    gl.rules.register("BesselI0e", gl.rules.Unary())
    assert np.abs(gl.DeepLift(model, references=gl.references.Background())(X).residual).max() < 1e-5


@pytest.mark.slow
def test_a_breach_is_told_from_rounding_and_names_its_step(model, X, references, monkeypatch):
    from genolift.engine.walk import rules

    sound = gl.DeepLift(model, 0, references=gl.references.Fixed(references))(X)
    assert sound.provenance["proof"]["verdict"] in ("exact", "rounding")

    def broken(step, flows, back):
        return {value: rules.Flow(flow.mean * 1.5) for value, flow in rules.chords(step, flows, back).items()}

    monkeypatch.setitem(rules.DEEPLIFT, "unary", broken)
    with pytest.warns(GenoliftWarning, match=r"the balance first fails at .*mix"):
        wrong = gl.DeepLift(model, 0, references=gl.references.Fixed(references))(X)
    assert wrong.provenance["proof"]["verdict"] == "breach"


def test_diagnose_is_a_table_of_balanced_steps(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error", GenoliftWarning)
        table = gl.diagnose(model, X, 0, references=gl.references.Shuffled(2))
    assert list(table.columns) == ["layer", "operation", "kind", "rule", "imbalance", "imbalance_float64"]
    assert {"weighted", "passing", "unary", "selection"} <= set(table["kind"])
    assert "revealcancel" in set(table["rule"])
    assert table["imbalance_float64"].abs().max() < 1e-12
    with pytest.raises(InputError, match="deeplift"):
        gl.diagnose(model, X, 0, method="gradient-x-input")
