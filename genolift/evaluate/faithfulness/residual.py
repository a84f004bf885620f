"""The residual: how nearly contributions sum to the difference that they explain."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.metric import LOWER, Metric
from genolift.evaluate.faithfulness.subject import Case


def _residual(case: Case) -> np.ndarray:
    assert case.residual is not None
    known = ~np.isnan(case.residual)  # Sequences may have fewer references than there is room for.
    size = np.where(known, np.abs(case.residual), 0).sum(1)
    return np.where(known.any(1), size / np.maximum(known.sum(1), 1), np.nan)


RESIDUAL = Metric(
    "residual",
    _residual,
    LOWER,
    "The absolute difference, as a mean over references, of what the contributions sum to and of what the output "
    "changes by, in units of the output.",
    "It cannot tell whether the sum is shared out rightly: all of it at a random position would have no residual "
    "either.",
    needs=("residual",),
    ranks=False,  # the difference of two roundings is no merit
)
