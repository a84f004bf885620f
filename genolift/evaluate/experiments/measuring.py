"""What an experiment measures: the prediction of edited sequences, or the importance of stretches in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.evaluate.experiments.confidence import NotFinite
from genolift.methods import targets
from genolift.methods.beside import Beside
from genolift.methods.ensemble import check_scales, telling
from genolift.methods.prediction.prediction import Prediction
from genolift.methods.registry import method_class
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError

# So many numbers in edited sequences are measured together.
_TOGETHER = 1 << 22


@dataclass(frozen=True)
class Edit:
    """An edit of sequences, and the stretches in which importance is measured.

    Attributes
    ----------
    make : Callable
        A function that returns the edited sequences, (N, L, 4).
    stretches : list of list of tuple
        Measurements. Each is a list of (start, end), which are numbers or arrays (N,).
    """

    make: Callable[[], np.ndarray]
    stretches: list[list[tuple]]


class Measure:
    """A measurement of edited sequences.

    Parameters
    ----------
    model
        The Keras model, or a list of several.
    target
        What to explain, as methods take it.
    method
        The name of the method whose scores are summed over the edited stretches. The default is to measure predictions.
    beside
        The inputs of the model beside the sequences.
    records
        The number of the record (n,) of each sequence before it is edited. Edits make as many copies of each, one
        sequence after the other.
    **options
        Options of the method.

    Attributes
    ----------
    name : str or None
        The name of the method.
    targets : list of str
        The names of the T targets.
    models : int
        The number M of models.
    """

    def __init__(
        self,
        model: Any,
        target: Any,
        method: str | None = None,
        beside: Beside | None = None,
        records: np.ndarray | None = None,
        **options: Any,
    ):
        kind = Prediction if method is None else method_class(method)
        models = list(model) if isinstance(model, list | tuple) else [model]
        self.models = len(models)
        self._beside, self._records = beside, records
        options = options if beside is None else beside.keywords(options)
        self._methods = [kind(one, target, **{"progress": False, **options}) for one in models]
        check_scales(self._methods)
        self.name, self._scored = method, method is not None
        described = targets.describe(target)
        self.targets = [str(one) for one in described] if isinstance(described, list) else [str(described)]

    @property
    def what(self) -> str:
        """What is measured, in words."""
        return "prediction" if self.name is None else f"importance by {self.name}"

    def __call__(self, edits: list[Edit], tick: Callable[[int], object] = lambda count: None) -> list[list[np.ndarray]]:
        """Measure edits, many of them together for speed.

        Parameters
        ----------
        edits
            The edits.
        tick
            A function that is called with the number of edits that were measured since the last call.

        Returns
        -------
        list of list of np.ndarray
            For each edit, the values (N, T, M) of each of its measurements.

        Raises
        ------
        NotFinite
            If a prediction or a score is NaN or infinite, of which there is no mean.
        """
        values: list[list[np.ndarray]] = []
        waiting: list[tuple[Edit, np.ndarray]] = []
        size = 0
        for edit in edits:
            waiting.append((edit, edit.make()))
            size += waiting[-1][1].size
            if size >= _TOGETHER or edit is edits[-1]:
                values += self._measured(waiting)
                tick(len(waiting))
                waiting, size = [], 0
        return values

    def _measured(self, edited: list[tuple[Edit, np.ndarray]]) -> list[list[np.ndarray]]:
        X = np.concatenate([X for _, X in edited])
        inputs: Any = X
        if self._beside is not None and self._records is not None:
            records = [np.repeat(self._records, len(one) // len(self._records)) for _, one in edited]
            inputs = self._beside.joined(X, np.concatenate(records))
        each = []
        for k in range(self.models):
            with telling(k, self.models):
                each.append(self._values(k, inputs))
        values = np.stack(each, axis=2)
        parts = np.split(values, np.cumsum([len(X) for _, X in edited])[:-1])
        for part in parts:
            self._check_finite(part)
        if not self._scored:
            return [[part] * len(edit.stretches) for part, (edit, _) in zip(parts, edited, strict=True)]
        return [
            [_summed(part, places) for places in edit.stretches] for part, (edit, _) in zip(parts, edited, strict=True)
        ]

    def _values(self, k: int, inputs: Any) -> np.ndarray:
        """Return one model's predictions (N, T), or its scores (N, T, L)."""
        explained = self._methods[k](inputs)
        explained = explained if self._beside is None else self._beside.of_sequence(explained)
        several = explained.target_axis
        if len(self.targets) == 1 and several and explained.predictions.shape[1] > 1:
            # The target is a function that returns several numbers.
            self.targets = [f"{self.targets[0]} {i}" for i in range(explained.predictions.shape[1])]
        values = np.asarray(explained.scores if self._scored else explained.predictions, np.float64)
        return values if several else values[:, None]

    def _check_finite(self, part: np.ndarray) -> None:
        bad = np.argwhere(~np.isfinite(part))
        if len(bad):
            row, t = map(int, bad[0][:2])
            which = "" if self.targets[t] == "None" else f" of target {self.targets[t]}"
            reason = f"the {self.what}{which} is NaN or infinite for it or for an edited copy of it"
            records = np.arange(len(part)) if self._records is None else self._records
            raise NotFinite(int(records[row * len(records) // len(part)]), f"{reason}; leave it out")


def _summed(scores: np.ndarray, stretches: list[tuple]) -> np.ndarray:
    """Return scores (N, T, M, L) summed over stretches, (N, T, M). Positions in several stretches count once."""
    positions = np.arange(scores.shape[3])
    inside = np.zeros((len(scores), len(positions)), bool)
    for start, end in stretches:
        start, end = (np.broadcast_to(edge, len(scores))[:, None] for edge in (start, end))
        inside |= (start <= positions) & (positions < end)
    return np.einsum("ntml,nl->ntm", scores, inside)


def as_sequences(X: Any) -> np.ndarray:
    """Return one-hot DNA (N, L, 4) as float32.

    Parameters
    ----------
    X
        One-hot DNA of any numeric type, or an object with a method ``one_hot``, such as regions of a genome.

    Raises
    ------
    InputError
        For anything else, or if there are no sequences.
    """
    array = np.asarray(X.one_hot() if hasattr(X, "one_hot") else X)
    if (not array.dtype.kind == "f" and array.dtype.kind not in "iub") or not is_dna(array.shape[1:]) or not len(array):
        raise InputError(
            f"experiments need one-hot DNA of shape (N, length, 4), not {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.float32, copy=False)


def as_beside(model: Any, others: Any, count: int) -> Beside | None:
    """Return a model's inputs beside sequences.

    Parameters
    ----------
    model
        The model, or a list of several.
    others
        The other inputs by name, or None: arrays with a row for each sequence, or numbers.
    count
        The number of sequences.

    Raises
    ------
    InputError
        If these are not the model's other inputs, or arrays have another number of rows.
    """
    if others is None or isinstance(others, Beside):
        made = others
    else:
        made = Beside.of(model[0] if isinstance(model, list | tuple) else model, dict(others))
    if made is not None and made.rows not in (None, count):
        raise InputError(f"there are {count:,} sequences, and {made.rows:,} rows of the inputs beside them")
    return made
