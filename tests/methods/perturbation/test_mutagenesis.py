"""In-silico mutagenesis as a method: what its fields mean, both forms, the trial of the fast one."""

import numpy as np
import pytest

import genolift as gl
from genolift.engine.windows import mutation as engine
from genolift.methods.perturbation.mutagenesis import MutagenesisExplanation
from genolift.plot.epistasis import plot_epistasis
from genolift.support.errors import GenoliftWarning, InputError, Undefined
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 3, 20
X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (N, L))]


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.ptp(expected) + 1e-6 * np.abs(expected).max())


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((L, 4), name="dna")
    h = K.Conv1D(6, 5, activation="relu", padding="same")(x)
    h = K.GlobalAveragePooling1D()(K.Conv1D(6, 3, activation="relu")(h))
    found = keras.Model(x, K.Dense(2, activation="sigmoid")(K.Dense(5, activation="tanh")(h)))
    for weights in found.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.8, weights.shape))
    return found


def logits(model, x):
    p = model(x, training=False).numpy().astype(np.float64)
    return np.log(p / (1 - p))


def naive(model, x, target):
    """f with every base at every position of one sequence, mutants made one at a time."""
    mutants = []
    for position in range(len(x)):
        for base in range(4):
            mutants.append(x.copy())
            mutants[-1][position] = np.eye(4)[base]
    return logits(model, np.array(mutants))[:, target].reshape(len(x), 4)


@pytest.fixture(scope="module")
def expected(model):
    return np.stack([naive(model, x, 1) for x in X])


@pytest.mark.parametrize("fast", [True, False])
def test_fields(model, expected, fast):
    found = gl.method("ism", model, target=1, fast=fast)(X)
    at_x = logits(model, X)[:, 1]
    close(found.predictions, at_x)
    close(found.effects, expected - at_x[:, None, None])
    close(found.hypothetical, expected - expected.mean(-1, keepdims=True))
    close(found.contributions, X * found.hypothetical)
    assert (found.raw_contributions == found.contributions).all()
    close(found.scores, (X * found.hypothetical).sum(-1))
    assert (found.effects[X == 1] == 0).all()
    assert isinstance(found, MutagenesisExplanation)
    assert found.provenance["form"] == {"dna": "windows"} if fast else "form" not in found.provenance
    with pytest.raises(Undefined, match="differences between predictions"):
        _ = found.multipliers


def test_a_linear_model():
    """f = Σ w·x: each base is worth its weight less the mean of the four, whatever else is there."""
    x = keras.Input((6, 4))
    dense = K.Dense(1)
    linear = keras.Model(x, dense(K.Flatten()(x)))
    weights = np.arange(24, dtype=np.float32).reshape(6, 4) ** 2 / 50
    dense.set_weights([weights.reshape(24, 1), np.array([3.0])])
    some = X[:, :6]
    for fast in (True, False):
        found = gl.method("ism", linear, fast=fast)(some)
        np.testing.assert_allclose(
            found.hypothetical, np.tile(weights - weights.mean(1, keepdims=True), (N, 1, 1)), atol=2e-5
        )
        np.testing.assert_allclose(found.effects, weights - (weights * some).sum(-1, keepdims=True), atol=2e-5)


@pytest.mark.parametrize("fast", [True, False])
def test_unknown_bases(model, fast):
    """All four bases are put where there is an N, and nothing contributes there."""
    some = X[:2].copy()
    some[0, 4], some[1, 0] = 0.25, 0
    found = gl.method("ism", model, target=0, fast=fast)(some)
    for n in range(2):
        f = naive(model, some[n], 0)
        close(found.effects[n], f - logits(model, some[n : n + 1])[0, 0])
    assert abs(found.scores[0, 4]) < 1e-6
    assert found.scores[1, 0] == 0
    assert (found.hypothetical[0, 4] != 0).all()


def test_targets_together_and_alone(model):
    both = gl.method("ism", model, target=[0, 1], fast=True)(X)
    assert both.effects.shape == (N, 2, L, 4)
    for t in (0, 1):
        close(both.for_target(t).hypothetical, gl.method("ism", model, target=t, fast=True)(X).hypothetical)


