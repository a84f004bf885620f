"""What a model takes and gives: names and shapes of its inputs and outputs, whichever library it comes
from."""

from dataclasses import dataclass

from genolift.support.errors import InputError, UnsupportedModel


@dataclass(frozen=True)
class Port:
    """One input or output: its name, and its shape without the batch axis (``None`` where the size is
    free)."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a model, in the order in which it takes and gives them (dicts by sorted key)."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def sequence(self) -> Port | None:
        """The only input of shape (length, channels), ``None`` if there is none or more than one."""
        ports = [port for port in self.inputs if len(port.shape) == 2]
        return ports[0] if len(ports) == 1 else None

    @property
    def length(self) -> int | None:
        """How long the sequence input must be; ``None`` if any length will do (or there is no single such
        input)."""
        return self.sequence.shape[0] if self.sequence else None

    @property
    def alphabet(self) -> int | None:
        """How many channels a position of the sequence input has: 4 for DNA."""
        return self.sequence.shape[1] if self.sequence else None

    def check_length(self, name: str, length: int) -> None:
        """Raise :class:`InputError` if the model cannot take the sequence called ``name``, ``length`` bases
        long."""
        if self.length is not None and length != self.length:
            raise InputError(f"sequence {name!r} is {length} long, the model takes {self.length}")


def describe(model) -> Signature:
    """The signature of a Keras 3, ``tf_keras`` or loaded SavedModel.

    Raises :class:`UnsupportedModel` for a model that has none (a subclassed one, or one that was never
    built).
    """
    if isinstance(getattr(model, "signature", None), Signature):
        return model.signature
    inputs, outputs = (getattr(model, which, None) for which in ("inputs", "outputs"))
    if not inputs or not outputs:
        raise UnsupportedModel(
            f"{type(model).__name__} {getattr(model, 'name', '')!r} does not tell the shapes of its inputs; "
            "a functional or Sequential model that starts with keras.Input does"
        )
    return Signature(
        tuple(Port(name, tuple(tensor.shape)[1:]) for name, tensor in _named(model, "input", inputs)),
        tuple(Port(name, tuple(tensor.shape)[1:]) for name, tensor in _named(model, "output", outputs)),
    )


def _named(model, which: str, tensors: list) -> list[tuple[str, object]]:
    """Pairs of name and symbolic tensor. A dict's keys are the names; else those of the layers."""
    structure = getattr(model, which, None) if hasattr(model, f"{which}_names") or which == "input" else None
    if isinstance(structure, dict):
        return [(str(key), structure[key]) for key in sorted(structure)]
    names = getattr(model, f"{which}_names", None)  # tf_keras has both, Keras 3 those of a functional model's outputs
    if not names and which == "input":
        names = [tensor.name for tensor in tensors]
    elif not names:
        names = [[model, *model.layers][-1].name]  # a Sequential model's output is its last layer's
    return list(zip(names, tensors, strict=True))
