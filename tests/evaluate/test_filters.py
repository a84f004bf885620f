"""Filters as motifs against loops over every stretch; their files read again by other readers."""

import io

import keras
import numpy as np
import pytest
from Bio import motifs as bio

import genolift as gl
from genolift.evaluate.discovery import filters as module
from genolift.evaluate.discovery import matching
from genolift.evaluate.discovery import sites as site_counts
from genolift.evaluate.discovery.filters import collect, information
from genolift.methods.common import predicting
from genolift.methods.hidden.activations import LayerReader
from genolift.sequence.alphabet import decode
from genolift.simulate.motifs import read_motifs
from genolift.support.errors import InputError, UnsupportedModel

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 12, 26
RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))]
X[2, 5], X[4, 20], X[6, 11] = 0.25, 0, [1, 1, 0, 0]  # ways to say N


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, 4))
    h = K.Conv1D(5, 4, padding="same", activation="relu", name="first")(inputs)
    h = K.Conv1D(3, 3, strides=2, activation="relu", name="second")(K.MaxPooling1D(2)(h))
    model = keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(h)))
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    model.get_layer("first").bias.assign([0, 0, -30, 0, 0.2])  # the third never fires
    return model


def naive(model, x, layer, windows, threshold=0.5, by_activation=False, pseudocount=1.0, peaks=None):
    """(matrices, sites, largest, share, background); ``windows`` (J, 2), ``peaks`` how many rows a peak rules."""
    values = keras.Model(model.input, model.get_layer(layer).output)(x).numpy()
    texts = decode(x)
    background = np.array([1 + sum(text.count(base) for text in texts) for base in "ACGT"])
    background = background / background.sum()
    width = windows[0][1] - windows[0][0]
    found = []
    for c in range(values.shape[2]):
        largest = values[..., c].max()
        counts, sites, having = np.zeros((width, 4)), 0, set()
        for n, text in enumerate(texts):
            for j, (start, _) in enumerate(windows):
                value = values[n, j, c]
                around = values[n, max(0, j - (peaks or 0)) : j + (peaks or 0) + 1, c]
                if largest <= 0 or value < np.float32(threshold * largest) or value < around.max():
                    continue
                sites += 1
                having.add(n)
                for k in range(width):
                    if 0 <= start + k < len(text) and text[start + k] != "N":
                        counts[k, "ACGT".index(text[start + k])] += value / largest if by_activation else 1
        counts += pseudocount * background
        found.append((counts / counts.sum(1, keepdims=True), sites, largest, len(having) / len(texts)))
    return found, background


FIRST = [(j - 1, j + 3) for j in range(L)]  # padding="same" puts one of three before
SECOND = [(4 * j - 1, 4 * j + 8) for j in range(6)]


def agree(found, expected):
    matrices, background = expected
    np.testing.assert_allclose(found.background, background)
    assert len(found) == len(matrices)
    for one, (matrix, sites, largest, share) in zip(found.filters, matrices, strict=True):
        np.testing.assert_allclose(one.matrix, matrix, atol=1e-6)
        assert (one.sites, one.share) == (sites, share)
        assert one.largest == pytest.approx(largest, rel=1e-6)
        assert one.information == pytest.approx((matrix * np.log2(matrix / background)).sum(), abs=1e-5)


def test_first_layer(model):
    found = gl.filters(model, X)
    assert (found.layer, found.peaks, found.sequences) == ("first", False, N)
    agree(found, naive(model, X, "first", FIRST))
    assert [one.number for one in found.excited] == [0, 1, 3, 4]
    assert found[2].sites == 0
    np.testing.assert_allclose(found[2].matrix, np.tile(found.background, (4, 1)))
    assert found[2].information == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("threshold", [0.3, 1.0])
def test_settings(model, threshold):
    found = gl.filters(model, X, threshold=threshold, weights="activation", pseudocount=0.3, peaks=True)
    agree(found, naive(model, X, "first", FIRST, threshold, True, 0.3, peaks=2))
    if threshold == 1:
        assert {one.sites for one in found.excited} == {1}


