"""What is not a model gets one line that says what is wrong and what would be right."""

import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest

from genolift.models.loading import load_model
from genolift.models.zoo import build
from genolift.support.errors import FileProblem, GenoliftError, InputError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    model = build("tal_gata", length=40, filters=4, width=3)
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "new.weights.h5")
    model.export(folder / "exported", verbose=False)
    (folder / "arch.json").write_text(model.to_json())
    build("tal_gata", length=40, filters=5, width=3).save_weights(folder / "other.weights.h5")
    transformer = build("transformer", length=40, channels=8)
    transformer.save(folder / "other.h5")
    transformer.save_weights(folder / "another.weights.h5")
    import tf_keras

    old = tf_keras.Sequential([tf_keras.layers.InputLayer((40, 4)), tf_keras.layers.Dense(2)])
    old.save_weights(folder / "legacy.h5")
    return folder


def cut(path, target, share=0.6):
    whole = path.read_bytes()
    target.write_bytes(whole[: int(len(whole) * share)])
    return target


def flip(path, target):
    """The same zip with a stored byte changed, so that a checksum fails."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("model.weights.h5")
    content[info.header_offset + 200] ^= 0xFF
    target.write_bytes(content)
    return target


def hdf5(path, **attributes):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
        file.attrs.update(attributes)
    return path


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_json", ".json").replace("_h5", ".weights.h5"), text)
    return path


def without_variables(path, target):
    shutil.copytree(path, target)
    shutil.rmtree(target / "variables")
    return target


def text(path, content):
    path.write_text(content)
    return path


def without_values(path, target, group):
    """The same .keras file, but the values of one group of layers are not in it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = target.with_name("only.weights.h5")
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        del file[group]
    members["model.weights.h5"] = weights.read_bytes()
    return zipped(target, **members)


