"""``genolift.check`` on small models of many kinds: what it says is what the methods then do."""

import json

import numpy as np
import pytest

import genolift as gl
from genolift.methods.targets import parse_all
from genolift.models.zoo import build
from genolift.pipeline.checking import trial
from genolift.pipeline.checking.kinds import KINDS
from genolift.pipeline.checking.outputs import text_of
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, L = keras.layers, 24
pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module", autouse=True)
def hasty():
    """Costs are measured once, since no test looks at how large they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "_ENOUGH", 0)
        yield


def model_of(*layers, shape=(L, 4), seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input(shape), *layers])


@pytest.fixture(scope="module")
def plain(hasty):
    """A check of the paper's network for any length."""
    return gl.check(build("tal_gata", length=None, filters=3, width=5), progress=False)


def test_every_method_has_a_kind():
    named = [name for names in KINDS.values() for name in names]
    assert sorted(named) == sorted(gl.methods.catalog.METHODS)


def test_an_ordinary_model(plain):
    assert plain.ok
    assert plain.inputs.tried_length == 1024
    assert [one.text for one in plain.outputs.outputs[0].targets] == ["0", "0 2"]
    assert "sigmoid" in plain.outputs.outputs[0].ends
    assert plain.methods.takes("deeplift")
    assert "has none" in plain.methods.why_not("attention")
    assert plain.proofs[0].verdict == "exact"
    assert plain.cost.deeplift > plain.cost.prediction > 0
    (seen,) = plain.sight.seen
    assert seen.width == 9  # two convolutions of five


def test_it_prints_and_becomes_json(plain):
    told = str(plain)
    for title in ("Model", "Inputs", "Outputs", "Receptive field", "Methods", "Proof", "Time and memory", "Next"):
        assert f"{title}" in told
    assert max(map(len, told.splitlines())) <= 125
    record = json.loads(json.dumps(plain.record()))
    assert record["ok"]
    assert record["outputs"]["chosen"] == "0"
    assert {kind["name"] for kind in record["methods"]["kinds"]} == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conv", "attention", "recurrent"])
def test_what_it_says_of_methods_is_what_they_do(kind):
    """A method that is said to take the model explains a sequence, and one that is said not to is refused."""
    from method_models import LENGTH
    from method_models import build as tiny

    model = tiny(kind)
    methods = gl.check(model, progress=False).methods
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, LENGTH))]
    for name in ("cam", "grad-cam", "guided-backprop", "attention", "deep-taylor", "patternnet", "lrp-zb", "maxent"):
        options = {"sweeps": 1, "burn": 0, "samples": 4} if name == "maxent" else {}
        if methods.takes(name):
            made = gl.method(name, model, 0, **options)
            (made.fit(X) if hasattr(made, "fit") else made)(X)
        else:
            with pytest.raises(UnsupportedModel):
                gl.method(name, model, 0, **options)(X)


def test_a_profile_with_counts_and_a_control():
    x, control = keras.Input((L * 4, 4), name="dna"), keras.Input((1,), name="control")
    h = K.Conv1D(4, 7, activation="relu")(x)
    counts = K.Dense(1, name="counts")(K.Concatenate()([K.GlobalAveragePooling1D()(h), control]))
    check = gl.check(keras.Model([x, control], [K.Flatten(name="logits")(K.Conv1D(1, 5)(h)), counts]), progress=False)
    profile, totals = check.outputs.outputs
    assert [one.text for one in profile.targets] == ["profile:logits", "logits:43"]
    assert [one.text for one in totals.targets] == ["logcounts:counts"]
    assert check.ok
    assert "gl.DeepLift(model, gl.targets.Profile(output='logits'" in "\n".join(check.next.python)
    assert "'control': ..." in check.next.python[-1]


def test_bins_and_tracks():
    check = gl.check(model_of(K.Conv1D(5, 3, strides=2, activation="softplus")), progress=False)
    assert check.outputs.chosen == "sum:bins=4-7,tracks=0"
    assert "softplus" in check.outputs.outputs[0].ends
    (seen,) = check.sight.seen
    assert (seen.is_output, seen.rows, seen.width, seen.apart) == (True, 11, 3, 2.0)


def test_classes_at_every_position():
    check = gl.check(model_of(K.Conv1D(3, 5, padding="same", activation="softmax")), progress=False)
    assert check.outputs.chosen == f"{L // 2},1"
    assert check.ok


def test_tokens():
    x = keras.Input((L,), dtype="int32", name="tokens")
    check = gl.check(keras.Model(x, K.Dense(2)(K.Flatten()(K.Embedding(6, 3)(x)))), progress=False)
    assert check.inputs.inputs[0].reading == "tokens from 0 to 5"
    assert check.ok
    assert check.methods.takes("occlusion")
    assert "references" not in check.next.python[-1]  # The default will do.


def test_four_tracks_are_not_taken_for_dna_where_values_say_so():
    signal = np.random.default_rng(0).normal(size=(2, L, 4))
    model = model_of(K.Conv1D(3, 3, activation="tanh"), K.Flatten(), K.Dense(1))
    assert "not one-hot DNA" in gl.check(model, X=signal, progress=False).inputs.inputs[0].reading


def test_an_operation_without_a_rule():
    """DeepLIFT is tried with its fallback, and the next command has it."""
    layer = K.Lambda(lambda t: tf.linalg.inv(t[:, :4] * 0.1 + tf.eye(4)))
    check = gl.check(model_of(layer, K.Flatten(), K.Dense(1)), progress=False)
    assert "MatrixInverse" in check.methods.why_not("deeplift")
    assert check.methods.takes("integrated-gradients")
    assert "fallback='integrated-gradients'" in check.next.python[-1]


def test_a_function_needs_sequences():
    def model(x):
        return tf.nn.relu(tf.reduce_sum(x[:, 3:9] * [1.0, 2, 3, -4], (1, 2)))[:, None]

    with pytest.raises(InputError, match=r"genolift\.check\(model, X=X\)"):
        gl.check(model, progress=False)
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (6, L))]
    check = gl.check(model, X=X, progress=False)
    assert check.ok
    assert len(check.proofs[0].sums) == 4
    assert (check.sight.seen[0].start, check.sight.seen[0].end) == (3, 9)


def test_lengths():
    model = build("tal_gata", length=None, filters=3, width=5)
    assert gl.check(model, length=40, progress=False).cost.length == 40
    with pytest.raises(InputError, match="does not take sequences of 3"):
        gl.check(model, length=3, progress=False)
    with pytest.raises(InputError, match="takes sequences of 24, not 30"):
        gl.check(model_of(K.Flatten(), K.Dense(1)), length=30, progress=False)


def test_what_nothing_can_explain():
    with pytest.raises(InputError, match="no output of the model can be explained"):
        gl.check(model_of(K.Lambda(lambda t: tf.argmax(t, 2))), progress=False)


@pytest.mark.parametrize("text", ["0", "3,1", "counts:0", "profile", "profile:head", "sum:output=a,bins=2-5,tracks=3"])
def test_targets_as_text_mean_the_same(text):
    assert text_of(parse_all([text])) == text


def test_an_output_called_profile_has_indices():
    assert parse_all(["profile:0,1"]) == ("profile", 0, 1)
