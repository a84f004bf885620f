"""Models that take DNA in another arrangement, explained as if they took (N, length, 4)."""

import warnings

import numpy as np
import pytest

import genolift as gl
from genolift.models.layout import Arranged, Layout, arranged, guess
from genolift.models.loading import load_model
from genolift.models.signature import Port, describe
from genolift.support.errors import InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402
import tf_keras  # noqa: E402

LENGTH = 24
X = np.eye(4, dtype=np.float32)[stream(0, "layout").integers(4, size=(3, LENGTH))]
LIBRARIES = {"keras": keras, "tf_keras": tf_keras}
# The shape that a layout's model takes, and how that becomes (length, 4) again.
SHAPES = {
    "NCL": ((4, LENGTH), (2, 1), None),
    "N1LC": ((1, LENGTH, 4), None, (LENGTH, 4)),
    "NL1C": ((LENGTH, 1, 4), None, (LENGTH, 4)),
    "NC1L": ((4, 1, LENGTH), (3, 1, 2), (LENGTH, 4)),
    "NCL1": ((4, LENGTH, 1), (2, 1, 3), (LENGTH, 4)),
}


def core(library, channels=4):
    """A network on (length, channels), with weights of its own."""
    layers = LIBRARIES[library].layers
    x = LIBRARIES[library].Input((LENGTH, channels), name="dna")
    h = layers.Conv1D(3, 5, activation="relu", name="conv")(x)
    h = layers.Dropout(0.5)(h)  # which shows whether the model is run as at inference
    y = layers.Dense(2, activation="sigmoid", name="out")(layers.Flatten()(h))
    model = LIBRARIES[library].Model(x, y)
    random = stream(2, "weights", channels)
    model.set_weights([random.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    return model


def in_layout(axes, library="keras"):
    """The same network for a user whose arrays have other axes."""
    layers = LIBRARIES[library].layers
    shape, order, back = SHAPES[axes]
    x = h = LIBRARIES[library].Input(shape, name="dna")
    h = layers.Permute(order)(h) if order else h
    h = layers.Reshape(back)(h) if back else h
    return LIBRARIES[library].Model(x, core(library)(h))


def explanation(model, **options):
    return gl.DeepLift(model, target=1, references=gl.references.Background(), **options)(X)


@pytest.fixture(scope="module")
def plain():
    model = core("keras")
    return model, explanation(model)


@pytest.mark.parametrize("axes", SHAPES)
def test_predictions_and_explanations_are_those_of_the_plain_model(axes, plain, tmp_path):
    model, expected = plain
    in_layout(axes).save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", layout=axes)
    np.testing.assert_allclose(loaded(X), model(X), atol=1e-6)
    assert describe(loaded).inputs == (Port("dna", (LENGTH, 4)),)
    assert describe(loaded).outputs[0].shape == (2,)
    found = explanation(loaded)
    for name in ("raw_contributions", "hypothetical", "predictions"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-5)
    assert np.ptp(found.scores) > 0.01


@pytest.mark.parametrize("how", ["tf_keras.h5", "SavedModel", "architecture"])
def test_whatever_the_model_is(how, plain, tmp_path):
    model = in_layout("NCL", "keras" if how == "SavedModel" else "tf_keras")
    path, options = tmp_path / "model.h5", {}
    if how == "SavedModel":
        path = tmp_path / "exported"
        model.export(path, verbose=False)
    elif how == "architecture":
        path, options = tmp_path / "arch.json", {"weights": tmp_path / "w.weights.h5"}
        path.write_text(model.to_json())
        model.save_weights(options["weights"])
    else:
        model.save(path)
    found = explanation(load_model(path, layout="channels-first", **options))
    np.testing.assert_allclose(found.scores, plain[1].scores, atol=1e-5)


def test_layers_keep_their_names_and_both_strands_can_be_averaged(plain, tmp_path):
    model, _ = plain
    wrapped = arranged(in_layout("N1LC"), "N1LC")
    rule = {"conv": "revealcancel"}
    found, expected = (explanation(each, rule=rule, rc_average=True) for each in (wrapped, model))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    with pytest.raises(InputError, match="layers that the model does not run"):
        explanation(wrapped, rule={"nothing": "rescale"})


def test_other_letters(plain):
    """A model whose channels are A, G, C, T: the plain one with its first weights in that order."""
    model, expected = plain
    other = core("keras")
    weights = model.get_weights()
    other.set_weights([weights[0][:, [0, 2, 1, 3]], *weights[1:]])
    wrapped = arranged(other, "NLC:AGCT")
    np.testing.assert_allclose(wrapped(X), model(X), atol=1e-6)
    np.testing.assert_allclose(explanation(wrapped).hypothetical, expected.hypothetical, atol=1e-5)


@pytest.mark.parametrize("layout", ["NLC:ACGTN", "(N, L, 5)"])
def test_a_fifth_channel_for_unknown_bases(layout, plain):
    model = core("keras", 5)
    wrapped = arranged(model, layout)
    unknown = X.copy()
    unknown[:, :3] = 0
    five = np.concatenate([unknown, 1 - unknown.sum(-1, keepdims=True)], axis=-1)
    assert five[:, :3, 4].all()
    np.testing.assert_allclose(wrapped(unknown), model(five), atol=1e-6)
    result = gl.DeepLift(wrapped, target=0, references=gl.references.Shuffled(3))(unknown)
    assert np.abs(result.residual).max() < 1e-4


def test_several_inputs_of_which_one_is_dna(tmp_path):
    dna, more = keras.Input((4, LENGTH), name="dna"), keras.Input((3,), name="more")
    pooled = keras.layers.GlobalAveragePooling1D(data_format="channels_first")(dna)
    model = keras.Model({"dna": dna, "more": more}, {"a": keras.layers.Dense(1)(pooled), "b": more})
    wrapped = arranged(model, "NCL")
    assert describe(wrapped).inputs == (Port("dna", (LENGTH, 4)), Port("more", (3,)))
    numbers = np.ones((3, 3), np.float32)
    expected = model({"dna": tf.constant(X.transpose(0, 2, 1)), "more": tf.constant(numbers)})
    for given in ({"dna": X, "more": numbers}, [X, numbers]):
        with warnings.catch_warnings():  # Keras warns where a model of named inputs is given a list
            warnings.simplefilter("error")
            found = wrapped(given)
        np.testing.assert_allclose(found["a"], expected["a"], atol=1e-6)
    result = gl.DeepLift(wrapped, target=("a", 0), references={"dna": gl.references.Zeros()})(
        {"dna": X, "more": numbers}
    )
    assert result.scores["dna"].shape == (3, LENGTH)
    with pytest.raises(InputError, match="takes 2 inputs"):
        wrapped(X)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NCL", Layout("NCL")),
        ("channels-first", Layout("NCL")),
        ("Channels-Last", Layout("NLC")),
        ("(N, 4, L)", Layout("NCL")),
        ("N,1,L,4", Layout("N1LC")),
        ("nl1c:agct", Layout("NL1C", "AGCT")),
        ("(N, 5, L)", Layout("NCL", "ACGTN")),
        ("N1LC:NACGT", Layout("N1LC", "NACGT")),
    ],
)
def test_ways_to_write_a_layout(text, expected):
    assert Layout.parse(text) == expected
    assert Layout.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "LNC", "NLLC", "NC", "NXL", "N4", "NLC:ACG", "NLC:ACGU", "NLC:ACGTNN", "N2LC"])
def test_layouts_that_make_no_sense(text, tmp_path):
    with pytest.raises(InputError, match="layout"):
        load_model(tmp_path / "not looked for", layout=text)


def test_layouts_that_do_not_fit_the_model():
    with pytest.raises(InputError, match=r"layout NCL fits no input of the model, which takes \(N, 24, 4\)"):
        arranged(core("keras"), "NCL")
    assert not isinstance(arranged(core("keras"), "NLC"), Arranged)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((4, 200), "NCL"),
        ((1, 200, 4), "N1LC"),
        ((200, 1, 4), "NL1C"),
        ((4, None, 1), "NCL1"),
        ((200, 5), "NLC:ACGTN"),
        ((5, 200), "NCL:ACGTN"),
        ((200, 4), None),
        ((4, 4), None),
        ((20, 30), None),
        ((200, 20), None),
    ],
)
def test_guesses(shape, layout):
    found = guess(shape)
    assert (found and str(found)) == layout