def test_a_deeper_layer(model):
    """As long as what a unit sees, 9 bases every 4; a peak rules its neighbours on both sides."""
    found = gl.filters(model, X, layer="second")
    assert found.peaks
    agree(found, naive(model, X, "second", SECOND, peaks=1))
    every = gl.filters(model, X, layer="second", peaks=False)
    agree(every, naive(model, X, "second", SECOND))
    assert sum(one.sites for one in every.filters) > sum(one.sites for one in found.filters)


def test_any_batches_and_lengths(model, monkeypatch):
    whole = gl.filters(model, X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 9_000.0)
    monkeypatch.setattr(module, "_AT_ONCE", 5)
    monkeypatch.setattr(site_counts, "_BYTES", 200.0)
    again = gl.filters(model, X)
    for one, other in zip(whole.filters, again.filters, strict=True):
        np.testing.assert_allclose(other.matrix, one.matrix, atol=1e-12)
        assert (other.sites, other.share) == (one.sites, one.share)
    reader = LayerReader(model, first=True)
    long = np.eye(4, dtype=np.float32)[np.random.default_rng(5).integers(0, 4, (3, 40))]
    mixed = collect(reader, lambda: map(reader.inputs, (X[:5], long, X[5:])))
    assert mixed.sequences == N + 3
    assert mixed[0].largest >= whole[0].largest


def test_a_planted_motif_is_found():
    """A filter that is GATA in sequences with GATA: its motif, at its place and on its strand."""
    model = keras.Sequential(
        [keras.Input((40, 4)), K.Conv1D(1, 6, activation="relu"), K.GlobalMaxPooling1D(), K.Dense(1)]
    )
    kernel = np.zeros((6, 4, 1), np.float32)
    kernel[1:5, :, 0] = gl.one_hot(["GATA"])[0]
    model.layers[0].set_weights([kernel, np.array([-3.0])])
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(300)]
    planted = [text[:17] + "GATA" + text[21:] for text in texts]
    found = gl.filters(model, gl.one_hot(planted))
    assert found[0].consensus[1:5] == "GATA"
    assert found[0].share == 1
    assert found[0].sites >= 300
    assert information(found[0].matrix, found.background)[[0, 5]].max() < 0.1
    assert 7 < found[0].information < 8.6
    other = gl.filters(model, gl.reverse_complement(gl.one_hot(planted)))
    assert other[0].sites < 150


def test_files(model, tmp_path):
    found = gl.filters(model, X)
    (tmp_path / "f.meme").write_text(found.to_meme())
    ours = read_motifs(tmp_path / "f.meme")
    assert list(ours) == [one.name for one in found.excited]
    theirs = bio.parse(io.StringIO(found.to_meme()), "minimal")
    for one, other in zip(found.excited, theirs, strict=True):
        np.testing.assert_allclose(ours[one.name].matrix, one.matrix, atol=1e-6)
        assert (other.name, other.num_occurrences, other.length) == (one.name, one.sites, 4)
        assert other.background["G"] == pytest.approx(found.background[2], abs=1e-5)
    rows = [line.split("\t") for line in found.to_tsv().splitlines()]
    assert rows[0] == ["filter", "sites", "information", "consensus", "max_activation", "sequence_share"]
    assert [row[0] for row in rows[1:]] == [f"filter_{i}" for i in range(5)]
    assert rows[3][1:4] == ["0", f"{found[2].information:.4g}", ""]


def test_matches_are_those_of_the_excited(model, monkeypatch):
    asked = []

    def tomtom(queries, targets, n_nearest):
        asked.extend(queries)
        p = 10.0 ** -np.arange(1, len(queries) + 1)
        columns = [p, p * 0, p * 0, p * 0, np.arange(len(queries)) % 2, np.arange(len(queries)) % 3]
        return np.array(columns)[:, :, None]

    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    monkeypatch.setattr(matching, "_SHUFFLES", 0)
    found = gl.filters(model, X)
    known = {f"m{i}": np.full((5, 4), 0.25) for i in range(30)}
    matches = found.match(known)
    np.testing.assert_array_equal(asked[2], found[3].matrix.T)
    rows = [line.split("\t") for line in found.to_tsv(matches, list(known)).splitlines()]
    assert rows[0][-4:] == ["motif", "strand", "p", "q"]
    assert rows[3][-4:] == [""] * 4
    assert [row[-4:-2] for row in (rows[1], rows[2], rows[4], rows[5])] == [
        ["m0", "+"],
        ["m1", "-"],
        ["m2", "+"],
        ["m0", "-"],
    ]
    assert float(rows[4][-2]) == pytest.approx(30e-3, rel=0.02)


