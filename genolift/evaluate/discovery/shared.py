"""Motifs that two sequences share: stretches of high importance in both that are alike, in either orientation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control

from genolift.evaluate.discovery.seqlets import BackgroundScale, find_stretches
from genolift.sequence.alphabet import letters
from genolift.support.seeds import stream

_WIDTH, _OVERLAP = 4, 4
_DRAWS = 9999
_UNKNOWN = 4
_COMPLEMENT = np.array([3, 2, 1, 0, 4])


class Explained(NamedTuple):
    """A sequence with its importance.

    Attributes
    ----------
    name : str
        Its name.
    codes : np.ndarray
        (L,), 0 to 3 for A, C, G, T, and 4 for an unknown base.
    scores : np.ndarray
        (L,), the importance of each base.
    """

    name: str
    codes: np.ndarray
    scores: np.ndarray


class Shared(NamedTuple):
    """A stretch that two sequences share.

    Attributes
    ----------
    number : int
        The number of the other sequence.
    start, end : int
        The stretch in the first sequence (0-based, half-open).
    other_start, other_end : int
        The stretch in the other one.
    strand : str
        ``"+"``, or ``"-"`` where the other one has the reverse complement.
    bases : str
        What both have, as the first sequence reads it; N where they differ.
    similarity : float
        From 0 to 1: the share of the importance of the two stretches that falls on the same bases.
    p, q : float
        The chance that random bases are as similar in the place of the other stretch's, and the q-value among all pairs
        of stretches that were compared.
    """

    number: int
    start: int
    end: int
    other_start: int
    other_end: int
    strand: str
    bases: str
    similarity: float
    p: float
    q: float


def shared_motifs(first: Explained, others: list[Explained], fdr: float = 0.05, seed: int = 0) -> list[Shared]:
    """Return what a sequence shares with each of others.

    Stretches of high importance of one sign (:func:`genolift.evaluate.discovery.seqlets.find_stretches`), with
    neighbours of the same sign, are compared at every offset and in both orientations. Their similarity is Σ min(a, b)
    over positions of equal bases, where a and b are the importance at each position as a share of that of its stretch.
    Chance is the same for independent random bases in the place of the other stretch's. They have the composition of
    all stretches of that sign, each base weighted by its importance, so that a network's liking for some bases is no
    motif.

    Parameters
    ----------
    first
        The sequence.
    others
        The sequences that it is compared with.
    fdr
        The largest q to return; 0.05 by default.
    seed
        The seed of the random bases.

    Returns
    -------
    list of Shared
        By the other sequence and then by q. No stretch is returned twice for a pair of sequences.
    """
    return significant([compare_all(first, others, seed)], fdr)[0]


def significant(compared: Sequence[list[Shared]], fdr: float = 0.05) -> list[list[Shared]]:
    """Return what each of several sequences shares, with q-values among the pairs of all of them together.

    Parameters
    ----------
    compared
        What :func:`compare_all` returned of each.
    fdr
        The largest q to return; 0.05 by default.

    Returns
    -------
    list of list of Shared
        For each, by the other sequence and then by q. No stretch is returned twice for a pair of sequences.
    """
    p = [one.p for found in compared for one in found]
    q_values = iter(false_discovery_control(p).tolist() if p else [])
    return [_best([one._replace(q=next(q_values)) for one in found], fdr) for found in compared]


def _best(found: list[Shared], fdr: float) -> list[Shared]:
    kept: list[Shared] = []
    for each in sorted(found, key=lambda each: (each.number, each.q, -each.similarity)):
        if each.q <= fdr and not any(kin.number == each.number and _overlap(each, kin) for kin in kept):
            kept.append(each)
    return kept


def compare_all(first: Explained, others: list[Explained], seed: int = 0) -> list[Shared]:
    """Return every stretch of a sequence beside every one of the others that has the same sign, without q-values."""
    background = BackgroundScale()
    for one in (first, *others):
        background.add(one.scores)
    stretches = [_stretches(one, background.threshold) for one in (first, *others)]
    compositions = {sign: _composition((first, *others), stretches, sign) for sign in (1, -1)}
    found: list[Shared] = []
    for number, other in enumerate(others):
        for start, end, sign in stretches[0]:
            for other_start, other_end, other_sign in stretches[1 + number]:
                if sign == other_sign:
                    rng = stream(seed, "random bases", first.name, start, other.name, other_start)
                    drawn = rng.choice(4, (_DRAWS, other_end - other_start), p=compositions[sign])
                    pair = (first, start, end), (other, other_start, other_end)
                    found.append(_compared(number, *pair, drawn))
    return found


def _overlap(one: Shared, other: Shared) -> bool:
    here = one.start < other.end and other.start < one.end
    return here or (one.other_start < other.other_end and other.other_start < one.other_end)


def _stretches(one: Explained, threshold: float) -> list[tuple[int, int, int]]:
    """Return start, end and sign of stretches of high importance, with their neighbours of the same sign."""
    found = find_stretches(one.scores[None], [len(one.scores)], threshold, width=_WIDTH)
    widened = set()
    for start, end, importance in zip(found.start.tolist(), found.end.tolist(), found.importance, strict=True):
        sign = 1 if importance > 0 else -1
        while start > 0 and sign * one.scores[start - 1] > 0:
            start -= 1
        while end < len(one.scores) and sign * one.scores[end] > 0:
            end += 1
        widened.add((start, end, sign))
    return sorted(widened)


def _weights(one: Explained, start: int, end: int) -> np.ndarray:
    weights = np.abs(np.asarray(one.scores[start:end], dtype=float))
    return weights / weights.sum()


def _composition(every: Sequence[Explained], stretches: list[list[tuple[int, int, int]]], sign: int) -> np.ndarray:
    """Return the frequencies (4,) of bases in all stretches of a sign, weighted by importance, with a pseudo-count."""
    counts = np.full(4, 1.0)
    for one, mine in zip(every, stretches, strict=True):
        for start, end, other in mine:
            known = one.codes[start:end] != _UNKNOWN
            if other == sign:
                weights = _weights(one, start, end) * (end - start)
                counts += np.bincount(one.codes[start:end][known], weights[known], 4)
    return counts / counts.sum()


def _compared(
    number: int, mine: tuple[Explained, int, int], theirs: tuple[Explained, int, int], drawn: np.ndarray
) -> Shared:
    (one, start, end), (other, other_start, other_end) = mine, theirs
    codes, weights = one.codes[start:end], _weights(*mine)
    width = other_end - other_start
    every, their_weights = np.concatenate([other.codes[None, other_start:other_end], drawn]), _weights(*theirs)
    values = np.zeros(len(every))
    best, place = -1.0, (0, "+")
    for strand in "+-":
        lettered, order = (
            (every, their_weights) if strand == "+" else (_COMPLEMENT[every[:, ::-1]], their_weights[::-1])
        )
        for offset in range(min(_OVERLAP, width) - width, len(codes) - min(_OVERLAP, len(codes)) + 1):
            a, b = max(0, offset), min(len(codes), offset + width)
            part = slice(a - offset, b - offset)
            equal = (lettered[:, part] == codes[a:b]) & (codes[a:b] != _UNKNOWN)
            value = equal @ np.minimum(order[part], weights[a:b])
            if value[0] > best:
                best, place = float(value[0]), (offset, strand)
            values = np.maximum(values, value)
    # Equal sums may differ by rounding.
    p = (1 + int((values[1:] >= values[0] - 1e-12).sum())) / len(every)
    return _placed(number, mine, theirs, place, best, p)


def _placed(
    number: int,
    mine: tuple[Explained, int, int],
    theirs: tuple[Explained, int, int],
    place: tuple[int, str],
    similarity: float,
    p: float,
) -> Shared:
    """Return the stretch from the first to the last base that both have at the best offset."""
    (one, start, end), (other, other_start, other_end) = mine, theirs
    offset, strand = place
    codes, width = one.codes[start:end], other_end - other_start
    lettered = other.codes[other_start:other_end]
    if strand == "-":
        lettered = _COMPLEMENT[lettered[::-1]]
    a, b = max(0, offset), min(len(codes), offset + width)
    equal = np.flatnonzero((lettered[a - offset : b - offset] == codes[a:b]) & (codes[a:b] != _UNKNOWN))
    if len(equal):
        a, b = a + int(equal[0]), a + int(equal[-1]) + 1
    agreed = np.where(lettered[a - offset : b - offset] == codes[a:b], codes[a:b], _UNKNOWN)
    left, right = a - offset, b - offset
    if strand == "-":
        left, right = width - right, width - left
    where = (start + a, start + b, other_start + left, other_start + right)
    return Shared(number, *where, strand, letters(agreed), similarity, p, 1.0)
