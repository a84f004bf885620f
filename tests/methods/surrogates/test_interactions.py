"""Deep feature interaction maps: closed forms, loops over mutants, and what must be the same for all of them."""

import method_models
import numpy as np
import pytest

import genolift as gl
from genolift.methods.references import Fixed, Shuffled
from genolift.plot.interactions import plot_interactions
from genolift.results.kinds import InteractionExplanation, PositionInteractions
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError, Undefined, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning"),  # short stretches have few shuffles
]
N, L = 3, method_models.LENGTH
X = method_models.sequences(N, seed=4)
BASES = np.eye(4, dtype=np.float32)
FIRST, SECOND = slice(2, 5), slice(9, 12)
W, V = (np.random.default_rng(s).normal(size=(3, 4)).astype(np.float32) for s in (1, 2))


def scores_of_motifs(x):
    return tf.reduce_sum(x[:, FIRST] * W, [1, 2]), tf.reduce_sum(x[:, SECOND] * V, [1, 2])


def product(x):
    """The product of two motifs' scores."""
    first, second = scores_of_motifs(x)
    return (first * second)[:, None]


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max() + 1e-7, rtol=0)


def substitutions(x, position):
    """The three sequences with another base there."""
    found = np.repeat(x[None], 3, axis=0)
    found[:, position] = BASES[[b for b in range(4) if x[position, b] != 1]]
    return found


@pytest.fixture(scope="module")
def model():
    return method_models.build("conv")


def test_the_product_of_two_motifs():
    """DeepLIFT with zeros gives w_l·x_l·(second score)/2 to the first: a substitution at j takes −w_l·Δv_j/2 of it."""
    found = gl.method("interaction-maps", product, references=gl.references.Zeros())(X)
    own, other = (X[:, FIRST] * W).sum(-1), (X[:, SECOND] * V).sum(-1)  # (N, 3) each
    # The mean over the three other bases, of their weight less that of the base there.
    falls_w, falls_v = (4 / 3 * (a.mean(-1) - b) for a, b in ((W, own), (V, other)))
    expected = np.zeros((N, L, L))
    expected[:, SECOND, FIRST] = -falls_v[:, :, None] * own[:, None] / 2
    expected[:, FIRST, SECOND] = -falls_w[:, :, None] * other[:, None] / 2
    close(found.interactions, expected)
    close(found.importance[:, FIRST], own * other.sum(1, keepdims=True) / 2)
    close(found.scores, np.abs(expected).mean(1))
    assert (found.source_start == np.arange(L)).all()
    assert (found.source_end == np.arange(L) + 1).all()
    assert type(found) is PositionInteractions


def test_the_largest_of_three_substitutions():
    zeros = gl.references.Zeros()
    found = gl.method("interaction-maps", product, references=zeros, combine="max", start=9, end=12)(X[:1])
    own = (X[0, FIRST] * W).sum(-1)
    for j in range(3):
        changes = (V[j] @ X[0, 9 + j] - V[j])[X[0, 9 + j] != 1]
        close(found.interactions[0, j, FIRST], own / 2 * changes[np.abs(changes).argmax()])
    assert type(found) is InteractionExplanation


@pytest.mark.parametrize("target", [1, [0, 1]])
def test_maps_of_mutagenesis_are_means_of_pairwise_interactions(model, target):
    """f(x) − mean_a f(a) less the same with b at j is mean_a [f(ab) − f(a) − f(b) + f(x)], for any model."""
    found = gl.method("interaction-maps", model, target, by="ism")(X[:2])
    pairs = gl.method("pairwise-mutagenesis", model, target, start=0, end=L)(X[:2])
    expected = pairs.interactions.sum((-3, -1)) / 12  # the same both ways round
    close(found.interactions, expected, 1e-4)
    assert np.abs(expected).max() > 1e-3


