"""Every kind of model file through the command line."""

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

QUICK = ("--target", 0, "--method", "gradient-x-input")


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return fasta(tmp_path_factory.mktemp("three") / "three.fa", random_sequences(3))


def network(library, shape=(LENGTH, 4), middle=()):
    layers = library.layers
    model = library.Sequential(
        [layers.InputLayer(shape), *middle, layers.Flatten(), layers.Dense(3, activation="relu"), layers.Dense(1)]
    )
    random = np.random.default_rng(5)
    model.set_weights([random.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    return model


def saved(how, folder):
    """A model's file, and the options it takes."""
    quiet_tensorflow()
    import keras
    import tf_keras

    if how == "keras":
        network(keras).save(folder / "m.keras")
        return folder / "m.keras", []
    if how == "legacy h5":
        network(tf_keras).save(folder / "m.h5")
        return folder / "m.h5", []
    if how == "tf_keras file":
        network(tf_keras).save(folder / "m.keras")
        return folder / "m.keras", []
    if how == "architecture and weights":
        model = network(tf_keras)
        (folder / "a.json").write_text(model.to_json())
        model.save_weights(folder / "w.h5")
        return folder / "a.json", ["--weights", folder / "w.h5"]
    if how == "SavedModel":
        network(keras).export(folder / "m", verbose=False)
        return folder / "m", []
    if how == "channels first":
        network(keras, (4, LENGTH), [keras.layers.Permute((2, 1))]).save(folder / "m.keras")
        return folder / "m.keras", ["--layout", "NCL"]
    if how == "another axis":
        network(keras, (1, LENGTH, 4)).save(folder / "m.keras")
        return folder / "m.keras", ["--layout", "(N, 1, L, 4)"]
    network(keras, middle=[keras.layers.Lambda(lambda x: x * 1.0, output_shape=(LENGTH, 4), name="code")]).save(
        folder / "m.keras"
    )
    return folder / "m.keras", ["--unsafe"]


KINDS = ["keras", "legacy h5", "tf_keras file", "architecture and weights", "SavedModel", "channels first"]
KINDS += ["another axis", "Lambda layer"]


@pytest.fixture(scope="module")
def expected(three, tmp_path_factory):
    path, _ = saved("keras", tmp_path_factory.mktemp("expected"))
    X = gl.one_hot(list(random_sequences(3).values()))
    return gl.method("gradient-x-input", gl.load_model(path), target=0)(X).scores


@pytest.mark.slow
@pytest.mark.parametrize("how", KINDS)
def test_every_kind_of_file_gives_the_same_scores(how, three, expected, genolift, tmp_path):
    path, options = saved(how, tmp_path)
    told = genolift("explain", path, three, *QUICK, *options, "--out", tmp_path / "s.zarr")
    assert told.code == 0, told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    if "--layout" in options:
        assert found.provenance["model"]["layout"] == options[1]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("Lambda layer", ["'code' is a Lambda", "give --unsafe", "--layers-from"]),
        ("channels first", ["(4, 60)", "--layout NCL"]),
        ("another axis", ["(1, 60, 4)", "--layout N1LC"]),
        ("architecture and weights", ["without weights", "with --weights"]),
    ],
)
def test_what_is_missing_is_named(how, words, three, genolift, tmp_path):
    path, _ = saved(how, tmp_path)
    told = genolift("explain", path, three, *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert all(word in line for word in words), line
    assert not (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize("size", [20, 5, 3])
def test_other_alphabets(size, three, genolift, tmp_path):
    import keras

    network(keras, (LENGTH, size)).save(tmp_path / "m.keras")
    told = genolift("explain", tmp_path / "m.keras", three, *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    assert f"(60, {size}), of which none is DNA" in told.err
    assert ("--layout NLC:ACGTN" in told.err) == (size == 5)
    told = genolift(
        "explain", tmp_path / "m.keras", three, *QUICK, "--layout", "NLC:ACGTN", "--out", tmp_path / "s.zarr"
    )
    assert told.code == (0 if size == 5 else 2)
    if size != 5:
        assert "layout NLC:ACGTN fits no input of the model, which takes" in told.err
