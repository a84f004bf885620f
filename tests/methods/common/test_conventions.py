"""The one calling convention: shapes, inputs, references, determinism, and what must not be touched."""

import numpy as np
import pytest

import genolift as gl
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L, R = 5, 10, 3


def dna(seed, *shape):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (*shape, L))]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((L, 4), name="dna")
    h = K.Conv1D(4, 3, activation="relu", name="conv")(inputs)
    h = K.Dense(5, activation="relu", name="hidden")(K.GlobalAveragePooling1D()(h))
    return keras.Model(inputs, K.Dense(3, activation="sigmoid", name="tasks")(h))


@pytest.fixture(scope="module")
def logits(model):
    def function(x):
        p = model.predict(x, verbose=0).astype(float)
        return np.log(p / (1 - p))

    return function


@pytest.fixture(scope="module")
def twins():
    """A model of a sequence and of three numbers, its inputs not in alphabetical order."""
    keras.utils.set_random_seed(1)
    sequence, signal = keras.Input((L, 4), name="sequence"), keras.Input((3,), name="atac")
    h = K.Concatenate()([K.Flatten()(K.Conv1D(3, 3, activation="relu")(sequence)), signal])
    return keras.Model([sequence, signal], K.Dense(1)(K.Dense(4, activation="relu")(h)))


X = dna(0, N)
REFS = dna(1, N, R)


@pytest.mark.parametrize("target", [-2, (1,), [1], [0, 2]])
def test_shapes_and_meaning(model, logits, target):
    found = gl.DeepLift(model, target=target, references=gl.references.Fixed(REFS))(X)
    t = (len(target),) if isinstance(target, list) else ()
    expected = {
        "inputs": (N, L, 4),
        "scores": (N, *t, L),
        "raw_contributions": (N, *t, L, 4),
        "hypothetical": (N, *t, L, 4),
        "contributions": (N, *t, L, 4),
        "multipliers": (N, *t, L, 4),
        "predictions": (N, *t),
        "reference_predictions": (N, *t, R),
        "residual": (N, *t, R),
        "standard_error": (N, *t, L),
        "reference_count": (N, *t),
    }
    assert {name: getattr(found, name).shape for name in expected} == expected
    assert all(getattr(found, name).dtype == np.float32 for name in expected if name != "reference_count")
    chosen = target if isinstance(target, list) else target[0] if isinstance(target, tuple) else target
    np.testing.assert_allclose(found.predictions, logits(X)[:, chosen], atol=1e-4)
    refs = np.stack([logits(REFS[:, r]) for r in range(R)], -1)
    np.testing.assert_allclose(found.reference_predictions, refs[:, chosen], atol=1e-4)
    np.testing.assert_allclose(found.scores, found.raw_contributions.sum(-1))
    np.testing.assert_allclose(
        found.scores.sum(-1), (found.predictions[..., None] - found.reference_predictions).mean(-1), atol=1e-5
    )
    assert (found.reference_count == R).all()
    # One-hot x: the base that is there is worth what the position is; absent bases are worth what is hypothetical.
    np.testing.assert_allclose(found.contributions.sum(-1), found.scores, atol=1e-5)
    assert found.target == ([*target] if isinstance(target, (list, tuple)) else target)
    assert found.method["rule"] == "genomics"
    assert found.method["references"]["kind"] == "fixed"


def test_targets_together_equal_targets_alone(model):
    together = gl.DeepLift(model, target=[0, 2], references=gl.references.Fixed(REFS))(X)
    for i, target in enumerate((0, 2)):
        alone = gl.DeepLift(model, target=target, references=gl.references.Fixed(REFS))(X)
        for name in ("raw_contributions", "hypothetical", "standard_error", "predictions", "residual"):
            np.testing.assert_allclose(getattr(together, name)[:, i], getattr(alone, name), atol=1e-6)