def naive(model, x, references, positions):
    """Mutants explained one by one, against the references of x."""
    method = gl.DeepLift(model, 1, references=Fixed(references))

    def scores(one):
        return method(one[None]).scores[0]

    table = np.stack([scores(x) - np.mean([scores(m) for m in substitutions(x, j)], axis=0) for j in positions])
    table[np.arange(len(positions)), positions] = 0
    return table


def test_mutants_one_by_one(model):
    positions = [3, 4]
    found = gl.method("interaction-maps", model, 1, references=Shuffled(3, seed=2), start=3, end=5)(X[:2])
    plain = gl.DeepLift(model, 1, references=Shuffled(3, seed=2))(X[:2])
    for n in range(2):
        close(found.interactions[n], naive(model, X[n], shuffle(X[n], 3, 2, 2), positions), 1e-4)
    close(found.importance, plain.scores)
    close(found.predictions, plain.predictions)
    # Each mutant's own shuffles would add their noise.
    own = gl.DeepLift(model, 1, references=Shuffled(3, seed=2))(substitutions(X[0], 3)).scores.mean(0)
    assert np.abs(plain.scores[0] - own - found.interactions[0, 0])[5:].max() > 0.02 * np.abs(plain.scores[0]).max()


@pytest.mark.parametrize("by", ["smoothgrad-squared", "expected-gradients"])
def test_random_draws_are_those_of_the_sequence(by):
    """Two halves that add up do not depend on each other; other noise for each mutant would make it seem so."""

    def halves(x):
        def squared(part):
            return tf.square(tf.reduce_sum(part * np.arange(1, 5, dtype=np.float32), [1, 2]))

        return (squared(x[:, :8]) + squared(x[:, 8:]))[:, None]

    found = gl.method("interaction-maps", halves, by=by)(X[:2])
    size = np.abs(found.interactions).max()
    assert size > 0
    assert np.abs(found.interactions[:, :8, 8:]).max() < 1e-4 * size
    assert np.abs(found.interactions[:, 8:, :8]).max() < 1e-4 * size
    close(found.importance, gl.method(by, halves)(X[:2]).scores)


@pytest.mark.parametrize("instead", ["shuffle", "dinucleotide", "random", "unknown"])
def test_stretches(instead):
    """A stretch is replaced as a whole, and all its replacements are averaged."""
    given = np.array([[[0, 6], [8, 13]], [[1, 7], [9, 16]], [[2, 8], [4, 12]]])
    options = {"by": "gradient-x-input", "instead": instead, "replicates": 4, "seed": 3}
    method = gl.method("interaction-maps", product, stretches=given, **options)
    found = method(X)
    assert found.interactions.shape == (N, 2, L)
    np.testing.assert_array_equal(found.source_end, given[..., 1])
    plain = gl.method("gradient-x-input", product)
    for n, sources in enumerate(given):
        for s, (start, end) in enumerate(sources):
            mutants = method._mutants(X[n], start, end)
            assert len(mutants) == (1 if instead == "unknown" else 4)
            outside = np.ones(L, bool)
            outside[start:end] = False
            assert (mutants[:, outside] == X[n, outside]).all()
            if instead in ("shuffle", "dinucleotide"):
                k = 1 if instead == "shuffle" else 2
                np.testing.assert_array_equal(mutants[:, start:end], shuffle(X[n, start:end], 4, k, 3))
            expected = plain(X[n : n + 1]).scores[0] - plain(mutants).scores.mean(0)
            close(found.interactions[n, s], expected * outside)
    if instead == "random":
        assert (method._mutants(X[0], 0, 6)[:, 0:6] != method._mutants(X[0], 6, 12)[:, 6:12]).any()
        other = gl.method("interaction-maps", product, stretches=given, **{**options, "seed": 4})(X)
        assert np.abs(found.interactions - other.interactions).max() > 0.1


def test_stretches_as_text():
    found = gl.method("interaction-maps", product, stretches="2-5,9-12", by="gradient-x-input", instead="unknown")(X)
    assert found.source_start.tolist() == [[2, 9]] * N
    assert np.abs(found.interactions[:, 0, SECOND]).max() > 0.1
    assert (found.interactions[:, 0, :9] == 0).all()


