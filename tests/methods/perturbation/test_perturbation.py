"""Methods that exchange bases: occlusion against plain loops, closed forms, and what holds for all of them."""

import keras
import numpy as np
import perturbed_network
import pytest
from perturbed_network import OWN, REFS, L, N, R, X, close, fill

import genolift as gl
from genolift.methods.common import predicting
from genolift.methods.perturbation import perturbed
from genolift.support.errors import InputError, Undefined, UnsupportedModel

K = keras.layers
pytestmark = [pytest.mark.usefixtures("uncompiled"), pytest.mark.filterwarnings("ignore:.*no other shuffle")]


@pytest.fixture(scope="module")
def model():
    return perturbed_network.network()


@pytest.fixture(scope="module")
def f(model):
    """Logits of sequences (k, L, 4)."""
    return perturbed_network.logits_of(model)


@pytest.fixture(scope="module")
def linear():
    return fill(keras.Sequential([keras.Input((L, 4)), K.Conv1D(3, 3), K.Flatten(), K.Dense(1)]))


@pytest.fixture(scope="module")
def twins():
    """Two DNA inputs and three numbers."""
    a, b, c = keras.Input((L, 4), name="a"), keras.Input((5, 4), name="b"), keras.Input((3,), name="signal")
    h = K.Concatenate()([K.Flatten()(K.Conv1D(3, 3, activation="relu")(a)), K.Flatten()(b), c])
    return fill(keras.Model([a, b, c], K.Dense(1)(K.Dense(4, activation="tanh")(h))))


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (4, 3)])
def test_occlusion(model, f, window, stride):
    found = gl.method("occlusion", model, [0, 1], window=window, stride=stride, references=OWN)(X)
    starts = sorted({*range(0, L - window + 1, stride), L - window})
    for n, x in enumerate(X):
        by_reference = np.zeros((R, L, 2))
        for r, ref in enumerate(REFS[n]):
            for position in range(L):
                drops = []
                for start in starts:
                    if start <= position < start + window:
                        changed = x.copy()
                        changed[start : start + window] = ref[start : start + window]
                        drops.append(f([x])[0] - f([changed])[0])
                by_reference[r, position] = np.mean(drops, 0)
        close(found.scores[n], by_reference.mean(0).T)
        close(found.standard_error[n], by_reference.std(0, ddof=1).T / np.sqrt(R), 1e-4)
    close(found.predictions, f(X))
    for undefined in ("hypothetical", "raw_contributions", "multipliers", "residual", "reference_predictions"):
        with pytest.raises(Undefined, match="occlusion"):
            getattr(found, undefined)


def test_one_base_at_a_time_is_the_contribution_in_a_linear_model(linear):
    """Gradient × input = Shapley = occlusion of single bases = LIME without penalty, the reference at zero."""
    zero = gl.references.Zeros()
    expected = gl.method("gradient-x-input", linear)(X).scores
    options = {
        "occlusion": {"window": 1},
        "shapley-sampling": {},
        "kernel-shap": {"samples": 100},
        "lime": {"width": 1, "alpha": 0, "samples": 60},
    }
    for name, chosen in options.items():
        found = gl.method(name, linear, references=zero, **chosen)(X)
        close(found.scores, expected, 1e-4)
    close(found.r_squared, np.ones(N))
    assert gl.method("kernel-shap", linear, references=zero, samples=100)(X).standard_error.max() < 1e-5


def test_a_window_of_the_background(model, f):
    found = gl.method("occlusion", model, 0, window=2, references="background:0.1,0.2,0.3,0.4")(X)
    changed = X.copy()
    changed[:, :2] = [0.1, 0.2, 0.3, 0.4]
    close(found.scores[:, 0], f(X)[:, 0] - f(changed)[:, 0])
    assert np.isnan(found.standard_error).all()


@pytest.mark.parametrize("name", ["occlusion", "shapley-sampling", "kernel-shap", "lime", "mask", "sis"])
def test_several_inputs(twins, name):
    """Each sequence is changed by itself or as a player; numbers stay as they are and get no score."""
    given = {"a": X, "b": X[:, :5], "signal": np.ones((N, 3), np.float32)}
    references = {"a": REFS, "b": REFS[:, :, :5]}
    small = {"mask": {"steps": 3}, "lime": {"samples": 40}, "kernel-shap": {"samples": 60}}
    found = gl.method(name, twins, references=references, **small.get(name, {}))(given)
    assert found.scores["a"].shape == (N, L)
    assert found.scores["b"].shape == (N, 5)
    assert found.scores["signal"] is None
    if name == "shapley-sampling":
        total = found.scores["a"].sum(1) + found.scores["b"].sum(1)
        close(total, found.predictions - found.reference_predictions.mean(1))
    only = gl.method(name, twins, references={"b": REFS[:, :, :5]}, **small.get(name, {}))(given)
    assert only.scores["a"] is None
    if name == "occlusion":
        close(only.scores["b"], found.scores["b"])
    with pytest.raises(InputError, match="no input to change"):
        gl.method(name, twins, references={})(given)


