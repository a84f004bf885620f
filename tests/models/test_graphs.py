"""TensorFlow's own graphs: concrete functions, signatures of SavedModels, and frozen graphs."""

import copy
import gc
import pickle

import numpy as np
import pytest

import genolift as gl
from genolift.cli.app import main
from genolift.support.errors import FileProblem, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
pytestmark = pytest.mark.usefixtures("uncompiled")
RNG = np.random.default_rng(0)
L = 12
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (3, L))]
KERNEL, TOP = RNG.normal(size=(3, 4, 5)).astype(np.float32), RNG.normal(size=(5, 1)).astype(np.float32)
V1 = tf.compat.v1


def network(x, scale=1.0):
    h = tf.nn.relu(tf.nn.conv1d(x, KERNEL, 1, "SAME"))
    return tf.matmul(tf.reduce_mean(h, 1), TOP) * scale


WANT = network(X).numpy()[:, 0]


def frozen(path, batch=None, more=None):
    """Write a graph as TensorFlow 1 did, with a switch for training and whatever ``more`` adds."""
    with tf.Graph().as_default() as graph:
        x = V1.placeholder(tf.float32, (batch, L, 4), name="input/x")
        training = V1.placeholder(tf.bool, (), name="is_training")
        scale = tf.where(training, 100.0, 1.0)
        tf.identity(network(x, scale), name="predictions/logits")
        if more is not None:
            more(graph)
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_frozen_graphs(tmp_path):
    """Found inputs and outputs; switched to inference; like the function itself, also in the command line."""
    path = frozen(tmp_path / "model.pb")
    model = gl.load_model(path)
    np.testing.assert_allclose(model(X)[:, 0], WANT, atol=1e-5)
    expected = gl.DeepLift(lambda x: network(x), references="zeros")(X)
    found = gl.DeepLift(model, references="zeros")(X)
    np.testing.assert_allclose(found.raw_contributions, expected.raw_contributions, atol=1e-5)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301
        np.testing.assert_array_equal(again(X), model(X))
    (tmp_path / "s.fa").write_text("".join(f">s{i}\n{'ACGT'[i] * L}\n" for i in range(2)))
    arguments = ["explain", str(path), str(tmp_path / "s.fa"), "--out", str(tmp_path / "o.zarr"), "--method", "ism"]
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code in (0, None)
    assert gl.Explanation.load(tmp_path / "o.zarr").scores.shape == (2, L)


def test_a_graph_for_one_sequence_takes_many(tmp_path):
    np.testing.assert_allclose(gl.load_model(frozen(tmp_path / "m.pb", batch=1))(X)[:, 0], WANT, atol=1e-5)


def test_several_outputs_are_listed_and_named(tmp_path):
    def more(graph):
        tf.sigmoid(graph.get_tensor_by_name("predictions/logits:0"), name="probability")
        tf.reduce_sum(graph.get_tensor_by_name("input/x:0"), name="summary")

    path = frozen(tmp_path / "m.pb", more=more)
    with pytest.raises(
        InputError, match=r"candidates are .*probability \(Sigmoid\).*summary.*outputs=\[NAME\]"
    ) as told:
        gl.load_model(path)
    assert "--graph-output NAME" in told.value.for_command_line()
    model = gl.load_model(path, outputs=["probability"], inputs=["input/x"])
    np.testing.assert_allclose(model(X)[:, 0], 1 / (1 + np.exp(-WANT)), atol=1e-5)
    both = gl.load_model(path, outputs=["predictions/logits:0", "probability"])
    found = gl.method("gradient", both, target=("probability", 0), activation="keep")(X)
    np.testing.assert_allclose(found.predictions, 1 / (1 + np.exp(-WANT)), atol=1e-5)
    with pytest.raises(InputError, match="no operation 'logits' for its outputs; there is predictions/logits"):
        gl.load_model(path, outputs=["logits"])


