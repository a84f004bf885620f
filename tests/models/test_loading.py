"""Models read back from every format that people have, equal to what was written."""

import json
import os
from contextlib import chdir

import numpy as np
import pytest

from genolift.models.loading import load_model
from genolift.models.signature import Port, Signature, describe
from genolift.models.zoo import build
from genolift.simulate import load_dataset
from genolift.support.errors import InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402
import tf_keras  # noqa: E402

LIBRARIES = {"keras": keras, "tf_keras": tf_keras}
X = np.eye(4, dtype=np.float32)[stream(0, "loading").integers(4, size=(5, 24))]


def sequential(library):
    layers = LIBRARIES[library].layers
    model = LIBRARIES[library].Sequential(
        [
            layers.InputLayer((24, 4)),
            layers.Conv1D(3, 5, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.PReLU(name="prelu"),
            layers.Flatten(name="flatten"),
            layers.Dense(2, activation="sigmoid", name="out"),
        ]
    )
    return with_random_weights(model)


def with_random_weights(model):
    """Every weight its own, so that exchanged ones show, and small, so that no sigmoid saturates."""
    random = stream(1, "weights")
    model.set_weights(
        [random.uniform(0.1, 0.4, weight.shape) / max(1, weight.size / 10) for weight in model.get_weights()]
    )
    return model


def same(model, loaded, inputs=X):
    expected = np.asarray(model(inputs))
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(np.asarray(loaded(inputs)), expected, atol=1e-6)  # float32 rounding


def add_layer(library, package):
    base = LIBRARIES[library]

    class Shift(base.layers.Layer):
        def __init__(self, by=1.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x + self.by

        def get_config(self):
            return {**super().get_config(), "by": self.by}

    return base.saving.register_keras_serializable(package)(Shift) if package else Shift


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_whole_models(library, name, tmp_path):
    model = sequential(library)
    model.compile("adam", "mse")
    model.save(tmp_path / name)
    loaded = load_model(tmp_path / name)
    same(model, loaded)
    assert isinstance(loaded, LIBRARIES[library].Model)
    assert getattr(loaded, "optimizer", None) is None


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_content_decides_not_the_name(name, tmp_path):
    model = sequential("keras")
    model.save(tmp_path / name)
    renamed = (tmp_path / name).rename(tmp_path / "best model.v2")
    same(model, load_model(str(renamed)))


def test_relative_paths(tmp_path):
    model = sequential("keras")
    model.save(tmp_path / "model.keras")
    with chdir(tmp_path):
        same(model, load_model("model.keras"))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("weights", ["w.weights.h5", "whole.h5"])
def test_architecture_and_weights(library, weights, tmp_path):
    model = sequential(library)
    (tmp_path / "arch.json").write_text(model.to_json())
    (model.save_weights if weights == "w.weights.h5" else model.save)(tmp_path / weights)
    loaded = load_model(tmp_path / "arch.json", weights=tmp_path / weights)
    same(model, loaded)
    assert isinstance(loaded, LIBRARIES[library].Model)


def test_sequential_whose_config_is_a_list(tmp_path):
    """As Keras before 2.2.3 wrote it; the legacy weights under a name that Keras would take for the new
    format."""
    model = sequential("tf_keras")
    config = json.loads(model.to_json())
    config["config"] = [layer for layer in config["config"]["layers"] if layer["class_name"] != "InputLayer"]
    config["config"][0]["config"]["batch_input_shape"] = [None, 24, 4]
    config["keras_version"] = "2.1.6"
    (tmp_path / "arch.json").write_text(json.dumps(config))
    model.save_weights(tmp_path / "plain.h5")
    os.rename(tmp_path / "plain.h5", tmp_path / "renamed.weights.h5")
    loaded = load_model(tmp_path / "arch.json", weights=tmp_path / "renamed.weights.h5")
    same(model, loaded)
    assert describe(loaded).length == 24


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_functional_with_tensorflow_calls(name, tmp_path):
    """TFOpLambda and SlicingOpLambda layers, which Keras 3 does not know."""
    x = tf_keras.Input((24, 4), name="dna")
    y = tf.math.log1p(tf.nn.relu(tf_keras.layers.Conv1D(2, 3)(x)))[:, 2:-2] * 2.0
    model = with_random_weights(tf_keras.Model(x, tf.reduce_sum(y, axis=1)))
    model.save(tmp_path / name)
    same(model, load_model(tmp_path / name))


@pytest.mark.parametrize("how", ["keras export", "tf_keras save"])
def test_saved_model_directories(how, tmp_path):
    model = sequential(how.split()[0])
    if how == "keras export":
        model.export(tmp_path / "exported", verbose=False)
    else:
        model.save(tmp_path / "exported")
    loaded = load_model(tmp_path / "exported")
    same(model, loaded)
    signature = describe(loaded)
    assert isinstance(signature, Signature)
    assert [port.shape for port in signature.inputs + signature.outputs] == [(24, 4), (2,)]
    traced = tf.function(loaded).get_concrete_function(tf.TensorSpec((None, 24, 4)))
    same(model, traced, tf.constant(X))


def test_saved_model_with_several_inputs_and_outputs(tmp_path):
    dna, extra = keras.Input((24, 4), name="dna"), keras.Input((1,), name="bias")
    pooled = keras.layers.GlobalAveragePooling1D()(dna)
    model = keras.Model([dna, extra], {"b": keras.layers.Add()([keras.layers.Dense(1)(pooled), extra]), "a": pooled})
    model.export(tmp_path / "exported", verbose=False)
    loaded = load_model(tmp_path / "exported")
    assert describe(loaded).inputs == (Port("bias", (1,)), Port("dna", (24, 4)))
    bias = np.arange(5, dtype=np.float32)[:, None]
    expected = model([X, bias])
    for given in ({"dna": X, "bias": bias}, [bias, X]):
        outputs = loaded(given)
        assert list(outputs) == ["a", "b"]
        np.testing.assert_allclose(outputs["b"], expected["b"], atol=1e-6)
    with pytest.raises(InputError, match="takes 2 inputs"):
        loaded(X)
    with pytest.raises(InputError, match="takes the inputs bias, dna, not dna"):
        loaded({"dna": X})


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("package", [None, "mine"])
def test_custom_layers(library, name, package, tmp_path):
    layer = add_layer(library, package)
    layers = LIBRARIES[library].layers
    model = LIBRARIES[library].Sequential([layers.InputLayer((24, 4)), layers.Dense(2), layer(3.0), layers.Flatten()])
    model.save(tmp_path / name)
    same(model, load_model(tmp_path / name, layers={"Shift": layer}))
    if package:
        LIBRARIES[library].saving.get_custom_objects().pop(f"{package}>Shift")  # others stay registered
    with pytest.raises(InputError, match=r"'(\w+>)?Shift'.*layers=\{'Shift': YourClass\}"):
        load_model(tmp_path / name)
    same(model, load_model(tmp_path / name, layers={"Shift": layer}))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "arch.json"])
