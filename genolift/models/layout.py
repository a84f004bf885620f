"""Models that take DNA in another layout than (N, length, 4), wrapped so that they take (N, length, 4).

A layout names the axes of a model's input in their order: N for sequences, L for positions, C for channels, and 1 for
an axis of size one. ``NCL`` is (N, 4, L), and ``N1LC`` is (N, 1, L, 4). Channels other than A, C, G, T follow after a
colon: ``NLC:AGCT``, or ``NLC:ACGTN``, whose last channel is 1 where there is no base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genolift.models.graphs import GraphModel
from genolift.models.signature import Port, Signature, describe
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor, quiet_tensorflow

BASES = "ACGT"
_NAMES = {"channels-last": "NLC", "channels-first": "NCL"}
_UNKNOWN = "N"  # the channel that holds 1 minus the sum of the four bases


@dataclass(frozen=True)
class Layout:
    """The layout of a model's input: its ``axes`` (N, L, C and 1) and the ``letters`` of its channels, in order."""

    axes: str
    letters: str = BASES

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Return the layout that a user's text describes.

        Parameters
        ----------
        text
            ``"NCL"``, ``"channels-first"``, ``"(N, 4, L)"``, ``"N1LC:ACGTN"`` or similar.

        Raises
        ------
        InputError
            If the text is not understood.
        """
        axes, _, letters = _NAMES.get(text.lower(), text).upper().partition(":")
        axes = "".join(axis for axis in axes if axis not in "(), ")
        letters = letters or (f"{BASES}{_UNKNOWN}" if "5" in axes else BASES)
        axes = axes.replace(str(len(letters)), "C")
        named = axes.replace("1", "")
        if axes[:1] != "N" or sorted(named) != ["C", "L", "N"] or sorted(letters.replace(_UNKNOWN, "")) != list(BASES):
            raise InputError(
                f"layout {text!r} is not understood; write the axes of the model's input as NCL, N1LC or NL1C, and "
                "channels other than A, C, G, T after a colon, as NLC:AGCT or NLC:ACGTN"
            )
        if letters.count(_UNKNOWN) > 1:
            raise InputError(f"layout {text!r} has more than one channel for unknown bases")
        return cls(axes, letters)

    @property
    def is_plain(self) -> bool:
        """Whether this is the layout (N, length, 4) with the channels A, C, G, T."""
        return (self.axes, self.letters) == ("NLC", BASES)

    def __str__(self) -> str:
        return self.axes if self.letters == BASES else f"{self.axes}:{self.letters}"

    def fits(self, shape: tuple[int | None, ...]) -> bool:
        """Return whether an input of this shape (without the batch axis) can have this layout."""
        sizes = {"1": 1, "C": len(self.letters)}
        return len(shape) == len(self.axes) - 1 and all(
            axis == "L" or size in (None, sizes[axis]) for axis, size in zip(self.axes[1:], shape, strict=True)
        )

    def length(self, shape: tuple[int | None, ...]) -> int | None:
        """Return the number of positions of an input of this shape (without the batch axis), ``None`` if any."""
        return shape[self.axes.index("L") - 1]

    def arrange(self, x: Tensor) -> Tensor:
        """Return one-hot sequences (N, length, 4) in this layout."""
        tf = quiet_tensorflow()
        if self.letters != BASES:
            channels = dict(zip(BASES, tf.split(x, 4, axis=-1), strict=True))
            if _UNKNOWN in self.letters:
                channels[_UNKNOWN] = 1 - tf.reduce_sum(x, axis=-1, keepdims=True)
            x = tf.concat([channels[letter] for letter in self.letters], axis=-1)
        x = tf.transpose(x, ["NLC".index(axis) for axis in self.axes if axis != "1"])
        for place, axis in enumerate(self.axes):
            x = tf.expand_dims(x, place) if axis == "1" else x
        return x


class Arranged:
    """A model that takes (N, length, 4) wherever the wrapped model takes an input of another layout.

    Other inputs stay as they are. It is called like the wrapped model.

    Parameters
    ----------
    model
        The model to wrap.
    layout
        The layout of its inputs.

    Attributes
    ----------
    signature : Signature
        The inputs and outputs after wrapping.

    Raises
    ------
    InputError
        If no input of the model can have the layout.
    """

    def __init__(self, model: Any, layout: Layout):
        given = describe(model)
        self.model, self.layout, self.name = model, layout, getattr(model, "name", "model")
        self._arranged = [layout.fits(port.shape) for port in given.inputs]
        if not any(self._arranged):
            shapes = ", ".join(str(("N", *("any" if size is None else size for size in p.shape))) for p in given.inputs)
            raise InputError(f"layout {layout} fits no input of the model, which takes {shapes.replace(chr(39), '')}")
        ports = [
            Port(port.name, (layout.length(port.shape), 4)) if arranged else port
            for port, arranged in zip(given.inputs, self._arranged, strict=True)
        ]
        self.signature = Signature(tuple(ports), given.outputs)

    def __call__(self, inputs: Any) -> Any:
        """Return the model's outputs for inputs given as one tensor, a list, or a dict by input name."""
        names = [port.name for port in self.signature.inputs]
        tensors = [inputs[name] for name in names] if isinstance(inputs, dict) else inputs
        tensors = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
        if len(tensors) != len(names):
            raise InputError(f"model {self.name!r} takes {len(names)} inputs ({', '.join(names)}), not {len(tensors)}")
        tensors = [
            self.layout.arrange(tensor) if arranged else quiet_tensorflow().convert_to_tensor(tensor)
            for tensor, arranged in zip(tensors, self._arranged, strict=True)
        ]
        argument = tensors[0] if len(tensors) == 1 else tensors
        if isinstance(self.model, GraphModel):
            return self.model(argument)
        if isinstance(getattr(self.model, "input", None), dict):
            argument = dict(zip(names, tensors, strict=True))
        return self.model(argument, training=False)


def arranged(model: Any, layout: str | None) -> Any:
    """Return a model that takes (N, length, 4).

    Parameters
    ----------
    model
        The model.
    layout
        The layout of its inputs, as :meth:`Layout.parse` takes it. For ``None`` and ``"NLC"`` the model is returned as
        it is.
    """
    parsed = Layout("NLC") if layout is None else Layout.parse(layout)
    return model if parsed.is_plain else Arranged(model, parsed)


def guess(shape: tuple[int | None, ...]) -> Layout | None:
    """Return the layout that an input of this shape (without the batch axis) most likely has.

    The result is ``None`` for the plain layout (N, length, 4), and where the shape fits no layout or more than one.
    """
    for size, letters in ((4, BASES), (5, BASES + _UNKNOWN)):
        channels = [place for place, width in enumerate(shape) if width == size]
        positions = [place for place, width in enumerate(shape) if width not in (1, size)]
        if len(channels) == len(positions) == 1:
            axes = "".join("C" if p in channels else "L" if p in positions else "1" for p in range(len(shape)))
            layout = Layout(f"N{axes}", letters)
            return None if layout.is_plain else layout
    return None
