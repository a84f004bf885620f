"""``gl.Influence``: which training sequences taught a network what it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from genolift.influence.catalog import DEFAULT, check_options, method_class
from genolift.influence.data import HeldSet, TrainingSet, as_sequences, numbered
from genolift.influence.influences import Influences
from genolift.influence.method import Queries, Setting
from genolift.influence.steps import Steps
from genolift.influence.subject import Subject
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.memory import parse_bytes


class Influence:
    """Say which training sequences taught a network its prediction for a sequence.

    The influence of one of n training sequences is the predicted difference that it makes: what is measured at a query
    when the network was trained with the sequence, less the same without it (Koh & Liang 2017; the sign and the 1/n
    are explained in docs/how-to/influence.md). Layers are run as in prediction, without dropout.

    Parameters
    ----------
    model : keras.Model
        A trained Keras 3 model with input (N, L, 4) that ends in a dense layer with one output per task, and in a
        sigmoid (labels of 0 and 1), a softmax (classes) or nothing (real values).
    training : array, list of str or TrainingSet
        The training sequences: one-hot (N, L, 4), or texts.
    labels : array, optional
        Their labels (N, T), or (N,) for one task. Not given with a :class:`~genolift.influence.data.TrainingSet`.
    method : str
        ``"gauss-newton"`` (the default), ``"ek-fac"``, ``"last-layer"``, ``"tracin"``, ``"representer"`` or
        ``"neighbours"``; docs/how-to/influence.md compares them.
    target : int or str, optional
        The number or name of the task whose logit is measured; needed where there are several.
    names, tasks : list of str, optional
        The names of the training sequences and of the tasks; their numbers by default.
    seed : int
        The seed of everything that is drawn.
    memory : str or int, optional
        The budget for activations and gradients, as ``"4GB"``; 1 GB by default.
    progress : bool, optional
        Whether to show a progress bar. By default there is one where the work is long.
    steps : Steps, optional
        Where steps are kept, so that a killed run continues; nowhere by default.
    **options
        Options of the method, such as ``damping=1e-3``.

    Raises
    ------
    UnsupportedModel
        If the model is of another kind.
    InputError
        If labels do not fit the model, or an option is unknown.

    Examples
    --------
    >>> influence = gl.Influence(model, sequences, labels, target=0)
    >>> found = influence(queries)
    >>> found.top(5)  # the five training sequences that raise each logit most, and the five that lower it
    """

    def __init__(
        self,
        model: Any,
        training: Any,
        labels: Any = None,
        *,
        method: str = DEFAULT,
        target: int | str | None = None,
        names: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        seed: int = 0,
        memory: str | int | None = None,
        progress: bool | None = None,
        steps: Steps | None = None,
        **options: Any,
    ):
        check_options(method, options)
        budget = parse_bytes(memory)
        self.subject = Subject(model)
        self.data = training if isinstance(training, TrainingSet) else _held(training, labels, names, tasks)
        check_labels(self.subject, self.data.labels, "training")
        self._check_length(self.data.length, "training")
        self.target = task_number(self.data.tasks, target)
        at = Setting(self.subject, self.data, steps or Steps(progress=progress), seed, budget)
        self._method = method_class(method)(at, **options)
        self._prepared = False

    @property
    def prepared(self) -> Any:
        """The method, after it looked at the training sequences."""
        if not self._prepared:
            self._method.prepare()
            self._prepared = True
        return self._method

    def __call__(self, queries: Any, labels: Any = None, names: Sequence[str] | None = None) -> Influences:
        """Return the influence of every training sequence on every query.

        Parameters
        ----------
        queries : array or list of str
            The queries: one-hot (Q, L, 4), or texts.
        labels : array, optional
            Labels of the queries (Q, T). With them, the loss of a query is measured in the place of its logit.
        names : list of str, optional
            The names of the queries; their numbers by default.

        Returns
        -------
        Influences
            The influences (Q, N).

        Raises
        ------
        InputError
            If the queries or their labels cannot be used.
        """
        X = as_sequences(queries, "query")
        self._check_length(X.shape[1], "query")
        named = numbered(names, len(X), "queries")
        method = self.prepared
        size = method.size
        logits = np.concatenate([self.subject.logits(X[k : k + size]) for k in range(0, len(X), size)])
        loss = self.subject.loss
        if labels is None:
            given, slopes = None, np.zeros_like(logits)
            slopes[:, self.target] = 1
            measure, values = "logit", logits[:, self.target]
        else:
            given = np.asarray(labels, dtype=np.float64)
            given = given[:, None] if given.ndim == 1 else given
            if len(given) != len(X):
                raise InputError(f"labels were given for {len(given)} of {len(X)} queries")
            check_labels(self.subject, given, "query")
            slopes, measure, values = loss.slopes(logits, given), "loss", loss.values(logits, given)
        scores = method.scores(Queries(X, slopes, given))
        return Influences(
            scores=scores,
            queries=named,
            values=values,
            measure=measure,
            task=self.data.tasks[self.target],
            training=self.data.names,
            labels=self.data.labels,
            tasks=self.data.tasks,
            method={"name": method.name, "unit": method.unit, **method.describe()},
        )

    def suspects(self) -> pd.DataFrame:
        """Return the training sequences in the order in which their labels should be looked at.

        Returns
        -------
        pandas.DataFrame
            A row for each training sequence with the columns ``training`` (its name), ``suspicion`` (for methods that
            have gradients its influence on its own loss; the largest come first), ``loss``, and ``label:TASK`` for each
            task.
        """
        method, subject = self.prepared, self.subject
        suspicion = np.asarray(method.suspicion(), dtype=np.float64)

        def losses(block: Any) -> np.ndarray:
            return subject.loss.values(subject.logits(block.X), block.labels)[:, None]

        loss = method.steps.rows("losses", self.data, method.size, 1, losses, "computing losses", "float64")[:, 0]
        order = np.argsort(-suspicion, kind="stable")
        columns: dict[str, Any] = {
            "training": [self.data.names[i] for i in order],
            "suspicion": suspicion[order],
            "loss": np.array(loss)[order],
        }
        for number, task in enumerate(self.data.tasks):
            columns[f"label:{task}"] = self.data.labels[order, number]
        return pd.DataFrame(columns)

    def _check_length(self, length: int, what: str) -> None:
        if self.subject.length not in (None, length):
            raise InputError(
                f"the {what} sequences are {length} long, but the model takes sequences of {self.subject.length}"
            )


def _held(training: Any, labels: Any, names: Sequence[str] | None, tasks: Sequence[str] | None) -> TrainingSet:
    if labels is None:
        raise InputError("influence needs the labels of the training sequences", Remedy.naming("give {}", _LABELS))
    return HeldSet(training, labels, names, tasks)


_LABELS = setting("labels")


def check_labels(subject: Subject, labels: np.ndarray, what: str) -> None:
    """Raise :class:`InputError` unless labels (N, T) are of the kind that the network's end is for."""
    kind = subject.loss.kind
    if labels.shape[1] != subject.tasks:
        raise InputError(
            f"the {what} sequences have {labels.shape[1]} label{'s' if labels.shape[1] > 1 else ''} each, and model "
            f"{subject.model.name!r} has {subject.tasks} output{'s' if subject.tasks > 1 else ''}"
        )
    if not np.isfinite(labels).all():
        raise InputError(f"labels of the {what} sequences are not finite numbers")
    if kind != "real" and not np.isin(labels, (0, 1)).all():
        end = "sigmoid" if kind == "binary" else "softmax"
        raise InputError(
            f"model {subject.model.name!r} ends in a {end}, and labels of the {what} sequences are not all 0 or 1"
        )
    if kind == "classes" and (labels.sum(axis=1) != 1).any():
        raise InputError(f"model {subject.model.name!r} ends in a softmax, and a {what} sequence has not one class")


def task_number(tasks: Sequence[str], target: int | str | None) -> int:
    """Return the number of a task that is given by number or name; raise :class:`InputError` if there is none."""
    if target is None:
        if len(tasks) == 1:
            return 0
        raise InputError(
            f"there are the tasks {', '.join(tasks)}", Remedy.naming("choose one by {}", setting("target"))
        )
    if isinstance(target, str) and target in tasks:
        return list(tasks).index(target)
    text = str(target)
    if text.isdigit() and int(text) < len(tasks):
        return int(text)
    raise InputError(f"there is no task {target!r}; the tasks are {', '.join(tasks)}, or numbers below {len(tasks)}")
