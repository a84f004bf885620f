"""Make a Keras model's randomness a function of one seed, without touching anybody's global random state."""

from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow


def draw_seed(seed: int, *keys) -> int:
    """A seed for somebody else's generator, determined by ``seed`` and what it is for."""
    return int(stream(seed, *keys).integers(2**31))


def seed_weights(model, seed: int) -> None:
    """Draw every kernel of a new model afresh (Glorot uniform, Keras' default) from ``seed`` and the
    variable's path.

    Seeding the initialisers instead would start all projections of an attention layer alike, since Keras
    clones one initialiser for them. Vectors (biases, scales) keep their constants.
    """
    quiet_tensorflow()
    import keras

    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            draw = keras.initializers.GlorotUniform(seed=draw_seed(seed, "weights", variable.path))
            variable.assign(draw(variable.shape, dtype=variable.dtype))


def seed_dropout(model, seed: int) -> None:
    """Set the state of every generator in the model's layers (dropout, noise) from ``seed``."""
    quiet_tensorflow()
    import numpy as np

    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for index, state in enumerate(states):
        state.assign(np.array([draw_seed(seed, "noise", index), 0], dtype=state.dtype))
