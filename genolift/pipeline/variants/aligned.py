"""Profiles of two alleles, position by position of the genome, where an insertion or a deletion moves one of them."""

from __future__ import annotations

import re

import numpy as np

from genolift.sequence.normal import shared
from genolift.support.errors import InputError, Remedy, setting

_GAP = re.compile(r"(insertion|deletion) of (\d+)|replacement of (\d+) by (\d+)")


def aligned(
    ref: np.ndarray, alt: np.ndarray, pair: tuple[str, str], kind: str, tracks: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of two profiles that belong to the same bases of the genome.

    Positions of bases that only one of the alleles has are left out, and so are those at the right end for which the
    other window has no counterpart. A profile has a position for each base in the middle of its window.

    Parameters
    ----------
    ref, alt
        The profiles (strands, positions × tracks), the second half of the strands from the reverse complement.
    pair
        The windows with the reference and with the alternative allele.
    kind
        The kind of the variant, as :attr:`genolift.sequence.variants.Allele.kind` has it.
    tracks
        How many numbers each position has.

    Returns
    -------
    tuple of np.ndarray
        Both, (strands, common positions × tracks), in the order of the forward strand.
    """
    match = _GAP.fullmatch(kind)
    if match is None:
        return ref, alt
    if match[1]:
        before, after = (0, int(match[2])) if match[1] == "insertion" else (int(match[2]), 0)
    else:
        before, after = int(match[3]), int(match[4])
    length, positions = len(pair[0]), ref.shape[-1] // tracks
    check_resolution(positions, length)
    first = (length - positions) // 2
    place = shared(*pair) + min(before, after)  # as many bases as both have stand opposite each other
    window, common = np.arange(first, first + positions), min(before, after)
    names = [_names(window, place, size - common) for size in (before, after)]
    mine, theirs = (np.flatnonzero((own >= 0) & np.isin(own, other)) for own, other in (names, names[::-1]))
    ref, alt = (_forward(each.reshape(len(each), positions, tracks)) for each in (ref, alt))
    return ref[:, mine].reshape(len(ref), -1), alt[:, theirs].reshape(len(alt), -1)


def check_resolution(positions: int, length: int) -> None:
    """Raise :class:`InputError` unless a profile can have a position for each base in the middle of a window."""
    if positions > length or (length - positions) % 2:
        leave = Remedy.naming("leave {} out", setting("align_profiles"))
        raise InputError(f"a profile of {positions} positions is not the middle of a window of {length} bases", leave)


def _names(window: np.ndarray, place: int, extra: int) -> np.ndarray:
    """Return the names of positions that both alleles have; -1 for the ``extra`` bases of this one from ``place``."""
    named = np.where(window < place, window, window - extra)
    return np.where((window >= place) & (window < place + extra), -1, named)


def _forward(profile: np.ndarray) -> np.ndarray:
    """Return a profile (strands, positions, tracks) whose strands from the reverse complement are read backwards."""
    half = len(profile) // 2
    return np.concatenate([profile[:half], profile[half:, ::-1]])
