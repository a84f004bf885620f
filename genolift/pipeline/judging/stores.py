"""The stores that are judged: opened, compared with each other and with the models, and read by sequences."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from genolift.export.source import Scores
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.common.recorded import recorded_recipe
from genolift.pipeline.keeping.digest import digest_path
from genolift.results import layout as disk
from genolift.results.explanation import Explanation
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.seeds import stream

_AT_ONCE = 256


@dataclass(frozen=True)
class JudgedStore:
    """A store that is judged, with the model that made it.

    Attributes
    ----------
    path : Path
        The store.
    label : str
        What tables call it: its name, or its path where two stores have the same name.
    scores : Scores
        The target that is judged.
    model : int
        The number of the model that made it, among those given.
    """

    path: Path
    label: str
    scores: Scores
    model: int

    @property
    def method(self) -> dict[str, Any]:
        """The description of the method."""
        return self.scores.explanation.method

    @property
    def target(self) -> Any:
        """The target, as the store records it."""
        return self.scores.explanation.target

    @property
    def subject(self) -> tuple:
        """What the explained output depends on: stores of one subject are judged by the same predictions."""
        return self.model, self.method.get("activation", "logit"), bool(self.method.get("rc_average"))

    @property
    def references(self) -> str:
        """The references in a few words."""
        told = self.method.get("references")
        if not isinstance(told, dict):
            return "none"
        return " ".join(
            [
                str(told.get("kind", "given")),
                *(f"{k}={_short(v)}" for k, v in told.items() if k not in ("kind", "seed")),
            ]
        )

    @property
    def record(self) -> dict[str, Any]:
        """What tells this store from others, by content."""
        return {"sha256": digest_path(self.path / disk.ROOT), "target": str(self.target)}

    @cached_property
    def recipe(self) -> Recipe:
        """How its method is made again."""
        return recorded_recipe(self.path, self.method, self.target, self.scores.explanation.provenance)

    @property
    def unknown(self) -> str:
        """How N are encoded."""
        return self.scores.explanation.provenance.get("sequences", {}).get("encoding", "uniform")

    def read(self, field: str, rows: np.ndarray, width: int | None = None) -> np.ndarray:
        """Return a field of some sequences, cut to a width where one is given."""
        values = np.asarray(self.scores.field(field)[rows])
        return values if width is None else values[:, :width]


def open_stores(paths: Sequence[Path], models: Sequence[ModelFile], target: str | None) -> list[JudgedStore]:
    """Open stores of the same sequences, and find the model of each.

    Raises
    ------
    InputError
        If a store has other sequences than the first or another target, comes twice, or was made by none of the models.
    FileProblem
        If a store is not complete or damaged.
    """
    for path, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise InputError(f"{path} is given twice, and agrees with itself")
    known = [encode(model.describe()) for model in models]
    names = Counter(path.name for path in paths)
    stores: list[JudgedStore] = []
    for path in paths:
        explanation = Explanation.load(path)
        if explanation.several_inputs:
            raise InputError(f"{path} explains a model of several inputs; judge takes those of one input, the sequence")
        scores = Scores(explanation, target)
        scores.require("scores", "judge")
        label = path.name if names[path.name] == 1 else str(path)
        store = JudgedStore(path, label, scores, _model_of(path, scores, models, known))
        if stores:
            _check_same(stores[0], store)
        stores.append(store)
    unused = set(range(len(models))) - {store.model for store in stores}
    if unused:
        raise InputError(f"{models[min(unused)].called} has made none of the stores; leave it out")
    return stores


def _model_of(path: Path, scores: Scores, models: Sequence[ModelFile], known: list) -> int:
    told = encode(scores.explanation.provenance.get("model"))
    if told is None:
        raise InputError(
            f"{path} does not say which model made it",
            Remedy.naming("judge stores that `genolift explain` has written"),
        )
    for number, model in enumerate(known):
        if not first_difference(told, model):
            return number
    if len(known) == 1:
        difference = first_difference(told, known[0], "model")
        raise InputError(f"{path} was made with another model than {models[0].called}: {difference}")
    raise InputError(
        f"{path} was made with none of the {len(known)} models: its model has the SHA-256 {told.get('sha256')}",
        Remedy.naming("give its file too, by {}", setting("model")),
    )


def _check_same(first: JudgedStore, other: JudgedStore) -> None:
    if first.target != other.target:
        raise InputError(
            f"{other.path} explains the target {other.target} and {first.path} the target {first.target}; stores are "
            "judged for one target"
        )
    mine, its = first.scores, other.scores
    if len(mine) != len(its):
        raise InputError(
            f"{other.path} has {len(its):,} sequences and {first.path} has {len(mine):,}; stores of the same sequences "
            "are judged together",
            Remedy.naming("`genolift subset --names` takes the same ones of both"),
        )
    for i, (one, two) in enumerate(zip(mine.names, its.names, strict=True)):
        if one != two:
            raise InputError(
                f"{other.path} has other sequences than {first.path}: number {i + 1} is {two!r} there and {one!r} here"
            )


def choose_rows(stores: Sequence[JudgedStore], count: int, seed: int) -> np.ndarray:
    """Return which sequences are judged, in a random order, after comparing their bases in all stores.

    A sequence that is there several times is taken once, because a repeated one makes intervals narrower and nothing
    better known.

    Parameters
    ----------
    stores
        The stores.
    count
        The largest number of sequences.
    seed
        The seed of the choice.
    """
    total = len(stores[0].scores)
    drawn = stream(seed, "judge", total).permutation(total)[:count]
    seen: dict[bytes, int] = {}
    for rows in _blocks(np.sort(drawn)):
        first = stores[0].read("inputs", rows)
        for other in stores[1:]:
            same = [np.array_equal(a, b) for a, b in zip(first, other.read("inputs", rows), strict=True)]
            if not all(same):
                name = stores[0].scores.names[int(rows[same.index(False)])]
                raise InputError(f"{other.path} has other bases for {name!r} than {stores[0].path}")
        for row, values in zip(rows.tolist(), first, strict=True):
            seen.setdefault(hashlib.blake2b(values.tobytes(), digest_size=16).digest(), row)
    kept = set(seen.values())
    return np.array([row for row in drawn.tolist() if row in kept])


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(rows), _AT_ONCE):
        yield rows[first : first + _AT_ONCE]


def _short(value: Any) -> str:
    return ",".join(f"{one:g}" for one in value) if isinstance(value, list | tuple) and value else str(value)
