"""How alike two explanations are: those of two methods or networks, and that of a network without knowledge."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.metric import HIGHER, LOWER, Metric
from genolift.evaluate.faithfulness.subject import Case


def _agreement(case: Case) -> np.ndarray:
    assert case.other is not None
    return correlations(case.scores, case.other)


def _labels(case: Case) -> np.ndarray:
    assert case.relabelled is not None
    return np.abs(correlations(case.scores, case.relabelled(case.subject.X)))


AGREEMENT = Metric(
    "agreement",
    _agreement,
    HIGHER,
    "The correlation of the scores of two stores, of other methods or of models that were trained with other seeds or "
    "folds.",
    "It cannot tell which of the two is right, or whether both are wrong in the same way.",
    needs=("other",),
    ranks=False,
)
LABELS = Metric(
    "random-labels",
    _labels,
    LOWER,
    "The absolute correlation of the scores with those of the same method for a model that was trained on randomised "
    "labels.",
    "It cannot tell a right explanation from random numbers, and a model that has learnt random labels by heart may "
    "still read the same motifs.",
    needs=("relabelled",),
)
