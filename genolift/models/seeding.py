"""Seeds for all randomness of a Keras model, without a change of any global random state."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow


def draw_seed(seed: int, *keys: int | str | bytes) -> int:
    """Return a seed for another library's generator, from 0 to 2**31 - 1. It depends on ``seed`` and ``keys`` alone."""
    return int(stream(seed, *keys).integers(2**31))


def seed_weights(model: Any, seed: int) -> None:
    """Draw the kernels of a new Keras model again, from ``seed`` and the path of each variable.

    The distribution is Glorot uniform, the default of Keras. Vectors (biases, scales) keep their constants. Seeding the
    initialisers instead would give all projections of an attention layer the same weights, because Keras clones one
    initialiser for them.
    """
    quiet_tensorflow()
    import keras

    matrices = [variable for variable in model.trainable_variables if len(variable.shape) > 1]
    for variable, path in zip(matrices, _renumbered([variable.path for variable in matrices]), strict=True):
        draw = keras.initializers.GlorotUniform(seed=draw_seed(seed, "weights", path))
        variable.assign(draw(variable.shape, dtype=variable.dtype))


def _renumbered(paths: Iterable[str]) -> list[str]:
    """Return paths in which names that end in a number, such as ``dense_7/kernel``, count from the model's first.

    Keras numbers layers without a name through the whole process, so that the second model of a process has other names
    than the first.
    """
    known: dict[tuple[str, str], dict[str, str]] = {}
    found = []
    for path in paths:
        within = ""
        for name in path.split("/"):
            stem = re.sub(r"_\d+$", "", name)
            same = known.setdefault((within, stem), {})
            within += "/" + same.setdefault(name, f"{stem}_{len(same)}" if same else stem)
        found.append(within[1:])
    return found


def seed_dropout(model: Any, seed: int) -> None:
    """Set the state of every random generator in a Keras model's layers (dropout, noise) from ``seed``."""
    quiet_tensorflow()
    import numpy as np

    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for index, state in enumerate(states):
        state.assign(np.array([draw_seed(seed, "noise", index), 0], dtype=state.dtype))
