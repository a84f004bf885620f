"""What Quantus 0.6.0 computed for the same cases, frozen: where both define a metric, the numbers are equal.

Quantus is not needed here. ``docs/explanation/judging.md`` says where the two differ, and why.
"""

import numpy as np

from genolift.evaluate.faithfulness.complexity import discrete_entropy, entropy
from genolift.evaluate.faithfulness.sensitivity import correlation_of_sets

SCORES = np.random.default_rng(7).normal(size=(3, 12)).round(4)
INPUTS = np.arange(36).reshape(3, 12) % 5 + 1.0
WEIGHTS = np.linspace(-1, 1, 12).round(3)
#: The sets that ``quantus.FaithfulnessCorrelation(nr_runs=10, subset_size=3)`` drew after ``np.random.seed(0)``, ten
#: rows for the three inputs in turn.
DRAWN = """
6 11 4, 5 2 3, 6 1 10; 8 10 5, 11 3 6, 5 0 4; 1 2 5, 10 2 9, 11 9 7; 10 5 8, 5 0 8, 1 4 7; 1 11 7, 6 11 1, 2 4 3;
2 10 1, 2 3 5, 1 11 4; 0 10 1, 0 10 5, 10 11 4; 10 2 4, 11 6 5, 0 6 1; 9 0 10, 10 3 7, 2 1 4; 1 3 8, 9 2 1, 5 0 9
"""


def sets() -> np.ndarray:
    found = np.zeros((3, 1, 10, 12), bool)
    for run, row in enumerate(DRAWN.split(";")):
        for number, members in enumerate(row.split(",")):
            found[number, 0, run, [int(one) for one in members.split()]] = True
    return found


def losses(function) -> np.ndarray:
    """What the output loses where a set takes the smallest value, which is Quantus' baseline "black"."""
    return function(INPUTS)[:, None, None] - function(np.where(sets(), 1.0, INPUTS[:, None, None]))


def test_sums_of_sets_are_faithfulness_correlation():
    bent = lambda x: np.maximum(x @ WEIGHTS, 0) + x[..., 0] * x[..., 5]  # noqa: E731
    of_quantus = [0.0467865458372419, 0.0058667696698228335, 0.41491133325937535]
    np.testing.assert_allclose(correlation_of_sets(SCORES, sets(), losses(bent)), of_quantus, rtol=1e-12)
    exact = (INPUTS - 1) * WEIGHTS
    np.testing.assert_allclose(correlation_of_sets(exact, sets(), losses(lambda x: x @ WEIGHTS)), 1)


def test_complexity():
    np.testing.assert_allclose(entropy(SCORES), [2.2078536302817624, 2.1787011182856713, 2.1148409630324725])


def test_the_entropy_of_the_histogram_that_efficient_randomisation_compares():
    of_quantus = [2.4849066497880004, 2.484906649788001, 2.3693821196946763]
    np.testing.assert_allclose(discrete_entropy(SCORES), of_quantus)
    of_quantus = [1.2650013752730702, 1.2650013752730704, 1.1269287948006759]
    np.testing.assert_allclose(discrete_entropy(SCORES, bins=4), of_quantus)