def test_lambda_layers_need_unsafe(library, name, tmp_path):
    layers = LIBRARIES[library].layers
    model = LIBRARIES[library].Sequential(
        [
            layers.InputLayer((24, 4)),
            layers.Dense(2),
            layers.Lambda(lambda x: x * 2 + 1, output_shape=(24, 2), name="twice"),
            layers.Flatten(),
        ]
    )
    options = {}
    if name == "arch.json":
        (tmp_path / name).write_text(model.to_json())
        model.save_weights(tmp_path / "w.weights.h5")
        options = {"weights": tmp_path / "w.weights.h5"}
    else:
        model.save(tmp_path / name)
    with pytest.raises(InputError, match=r"'twice' is a Lambda.*unsafe=True"):
        load_model(tmp_path / name, **options)
    same(model, load_model(tmp_path / name, unsafe=True, **options))


def test_a_lambda_can_be_replaced_instead(tmp_path):
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.InputLayer((24, 4)), layers.Lambda(lambda x: x * 2, name="twice")])
    model.save(tmp_path / "model.h5")

    class Twice(tf_keras.layers.Layer):
        @classmethod
        def from_config(cls, config):
            return cls(name=config["name"])

        def call(self, x):
            return x * 2

    same(model, load_model(tmp_path / "model.h5", layers={"Lambda": Twice}))


