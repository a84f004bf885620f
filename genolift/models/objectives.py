"""What a network is trained for: labels of 0 or 1, real values, or classes, each with its loss and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.models.metrics import class_metrics, value_metrics
from genolift.support.errors import InputError

Metrics = Callable[[np.ndarray, np.ndarray, Sequence[str]], dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Objective:
    """What training needs to know of a kind of labels.

    Attributes
    ----------
    activation : str
        The activation that a network must end in.
    loss, title : str
        The loss, as Keras names it and as one says it.
    metrics : callable
        The function from labels (N, T), predictions (N, T) and the names of the tasks to the metrics of each.
    """

    activation: str
    loss: str
    title: str
    metrics: Metrics


OBJECTIVES = {
    "binary": Objective("sigmoid", "binary_crossentropy", "binary cross-entropy", class_metrics),
    "real": Objective("linear", "mean_squared_error", "mean squared error", value_metrics),
    "classes": Objective("softmax", "categorical_crossentropy", "categorical cross-entropy", class_metrics),
}


def objective_of(dataset: Any) -> Objective:
    """Return the objective of a data set, by its ``kind``; one without is ``"binary"``.

    Raises
    ------
    InputError
        If there is no such kind, or if the labels are not of it.
    """
    kind = getattr(dataset, "kind", "binary")
    if kind not in OBJECTIVES:
        raise InputError(f"labels are {', '.join(map(repr, OBJECTIVES))}, not {kind!r}")
    labels = np.asarray(dataset.labels)
    if kind == "real":
        if not np.isfinite(labels).all():
            raise InputError("training needs labels that are finite numbers")
    elif not np.isin(labels, (0, 1)).all():
        raise InputError("training needs labels that are 0 or 1 for every sequence and task")
    if kind == "classes" and (labels.sum(axis=1) != 1).any():
        raise InputError("training on classes needs exactly one class for every sequence")
    return OBJECTIVES[kind]
