"""Activations of a hidden layer along sequences, and the positions that each row of the layer sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genolift.engine.hidden.maps import Rows
from genolift.engine.hidden.placing import first_wide, follows, last_placed, name_of, named, placed
from genolift.engine.program import Value
from genolift.engine.windows.receptive import Fields, Receptive
from genolift.methods.common.inputs import Inputs, as_inputs
from genolift.methods.common.predicting import batch_size, batches
from genolift.methods.common.refusals import no_sequences
from genolift.methods.common.tokens import adapt
from genolift.methods.common.traced import Traced
from genolift.models.calling import Caller
from genolift.support import drawings
from genolift.support.errors import InputError, Remedy, UnsupportedModel, setting
from genolift.support.memory import Recent, parse_bytes
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Receptive fields are kept for at most this many shapes of inputs.
_LENGTHS = 256


@dataclass(frozen=True, eq=False)
class Activations:
    """The activations of a hidden layer for sequences.

    The layer has C units at each of its J rows. Row j sees the positions from ``starts[j]`` up to, but not including,
    ``ends[j]``.

    Parameters
    ----------
    layer
        The path or name of the layer.
    values
        The activations (N, J, C).
    fields
        The receptive fields of the rows.
    inputs
        The sequences (N, L, 4) that the layer sees.
    names
        The names of the sequences.
    """

    layer: str
    values: np.ndarray
    fields: Fields
    inputs: np.ndarray
    names: list[str]

    @property
    def starts(self) -> np.ndarray:
        """The first position that each row sees, (J,)."""
        return self.fields.starts

    @property
    def ends(self) -> np.ndarray:
        """The position after the last one that each row sees, (J,)."""
        return self.fields.ends

    @property
    def centres(self) -> np.ndarray:
        """The centre of each row's receptive field, padding included, (J,)."""
        return self.fields.centres

    def index(self, name: str) -> int:
        """Return the number of the sequence called ``name``, counted from 0.

        Raises
        ------
        InputError
            If no sequence has that name.
        """
        if name not in self.names:
            raise InputError(f"no sequence is called {name!r}; names begin {', '.join(self.names[:5])}")
        return self.names.index(name)

    def plot(self, i: int | str = 0, **options: Any) -> Any:
        """Return a heat map of the activations over one sequence.

        Parameters
        ----------
        i
            The sequence, by number from 0 or by name.
        **options
            The options of :func:`genolift.plot.activations.plot_activations`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return drawings.draw(self, drawings.PLOT, i, **options)


def activations(
    model: Callable,
    layer: str | None,
    X: Any,
    names: Sequence[str] | None = None,
    memory: str | int | float | None = None,
) -> Activations:
    """Return the activations of a hidden layer for sequences, and which positions each of its rows sees.

    Parameters
    ----------
    model
        The model: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors.
    layer
        The layer, by name or path, or the Keras layer itself. None is the last layer whose rows each see a known
        stretch of the sequence.
    X
        One-hot sequences of shape (N, L, 4), or any shape that the model takes; regions of a genome; or several inputs
        as a dict by input name or as a list.
    names
        The names of the sequences. By default they are those of the regions, or numbers from 0.
    memory
        The budget for activations, as ``"4GB"`` or a number of bytes. The default is 1 GB.

    Returns
    -------
    Activations
        The activations of all sequences, held in memory.

    Raises
    ------
    InputError
        If the activations take more than ``memory``, there is no such layer, or ``X`` or ``names`` do not fit.
    UnsupportedModel
        If the rows of the layer do not each see a known stretch of one sequence.
    """
    reader = LayerReader(model, layer, memory)
    inputs = reader.inputs(X)
    opened = reader.open(inputs)
    need = 4 * len(inputs) * len(opened.fields.starts) * opened.rows.channels[0]
    if need > reader.memory:
        raise InputError(
            f"the activations of layer {opened.layer!r} for {len(inputs):,} sequences take {need / 1e9:.2g} GB, more "
            f"than the budget of {reader.memory / 1e9:.2g} GB",
            Remedy.naming("give fewer sequences, or {}", setting("memory", f"{need * 1.1 / 1e9:.2g}GB")),
        )
    values = np.concatenate(list(reader.batches(inputs)))
    names = inputs.names if names is None else list(names)
    names = [str(i) for i in range(len(inputs))] if names is None else names
    if len(names) != len(inputs):
        raise InputError(f"{len(names)} names were given for {len(inputs)} sequences")
    return Activations(opened.layer, values, opened.fields, inputs.arrays[opened.place], names)


@dataclass(frozen=True, eq=False)
class _Opened:
    """A layer for inputs of certain shapes.

    Parameters
    ----------
    layer
        The path or name of the layer.
    rows
        The model up to the layer.
    fields
        The receptive fields of the layer's rows.
    place
        The number of the input that the layer sees.
    behind
        Whether the layer's rows see more than those of the first convolution.
    """

    layer: str
    rows: Rows
    fields: Fields
    place: int
    behind: bool


class LayerReader:
    """Runs a model up to one of its layers.

    Parameters
    ----------
    model
        The model.
    layer
        The layer, by name or path, or the Keras layer itself. None is the last layer whose rows each see a known
        stretch of the sequence.
    memory
        The budget for the network's activations, as ``"4GB"`` or a number of bytes. The default is 1 GB.
    first
        Whether None is the first layer whose rows each see several bases (the first convolution) instead.
    """

    def __init__(
        self,
        model: Callable,
        layer: str | None = None,
        memory: str | int | float | None = None,
        first: bool = False,
    ):
        self.model, self.layer, self.first = model, getattr(layer, "name", layer), first
        self.memory = parse_bytes(memory)
        self._caller = Caller(model)
        self._traced: Traced | None = None
        self._opened = Recent(_LENGTHS)
        self._compiled: dict[Value, Rows] = {}

    @property
    def traced(self) -> Traced:
        """The model as it was traced for the last inputs."""
        assert self._traced is not None
        return self._traced

    def inputs(self, X: Any) -> Inputs:
        """Return the inputs ``X`` that a user gave in the form in which the model takes them."""
        inputs = as_inputs(X, self._caller)
        return adapt(inputs, self._tracing(inputs))

    @staticmethod
    def part(inputs: Inputs, rows: slice) -> Inputs:
        """Return the inputs of the sequences in ``rows`` alone."""
        return replace(inputs, arrays=[array[rows] for array in inputs.arrays])

    def _tracing(self, inputs: Inputs) -> Traced:
        if self._traced is None or (self._caller.names is None and not self._traced.accepts(inputs)):
            names, shapes = list(inputs.order.names), self._caller.shapes or [x.shape[1:] for x in inputs.arrays]
            order, kinds = inputs.order, inputs.kinds
            self._traced = Traced(self.model, _everything, "keep", shapes, names, order=order, kinds=kinds)
            self._opened, self._compiled = Recent(_LENGTHS), {}
        return self._traced

    def open(self, inputs: Inputs) -> _Opened:
        """Return the layer for inputs of these shapes, or refuse one whose rows have no known place."""
        shapes = [tuple(array.shape[1:]) for array in inputs.arrays]
        if tuple(shapes) not in self._opened:
            self._opened[tuple(shapes)] = self._open(inputs, shapes)
        return self._opened[tuple(shapes)]

    def _open(self, inputs: Inputs, shapes: list[tuple]) -> _Opened:
        program = self.traced.program
        sequences = {
            i: Receptive(program, program.outputs, shapes, i) for i, letters in enumerate(inputs.one_hot) if letters
        }
        if not sequences:
            raise no_sequences("activations", "are placed on")
        value = self._chosen(sequences)
        name = name_of(value, program)
        seeing = [i for i, one in sequences.items() if value in follows(one.program, one.source)]
        if len(seeing) > 1:
            raise UnsupportedModel(f"layer {name!r} sees {len(seeing)} sequences, so its positions have no one place")
        if not seeing or not placed(sequences[seeing[0]], value):
            others = filter(None, (last_placed(one, program.outputs) for one in sequences.values()))
            told = ", ".join(repr(name_of(other, program)) for other in others)
            raise UnsupportedModel(
                f"layer {name!r} has no positions that each see a known stretch of the sequence; "
                + (f"layer {told} has" if told else "no layer of this model has any")
            )
        receptive = sequences[seeing[0]]
        if value not in self._compiled:
            self._compiled[value] = Rows(receptive.program, [value], [receptive.channels(value)])
        first, fields = first_wide(receptive), receptive(value)
        behind = first is not None and fields.width > receptive(first).width
        return _Opened(name, self._compiled[value], fields, seeing[0], behind)

    def _chosen(self, sequences: dict[int, Receptive]) -> Value:
        program = self.traced.program
        if self.layer is not None:
            values = named(program, self.layer)
            if len(values) > 1:
                raise InputError(
                    f"layer {self.layer!r} gives {len(values)} tensors in this model; name one by its path"
                )
            return values[0]
        find = first_wide if self.first else lambda one: last_placed(one, program.outputs)
        value = next(filter(None, map(find, sequences.values())), None)
        if value is None:
            raise UnsupportedModel("no layer of this model has positions that each see a known stretch of the sequence")
        return value

    def batches(self, inputs: Inputs) -> Iterator[np.ndarray]:
        """Yield the layer's activations (n, J, C), some sequences at a time."""
        rows = self.open(inputs).rows
        for part, xs in batches(inputs.arrays, batch_size(self.traced, inputs, self.memory)):
            (values,) = rows(xs)
            yield values[: part.stop - part.start]


def _everything(outputs: Any) -> Tensor:
    """Return the sum of all outputs, (N,). As a target it needs every layer."""
    flat = [tf.cast(output, tf.float32) for output in tf.nest.flatten(outputs)]
    return tf.add_n([tf.reduce_sum(tf.reshape(output, [tf.shape(output)[0], -1]), 1) for output in flat])
