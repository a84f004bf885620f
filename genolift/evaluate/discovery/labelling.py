"""Which known motifs stand under short stretches of sequences, such as those with the largest contributions.

A single stretch of ten bases cannot be told from chance among a thousand motifs, but many stretches together can. So a
motif is first asked whether it matches more of the stretches than chance explains. Only then does it give its name to
those that it matches. Of motifs that are alike, the one that fits the stretches best takes them all, and another one
names what is left only if it matches more of that than chance explains, too.

Chance is that of bases which are drawn independently in the composition of the sequences. A match resembles the motif
more than all but one in a hundred of such stretches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from genolift.evaluate.discovery.significance import q_values
from genolift.simulate.motifs import Motif, scan
from genolift.support.progress import bar

#: The share of stretches without meaning that a motif matches.
CHANCE = 0.01
_FDR = 0.05
_STEP = 0.02  # Log-odds are counted in steps of so many nats, so that their distribution can be computed.
_AT_ONCE = 50_000  # stretches


class Labels(NamedTuple):
    """The motif of each of K stretches, each attribute an array (K,).

    Attributes
    ----------
    motif : np.ndarray
        The number of the motif; -1 where none is named.
    start : np.ndarray
        Where the match begins, counted from the start of the stretch. It may be negative.
    strand : np.ndarray
        The strand of the match, ``"+"`` or ``"-"``.
    p : np.ndarray
        The chance that the motif matches a stretch so well; NaN where none is named.
    """

    motif: np.ndarray
    start: np.ndarray
    strand: np.ndarray
    p: np.ndarray


class _Match(NamedTuple):
    """The matches of all motifs, a row for each: motif, stretch, start, whether on the other strand, and p."""

    motif: np.ndarray
    stretch: np.ndarray
    start: np.ndarray
    turned: np.ndarray
    p: np.ndarray


def label_stretches(
    windows: np.ndarray,
    width: int,
    motifs: Mapping[str, npt.ArrayLike],
    composition: npt.ArrayLike,
    judged: np.ndarray | None = None,
    progress: bool | None = False,
) -> Labels:
    """Return which of the motifs stands under each stretch.

    A motif stands under a stretch if its best match that overlaps at least half of the narrower of both is better than
    all but one in a hundred stretches of independent bases have. It gives names only if it matches more stretches than
    that explains: a binomial test, corrected for the number of motifs (Bonferroni), at 0.05. Of the stretches that it
    then names, one in twenty is expected to be matched by chance (Benjamini and Hochberg).

    Parameters
    ----------
    windows
        The codes of bases around each stretch, (K, flank + width + flank): 0 to 3, and 4 for an unknown base and where
        the sequence has ended. No match holds one of these. The flanks are as wide as the widest motif at least.
    width
        The width of a stretch.
    motifs
        Probabilities (w, 4) by the name of the motif.
    composition
        How often each base occurs in the sequences, (4,).
    judged
        (K,) which stretches the test counts. Those that lie on each other are no independent evidence, so only one of
        them should count. By default all do.
    progress
        Whether to show the progress; ``None`` where it takes long.

    Returns
    -------
    Labels
        The motifs.
    """
    count = len(windows)
    counted = np.ones(count, bool) if judged is None else np.asarray(judged, bool)
    background = np.asarray(composition, float) + 1  # A base that does not occur is not impossible.
    background = (background + background[::-1]) / (2 * background.sum())
    found = []
    with bar(len(motifs), "naming the strongest stretches", "motifs", show=progress, long=count > 1000) as display:
        for number, matrix in enumerate(motifs.values()):
            for first in range(0, count, _AT_ONCE):
                found.append(_matches(number, np.asarray(matrix, float), windows, first, width, background))
            display.update(1)
    matches = _Match(*map(np.concatenate, zip(*found, strict=True))) if found else None
    labels = Labels(np.full(count, -1), np.zeros(count, int), np.full(count, "+"), np.full(count, np.nan))
    if matches is not None:
        _name(labels, matches, counted, len(motifs))
    return labels


def _name(labels: Labels, matches: _Match, counted: np.ndarray, motifs: int) -> None:
    """Give the names of motifs to stretches, those of the motif that fits most of them first."""
    left = np.ones(len(counted), bool)
    fit = -np.log(matches.p)
    while True:
        here = left[matches.stretch]
        test = here & counted[matches.stretch]
        hits = np.bincount(matches.motif[test], minlength=motifs)
        chance = binom.sf(hits - 1, int((left & counted).sum()), CHANCE)
        gain = np.bincount(matches.motif[here], fit[here], minlength=motifs)
        gain[(chance * motifs > _FDR) | (hits == 0)] = 0
        best = int(gain.argmax())
        if gain[best] == 0:
            return
        mine = np.flatnonzero(here & (matches.motif == best))
        p = np.ones(len(left))
        p[matches.stretch[mine]] = matches.p[mine]
        q = np.ones(len(left))
        q[left] = q_values(np.zeros(int(left.sum()), int), p[left])
        mine = mine[q[matches.stretch[mine]] <= _FDR]
        if not len(mine):
            return
        where = matches.stretch[mine]
        labels.motif[where], labels.start[where], labels.p[where] = best, matches.start[mine], matches.p[mine]
        labels.strand[where] = np.where(matches.turned[mine], "-", "+")
        left[where] = False


def _matches(
    number: int, matrix: np.ndarray, windows: np.ndarray, first: int, width: int, background: np.ndarray
) -> _Match:
    """Return the matches of one motif in some of the stretches."""
    flank, wide = (windows.shape[1] - width) // 2, len(matrix)
    overlap = -(-min(wide, width) // 2)
    reach = wide - overlap  # how far before the stretch a match may begin
    places = width - overlap + reach + 1
    cut = windows[first : first + _AT_ONCE, flank - reach : flank - reach + places + wide - 1]
    codes = cut.astype(np.int64)
    odds = np.round(Motif("motif", matrix).log_odds(background) / _STEP)
    forward, backward = scan(codes, odds), scan(codes, odds[::-1, ::-1])
    unknown = np.lib.stride_tricks.sliding_window_view(cut > 3, wide, axis=1).any(axis=2)
    score = np.where(unknown, -np.inf, np.maximum(forward, backward))
    rows, best = np.arange(len(cut)), score.argmax(axis=1)
    value = score[rows, best]
    low, tail = _tail(odds.astype(int), background)
    known = np.isfinite(value)
    place = np.clip(np.where(known, value, low).astype(int) - low, 0, len(tail) - 1)
    once = np.minimum(tail[place], 1 - 1e-12)
    p = np.where(known, -np.expm1(2 * (~unknown).sum(axis=1) * np.log1p(-once)), 1.0)
    good = np.flatnonzero(p <= CHANCE)
    turned = (backward > forward)[good, best[good]]
    return _Match(np.full(len(good), number), first + good, best[good] - reach, turned, np.maximum(p[good], 1e-300))


def _tail(odds: np.ndarray, background: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the least sum of whole log-odds (w, 4), and the chance of this sum or more, of one more, and so on."""
    low = odds.min(axis=1)
    chance = np.ones(1)
    for row, least in zip(odds, low, strict=True):
        longer = np.zeros(len(chance) + int(row.max() - least))
        for base, share in enumerate(background):
            at = int(row[base] - least)
            longer[at : at + len(chance)] += share * chance
        chance = longer
    return int(low.sum()), np.minimum(chance[::-1].cumsum()[::-1], 1.0)
