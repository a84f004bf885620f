"""The two heads of a network that predicts profiles, told apart by their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.support.errors import UnsupportedModel


@dataclass(frozen=True)
class Heads:
    """Which outputs of a model are what.

    Attributes
    ----------
    profile, counts : int
        The number of the output with the logits of the profile, (N, positions, T), and of the one with
        log(1 + the number of reads), (N, T).
    names : tuple of str
        The names of both outputs, in this order.
    positions : int
        The number of positions of the profile.
    """

    profile: int
    counts: int
    names: tuple[str, str]
    positions: int

    def ordered(self, profile: Any, counts: Any) -> tuple[Any, Any]:
        """Return what belongs to the two outputs in the order of the outputs."""
        return (profile, counts) if self.profile < self.counts else (counts, profile)

    def told_apart(self, outputs: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the logits of the profile and the counts from the outputs of the model."""
        return np.asarray(outputs[self.profile]), np.asarray(outputs[self.counts])


def heads_of(model: Any, tasks: int, positions: int) -> Heads:
    """Return the heads of a Keras model that predicts the profiles of some tasks.

    Raises
    ------
    UnsupportedModel
        If it has not exactly these two outputs, or if they end in a softmax or a sigmoid.
    """
    wanted = f"logits (None, {positions}, {tasks}) of the profiles and log-counts (None, {tasks})"
    shapes = [tuple(output.shape) for output in model.outputs or []]
    ranks = [len(shape) for shape in shapes]
    told = " and ".join(map(str, shapes)) or "none"
    if sorted(ranks) != [2, 3]:
        raise UnsupportedModel(
            f"profiles are learnt by models with two outputs, {wanted}; those of {model.name!r} are {told}; "
            "train the architecture bpnet, or a model with these two"
        )
    profile, counts = ranks.index(3), ranks.index(2)
    if shapes[profile] != (None, positions, tasks) or shapes[counts] != (None, tasks):
        raise UnsupportedModel(f"model {model.name!r} has outputs of shapes {told}; the data need {wanted}")
    names = [str(name) for name in model.output_names]
    for number in (profile, counts):
        operation = getattr(model.outputs[number]._keras_history, "operation", None)
        activation = getattr(operation, "activation", operation)
        kind = getattr(activation, "__name__", type(activation).__name__).lower()
        if kind.endswith(("sigmoid", "softmax")):
            raise UnsupportedModel(
                f"output {names[number]!r} of model {model.name!r} ends in a {kind}; profiles are given as logits and "
                "counts as logarithms, so let both end in none"
            )
    return Heads(profile, counts, (names[profile], names[counts]), positions)
