"""The p-values of sequences in a comparison hold where two models do not differ, whatever their noise is like."""

import numpy as np
import pytest
from planted_scores import GATA, TAL, matrix, planted
from scipy.signal import lfilter

from genolift.export.source import Scores
from genolift.pipeline.discovery.combined import Pair
from genolift.pipeline.discovery.differing import compare_regions
from genolift.results.explanation import Explanation

MOTIFS = [(matrix(GATA), 0.4), (matrix(TAL), 0.4)]
BEFORE = 50
DRAWN = {
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "normal": lambda rng, shape: rng.normal(size=shape),
    "long tails": lambda rng, shape: rng.standard_t(3, size=shape),
}


def pair(seed, n=100, length=60, share=0.6, noise=0.06, tails="laplace", alike=0.0, spread=0.0):
    """Return two models that read the same motifs, with noise of their own, the second in another unit."""
    both, _ = planted(n, length, MOTIFS, seed=seed, noise=1e-9, share=share)
    rng = np.random.default_rng([seed, 1])
    sizes = rng.lognormal(0, spread, (n, 1))
    scores = []
    for unit in (1, 5):
        drawn = lfilter([1.0], [1.0, -alike], DRAWN[tails](rng, (n, BEFORE + length)), axis=1)[:, BEFORE:]
        values = (both.raw_contributions.sum(-1) + noise * drawn) * sizes * unit
        one = Explanation({"inputs": both.inputs, "scores": values.astype(np.float32)}, names=both.names)
        scores.append(Scores(one))
    return Pair(scores[0], scores[1], ("a", "b"))


def judged(seeds, with_nulls=False, **options):
    """Return the shares of p-values of at most 0.05 in each data set, of null_p, and in how many sets a q is as small."""
    shares, shuffled, any_told = [], [], []
    for seed in seeds:
        data = pair(seed, **options)
        null = pair(10_000 + seed, **{**options, "share": 0}) if with_nulls else None
        found = compare_regions(data, null, (null or data).scale(), 10, seed)
        shares.append(np.mean(found.p <= 0.05))
        any_told.append(bool((found.q <= 0.05).any()))
        if found.shuffled is not None:
            shuffled.append(np.mean(found.shuffled <= 0.05))
    return np.array(shares), np.array(shuffled), np.mean(any_told)


def test_a_slightly_wrong_unit_is_no_difference():
    """Where motifs are large beside the noise, an error of the units of a hundredth is larger than the noise, too."""
    shares, _, _ = judged(range(6), noise=0.001)
    assert np.mean(shares) < 0.05  # It is 0.39 if the error of the scale is not taken off.


def test_tails_are_taken_from_the_differences():
    shares, _, _ = judged(range(6), share=0, tails="long tails")
    assert np.mean(shares) < 0.07  # It is 0.09 beside noise with the tails of a Laplace distribution.
    assert np.mean(shares) > 0.02  # It is not careful to no end.


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"noise": 0.06},
        {"noise": 0.005},
        {"noise": 0.001},
        {"noise": 0.005, "n": 20},
        {"share": 0},
        {"share": 0, "tails": "normal"},
        {"share": 0, "tails": "long tails"},
        {"share": 0, "tails": "normal", "spread": 0.5},
        {"share": 0, "alike": 0.6},
        {"share": 0, "alike": 0.6, "length": 300},
    ],
    ids=str,
)
@pytest.mark.parametrize("with_nulls", [False, True])
def test_models_that_do_not_differ(options, with_nulls):
    shares, shuffled, any_told = judged(range(40), with_nulls, **options)
    for some in (shares, shuffled):
        if len(some):
            assert np.mean(some) <= 0.05 + 2 * np.std(some) / np.sqrt(len(some))
    assert any_told <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 40)


@pytest.mark.slow
def test_the_false_discovery_rate_among_sequences_that_differ():
    """In three of ten sequences a motif is lost; of those that are told apart, few are others."""
    false, power = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        inputs = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (200, 100))]
        a, b = rng.normal(size=(2, 200, 100)).astype(np.float32)
        differ = rng.random(200) < 0.3
        for i in np.flatnonzero(differ):
            start = rng.integers(0, 90)
            a[i, start : start + 8] += 4
        both = [Scores(Explanation({"inputs": inputs, "scores": one})) for one in (a, b)]
        data = Pair(both[0], both[1], ("a", "b"))
        told = compare_regions(data, None, data.scale(), 10, seed).q <= 0.05
        false.append((told & ~differ).sum() / max(1, told.sum()))
        power.append(told[differ].mean())
    assert np.mean(false) <= 0.05
    assert np.mean(power) > 0.9