def test_shared_references_equal_the_same_given_to_each(model):
    shared = gl.DeepLift(model, target=0, references=gl.references.Fixed(REFS[0]))(X)
    each = gl.DeepLift(model, target=0, references=gl.references.Fixed(np.repeat(REFS[:1], N, 0)))(X)
    for name in ("raw_contributions", "hypothetical", "standard_error", "reference_predictions"):
        np.testing.assert_allclose(getattr(shared, name), getattr(each, name), atol=1e-6)


@pytest.mark.parametrize("rule", ["genomics", pytest.param("revealcancel", marks=pytest.mark.slow)])
def test_arrangement_of_the_work_does_not_matter(model, rule):
    """Batches, blocks and chunks of references move results by rounding: 1e-5 of the largest."""
    method = gl.DeepLift(model, target=[0, 1], rule=rule, references=gl.references.Fixed(REFS))
    whole = method(X)
    need = method.pair_bytes(*method.adapted(X))
    small = gl.DeepLift(model, target=[0, 1], rule=rule, references=gl.references.Fixed(REFS), memory=2 * need)(X)
    one = gl.DeepLift(model, target=[0, 1], rule=rule, references=gl.references.Fixed(REFS[2:3]))(X[2:3])
    for name in ("raw_contributions", "hypothetical", "multipliers", "standard_error", "predictions"):
        largest = np.abs(getattr(whole, name)).max()
        np.testing.assert_allclose(getattr(small, name), getattr(whole, name), atol=1e-5 * largest)
        np.testing.assert_allclose(getattr(one, name)[0], getattr(whole, name)[2], atol=1e-5 * largest)
    assert small.residual.shape == whole.residual.shape


def test_mean_and_standard_error(model):
    """Against references one by one: mean of contributions, ddof = 1, NaN where there is one reference."""
    method = gl.DeepLift(model, target=0, references=gl.references.Fixed(REFS))
    apart = [gl.DeepLift(model, target=0, references=gl.references.Fixed(REFS[:, r : r + 1]))(X) for r in range(R)]
    found, scores = method(X), np.stack([one.scores for one in apart])
    np.testing.assert_allclose(found.scores, scores.mean(0), atol=1e-6)
    np.testing.assert_allclose(found.standard_error, scores.std(0, ddof=1) / R**0.5, atol=1e-6)
    np.testing.assert_allclose(found.residual, np.stack([one.residual[:, 0] for one in apart], -1), atol=1e-6)
    assert np.isnan(apart[0].standard_error).all()
    # Projected per reference and then averaged.
    m, r = np.stack([one.multipliers for one in apart]), np.moveaxis(REFS, 1, 0)
    np.testing.assert_allclose(found.hypothetical, (m - (m * r).sum(-1, keepdims=True)).mean(0), atol=1e-6)
    averaged = m.mean(0) - (m.mean(0) * r.mean(0)).sum(-1, keepdims=True)
    assert np.abs(found.hypothetical - averaged).max() > 1e-4


def references_given(kind, tmp_path):
    if kind == "genomic":
        (tmp_path / "genome.fa").write_text(">chr1\n" + "ACGTTGCAAGGCTATTTACGGCAT" * 40 + "\n")
        return gl.references.Genomic(gl.Fasta(tmp_path / "genome.fa"), n=4)
    return {
        "zeros": gl.references.Zeros(),
        "background": gl.references.Background([0.1, 0.2, 0.3, 0.4]),
        "mononucleotide": gl.references.Shuffled(3, k=1, seed=2),
        "shuffled": gl.references.Shuffled(3, seed=2),
        "shared": gl.references.Fixed(REFS[0]),
        "each": gl.references.Fixed(REFS),
        "array": REFS,
        "callable": lambda x: np.stack([x[:, ::-1], x[:, :, ::-1]], axis=1),
        "text": "background:0.25,0.25,0.25,0.25",
    }[kind]