def test_both_strands(model):
    """Half of the effect on each strand; the substitution on the other strand is the complement."""
    found = gl.method("ism", model, target=1, rc_average=True, fast=True)(X)
    forward, reverse = (gl.method("ism", model, target=1, fast=False)(x) for x in (X, X[:, ::-1, ::-1]))
    close(found.effects, (forward.effects + reverse.effects[:, ::-1, ::-1]) / 2)


def test_function_targets(model):
    found = gl.method("ism", model, target=lambda y: y[:, 0] * y[:, 1], fast=True)(X[:1])
    mutants = np.repeat(X[:1], 4, 0)
    mutants[:, 7] = np.eye(4)
    y = model(mutants).numpy().prod(1)
    close(found.hypothetical[0, 7], y - y.mean())


@pytest.mark.parametrize("fast", [True, False])
def test_batches_do_not_matter(model, fast, monkeypatch):
    """Few positions at a time, of one sequence and of the next."""
    from genolift.methods.perturbation import substituting

    whole = gl.method("ism", model, target=0, fast=fast)(X)
    monkeypatch.setattr(substituting, "_MANY", 21)
    parts = gl.method("ism", model, target=0, fast=fast, memory=100_000)(X)
    close(parts.hypothetical, whole.hypothetical)
    alone = np.concatenate([gl.method("ism", model, target=0, fast=fast)(X[n : n + 1]).effects for n in (0, 2)])
    close(alone, whole.effects[[0, 2]])


def test_few_sequences_at_a_time(model, monkeypatch):
    """However many sequences a batch of positions would be of, such as one unknown base in each."""
    some = X.copy()
    some[:, 3] = 0.25
    whole = gl.method("ism", model, target=0, fast=True)(some)
    monkeypatch.setattr("genolift.methods.perturbation.perturbed.batch_size", lambda *_: 1)
    seen = []
    values = engine.Mutation.values
    monkeypatch.setattr(
        engine.Mutation, "values", lambda self, xs, *rest: seen.append(len(xs[0])) or values(self, xs, *rest)
    )
    method = gl.method("ism", model, target=0, fast=True)
    seen.clear()
    close(method(some).effects, whole.effects)
    assert seen == [1] * 2 * N


def test_inputs_and_model_are_left_alone(model):
    before, weights = X.copy(), [w.copy() for w in model.get_weights()]
    gl.method("ism", model, target=0, fast=True)(X)
    assert (before == X).all()
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))