def test_unknown_bases_are_sources_too():
    """All four bases are put there."""
    some = X[:1].copy()
    some[0, 9] = 0.25
    found = gl.method("interaction-maps", product, by="gradient-x-input", start=9, end=10)(some)
    assert np.abs(found.interactions).max() < 1e-6  # their mean is what was there
    largest = gl.method("interaction-maps", product, by="gradient-x-input", start=9, end=10, combine="max")(some)
    assert np.abs(largest.interactions).max() > 0.1


def test_few_mutants_at_a_time(model, monkeypatch):
    made = gl.method("interaction-maps", model, [0, 1], by="gradient-x-input")
    whole = made(X)
    monkeypatch.setattr("genolift.methods.surrogates.interactions._POSITIONS", 7 * L)
    close(made(X).interactions, whole.interactions)
    close(made(X[1:2]).interactions, whole.interactions[1:2])


def test_beside_other_inputs():
    """What is not DNA stays as it is, and the method's references are given back."""
    dna, level = keras.Input((L, 4), name="dna"), keras.Input((1,), name="level")
    hidden = K.Dense(3, activation="relu")(K.Concatenate()([K.Flatten()(dna), level]))
    both = keras.Model([dna, level], K.Dense(1)(hidden))
    made = gl.method("interaction-maps", both, references={"dna": Shuffled(2)}, start=2, end=4)
    inputs = {"dna": X, "level": np.arange(N, dtype=np.float32)[:, None] + 1}
    found = made(inputs)
    assert found.scores["level"] is None
    assert np.abs(found.interactions).max() > 1e-3
    assert list(made.by.references) == ["dna"]
    alone = made({name: value[1:2] for name, value in inputs.items()})
    close(alone.interactions, found.interactions[1:2])


@pytest.mark.parametrize("kind", ["own", "shared", "shuffled"])
def test_sequences_of_tokens(kind):
    """The same as of their one-hot, whatever they are compared with."""
    one_hot, tokens = keras.Input((L, 4)), keras.Input((L,), dtype="int32")
    embedding, rest = K.Embedding(4, 3), K.Dense(1)
    hidden = K.Dense(3, use_bias=False)
    mean = K.GlobalAveragePooling1D()
    plain = keras.Model(one_hot, rest(mean(hidden(one_hot)) ** 2))
    coded = keras.Model(tokens, rest(mean(embedding(tokens)) ** 2))
    embedding.set_weights(hidden.get_weights())
    codes = X.argmax(-1)
    fixed = np.random.default_rng(0).integers(0, 4, (2, L) if kind == "shared" else (N, 2, L))
    of_codes, of_bases = (Shuffled(2),) * 2 if kind == "shuffled" else (fixed, BASES[fixed])
    found = gl.method("interaction-maps", coded, start=2, end=4, references=of_codes)(codes)
    expected = gl.method("interaction-maps", plain, start=2, end=4, references=of_bases)(X)
    close(found.interactions, expected.interactions)
    assert np.abs(expected.interactions).max() > 1e-4