CASES = {
    "missing": (lambda s, t: t / "none.keras", "there is no such file"),
    "directory": (lambda s, t: t, "directory without saved_model.pb"),
    "empty": (lambda s, t: text(t / "m.keras", ""), "is empty"),
    "text": (lambda s, t: text(t / "m.keras", ">seq\nACGT\n"), r"is not a model; a model is a \.keras file"),
    "truncated zip": (lambda s, t: cut(s / "model.keras", t / "m.keras"), "cut short"),
    "damaged zip": (lambda s, t: flip(s / "model.keras", t / "m.keras"), "checksum|damaged"),
    "other zip": (lambda s, t: zipped(t / "m.keras", readme="hi"), "has no config.json, metadata.json"),
    "zip with rubbish": (
        lambda s, t: zipped(t / "m.keras", config_json="{", metadata_json="{}", model_h5=""),
        "damaged or was cut short",
    ),
    "a layer's values missing": (
        lambda s, t: without_values(s / "model.keras", t / "m.keras", "layers/conv1d"),
        "conv1",
    ),
    "truncated h5": (lambda s, t: cut(s / "model.h5", t / "m.h5"), "cut short"),
    "weights only, new": (
        lambda s, t: s / "new.weights.h5",
        r"weights without an architecture; .*load_model\(",
    ),
    "weights only, legacy": (lambda s, t: s / "legacy.h5", "weights without an architecture"),
    "other h5": (lambda s, t: hdf5(t / "m.h5"), "HDF5 file but not a Keras model"),
    "h5 with rubbish": (lambda s, t: hdf5(t / "m.h5", model_config="{"), "model_config is not JSON"),
    "architecture alone": (
        lambda s, t: s / "arch.json",
        "without weights; give the weights file with weights=",
    ),
    "SavedModel with rubbish": (
        lambda s, t: text(t / "saved_model.pb", "\x01\x02 no protocol buffer").parent,
        "saved_model.pb is damaged",
    ),
    "SavedModel that is empty": (
        lambda s, t: text(t / "saved_model.pb", "").parent,
        "saved_model.pb is damaged",
    ),
    "SavedModel without variables": (
        lambda s, t: without_variables(s / "exported", t / "copy"),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_a_model(case, saved, tmp_path):
    make, complaint = CASES[case]
    with pytest.raises((FileProblem, InputError), match=complaint) as caught:
        load_model(make(saved, tmp_path))
    assert "\n" not in str(caught.value)


def test_values_that_keras_itself_does_not_miss(tmp_path):
    """Layers in nested lists were not saved by earlier Keras 3; loading leaves them random, with a
    warning."""
    import keras

    class Nest(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [[keras.layers.Dense(4)], [keras.layers.Dense(4)]]

        def build(self, shape):
            for block in self.blocks:
                block[0].build(shape)

        def call(self, x):
            return self.blocks[1][0](self.blocks[0][0](x))

    model = keras.Sequential([keras.Input((24, 4)), Nest(name="nest")])
    model.save(tmp_path / "whole.keras")
    (tmp_path / "arch.json").write_text(model.to_json())
    load_model(tmp_path / "whole.keras", layers={"Nest": Nest})
    less = without_values(tmp_path / "whole.keras", tmp_path / "less.keras", "layers/nest/blocks/container_1")
    with pytest.raises(FileProblem, match="no values for 'nest"):
        load_model(less, layers={"Nest": Nest})
    with pytest.raises(InputError, match="no values for 'nest"):
        load_model(tmp_path / "arch.json", weights=tmp_path / "only.weights.h5", layers={"Nest": Nest})


WEIGHTS = {
    "missing": (lambda s, t: t / "none.h5", "there is no such file"),
    "directory": (lambda s, t: t, "is a directory"),
    "text": (lambda s, t: text(t / "w.h5", "weights"), "not an HDF5 file"),
    "truncated": (lambda s, t: cut(s / "new.weights.h5", t / "w.h5"), "cut short"),
    "other h5": (lambda s, t: hdf5(t / "w.h5"), "without Keras weights"),
    "other shapes": (lambda s, t: s / "other.weights.h5", "do not fit .*arch.json"),
    "other layers": (lambda s, t: s / "other.h5", "do not fit .*arch.json"),
    "other layers, new": (
        lambda s, t: s / "another.weights.h5",
        "do not fit .*arch.json|no values for .*arch.json",
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_do_not_fit(case, saved, tmp_path):
    make, complaint = WEIGHTS[case]
    with pytest.raises((FileProblem, InputError), match=complaint) as caught:
        load_model(saved / "arch.json", weights=make(saved, tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{broken", "not valid JSON"),
        ('{"a": 1}', "not a Keras architecture"),
        ("[1, 2]", "not a Keras architecture"),
    ],
)
def test_json_that_is_no_architecture(content, complaint, saved, tmp_path):
    with pytest.raises(FileProblem, match=complaint):
        load_model(text(tmp_path / "arch.json", content), weights=saved / "new.weights.h5")


def test_an_unknown_layer_of_an_old_file_names_the_remedy(saved, tmp_path):
    config = {
        "class_name": "Sequential",
        "keras_version": "2.1.6",
        "config": [{"class_name": "Attn", "config": {}}],
    }
    with pytest.raises(InputError, match=r"'Attn', which Keras does not know; .*layers=\{'Attn': YourClass\}"):
        load_model(text(tmp_path / "arch.json", json.dumps(config)), weights=saved / "legacy.h5")


def test_a_saved_model_takes_no_weights(saved, tmp_path):
    shutil.copy(saved / "model.keras", tmp_path / "saved_model.pb")
    with pytest.raises(InputError, match="leave weights= out"):
        load_model(tmp_path, weights=saved / "new.weights.h5")


def test_every_refusal_is_an_oserror_or_a_valueerror(tmp_path):
    with pytest.raises(OSError, match="no such file") as caught:
        load_model(tmp_path / "none")
    assert isinstance(caught.value, GenoliftError)


def test_custom_layers_of_the_other_keras(tmp_path):
    """Keras 2 takes a class of Keras 3 and fails in the middle, with "list index out of range"."""
    import keras
    import tf_keras

    for library, other, value in ((tf_keras, keras, 1), (keras, tf_keras, 0)):

        class Own(library.layers.Layer):
            def call(self, x):
                return 2 * x

        class Theirs(other.layers.Layer):
            pass

        path = tmp_path / f"{library.__name__}.{'h5' if library is tf_keras else 'keras'}"
        library.Sequential([library.layers.Input((8, 4)), Own(), library.layers.Flatten()]).save(path)
        with pytest.raises(InputError, match=rf"'Own' is one of Keras .; set .* TF_USE_LEGACY_KERAS to {value}"):
            load_model(path, layers={"Own": Theirs})
        assert load_model(path, layers={"Own": Own}).output_shape == (None, 32)
