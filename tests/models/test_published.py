"""Files that other packages ship: what genolift loads of them predicts what the package itself predicts."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
pytestmark = pytest.mark.slow


def folder(package: str) -> Path:
    """The folder of an installed package, which is not imported: its own dependencies may be missing."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"the package {package} is not installed")
    return Path(spec.origin).parent


def sequences(n, length, seed=0):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (n, length))]


def test_spliceai():
    tf_keras, X = pytest.importorskip("tf_keras"), sequences(2, 10_010)
    path = folder("spliceai") / "models" / "spliceai1.h5"
    own = tf_keras.models.load_model(path, compile=False)
    model = gl.load_model(path)
    np.testing.assert_allclose(model(X), own(X), atol=1e-6)
    found = gl.method("gradient", model, target=(0, 1), activation="keep", memory="4GB")(X)
    np.testing.assert_allclose(found.predictions, own(X)[:, 0, 1], atol=1e-5)


MODULES = ["Acceptor", "Donor", "Exon", "Exon_prime3", "Intron3", "Intron5"]
TISSUES = [*(f"mtsplice{i}" for i in range(8)), *(f"mtsplice_deep{i}" for i in range(4))]


@pytest.mark.parametrize("name", MODULES + TISSUES)
def test_mmsplice(name):
    tf_keras, where = pytest.importorskip("tf_keras"), folder("mmsplice")
    spec = spec_from_file_location("mmsplice_layers", where / "layers.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if not issubclass(module.ConvDNA, tf_keras.layers.Layer):
        pytest.skip("MMSplice's layers are of Keras 3 here; set TF_USE_LEGACY_KERAS=1")
    layers = {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, tf_keras.layers.Layer)
    }
    path = where / "models" / f"{name}.h5"
    own = tf_keras.models.load_model(path, custom_objects=layers, compile=False)
    model = gl.load_model(path, layers=layers)
    X = [sequences(3, port.shape[1] or 90, seed) for seed, port in enumerate(own.inputs)]
    X = X[0] if len(X) == 1 else X
    np.testing.assert_allclose(model(X), own(X), atol=1e-5)
    target = None if own.output_shape[-1] == 1 else own.output_shape[-1] - 1
    found = gl.DeepLift(model, target, activation="keep", references="zeros" if isinstance(X, np.ndarray) else None)(X)
    np.testing.assert_allclose(found.predictions, own(X)[:, target or 0], atol=1e-5)
    assert np.abs(found.residual).max() < 1e-5
    assert all(np.abs(scores).max() > 0 for scores in tf.nest.flatten(found.scores))


def test_ci_spliceai():
    path, X = folder("cispliceai") / "data" / "CI-SpliceAI.pb", sequences(2, 10_020)
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    own = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph, name=""), [])
    own = own.prune(own.graph.get_tensor_by_name("x:0"), own.graph.get_tensor_by_name("Identity:0"))
    np.testing.assert_allclose(gl.load_model(path)(X), own(tf.constant(X)), atol=1e-6)
