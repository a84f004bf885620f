"""Agreement with measured mutagenesis."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.metric import HIGHER, Metric
from genolift.evaluate.faithfulness.subject import Case


def _agreement(case: Case) -> np.ndarray:
    measured = case.subject.measured
    assert measured is not None
    return correlations(case.scores, measured)


MUTAGENESIS = Metric(
    "mutagenesis",
    _agreement,
    HIGHER,
    "The correlation, over positions, of the scores with in-silico mutagenesis: the output less its mean over the four "
    "bases at the position.",
    "It cannot tell who is right where motifs are redundant, because a single substitution then does nothing although "
    "the motifs matter.",
    needs=("mutagenesis",),
)