def test_graphs_that_cannot_be_used(tmp_path):
    def variable(graph):
        V1.get_variable("w", (3,), use_resource=False)

    with pytest.raises(FileProblem, match=r"graph with variables .* freeze it"):
        gl.load_model(frozen(tmp_path / "v.pb", more=variable))
    with tf.Graph().as_default() as graph:
        x = V1.placeholder(tf.float32, (None, 4), name="x")
        tf.identity(V1.py_func(lambda a: a, [x], tf.float32), name="out")
    (tmp_path / "p.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(InputError, match=r"graph contains PyFunc.*unsafe=True"):
        gl.load_model(tmp_path / "p.pb")
    (tmp_path / "damaged.pb").write_bytes(frozen(tmp_path / "m.pb").read_bytes()[:-40])
    with pytest.raises(FileProblem, match="is not a model"):
        gl.load_model(tmp_path / "damaged.pb")
    with pytest.raises(InputError, match="is no SavedModel, so it has no signatures; leave signature= out"):
        gl.load_model(tmp_path / "m.pb", signature="serving")


class Held(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None, L, 4), name="dna")])
    def predict(self, dna):
        return {"scores": network(dna, self.scale)}

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.int32, name="length"), tf.TensorSpec((None, L, 4), name="dna")]
    )
    def shortened(self, length, dna):
        return network(dna * tf.sequence_mask(length, L, dtype=tf.float32)[:, :, None], self.scale)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path, module = tmp_path_factory.mktemp("saved") / "model", Held()
    signatures = {"predict": module.predict, "shortened": module.shortened.get_concrete_function()}
    tf.saved_model.save(module, path, signatures=signatures)
    return path


def test_signatures_of_saved_models(saved):
    with pytest.raises(InputError, match=r"no signature 'serving_default': predict takes dna \(None, 12, 4\)") as told:
        gl.load_model(saved)
    assert "shortened takes dna" in str(told.value)
    assert "--signature NAME" in told.value.for_command_line()
    model = gl.load_model(saved, signature="predict")
    found = gl.method("ism", model)(X)
    np.testing.assert_allclose(found.predictions, 2 * WANT, atol=1e-5)
    with pytest.raises(InputError, match="no signature 'other'"):
        gl.load_model(saved, signature="other")
    with pytest.raises(FileProblem, match="is the graph of a SavedModel; give the directory"):
        gl.load_model(saved / "saved_model.pb")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model))(X), model(X))  # noqa: S301


def test_integers_of_a_signature(saved):
    model, length = gl.load_model(saved, signature="shortened"), np.array([12, 5, 1])
    found = gl.DeepLift(model, references="zeros")({"length": length, "dna": X})
    short = X * (np.arange(L) < length[:, None])[:, :, None]
    np.testing.assert_allclose(found.predictions, 2 * network(short).numpy()[:, 0], atol=1e-5)
    assert np.abs(found.residual).max() < 1e-5


def wrapped():
    graph = V1.wrap_function(lambda x: network(x), [tf.TensorSpec((None, L, 4))])
    pruned = V1.wrap_function(lambda: V1.placeholder(tf.float32, (None, L, 4), name="x"), [])
    del pruned
    return graph


def imported():
    with tf.Graph().as_default() as graph:
        tf.identity(network(V1.placeholder(tf.float32, (None, L, 4), name="x")), name="y")
    whole = V1.wrap_function(lambda: V1.import_graph_def(graph.as_graph_def(), name=""), [])
    return whole.prune(whole.graph.get_tensor_by_name("x:0"), whole.graph.get_tensor_by_name("y:0"))


