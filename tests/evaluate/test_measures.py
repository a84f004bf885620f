"""Measures against the truth: the truth itself is best, chance is chance, and the truth negated is worst."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from genolift.evaluate.truth import measures
from genolift.evaluate.truth.measures import MEASURES, OF_BASES, Truth, auroc, average_precision, measure
from genolift.evaluate.truth.standing import Standing
from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.drawing.generate import simulate
from genolift.support.errors import InputError

CASES = ("repressor", "cancellation", "decoys", "xor", "redundancy", "affinity")


def truth_of(name, n=300):
    dataset = simulate(name, n=n)
    return Truth.of(dataset, dataset.importance[:, 0])


def values(scores, truth):
    return measure(scores, truth).set_index("metric").value


@pytest.mark.parametrize("name", CASES)
def test_the_truth_is_best_and_negated_worst(name):
    truth = truth_of(name)
    exact = np.nan_to_num(truth.bases)
    best, worst = values(exact, truth), values(-exact, truth)
    for metric in (*OF_BASES, "instance_auroc", "spearman", "sign"):
        assert best[metric] == pytest.approx(1), metric
        lowest = {"spearman": -1, "auprc": worst.auprc}.get(metric, 0)  # Precision over all bases is above zero.
        assert worst[metric] == pytest.approx(lowest, abs=1e-9), metric
    assert worst.auprc < 0.3
    assert best.false_negative_rate == 0
    assert worst.false_negative_rate == 1
    assert np.isnan(best.false_positive_rate) or best.false_positive_rate == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_random_scores_are_chance(name):
    truth = truth_of(name, 1500)
    table = measure(np.random.default_rng(0).normal(size=truth.bases.shape), truth).set_index("metric")
    share = np.mean([(row[~np.isnan(row)] != 0).mean() for row in truth.bases if np.nan_to_num(row).any()])
    chance = {"auroc": 0.5, "instance_auroc": 0.5, "spearman": 0, "sign": 0.5, "mass": share / 2, "pointing": share / 2}
    for metric, expected in chance.items():
        half = (table.high - table.low)[metric] / 2
        assert abs(table.value[metric] - expected) < 2 * half, metric
    assert abs(table.value.false_negative_rate - 0.95) < 0.025
    if name == "decoys":
        assert abs(table.value.false_positive_rate - 0.1) < 0.025  # either direction


@pytest.mark.parametrize(("length", "width"), [(200, 8), (80, 15), (36, 8)])
def test_one_in_twenty_stands_out_by_chance_however_short_sequences_are(length, width):
    random = np.random.default_rng(2)
    rates = []
    for _ in range(12):
        scores, start = random.normal(size=(300, length)), random.integers(0, length - width + 1, 300)
        place = np.arange(length)
        free = (place < start[:, None]) | (place >= start[:, None] + width)
        out = Standing(scores, free, width).out(np.arange(300), start)
        rates.append((out[~np.isnan(out)] != 0).mean())
    assert abs(np.mean(rates) - 0.1) < 0.02  # one in twenty on either side


def test_by_hand():
    """One sequence of ten bases: an instance for the task at 2 to 4, one against it at 6 to 8."""
    dataset = Dataset(["s"], ["A" * 10], np.ones((1, 1)), ["t"], np.array(["test"]),
                      [Embedding(0, "A", 2, 4, "+", "AA"), Embedding(0, "B", 6, 8, "+", "AA")])  # fmt: skip
    truth = Truth.of(dataset, np.array([1.0, -0.5]))
    np.testing.assert_allclose(truth.bases[0], [0, 0, 0.5, 0.5, 0, 0, -0.25, -0.25, 0, 0])
    scores = np.array([[0.0, 0, 3, 1, 2, 0, -4, 1, 0, 0]])
    found = values(scores, truth)
    assert found.mass == pytest.approx((3 + 1 + 4) / 11)
    assert found.pointing == 1  # -4 has the largest size, and the right sign
    assert found.precision_at_k == pytest.approx((1 + 1 + 0) / 4 + 0.0, abs=0.2)
    positive = roc_auc_score([0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 3, 1, 2, 0, 0, 0])
    negative = roc_auc_score([0, 0, 0, 0, 1, 1, 0, 0], [0, 0, -2, 0, 4, -1, 0, 0])
    assert found.auroc == pytest.approx((positive + negative) / 2)
    assert found.sign == 1  # 3 + 1 above zero, -4 + 1 below it


def test_precision_shares_ties_at_the_limit():
    dataset = Dataset(
        ["s"], ["A" * 6], np.ones((1, 1)), ["t"], np.array(["test"]), [Embedding(0, "A", 0, 2, "+", "AA")]
    )
    truth = Truth.of(dataset, np.array([1.0]))
    assert values(np.array([[5.0, 1, 1, 1, 0, 0]]), truth).precision_at_k == pytest.approx((1 + 1 / 3) / 2)
    assert values(np.zeros((1, 6)), truth).precision_at_k == pytest.approx(2 / 6)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_ranking_measures_agree_with_scikit_learn(pairs):
    wanted, score = (np.array(column) for column in zip(*pairs, strict=True))
    if wanted.any() and not wanted.all():
        assert auroc(wanted, score) == pytest.approx(roc_auc_score(wanted, score))
        assert average_precision(wanted, score) == pytest.approx(average_precision_score(wanted, score))


def test_a_constant_or_scale_changes_no_ranking():
    truth = truth_of("decoys")
    scores = np.nan_to_num(truth.bases) + 0.05 * np.random.default_rng(1).normal(size=truth.bases.shape)
    one, other = values(scores, truth), values(3 * scores, truth)
    np.testing.assert_allclose(one[list(MEASURES)], other[list(MEASURES)])


def test_sequences_of_several_lengths():
    dataset = simulate("both", n=40)
    short = Dataset(dataset.names, [s[:150] if i % 2 else s for i, s in enumerate(dataset.sequences)], dataset.labels,
                    dataset.tasks, dataset.splits, [one for one in dataset.embeddings if one.end <= 150])  # fmt: skip
    importance = np.array(
        [v[0] for one, v in zip(dataset.embeddings, dataset.importance, strict=True) if one.end <= 150]
    )
    truth = Truth.of(short, importance)
    beyond = np.isnan(truth.bases)
    scores = np.where(beyond, np.nan, np.nan_to_num(truth.bases))
    assert values(scores, truth).auroc == pytest.approx(1)
    with pytest.raises(InputError, match="not finite"):
        measure(np.where(beyond, 0.0, np.inf), truth)
    with pytest.raises(InputError, match="shape"):
        measure(scores[:, :100], truth)


@pytest.mark.slow
def test_intervals_cover_what_they_say():
    """Of 200 data sets of 150 sequences, 95 % of the intervals hold the value of a very large data set."""
    rng = np.random.default_rng(2)
    dataset = simulate("repressor", n=6000)
    truth = Truth.of(dataset, dataset.importance[:, 0])
    strength = rng.choice([0.1, 0.5, 2.0], len(dataset))[:, None]  # Some sequences are explained well, others hardly.
    scores = strength * np.nan_to_num(truth.bases) + 0.05 * rng.normal(size=truth.bases.shape)
    expected = values(scores, truth)
    inside = {metric: [] for metric in MEASURES if metric != "false_positive_rate"}
    for _ in range(200):
        rows = np.sort(rng.choice(len(dataset), 150, replace=False))
        part = dataset.subset(rows)
        some = Truth.of(part, part.importance[:, 0])
        table = measure(scores[rows], some, seed=int(rng.integers(1 << 30))).set_index("metric")
        for metric, held in inside.items():
            held.append(table.low[metric] <= expected[metric] <= table.high[metric])
    for metric, held in inside.items():
        assert abs(np.mean(held) - 0.95) < 2.6 * np.sqrt(0.95 * 0.05 / 200), (metric, np.mean(held))


def test_weights_are_repetitions():
    """A sequence that counts twice is the same as one that stands there twice; ranks by SciPy."""
    truth = truth_of("repressor", 60)
    scores = np.nan_to_num(truth.bases) + 0.02 * np.random.default_rng(1).normal(size=truth.bases.shape)
    pooled = measures.Pooled(scores, truth)
    weights = np.random.default_rng(2).integers(0, 4, (3, 60)).astype(float)
    found = pooled.of(weights)
    for b, numbers in enumerate(weights.astype(int)):
        index = np.repeat(np.arange(len(truth.row)), numbers[truth.row])
        total = np.array([scores[r, a:e].sum() for r, a, e in zip(truth.row, truth.start, truth.end, strict=True)])[
            index
        ]
        value = truth.value[index]
        assert found["spearman"][b] == pytest.approx(spearmanr(total, value).statistic, abs=1e-6)
        areas = [(auroc((s * value > 0)[(s * value > 0) | (value == 0)], s * total[(s * value > 0) | (value == 0)]),
                  (s * value > 0).sum()) for s in (1, -1)]  # fmt: skip
        assert found["instance_auroc"][b] == pytest.approx(sum(a * n for a, n in areas) / sum(n for _, n in areas))
        assert found["sign"][b] == pytest.approx((total * value > 0)[value != 0].mean())


def test_without_instances_there_is_no_truth():
    nothing = Dataset(["a"], ["ACGTACGT"], np.zeros((1, 1)), ["y"], np.array(["test"]), [])
    with pytest.raises(InputError, match="no motif is embedded"):
        Truth.of(nothing, np.zeros(0))


def test_measures_are_all_told():
    truth = truth_of("decoys", 60)
    table = measures.measure(np.zeros(truth.bases.shape), truth)
    assert list(table.metric) == list(MEASURES)
    told = measures.measure.__doc__
    assert all(f"``{name}``" in told for name in MEASURES)
