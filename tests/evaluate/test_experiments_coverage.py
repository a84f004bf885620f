"""Intervals of experiments, over many simulated data sets: they cover what they say they cover."""

import warnings
from itertools import permutations

import numpy as np
import pytest

from genolift.evaluate.experiments import confidence
from genolift.sequence.alphabet import decode, one_hot
from genolift.sequence.shuffle import shuffle_stretches

pytestmark = pytest.mark.slow
SETS = 400


def within(covered, level=0.95, errors=2.0):
    """Assert a coverage, but for two standard errors of what this many data sets show."""
    assert np.mean(covered) > level - errors * np.sqrt(level * (1 - level) / len(covered))


@pytest.mark.parametrize("motif", ["GAGATAAG", "CACGTGAC"])
def test_ablation_of_a_motif_that_all_sequences_share(motif):
    """Each replacement has an effect of its own (standard deviation 1), and so has each sequence."""
    rng = np.random.default_rng(0)
    n, replicates = 60, 10
    words = sorted({"".join(one) for one in permutations(motif)})
    value = dict(zip(words, rng.normal(size=len(words)), strict=True))
    texts = ["".join(rng.choice(list("ACGT"), 30)) + motif + "".join(rng.choice(list("ACGT"), 30)) for _ in range(n)]
    X, starts, truth = one_hot(texts), np.full(n, 30), np.mean(list(value.values()))
    covered = []
    for seed in range(SETS):
        drawn = decode(shuffle_stretches(X, starts, len(motif), replicates, 1, seed).reshape(-1, len(motif), 4))
        effect = np.array([value[text] for text in drawn]).reshape(n, replicates).mean(1) + rng.normal(size=n)
        low, high = confidence.of_mean(effect)
        covered.append(low <= truth <= high)
    within(covered)


@pytest.mark.parametrize(
    ("n", "draw", "mean"),
    [
        (10, lambda rng, n: rng.normal(size=n), 0.0),
        (10, lambda rng, n: rng.exponential(size=n), 1.0),
        (40, lambda rng, n: rng.normal(size=n), 0.0),
        (40, lambda rng, n: (rng.random(n) < 0.1) + 0.05 * rng.normal(size=n), 0.1),
    ],
    ids=["ten normal", "ten exponential", "normal", "one in ten responds"],
)
def test_the_bootstrap(n, draw, mean):
    rng = np.random.default_rng(1)
    covered, widths = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(SETS):
            values = draw(rng, n)
            low, high = confidence.of_mean(values, "bootstrap", seed=seed)
            covered.append(low <= mean <= high)
            widths.append((high - low) / np.subtract(*confidence.of_mean(values)[::-1]))
    within(covered)
    assert np.median(widths) < 1.6  # no more than what skewness takes
