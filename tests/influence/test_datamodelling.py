"""The linear datamodelling score, and its interval."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from genolift.influence.datamodelling import datamodelling_score, rank_correlations
from genolift.support.errors import InputError

M, Q, N = 40, 12, 30


def halves(rng, count, n=N):
    return np.stack([rng.permutation(n) < n // 2 for _ in range(count)])


def test_is_the_mean_of_rank_correlations():
    rng = np.random.default_rng(0)
    scores, parts, measured = rng.normal(size=(Q, N)), halves(rng, M), rng.normal(size=(M, Q)).round(1)
    found = datamodelling_score(scores, parts, measured)
    expected = [spearmanr(parts @ scores[q], measured[:, q])[0] for q in range(Q)]
    np.testing.assert_allclose(found.by_query, expected, atol=1e-12)
    assert found.value == pytest.approx(np.mean(expected))
    kept = np.arange(M) != 7
    np.testing.assert_allclose(
        found.without[7], [spearmanr(parts[kept] @ scores[q], measured[kept, q])[0] for q in range(Q)], atol=1e-12
    )


def test_what_is_given_does_not_count():
    """Influences that tell labels apart and nothing else predict nothing, once the count of each label is given."""
    rng = np.random.default_rng(5)
    labels, own, parts = rng.integers(0, 2, N), rng.normal(size=(Q, N)), halves(rng, 200)
    own -= np.stack([own[:, labels == k].mean(axis=1) for k in (0, 1)])[labels].T
    measured = parts @ (own + 3 * labels).T
    alone, given = np.repeat(labels[None].astype(float), Q, axis=0), (parts @ labels)[:, None]
    assert datamodelling_score(alone, parts, measured).value > 0.7
    assert abs(datamodelling_score(alone, parts, measured, given).value) < 0.15
    assert datamodelling_score(own + 7 * labels, parts, measured, given).value > 0.999


def test_of_the_truth_is_one_and_of_its_negative_minus_one():
    rng = np.random.default_rng(1)
    scores, parts = rng.normal(size=(Q, N)), halves(rng, M)
    measured = np.exp(parts @ scores.T)  # Any growing function.
    best = datamodelling_score(scores, parts, measured)
    assert (best.value, best.low, best.high) == (1, 1, 1)
    worst = datamodelling_score(-scores, parts, measured)
    assert worst.value == -1
    assert best.less(worst).value == 2
    assert datamodelling_score(0 * scores, parts, measured).value == 0


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_the_interval_holds_the_mean_over_all_queries_and_parts(strength):
    """Queries of different strength, and an error that all queries of a part share. The mean is known from many draws."""

    def drawn(rng, parts, queries):
        scores = rng.normal(size=(queries, N))
        own = strength * rng.uniform(0, 1, queries)
        chosen = halves(rng, parts)
        predicted = chosen @ scores.T / np.sqrt(N / 4)
        errors = rng.normal(size=(parts, 1)) + rng.normal(size=(parts, queries))
        return scores, chosen, own * predicted + errors / np.sqrt(2)

    # M parts as below, because a rank correlation depends on how many there are.
    scores, chosen, said = zip(*(drawn(np.random.default_rng(k), M, 100) for k in range(1000, 1200)), strict=True)
    truth = np.mean([rank_correlations(c @ s.T, y) for s, c, y in zip(scores, chosen, said, strict=True)])
    rng = np.random.default_rng(3)
    inside, widths, values = 0, [], []
    for _ in range(120):
        found = datamodelling_score(*drawn(rng, M, 20))
        inside += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        values.append(found.value)
    # 0.95 less two standard errors of 120 tries; and the interval is not wide for nothing.
    assert inside / 120 >= 0.91
    assert np.mean(widths) < 2 * 2.1 * 1.8 * np.std(values)


def test_what_does_not_fit_is_refused():
    rng = np.random.default_rng(4)
    scores, parts, measured = rng.normal(size=(Q, N)), halves(rng, M), rng.normal(size=(M, Q))
    for given, match in (
        ((scores[:, 1:], parts, measured), "do not fit"),
        ((scores, parts, measured.T), "do not fit"),
        ((scores[:5], parts, measured[:, :5]), "at least 10"),
        ((scores, parts[:5], measured[:5]), "at least 10"),
        ((scores * np.nan, parts, measured), "not finite"),
    ):
        with pytest.raises(InputError, match=match):
            datamodelling_score(*given)
