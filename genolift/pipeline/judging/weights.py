"""Models whose weights are shuffled for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from genolift.support.seeds import stream

#: Weights are shuffled in at most so many stages, because each costs explanations of all copies.
STAGES = 4


class Weights:
    """The weights of some models, which can be shuffled layer by layer from the input on.

    Every array of weights keeps its values in a random order, so that their distribution stays what training made it,
    and nothing that the network has learnt stays.

    Parameters
    ----------
    models
        The models, such as the folds of one.
    seed
        The seed of the orders.
    """

    def __init__(self, models: Sequence[Any], seed: int):
        self._seed = seed
        self._layers = [_layers(model) for model in models]

    @property
    def can_change(self) -> bool:
        """Whether all models have weights that can be changed."""
        return all(self._layers)

    @property
    def stages(self) -> list[float]:
        """The share of the layers that are shuffled at each stage; the last is 1."""
        count = min(STAGES, *(len(layers) for layers in self._layers))
        return [(stage + 1) / count for stage in range(count)]

    @contextmanager
    def shuffled(self, share: float) -> Iterator[None]:
        """Shuffle the weights of the first layers for the block, and put them back whatever happens."""
        kept = []
        try:
            for model, layers in enumerate(self._layers):
                for layer, variables in enumerate(layers[: max(1, round(share * len(layers)))]):
                    for number, variable in enumerate(variables):
                        values = np.array(variable)
                        kept.append((variable, values))
                        draw = stream(self._seed, "weights", model, layer, number)
                        variable.assign(draw.permutation(values.reshape(-1)).reshape(values.shape))
            yield
        finally:
            for variable, values in kept:
                variable.assign(values)


def _layers(model: Any) -> list[list[Any]]:
    """Return the variables of each layer that has any, from the input on."""
    model = getattr(model, "model", model)  # one that was wrapped for its layout
    found: dict[str, list[Any]] = {}
    for variable in getattr(model, "weights", None) or []:
        if np.array(variable).dtype.kind == "f":  # the states of random generators are whole numbers
            path = getattr(variable, "path", None) or variable.name
            found.setdefault(path.rpartition("/")[0], []).append(variable)
    return list(found.values())
