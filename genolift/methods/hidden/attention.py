"""Attention weights: which positions a model reads.

They are not attributions, because a position that is read need not matter (Jain & Wallace 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.hidden.attended import Tokens, tokens
from genolift.engine.hidden.attention import Attention, Readings, find
from genolift.engine.hidden.placing import follows
from genolift.engine.program import Program
from genolift.methods.common.base import Method
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import batch_size, batches
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.targets import TargetLike
from genolift.results.kinds import AttentionExplanation
from genolift.support.errors import InputError
from genolift.support.memory import Recent
from genolift.support.progress import bar

# Readers are kept for at most this many shapes of inputs.
_LENGTHS = 256
_FOLLOWS = "follows self-attention from layer to layer over the same tokens"
_MEANING = "share of attention: what the model reads, not an attribution"


@dataclass(frozen=True)
class _Reader:
    """The attentions of a model for inputs of some shapes, where their keys lie, and what computes their weights."""

    attentions: list[Attention]
    place: Callable[[Attention], Tokens]
    readings: Readings

    @cached_property
    def tokens(self) -> list[Tokens]:
        """Where the keys of each attention lie. It takes many predictions to find out in a long sequence."""
        return [self.place(one) for one in self.attentions]

    def follows(self, i: int) -> bool:
        """Whether attention number ``i`` reads the result of the one before it. The first counts as such."""
        if i == 0:
            return True
        return self.attentions[i].values in follows(self.readings.program, self.attentions[i - 1].softmax.output)


def _placed(program: Program, attentions: list, shapes: list[tuple], places: list[int], one: Attention) -> Tokens:
    return tokens(program, one, attentions, shapes, places)


class AttentionMethod(Method):
    """The weights of every attention that a model runs, and where in the sequence its keys lie.

    Parameters
    ----------
    query
        The number of a single query whose weights count, such as the class token's. By default scores are the mean over
        all queries.
    maps
        Whether to keep the ``weights``, which take much memory, as well as the scores.
    """

    result_type = AttentionExplanation
    lacks = ("rc_average",)
    gaps = ("standard_error", "weights")
    averages = False  # The heads and layers of different models do not correspond.

    def __init__(
        self, model: Callable, target: TargetLike = None, *, query: int | None = None, maps: bool = True, **options: Any
    ):
        if options.get("rc_average"):
            raise InputError(
                f"{self.name} reads one strand at a time; leave rc_average off, and give the reverse complements"
            )
        if query is not None and (isinstance(query, bool) or int(query) != query):
            raise InputError(f"query must be the number of a query, not {query!r}")
        self.query, self.maps = None if query is None else int(query), maps
        super().__init__(model, target, **options)

    @override
    def prepare(self, traced: Traced) -> None:
        self._readers = Recent(_LENGTHS)
        self._last: _Reader | None = None
        if (shapes := traced.fixed_shapes) is not None:
            self._reader(traced, shapes)

    @override
    def accept(self, inputs: Inputs, traced: Traced) -> None:
        self._reader(traced, [array.shape[1:] for array in inputs.arrays])

    def _reader(self, traced: Traced, shapes: list[tuple]) -> _Reader:
        key = tuple(map(tuple, shapes))
        if key not in self._readers:
            self._readers[key] = self._made(traced, list(key))
        self._last = self._readers[key]
        return self._last

    def _made(self, traced: Traced, shapes: list[tuple]) -> _Reader:
        program = traced.program
        attentions = find(program, shapes, traced.probe(shapes).leading, traced.facts(shapes))
        if not attentions:
            none = "this model has none: no softmax over positions whose result weighs values"
            instead = "use deeplift, integrated-gradients or ism"
            raise lacking(self.name, "reads the weights of attention layers", none, instead)
        places = [i for i, letters in enumerate(traced.letters(shapes)) if letters]
        place = partial(_placed, program, attentions, shapes, places)
        reader = _Reader(attentions, place, Readings(program, traced.targets, attentions))
        self.check(reader)
        return reader

    def check(self, reader: _Reader) -> None:
        """Refuse attentions that the method cannot use."""
        if self.query is not None:
            fewest = min(one.queries for one in self.read(reader))
            if not -fewest <= self.query < fewest:
                raise InputError(f"query is {self.query}, but there are {fewest} queries; number them from 0")

    def read(self, reader: _Reader) -> list[Attention]:
        """Return the attentions that scores are made of."""
        return reader.attentions

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        reader = self._reader(traced, [array.shape[1:] for array in inputs.arrays])
        size = batch_size(traced, inputs, self.memory)
        blocks = []
        with bar(len(inputs), self.name, "sequences", self.progress, long=len(inputs) > size) as shown:
            for rows, xs in batches(inputs.arrays, size):
                kept = rows.stop - rows.start
                predictions, weights = reader.readings(xs)
                blocks.append({"predictions": predictions[:kept], **self.block(reader, [w[:kept] for w in weights])})
                shown.update(kept)
        columns = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
        return self._fields(columns, reader, inputs, traced), self.undefined()

    def block(self, reader: _Reader, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Return fields of some sequences, from the weights (n, heads, queries, keys) of each attention.

        The scores of input i are called ``scores.i``.
        """
        fields = {"weights": _together(weights)} if self.maps else {}
        return {**fields, **self.scored(reader, weights)}

    def scored(self, reader: _Reader, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Return ``scores.i`` (n, L) for each input i that keys lie in, and further fields that a method makes."""
        raise NotImplementedError

    def of_queries(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean (n, keys) of weights (n, heads, queries, keys) over heads and queries.

        With the option ``query`` it is the mean over heads for that query.
        """
        rows = weights if self.query is None else weights[:, :, self.query, None]
        return rows.mean((1, 2), dtype=np.float64)

    def _fields(self, columns: dict, reader: _Reader, inputs: Inputs, traced: Traced) -> dict:
        def by_target(array: np.ndarray) -> np.ndarray:
            """Add the axis of targets, along which values are the same, if there are several."""
            if not traced.several:
                return array
            return np.broadcast_to(array[:, None], (len(array), len(traced.targets), *array.shape[1:]))

        predictions = columns.pop("predictions")
        fields = {"predictions": predictions if traced.several else predictions[:, 0]}
        scores = [columns.pop(f"scores.{i}", None) for i in range(len(inputs.arrays))]
        fields["scores"] = inputs.pack([None if array is None else by_target(array) for array in scores])
        if self.maps:
            where = _key_positions(reader)
            columns["key_positions"] = np.broadcast_to(where, (len(inputs), *where.shape))
        return fields | {key: by_target(array) for key, array in columns.items()}

    def undefined(self) -> dict[str, str]:
        """Return why the other fields are not defined, by name."""
        why = f"{self.name} tells what the model reads, which is nobody's share of the output; deeplift has these"
        own = {} if self.maps else dict.fromkeys(["weights", "key_positions"], "the method was made with maps=False")
        return {
            **dict.fromkeys(["hypothetical", "raw_contributions", "multipliers", "residual"], why),
            **dict.fromkeys(
                ["reference_predictions", "reference_count", "standard_error"],
                f"{self.name} compares with no reference",
            ),
            "rollout": "attention alone does not follow layers through each other; attention-rollout does",
            **own,
        }

    @override
    def describe(self) -> dict[str, Any]:
        layers = None if self._last is None else [one.name for one in self._last.attentions]
        return {**super().describe(), "query": self.query, "maps": self.maps, "layers": layers, "units": _MEANING}


class RawAttention(AttentionMethod):
    """The softmax weights themselves. ``scores`` are the share of each position in what is read, and sum to 1.

    They are the mean over layers, heads and queries. A key's weight is divided evenly among the positions that it sees.
    A position that is read need not matter, so ``hypothetical`` and contributions are not defined.

    Parameters
    ----------
    layer
        A single attention layer that is read, by name or number. By default all layers are read.
    head
        The number of a single head that is read. By default all heads are read.
    """

    name = "attention"

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        layer: int | str | None = None,
        head: int | None = None,
        **options: Any,
    ):
        self.layer, self.head = layer, head
        super().__init__(model, target, **options)

    @override
    def read(self, reader: _Reader) -> list[Attention]:
        if self.layer is None:
            return reader.attentions
        names = [one.name for one in reader.attentions]
        if isinstance(self.layer, int):
            chosen = reader.attentions[self.layer :][:1] if 0 <= self.layer < len(names) else []
        else:
            chosen = [one for one in reader.attentions if self.layer in (one.name, one.name.rpartition("/")[2])]
        if not chosen:
            raise InputError(
                f"there is no attention layer {self.layer!r}; choose among {', '.join(names)}, or a number from 0"
            )
        return chosen

    @override
    def check(self, reader: _Reader) -> None:
        super().check(reader)
        fewest = min(one.heads for one in self.read(reader))
        if self.head is not None and not 0 <= self.head < fewest:
            raise InputError(f"head is {self.head}, but there are {fewest}; number them from 0")

    @override
    def scored(self, reader: _Reader, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        chosen = self.read(reader)
        scores: dict[str, list[np.ndarray]] = {}
        for one, placed, array in zip(reader.attentions, reader.tokens, weights, strict=True):
            if one in chosen:
                heads = array if self.head is None else array[:, self.head, None]
                scores.setdefault(f"scores.{placed.place}", []).append(placed.spread(self.of_queries(heads)))
        count = np.float32(len(chosen))
        return {key: np.asarray(np.sum(some, 0, dtype=np.float32) / count) for key, some in scores.items()}

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "layer": self.layer, "head": self.head}


