"""Patterns of a store: seqlets are found, some of them clustered, and all of them counted, target by target."""

from __future__ import annotations

import logging
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.discovery.alignment import Windows
from genolift.evaluate.discovery.clustering import Model, Shape, cluster_windows
from genolift.evaluate.discovery.members import SIGNS, GatheredPattern, Gathering, Members, Occurrence, cut_windows
from genolift.evaluate.discovery.seqlets import ScoredStretches
from genolift.evaluate.discovery.significance import scale_lack
from genolift.export.formats.modisco import as_bases
from genolift.export.source import Scores
from genolift.pipeline.discovery.finding import Finder, Search, find_significant, scales_of, tell_of_scales
from genolift.pipeline.discovery.seqlets import seqlet_finder
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.files import whole
from genolift.support.seeds import stream

log = logging.getLogger("genolift")

_GAP, _WIDTH = 2, 3  # as `genolift seqlets` has them by default


@dataclass(frozen=True)
class Gatherer:
    """How patterns are gathered.

    Parameters
    ----------
    shape
        How wide windows and patterns are.
    least
        How many members make a pattern.
    clustered
        How many seqlets of a sign are clustered; all others are only compared with the patterns.
    alike
        Patterns whose means are at least so much alike become one.
    """

    shape: Shape = field(default_factory=Shape)
    least: int = 20
    clustered: int = 2000
    alike: float = 0.8

    def __post_init__(self) -> None:
        if self.least < 2 or self.clustered < self.least:
            raise InputError(
                f"a pattern of at least {self.least} of {self.clustered} seqlets is none",
                Remedy.naming("give {} of at least 2, and at most {}", setting("least"), setting("clustered")),
            )

    def describe(self) -> dict[str, Any]:
        """Return what tells one way from another."""
        return {
            "width": self.shape.core,
            "room": self.shape.room,
            "least": self.least,
            "clustered": self.clustered,
            "alike": self.alike,
        }

    def gather(self, search: Search, scores: Scores, null: Scores | None, work: Path, name: str) -> Gathered:
        """Return the patterns of one target, and keep what is done in ``work``, where it is found again."""
        done = work / f"{name}.npz"
        if (found := Gathered.read(done)) is not None:
            return found
        finder = seqlet_finder(scores, _GAP, _WIDTH, noise=True)
        seqlets, _, _ = find_significant(search, finder, scores, None)
        # Whether a pattern is more common than in the null is asked of sequences that it was not made of.
        others = np.zeros(len(scores), bool)
        if null is not None:
            others[stream(search.seed, "held out").permutation(len(scores))[: len(scores) // 2]] = True
        models = self._models(work / f"{name}_clusters.npz", scores, seqlets, others, search.seed)
        gatherings = self._counted(scores, seqlets, models, "counting members")
        occurrence = None
        if null is not None:
            own = _null_seqlets(finder, null, seqlets, _matched(search, finder, scores, null))
            beside = self._counted(null, own, models, "counting in the null")
            occurrence = _Occurrences(gatherings, beside, others, len(null))
        # Did members in the tested half count, patterns would be listed because that half happens to hold many.
        least = max(2, math.ceil(self.least * (1 - others.mean()))) if len(others) else self.least
        patterns = [one for sign in SIGNS for one in gatherings[sign].patterns(least, ~others)]
        found = Gathered([one if occurrence is None else occurrence.told(one) for one in patterns], len(seqlets))
        found.write(done)
        return found

    def _models(
        self, path: Path, scores: Scores, seqlets: ScoredStretches, others: np.ndarray, seed: int
    ) -> dict[int, Model]:
        """Return the patterns of each sign, made of the sequences that are not among the ``others``."""
        kept = _read(path)
        if kept is not None:
            return {sign: _model(kept, sign, self.shape) for sign in SIGNS}
        models = {}
        for sign in SIGNS:
            own = np.flatnonzero((np.sign(seqlets.importance) == sign) & ~others[seqlets.sequence])
            if len(own) > self.clustered:
                drawn = stream(seed, "clustered seqlets", sign).choice(len(own), self.clustered, replace=False)
                own = own[np.sort(drawn)]
            told = {1: "positive", -1: "negative"}[sign]
            log.info("target %s: clustering %s %s seqlets", scores.explanation.target, f"{len(own):,}", told)
            parts = [windows for _, windows, _ in self._windows(scores, seqlets.where(own), "reading seqlets")]
            models[sign] = Model([], np.zeros(0), self.shape)
            if parts:
                windows = _joined(parts)
                speaking = windows.speaking(sign)
                model = cluster_windows(speaking, self.shape, self._least_of(len(own)), self.alike, seed)
                models[sign] = model.trimmed(speaking, windows) if len(model) else model
        _write(path, {key: value for sign, model in models.items() for key, value in _arrays(model, sign).items()})
        return models

    def _least_of(self, clustered: int) -> int:
        """Return how many of the clustered seqlets make a pattern."""
        return max(2, min(self.least, clustered // 2))

    def _counted(
        self, scores: Scores, seqlets: ScoredStretches, models: dict[int, Model], label: str
    ) -> dict[int, Gathering]:
        """Return the members of the patterns of each sign."""
        gatherings = {sign: Gathering(models[sign], sign) for sign in SIGNS}
        for some, windows, start in self._windows(scores, seqlets, label):
            for sign, gathering in gatherings.items():
                own = np.flatnonzero(np.sign(some.importance) == sign)
                gathering.add(some.where(own), windows.where(own), start[own])
        return gatherings

    def _windows(
        self, scores: Scores, seqlets: ScoredStretches, label: str
    ) -> Iterator[tuple[ScoredStretches, Windows, np.ndarray]]:
        """Yield the seqlets of each block, with their windows and where these begin."""
        fields = ["scores", "inputs"] + ["hypothetical"] * scores.has("hypothetical")
        for rows, values, inputs, *more in scores.blocks(*fields, label=label):
            first, last = np.searchsorted(seqlets.sequence, [rows.start, rows.stop])
            if last > first:
                some = seqlets.where(np.arange(first, last))
                inside = np.arange(scores.width) < scores.lengths[rows][:, None]
                hypothetical = more[0] if more else None
                bases = as_bases(inputs).astype(np.float32) * inside[..., None]
                yield some, *cut_windows(some, rows.start, values * inside, bases, hypothetical, self.shape)


@dataclass(frozen=True, eq=False)
class _Occurrences:
    """In how many of the ``others`` each pattern is, and in how many of ``size`` sequences of the null."""

    data: dict[int, Gathering]
    null: dict[int, Gathering]
    others: np.ndarray
    size: int

    def told(self, one: GatheredPattern) -> GatheredPattern:
        """Return the pattern with its occurrence."""
        with_it = self.data[one.sign].sequences_with(one.number)
        beside = len(self.null[one.sign].sequences_with(one.number))
        found = int(self.others[with_it].sum())
        return replace(one, occurrence=Occurrence(found, int(self.others.sum()), beside, self.size))


def _matched(search: Search, finder: Finder, scores: Scores, null: Scores) -> np.ndarray:
    """Return what each sequence of the null is multiplied by, so that its scores are as large as those of the data.

    Where sequences have larger scores throughout, more of their places would pass for a pattern that is no more common.
    """
    data, own = scales_of(finder, scores), scales_of(finder, null)
    tell_of_scales(search, data, own, "Those of the null are multiplied by that before patterns are counted")
    return scale_lack(data, own)


def _null_seqlets(finder: Finder, null: Scores, seqlets: ScoredStretches, by: np.ndarray) -> ScoredStretches:
    """Return the stretches of the null that are at least as important as the weakest of the seqlets of their sign."""
    parts = [
        finder.find(values * by[rows, None], null.lengths[rows], rows.start)
        for rows, values in null.blocks("scores", label="searching the null")
    ]
    found = ScoredStretches(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    keep = np.zeros(len(found), bool)
    for sign in SIGNS:
        own = seqlets.importance[np.sign(seqlets.importance) == sign]
        if len(own):
            keep |= sign * found.importance >= np.abs(own).min()
    return found.where(keep)


@dataclass(frozen=True, eq=False)
class Gathered:
    """The patterns of one target, and among how many ``seqlets`` they were found."""

    patterns: list[GatheredPattern]
    seqlets: int

    def write(self, path: Path) -> None:
        """Write all of it into one file, whole or not at all."""
        arrays: dict[str, Any] = {"seqlets": self.seqlets, "patterns": len(self.patterns)}
        for i, one in enumerate(self.patterns):
            fields = {
                "name": one.name,
                "sign": one.sign,
                "contributions": one.contributions,
                "frequencies": one.frequencies,
                "kept": [one.kept.start, one.kept.stop],
                "number": one.number,
                "occurrence": one.occurrence or [],
                **one.members._asdict(),
            }
            if one.hypothetical is not None:
                fields["hypothetical"] = one.hypothetical
            arrays |= {f"{i}.{key}": np.asarray(value) for key, value in fields.items()}
        _write(path, arrays)

    @classmethod
    def read(cls, path: Path) -> Gathered | None:
        """Return what was written, or ``None`` where there is nothing."""
        kept = _read(path)
        if kept is None:
            return None
        return cls([_pattern(kept, i) for i in range(int(kept["patterns"]))], int(kept["seqlets"]))


def _pattern(kept: dict[str, np.ndarray], i: int) -> GatheredPattern:
    def of(key: str) -> np.ndarray:
        return kept[f"{i}.{key}"]

    return GatheredPattern(
        str(of("name")),
        int(of("sign")),
        of("contributions"),
        kept.get(f"{i}.hypothetical"),
        of("frequencies"),
        slice(*of("kept").tolist()),
        Members(*(of(name) for name in Members._fields)),
        int(of("number")),
        Occurrence(*of("occurrence").tolist()) if of("occurrence").size else None,
    )


def _joined(parts: list[Windows]) -> Windows:
    columns = [None if column[0] is None else np.concatenate(column) for column in zip(*parts, strict=True)]
    return Windows(*columns)  # type: ignore[arg-type]


def _arrays(model: Model, sign: int) -> dict[str, np.ndarray]:
    kept = np.zeros((0, 2), np.int64) if model.kept is None else model.kept
    tracks = {f"{sign}.{i}": track for i, track in enumerate(model.tracks)}
    return {f"{sign}.floors": model.floors, f"{sign}.kept": kept, **tracks}


def _model(kept: dict[str, np.ndarray], sign: int, shape: Shape) -> Model:
    tracks = [kept[f"{sign}.{i}"] for i in range(2) if f"{sign}.{i}" in kept]
    return Model(tracks, kept[f"{sign}.floors"], shape, kept[f"{sign}.kept"])


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with whole(path) as part, open(part, "wb") as file:
        np.savez(file, **arrays)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    if not path.exists():
        return None
    try:
        with np.load(path) as kept:
            return dict(kept)
    except (OSError, ValueError, zipfile.BadZipFile):
        raise FileProblem(f"{path} is damaged; remove it, and the same command makes it again") from None