# By the cheapest method: what references are drawn is the same for all.
@pytest.mark.parametrize(
    ("kind", "count"),
    [
        *[("zeros", 1), ("background", 1), ("text", 1), ("mononucleotide", 3), ("shuffled", 3)],
        *[("shared", R), ("each", R), ("array", R), ("callable", 2), ("genomic", 4)],
    ],
)
def test_references(model, logits, kind, count, tmp_path):
    references = references_given(kind, tmp_path)
    found = gl.method("gradient-x-input", model, target=0, references=references)(X)
    assert found.reference_predictions.shape == (N, count)
    drawn = gl.references.as_reference(references)
    if hasattr(drawn, "prepare"):
        drawn.prepare(X)
    arrays = drawn.draw(X)
    arrays = np.broadcast_to(arrays, (N, *arrays.shape)) if drawn.shared else arrays
    assert arrays.shape == (N, count, L, 4)
    expected = np.stack([logits(arrays[:, r])[:, 0] for r in range(count)], -1)
    np.testing.assert_allclose(found.reference_predictions, expected, atol=1e-4)
    # The multiplier is the same for each reference, so the mean over them is of differences.
    np.testing.assert_allclose(
        found.raw_contributions, found.multipliers * (X - arrays.mean(1)), atol=1e-5 * np.abs(found.multipliers).max()
    )
    if kind in ("mononucleotide", "shuffled", "genomic"):
        assert (arrays.sum(-1) == 1).all()
    if kind in ("mononucleotide", "shuffled"):
        np.testing.assert_array_equal(arrays.sum(2), np.repeat(X.sum(1)[:, None], count, 1))
    if kind == "genomic":
        # A draw depends on seed and sequence alone.
        np.testing.assert_array_equal(drawn.draw(X[2:4]), arrays[2:4])


def test_default_references(model, twins):
    """DeepLIFT: 20 dinucleotide shuffles. What is not DNA keeps its own value, so that it gets nothing."""
    assert gl.DeepLift(model, target=0).describe()["references"] == {"kind": "shuffled", "n": 20, "k": 2, "seed": 0}
    assert gl.method("gradient-x-input", model, target=0).describe()["references"] == {"kind": "zeros"}
    signal = np.random.default_rng(0).normal(size=(N, 3))
    found = gl.method("gradient-x-input", twins)([X, signal])
    assert not found.raw_contributions[1].any()
    assert found.raw_contributions[0].any()


def test_several_inputs(twins):
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(N, 3)).astype(np.float32)
    refs = {"sequence": gl.references.Fixed(REFS), "atac": np.zeros((1, 3))}
    by_name = gl.DeepLift(twins, references=refs)({"atac": signal, "sequence": X})
    assert set(by_name.scores) == {"sequence", "atac"}
    assert by_name.scores["sequence"].shape == (N, L)
    assert by_name.scores["atac"].shape == by_name.multipliers["atac"].shape == (N, 3)
    assert by_name.hypothetical["atac"] is None
    assert by_name.residual.shape == (N, R)
    assert np.abs(by_name.residual).max() < 1e-5
    total = by_name.scores["sequence"].sum(1) + by_name.scores["atac"].sum(1)
    np.testing.assert_allclose(total, by_name.predictions - by_name.reference_predictions.mean(1), atol=1e-5)
    listed = gl.DeepLift(twins, references=[REFS, np.zeros((1, 3))])([X, signal])
    assert isinstance(listed.scores, list)
    np.testing.assert_array_equal(listed.scores[0], by_name.scores["sequence"])
    np.testing.assert_array_equal(listed.inputs[1], signal)


def test_a_list_always_means_several_inputs(model):
    found = gl.method("gradient-x-input", model, target=0)([X])
    assert isinstance(found.scores, list)
    assert found.scores[0].shape == (N, L)


def test_inputs_that_are_not_dna():
    inputs = keras.Input((6,))
    found = gl.DeepLift(keras.Model(inputs, K.Dense(1)(inputs)), references=gl.references.Zeros())(np.ones((2, 6)))
    assert found.scores.shape == (2, 6)
    np.testing.assert_array_equal(found.scores, found.raw_contributions)
    with pytest.raises(gl.Undefined, match="not DNA"):
        _ = found.hypothetical
    with pytest.raises(gl.Undefined, match="not DNA"):
        _ = found.contributions