def test_weights_are_read_when_it_is_called(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    method = gl.method("ism", twin, target=0, fast=True)
    before = method(X[:1]).effects
    twin.set_weights([0.5 * w for w in model.get_weights()])
    close(method(X[:1]).effects, gl.method("ism", twin, target=0, fast=False)(X[:1]).effects)
    assert np.abs(method(X[:1]).effects - before).max() > 1e-3


def test_several_inputs():
    """Bases are substituted in each input that has them; what is beside them stays."""
    keras.utils.set_random_seed(3)
    dna, track, covariate = (
        keras.Input((L, 4), name="dna"),
        keras.Input((L, 2), name="track"),
        keras.Input((3,), name="c"),
    )
    h = K.Concatenate()([K.Conv1D(4, 3, padding="same", activation="relu")(dna), track])
    h = K.GlobalMaxPooling1D()(K.Conv1D(4, 3, activation="tanh")(h))
    several = keras.Model([dna, track, covariate], K.Dense(1)(K.Concatenate()([h, covariate])))
    rng = np.random.default_rng(4)
    inputs = {"dna": X, "track": rng.normal(size=(N, L, 2)), "c": rng.normal(size=(N, 3))}
    fast, plain = (gl.method("ism", several, fast=fast)(inputs) for fast in (True, False))
    assert fast.provenance["form"] == {"dna": "windows"}
    close(fast.effects["dna"], plain.effects["dna"])
    assert np.ptp(plain.effects["dna"]) > 1e-3
    assert fast.hypothetical["track"] is None


@pytest.mark.parametrize("dilation", [{}, {"dilation_rate": 2}, {"dilation_rate": 3, "padding": "causal"}])
def test_any_length(dilation):
    """A model of free length is planned anew for each length, and tried again."""
    x = keras.Input((None, 4))
    h = K.Conv1D(4, 4, **{"activation": "relu", "padding": "same", **dilation})(x)
    free = keras.Model(x, K.Dense(1)(K.GlobalAveragePooling1D()(K.Conv1D(3, 3, activation="relu")(h))))
    fast, plain = gl.method("ism", free, fast=True), gl.method("ism", free, fast=False)
    for length in (15, 20):
        found = fast(X[:, :length])
        close(found.effects, plain(X[:, :length]).effects)
        assert list(found.provenance["form"].values()) == ["windows"]


def test_a_wrong_fast_form_is_noticed(model, monkeypatch):
    """Should windows ever be wrong, here because padding is, the plain form answers and a warning says why."""
    from genolift.engine.windows import lengthwise

    monkeypatch.setattr(lengthwise, "padding_before", lambda *_: 1)
    with pytest.warns(GenoliftWarning, match=r"differed from it by up to .* plain one"):
        method = gl.method("ism", model, target=1, fast=True)
    found = method(X[:1])
    assert found.provenance["form"] == {"dna": "whole sequences"}
    close(found.effects, gl.method("ism", model, target=1, fast=False)(X[:1]).effects)


@pytest.mark.parametrize("where", ["Mutation._values", "route_of"])
def test_a_fast_form_that_fails_is_given_up(model, monkeypatch, where):
    """When it runs, or as soon as it is planned."""

    def fails(*_):
        raise KeyError("no such luck")

    monkeypatch.setattr(f"genolift.engine.windows.mutation.{where}", fails)
    with pytest.warns(GenoliftWarning, match="no such luck"):
        method = gl.method("ism", model, target=1, fast=True)
    close(method(X[:1]).effects, gl.method("ism", model, target=1, fast=False)(X[:1]).effects)


def test_refusals(model):
    numbers = keras.Sequential([keras.Input((5,)), K.Dense(1)])
    with pytest.raises(TypeError, match="ism exchanges bases"):
        gl.method("ism", numbers)(np.ones((2, 5)))
    with pytest.raises(InputError, match="fast must be"):
        gl.method("ism", model, target=0, fast="very")
    with pytest.raises(InputError, match="budget"):
        gl.method("ism", model, target=0, fast=True, memory=500)(X)


def test_saved_and_loaded(model, tmp_path):
    found = gl.method("ism", model, target=[0, 1], fast=True)(X)
    found.save(tmp_path / "scores.zarr")
    loaded = gl.Explanation.load(tmp_path / "scores.zarr")
    assert isinstance(loaded, MutagenesisExplanation)
    assert (np.asarray(loaded.effects) == found.effects).all()


# Insertions and deletions


def at_logit(model, sequence, target=1):
    return logits(model, np.asarray(sequence, np.float32)[None])[0, target]


@pytest.mark.parametrize("moves", ["right", "left"])
def test_indels(model, moves):
    """By cutting and joining arrays, one copy at a time."""
    found = gl.method("indels", model, target=1, size=2, moves=moves)(X[:1])
    x, base = X[0], at_logit(model, X[0])
    uniform = np.full((2, 4), 0.25)
    insertions, deletions = np.zeros((L, 4)), np.zeros(L)
    for position in range(L):
        for b in range(4):
            put_in = np.concatenate([x[:position], np.eye(4)[[b]], x[position:]])
            insertions[position, b] = at_logit(model, put_in[:L] if moves == "right" else put_in[1:]) - base
        cut = np.concatenate([x[:position], x[position + 2 :]])
        missing = uniform[: L - len(cut)]
        deletions[position] = (
            at_logit(model, np.concatenate([cut, missing] if moves == "right" else [missing, cut])) - base
        )
    close(found.insertions[0], insertions)
    close(found.deletions[0], deletions)
    covering = np.append(-deletions[0], -(deletions[:-1] + deletions[1:]) / 2)
    close(found.scores[0], covering)
    if moves == "left":
        assert np.abs(found.insertions[0, 0]).max() < 1e-6  # pushed out at once
    with pytest.raises(Undefined):
        _ = found.hypothetical


def test_what_is_missing_may_be_nothing(model):
    zero = gl.method("indels", model, target=1, fill="zero")(X[:1])
    shortened = np.concatenate([X[0, 1:], np.zeros((1, 4))])
    assert zero.deletions[0, 0] == pytest.approx(at_logit(model, shortened) - at_logit(model, X[0]), abs=1e-6)


def test_indel_options(model):
    for options in ({"moves": "up"}, {"fill": "G"}, {"size": 0}):
        with pytest.raises(InputError):
            gl.method("indels", model, target=1, **options)


# Pairs of substitutions


def test_pairwise(model):
    found = gl.method("pairwise-mutagenesis", model, target=[0, 1], start=3, end=9)(X[:2])
    assert found.interactions.shape == (2, 2, 6, 4, 6, 4)
    x, f = X[1], naive(model, X[1], 1)
    base = at_logit(model, x)
    for i, a, j, b in [(0, 1, 1, 2), (5, 3, 2, 0), (1, 0, 4, 3), (4, 2, 5, 2)]:
        both = x.copy()
        both[3 + i], both[3 + j] = np.eye(4)[a], np.eye(4)[b]
        apart = x[3 + i, a] or x[3 + j, b]
        expected = 0 if apart else at_logit(model, both) - f[3 + i, a] - f[3 + j, b] + base
        assert found.interactions[1, 1, i, a, j, b] == pytest.approx(expected, abs=5e-6)
    assert (found.interactions == np.transpose(found.interactions, (0, 1, 4, 5, 2, 3))).all()
    close(found.effects[1, 1], f[3:9] - base)
    assert (found.interactions[:, :, np.arange(6), :, np.arange(6)] == 0).all()
    assert (found.scores[:, :, :3] == 0).all()
    assert (found.scores[:, :, 3:9] > 0).all()
    assert found.interactions.any()


def test_scores_of_pairs(model, monkeypatch):
    """The mean size over nine pairs of bases and five other positions; a sequence at a time; every copy counted."""
    from genolift.methods.common.predicting import Copies
    from genolift.methods.perturbation import pairwise

    method = gl.method("pairwise-mutagenesis", model, target=1, start=3, end=9)
    found = method(X)
    close(found.scores[:, 3:9], np.abs(found.interactions).sum((2, 3, 4)) / (9 * 5))
    monkeypatch.setattr(pairwise, "_PAIRS", 1)
    made, values = [], Copies.values
    monkeypatch.setattr(Copies, "values", lambda self, count, make: made.append(count) or values(self, count, make))
    close(method(X).interactions, found.interactions)
    assert len(made) == 1 + N
    assert sum(made) == N * method.count([L])
    to_the_end = gl.method("pairwise-mutagenesis", model, target=1, start=L - 2, end=L)(X)
    assert to_the_end.scores[:, -2:].all()


def test_no_interactions_where_effects_add_up():
    x = keras.Input((L, 4))
    linear = keras.Model(x, K.Dense(1)(K.Flatten()(x)))
    found = gl.method("pairwise-mutagenesis", linear, width=5)(X)
    assert (found.stretch == 7).all()
    assert np.abs(found.effects).max() > 0.1
    assert np.abs(found.interactions).max() < 1e-5


def test_pairwise_refusals(model):
    for options in ({"start": 3}, {"start": 5, "end": 6}, {"width": 1}):
        with pytest.raises(InputError):
            gl.method("pairwise-mutagenesis", model, target=0, **options)
    with pytest.raises(InputError, match="sequences are 20 long"):
        gl.method("pairwise-mutagenesis", model, target=0, start=3, end=30)(X)


def test_an_epistasis_map(model, tmp_path):
    found = gl.method("pairwise-mutagenesis", model, target=[0, 1], start=3, end=9)(X[:2], names=["a", "b"])
    found.save(tmp_path / "map.zarr")
    loaded = gl.Explanation.load(tmp_path / "map.zarr")
    for options in ({"target": 1}, {"target": 0, "bases": True}):
        figure = loaded.plot_map("b", **options)
        top, below = figure.axes[:2]
        drawn = below.get_images()[0].get_array()
        expected = found.interactions[1, options["target"]]
        if "bases" in options:
            assert drawn[4 * 2 + 1, 4 * 5 + 3] == expected[2, 1, 5, 3]
        else:
            strongest = expected[2, :, 5].ravel()[np.abs(expected[2, :, 5]).argmax()]
            assert drawn[2, 5] == strongest
        assert (top.get_images()[0].get_array() == found.effects[1, options["target"]].T).all()
        letters = "".join(label.get_text() for label in top.get_xticklabels())
        assert letters == "".join("ACGT"[code] for code in X[1, 3:9].argmax(-1))
    other = gl.method("ism", model, target=0, fast=False)(X[:1])
    with pytest.raises(InputError, match="pairwise-mutagenesis"):
        plot_epistasis(other)
