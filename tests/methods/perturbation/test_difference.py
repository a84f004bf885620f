"""Prediction difference: the Markov background by brute force, and the sum over windows by plain loops."""

from itertools import product

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common import predicting
from genolift.methods.perturbation.markov import Markov, counts_of
from genolift.support.errors import InputError, Undefined, UnsupportedModel

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 2, 7
BASES = np.eye(4, dtype=np.float32)
CODES = np.random.default_rng(0).integers(0, 4, (N, L)).astype(np.uint8)
X = BASES[CODES]
BACKGROUND = [
    "".join("ACGT"[i] for i in np.random.default_rng(s).choice(4, 60, p=[0.4, 0.3, 0.2, 0.1])) for s in range(3)
]


def network(units, activation):
    inputs = keras.Input((L, 4))
    h = K.Conv1D(5, 3, activation="relu")(inputs)
    model = keras.Model(inputs, K.Dense(units, activation=activation)(K.Flatten()(h)))
    for weights in model.weights:
        weights.assign(np.random.default_rng(1).normal(0, 0.7, weights.shape))
    return model


@pytest.fixture(scope="module")
def sigmoids():
    return network(2, "sigmoid")


def close(found, expected, tolerance=2e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


def counted(texts, order, pseudocount):
    """p(last base | those before) for 1-mers up to (order + 1)-mers, as dictionaries."""
    tables = []
    for j in range(order + 1):
        counts = {kmer: pseudocount for kmer in product(range(4), repeat=j + 1)}
        for text in texts:
            codes = ["ACGT".index(letter) if letter in "ACGT" else None for letter in text]
            for i in range(len(codes) - j):
                kmer = tuple(codes[i : i + j + 1])
                if None not in kmer:
                    counts[kmer] += 1
        contexts = {kmer[:-1] for kmer in counts}
        total = {context: sum(counts[(*context, b)] for b in range(4)) for context in contexts}
        tables.append({kmer: count / total[kmer[:-1]] for kmer, count in counts.items()})
    return tables


def probability(codes, tables):
    """Of a whole sequence, by the chain rule."""
    order = len(tables) - 1
    p = 1.0
    for i in range(len(codes)):
        context = tuple(codes[max(0, i - order) : i])
        p *= tables[len(context)][(*context, codes[i])]
    return p


def conditional(codes, start, width, tables):
    """p(window | all else) of the 4^width contents: the whole sequence's probability with each, over their sum."""
    found = []
    for content in product(range(4), repeat=width):
        changed = codes.copy()
        changed[start : start + width] = content
        found.append(probability(changed.tolist(), tables))
    return np.array(found) / sum(found)


@pytest.mark.parametrize(("order", "width"), [(0, 2), (1, 1), (1, 3), (3, 2)])
def test_the_background_is_exact_with_the_right_flank(order, width):
    texts = [*BACKGROUND, "ACNGTNNACGT"]
    codes = [np.array(["ACGTN".index(letter) for letter in text], np.uint8) for text in texts]
    background = Markov(counts_of(codes, order), 0.5)
    tables = counted(texts, order, 0.5)
    for start in range(L - width + 1):
        expected = conditional(CODES[0], start, width, tables)
        np.testing.assert_allclose(background.window(CODES[0], start, width), expected, rtol=1e-9)


def test_unknown_bases_around_a_window():
    """To its right they say nothing; to its left they are averaged over with base frequencies."""
    codes = [np.array(["ACGT".index(letter) for letter in text], np.uint8) for text in BACKGROUND]
    background = Markov(counts_of(codes, 1), 1.0)
    frequencies, steps = background.tables
    found = background.window(np.array([0, 4, 2, 4, 1], np.uint8), 2, 1)
    np.testing.assert_allclose(found, frequencies @ steps)
    found = background.window(np.array([4, 4, 4], np.uint8), 0, 1)
    np.testing.assert_allclose(found, frequencies)
    # A base beyond an unknown one still tells of the window, where the background looks back as far.
    background = Markov(counts_of(codes, 2), 1.0)
    _, steps, triplets = background.tables
    expected = steps[0] * np.einsum("u,wu->w", frequencies, triplets[:, :, 2])
    found = background.window(np.array([0, 1, 4, 2], np.uint8), 1, 1)
    np.testing.assert_allclose(found, expected / expected.sum())


def by_loops(predict, window, order, texts_of):
    """Mean over covering windows of predict(x) − predict(expected without the window); predict gives (before, scaled)."""
    raw, scaled = predict
    scores = []
    for codes in CODES:
        tables = counted(texts_of(codes), order, 1.0)
        lost = []
        for start in range(L - window + 1):
            p = conditional(codes, start, window, tables)
            contents = list(product(range(4), repeat=window))
            changed = np.repeat(codes[None], len(contents), axis=0)
            changed[:, start : start + window] = contents
            without = p @ raw(BASES[changed]).astype(float)
            lost.append(scaled(raw(BASES[codes[None]])[0].astype(float)) - scaled(without))
        covering = [[lost[s] for s in range(L - window + 1) if s <= i < s + window] for i in range(L)]
        scores.append(np.array([np.mean(one, axis=0) for one in covering]).T)
    return np.array(scores)


def log_odds(classes, n=10_000):
    def scaled(p):
        p = (p * n + 1) / (n + classes)
        return np.log2(p / (1 - p))

    return scaled


@pytest.mark.parametrize(("window", "order"), [(1, 1), (2, 2)])
def test_classes_by_log_odds(sigmoids, window, order):
    found = gl.method("prediction-difference", sigmoids, [0, 1], window=window, order=order, background=BACKGROUND)(X)
    expected = by_loops((lambda x: sigmoids(x).numpy(), log_odds(2)), window, order, lambda codes: BACKGROUND)
    close(found.scores, expected, 1e-4)
    close(found.predictions, log_odds(2)(sigmoids(X).numpy().astype(float)), 1e-4)
    assert found.method["activation"] == "logit"
    for undefined in ("hypothetical", "raw_contributions", "standard_error"):
        with pytest.raises(Undefined, match="prediction-difference"):
            getattr(found, undefined)


def test_one_of_several_classes():
    softmax = network(3, "softmax")
    options = {"window": 1, "training_size": 50, "background": BASES[CODES]}
    texts = ["".join("ACGT"[i] for i in codes) for codes in CODES]
    found = gl.method("prediction-difference", softmax, 2, **options)(X)
    expected = by_loops((lambda x: softmax(x).numpy()[:, 2:], log_odds(3, 50)), 1, 1, lambda codes: texts)
    close(found.scores, expected[:, 0], 1e-4)


def test_plain_differences(sigmoids):
    """Regression, and probabilities as they are with activation='keep'; the background counted in each sequence."""

    def own(codes):
        return ["".join("ACGT"[i] for i in codes)]

    regression = network(1, None)
    for model, options in ((regression, {}), (sigmoids, {"target": 0, "activation": "keep"})):
        found = gl.method("prediction-difference", model, window=2, **options)(X)
        expected = by_loops((lambda x, model=model: model(x).numpy()[:, :1], lambda f: f), 2, 1, own)
        close(found.scores, expected[:, 0], 1e-4)
        close(found.predictions, model(X).numpy()[:, 0])
    centred = gl.method("prediction-difference", network(3, "softmax"), gl.targets.MeanCentred(0), window=1)(X)
    p = network(3, "softmax")(X).numpy()
    close(centred.predictions, p[:, 0] - p.mean(1))


def test_batches_change_nothing(sigmoids, monkeypatch):
    first = gl.method("prediction-difference", sigmoids, [1, 0], window=2)(X)
    monkeypatch.setattr(predicting, "_BATCH_BYTES", 5_000.0)
    again = gl.method("prediction-difference", sigmoids, 0, window=2, progress=False)(X[::-1])
    close(again.scores[::-1], first.scores[:, 1], 1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 7}, r"4\^7 contents to sum over; give one of at most 6, or use occlusion"),
        ({"order": -1}, "order must be a whole number of at least 0"),
        ({"order": 6}, "order must be at most 5"),
        ({"pseudocount": 0}, "pseudocount must be above 0"),
        ({"activation": "softmax"}, "activation must be 'logit'"),
        ({"background": np.ones((3, 4))}, r"texts, or one-hot of shape \(N, L, 4\)"),
    ],
)
def test_refusals(sigmoids, options, message):
    with pytest.raises(InputError, match=message):
        gl.method("prediction-difference", sigmoids, 0, **options)


def test_a_window_longer_than_the_sequence_and_other_tokens_are_refused():
    short = keras.Sequential([keras.Input((4, 4)), K.Flatten(), K.Dense(1)])
    with pytest.raises(InputError, match="window is 5, but the sequences are 4 long"):
        gl.method("prediction-difference", short, window=5)(X[:, :4])
    tokens = keras.Sequential([keras.Input((4,), dtype="int32"), K.Embedding(6, 3), K.Flatten(), K.Dense(1)])
    with pytest.raises(
        UnsupportedModel, match="sums over A, C, G and T, and this model takes other letters; use occlusion"
    ):
        gl.method("prediction-difference", tokens)(np.ones((2, 4)))