def test_fields_a_method_does_not_define(model):
    found = gl.method("gradient-x-input", model, target=0)(X)
    with pytest.raises(gl.Undefined, match="gradient-x-input does not promise to sum"):
        _ = found.residual


def test_function_targets(model):
    """(N,) and (N, T), of the model's own outputs: never looked through."""
    one = gl.DeepLift(model, target=lambda y: y[:, 0] * y[:, 1], references=gl.references.Fixed(REFS))(X)
    p = model.predict(X, verbose=0)
    assert one.scores.shape == (N, L)
    np.testing.assert_allclose(one.predictions, p[:, 0] * p[:, 1], atol=1e-6)
    assert np.abs(one.residual).max() < 1e-5
    two = gl.DeepLift(model, target=lambda y: y[:, :2], references=gl.references.Fixed(REFS))(X)
    assert two.scores.shape == (N, 2, L)
    np.testing.assert_allclose(two.predictions, p[:, :2], atol=1e-6)


def test_final_activation(model, logits):
    keep = gl.method("gradient-x-input", model, target=0, activation="keep")(X)
    look = gl.method("gradient-x-input", model, target=0)(X)
    p = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(keep.predictions, p, atol=1e-6)
    np.testing.assert_allclose(look.predictions, logits(X)[:, 0], atol=1e-4)
    np.testing.assert_allclose(keep.multipliers, look.multipliers * (p * (1 - p))[:, None, None], atol=1e-6)
    inputs = keras.Input((4,))
    soft = keras.Model(inputs, K.Softmax()(K.Dense(3, name="logits")(inputs)))
    values = keras.Model(inputs, soft.get_layer("logits").output).predict(np.eye(4), verbose=0)
    found = gl.method("gradient-x-input", soft, target=[0, 1, 2])(np.eye(4))
    np.testing.assert_allclose(found.predictions, values, atol=1e-6)
    # exp and softplus are no links to look through.
    exp = keras.Model(inputs, K.Dense(1, activation="exponential")(inputs))
    np.testing.assert_allclose(
        gl.method("gradient-x-input", exp)(np.eye(4)).predictions, exp.predict(np.eye(4), verbose=0)[:, 0], rtol=1e-5
    )


@pytest.mark.parametrize("name", ["deeplift", "integrated-gradients"])
def test_same_call_same_bytes(model, name):
    first, again = (gl.method(name, model, target=0, references=gl.references.Shuffled(3))(X) for _ in range(2))
    for field in ("raw_contributions", "hypothetical", "multipliers", "standard_error", "residual"):
        assert getattr(first, field).tobytes() == getattr(again, field).tobytes()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float16, np.float64])
def test_numeric_inputs_of_any_type(model, dtype):
    method = gl.method("gradient-x-input", model, target=0)
    given = X.astype(dtype)
    before = given.copy()
    found = method(given)
    np.testing.assert_array_equal(found.raw_contributions, method(X).raw_contributions)
    assert found.inputs.dtype == np.float32
    np.testing.assert_array_equal(given, before)
    assert given.dtype == dtype


def test_nothing_of_the_users_is_touched(model):
    weights = [np.copy(w) for w in model.get_weights()]
    config, call, given = model.to_json(), keras.layers.Layer.__call__, X.copy()
    given.flags.writeable = False
    gl.DeepLift(model, target=0, references=gl.references.Shuffled(2))(given)
    assert model.to_json() == config
    assert keras.layers.Layer.__call__ is call
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    np.testing.assert_array_equal(given, X)


def test_names_and_regions(model):
    names, regions = [f"s{i}" for i in range(N)], [("chr1", 10 * i, 10 * i + L, "-") for i in range(N)]
    found = gl.method("gradient-x-input", model, target=0)(X, names=names, regions=regions)
    assert found.names == names
    assert found.regions[2] == ("chr1", 20, 20 + L, "-")

    class Regions:
        chroms, starts, ends, strands = ["c"] * N, range(N), range(L, L + N), ["+"] * N

        def __init__(self):
            self.names = names

        def one_hot(self):
            return X

    given = gl.method("gradient-x-input", model, target=0)(Regions())
    assert given.names == names
    assert given.regions[1] == ("c", 1, 1 + L, "+")