class AttentionRollout(AttentionMethod):
    """Attention followed through all layers (Abnar & Zuidema 2020): the product of r·I + (1 − r)·A over the layers.

    A is a layer's mean over heads, with rows that sum to 1, and r is the share of the residual connection. ``rollout``
    has a row for each query of the last layer and a column for each key of the first. ``scores`` are its mean over
    queries, divided evenly among the positions that a key sees. If the last layer pools with queries of its own, it
    counts without a residual connection. A position that is read need not matter, so ``hypothetical`` and contributions
    are not defined.

    Parameters
    ----------
    residual
        The share of a token that goes past each attention layer, at least 0 and below 1.
    """

    name = "attention-rollout"

    def __init__(self, model: Callable, target: TargetLike = None, *, residual: float = 0.5, **options: Any):
        if not 0 <= residual < 1:
            raise InputError(f"residual must be at least 0 and below 1, not {residual}")
        self.residual = float(residual)
        super().__init__(model, target, **options)

    @override
    def read(self, reader: _Reader) -> list[Attention]:
        return reader.attentions[-1:]

    @override
    def check(self, reader: _Reader) -> None:
        super().check(reader)
        last = len(reader.attentions) - 1
        for i, (one, placed) in enumerate(zip(reader.attentions, reader.tokens, strict=True)):
            if (
                not (placed.asks or (i == last and placed.pools))
                or not placed.same(reader.tokens[0])
                or not reader.follows(i)
            ):
                others = f"layer {one.name!r} has {one.queries} queries and {one.keys} keys that are others"
                raise lacking(self.name, _FOLLOWS, others, "use attention, which reads each layer by itself")

    @override
    def scored(self, reader: _Reader, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        means = []
        for placed, array in zip(reader.tokens, weights, strict=True):
            mean = array.mean(1, dtype=np.float64)
            if placed.asks:
                mean = self.residual * np.eye(mean.shape[-1]) + (1 - self.residual) * mean
            means.append(mean / np.maximum(mean.sum(-1, keepdims=True), np.finfo(float).tiny))
        total = means[0]
        for mean in means[1:]:
            total = mean @ total
        placed = reader.tokens[0]
        fields = {"rollout": total.astype(np.float32)} if self.maps else {}
        return {**fields, f"scores.{placed.place}": placed.spread(self.of_queries(total[:, None]))}

    @override
    def undefined(self) -> dict[str, str]:
        undefined = super().undefined()
        if self.maps:
            undefined.pop("rollout")
        else:
            undefined["rollout"] = "the method was made with maps=False"
        return undefined

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "residual": self.residual}


def _together(weights: list[np.ndarray]) -> np.ndarray:
    """Return one array (n, layers, heads, queries, keys), NaN where a layer has fewer."""
    most = np.max([array.shape[1:] for array in weights], axis=0)
    together = np.full((len(weights[0]), len(weights), *most), np.nan, np.float32)
    for i, array in enumerate(weights):
        heads, queries, keys = array.shape[1:]
        together[:, i, :heads, :queries, :keys] = array
    return together


def _key_positions(reader: _Reader) -> np.ndarray:
    """Return the start and end (layers, keys, 2) of the positions that each key sees, and −1 where there is no key."""
    most = max(one.keys for one in reader.attentions)
    positions = np.full((len(reader.tokens), most, 2), -1, np.int32)
    for i, placed in enumerate(reader.tokens):
        some = placed.ends > placed.starts
        positions[i, : len(some)][some] = np.stack([placed.starts, placed.ends], axis=-1)[some]
    return positions
