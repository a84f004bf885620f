"""Patterns among windows around seqlets: clusters of windows that are alike, and the mean of each, laid on each other.

Windows are clustered by average linkage on their best alignments, finely, so that no cluster holds two motifs. Then the
clusters are refined in turns: windows go to the pattern that they are most like, patterns become the means of their
windows, and two patterns whose means are alike become one. A window that is no more like a pattern than windows are
whose positions stand in random order belongs to none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from genolift.evaluate.discovery.alignment import Alignment, Windows, align
from genolift.evaluate.discovery.hits import TRIM
from genolift.support.seeds import stream

_ROUNDS = 10
_LINKAGE = 0.7  # windows of one cluster are so much alike, in the mean over all pairs of two clusters that are joined
_CHANCE = 0.01  # of windows in random order, so many are as like a pattern as the least of its members
_SHUFFLED = 2000
# The median member of a pattern is so far on the way from the least likeness of a member to perfect likeness. Windows
# that are alike by chance gather just above the least.
_CLEAR = 0.45
# Places of the middle that hold so much of what the best one holds are as good, because flanks are noise.
_MOST = 0.95


@dataclass(frozen=True)
class Shape:
    """How wide windows, seqlets and patterns are.

    A window is ``core + 4 · room`` wide. Its middle is compared by ``core`` positions, which may move by ``room`` to
    either side. A pattern is ``core + 2 · room`` wide, so that none reaches beyond its windows.
    """

    core: int = 20
    room: int = 10

    @property
    def window(self) -> int:
        """The width of a window."""
        return self.core + 4 * self.room

    @property
    def pattern(self) -> int:
        """The width of a pattern."""
        return self.core + 2 * self.room

    def middle(self, windows: Windows) -> Windows:
        """Return the part of windows in which queries are looked for."""
        kept = slice(self.room, self.window - self.room)
        return windows.each(lambda column: column[:, kept])

    def centre(self, tracks: list[np.ndarray]) -> list[np.ndarray]:
        """Return the middle ``core`` positions of tracks (K, w, 4)."""
        first = (tracks[0].shape[1] - self.core) // 2
        return [track[:, first : first + self.core] for track in tracks]

    def placed(self, windows: Windows, start: np.ndarray, turned: np.ndarray) -> Windows:
        """Return stretches as wide as patterns, of which the middle begins at ``start`` of the windows' middles."""
        return windows.cut(start.astype(int), self.pattern, turned)


@dataclass(frozen=True)
class Model:
    """The patterns by which windows are told apart.

    Attributes
    ----------
    tracks : list of np.ndarray
        The mean contributions, and the mean hypothetical contributions where they are known, (P, width, 4) each.
    floors : np.ndarray
        How alike a window must be to be a member, (P,).
    shape : Shape
        The widths.
    kept : np.ndarray or None
        The first and the last (exclusive) position of each pattern that contributes, (P, 2), once it is known.
    """

    tracks: list[np.ndarray]
    floors: np.ndarray
    shape: Shape
    kept: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.floors)

    def trimmed(self, speaking: Windows, windows: Windows) -> Model:
        """Return the model with the positions that contribute, told by the windows as they are.

        In ``speaking`` windows, which are compared, noise of the other sign is left out and does not average to zero.
        """
        label, at = self.assign(speaking)
        kept = np.tile([0, self.shape.pattern], (len(self), 1))
        for number in range(len(self)):
            own = label == number
            if own.any():
                placed = self.shape.placed(windows.where(own), at.start[own], at.turned[own])
                # The largest base counts: where bases differ from member to member, there is no motif.
                height = np.abs(placed.contributions.mean(0, dtype=np.float64)).max(1)
                places = np.flatnonzero(height >= TRIM * height.max())
                kept[number] = places[0], places[-1] + 1
        return replace(self, kept=kept)

    def assign(self, windows: Windows) -> tuple[np.ndarray, Alignment]:
        """Return the pattern of each window, −1 for none, and where it lies, (K,) each."""
        found = align(self.shape.centre(self.tracks), self.shape.middle(windows))
        best = (found.similarity - self.floors[:, None]).argmax(0)
        at = Alignment(*(part[best, np.arange(len(windows))] for part in found))
        return np.where(at.similarity >= self.floors[best], best, -1), at


def cluster_windows(windows: Windows, shape: Shape, least: int = 20, alike: float = 0.8, seed: int = 0) -> Model:
    """Return the patterns of windows, the one with most windows first.

    Parameters
    ----------
    windows
        Windows around seqlets of one sign, at most a few thousand.
    shape
        The widths.
    least
        How many windows make a pattern.
    alike
        Patterns whose means are at least so much alike become one.
    seed
        The seed of the random orders.
    """
    labels, at = _first_clusters(windows, shape, least)
    model = _means(windows, shape, labels, at, seed)
    for _ in range(_ROUNDS):
        before = labels
        labels, at = model.assign(windows) if len(model) else (np.full(len(windows), -1), at)
        labels = _large_first(labels, least)
        model = _means(windows, shape, labels, at, seed)
        merged = _merged(model, alike)
        if (merged == np.arange(len(model))).all() and np.array_equal(labels, before):
            break
        labels = np.where(labels >= 0, merged[labels] if len(model) else -1, -1)
        if len(model):
            keep = np.unique(merged)
            model = Model([track[keep] for track in model.tracks], model.floors[keep], shape)
            labels = np.searchsorted(keep, labels) * (labels >= 0) - (labels < 0)
    clear = [label for label in range(len(model)) if _is_clear(model, label, at.similarity[labels == label])]
    return Model([track[clear] for track in model.tracks], model.floors[clear], shape)


