"""The sequences that a user gives (an array, regions, or several inputs as a dict or list) as float32 arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genolift.models.calling import ALONE, Caller, Order
from genolift.models.signature import flat
from genolift.sequence.alphabet import axes_hint, is_dna
from genolift.support.errors import InputError

# By how much a sum of shares may exceed 1.
_ROUNDING = 1e-3


@dataclass
class Inputs:
    """The sequences to explain, an array for each input of the model.

    Parameters
    ----------
    arrays
        The inputs (N, ...) as float32, in the model's order. Tokens are one-hot once the model is traced.
    order
        The inputs' names in the model's order, and the structure in which the model takes them.
    keys
        The names of the inputs where the user gave a dict.
    listed
        Whether the user gave a list.
    names
        The names of the sequences, if they have any.
    regions
        The regions of a genome that the sequences are, if the user gave regions.
    tokens
        For each input the number of its different tokens, or None where it has none. The list is empty until the model
        is traced.
    kinds
        The type of each input as the user gave it.
    kept
        Which inputs keep their own values because importance cannot flow to them, such as masks of integers. The list
        is empty until the model is traced.
    signals
        Which inputs have the shape of one-hot DNA and hold other numbers, such as four tracks of signals. By default
        there are none.
    """

    arrays: list[np.ndarray]
    order: Order = ALONE
    keys: list[str] | None = None
    listed: bool = False
    names: list[str] | None = None
    regions: object = None
    tokens: list[int | None] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    signals: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.arrays[0])

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each input, without the axis of the sequences."""
        return tuple(array.shape[1:] for array in self.arrays)

    @property
    def dna(self) -> list[bool]:
        """For each input, whether it is one-hot DNA (N, L, 4)."""
        signals = self.signals or [False] * len(self.arrays)
        return [is_dna(array.shape[1:]) and not other for array, other in zip(self.arrays, signals, strict=True)]

    @property
    def one_hot(self) -> list[bool]:
        """For each input, whether its scores are sums over the last axis, which is one of letters or four signals."""
        tokens = self.tokens or [None] * len(self.arrays)
        pairs = zip(self.arrays, tokens, strict=True)
        return [is_dna(array.shape[1:]) or size is not None for array, size in pairs]

    @property
    def letters(self) -> list[bool]:
        """For each input, whether its last axis is one of letters, so that another letter could be there."""
        tokens = self.tokens or [None] * len(self.arrays)
        return [dna or size is not None for dna, size in zip(self.dna, tokens, strict=True)]

    def tell_signals(self, dna: bool | dict | list | None) -> None:
        """Find out which inputs of the shape of one-hot DNA hold other numbers.

        Parameters
        ----------
        dna
            Whether the user says that such inputs are DNA: of all of them, or a dict by input name or a list of each.
            With None their numbers tell: the four numbers of a position of DNA are not negative, and their sum is at
            most 1. They are shares of bases where a base is not certain.

        Raises
        ------
        InputError
            If there is no such input, or the list has another length.
        """
        self.signals = [
            is_dna(array.shape[1:]) and (not _holds_shares(array) if one is None else not one)
            for array, one in zip(self.arrays, self._each(dna), strict=True)
        ]

    def _each(self, dna: bool | dict | list | None) -> list[bool | None]:
        """Return what the user says of each input."""
        names = self.order.names
        if isinstance(dna, dict):
            if unknown := set(dna) - set(names):
                raise InputError(f"dna is given for unknown inputs {sorted(unknown)}; there are {', '.join(names)}")
            dna = [dna.get(name) for name in names]
        if isinstance(dna, (list, tuple)) and len(dna) != len(self.arrays):
            raise InputError(f"dna is given for {len(dna)} inputs, but there are {len(self.arrays)}; give one each")
        each = list(dna) if isinstance(dna, (list, tuple)) else [dna] * len(self.arrays)
        if any(not isinstance(one, bool | np.bool_ | None) for one in each):
            raise InputError(f"dna must be True, False or None, or a dict or list of these by input, not {dna!r}")
        return each

    def pack(self, per_input: list) -> Any:
        """Return one thing per input in the structure that the user gave: a dict, a list, or the only one itself."""
        if self.keys is not None:
            return dict(zip(self.keys, per_input, strict=True))
        return per_input if self.listed else per_input[0]


def _holds_shares(array: np.ndarray) -> bool:
    """Whether the numbers along the last axis are shares, which are not negative and sum to at most 1."""
    return bool(array.min() >= 0 and array.sum(-1).max() <= 1 + _ROUNDING)


def as_inputs(X: Any, caller: Caller) -> Inputs:
    """Return what a user gave as inputs, in the order in which the model takes them.

    Parameters
    ----------
    X
        An array, regions, a dict of arrays by input name, or a list of arrays.
    caller
        What calls the model.

    Raises
    ------
    InputError
        If these are not the model's inputs, or not sequences of finite numbers.
    """
    if isinstance(X, dict):
        given = _by_name(X, caller)
        order = caller.order(list(given))
        inputs = Inputs([_array(given[name], str(name)) for name in order.names], order, keys=list(order.names))
        kinds = [given[name] for name in order.names]
    elif isinstance(X, (list, tuple)) and not _is_one(X, caller):
        inputs = Inputs([_array(x, f"input {i}") for i, x in enumerate(X)], caller.order(len(X)), listed=True)
        kinds = list(X)
    else:
        inputs = Inputs([_array(X, "regions" if hasattr(X, "one_hot") else "X")], caller.order(1))
        kinds = [X]
    inputs.kinds = [str(getattr(x, "dtype", "float32")).rsplit(".", maxsplit=1)[-1] for x in kinds]
    regions = [x for x in kinds if hasattr(x, "one_hot")]
    if len(regions) == 1:
        inputs.names, inputs.regions = list(regions[0].names), regions[0]
    _check_axes(inputs, caller)
    return inputs


