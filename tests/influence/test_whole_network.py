"""Methods that see all weights, against dense matrices of derivatives, and against what they become in a linear model."""

import warnings

import numpy as np
import pytest
from influence_case import L, data, gradients_of, keras, logit_gradients, network

import genolift as gl
from genolift.influence.data import HeldSet
from genolift.influence.estimators.ekfac import EkFac
from genolift.influence.layers import Gradients, Moves
from genolift.influence.losses import loss_of
from genolift.influence.subject import Subject
from genolift.models.recipe.checkpoints import Keeper
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel

pytestmark = pytest.mark.slow

ENDS = [("sigmoid", 2), ("linear", 1), ("softmax", 3)]
N = 15


def dense(end, tasks):
    """A network, its data, and by TensorFlow's tapes: per-sequence gradients, and the Gauss-Newton matrix."""
    X, labels = data(N, tasks, end)
    model = network(tasks, end)
    variables = [variable.value for variable in model.trainable_variables]
    every = [logit_gradients(model, X, task, variables) for task in range(tasks)]
    jacobian = np.stack(every, axis=1)
    subject = Subject(model)
    curvatures = subject.loss.curvatures(subject.logits(X))
    matrix = np.einsum("ntp,nts,nsq->pq", jacobian, curvatures, jacobian) / N
    slopes = subject.loss.slopes(subject.logits(X), labels)
    return model, X, labels, jacobian, np.einsum("nt,ntp->np", slopes, jacobian), matrix