def test_sampled_references_are_a_prefix_and_have_their_frequencies():
    many = gl.references.Sampled(400, [0.4, 0.1, 0.1, 0.4], seed=2).draw(X)
    assert many.shape == (400, L, 4)
    np.testing.assert_array_equal(gl.references.Sampled(5, [0.4, 0.1, 0.1, 0.4], seed=2).draw(X[:1]), many[:5])
    np.testing.assert_allclose(many.mean((0, 1)), [0.4, 0.1, 0.1, 0.4], atol=0.03)


PERTURBING = {
    "occlusion": {"window": 2},
    "shapley-sampling": {},
    "kernel-shap": {"samples": 40},
    "lime": {"samples": 30, "width": 1},
}


@pytest.mark.parametrize("name", PERTURBING)
def test_batches_blocks_and_targets_change_nothing(model, name, monkeypatch):
    first = gl.method(name, model, [1, 0], **PERTURBING[name])(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 20_000.0)
    monkeypatch.setattr(perturbed, "_BLOCK_COPIES", 1)
    again = gl.method(name, model, 0, progress=False, **PERTURBING[name])(X[::-1])
    close(again.scores[::-1], first.scores[:, 1])
    if name != "occlusion":
        other = gl.method(name, model, 0, progress=False, seed=1, **PERTURBING[name])(X)
        assert np.abs(other.scores - first.scores[:, 1]).max() > 1e-3 * np.abs(first.scores).max()


def test_both_strands(model, f):
    both = gl.method("occlusion", model, 0, window=1, references=OWN, rc_average=True)(X)
    forward = gl.method("occlusion", model, 0, window=1, references=OWN)(X)
    mirrored = gl.references.Fixed(REFS[:, :, ::-1, ::-1])
    reverse = gl.method("occlusion", model, 0, window=1, references=mirrored)(X[:, ::-1, ::-1])
    close(both.scores, (forward.scores + reverse.scores[:, ::-1]) / 2)


def test_a_profile_keeps_the_probabilities_of_the_sequence(monkeypatch):
    profile = fill(keras.Sequential([keras.Input((L, 4)), K.Conv1D(1, 3, name="profile")]))
    method = gl.method("occlusion", profile, gl.targets.Profile(), window=L, references=OWN)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 800.0)  # two sequences at a time, and one at last
    found = method(X)
    for n, x in enumerate(X):
        z, others = profile(x[None]).numpy()[0, :, 0], profile(REFS[n]).numpy()[..., 0]
        p = np.exp(z) / np.exp(z).sum()
        drop = (p * (z - z.mean())).sum() - (p * (others - others.mean(1, keepdims=True))).sum(1)
        close(found.scores[n], np.full(L, drop.mean()))


def test_tokens():
    """Integer inputs are exchanged for other tokens, and get a score each."""
    tokens = keras.Sequential([keras.Input((6,), dtype="int32"), K.Embedding(7, 3), K.Flatten(), K.Dense(1)])
    x, other = np.array([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]]), np.array([[0, 0, 1, 1, 0, 0]])
    found = gl.method("occlusion", tokens, window=1, references=gl.references.Fixed(other))(x)
    value = lambda z: tokens(np.asarray(z)).numpy()[:, 0]  # noqa: E731
    for position in range(6):
        changed = x.copy()
        changed[:, position] = other[0, position]
        close(found.scores[:, position], value(x) - value(changed))
    assert gl.method("gradient", tokens)(x).scores.shape == (2, 6)
    with pytest.raises(InputError, match="not defined for sequences of 7 tokens"):
        gl.method("lime", tokens, width=1, references="shuffled:5")(x)


def test_subsets_are_not_averaged_over_models(model):
    both = gl.method("occlusion", [model, model], 0, references=OWN)(X)
    assert np.abs(both.spread).max() < 1e-6
    with pytest.raises(InputError, match="what sis finds is not averaged over models"):
        gl.method("sis", [model, model], 0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("occlusion", {"window": 0}, "window must be a whole number of at least 1"),
        ("occlusion", {"window": 10}, "window is 10, but the sequences are 9 long"),
        ("occlusion", {"window": 2, "stride": 3}, "a stride of 3 leaves positions between windows of 2"),
        ("occlusion", {"references": gl.references.Shuffled("auto")}, r"not Shuffled\('auto'\)"),
        ("occlusion", {"memory": 10}, "one prediction needs about .*; give memory="),
        ("shapley-sampling", {"width": 20}, "width is 20, but the sequences are 9 long"),
        ("shapley-sampling", {"orders": 1.5}, "orders must be a whole number"),
        ("kernel-shap", {"samples": 10}, "10 samples are too few for 9 stretches of 1; give at least 18"),
        ("lime", {"samples": 5, "width": 1}, "5 samples are too few for 9 stretches of 1; give at least 11"),
        ("lime", {"kernel_width": 0}, "kernel_width must be above 0"),
    ],
)
def test_refusals(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, 0, **options)(X)


def test_inputs_without_bases_are_refused():
    flat = keras.Sequential([keras.Input((6,)), K.Dense(1)])
    with pytest.raises(UnsupportedModel, match=r"occlusion exchanges bases of one-hot sequences.*integrated-gradients"):
        gl.method("occlusion", flat)(np.ones((2, 6)))
