"""The hyperparameters of training, by architecture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from genolift.support.errors import InputError


@dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of training with Adam, whose learning rate rises to its peak and then falls along a cosine.

    Attributes
    ----------
    epochs : int
        The largest number of epochs.
    batch_size : int
        The number of sequences in a batch.
    patience : int
        The number of epochs without improvement after which training stops.
    learning_rate : float
        The peak of the learning rate.
    warm_up : float
        The share of all steps in which the learning rate rises.
    final_rate : float
        The learning rate at the end, as a share of its peak.
    """

    epochs: int = 20
    batch_size: int = 32
    patience: int = 5
    learning_rate: float = 1e-3
    warm_up: float = 0.1
    final_rate: float = 0.01


# The average over 180 positions leaves tiny gradients for the motif detectors of `tal_gata`. At Adam's usual constant
# 0.001 they learn almost nothing in the first four epochs, and they need thirty for what a peak of 0.003 with a decay
# reaches after twelve (benchmarks/training.py). With a peak of 0.002, twelve epochs are too few for some seeds.
HYPERPARAMETERS = {
    "tal_gata": Hyperparameters(epochs=12, learning_rate=3e-3),
    # The counts of `bpnet` come from an average too, and learn more slowly than the profile. On the simulation
    # `profile` (32 filters, seed 0) their correlation is 0.77 after this, and below 0.4 after half as many
    # epochs.
    "bpnet": Hyperparameters(epochs=16, learning_rate=4e-3),
    # Networks that can be read have few weights, and learn at rates at which others diverge.
    **dict.fromkeys(("attention_pool", "exponential"), Hyperparameters(epochs=15, learning_rate=1e-2)),
    **dict.fromkeys(("additive", "pwm", "pwm_tied", "lattice"), Hyperparameters(epochs=15, learning_rate=3e-2)),
}


def hyperparameters_of(model: Any, given: dict[str, Any]) -> Hyperparameters:
    """Return the hyperparameters of a model, with those that are given in the place of the architecture's."""
    chosen = HYPERPARAMETERS.get(model, Hyperparameters()) if isinstance(model, str) else Hyperparameters()
    chosen = replace(chosen, **{name: value for name, value in given.items() if value is not None})
    for name in ("epochs", "batch_size", "patience"):
        value = getattr(chosen, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{name}={value!r} is not a whole number of at least 1")
    if not 0 < chosen.learning_rate < float("inf"):
        raise InputError(f"learning_rate={chosen.learning_rate!r} is not a positive number")
    return chosen
