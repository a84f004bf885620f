"""Means over sequences with their intervals, and which of two stores is better under a metric."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from genolift.evaluate.experiments.confidence import FEW, of_mean
from genolift.evaluate.faithfulness.metric import HIGHER, Metric


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` sequences, with the ends of its interval; NaN where there are too few."""

    value: float
    low: float
    high: float
    n: int

    @property
    def sign(self) -> int:
        """1 if the whole interval is above zero, -1 if it is below, and 0 otherwise."""
        return int(self.low > 0) - int(self.high < 0)


def estimate(values: np.ndarray, seed: int = 0) -> Estimate:
    """Return the mean of values (N,), without those that are NaN, and its interval of 95 % by the bootstrap."""
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan, 0)
    with warnings.catch_warnings():
        # That there are few is said once for a whole table.
        warnings.filterwarnings("ignore", "a bootstrap over")
        low, high = of_mean(values, "bootstrap", seed=seed)
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def sentence(metric: Metric, one: str, other: str, difference: Estimate) -> str:
    """Return which of two stores is better under a metric, in a sentence.

    Parameters
    ----------
    metric
        The metric.
    one, other
        What the stores are called.
    difference
        The value of the one less that of the other.
    """
    told = f"a difference of {abs(difference.value):.3g}"
    if difference.n < 2:
        return f"Under {metric.name}, {one} and {other} cannot be compared: too few sequences have a value for both."
    if not difference.sign:
        return (
            f"Under {metric.name}, {one} and {other} cannot be told apart ({told}, whose interval "
            f"{difference.low:.3g} to {difference.high:.3g} contains 0)."
        )
    better, worse = (one, other) if (difference.sign > 0) == (metric.better == HIGHER) else (other, one)
    ends = sorted((abs(difference.low), abs(difference.high)))
    few = f"; {difference.n} sequences are few" if difference.n < FEW else ""
    return f"Under {metric.name}, {better} is better than {worse} ({told}, {ends[0]:.3g} to {ends[1]:.3g}{few})."
