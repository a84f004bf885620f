"""What a design must keep to: positions that stay, motifs that must not occur, and limits of the G+C content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genolift.sequence.alphabet import BASES, STANDS_FOR, UNKNOWN, reverse_complement
from genolift.sequence.edits import NOTHING, spelled, unedited
from genolift.support.errors import InputError, Remedy, Setting

_AS_THEY_ARE = Remedy.naming(
    "give {} to let it stay as it is",
    Setting("existing='keep'", "--existing keep (to `genolift explain`: --option existing=keep)"),
)


@dataclass(frozen=True)
class Pattern:
    """A motif that must not occur, on one strand.

    Parameters
    ----------
    name
        What the user called it.
    taken
        Which bases each of its positions takes, (w, 5). The last column is of unknown bases, which match nothing.
    """

    name: str
    taken: np.ndarray


def patterns_of(texts: Sequence[str]) -> list[Pattern]:
    """Return the patterns of motifs, on both strands.

    Parameters
    ----------
    texts
        A motif in the letters of IUPAC, such as ``GAATTC`` or ``CANNTG``, or a restriction enzyme, such as ``BsaI``,
        whose sites Biopython knows.

    Raises
    ------
    InputError
        If a text is neither, or is a motif that every sequence has.
    """
    found = []
    for text in texts:
        for letters in _sites(text):
            if set(letters) <= set("N"):
                raise InputError(f"the forbidden motif {text!r} is in every sequence; give one with bases")
            for strand in dict.fromkeys([letters, reverse_complement(letters)]):
                taken = np.array([[base in STANDS_FOR[letter] for base in BASES] + [False] for letter in strand])
                found.append(Pattern(text, taken))
    return found


def _sites(text: str) -> list[str]:
    from Bio import Restriction

    if text.upper() != text and hasattr(getattr(Restriction, text, None), "site"):
        return getattr(Restriction, text).site.upper().split("|")
    if text and set(text.upper()) <= set(STANDS_FOR):
        return [text.upper()]
    raise InputError(
        f"{text!r} is neither a motif in the letters of IUPAC, such as CANNTG, nor a restriction enzyme, such as BsaI"
    )


class Constraints:
    """What the drafts of some sequences must keep to.

    Parameters
    ----------
    codes
        The sequences, (n, L).
    names
        Their names, for errors.
    patterns
        The motifs that must not occur.
    gc
        The lowest and the highest share of G and C among known bases, or None.
    fixed
        The positions that stay as they are, (n, L). Unknown bases always stay.
    existing
        What becomes of forbidden motifs, and of a G+C content beyond the limits, that a sequence has from the start:
        ``"refuse"`` is an error, and ``"keep"`` lets them stay, while new ones are forbidden all the same.
    moves
        The side of an insertion or deletion that moves.

    Raises
    ------
    InputError
        If a sequence breaks them from the start, unless they are kept.
    """

    def __init__(
        self,
        codes: np.ndarray,
        names: Sequence[str],
        patterns: Sequence[Pattern] = (),
        gc: tuple[float, float] | None = None,
        fixed: np.ndarray | None = None,
        existing: str = "refuse",
        moves: str = "right",
    ):
        n, length = codes.shape
        self.moves, self.patterns = moves, [one for one in patterns if len(one.taken) <= length]
        self.fixed = (codes == UNKNOWN) if fixed is None else (codes == UNKNOWN) | fixed
        self.own = unedited(codes)
        self._had = np.zeros((len(self.patterns), n, length), bool)  # Where each motif was from the start.
        for k, pattern in enumerate(self.patterns):
            at = _misses(codes, pattern) == 0
            self._had[k, :, : at.shape[1]] = at
            if existing == "refuse" and at.any():
                row, start = np.argwhere(at)[0].tolist()
                text = "".join((BASES + "N")[c] for c in codes[row, start : start + len(pattern.taken)])
                raise InputError(
                    f"sequence {names[row]!r} has the forbidden motif {pattern.name} ({text}) at position {start} from "
                    "the start",
                    _AS_THEY_ARE,
                )
        self._least, self._most = np.zeros(n), np.full(n, np.inf)
        if gc is not None:
            share = _gc(codes)
            low, high = np.full(n, gc[0]), np.full(n, gc[1])
            outside = (share < low) | (share > high)
            if existing == "refuse" and outside.any():
                row = int(outside.argmax())
                raise InputError(
                    f"sequence {names[row]!r} has a G+C content of {share[row]:.3f} from the start, beyond the limits "
                    f"{gc[0]:g} to {gc[1]:g}",
                    _AS_THEY_ARE,
                )
            self._least, self._most = np.minimum(low, share), np.maximum(high, share)
        self._limited = gc is not None

    def hold(self, positions: np.ndarray) -> Constraints:
        """Return the same constraints with further positions (n, L) that stay as they are."""
        held = object.__new__(Constraints)
        held.__dict__ = {**self.__dict__, "fixed": self.fixed | positions}
        return held

    def rows(self, which: np.ndarray) -> Constraints:
        """Return the constraints of some of the sequences, which may be named several times."""
        held = object.__new__(Constraints)
        own = {name: getattr(self, name)[which] for name in ("own", "fixed", "_least", "_most")}
        held.__dict__ = {**self.__dict__, **own, "_had": self._had[:, which]}
        return held

    def free(self) -> Constraints:
        """Return constraints of which only the positions that stay are left."""
        held = object.__new__(Constraints)
        held.__dict__ = {**self.__dict__, "patterns": [], "_limited": False}
        return held

    def substitutions(self, codes: np.ndarray, slot_of: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return which substitutions leave a draft within the constraints.

        Parameters
        ----------
        codes, slot_of
            The drafts, spelled.
        rows
            The sequence (m,) that each was made from, by number.

        Returns
        -------
        np.ndarray
            Whether each base may be put at each position, (m, L, 4). It is False for the base that is there.
        """
        fixed = np.take_along_axis(self.fixed[rows], np.maximum(slot_of // 2, 0), 1)
        inserted = slot_of % 2 == 0
        free = (slot_of >= 0) & (inserted | ~fixed) & (codes != UNKNOWN)
        allowed = free[..., None] & (codes[..., None] != np.arange(4))
        for k, pattern in enumerate(self.patterns):
            misses = _misses(codes, pattern)
            kept = self._kept(k, slot_of, rows)[:, : misses.shape[1]]
            for j, taken in enumerate(pattern.taken):
                here = slice(j, j + misses.shape[1])
                completes = (misses - ~taken[codes[:, here]] == 0) & ~kept
                allowed[:, here] &= ~(completes[..., None] & taken[:4])
        if self._limited:
            strong, known = _counts(codes)
            change = np.array([0, 1, 1, 0]) - ((codes == 1) | (codes == 2))[..., None]
            share = (strong[:, None, None] + change) / np.maximum(known, 1)[:, None, None]
            allowed &= (share >= self._least[rows, None, None]) & (share <= self._most[rows, None, None])
        return allowed

    def fine(self, slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return whether drafts (m, 2L) of the sequences ``rows`` (m,) are within the constraints, (m,).

        That positions which stay are not edited is for the searches to see to. This looks at what is pushed out of the
        sequence, too.
        """
        codes, slot_of = spelled(slots, self.moves)
        good = np.ones(len(slots), bool)
        for k, pattern in enumerate(self.patterns):
            at = _misses(codes, pattern) == 0
            good &= ~(at & ~self._kept(k, slot_of, rows)[:, : at.shape[1]]).any(1)
        if self._limited:
            share = _gc(codes)
            good &= (share >= self._least[rows]) & (share <= self._most[rows])
        there = np.zeros((len(slots), slots.shape[1] + 1), bool)
        np.put_along_axis(there, slot_of % (slots.shape[1] + 1), True, 1)
        needed = self.fixed[rows] & (self.own[rows][:, 1::2] != UNKNOWN)
        return good & (there[:, 1:-1:2] | ~needed).all(1)

    def indels(self, slots: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the insertions and deletions that one draft (2L,) may get.

        Parameters
        ----------
        slots
            The draft.
        row
            The sequence that it was made from, by number.

        Returns
        -------
        where, values : np.ndarray
            The slot (c,) that each of them changes, and the value (c,) that it puts there.
        """
        fixed = self.fixed[row]
        # Nothing is inserted inside a stretch that stays.
        inside = fixed & np.concatenate([[False], fixed[:-1]])
        before, base = slots[::2], slots[1::2]
        places = np.flatnonzero((before == NOTHING) & ~inside)
        deletions = np.flatnonzero(~fixed & (base != NOTHING))
        where = np.concatenate([np.repeat(2 * places, 4), 2 * deletions + 1])
        values = np.concatenate([np.tile(np.arange(4), len(places)), np.full(len(deletions), NOTHING)])
        drafts = np.repeat(slots[None], len(where), 0)
        drafts[np.arange(len(where)), where] = values
        good = self.fine(drafts, np.full(len(where), row))
        return where[good], values[good].astype(np.int8)

    def _kept(self, k: int, slot_of: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return where (m, L) a motif may stay, because the sequence had it there from the start."""
        had = np.take_along_axis(self._had[k, rows], np.maximum(slot_of // 2, 0), 1)
        return had & (slot_of >= 0) & (slot_of % 2 == 1)


def _misses(codes: np.ndarray, pattern: Pattern) -> np.ndarray:
    """Return how many positions of a pattern do not match, at each place of sequences (m, L): (m, L − w + 1)."""
    places = codes.shape[1] - len(pattern.taken) + 1
    return sum((~taken[codes[:, j : j + places]]).astype(np.int16) for j, taken in enumerate(pattern.taken))  # type: ignore[return-value]


def _counts(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many G and C, and how many known bases, sequences (m, L) have: (m,) each."""
    return ((codes == 1) | (codes == 2)).sum(1), (codes != UNKNOWN).sum(1)


def _gc(codes: np.ndarray) -> np.ndarray:
    strong, known = _counts(codes)
    return strong / np.maximum(known, 1)