@pytest.mark.parametrize(("end", "tasks"), [ENDS[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in ENDS[1:])])
def test_gauss_newton_equals_a_dense_matrix(end, tasks):
    model, X, labels, jacobian, gradients, matrix = dense(end, tasks)
    target, damping = tasks - 1, 0.05
    inverse = np.linalg.inv(matrix + damping * np.eye(len(matrix)))
    options = {"target": target, "damping": damping, "tolerance": 1e-5}
    influence = gl.Influence(model, X, labels, method="gauss-newton", **options)
    expected = -jacobian[:4, target] @ inverse @ gradients.T / N
    np.testing.assert_allclose(influence(X[:4]).scores, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    suspects = influence.suspects()
    own = np.einsum("np,pq,nq->n", gradients, inverse, gradients) / N
    np.testing.assert_allclose(suspects["suspicion"], own[suspects["training"].astype(int)], rtol=1e-3)
    told = influence(X[:4]).method
    assert told["largest_residual"] <= 1e-5
    by_default = gl.Influence(model, X, labels, method="gauss-newton", target=target)
    mean = np.trace(matrix) / len(matrix)
    # Eight random directions.
    assert by_default(X[:1]).method["applied_damping"] == pytest.approx(10 * mean, rel=0.6)


@pytest.mark.parametrize(("end", "tasks"), ENDS)
def test_jacobians_of_single_sequences_equal_passes_in_each_direction(end, tasks):
    X, labels = data(7, tasks, end)
    subject = Subject(network(tasks, end))
    fast, slow = Moves(subject, 8 * 4 * 3 * tasks * subject.parameters), Moves(subject, 10**9)
    assert fast._size == 3  # Three sequences at once.
    slow._of = None
    directions = np.random.default_rng(0).normal(size=(4, subject.parameters))
    loss, logits = subject.loss, subject.logits(X)
    bend = lambda rows, moves: loss.along(logits[rows], moves)  # noqa: E731
    for one in (lambda m: m.along(X, directions), lambda m: m.curved(X, directions, bend),
                lambda m: m.gradients(X, loss.slopes(logits, labels))):  # fmt: skip
        expected = one(slow)
        np.testing.assert_allclose(one(fast), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_conjugate_gradients_that_stop_early_say_so():
    model, X, labels, *_ = dense("sigmoid", 2)
    influence = gl.Influence(model, X, labels, method="gauss-newton", target=0, iterations=1, damping=1e-6)
    with pytest.warns(GenoliftWarning, match="stopped after 1 iterations at a residual of"):
        influence(X[:2])


@pytest.mark.parametrize(("end", "tasks"), ENDS[:2])
def test_in_a_linear_model_the_matrix_is_the_hessian(end, tasks):
    """A network of one dense layer has no curvature but the loss's."""
    X, labels = data(40, tasks, end)
    layers = keras.layers
    inputs = keras.Input((L, 4))
    model = keras.Model(inputs, layers.Dense(tasks, end, name="last")(layers.Flatten()(inputs)))
    found = {}
    for method, more in (("last-layer", {}), ("gauss-newton", {"tolerance": 1e-6}), ("ek-fac", {"draws": 1})):
        influence = gl.Influence(model, X, labels, method=method, target=0, damping=0.01, **more)
        found[method] = influence(X[:5]).scores
    scale = np.abs(found["last-layer"]).max()
    np.testing.assert_allclose(found["gauss-newton"], found["last-layer"], atol=1e-3 * scale)
    if end == "linear":  # The slopes that are drawn have one size only, so that the factors are exact.
        np.testing.assert_allclose(found["ek-fac"], found["last-layer"], atol=1e-3 * scale)


def convolutions():
    """A network for each way a layer can be applied."""
    layers = keras.layers
    one = keras.Input((L, 4))
    for options in (
        {},
        {"padding": "same"},
        {"padding": "causal", "dilation_rate": 2},
        {"padding": "same", "strides": 3},
        {"strides": 2, "use_bias": False},
        {"padding": "same", "dilation_rate": 3},
    ):
        yield one, layers.GlobalMaxPooling1D()(layers.Conv1D(3, 4, activation="tanh", **options)(one))
    flat = layers.Reshape((L, 4, 1))(one)
    for options in ({}, {"padding": "same", "strides": 2}, {"padding": "same", "dilation_rate": 2}):
        yield one, layers.Flatten()(layers.Conv2D(2, (3, 2), activation="relu", **options)(flat))
    yield one, layers.GlobalAveragePooling1D()(layers.Dense(3, activation="gelu")(one))  # at each position
    inner = keras.Sequential([layers.Conv1D(3, 3), layers.Activation("relu")])
    yield one, layers.Flatten()(inner(one))


@pytest.mark.parametrize("case", range(11))
def test_gradients_of_single_sequences_by_layer(case):
    inputs, x = list(convolutions())[case]
    model = keras.Model(inputs, keras.layers.Dense(2, name="last")(x))
    X, labels = data(5, 2, "linear")
    subject = Subject(model)
    slopes = subject.loss.slopes(subject.logits(X), labels)
    of = Gradients(subject)
    assert of.left_out == []
    variables = [variable.value for layer in of.layers for variable in layer.variables]
    expected = gradients_of(model, X, labels, "linear", variables)
    # A bias is the last row of its layer's matrix.
    found = np.concatenate([one.reshape(5, -1) for one in of.gradients(X, slopes)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-5 * np.abs(expected).max())
    assert "call" not in vars(of.layers[0].layer)  # It is as it was.


@pytest.mark.parametrize(("end", "tasks"), ENDS)
def test_ekfac_equals_a_slow_twin(end, tasks):
    """Factors from the inputs of the layers in NumPy, eigenvalues from gradients by TensorFlow."""
    model, X, labels, jacobian, gradients, _ = dense(end, tasks)
    influence = gl.Influence(model, X, labels, method="ek-fac", target=0, damping=0.02, draws=2)
    found = influence(X[:4]).scores
    method = influence.prepared
    assert isinstance(method, EkFac)
    (block,) = HeldSet(X, labels).blocks(N)
    patches = np.lib.stride_tricks.sliding_window_view(X, 3, axis=1).transpose(0, 1, 3, 2).reshape(N, -1, 12)
    hidden = keras.Model(model.inputs, [model.get_layer("hidden").input, model.get_layer("last").input])
    one = lambda a: np.concatenate([a, np.ones((*a.shape[:-1], 1))], axis=-1)  # noqa: E731
    inputs = [one(patches), *(one(each)[:, None] for each in hidden.predict(X, verbose=0))]
    drawn = {what: method._drawn(block, f"labels for {what}") for what in ("factors", "eigenvalues")}
    sizes = [(13, 3), (4, 4), (5, tasks)]
    ends = np.cumsum([0, *(a * b for a, b in sizes)])
    expected, start_bias = np.zeros((4, N)), []
    for k, (rows, columns) in enumerate(sizes):
        part = slice(ends[k], ends[k + 1])
        a = np.einsum("bpi,bpj->ij", inputs[k], inputs[k]).astype(float)
        left = np.linalg.eigh(a)[1]
        cosines = np.abs(left.T @ method._bases[k][0])  # Eigenvectors have no sign.
        np.testing.assert_allclose(cosines, np.eye(rows), atol=0.03)
        if k:  # At one place the derivative by the output is the bias's gradient.
            biases = [np.einsum("nt,ntp->np", s, jacobian)[:, part][:, -columns:] for s in drawn["factors"]]
            g = sum(b.T @ b for b in biases)
            np.testing.assert_allclose(np.abs(np.linalg.eigh(g)[1].T @ method._bases[k][1]), np.eye(columns), atol=0.03)
        turn = np.kron(*method._bases[k])
        each = [np.einsum("nt,ntp->np", s, jacobian)[:, part] @ turn for s in drawn["eigenvalues"]]
        values = sum((one**2).mean(axis=0) for one in each) / 2 + 0.02
        expected -= (jacobian[:4, 0, part] @ turn / values) @ (gradients[:, part] @ turn).T / N
        start_bias.append(columns)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max())


def test_more_draws_of_labels_come_nearer_to_the_curvature():
    """Of one layer and one task, the eigenvalues become the Hessian's along the eigenvectors of the inputs."""
    X, labels = data(40, 1, "sigmoid")
    layers = keras.layers
    inputs = keras.Input((L, 4))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid", name="last")(layers.Flatten()(inputs)))
    variables = [variable.value for variable in model.trainable_variables]
    gradients = gradients_of(model, X, labels, "sigmoid", variables)
    units = np.concatenate([X.reshape(40, -1), np.ones((40, 1))], axis=1).astype(float)
    turn = np.linalg.eigh(units.T @ units)[1]
    p = model.predict(X, verbose=0)[:, 0].astype(float)
    values = ((units @ turn) ** 2 * (p * (1 - p))[:, None]).mean(axis=0) + 0.05
    expected = -(units[:6] @ turn / values) @ (gradients @ turn).T / 40
    gaps = []
    for draws in (1, 100):
        found = gl.Influence(model, X, labels, method="ek-fac", damping=0.05, draws=draws)(X[:6]).scores
        gaps.append(np.abs(found - expected).max() / np.abs(expected).max())
    assert gaps[1] < 0.06
    assert gaps[1] < gaps[0] / 3


def test_what_ekfac_does_not_see_is_said():
    layers = keras.layers
    inputs = keras.Input((L, 4))
    x = layers.BatchNormalization()(layers.Conv1D(3, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Flatten()(x)))
    X, labels = data(10, 1, "sigmoid")
    with pytest.warns(GenoliftWarning, match="takes 2 trainable weights to be fixed"):
        influence = gl.Influence(model, X, labels, method="ek-fac")
    assert len(influence(X[:1]).method["left_out"]) == 2
    shared = layers.Conv1D(4, 1)
    twice = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Flatten()(shared(shared(inputs)))))
    with pytest.raises(UnsupportedModel, match="called more than once"):
        gl.Influence(twice, X, labels, method="ek-fac")(X[:1])
    assert np.isfinite(gl.Influence(twice, X, labels, method="gauss-newton")(X[:1]).scores).all()
    grouped = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Flatten()(layers.Conv1D(4, 2, groups=2)(inputs))))
    with pytest.raises(UnsupportedModel, match="has groups"):
        gl.Influence(grouped, X, labels, method="ek-fac")


