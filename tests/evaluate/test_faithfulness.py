"""Metrics without truth on cases whose answer is known: a linear model, whose exact contributions are the best scores."""

import numpy as np
import pytest

from genolift.evaluate.faithfulness import curves
from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.complexity import COMPLEXITY, discrete_entropy, entropy
from genolift.evaluate.faithfulness.measured import MUTAGENESIS
from genolift.evaluate.faithfulness.residual import RESIDUAL
from genolift.evaluate.faithfulness.sensitivity import SENSITIVITY, correlation_of_sets
from genolift.evaluate.faithfulness.subject import Case, Subject
from genolift.evaluate.faithfulness.sufficiency import SUFFICIENCY, best_starts
from genolift.evaluate.sanity.catalog import METRICS, chosen
from genolift.support.errors import InputError

N, L = 120, 60
RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))]
WEIGHTS = RNG.normal(size=(L, 4)) * RNG.choice([0.1, 2], (L, 1), p=[0.8, 0.2])
ORDERED = [curves.DELETION, curves.INSERTION, SENSITIVITY, SUFFICIENCY]


def linear(sequences):
    return np.einsum("nlb,lb->n", sequences, WEIGHTS)


def substitutions(sequences):
    """In-silico mutagenesis of the linear model, by hand."""
    return np.einsum("nlb,lb->nl", sequences, WEIGHTS - WEIGHTS.mean(1, keepdims=True))


def subject(sequences=X, **options):
    return Subject(sequences, linear, substitutions, **options)


SUBJECT = subject()
#: What each position contributes to the difference from the mean of the shuffles that fill what is deleted.
EXACT = np.einsum("nlb,lb->nl", X - SUBJECT.fills.mean(1), WEIGHTS)


@pytest.mark.parametrize("metric", ORDERED, ids=lambda metric: metric.name)
def test_exact_contributions_are_best_random_ones_at_chance_and_negated_ones_worst(metric):
    best = metric.compute(Case(SUBJECT, EXACT))
    chance = metric.compute(Case(SUBJECT, np.random.default_rng(1).normal(size=EXACT.shape)))
    worst = metric.compute(Case(SUBJECT, -EXACT))
    blurred = metric.compute(Case(SUBJECT, EXACT + np.random.default_rng(2).normal(size=EXACT.shape)))
    error = chance.std(ddof=1) / np.sqrt(N)
    assert abs(chance.mean()) < 4 * error
    assert worst.mean() < -6 * error
    assert best.mean() > blurred.mean() > 6 * error
    if metric is not SUFFICIENCY:  # which takes a whole stretch, whatever the positions in it
        assert (best >= blurred - 1e-4).all()


def test_summed_contributions_of_a_linear_model_follow_every_set():
    """The change is the sum itself, so that the correlation is 1 for every sequence but for rounding."""
    np.testing.assert_allclose(SENSITIVITY.compute(Case(SUBJECT, EXACT)), 1, atol=1e-5)
    np.testing.assert_allclose(SENSITIVITY.compute(Case(SUBJECT, -EXACT)), -1, atol=1e-5)


def test_deletion_and_insertion_of_a_linear_model_by_hand():
    """The output loses the contributions of what is deleted, so that the curve is their cumulative sum."""
    counts = [max(1, round(share * L)) for share in curves.SHARES]
    sums = lambda order: np.take_along_axis(EXACT, order, 1).cumsum(1)[:, [c - 1 for c in counts]].mean(1)  # noqa: E731
    expected = sums(np.argsort(-EXACT, axis=1)) - sums(SUBJECT.random_order)
    for metric in (curves.DELETION, curves.INSERTION):
        np.testing.assert_allclose(metric.compute(Case(SUBJECT, EXACT)), expected, atol=1e-4)


@pytest.mark.parametrize("metric", ORDERED, ids=lambda metric: metric.name)
def test_only_the_order_or_the_proportion_of_scores_counts(metric):
    np.testing.assert_allclose(
        metric.compute(Case(SUBJECT, EXACT)), metric.compute(Case(SUBJECT, 1e-9 * EXACT)), atol=1e-6
    )


@pytest.mark.parametrize("metric", ORDERED, ids=lambda metric: metric.name)
def test_a_sequence_has_the_same_value_among_others(metric):
    """Draws depend on the seed and the sequence alone, so that stores and blocks can be compared in pairs."""
    some = slice(3, 9)
    alone = metric.compute(Case(subject(X[some]), EXACT[some]))
    np.testing.assert_allclose(alone, metric.compute(Case(SUBJECT, EXACT))[some], atol=1e-5)
    other = metric.compute(Case(subject(X[some], seed=1), EXACT[some]))
    assert metric is SENSITIVITY or not np.allclose(alone, other)


