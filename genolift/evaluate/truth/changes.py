"""Which instances of motifs the edits of a sequence make, and which they break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genolift.evaluate.truth.matches import STRONG
from genolift.sequence.edits import Edit
from genolift.simulate.motifs import Motif, scan

# Of a motif whose best match is not strong, a match is an instance if it reaches this share of the best.
SHARE = 0.8
_UNIFORM = np.full(4, 0.25)


@dataclass(frozen=True)
class MotifChange:
    """An instance of a motif that edits make or break.

    Parameters
    ----------
    kind
        ``"made"`` or ``"broken"``.
    motif, strand
        The motif's name, and the strand, ``"+"`` or ``"-"``.
    start, end
        Where it lies (0-based, half-open): in the design if it is made, in the sequence if it is broken.
    before, after
        The log-odds there in the sequence and in the design; −inf where the place is not there.
    edits
        The edits that lie within it.
    """

    kind: str
    motif: str
    strand: str
    start: int
    end: int
    before: float
    after: float
    edits: tuple[Edit, ...]


def motif_changes(
    before: np.ndarray,
    after: np.ndarray,
    origin: np.ndarray,
    edits: Sequence[Edit],
    motifs: Mapping[str, Motif],
    strong: float = STRONG,
) -> list[MotifChange]:
    """Return the instances of motifs that the edits of a sequence make and break, in the order of motifs and places.

    An instance is a match whose log-odds against uniform bases reach ``strong``, or for a motif that cannot reach it,
    0.8 times those of the best match. It counts as made or broken if an edit lies within it and the same place is an
    instance on one side only.

    Parameters
    ----------
    before, after
        The codes of the sequence and of the design, (L,).
    origin
        The position in the sequence that each base of the design comes from, (L,), −1 for one that is new.
    edits
        The edits.
    motifs
        The motifs by name.
    strong
        The log-odds (natural logarithm) of an instance; 7 by default.

    Returns
    -------
    list of MotifChange
        The changes.
    """
    found = []
    for name, motif in motifs.items():
        if motif.width > len(before):
            continue
        odds = motif.log_odds(_UNIFORM)
        least = min(strong, SHARE * odds.max(1).sum())
        for strand, matrix in (("+", odds), ("-", odds[::-1, ::-1])):
            old, new = (scan(codes[None].astype(np.int64), matrix)[0] for codes in (before, after))
            to_new, to_old = _places(origin, motif.width, len(old))
            for start in np.flatnonzero(old >= least).tolist():
                there = -np.inf if to_new[start] < 0 else new[to_new[start]]
                inside = tuple(one for one in edits if _within(one, start, start + motif.width))
                if there < least and inside:
                    found.append(_change("broken", name, strand, start, motif.width, old[start], there, inside))
            for start in np.flatnonzero(new >= least).tolist():
                here = to_old[start]
                there = -np.inf if not 0 <= here < len(old) else old[here]
                inside = tuple(one for one in edits if _made(one, origin[start : start + motif.width]))
                if there < least and inside:
                    found.append(_change("made", name, strand, start, motif.width, there, new[start], inside))
    return found


def _change(kind, name, strand, start, width, before, after, edits) -> MotifChange:  # type: ignore[no-untyped-def]
    return MotifChange(kind, name, strand, int(start), int(start) + width, float(before), float(after), edits)


def _within(edit: Edit, start: int, end: int) -> bool:
    """Whether an edit lies in a stretch of the sequence. An insertion lies before its position."""
    return start < edit.position < end if edit.kind == "insertion" else start <= edit.position < end


def _made(edit: Edit, span: np.ndarray) -> bool:
    """Whether an edit lies in a window of the design whose bases come from ``span``; all of them may be new."""
    known = span[span >= 0]
    if not len(known):
        return True
    start, end = int(known.min()), int(known.max()) + 1
    if edit.kind == "insertion" and edit.position in (start, end):
        # What is inserted at an edge lies in the window if its bases do.
        return bool(span[0 if edit.position == start else -1] < 0)
    return _within(edit, start, end)


def _places(origin: np.ndarray, width: int, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where windows of the sequence begin in the design, and where windows of the design begin in the sequence.

    A window begins where its first base that is on both sides says. It is −1 where there is none.
    """
    to_old = np.full(places, -1)
    to_new = np.full(places, -1)
    place_of = np.full(int(max(origin.max(), places + width)) + 1, -1)
    place_of[origin[origin >= 0]] = np.flatnonzero(origin >= 0)
    for start in range(places):
        known = np.flatnonzero(origin[start : start + width] >= 0)
        if len(known):
            to_old[start] = origin[start + known[0]] - known[0]
        there = np.flatnonzero(place_of[start : start + width] >= 0)
        if len(there):
            begin = place_of[start + there[0]] - there[0]
            to_new[start] = begin if 0 <= begin < places else -1
    return to_new, to_old