def _is_clear(model: Model, label: int, likeness: np.ndarray) -> bool:
    """Return whether the members of a pattern are clearly more like it than chance makes them."""
    floor = model.floors[label]
    return len(likeness) > 0 and bool(np.median(likeness) >= floor + _CLEAR * (1 - floor))


def _first_clusters(windows: Windows, shape: Shape, least: int) -> tuple[np.ndarray, Alignment]:
    """Return the cluster of each window, −1 for small ones, and how each lies on the most central of its cluster."""
    found = align(shape.centre(windows.tracks), shape.middle(windows))
    nothing = Alignment(*(np.zeros(len(windows), part.dtype) for part in found))
    if len(windows) < max(2, least):
        return np.full(len(windows), -1), nothing
    likeness = np.minimum((found.similarity + found.similarity.T) / 2, 1)
    distance = 1 - likeness
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    labels = _large_first(fcluster(tree, 1 - _LINKAGE, "distance") - 1, max(3, least // 4))
    at = nothing
    for label in range(labels.max() + 1):
        own = np.flatnonzero(labels == label)
        centre = own[likeness[np.ix_(own, own)].sum(0).argmax()]
        for part, whole in zip(at, found, strict=True):
            part[own] = whole[centre, own]
    return labels, at


def _large_first(labels: np.ndarray, least: int) -> np.ndarray:
    """Return labels numbered by size, with −1 for clusters of fewer than ``least``."""
    sizes = np.bincount(labels[labels >= 0], minlength=labels.max(initial=-1) + 1)
    order = np.argsort(-sizes, kind="stable")
    number = np.full(len(sizes) + 1, -1)
    number[order] = np.where(sizes[order] >= least, np.arange(len(sizes)), -1)
    return number[labels]


def _means(windows: Windows, shape: Shape, labels: np.ndarray, at: Alignment, seed: int) -> Model:
    """Return the means of the clusters, moved so that what is important lies in the middle, and their floors."""
    count = labels.max(initial=-1) + 1
    tracks: list[list[np.ndarray]] = [[] for _ in windows.tracks]
    for label in range(count):
        own = np.flatnonzero(labels == label)
        some = windows.where(own)
        for _ in range(2):
            placed = shape.placed(some, at.start[own], at.turned[own])
            by = _off_centre(placed.contributions.mean(0, dtype=np.float64), shape)
            moved = at.start[own] + np.where(at.turned[own], -by, by)
            at.start[own] = np.clip(moved, 0, 2 * shape.room)
        for mean, track in zip(tracks, shape.placed(some, at.start[own], at.turned[own]).tracks, strict=True):
            mean.append(track.mean(0, dtype=np.float64).astype(np.float32))
    means = [np.stack(mean) if mean else np.zeros((0, shape.pattern, 4), np.float32) for mean in tracks]
    return Model(means, _floors(windows, shape, means, seed), shape)


def _off_centre(mean: np.ndarray, shape: Shape) -> int:
    """Return by how many positions the middle of a mean (width, 4) must move to hold most of what is important."""
    power = np.concatenate([[0.0], np.cumsum((mean**2).sum(1))])
    held = power[shape.core :] - power[: -shape.core]
    # Of places that hold about as much, take that where what is important lies in the middle.
    good = np.flatnonzero(held >= held.max() * _MOST)
    return int(good[len(good) // 2]) - shape.room


def _floors(windows: Windows, shape: Shape, means: list[np.ndarray], seed: int) -> np.ndarray:
    """Return, for each pattern, the likeness that windows whose positions stand in random order rarely reach."""
    if not len(means[0]):
        return np.zeros(0)
    rng = stream(seed, "windows in random order", len(windows))
    some = windows.where(rng.integers(0, len(windows), _SHUFFLED))
    order = rng.permuted(np.broadcast_to(np.arange(windows.width), (_SHUFFLED, windows.width)), axis=1)
    rows = np.arange(_SHUFFLED)[:, None]
    shuffled = some.each(lambda column: column[rows, order])
    found = align(shape.centre(means), shape.middle(shuffled))
    return np.quantile(found.similarity, 1 - _CHANCE, axis=1)


def _merged(model: Model, alike: float) -> np.ndarray:
    """Return, for each pattern, the first of those that it is one with."""
    number = np.arange(len(model))
    if len(model) < 2:
        return number
    shape = model.shape
    beside = model.tracks[1] if len(model.tracks) > 1 else None
    found = align(shape.centre(model.tracks), Windows(model.tracks[0], beside, model.tracks[0])).similarity
    likeness = (found + found.T) / 2
    for i in range(len(model)):
        for j in range(i):
            if likeness[i, j] >= alike and number[j] == j:
                number[i] = j
                break
    return number
