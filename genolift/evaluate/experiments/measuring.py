"""What an experiment measures of edited sequences: the prediction, or the importance that a method gives to stretches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genolift.methods import targets
from genolift.methods.prediction.prediction import Prediction
from genolift.methods.registry import method_class
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError

# Numbers of edited sequences that are measured together.
_TOGETHER = 1 << 22


@dataclass(frozen=True)
class Edit:
    """``make`` gives the edited sequences (N, L, 4); each of ``stretches`` is a list of (start, end), numbers or (N,)."""

    make: Callable[[], np.ndarray]
    stretches: list[list[tuple]]


class Measure:
    """The prediction of ``target``, or with ``method`` (a name) the sum of its scores over the edited stretches.

    ``options`` are the method's own. Values are (N, T); ``targets`` names the T.
    """

    def __init__(self, model, target, method: str | None = None, **options):
        kind = Prediction if method is None else method_class(method)
        self._method = kind(model, target, **{"progress": False, **options})
        self.name, self._scored = method, method is not None
        described = targets.describe(target)
        self.targets = [str(one) for one in described] if isinstance(described, list) else [str(described)]

    @property
    def what(self) -> str:
        """What the numbers are, in words."""
        return "prediction" if self.name is None else f"importance by {self.name}"

    def __call__(self, edits: list[Edit], tick=lambda count: None) -> list[list[np.ndarray]]:
        """For each edit the values (N, T) of each of its stretches; as many edits together as is good for speed."""
        found, waiting, rows = [], [], 0
        for edit in edits:
            waiting.append((edit, edit.make()))
            rows += waiting[-1][1].size
            if rows >= _TOGETHER or edit is edits[-1]:
                found += self._measured(waiting)
                tick(len(waiting))
                waiting, rows = [], 0
        return found

    def _measured(self, edited: list[tuple[Edit, np.ndarray]]) -> list[list[np.ndarray]]:
        explained = self._method(np.concatenate([X for _, X in edited]))
        several = explained.target_axis
        if len(self.targets) == 1 and several and explained.predictions.shape[1] > 1:  # a function of several numbers
            self.targets = [f"{self.targets[0]} {i}" for i in range(explained.predictions.shape[1])]
        values = np.asarray(explained.scores if self._scored else explained.predictions, np.float64)
        values = values if several else values[:, None]
        parts = np.split(values, np.cumsum([len(X) for _, X in edited])[:-1])
        if not self._scored:
            return [[part] * len(edit.stretches) for part, (edit, _) in zip(parts, edited, strict=True)]
        return [
            [_summed(part, places) for places in edit.stretches] for part, (edit, _) in zip(parts, edited, strict=True)
        ]


def _summed(scores: np.ndarray, stretches: list[tuple]) -> np.ndarray:
    """Scores (N, T, L) summed over stretches, (N, T); where stretches overlap, once."""
    positions = np.arange(scores.shape[2])
    inside = np.zeros((len(scores), len(positions)), bool)
    for start, end in stretches:
        start, end = (np.broadcast_to(edge, len(scores))[:, None] for edge in (start, end))
        inside |= (start <= positions) & (positions < end)
    return np.einsum("ntl,nl->nt", scores, inside)


def as_sequences(X) -> np.ndarray:
    """One-hot DNA (N, L, 4) as float32, from that or from regions."""
    array = np.asarray(X.one_hot() if hasattr(X, "one_hot") else X)
    if (not array.dtype.kind == "f" and array.dtype.kind not in "iub") or not is_dna(array.shape[1:]) or not len(array):
        raise InputError(
            f"experiments need one-hot DNA of shape (N, length, 4), not {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.float32, copy=False)
