"""Deep feature interaction maps: how the importance of one position depends on the bases at others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.base import Method
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import same_draws
from genolift.methods.common.referring import TakesReferences, refuse_until_enough
from genolift.methods.common.refusals import only_dna
from genolift.methods.common.traced import Traced
from genolift.methods.registry import method_class
from genolift.methods.surrogates.output_positions import OutputPositions, positional
from genolift.methods.targets import TargetLike
from genolift.models.calling import Order
from genolift.results.explanation import Explanation
from genolift.results.kinds import InteractionExplanation, LayerExplanation, OutputInteractions, PositionInteractions
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number
from genolift.support.progress import bar
from genolift.support.seeds import stream

OVER = ("importance", "outputs")
INSTEAD = ("shuffle", "dinucleotide", "random", "unknown")
# At most this many positions of mutants are explained at a time. This bounds their scores, not the size of batches.
_POSITIONS = 1 << 19
_PREDICTS = "indels"  # a method that needs nothing of a model but predictions, and reads it for maps over outputs
_BASES = np.eye(4, dtype=np.float32)
_SHARED = ("activation", "progress", "memory", "seed", "rc_average", "mean_normalise")


class InteractionMaps(Method):
    """How the importance of every position changes when a source is mutated (Greenside et al. 2018).

    The map is the score of a position in x minus its score with the source mutated. It is 0 inside the source, and
    positive where the source supports what the position does. Sources are positions, each mutated to its three other
    bases, or stretches, which are replaced several times. Scores are those of another method. It uses the references
    and random draws of x for all mutants, so that only the source can cause a change. ``scores`` are the mean size of a
    position's changes over sources. ``hypothetical`` and ``raw_contributions`` are not defined, because changes of
    scores are shares of no prediction.

    Over outputs, the map is the output at each of its positions for x, minus that with the source mutated: which base
    of the input moves which position of a profile or track. ``scores`` of a source's positions are then the mean size
    of its changes over output positions, and the target is all positions of an output, by default of the only one.

    Parameters
    ----------
    by
        The name of the method whose scores are compared. It is not used over outputs.
    over
        What changes: ``"importance"``, the scores of positions, or ``"outputs"``, the model's output at its positions.
    start
        The first position that is a source, counted from 0. By default all positions are sources.
    end
        The position after the last one that is a source.
    stretches
        Stretches that are sources, in place of positions: (start, end) pairs for all sequences, an array of shape
        (N, S, 2) with each sequence's own, or a text such as ``"10-16,40-52"``. Positions are counted from 0, and a
        stretch does not include its end.
    instead
        The bases that replace a stretch: ``"shuffle"`` (its bases in another order), ``"dinucleotide"`` (the same with
        dinucleotides kept), ``"random"`` (independent bases) or ``"unknown"`` (1/4 for each base, once).
    replicates
        The number of times that a stretch is replaced.
    combine
        How the changes of several mutants become one: their ``"mean"``, or ``"max"`` for the one of largest size.
    **options
        The options of the method ``by``.
    """

    name = "interaction-maps"
    learned = ("by",)
    result_type: type[Explanation] = InteractionExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        by: str = "deeplift",
        over: str = "importance",
        start: int | None = None,
        end: int | None = None,
        stretches: str | Sequence | np.ndarray | None = None,
        instead: str = "shuffle",
        replicates: int = 10,
        combine: str = "mean",
        **options: Any,
    ):
        whole = start is None and end is None
        if not whole and (start is None or end is None or stretches is not None or not 0 <= start < end):
            raise InputError(
                f"sources are positions from start to end (0-based, end not included) or stretches, not start={start}, "
                f"end={end}" + ("" if stretches is None else " and stretches")
            )
        if instead not in INSTEAD:
            raise InputError(f"instead must be one of {', '.join(INSTEAD)}, not {instead!r}")
        if combine not in ("mean", "max"):
            raise InputError(f"combine must be 'mean' or 'max', not {combine!r}")
        if over not in OVER:
            raise InputError(f"over must be 'importance' or 'outputs', not {over!r}")
        self.over = over
        self.start, self.end, self.instead, self.combine = start, end, instead, combine
        self.stretches = None if stretches is None else _as_stretches(stretches)
        if over == "outputs":
            self.result_type = OutputInteractions
            target = positional(target)
            if options.get("rc_average"):
                raise InputError("positions of an output lie elsewhere on the other strand; leave rc_average off")
        elif start is None and stretches is None:
            self.result_type = PositionInteractions
        self.replicates = whole_number(replicates, "replicates")
        shared = {name: options.pop(name) for name in _SHARED if name in options}
        (kind,) = self.hands_on_to({"by": by, "over": over}) or (None,)
        if kind is None:
            raise InputError(
                "interaction-maps show how another method's scores change; give by='deeplift', for example"
            )
        self.by = kind(model, target, **options, **{**shared, "progress": False})
        if issubclass(self.by.result_type, LayerExplanation):
            raise InputError("interaction-maps are of the sequence's positions; leave layer away")
        super().__init__(model, target, **shared)

    @override
    @classmethod
    def hands_on_to(cls, options: Mapping) -> tuple[type[Method], ...]:
        by = options.get("by", "deeplift")
        if options.get("over") == "outputs":
            by = _PREDICTS
        return () if by == cls.name else (method_class(by),)

    @property
    def fit(self) -> Callable[..., Any]:
        """The ``fit`` of the method whose scores are compared, if it has one."""
        by: Any = self.by  # Only some methods have a fit.
        return by.fit

    @override
    def describe(self) -> dict[str, Any]:
        sources = None if self.stretches is None else self.stretches.tolist()
        own = {name: getattr(self, name) for name in ("over", "start", "end", "instead", "replicates", "combine")}
        by = self.by.describe() if self.over == "importance" else None
        return {**super().describe(), **own, "stretches": sources, "by": by}

    @override
    def trace(
        self, shapes: list[tuple], names: list[str], order: Order | None = None, kinds: list[str] | None = None
    ) -> Traced:
        if self.is_traced or not self.by.is_traced:  # The model is traced once for both methods.
            self.by.trace(shapes, names, order, kinds)
        self._traced = self.by.traced
        return self._traced

    def __setstate__(self, learned: dict[str, Any]) -> None:
        self.by = learned["by"]
        if self.by.is_traced:
            self._traced = self.by.traced

    @override
    def accept(self, inputs: Inputs, traced: Traced) -> None:
        self._place(inputs)

    def _place(self, inputs: Inputs) -> int:
        """Return the number of the input that is mutated."""
        return only_dna(self.name, "mutates", inputs, "use a function of one of them")

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        place = self._place(inputs)
        positions = OutputPositions(traced) if self.over == "outputs" else None
        X = inputs.arrays[place]
        sources = self._sources(*X.shape[:2])
        references = self._references_of_each(inputs)
        explained = []
        with bar(len(inputs), self.name, "sequences", self.progress, long=len(inputs) > 1) as display:
            for n in range(len(inputs)):
                xs = [array[n] for array in inputs.arrays]
                with same_draws(xs), references(n):
                    explained.append(self._map(inputs, traced, place, xs, sources[n], positions))
                display.update(1)
        predictions, importance, interactions = (np.stack(column) for column in zip(*explained, strict=True))
        edges = np.repeat(sources[:, None], predictions.shape[1], axis=1)
        scores = np.abs(interactions).mean(2)
        own: dict[str, Any] = {"importance": self._pack(inputs, place, importance, traced)}
        if positions is not None:
            scores, own = _of_sources(interactions, sources, X.shape[1]), {"outputs": importance}
        fields = {
            "interactions": interactions,
            "source_start": edges[..., 0],
            "source_end": edges[..., 1],
            "predictions": predictions,
            **own,
            "scores": self._pack(inputs, place, scores, traced),
        }
        return {
            name: value if traced.several or name in ("importance", "scores") else value[:, 0]
            for name, value in fields.items()
        }, self._undefined()

    def _sources(self, n: int, length: int) -> np.ndarray:
        """Return the start and end of each of the sequences' sources, (N, S, 2)."""
        if self.stretches is None:
            start, end = (0, length) if self.start is None else (self.start, self.end)
            edges = np.arange(start, end)[:, None] + [0, 1]
        else:
            edges = self.stretches
        if edges.ndim == 3 and len(edges) != n:
            raise InputError(f"stretches are given for {len(edges)} sequences, and there are {n}")
        if edges.max() > length:
            raise InputError(f"a source ends at {edges.max()}, but the sequences are {length} long")
        return np.broadcast_to(edges, (n, *edges.shape[-2:]))

    def _map(
        self,
        inputs: Inputs,
        traced: Traced,
        place: int,
        xs: list[np.ndarray],
        sources: np.ndarray,
        positions: OutputPositions | None,
    ) -> tuple:
        """Return the prediction (T,), scores (T, L) and map (T, S, L) of one sequence; over outputs, P for L."""
        x = xs[place]
        mutants = [self._mutants(x, start, end) for start, end in sources]
        counts = [len(some) for some in mutants]
        copies = np.concatenate([x[None], *mutants])
        at_once = max(2, _POSITIONS // len(x))
        parts = []
        for first in range(0, len(copies), at_once):
            some = copies[first : first + at_once]
            arrays = [np.broadcast_to(array, (len(some), *array.shape)).copy() for array in xs]
            arrays[place] = some
            batch = replace(inputs, arrays=arrays, names=None, regions=None)
            parts.append(positions(batch, self.memory) if positions else self._explained(batch, traced, place))
        predictions, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
        changes = np.split(scores[:1] - scores[1:], np.cumsum(counts)[:-1])
        combined = np.stack([self._combined(change) for change in changes], axis=1)
        if positions is None:
            at = np.arange(len(x))
            combined[:, (sources[:, :1] <= at) & (at < sources[:, 1:])] = 0
        return predictions[0], scores[0], combined

    def _explained(self, inputs: Inputs, traced: Traced, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the predictions (B, T) and the scores (B, T, L) of the other method."""
        fields, undefined = self.by.explain(inputs, traced)
        explanation = self.by.result_type({"inputs": inputs.pack(inputs.arrays), **fields}, undefined=undefined)
        scores = explanation.scores
        if explanation.several_inputs:
            scores = scores[inputs.keys[place]] if inputs.keys is not None else scores[place]
        predictions = explanation.predictions
        return (predictions, scores) if traced.several else (predictions[:, None], scores[:, None])

    def _mutants(self, x: np.ndarray, start: int, end: int) -> np.ndarray:
        """Return copies (M, L, 4) of ``x`` (L, 4) with other bases in a source."""
        if self.stretches is None:
            rows = _BASES[x[start] != 1]
            instead = rows[:, None]
        elif self.instead == "unknown":
            instead = np.full((1, end - start, 4), 0.25, np.float32)
        elif self.instead == "random":
            rng = stream(self.seed, self.name, np.ascontiguousarray(x).tobytes(), int(start), int(end))
            instead = _BASES[rng.integers(0, 4, (self.replicates, end - start))]
        else:
            instead = shuffle(x[None, start:end], self.replicates, 1 if self.instead == "shuffle" else 2, self.seed)[0]
        copies = np.repeat(x[None], len(instead), axis=0)
        copies[:, start:end] = instead
        return copies

    def _combined(self, changes: np.ndarray) -> np.ndarray:
        """One change (T, L) of those of a source's mutants (M, T, L)."""
        if self.combine == "mean":
            return changes.mean(0, dtype=np.float64).astype(np.float32)
        return np.take_along_axis(changes, np.abs(changes).argmax(0)[None], 0)[0]

    def _references_of_each(self, inputs: Inputs) -> Callable[[int], AbstractContextManager[None]]:
        """Return a function from a sequence's number to a context.

        Inside the context the other method compares whatever it explains with the references of that sequence.
        """
        by = self.by
        if not isinstance(by, TakesReferences):
            return lambda n: nullcontext()
        chosen = by.references_for(inputs)
        refuse_until_enough(chosen, self.name)
        pairs = list(zip(chosen, inputs.arrays, strict=True))
        return lambda n: by.comparing_with([one.held(array[n : n + 1], n) for one, array in pairs])

    def _pack(self, inputs: Inputs, place: int, values: np.ndarray, traced: Traced) -> Any:
        """Return the values of an input, with None for other inputs, in the structure that the user gave."""
        arrays: list = [None] * len(inputs.arrays)
        arrays[place] = values if traced.several else values[:, 0]
        return inputs.pack(arrays)

    def _undefined(self) -> dict[str, str]:
        changes = "changes of another method's scores are shares of no prediction; call that method for its own"
        return dict.fromkeys(
            [
                *("hypothetical", "raw_contributions", "multipliers", "residual", "standard_error"),
                *("reference_predictions", "reference_count"),
            ],
            changes,
        )


def _of_sources(interactions: np.ndarray, sources: np.ndarray, length: int) -> np.ndarray:
    """Return the mean size (N, T, L) of the changes (N, T, S, P) of the sources that hold a position, 0 for others."""
    size = np.abs(interactions).mean(-1)
    at = np.arange(length)
    inside = (sources[..., :1] <= at) & (at < sources[..., 1:])
    total = np.einsum("nts,nsl->ntl", size, inside.astype(size.dtype))
    return (total / np.maximum(1, inside.sum(1))[:, None]).astype(np.float32)


def _as_stretches(given: str | Sequence | np.ndarray) -> np.ndarray:
    """Return the starts and ends (S, 2) or (N, S, 2) that a text or numbers tell."""
    try:
        pairs = [part.split("-") for part in given.split(",")] if isinstance(given, str) else given
        edges = np.array(pairs, np.int64)
        paired = edges.ndim in (2, 3) and edges.shape[-1] == 2 and edges.size > 0
        if paired and edges.min() >= 0 and np.diff(edges).min() > 0:
            return edges
    except (TypeError, ValueError):
        pass
    raise InputError(f"stretches {given!r} are not understood; give (start, end) pairs, or as text 10-16,40-52")
