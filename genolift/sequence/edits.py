"""Edits of sequences: patterns that are written into them, and drafts.

A draft is an edited copy of a sequence, written down as what stands at each place of the sequence it was made from. A
sequence of L bases has 2L slots: slot 2p + 1 holds the base at position p, and slot 2p a base that is inserted before
it, if there is one. A draft (2L,) is therefore its set of edits: each slot that differs from the sequence's own is an
edit, and putting its value back undoes it. The length of a draft stays L. Behind an insertion or a deletion one side of
the sequence moves: a base that is pushed out at its end is lost, and where bases are missing there, N is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.sequence.alphabet import BASES, UNKNOWN, encode, is_dna, one_hot_codes
from genolift.support.errors import InputError

#: The value of a slot that holds no base: nothing is inserted, or the base is deleted.
NOTHING = -1


def as_codes(pattern: Any, name: str = "the motif") -> np.ndarray:
    """Return a pattern as codes.

    Parameters
    ----------
    pattern
        A text, a one-hot array (w, 4) or (1, w, 4), or an object with a ``consensus``, such as a motif. A position
        that is not exactly one base (N, say) keeps the base of the sequence that the pattern is written into.
    name
        What an error message calls the pattern.

    Returns
    -------
    np.ndarray
        (w,) int64: A, C, G, T are 0 to 3, and any other position is 4.

    Raises
    ------
    InputError
        If the pattern has another shape, holds letters that are not DNA, or holds no base at all.
    """
    if hasattr(pattern, "consensus"):
        pattern = pattern.consensus
    if isinstance(pattern, str):
        codes = encode(pattern)
    else:
        array = np.asarray(pattern)
        array = array[0] if array.ndim == 3 and len(array) == 1 else array
        if not is_dna(array.shape):
            raise InputError(
                f"{name} must be a text, a Motif or one-hot of shape (width, 4), not an array of shape {array.shape}"
            )
        codes = one_hot_codes(array[None])[0]
    if not len(codes) or (codes == UNKNOWN).all():
        raise InputError(f"{name} holds no base that could be written into a sequence")
    return codes.astype(np.int64)


def reverse_codes(codes: np.ndarray) -> np.ndarray:
    """Return the codes (w,) of a pattern as the other strand shows it."""
    return np.where(codes == UNKNOWN, UNKNOWN, 3 - codes)[::-1]


def written(X: np.ndarray, codes: np.ndarray, starts: int | np.ndarray) -> np.ndarray:
    """Return copies of sequences with a pattern written into them.

    Parameters
    ----------
    X
        The one-hot sequences, (N, L, 4).
    codes
        The pattern's codes (w,), as :func:`as_codes` gives them. Where a code is 4, the sequence keeps its base.
    starts
        Where the pattern begins (0-based): one number for all sequences, or (N,).

    Returns
    -------
    np.ndarray
        (N, L, 4) of the type of ``X``.

    Raises
    ------
    InputError
        If the pattern does not lie within a sequence.
    """
    starts = np.broadcast_to(starts, len(X))
    check_inside(starts, starts + len(codes), X.shape[1])
    edited = X.copy()
    known = np.flatnonzero(codes != UNKNOWN)
    edited[np.arange(len(X))[:, None], starts[:, None] + known] = np.eye(4, dtype=X.dtype)[codes[known]]
    return edited


def check_inside(starts: np.ndarray | int, ends: np.ndarray | int, length: int) -> None:
    """Raise :class:`InputError` unless every stretch lies within sequences of ``length`` and holds a base.

    Parameters
    ----------
    starts, ends
        Where the stretches begin and end (0-based, half-open): numbers, or arrays (N,) with one stretch per sequence.
    length
        The number of bases of each sequence.
    """
    starts, ends = np.broadcast_arrays(np.atleast_1d(starts), ends)
    outside = ~((starts >= 0) & (starts < ends) & (ends <= length))
    if outside.any():
        first = outside.argmax()
        raise InputError(
            f"the stretch {starts[first]} to {ends[first]} (0-based, end not included) is not within 0 to {length}"
        )


def unedited(codes: np.ndarray) -> np.ndarray:
    """Return the drafts (n, 2L) int8 of sequences (n, L) that are not edited yet."""
    slots = np.full((len(codes), codes.shape[1], 2), NOTHING, np.int8)
    slots[..., 1] = codes
    return slots.reshape(len(codes), -1)


def count_edits(slots: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the number of edits (m,) of drafts (m, 2L) of the sequences whose own slots (m, 2L) are given."""
    return (slots != own).sum(-1)


def spelled(slots: np.ndarray, moves: str = "right") -> tuple[np.ndarray, np.ndarray]:
    """Return drafts as sequences.

    Parameters
    ----------
    slots
        The drafts, (m, 2L).
    moves
        The side of an insertion or deletion that moves: ``"right"`` or ``"left"``.

    Returns
    -------
    codes : np.ndarray
        The sequences, (m, L) int8; 4 is an unknown base, also where bases are missing.
    slot_of : np.ndarray
        The slot that each base comes from, (m, L); −1 where bases are missing.
    """
    length = slots.shape[1] // 2
    held = slots != NOTHING
    if not held[:, ::2].any() and held[:, 1::2].all():
        return slots[:, 1::2].copy(), np.broadcast_to(np.arange(length) * 2 + 1, (len(slots), length)).copy()
    # A stable sort brings the slots that hold something together, in their order, at the end that stays.
    order = np.argsort(~held if moves == "right" else held, axis=1, kind="stable")
    order = order[:, :length] if moves == "right" else order[:, length:]
    there = np.take_along_axis(held, order, 1)
    codes = np.where(there, np.take_along_axis(slots, order, 1), UNKNOWN).astype(np.int8)
    return codes, np.where(there, order, -1)


@dataclass(frozen=True)
class Edit:
    """One edit of a sequence.

    Parameters
    ----------
    kind
        ``"substitution"``, ``"insertion"`` or ``"deletion"``.
    position
        The position in the sequence that is edited (0-based). An insertion is before it.
    before, after
        The bases; empty for what is not there.
    """

    kind: str
    position: int
    before: str
    after: str

    def __str__(self) -> str:
        if self.kind == "insertion":
            return f"{self.position}ins{self.after}"
        return f"{self.before}{self.position}{self.after or 'del'}"


def edits_of(slots: np.ndarray, own: np.ndarray) -> list[Edit]:
    """Return the edits of one draft (2L,), in the order of positions.

    Parameters
    ----------
    slots
        The draft.
    own
        The slots of the sequence that it was made from.
    """
    found = []
    for slot in np.flatnonzero(slots != own).tolist():
        position, is_base = divmod(slot, 2)
        before, after = (_letter(int(one[slot])) for one in (own, slots))
        kind = "insertion" if not is_base else "deletion" if not after else "substitution"
        found.append(Edit(kind, position, before, after))
    return found


def _letter(code: int) -> str:
    return "" if code == NOTHING else (BASES + "N")[code]
