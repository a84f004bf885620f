"""Architectures by name: Keras 3 functional models whose initial weights depend on the seed alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from genolift.models.readable import networks
from genolift.models.seeding import seed_dropout, seed_weights
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

_ALPHABET = 4
_OUTPUTS = ("sigmoid", "softmax", "linear")
_OWN_CHECKS = ("motifs", "tie", "signs", "shape")  # Options that are no counts; architectures look at them themselves.


def build(name: str, seed: int = 0, **options: Any) -> Any:
    """Return a new model of an architecture.

    Parameters
    ----------
    name
        The architecture, one of ``ARCHITECTURES``.
    seed
        The seed of the weights and the dropout. The same name, options and seed give the same weights.
    **options
        Options of the architecture, such as ``length`` and ``tasks``; see ``help(ARCHITECTURES[name])``.

    Returns
    -------
    keras.Model
        The model, with input (N, length, 4).

    Raises
    ------
    InputError
        If the name or an option is unknown, or if the length is too short for the layers.
    """
    if name not in ARCHITECTURES:
        raise InputError(f"there is no architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    known = list(inspect.signature(architecture).parameters)
    for option in options:
        if option not in known:
            raise InputError(f"architecture {name!r} has no option {option!r}; it has {', '.join(known)}")
    _check_counts(name, options)
    model = architecture(**options)
    seed_weights(model, seed)
    seed_dropout(model, seed)
    return model


def tal_gata(
    length: int | None = 200, tasks: int = 3, filters: int = 50, width: int = 11, output: str = "sigmoid"
) -> Any:
    """Return the network of the DeepLIFT paper's simulated benchmark (Shrikumar et al. 2017).

    It has two convolutions, an average over the positions and two dense layers.

    Parameters
    ----------
    length
        The length of the sequences. With ``None`` it takes any length from 2 · width - 1 on.
    tasks
        The number of tasks.
    filters, width
        The number and the width of the filters of each convolution.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    keras = _keras()
    layers = keras.layers
    _check_length("tal_gata", length, 2 * width - 1)
    sequence = keras.Input((length, _ALPHABET), name="sequence")
    x = layers.Conv1D(filters, width, activation="relu", name="conv1")(sequence)
    x = layers.Conv1D(filters, width, activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling1D(name="average")(x)
    x = layers.Dense(50, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.Dense(tasks, activation=output, name="tasks")(x)
    return keras.Model(sequence, x, name="tal_gata")


def basset(length: int = 600, tasks: int = 164, filters: int = 300, output: str = "sigmoid") -> Any:
    """Return a network like Basset (Kelley et al. 2016).

    It has three convolutions with max pooling and two wide dense layers.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    filters
        The number of filters of the first convolution. The other layers are wide in proportion.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    keras = _keras()
    layers = keras.layers
    _check_length("basset", length, 3 * 4 * 4)
    wide, dense = -(-2 * filters // 3), -(-10 * filters // 3)
    x = sequence = keras.Input((length, _ALPHABET), name="sequence")
    for number, (count, width, pool) in enumerate([(filters, 19, 3), (wide, 11, 4), (wide, 7, 4)], start=1):
        x = layers.Conv1D(count, width, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.Activation("relu", name=f"relu{number}")(x)
        x = layers.MaxPooling1D(pool, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = layers.Dense(dense, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(0.3, name=f"dropout{number}")(x)
    x = layers.Dense(tasks, activation=output, name="tasks")(x)
    return keras.Model(sequence, x, name="basset")


def bpnet(
    length: int = 2114, tasks: int = 1, filters: int = 64, dilations: int | None = 8, positions: int | None = None
) -> Any:
    """Return a network like BPNet and chrombpnet (Avsec et al. 2021).

    It has dilated residual convolutions without padding, and two heads.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tracks, which is 2 for the two strands of one assay.
    filters
        The number of filters of each convolution.
    dilations
        The number of dilated convolutions. The dilation of the first is 2, and it doubles with each. With ``None``
        there are as many as leave the positions, and at most 8.
    positions
        The number of positions of the profile, in the middle of the sequence. With ``None`` they are all that the
        convolutions leave.

    Returns
    -------
    keras.Model
        The network. Its output "profile" is (N, positions, tracks), logits of where the reads lie (1,000 positions for
        2,114 bases). Its output "counts" is (N, tracks), logarithms of the counts.
    """
    keras = _keras()
    layers = keras.layers
    # A convolution of width w without padding loses w - 1 positions. The dilated ones lose 4 (2^d - 1) together.
    wanted = positions or 1
    if dilations is None:
        dilations = next((d for d in range(8, 1, -1) if length - 94 - 4 * (2**d - 1) >= wanted), 1)
    left = length - (21 - 1) - 4 * (2**dilations - 1) - (75 - 1)
    _check_length("bpnet", length, length - left + wanted)
    sequence = keras.Input((length, _ALPHABET), name="sequence")
    x = layers.Conv1D(filters, 21, activation="relu", name="stem")(sequence)
    for number in range(1, dilations + 1):
        dilation = 2**number
        y = layers.Conv1D(filters, 3, dilation_rate=dilation, activation="relu", name=f"dilated{number}")(x)
        x = layers.Cropping1D(dilation, name=f"crop{number}")(x)
        x = layers.Add(name=f"residual{number}")([x, y])
    outside = left - (positions or left)
    profile = layers.Conv1D(tasks, 75, name="profile" if not outside else "profile_conv")(x)
    if outside:
        profile = layers.Cropping1D((outside // 2, outside - outside // 2), name="profile")(profile)
    counts = layers.GlobalAveragePooling1D(name="average")(x)
    counts = layers.Dense(tasks, name="counts")(counts)
    return keras.Model(sequence, [profile, counts], name="bpnet")


def dilated(length: int = 200, tasks: int = 1, filters: int = 48, dilations: int = 4, output: str = "sigmoid") -> Any:
    """Return a small network of dilated residual convolutions, like BPNet with one value for each task.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    filters
        The number of filters of each convolution.
    dilations
        The number of dilated convolutions. The dilation of the first is 2, and it doubles with each.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    keras = _keras()
    layers = keras.layers
    _check_length("dilated", length, 2)
    sequence = keras.Input((length, _ALPHABET), name="sequence")
    x = layers.Conv1D(filters, 21, padding="same", activation="relu", name="stem")(sequence)
    for number in range(1, dilations + 1):
        y = layers.Conv1D(
            filters, 3, padding="same", dilation_rate=2**number, activation="relu", name=f"dilated{number}"
        )(x)
        x = layers.Add(name=f"residual{number}")([x, y])
    x = layers.GlobalAveragePooling1D(name="average")(x)
    x = layers.Dense(tasks, activation=output, name="tasks")(x)
    return keras.Model(sequence, x, name="dilated")


def transformer(
    length: int = 200,
    tasks: int = 1,
    channels: int = 64,
    blocks: int = 2,
    heads: int = 4,
    output: str = "sigmoid",
) -> Any:
    """Return a small transformer.

    It has a convolutional stem with max pooling, pre-norm attention blocks and an average over the positions. The
    padding of the stem and the convolution in each feed-forward part carry the order of the positions, so no custom
    layer for position embeddings is needed.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    channels
        The number of channels, a multiple of ``heads``.
    blocks
        The number of attention blocks.
    heads
        The number of heads of each block.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    keras = _keras()
    layers = keras.layers
    if channels % heads:
        raise InputError(f"transformer: {channels} channels cannot be shared among {heads} heads; take a multiple")
    _check_length("transformer", length, 4)
    sequence = keras.Input((length, _ALPHABET), name="sequence")
    x = layers.Conv1D(channels, 15, padding="same", activation="relu", name="stem")(sequence)
    x = layers.MaxPooling1D(4, name="pool")(x)
    for number in range(1, blocks + 1):
        y = layers.LayerNormalization(name=f"attention_norm{number}")(x)
        y = layers.MultiHeadAttention(heads, channels // heads, dropout=0.1, name=f"attention{number}")(y, y)
        x = layers.Add(name=f"attention_residual{number}")([x, y])
        y = layers.LayerNormalization(name=f"feed_norm{number}")(x)
        y = layers.Conv1D(2 * channels, 3, padding="same", activation="gelu", name=f"feed_wide{number}")(y)
        y = layers.Dropout(0.1, name=f"feed_dropout{number}")(y)
        y = layers.Dense(channels, name=f"feed_narrow{number}")(y)
        x = layers.Add(name=f"feed_residual{number}")([x, y])
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="average")(x)
    x = layers.Dense(tasks, activation=output, name="tasks")(x)
    return keras.Model(sequence, x, name="transformer")


ARCHITECTURES: dict[str, Callable] = {
    "tal_gata": tal_gata,
    "basset": basset,
    "bpnet": bpnet,
    "dilated": dilated,
    "transformer": transformer,
    "attention_pool": networks.attention_pool,
    "exponential": networks.exponential,
    "additive": networks.additive,
    "pwm": networks.pwm,
    "pwm_tied": networks.pwm_tied,
    "lattice": networks.lattice,
}
#: The architectures that the method `built-in` reads.
READABLE = ("attention_pool", "exponential", "additive", "pwm", "pwm_tied", "lattice")
#: The architectures that predict profiles and counts; all others predict a number for each task.
OF_PROFILES = ("bpnet",)


def _keras() -> Any:
    quiet_tensorflow()
    import keras

    return keras


def _check_counts(name: str, options: dict[str, Any]) -> None:
    """Raise :class:`InputError` unless every option is a whole number of at least 1, or an activation."""
    for option, value in options.items():
        if option in _OWN_CHECKS:
            continue
        if option == "output":
            if value not in _OUTPUTS:
                raise InputError(f"architecture {name!r}: output is one of {', '.join(_OUTPUTS)}, not {value!r}")
            continue
        if value is None and (option, name) in (("length", "tal_gata"), ("dilations", "bpnet"), ("positions", "bpnet")):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"architecture {name!r}: {option}={value!r} is not a whole number of at least 1")


def _check_length(name: str, length: int | None, shortest: int) -> None:
    if length is not None and length < shortest:
        raise InputError(f"architecture {name!r} cannot take sequences of {length}; {shortest} is the shortest")
