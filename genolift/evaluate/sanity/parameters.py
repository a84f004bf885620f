"""Randomised parameters, in the corrected form (Hedström et al. 2023, "Sanity Checks Revisited").

The raw test (Adebayo et al. 2018) compares one explanation before and after weights are randomised. Noise in the
explanation and its complexity decide the outcome there, so that methods pass because they are noisy. The smooth form
averages explanations over perturbed copies first. The efficient form compares no explanations, but asks whether that of
a network which knows nothing is more complex.
"""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.complexity import discrete_entropy
from genolift.evaluate.faithfulness.metric import HIGHER, LOWER, Metric
from genolift.evaluate.faithfulness.subject import Case, Function, Subject
from genolift.sequence.alphabet import UNKNOWN, one_hot_codes

_COPIES, _SHARE = 5, 0.05
#: Explaining under random weights costs as much as all else together, and says more of the method than of a sequence.
MOST = 50


def perturbed_copies(subject: Subject) -> np.ndarray:
    """Return copies (N, copies, L, 4) with random other bases at 5 % of the positions.

    Noise added to channels, as for images, would make sequences that are no DNA.
    """
    codes = one_hot_codes(subject.X).astype(np.int64)
    copies = np.repeat(subject.X[:, None].astype(np.float32), _COPIES, axis=1)
    for own, row, draw in zip(copies, codes, subject.draws("smooth"), strict=True):
        changed = (draw.random(own.shape[:2]) < _SHARE) & (row < UNKNOWN)
        other = (row + draw.integers(1, 4, own.shape[:2])) % 4
        own[changed] = np.eye(4, dtype=np.float32)[other[changed]]
    return copies


def _smooth(explain: Function, copies: np.ndarray) -> np.ndarray:
    scores = np.asarray(explain(copies.reshape(-1, *copies.shape[2:])), np.float64)
    return scores.reshape(*copies.shape[:2], -1).mean(1)


def _smooth_test(case: Case) -> np.ndarray:
    assert case.explain is not None
    assert case.stages is not None
    copies = perturbed_copies(case.subject)
    own = _smooth(case.explain, copies)
    return np.mean([np.abs(correlations(own, _smooth(stage, copies))) for stage in case.stages], axis=0)


def _efficient_test(case: Case) -> np.ndarray:
    assert case.stages is not None
    before = discrete_entropy(case.scores)
    after = discrete_entropy(case.stages[-1](case.subject.X))
    return np.where(before > 0, (after - before) / np.where(before > 0, before, 1), np.nan)


SMOOTH = Metric(
    "smooth-mprt",
    _smooth_test,
    LOWER,
    "The absolute correlation of the scores, averaged over copies with 5 % of the bases changed, before and after the "
    "weights are shuffled, as a mean over stages from the first layer alone to all layers.",
    "It cannot tell a right explanation from random numbers, which do not resemble anything either; averaging only "
    "lessens what the noise and the complexity of scores do to the raw test.",
    needs=("explain", "stages"),
    most=MOST,
)
EFFICIENT = Metric(
    "efficient-mprt",
    _efficient_test,
    HIGHER,
    "The rise of the complexity of the scores (the entropy of their histogram) when all weights are shuffled, relative "
    "to the complexity before.",
    "It cannot tell what the scores are about: it says only that they are more orderly for the trained network than "
    "for one that knows nothing.",
    needs=("stages",),
    most=MOST,
)