def test_refusals(model):
    for options, told in (
        ({"threshold": 0}, "threshold is a share"),
        ({"threshold": 1.5}, "threshold is a share"),
        ({"weights": "squares"}, "weights is 'sites' or 'activation'"),
        ({"pseudocount": -1}, "pseudocount must be 0 or more"),
    ):
        with pytest.raises(InputError, match=told):
            gl.filters(model, X, **options)
    reader = LayerReader(model, first=True)
    with pytest.raises(InputError, match="no sequences"):
        collect(reader, lambda: iter(()))
    inputs = keras.Input((L, 4))
    both = K.Concatenate(axis=1, name="both")([K.Conv1D(2, 3)(inputs), K.Conv1D(2, 5)(inputs)])
    uneven = keras.Model(inputs, K.Dense(1)(K.GlobalMaxPooling1D()(both)))
    with pytest.raises(UnsupportedModel, match="see stretches of different lengths"):
        gl.filters(uneven, X, layer="both")
    tokens = keras.Input((L,), dtype="int32")
    words = keras.Model(tokens, K.Dense(1)(K.GlobalMaxPooling1D()(K.Conv1D(2, 3)(K.Embedding(7, 3)(tokens)))))
    with pytest.raises(UnsupportedModel, match="motifs of four bases, and the model's sequences have 7 letters"):
        gl.filters(words, np.zeros((2, L), int))


def test_sites_without_a_pseudocount(model):
    found = gl.filters(model, X, pseudocount=0)
    assert all(np.isfinite(one.matrix).all() and np.isfinite(one.information) for one in found.filters)
    assert (found[0].matrix == 0).any()
    np.testing.assert_allclose(found[2].matrix, np.tile(found.background, (4, 1)))
    agree_on = naive(model, X, "first", FIRST, pseudocount=1e-12)[0]
    np.testing.assert_allclose(found[0].matrix, agree_on[0][0], atol=1e-6)


@pytest.mark.slow
def test_tomtom_knows_gata():
    """The filter of the planted motif is recognised on the other strand too; compiling takes a minute."""
    model = keras.Sequential(
        [keras.Input((40, 4)), K.Conv1D(2, 8, activation="relu"), K.GlobalMaxPooling1D(), K.Dense(1)]
    )
    kernel = np.stack([gl.one_hot([text])[0] for text in ("AGATAAGC", "GCTTATCT")], axis=-1)
    model.layers[0].set_weights([kernel, np.array([-4.0, -4.0])])
    rng = np.random.default_rng(1)
    found = gl.filters(model, np.eye(4, dtype=np.float32)[rng.integers(0, 4, (400, 40))])
    known = {f"m{i}": rng.dirichlet([0.4] * 4, 8) for i in range(40)}
    known["GATA"] = 0.91 * gl.one_hot(["AGATAAGC"])[0] + 0.0225
    matches = found.match(known)
    assert [list(known)[i] for i in matches.motif] == ["GATA", "GATA"]
    assert matches.strand.tolist() == ["+", "-"]
    assert matches.p.max() < 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_unit_that_is_not_finite_is_refused(bad):
    inputs = keras.Input((L, 4))
    layer = K.Conv1D(3, 2, name="first")
    model = keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(layer(inputs))))
    kernel = np.zeros((2, 4, 3))
    kernel[0, 2, 1] = bad
    layer.set_weights([kernel, np.zeros(3)])
    with pytest.raises(InputError, match="unit 1 of the layer is NaN or infinite for some of the sequences"):
        gl.filters(model, X)
