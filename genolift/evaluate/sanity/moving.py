"""Whether an explanation follows its sequence: shifted, on the other strand, and with silent substitutions."""

from __future__ import annotations

import numpy as np

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.metric import HIGHER, Metric
from genolift.evaluate.faithfulness.subject import Case, Subject
from genolift.sequence.alphabet import UNKNOWN, one_hot_codes, reverse_complement

_SHARE, _CANDIDATES = 0.02, 8
#: A substitution is silent if it moves the output by at most this share of what shuffling the sequence does.
SILENT = 0.02


def _explained(case: Case, X: np.ndarray) -> np.ndarray:
    assert case.explain is not None
    return np.asarray(case.explain(X), np.float64)


def _continuity(case: Case) -> np.ndarray:
    moved = _explained(case, np.roll(case.subject.X, 1, axis=1))
    return correlations(moved[:, 1:], case.scores[:, :-1])


def _strands(case: Case) -> np.ndarray:
    return correlations(_explained(case, reverse_complement(case.subject.X))[:, ::-1], case.scores)


def silent_copies(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return each sequence with substitutions that hardly move the output.

    Of eight copies with other bases at 2 % of the positions, the one whose output moves least is taken.

    Returns
    -------
    copies : np.ndarray
        The copies, (N, L, 4).
    silent : np.ndarray
        (N,) bool, whether the output moves by at most ``SILENT`` of what shuffling the sequence does.
    """
    codes = one_hot_codes(subject.X).astype(np.int64)
    count = max(1, round(_SHARE * subject.length))
    copies = np.repeat(subject.X[:, None].astype(np.float32), _CANDIDATES, axis=1)
    for own, row, draw in zip(copies, codes, subject.draws("silent"), strict=True):
        known = np.flatnonzero(row < UNKNOWN)
        for copy in own:
            at = draw.choice(known, min(count, len(known)), replace=False)
            copy[at] = np.eye(4, dtype=np.float32)[(row[at] + draw.integers(1, 4, len(at))) % 4]
    values = np.asarray(subject.predict(copies.reshape(-1, *copies.shape[2:])), np.float64)
    moved = np.abs(values.reshape(-1, _CANDIDATES) - subject.predictions[:, None])
    least = moved.argmin(1)
    bound = SILENT * np.abs(subject.predictions - subject.filled_predictions)
    rows = np.arange(len(copies))
    return copies[rows, least], moved[rows, least] <= bound


def _robustness(case: Case) -> np.ndarray:
    copies, silent = silent_copies(case.subject)
    values = np.full(len(copies), np.nan)
    if silent.any():
        same = (copies[silent] == case.subject.X[silent]).all(2)
        values[silent] = correlations(_explained(case, copies[silent]), case.scores[silent], same)
    return values


CONTINUITY = Metric(
    "continuity",
    _continuity,
    HIGHER,
    "The correlation of the scores with those of the same sequence shifted by one base, position by position of the "
    "sequence.",
    "It cannot tell an unsteady explanation from a network that itself reads the shifted sequence differently, as one "
    "with pooling does, and where references are drawn their noise counts too.",
    needs=("explain",),
)
STRANDS = Metric(
    "reverse-complement",
    _strands,
    HIGHER,
    "The correlation of the scores with those of the reverse complement, base pair by base pair.",
    "It cannot tell an inconsistent explanation from a network that itself reads the two strands differently.",
    needs=("explain",),
)
ROBUSTNESS = Metric(
    "robustness",
    _robustness,
    HIGHER,
    "The correlation of the scores with those after substitutions at 2 % of the positions that hardly move the output "
    "(by at most 2 % of what shuffling the sequence does), over the other positions.",
    "It cannot tell whether the substitutions did nothing or cancelled each other inside the network, and sequences "
    "for which none were found do not count.",
    needs=("explain",),
)
