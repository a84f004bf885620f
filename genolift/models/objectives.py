"""What a network is trained for: labels of 0 or 1, values, classes, or profiles, each with its loss and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.models.metrics import class_metrics, value_metrics
from genolift.models.profiles.loss import TITLE
from genolift.support.errors import InputError

Metrics = Callable[[np.ndarray, np.ndarray, Sequence[str]], dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Objective:
    """What training needs to know of a kind of labels.

    Attributes
    ----------
    activation : str
        The activation that a network must end in; ``"profile"`` stands for the two heads of a network that predicts
        profiles.
    loss, title : str
        The loss, as Keras names it and as one says it.
    metrics : callable
        The function from labels (N, T), predictions (N, T) and the names of the tasks to the metrics of each. Of
        profiles it is for the counts; :mod:`genolift.models.profiles` has what else is needed.
    """

    activation: str
    loss: str
    title: str
    metrics: Metrics


OBJECTIVES = {
    "binary": Objective("sigmoid", "binary_crossentropy", "binary cross-entropy", class_metrics),
    "real": Objective("linear", "mean_squared_error", "mean squared error", value_metrics),
    "classes": Objective("softmax", "categorical_crossentropy", "categorical cross-entropy", class_metrics),
    "profile": Objective("profile", "multinomial", TITLE, value_metrics),
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
    if kind == "profile":
        reads = getattr(dataset, "profiles", None)
        if reads is None:
            raise InputError("training on profiles needs the reads of each sequence, the dataset's profiles")
        if np.ndim(reads) != 3 or np.shape(reads)[::2] != labels.shape or np.min(reads, initial=0) < 0:
            raise InputError(
                f"profiles have shape {np.shape(reads)}; they hold numbers of reads, ({len(labels)}, positions, "
                f"{labels.shape[-1]})"
            )
    if kind in ("real", "profile"):
        if not np.isfinite(labels).all():
            raise InputError("training needs labels that are finite numbers")
    elif not np.isin(labels, (0, 1)).all():
        raise InputError("training needs labels that are 0 or 1 for every sequence and task")
    if kind == "classes" and (labels.sum(axis=1) != 1).any():
        raise InputError("training on classes needs exactly one class for every sequence")
    return OBJECTIVES[kind]
