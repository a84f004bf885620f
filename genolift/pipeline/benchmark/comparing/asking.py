"""What a network of the suite is asked: its tasks together, or the counts of its profiles and the profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from genolift.evaluate.truth.worth import profile_value
from genolift.simulate.dataset import Dataset

#: What the tables call the profile target, which is of all tasks together. No task has a name with spaces.
PROFILE = "(profile of all)"


@dataclass(frozen=True)
class Question:
    """Targets that are explained together, the names they have in tables, and what is true of them.

    Attributes
    ----------
    tasks : list of str
        What the tables call the targets.
    targets : list
        What is explained.
    label : np.ndarray or None
        (K, T), the importance of each instance for the label.
    predict : callable
        The function from one-hot sequences to predictions, which tells what instances are worth to the network.
    value : callable or None
        How it does, as :func:`genolift.evaluate.truth.worth.worth` takes it.
    of : str
        What a refusal begins with.
    """

    tasks: list[str]
    targets: list[Any]
    label: np.ndarray | None
    predict: Callable[[np.ndarray], np.ndarray]
    value: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    of: str = ""


def questions(dataset: Dataset, network: Any) -> list[Question]:
    """Return what a network is asked.

    The profile target adds up the tracks of all tasks, and so does its truth, because the Shapley values of a sum are
    the sums of Shapley values.

    Parameters
    ----------
    dataset
        The sequences that are explained.
    network
        The model.
    """
    from genolift.methods.targets import Profile
    from genolift.models.profiles.heads import heads_of

    tasks = [str(task) for task in dataset.tasks]
    if dataset.profiles is None:
        targets: list[Any] = list(range(len(tasks)))
        return [Question(tasks, targets, dataset.importance, _Logits(network, targets))]
    heads = heads_of(network, len(tasks), dataset.profiles.shape[1])

    def run(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return heads.told_apart(network.predict(X, batch_size=256, verbose=0))

    profile, counts = heads.names
    truth = None if dataset.profile_importance is None else dataset.profile_importance.sum(axis=1, keepdims=True)
    return [
        Question(
            tasks, [(counts, t) for t in range(len(tasks))], dataset.importance, lambda X: run(X)[1], of="counts: "
        ),
        Question(
            [PROFILE],
            [Profile(profile, per_strand=True)],
            truth,
            lambda X: run(X)[0].reshape(len(X), -1),
            partial(profile_value, tasks=len(tasks)),
            "profile: ",
        ),
    ]


class _Logits:
    """The predictions of targets, as methods explain them. The model is traced when they are first wanted."""

    def __init__(self, network: Any, targets: list[Any]):
        self._network, self._targets = network, targets

    @cached_property
    def _predictor(self) -> Any:
        from genolift.methods.prediction.prediction import Prediction

        return Prediction(self._network, self._targets, progress=False)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self._predictor(X).predictions)