MADE = {
    "concrete": lambda: tf.function(network).get_concrete_function(tf.TensorSpec((None, L, 4)), scale=1.0),
    "wrapped": wrapped,
    "imported": imported,
    "signature": lambda: tf.function(lambda dna: {"a": network(dna)}).get_concrete_function(
        dna=tf.TensorSpec((None, L, 4), name="dna")
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(MADE))
def test_functions_of_tensorflow(kind):
    function = MADE[kind]()
    for name in ("deeplift", "ism"):
        options = {"references": "zeros"} if name == "deeplift" else {}
        found = gl.method(name, function, **options)(X)
        np.testing.assert_allclose(found.predictions, WANT, atol=1e-5)
        expected = gl.method(name, lambda x: network(x), **options)(X)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_the_object_of_a_saved_model(saved):
    loaded = tf.saved_model.load(saved)
    with pytest.raises(InputError, match=r"give loaded.signatures\[NAME\]"):
        gl.method("ism", loaded)
    found = gl.method("ism", loaded.signatures["predict"], target=("scores", 0))(X)
    np.testing.assert_allclose(found.predictions, 2 * WANT, atol=1e-5)


def test_a_function_of_a_fixed_number_of_sequences():
    function = tf.function(network).get_concrete_function(tf.TensorSpec((2, L, 4)))
    with pytest.raises(InputError, match=r"takes inputs of shape \(2, 12, 4\), .* None as the size of the first axis"):
        gl.DeepLift(function)


# Conditions of TensorFlow 1


def conditional(path, predicate, nested=False):
    """Write a graph with a condition of TensorFlow 1: the network, or a hundred times its output in training."""
    control = V1.control_flow_v2_enabled()
    V1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = V1.placeholder(tf.float32, (None, L, 4), name="x")
            training = predicate(x)

            def output():
                return V1.cond(training, lambda: network(x) * tf.constant(100.0), lambda: tf.identity(network(x)))

            y = V1.cond(training, lambda: tf.zeros_like(output()), output) if nested else output()
            tf.identity(y, name="logits")
    finally:
        if control:
            V1.enable_control_flow_v2()
    assert {"Switch", "Merge"} <= {node.op for node in graph.as_graph_def().node}
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


PREDICATES = {
    "constant": lambda x: tf.constant(False),
    "placeholder": lambda x: V1.placeholder(tf.bool, (), name="is_training"),
    "default": lambda x: V1.placeholder_with_default(False, (), name="is_training"),
    "default of training": lambda x: V1.placeholder_with_default(True, (), name="keras_learning_phase"),
    "calculated": lambda x: tf.logical_and(V1.placeholder_with_default(False, (), name="phase"), tf.constant(True)),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", PREDICATES)
def test_conditions_that_are_known_are_folded(tmp_path, name, nested):
    model = gl.load_model(conditional(tmp_path / "m.pb", PREDICATES[name], nested))
    np.testing.assert_allclose(model(X)[:, 0], WANT, atol=1e-5)
    found = gl.DeepLift(model, references="zeros")(X)
    expected = gl.DeepLift(lambda x: network(x), references="zeros")(X)
    np.testing.assert_allclose(found.raw_contributions, expected.raw_contributions, atol=1e-5)


def test_conditions_inside_a_function(tmp_path):
    graph = V1.GraphDef()
    graph.ParseFromString(conditional(tmp_path / "m.pb", PREDICATES["default"]).read_bytes())
    whole = V1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    model = whole.prune("x:0", "logits:0")
    found = gl.DeepLift(model, references="zeros")(X)
    np.testing.assert_allclose(found.predictions, WANT, atol=1e-5)
    called = gl.DeepLift(tf.function(lambda x: model(x) * 2), references="zeros")(X)
    np.testing.assert_allclose(called.predictions, 2 * WANT, atol=1e-5)


def test_a_condition_of_the_input_is_refused_by_its_name(tmp_path):
    model = gl.load_model(conditional(tmp_path / "m.pb", lambda x: tf.reduce_sum(x) > 3))
    with pytest.raises(UnsupportedModel, match=r"Switch|Merge.*lower_control_flow=False"):
        gl.DeepLift(model, references="zeros")(X)


def test_a_loop_of_tensorflow_1_is_refused_by_its_name(tmp_path):
    control = V1.control_flow_v2_enabled()
    V1.disable_control_flow_v2()
    with tf.Graph().as_default() as graph:
        x = V1.placeholder(tf.float32, (None, L, 4), name="x")
        _, y = V1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 1.5), [0, network(x)])
        tf.ensure_shape(y, (None, 1), name="logits")
    if control:
        V1.enable_control_flow_v2()
    (tmp_path / "m.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(UnsupportedModel, match=r"Enter.*loop of TensorFlow 1; freeze"):
        gl.DeepLift(gl.load_model(tmp_path / "m.pb"), references="zeros")(X)


# Functions whose variables are gone


def test_a_function_keeps_its_variables(saved):
    def made():
        loaded = tf.saved_model.load(saved)
        return gl.DeepLift(loaded.signatures["predict"], references="zeros")

    assert made()(X).scores.shape == (3, L)


def test_a_function_without_its_variables_is_refused(saved):
    function = tf.saved_model.load(saved).signatures["predict"]
    gc.collect()
    with pytest.raises(InputError, match=r"variables of the function .* are gone.*keep it"):
        gl.DeepLift(function, references="zeros")
