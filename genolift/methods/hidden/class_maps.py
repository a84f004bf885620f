"""Activation maps placed on the sequence: CAM, Grad-CAM and guided Grad-CAM."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.hidden.maps import Maps, averaged, class_activation, gradient_weighted
from genolift.engine.hidden.placing import follows, last_placed, name_of, named, placed
from genolift.engine.operations.table import operation
from genolift.engine.program import Value
from genolift.engine.walk.points import Points
from genolift.engine.windows.receptive import Fields, Receptive
from genolift.methods.common.base import Method
from genolift.methods.common.blocks import fields_of
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, batch_size, batches
from genolift.methods.common.refusals import lacking, no_sequences
from genolift.methods.common.traced import Traced
from genolift.methods.gradients.gradients import guided
from genolift.methods.gradients.saliency import steepest
from genolift.methods.targets import TargetLike
from genolift.support.errors import UnsupportedModel
from genolift.support.memory import Recent
from genolift.support.progress import bar

# Refusals say with these words what a map needs.
_NEEDS = "needs a layer with several positions that each see a known stretch of the sequence"
# Refusals recommend these methods for a model without such layers.
_INSTEAD = "use deeplift, integrated-gradients or occlusion, which need no such layer"
# Receptive fields are kept for at most this many shapes of inputs.
_LENGTHS = 256


@dataclass(frozen=True)
class _Atlas:
    """All that maps need to be computed and placed on inputs of certain shapes.

    Parameters
    ----------
    maps
        The function that computes the targets and the maps of hidden values.
    fields
        For each input that is a sequence, the numbers of the values that see it, with their receptive fields.
    layer
        The path or name of the layer whose rows are mapped.
    """

    maps: Maps
    fields: dict[int, list[tuple[int, Fields]]]
    layer: str


class MapMethod(Method):
    """A map over the rows of a hidden layer, placed on the positions that the rows see.

    A row's value stands at the centre of its receptive field, which follows from padding, strides, dilation and pools.
    Between centres values are interpolated linearly. Before the first centre and after the last they are constant, and
    where no row sees a position they are 0. The maps of a layer that runs several times are added. Positions get
    ``scores``. ``hypothetical`` is not defined.
    """

    #: The function that makes a map of activations and slopes.
    weigh = staticmethod(gradient_weighted)

    @override
    def prepare(self, traced: Traced) -> None:
        self._atlases = Recent(_LENGTHS)
        self._compiled: dict[tuple, Maps] = {}
        self._last: _Atlas | None = None
        if (shapes := traced.fixed_shapes) is not None:
            self._atlas(traced, shapes)

    @override
    def accept(self, inputs: Inputs, traced: Traced) -> None:
        self._atlas(traced, [array.shape[1:] for array in inputs.arrays])

    @abstractmethod
    def mapped(self, traced: Traced, sequences: dict[int, Receptive]) -> list[list[Value]]:
        """Return the values that each target has maps of.

        ``sequences`` are the receptive fields in the inputs that are sequences, by the number of the input.
        """

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        atlas = self._atlas(traced, [array.shape[1:] for array in inputs.arrays])
        size = batch_size(traced, inputs, self.memory, backward=True)
        blocks = []
        with bar(len(inputs), self.name, "sequences", self.progress, long=len(inputs) > size) as display:
            for rows, padded in batches(inputs.arrays, size):
                predictions, maps = atlas.maps(padded)
                xs, kept = [array[rows] for array in inputs.arrays], rows.stop - rows.start
                blank = {i: np.zeros((*predictions[:kept].shape, xs[i].shape[1]), np.float32) for i in atlas.fields}
                on_inputs = {
                    i: sum((fields.spread(maps[k][:kept]) for k, fields in some), blank[i])
                    for i, some in atlas.fields.items()
                }
                blocks.append({"predictions": predictions[:kept], **self.block(xs, on_inputs, size)})
                display.update(kept)
        return fields_of(blocks, inputs, traced.several), self.undefined()

    def block(self, xs: list[np.ndarray], maps: dict[int, np.ndarray], size: int) -> dict[str, dict[int, np.ndarray]]:
        """Return fields (n, T, ...) by name and number of the input.

        Parameters
        ----------
        xs
            The sequences (n, ...), an array per input.
        maps
            The maps (n, T, L) of the inputs that are sequences, by number of the input.
        size
            The number of sequences that are computed at a time.
        """
        return {"scores": maps}

    def _atlas(self, traced: Traced, shapes: list[tuple]) -> _Atlas:
        key = (*map(tuple, shapes),)
        if key not in self._atlases:
            places = [i for i, letters in enumerate(traced.letters(shapes)) if letters]
            if not places:
                raise no_sequences(self.name, "is placed on")
            self._atlases[key] = self._drawn(traced, list(map(tuple, shapes)), places)
        self._last = self._atlases[key]
        return self._last

    def _drawn(self, traced: Traced, shapes: list[tuple], places: list[int]) -> _Atlas:
        program = traced.program
        ends = list(dict.fromkeys(value for target in traced.targets for value in target.values))
        sequences = {i: Receptive(program, ends, shapes, i, partial(traced.facts, shapes)) for i in places}
        own = self.mapped(traced, sequences)
        values = list(dict.fromkeys(value for some in own for value in some))
        name = ", ".join(dict.fromkeys(name_of(value, program) for value in values))
        channels, fields = {}, {}
        for i, receptive in sequences.items():
            seeing = follows(receptive.program, receptive.source)
            for value in values:
                if value in seeing:
                    self._check(value, receptive, name, ends)
                    channels[value] = receptive.channels(value)
            fields[i] = [(k, receptive(value)) for k, value in enumerate(values) if value in seeing]
        key = tuple(map(tuple, own))
        if key not in self._compiled:
            self._compiled[key] = Maps(program, traced.targets, own, channels, self.weigh)
        return _Atlas(self._compiled[key], fields, name)

    def _check(self, value: Value, receptive: Receptive, name: str, ends: list[Value]) -> None:
        if not placed(receptive, value):
            other = last_placed(receptive, ends)
            remedy = _INSTEAD if other is None else f"layer {name_of(other, receptive.program)!r} has them"
            raise lacking(self.name, _NEEDS, f"{name!r} has none", remedy)

    def undefined(self) -> dict[str, str]:
        """Return why the other fields are not defined, by name."""
        what = f"{self.name} tells the importance of positions, not of each base that could be there"
        return {
            "hypothetical": f"{what}; ism and deeplift do",
            "raw_contributions": what,
            "multipliers": f"{self.name} weighs the activations of a layer, not bases",
            **dict.fromkeys(
                ["reference_predictions", "reference_count", "standard_error"],
                f"{self.name} compares with no reference",
            ),
            "residual": f"{self.name} does not promise to sum to the difference from a reference",
        }

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "layer": None if self._last is None else self._last.layer}

    def findings(self) -> dict[str, Any]:
        """Return the layer of the map, how many positions it has, and how many bases each of them sees."""
        assert self._last is not None
        fields = [one for some in self._last.fields.values() for _, one in some]
        positions, width = [len(one.starts) for one in fields], [one.width for one in fields]
        return {"map": {"layer": self._last.layer, "positions": positions, "bases_seen_by_each": width}}


class Cam(MapMethod):
    """Class activation maps (Zhou et al. 2016): Σ_c w_c A_c at each row of the layer that is averaged over all rows.

    They are for networks that end in global average pooling and a dense layer, and w_c are the target's weights in that
    layer. Maps may be negative. The target is their mean over the rows plus an offset. Rows stand at the centres of
    their receptive fields, with linear interpolation in between.
    """

    name = "cam"
    weigh = staticmethod(class_activation)

    @override
    def mapped(self, traced: Traced, sequences: dict[int, Receptive]) -> list[list[Value]]:
        mapped: list[list[Value]] = []
        for target in traced.targets:
            mapped.append([])
            for value in target.values:
                layers, step = averaged(value, list(sequences.values()))
                if step is not None:
                    whole = "averages positions that each see the whole sequence"
                    why = whole if operation(step.op).reduces == "mean" else "stands in between"
                    does = "is for global average pooling followed by a dense layer that gives the target"
                    raise lacking("cam", does, f"{step.where} {why}", "use grad-cam, which needs neither")
                mapped[-1].extend(layers)
        return mapped


class GradCam(MapMethod):
    """Grad-CAM (Selvaraju et al. 2017): relu(Σ_c α_c A_c) at each row of a layer.

    α_c is the mean over the rows of the target's slope at channel c. Rows stand at the centres of their receptive
    fields, with linear interpolation in between.

    Parameters
    ----------
    layer
        The layer whose rows are mapped: its name, its path, or the Keras layer itself. For a function without layers
        it is the name of an operation. The default is the last layer whose rows each see a known stretch of the
        sequence, and which no path from the sequence to the target avoids. The result's record names it.
    """

    name = "grad-cam"

    def __init__(self, model: Callable, target: TargetLike = None, *, layer: str | None = None, **options: Any):
        self.layer = getattr(layer, "name", layer)
        super().__init__(model, target, **options)

    @override
    def mapped(self, traced: Traced, sequences: dict[int, Receptive]) -> list[list[Value]]:
        program = traced.program
        name = self.layer
        if name is None:
            ends = list(dict.fromkeys(target.terms[0][0] for target in traced.targets))  # One strand is enough.
            last = next(filter(None, (last_placed(one, ends) for one in sequences.values())), None)
            if last is None:
                raise lacking(self.name, _NEEDS, "this model has none on the way to the target", _INSTEAD)
            name = name_of(last, program)
        seeing = set().union(*(follows(one.program, one.source) for one in sequences.values()))
        values = [value for value in named(program, name) if value in seeing]
        if not values:
            raise UnsupportedModel(
                f"layer {name!r} is not on the way from the sequence to the target, so {self.name} cannot map it; "
                "leave layer out for the last one that is"
            )
        return [values] * len(traced.targets)


class GuidedGradCam(GradCam):
    """Guided Grad-CAM (Selvaraju et al. 2017, section 3.2): guided backprop × Grad-CAM's map, elementwise.

    ``multipliers`` are those of guided backprop at every base, times the map at its position. The score of a position
    is the largest of them in size, as with guided backprop.
    """

    name = "guided-grad-cam"

    @override
    def prepare(self, traced: Traced) -> None:
        self._points = Points(traced.program, traced.targets, guided(traced, self.name))
        super().prepare(traced)

    @override
    def block(self, xs: list[np.ndarray], maps: dict[int, np.ndarray], size: int) -> dict[str, dict[int, np.ndarray]]:
        _, slopes = Copies(self._points, xs, size).own_slopes()
        products = {i: slopes[i] * one[..., None] for i, one in maps.items()}
        return {"multipliers": products, "scores": {i: steepest(product, True) for i, product in products.items()}}

    @override
    def undefined(self) -> dict[str, str]:
        return {key: why for key, why in super().undefined().items() if key != "multipliers"}