def test_equal_scores_are_put_in_a_random_order():
    """Scores that say nothing are at chance, also where the first positions are those that matter."""

    def front(sequences):
        return sequences[:, :6, 0].sum(1)

    motif = X.copy()
    motif[:, :6] = [1, 0, 0, 0]
    case = Case(Subject(motif, front), np.zeros((N, L)))
    for metric in (curves.DELETION, curves.INSERTION, SUFFICIENCY):
        values = metric.compute(case)
        assert abs(values.mean()) < 4 * values.std(ddof=1) / np.sqrt(N)


def test_what_is_deleted_holds_bases_of_dinucleotide_shuffles_at_whole_positions():
    seen = []

    def predict(sequences):
        seen.append(sequences.copy())
        return sequences[:, 0, 0]

    one = Subject(X[:3], predict)
    one.altered(curves.leading(one.random_order))
    shown = np.concatenate(seen)
    assert shown.shape == (3 * len(curves.SHARES) * one.shuffles, L, 4)
    assert set(np.unique(shown)) == {0, 1}
    np.testing.assert_array_equal(shown.sum(2), 1)


def test_agreement_with_mutagenesis():
    exact = substitutions(X)
    np.testing.assert_allclose(MUTAGENESIS.compute(Case(SUBJECT, exact)), 1)
    np.testing.assert_allclose(MUTAGENESIS.compute(Case(SUBJECT, -3 * exact)), -1)
    chance = MUTAGENESIS.compute(Case(SUBJECT, np.random.default_rng(1).normal(size=exact.shape)))
    assert abs(chance.mean()) < 4 * chance.std(ddof=1) / np.sqrt(N)
    assert MUTAGENESIS.lacks(Case(Subject(X, linear), exact)) == "mutagenesis"


def test_complexity_by_hand():
    rows = np.array([[0, 0, -5, 0], [1, -1, 1, -1], [3, 1, 0, 0], [0, 0, 0, 0]])
    quarter = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    np.testing.assert_allclose(entropy(rows), [0, np.log(4), quarter, np.nan])
    case = Case(Subject(X[:1], linear), np.ones((1, L)))
    np.testing.assert_allclose(COMPLEXITY.compute(case), np.log(L))


def test_entropy_of_the_histogram_by_hand():
    """Four values in bins of a quarter: 0 and 0.1 share the first, and 1 is in the last."""
    assert discrete_entropy(np.array([[0, 0.1, 0.5, 1]]), bins=4)[0] == pytest.approx(1.5 * np.log(2))
    assert discrete_entropy(np.full((1, 4), 7))[0] == 0


def test_residual_is_a_mean_over_the_references_that_there_are():
    residual = np.array([[0.1, -0.3], [0.2, np.nan], [np.nan, np.nan]])
    values = RESIDUAL.compute(Case(subject(X[:3]), EXACT[:3], residual=residual))
    np.testing.assert_allclose(values, [0.2, 0.2, np.nan])


def test_best_stretch():
    scores = np.array([[0, 1, 5, 0, -9, 5, 2.0], [3, 3, 3, 3, 3, 3, 3]])
    ties = np.array([[0.5] * 7, [0.1, 0.2, 0.3, 0.9, 0.4, 0.95, 0.99]])
    np.testing.assert_array_equal(best_starts(scores, 2, ties), [5, 5])
    np.testing.assert_array_equal(best_starts(scores, 4, ties), [0, 3])


def test_correlations():
    a, b = RNG.normal(size=(2, 5, 30))
    expected = [np.corrcoef(one, two)[0, 1] for one, two in zip(a, b, strict=True)]
    np.testing.assert_allclose(correlations(a, b), expected)
    np.testing.assert_allclose(correlations(1e-30 * a, 1e20 * b + 3e20), expected)
    where = np.arange(30) < 20
    expected = [np.corrcoef(one[:20], two[:20])[0, 1] for one, two in zip(a, b, strict=True)]
    np.testing.assert_allclose(correlations(a, b, where), expected)
    assert np.isnan(correlations(np.full(30, 0.1), a[0]))
    assert np.isnan(correlations(np.zeros(30), a[0]))


def test_sets_by_hand():
    """Three sets whose sums are 1, 2 and 3 and whose changes are 2, 4 and 6, or the other way round."""
    sets = np.eye(3, dtype=bool)[None, None]
    scores = np.array([[1.0, 2, 3]])
    assert correlation_of_sets(scores, sets, np.array([[[2.0, 4, 6]]]))[0] == pytest.approx(1)
    assert correlation_of_sets(scores, sets, np.array([[[6.0, 4, 2]]]))[0] == pytest.approx(-1)


def test_names_of_metrics():
    assert [metric.name for metric in chosen(["insertion", "deletion"])] == ["deletion", "insertion"]
    assert len(chosen(["all"])) == len(METRICS)
    with pytest.raises(InputError, match="did you mean deletion"):
        chosen(["deletoin"])
    for metric in METRICS.values():
        assert metric.measures.endswith(".")
        assert metric.cannot_tell.startswith("It cannot tell")
