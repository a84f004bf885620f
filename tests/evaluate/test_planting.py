"""Motifs planted into shuffles, what a model does with them, and which method is chosen."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import studentized_range

from genolift.evaluate.truth import choosing
from genolift.evaluate.truth.choosing import Choice, choose, recommendation
from genolift.evaluate.truth.measures import Truth
from genolift.evaluate.truth.planting import CLEAR, plant, responses
from genolift.sequence.alphabet import decode, reverse_complement
from genolift.simulate.drawing.generate import simulate
from genolift.support.errors import InputError

WORD = "GATTACAGGCTA"
MOTIFS = {
    "sharp": np.eye(4)[["ACGT".index(c) for c in WORD]] * 0.97 + 0.01,
    "other": np.eye(4)[["ACGT".index(c) for c in "CCGTGTAACG"]] * 0.9 + 0.025,
}
MOTIFS = {name: matrix / matrix.sum(axis=1, keepdims=True) for name, matrix in MOTIFS.items()}


def sequences(n=160, length=120, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length, p=[0.3, 0.2, 0.2, 0.3])) for _ in range(n)]


def model(X):
    """How many of the word, or its reverse complement, there are: 2 for each, and noise of the bases' order."""
    texts = decode(X)
    return np.array(
        [2.0 * (t.count(WORD) + t.count(reverse_complement(WORD))) + 0.1 * t[:40].count("AC") for t in texts]
    )


def test_responses():
    best = {name: np.eye(4)[matrix.argmax(axis=1)] for name, matrix in MOTIFS.items()} | {
        "long": np.full((130, 4), 0.25)
    }
    found = responses(model, sequences(), best, progress=False)
    assert [one.motif for one in found] == ["sharp", "other"]  # The long one does not fit.
    assert found[0].effect == pytest.approx(2, abs=0.05)
    assert found[0].z > CLEAR
    assert abs(found[1].z) < CLEAR


def test_planted_sequences():
    texts, names = sequences(), [f"s{i}" for i in range(160)]
    dataset = plant(texts, names, MOTIFS, "t", seed=2)
    for one in dataset.embeddings:
        assert dataset.sequences[one.sequence_index][one.start : one.end] == one.string
    of = [[one for one in dataset.embeddings if one.sequence_index == i] for i in range(160)]
    kinds = {kind: sum(len(some) == n and len({one.motif for one in some}) == m for some in of)
             for kind, n, m in (("none", 0, 0), ("one", 1, 1), ("same", 2, 1), ("pair", 2, 2))}  # fmt: skip
    assert kinds == {"none": 20, "one": 60, "same": 20, "pair": 60}
    assert all(a.end <= b.start for some in of for a, b in itertools.pairwise(some))
    assert {one.strand for one in dataset.embeddings} == {"+", "-"}
    exact = np.mean(
        [one.string in (WORD, reverse_complement(WORD)) for one in dataset.embeddings if one.motif == "sharp"]
    )
    assert 0.3 < exact < 0.8  # Some are weak.
    untouched = of.index([])
    assert sorted(dataset.sequences[untouched]) == sorted(texts[untouched])
    again = plant(texts[5:9], names[5:9], MOTIFS, "t", seed=2)
    assert [len(s) for s in again.sequences] == [120] * 4
    with pytest.raises(InputError, match="do not fit into sequences of 10"):
        plant(["ACGTACGTAC"] * 8, [str(i) for i in range(8)], MOTIFS, "t")


def truth_of(n):
    dataset = simulate("cancellation", n=n)
    return Truth.of(dataset, dataset.importance[:, 0])


def noisy(truth, sizes, seed):
    rng = np.random.default_rng(seed)
    exact = np.nan_to_num(truth.bases)
    return {name: exact + size * rng.normal(size=exact.shape) for name, size in sizes.items()}


def test_the_better_method_is_chosen_and_equal_ones_are_told():
    truth = truth_of(200)
    scores = noisy(truth, {"poor": 0.5, "good": 0.05, "also": 0.051}, 1)
    scores["same"] = scores["good"] * 3
    choice = choose(scores, truth)
    assert choice.best in ("good", "also", "same")
    behind = choice.behind.set_index("method")
    assert not behind.equal["poor"]
    assert behind.equal[["good", "also", "same"]].all()
    assert behind.value["poor"] > 0.2


def sentence(equal, seconds, high=0.2):
    table = pd.DataFrame(
        [("best", "spearman", 0.9, 0.88, 0.92, 100)], columns=["method", "metric", "value", "low", "high", "n"]
    )
    behind = pd.DataFrame([("best", 0.0, 0.0, 0.0, True), ("other", 0.03, 0.0, high, equal)],
                          columns=["method", "value", "low", "high", "equal"])  # fmt: skip
    return recommendation(Choice("best", table, behind), seconds)


def test_the_recommendation():
    assert sentence(False, {}).endswith("Every other is worse. Take best.")
    assert sentence(True, {"best": 9.0, "other": 1.0}).endswith(
        "Take other, the cheapest of them: best takes 9.0 times as long. "
        "other is behind by 0.03, and by 0.20 at most; more sequences would tell it more closely."
    )
    assert sentence(True, {"best": 9.0, "other": 1.0}, 0.08).endswith("behind by 0.03, and by 0.08 at most.")
    assert sentence(True, {"best": 1.0, "other": 9.0}).endswith("Take best, than which none of them is much cheaper.")
    assert "0.90 (0.88 to 0.92)" in sentence(True, {"best": 1.0, "other": 9.0})


def test_the_range_of_equal_values_is_known():
    """The largest difference among twelve equal normal values exceeds its limit one time in twenty (Tukey's range)."""
    random = np.random.default_rng(0)
    again = random.normal(size=(12, 20_000))
    limit = choosing._reach(again, np.zeros(12), 0.05) * np.sqrt(2)
    assert limit == pytest.approx(studentized_range.ppf(0.95, 12, np.inf), rel=0.02)
    same = np.broadcast_to(again[:1], (3, 20_000))
    assert choosing._reach(same, np.zeros(3), 0.05) == 0


@pytest.mark.slow
def test_equal_methods_are_seldom_called_worse():
    """In 60 comparisons of twelve equally noisy methods, any is called worse than the best at most one time in twenty."""
    wrong = []
    for seed in range(60):
        dataset = simulate("cancellation", seed=seed, n=100)
        truth = Truth.of(dataset, dataset.importance[:, 0])
        scores = noisy(truth, dict.fromkeys("abcdefghijkl", 0.1), seed)
        wrong.append(not choose(scores, truth, seed).behind.equal.all())
    assert np.mean(wrong) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)