def test_a_lambda_hidden_in_a_nested_model_is_found(tmp_path):
    inner = keras.Sequential([keras.Input((24, 4)), keras.layers.Lambda(lambda x: x * 2, name="hidden")])
    outer = keras.Sequential([keras.Input((24, 4)), keras.layers.TimeDistributed(keras.layers.Dense(4)), inner])
    outer.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="'hidden' is a Lambda"):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        (
            {"class_name": "TFOpLambda", "config": {"name": "op", "function": "io.write_file"}},
            r"calls tf\.io\.write_file",
        ),
        (
            {"class_name": "TFOpLambda", "config": {"name": "op", "function": "py_function"}},
            r"calls tf\.py_function",
        ),
        ({"class_name": "Popen", "module": "subprocess", "config": {}}, "from the module 'subprocess'"),
        (
            {"class_name": "function", "module": "builtins", "config": "eval"},
            "'eval' from the module 'builtins'",
        ),
        ({"class_name": "get_file", "module": "keras.utils", "config": {}}, "from the module 'keras.utils'"),
        ({"class_name": "__lambda__", "config": {"value": []}}, "is a Lambda"),
    ],
)
def test_other_code_in_a_configuration_is_refused(item, complaint, tmp_path):
    config = json.loads(sequential("tf_keras").to_json())
    config["config"]["layers"].append(item)
    (tmp_path / "arch.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=complaint):
        load_model(tmp_path / "arch.json", weights="unused.h5")


def test_saved_model_that_calls_python_is_refused(tmp_path):
    class Calling(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4))])
        def __call__(self, x):
            return tf.numpy_function(lambda a: a, [x], tf.float32)

    tf.saved_model.save(Calling(), str(tmp_path / "calls"))
    with pytest.raises(InputError, match="PyFunc"):
        load_model(tmp_path / "calls")


@pytest.mark.parametrize("name", ["tal_gata", "bpnet", "transformer"])
def test_the_zoo_survives_saving(name, tmp_path):
    options = {"length": 160, "filters": 4, "dilations": 3} if name == "bpnet" else {"length": 40}
    model = build(name, seed=2, **options)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert describe(loaded) == describe(model)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_models_of_keras_2_2_4(shared_data):
    files = sorted((shared_data / "golden" / "cases").glob("*.h5"))
    assert files
    for file in files:
        golden = np.load(file.with_suffix(".npz"))
        inputs = [golden[key].astype(np.float32) for key in sorted(golden) if key.startswith("inputs/")]
        predicted = np.asarray(load_model(file)(inputs if len(inputs) > 1 else inputs[0]))
        assert np.ptp(golden["pred_keras224"]) > 1e-3
        np.testing.assert_allclose(predicted, golden["pred_keras224"], atol=1e-5)  # float32 rounding


def test_the_model_of_the_paper(paper_data):
    dataset = load_dataset(paper_data / "sequences.simdata.gz", test_ids=paper_data / "test_ids.txt.gz").subset("test")
    model = load_model(paper_data / "model.json", weights=paper_data / "weights.h5")
    assert len(dataset) == 800
    predicted = np.asarray(model(dataset.one_hot())) > 0.5
    np.testing.assert_array_equal((predicted == dataset.labels).mean(axis=0), [0.9475, 0.93875, 0.9725])