def test_references_are_given_back_after_a_failure(model, monkeypatch):
    made = gl.method("interaction-maps", model, 0, references=Shuffled(2), start=2, end=4)
    monkeypatch.setattr(type(made.by), "explain", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made(X)
    assert isinstance(made.by.references, Shuffled)
    from genolift.methods.common.predicting import streams

    first, second = streams(0, "free again", [X[:2]])
    assert first.random() != second.random()


def test_the_record_and_what_is_not_defined(model):
    found = gl.method("interaction-maps", model, 0, by="integrated-gradients", steps=3, start=0, end=2, seed=6)(X[:1])
    assert found.method["by"]["name"] == "integrated-gradients"
    assert (found.method["by"]["steps"], found.method["by"]["seed"], found.method["start"]) == (3, 6, 0)
    with pytest.raises(Undefined, match="changes of another method's scores"):
        _ = found.hypothetical


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "interaction-maps"}, "another method"),
        ({"by": "magic"}, "no method 'magic'"),
        ({"start": 3}, "start=3, end=None"),
        ({"start": 3, "end": 3}, "start=3, end=3"),
        ({"start": 1, "end": 3, "stretches": "2-4"}, "and stretches"),
        ({"stretches": "2-4,5"}, "'2-4,5' are not understood"),
        ({"stretches": [(4, 2)]}, "not understood"),
        ({"stretches": []}, "not understood"),
        ({"instead": "zeros"}, "instead must be one of shuffle"),
        ({"combine": "sum"}, "combine must be"),
        ({"layer": "first"}, "leave layer away"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_options(options, words):
    with pytest.raises(InputError, match=words):
        gl.method("interaction-maps", product, **options)


def test_refusals(model):
    with pytest.raises(InputError, match="ends at 40, but the sequences are 16"):
        gl.method("interaction-maps", product, by="gradient", start=3, end=40)(X)
    with pytest.raises(InputError, match="for 2 sequences, and there are 3"):
        gl.method("interaction-maps", product, by="gradient", stretches=[[(0, 2)], [(1, 3)]])(X)
    with pytest.raises(InputError, match="auto"):
        gl.method("interaction-maps", model, 0, references=Shuffled("auto"))(X)
    with pytest.raises(UnsupportedModel, match=r"mutates one-hot sequences .*, and the model takes none"):
        gl.method("interaction-maps", lambda x: x, 0, by="gradient")(np.ones((2, 5)))
    with pytest.raises(
        UnsupportedModel, match="mutates one sequence of A, C, G and T, and this model takes 2 sequences"
    ):
        gl.method("interaction-maps", lambda a, b: product(a + b), by="gradient")([X, X])


def test_fitted_methods_are_fitted_through_it(model):
    made = gl.method("interaction-maps", model, 0, by="sis", most=1, width=4, start=0, end=1)
    made.fit(X)
    assert made.by.fitted is not None
    assert not hasattr(gl.method("interaction-maps", model, 0), "fit")


def test_a_map(tmp_path):
    found = gl.method("interaction-maps", product, by="gradient-x-input", start=7, end=13)(X, names=list("abc"))
    found.save(tmp_path / "map.zarr")
    loaded = gl.Explanation.load(tmp_path / "map.zarr")
    assert type(loaded) is InteractionExplanation
    figure = loaded.plot_map("b")
    below = figure.axes[1]
    assert (below.get_images()[0].get_array() == found.interactions[1]).all()
    assert [label.get_text() for label in below.get_yticklabels()] == [str(j) for j in range(7, 13)]
    stretches = gl.method("interaction-maps", product, by="gradient-x-input", stretches="2-5,9-12")(X)
    labels = stretches.plot_map(0).axes[1].get_yticklabels()
    assert [label.get_text() for label in labels] == ["2–4", "9–11"]
    with pytest.raises(InputError, match="interaction-maps"):
        plot_interactions(gl.method("gradient", product)(X))


def test_sequences_of_different_lengths(tmp_path):
    """Maps of whole sequences have an axis of sources that is as long as the sequence."""
    parts = [
        gl.method("interaction-maps", lambda x: tf.reduce_sum(x, 1) ** 2, 0, by="gradient-x-input")(some)
        for some in (X[:1], X[:2, :11])
    ]
    joined = gl.Explanation.concatenate(parts)
    joined.save(tmp_path / "mixed.zarr")
    loaded = gl.Explanation.load(tmp_path / "mixed.zarr")
    for n, (part, row) in enumerate([(parts[0], 0), (parts[1], 0), (parts[1], 1)]):
        assert loaded[n].interactions.shape == part.interactions[:1].shape
        np.testing.assert_array_equal(loaded[n].interactions[0], part.interactions[row])
        np.testing.assert_array_equal(loaded[n].source_end[0], part.source_end[row])
