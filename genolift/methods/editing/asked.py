"""What a user asks of a design, as it is given: held targets, positions that stay, and limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.methods import targets
from genolift.methods.editing.goals import Held
from genolift.sequence.regions import read_intervals
from genolift.support.errors import InputError


def held_of(given: Any) -> list[Held]:
    """Return the targets that must stay.

    Parameters
    ----------
    given
        A dict of how far each target may move, a list of pairs of them, or a text such as ``1:0.1`` or
        ``counts:0:0.1;profile:0.2``.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if given is None:
        return []
    if isinstance(given, str):
        pairs: list[tuple] = []
        for text in filter(None, (part.strip() for part in given.split(";"))):
            target, colon, tolerance = text.rpartition(":")
            try:
                if not colon:
                    raise ValueError(text)
                pairs.append((targets.parse(target), float(tolerance)))
            except ValueError:
                raise InputError(
                    f"the held target {text!r} is not understood; write TARGET:TOLERANCE, as 1:0.1"
                ) from None
        return [Held(*pair) for pair in pairs]
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        raise InputError("held targets are a dict of how far each may move, as hold={1: 0.1}, or a list of such pairs")
    return [Held(target, float(tolerance)) for target, tolerance in pairs]


def limits_of(given: Any) -> tuple[float, float] | None:
    """Return the lowest and the highest G+C content that a user gave.

    Raises
    ------
    InputError
        If they are not two numbers from 0 to 1 in their order.
    """
    if given is None:
        return None
    pair = tuple(float(one) for one in given)
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1] <= 1:
        raise InputError(f"gc is the lowest and the highest share of G and C, as 0.4,0.6, not {given}")
    return pair


def texts_of(given: Any) -> tuple[str, ...]:
    """Return the texts of a list, or of one text with commas between."""
    if given is None:
        return ()
    return tuple(part.strip() for part in (given.split(",") if isinstance(given, str) else given) if part.strip())


@dataclass(frozen=True)
class Stretches:
    """Stretches of sequences: of all alike, or of each by its name.

    Parameters
    ----------
    intervals
        Beginnings and ends (0-based, half-open) by the name of the sequence; under None those of all sequences.
    mask
        Whether each position is in one, (L,) or (N, L); None where intervals are given.
    told
        What a record says of them.
    """

    intervals: Mapping[str | None, list[tuple[int, int]]]
    mask: np.ndarray | None
    told: Any

    @property
    def by_name(self) -> bool:
        """Whether sequences are known by their names."""
        return None not in self.intervals and self.mask is None

    @classmethod
    def of(cls, given: Any, option: str) -> Stretches | None:
        """Return what a user gave: a BED file of the sequences' names, a mask, or a list of beginnings and ends."""
        if given is None:
            return None
        if isinstance(given, (str, Path)):
            found: dict[str | None, list[tuple[int, int]]] = {}
            for one in read_intervals(given):
                found.setdefault(one.chrom, []).append((one.start, one.end))
            return cls(found, None, {"sha256": hashlib.sha256(Path(given).read_bytes()).hexdigest()})
        array = np.asarray(given)
        if array.dtype == bool and array.ndim in (1, 2):
            return cls({}, array, {"sha256": hashlib.sha256(array.tobytes()).hexdigest()})
        if array.ndim == 2 and array.shape[1] == 2 and array.dtype.kind in "iu":
            pairs = [(int(start), int(end)) for start, end in array]
            return cls({None: pairs}, None, [list(pair) for pair in pairs])
        raise InputError(
            f"{option} is a BED file with the names of the sequences, a list of (start, end), or a boolean array (L,) "
            "or (N, L)"
        )

    def positions(self, names: Sequence[str] | None, count: int, length: int, option: str) -> np.ndarray:
        """Return which positions (n, L) of sequences are in one.

        Parameters
        ----------
        names
            The names of the sequences; None where they have none.
        count, length
            How many sequences there are, and how long they are.
        option
            What the user calls the stretches.

        Raises
        ------
        InputError
            If a stretch is not within its sequence, or sequences without names are to be known by them.
        """
        if self.mask is not None:
            if self.mask.shape not in ((length,), (count, length)):
                raise InputError(f"{option} has shape {self.mask.shape}, but there are {count} sequences of {length}")
            return np.broadcast_to(self.mask, (count, length)).copy()
        if self.by_name and names is None:
            raise InputError(f"{option} is a BED file, which knows sequences by their names; give names=")
        found = np.zeros((count, length), bool)
        for row in range(count):
            name = None if names is None or not self.by_name else names[row]
            for start, end in self.intervals.get(name, []):
                if not 0 <= start < end <= length:
                    of = "" if name is None else f" of {name!r}"
                    raise InputError(f"{option}: the stretch {start} to {end}{of} is not within 0 to {length}")
                found[row, start:end] = True
        return found


def check_known(stretches: Stretches | None, option: str, names: Sequence[str]) -> None:
    """Raise :class:`InputError` where stretches are of sequences that are not among ``names``."""
    if stretches is None or not stretches.by_name:
        return
    if missing := sorted(set(map(str, stretches.intervals)) - set(names)):
        raise InputError(f"{option} has stretches of {missing[0]!r}, and no sequence is called so")
