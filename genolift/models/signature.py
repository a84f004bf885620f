"""The signature of a model: names and shapes of its inputs and outputs, whichever library it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genolift.support.errors import InputError, Remedy, UnsupportedModel
from genolift.support.tensorflow import Tensor


class UndeclaredInputs(UnsupportedModel):
    """A model that does not tell which inputs it takes. Python can still call it, and sees then what it was given."""


@dataclass(frozen=True)
class Port:
    """One input or output.

    Parameters
    ----------
    name
        Its name.
    shape
        Its shape without the batch axis, with ``None`` where any size will do.
    dtype
        TensorFlow's name of its type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model, in its own order; those of a dict are sorted by key."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def sequence(self) -> Port | None:
        """The only input of shape (length, channels); ``None`` if there is none or more than one."""
        ports = [port for port in self.inputs if len(port.shape) == 2]
        return ports[0] if len(ports) == 1 else None

    @property
    def length(self) -> int | None:
        """The length of the sequence input; ``None`` if any length will do or there is no :attr:`sequence`."""
        port = self.sequence
        return port.shape[0] if port else None

    @property
    def alphabet(self) -> int | None:
        """The number of channels of the sequence input (4 for DNA); ``None`` if there is no :attr:`sequence`."""
        port = self.sequence
        return port.shape[1] if port else None

    def check_length(self, name: str, length: int) -> None:
        """Raise :class:`InputError` if the model cannot take the sequence ``name`` of ``length`` bases."""
        if self.length is not None and length != self.length:
            raise InputError(f"sequence {name!r} is {length} long, the model takes {self.length}")


def describe(model: Any) -> Signature:
    """Return the signature of a model.

    Parameters
    ----------
    model
        A Keras 3 or ``tf_keras`` model, or one that :func:`genolift.models.loading.load_model` returned.

    Returns
    -------
    Signature
        Its inputs and outputs.

    Raises
    ------
    UndeclaredInputs
        If the model does not have one because it is subclassed or was never built.
    UnsupportedModel
        If an input is no array.
    """
    if isinstance(getattr(model, "signature", None), Signature):
        return model.signature
    inputs, outputs = (getattr(model, which, None) for which in ("inputs", "outputs"))
    if not inputs or not outputs:
        raise UndeclaredInputs(
            f"{type(model).__name__} {getattr(model, 'name', '')!r} does not tell the shapes of its inputs; "
            "a functional or Sequential model that starts with keras.Input does"
        )
    return Signature(
        tuple(_input(name, tensor) for name, tensor in _named(model, "input", inputs)),
        tuple(Port(name, tuple(tensor.shape)[1:]) for name, tensor in _named(model, "output", outputs)),
    )


def _input(name: str, tensor: Tensor) -> Port:
    for kind in ("ragged", "sparse"):
        if getattr(tensor, kind, False) or kind in type(getattr(tensor, "type_spec", None)).__name__.lower():
            raise UnsupportedModel(
                f"input {name!r} of the model takes {kind} tensors, which have no positions that scores could stand at",
                Remedy.naming("make the model again for arrays, whose sequences are padded to one length"),
            )
    dtype = tensor.dtype
    return Port(name, tuple(tensor.shape)[1:], dtype if isinstance(dtype, str) else dtype.name)


def flat(structure: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a structure of dicts and lists, each with the keys and numbers that lead to it.

    Dicts are sorted by key. The keys are joined by ``/``.
    """
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from flat(structure[key], f"{path}/{key}" if path else str(key))
    elif isinstance(structure, list | tuple):
        for number, one in enumerate(structure):
            yield from flat(one, f"{path}/{number}" if path else str(number))
    else:
        yield path, structure


def _named(model: Any, which: str, tensors: list) -> list[tuple[str, Tensor]]:
    """Return pairs of name and symbolic tensor; the names are the keys of a dict, and otherwise those of the layers."""
    structure = getattr(model, which, None) if hasattr(model, f"{which}_names") or which == "input" else None
    nested = isinstance(structure, list | tuple) and any(isinstance(one, dict | list | tuple) for one in structure)
    if isinstance(structure, dict) or nested:
        return list(flat(structure))
    # A tf_keras model has the names of both. A Keras 3 model has those of its outputs, and only if it is functional.
    names = getattr(model, f"{which}_names", None)
    if not names and which == "input":
        names = [tensor.name for tensor in tensors]
    elif not names:
        names = [[model, *model.layers][-1].name]  # The output of a Sequential model is that of its last layer.
    return list(zip(names, tensors, strict=True))
