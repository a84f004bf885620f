"""Input that cannot be scored as it is: skipped, padded or a reason to stop, and always told."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from genolift.sequence.alphabet import count_unknown
from genolift.support.errors import InputError, Remedy, setting

log = logging.getLogger("genolift")

POLICIES = ("fail", "skip", "pad")
REPORTED = "name\tstatus\treason"  # columns of the report, after the record's place
_SHOWN = 5  # of the records that are left out, this many are told one by one


@dataclass(frozen=True)
class Policy:
    """What becomes of records that cannot be scored.

    Parameters
    ----------
    on_bad
        ``fail`` stops if a record cannot be scored. ``skip`` leaves it out. ``pad`` fills with N what is too short or
        leaves its chromosome, and leaves out the rest.
    max_n
        The largest share of N in a sequence.
    least
        The shortest sequence that a model of any length takes, if it is known to need one.
    """

    on_bad: str = "fail"
    max_n: float | None = None
    least: int | None = None

    def __post_init__(self):
        if self.on_bad not in POLICIES:
            raise InputError(f"on_bad is one of {', '.join(POLICIES)}, not {self.on_bad!r}")
        if self.max_n is not None and not 0 <= self.max_n <= 1:
            raise InputError(f"the largest share of N is a number from 0 to 1, not {self.max_n}")

    @property
    def pads(self) -> bool:
        """Whether sequences are filled with N."""
        return self.on_bad == "pad"

    def padding(self, size: int, length: int | None) -> tuple[int, int]:
        """Return how many N a sequence of ``size`` gets at the left and at the right for a model of ``length``."""
        missing = max(0, (length or self.least or 0) - size) if self.pads else 0
        return missing // 2, missing - missing // 2

    def wrong_length(self, name: str, size: int, length: int | None) -> str | None:
        """Say why a sequence of ``size`` bases is not one for a model of ``length``; ``None`` if it is."""
        if length is not None and size != length:
            return f"{name!r} is {size} long, but the model takes sequences of {length}"
        if length is None and size < (self.least or 0):
            return f"{name!r} is {size} long; the model takes {self.least} and more"
        return None

    def too_unknown(self, sequence: str) -> str | None:
        """Say why a sequence has too many unknown bases; ``None`` if it has not."""
        if self.max_n is None:
            return None
        share = count_unknown(sequence) / len(sequence)
        if share <= self.max_n:
            return None
        told, most = (f"{100 * part:.3g} %" for part in (share, self.max_n))
        return f"{told} of its bases are N or another IUPAC code, more than the {most} of --max-n"


@dataclass
class Screening:
    """What became of every record of an input.

    ``read`` of them were read. The ``refused`` ones come with the reason, and the ``padded`` ones with the numbers of N
    added at the left and the right. A record is known by its name and by its place: its line, or its number in a FASTA
    file.

    ``notes`` say how the input was understood.
    """

    policy: Policy
    path: object
    unit: str = "line"
    read: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    padded: list[tuple[int, str, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, place: int, name: str, reason: str) -> None:
        """Note that a record cannot be scored."""
        self.refused.append((place, name, reason))

    def check(self) -> None:
        """Raise :class:`InputError` where what was refused is a reason to stop: any record, or all of them."""
        if not self.refused:
            return
        place, _, reason = self.refused[0]
        first = f"{self.path}, {self.unit} {place}: {reason}"
        if len(self.refused) == self.read:
            raise InputError(f"{first} (and no other record can be scored)" if self.read > 1 else first)
        if self.policy.on_bad == "fail":
            more = f", and {len(self.refused) - 1:,} more" if len(self.refused) > 1 else ""
            skip = Remedy.naming("{} leaves such records out", setting("on_bad", "skip"))
            raise InputError(f"{first}{more}", skip)

    def record(self) -> dict[str, Any]:
        """Return this as it is kept with a result; every record that is not among ``not_scored`` was scored."""
        return {
            "counted_by": self.unit,
            "read": self.read,
            "scored": self.read - len(self.refused),
            "not_scored": [list(entry) for entry in self.refused],
            "padded": [list(entry) for entry in self.padded],
        }

    def tell(self) -> None:
        """Say on standard error what was left out or padded, and why."""
        for note in self.notes:
            log.info("%s: %s", self.path, note)
        if self.padded:
            places = ", ".join(str(place) for place, *_ in self.padded[:_SHOWN])
            more = ", ..." if len(self.padded) > _SHOWN else ""
            log.info("%s: %s records are padded with N (%s %s%s)", self.path, len(self.padded), self.unit, places, more)
        for place, _, reason in self.refused[:_SHOWN]:
            log.info("%s, %s %s: not scored: %s", self.path, self.unit, place, reason)
        if self.refused:
            left = "" if len(self.refused) <= _SHOWN else "; the store's record and --report list them all"
            log.info(
                "%s of %s records of %s are not scored%s", f"{len(self.refused):,}", f"{self.read:,}", self.path, left
            )

    def table(self, places: Iterable[int], names: Sequence[str]) -> str:
        """Return the fate of every record as tab-separated text.

        Its columns are line (or record), name, status (scored, padded or not_scored) and reason.

        Parameters
        ----------
        places, names
            The places and names of the records that are scored.
        """
        rows = [(place, name, "not_scored", reason) for place, name, reason in self.refused]
        padding = {place: f"{left} N at the left, {right} at the right" for place, _, left, right in self.padded}
        for place, name in zip(map(int, places), names, strict=True):
            rows.append((place, name, "padded" if place in padding else "scored", padding.get(place, "")))
        lines = ["\t".join(" ".join(str(cell).split()) for cell in row) for row in sorted(rows)]
        return "\n".join([f"{self.unit}\t{REPORTED}", *lines]) + "\n"