def test_lengths_are_free():
    """A model of any length takes each length as it is."""
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(K.Conv1D(3, 3, activation="relu")(inputs))))
    method = gl.DeepLift(model, references=gl.references.Zeros())
    for sequences in (["ACGTACGTTT"], ["ACGTAC", "GGTTTA"]):
        found = method(one_hot(sequences))
        assert found.scores.shape == (len(sequences), len(sequences[0]))
        assert np.abs(found.residual).max() < 1e-5


def test_functions_are_models(model):
    """A plain function of tensors, and one of several."""
    w = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)

    def function(x):
        return tf.nn.relu(tf.reduce_mean(x, 1) @ w)

    found = gl.DeepLift(function, target=1, references=gl.references.Fixed(REFS))(X)
    np.testing.assert_allclose(found.predictions, np.maximum(X.mean(1) @ w, 0)[:, 1], atol=1e-6)
    assert np.abs(found.residual).max() < 1e-6
    both = gl.method("gradient-x-input", lambda a, b: (tf.reduce_sum(a, [1, 2]) * b[:, 0])[:, None])
    np.testing.assert_allclose(both([X, np.full((N, 1), 2.0)]).predictions, X.sum((1, 2)) * 2)


@pytest.mark.parametrize("kind", ["tf_keras", "SavedModel"])
def test_other_libraries(model, kind, tmp_path):
    """The same weights in tf_keras, and as a SavedModel, give the same explanation."""
    if kind == "SavedModel":
        model.export(tmp_path / "saved", verbose=False)
        other = gl.load_model(tmp_path / "saved")
    else:
        tf_keras = pytest.importorskip("tf_keras")
        T = tf_keras.layers
        inputs = tf_keras.Input((L, 4))
        h = T.Dense(5, activation="relu")(T.GlobalAveragePooling1D()(T.Conv1D(4, 3, activation="relu")(inputs)))
        other = tf_keras.Model(inputs, T.Dense(3, activation="sigmoid")(h))
        other.set_weights(model.get_weights())
    one, two = (gl.DeepLift(m, target=1, references=gl.references.Fixed(REFS))(X) for m in (model, other))
    np.testing.assert_allclose(one.raw_contributions, two.raw_contributions, atol=1e-6)
    np.testing.assert_allclose(one.predictions, two.predictions, atol=1e-5)


def test_listing():
    assert {"deeplift", "gradient-x-input", "guided-backprop-x-input", "deconvnet", "integrated-gradients"} <= set(
        gl.methods()
    )
    with pytest.raises(ValueError, match="choose among deeplift"):
        gl.method("deepdream", None)
    with pytest.raises(ValueError, match="no method 'guided-gradcam'; did you mean guided-grad-cam"):
        gl.method("guided-gradcam", None)


def test_outputs_of_a_subclassed_model_keep_their_names():
    class Heads(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.head = K.Flatten(), K.Dense(1)

        def call(self, x):
            h = self.head(self.flatten(x))
            return {"profile": 3 * h, "counts": h}

    model = Heads()
    expected = model(X)
    for name in ("profile", "counts"):
        found = gl.method("gradient-x-input", model, target=(name, 0))(X)
        np.testing.assert_allclose(found.predictions, expected[name][:, 0], rtol=1e-5)


def test_a_list_of_models_is_an_ensemble(model):
    one = gl.DeepLift(model, target=0, references=gl.references.Fixed(REFS))(X)
    both = gl.method("deeplift", [model, model], target=0, references=gl.references.Fixed(REFS))(X)
    np.testing.assert_allclose(both.scores, one.scores, rtol=1e-6)
    assert not both.spread.any()
    with pytest.raises(InputError, match=r"genolift.method\('deeplift', \[models"):
        gl.DeepLift([model, model], target=0)