def _by_name(X: dict, caller: Caller) -> dict:
    """Return inputs by name; the names of those in a structure are the keys that lead there, joined by ``/``."""
    if not any(isinstance(x, dict) or (isinstance(x, list | tuple) and not _is_written(x)) for x in X.values()):
        return X
    if caller.names is None:
        raise InputError("X holds dicts or lists of inputs inside a dict; give a dict of arrays, without others inside")
    return dict(flat(X))


def _is_one(X: list | tuple, caller: Caller) -> bool:
    """Whether a list is the only input, written as a list of its sequences, rather than several inputs."""
    if not caller.takes_one:
        return False
    if _is_written(X):
        return True
    ports = caller.shapes
    return ports is not None and all(np.ndim(x) == len(ports[0]) for x in X if not hasattr(x, "one_hot"))


def _is_written(X: list | tuple) -> bool:
    """Whether a list is an array that is written as lists, rather than a list of arrays."""
    return all(isinstance(x, list | tuple | int | float | str | np.generic) for x in X)


def _check_axes(inputs: Inputs, caller: Caller) -> None:
    """Refuse arrays without sequences, or with different numbers of them."""
    # A model may take one number for each sequence. Alone, an array without further axes is more likely a sequence
    # whose axis of sequences was forgotten, unless the model says that it takes such.
    numbers = caller.shapes is not None or any(array.ndim > 1 for array in inputs.arrays)
    for array, name in zip(inputs.arrays, inputs.order.names, strict=True):
        if array.ndim < (1 if numbers else 2):
            what = "X" if len(inputs.arrays) == 1 else name
            raise InputError(f"{what} has shape {array.shape}; the first axis is the sequences, as in (N, L, 4)")
    counts = {len(array) for array in inputs.arrays}
    if len(counts) != 1:
        raise InputError(f"the inputs have different numbers of sequences: {[len(a) for a in inputs.arrays]}")
    if not len(inputs):
        raise InputError("there are no sequences to explain: X has length 0")


def check_shapes(arrays: list[np.ndarray], shapes: list[tuple], names: list[str]) -> None:
    """Refuse arrays that do not have the shapes that the model declares, in which None means any length."""
    for array, shape, name in zip(arrays, shapes, names, strict=True):
        fits = array.ndim == len(shape) + 1 and all(s in (None, d) for s, d in zip(shape, array.shape[1:], strict=True))
        if not fits:
            takes = "".join(", any" if s is None else f", {s}" for s in shape) or ","
            raise InputError(
                f"input {name!r} takes arrays of shape (N{takes}), but X has shape {array.shape}{_turn(array, shape)}"
            )


def _turn(array: np.ndarray, shape: tuple) -> str:
    """Return how an array can be made to fit a shape (without the axis of sequences), where one step does it."""

    def fits(other: tuple) -> bool:
        return len(other) == len(shape) and all(s in (None, d) for s, d in zip(shape, other, strict=True))

    if fits(array.shape):
        return "; the axis of the sequences is missing: for one sequence, give X[None]"
    if array.ndim < len(shape):
        return "; the first axis is the sequences"
    layout = axes_hint((len(array), *shape))
    if layout and is_dna(array.shape[1:]) and not is_dna(shape):
        return f"; {layout}"
    if array.ndim == 3 and fits(array.shape[:0:-1]):
        return "; its axes are turned: give X.transpose(0, 2, 1)"
    if array.ndim == 2 and fits(array.shape[::-1]):
        return "; its axes are turned, and the axis of the sequences is missing: for one sequence, give X.T[None]"
    return ""


def _array(value: Any, name: str) -> np.ndarray:
    """Return one input as float32; ``name`` is what messages call it."""
    kind = type(value).__name__
    if kind in ("RaggedTensor", "SparseTensor"):
        way = (
            "pad to one length, as with its to_tensor()" if kind == "RaggedTensor" else "give tf.sparse.to_dense of it"
        )
        raise InputError(f"{name} is a {kind}; {way}, because scores stand at the positions of an array")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(f"{name} is an array with masked values; fill them first, because models do not see masks")
    try:
        array = np.asarray(value.one_hot() if hasattr(value, "one_hot") else value)
    except ValueError as problem:
        if isinstance(value, list | tuple):
            raise InputError(
                f"{name} is a list of {len(value)} sequences that do not all have one shape, so they make no array; "
                "pad them to one length, or explain those of each length by themselves"
            ) from problem
        raise
    if array.dtype == object or array.dtype.kind in "USO":
        raise InputError(f"{name} holds {array.dtype}, not numbers; encode sequences with genolift.one_hot first")
    if array.dtype.kind == "c":
        raise InputError(f"{name} holds complex numbers; give their real and imaginary parts as channels")
    if 0 in array.shape[1:]:
        raise InputError(f"{name} has shape {array.shape}: there is nothing in its sequences")
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinite values")
    return array