# -- TracIn -------------------------------------------------------------------------------------------------------


def kept(folder, weights, rates, batch=5):
    """Checkpoints of these weights, and the network with the last of them."""
    model, keeper = network(2, "sigmoid"), Keeper(folder, batch)
    for epoch, (each, rate) in enumerate(zip(weights, rates, strict=True), start=1):
        model.set_weights(each)
        keeper.keep(model, epoch, rate)
    keeper.finish()
    return model


@pytest.mark.parametrize("by_loss", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_tracin_equals_a_sum_over_checkpoints(tmp_path, by_loss):
    X, labels = data(N, 2, "sigmoid")
    weights, rates = [network(2, "sigmoid", seed).get_weights() for seed in range(3)], [0.3, 0.2, 0.1]
    model = kept(tmp_path, weights, rates)
    influence = gl.Influence(model, X, labels, method="tracin", target=1, checkpoints=tmp_path)
    found = influence(X[:4], labels=labels[:4] if by_loss else None)
    suspects = influence.suspects()
    expected, own = np.zeros((4, N)), np.zeros(N)
    variables = [variable.value for variable in model.trainable_variables]
    for each, rate in zip(weights, rates, strict=True):
        model.set_weights(each)
        gradients = gradients_of(model, X, labels, "sigmoid", variables)
        measured = gradients[:4] if by_loss else logit_gradients(model, X[:4], 1, variables)
        expected -= rate / 5 * measured @ gradients.T
        own += rate / 5 * (gradients**2).sum(axis=1)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(suspects["suspicion"], own[suspects["training"].astype(int)], rtol=1e-3)
    assert found.method["learning_rates"] == rates


def test_tracin_is_what_a_step_of_gradient_descent_does(tmp_path):
    """The scores at one checkpoint sum to the change of the logits by a small step on all sequences."""
    X, labels = data(N, 2, "sigmoid")
    model = kept(tmp_path, [network(2, "sigmoid").get_weights()], [0.01], batch=N)
    scores = gl.Influence(model, X, labels, method="tracin", target=0, checkpoints=tmp_path)(X[:4]).scores
    subject = Subject(model)
    before = subject.logits(X[:4])[:, 0]
    step = -0.01 * subject.back(X, subject.loss.slopes(subject.logits(X), labels)) / N
    places = np.cumsum(subject.sizes)[:-1]
    for variable, part in zip(subject.variables, np.split(step, places), strict=True):
        variable.assign_add(part.reshape(variable.shape))
    np.testing.assert_allclose(scores.sum(axis=1), subject.logits(X[:4])[:, 0] - before, rtol=0.02, atol=1e-5)


def test_checkpoints_that_cannot_be_used(tmp_path):
    X, labels = data(N, 2, "sigmoid")
    model = kept(tmp_path / "good", [network(2, "sigmoid").get_weights()], [0.1])
    ask = lambda folder: gl.Influence(model, X, labels, method="tracin", target=0, checkpoints=folder)(X[:1])  # noqa: E731
    with pytest.raises(InputError, match="genolift train --checkpoints"):
        ask(None)
    with pytest.raises(OSError, match="does not exist"):
        ask(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(OSError, match="holds no checkpoints"):
        ask(tmp_path / "empty")
    other = network(3, "sigmoid")
    keeper = Keeper(tmp_path / "other", 5)
    keeper.keep(other, 1, 0.1)
    keeper.finish()
    with pytest.raises(OSError, match="does not fit the model"):
        ask(tmp_path / "other")
    (tmp_path / "good" / "epoch-001.weights.h5").unlink()
    with pytest.raises(OSError, match=r"lacks epoch-001.weights.h5"):
        ask(tmp_path / "good")
    (tmp_path / "good" / "checkpoints.json").write_text("[]")
    with pytest.raises(OSError, match="is not a listing"):
        ask(tmp_path / "good")


@pytest.mark.parametrize("end", ["sigmoid", "linear", "softmax"])
def test_options_are_checked(end):
    X, labels = data(N, 3, end)
    model = network(3, end)
    assert loss_of(end).diagonal == (end != "softmax")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method, options in (
            ("gauss-newton", {"iterations": 0}),
            ("gauss-newton", {"tolerance": 2}),
            ("ek-fac", {"draws": 0}),
            ("ek-fac", {"damping": float("nan")}),
        ):
            with pytest.raises(InputError):
                gl.Influence(model, X, labels, method=method, target=0, **options)
