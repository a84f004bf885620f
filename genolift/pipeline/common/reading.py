"""What a job reads: sequences, which of them, and what becomes of those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genolift.pipeline.common.lengths import fitting
from genolift.pipeline.common.screening import Policy
from genolift.pipeline.common.sources import FastaSource, NamesSource, RegionSource, Source
from genolift.pipeline.common.standard_input import CALLED, DASH, spooled
from genolift.sequence.alphabet import one_hot
from genolift.sequence.files import open_text
from genolift.sequence.peaks import check_choice
from genolift.support.errors import InputError, Remedy, setting


@dataclass(frozen=True)
class Reading:
    """What is read. One of the files may be ``-``, standard input, and all may be pipes.

    Parameters
    ----------
    sequences
        A FASTA file.
    regions
        A BED or narrowPeak file. It says which regions of the FASTA file are read.
    select
        A list of names, one a line. It says which records of the FASTA file are read.
    width
        How long regions become where the model takes any length. ``None`` leaves them as they are.
    summits
        Which column of the regions holds summits: ``auto``, ``none`` or its number.
    on_bad, max_n
        What becomes of records that cannot be used, and the largest share of N:
        see :class:`genolift.pipeline.common.screening.Policy`.
    unknown
        How N and other IUPAC codes are encoded, ``uniform`` or ``zero``.
    report
        A file to write what became of every record.
    """

    sequences: Path
    regions: Path | None = None
    select: Path | None = None
    width: int | None = None
    on_bad: str = "fail"
    max_n: float | None = None
    unknown: str = "uniform"
    report: Path | None = None
    summits: str = "auto"

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        return [path for path in (self.sequences, self.regions, self.select) if path is not None]

    @property
    def listing(self) -> Path:
        """The file whose records are those that are used or not."""
        return self.regions or self.select or self.sequences

    def check(self) -> None:
        """Raise :class:`InputError` for what cannot be asked for, before anything is read."""
        self._policy()
        check_choice(self.summits)
        if self.regions is not None and self.select is not None:
            raise InputError("either regions or names choose what is scored, not both")

    @contextmanager
    def at_hand(self) -> Iterator[Reading]:
        """Yield the same with copies of standard input and pipes in their place, after each file was opened once.

        Raises :class:`FileProblem` for a file that is not there or cannot be read.
        """
        with spooled(self.sequences, self.regions, self.select) as place:
            here = replace(
                self, sequences=place(self.sequences), regions=place(self.regions), select=place(self.select)
            )
            for path in here.files:
                open_text(path).close()
            yield here

    def source(self, length: int | None, least: int | None = None) -> Source:
        """Return the sequences, checked, for a model that takes ``length``, or any from ``least`` on."""
        policy = self._policy(least)
        if self.width is not None and (self.regions is None or length is not None):
            why = (
                "regions of a FASTA file" if self.regions is None else f"models of any length; this one takes {length}"
            )
            raise InputError(f"a width is for {why}", Remedy.naming("leave {} out", setting("width")))
        if self.regions is not None:
            return RegionSource(self.sequences, self.regions, length or self.width, policy, self.summits)
        if self.select is not None:
            return NamesSource(self.sequences, self.select, length, policy)
        return FastaSource(self.sequences, length, policy)

    def source_for(self, model: Any, length: int | None) -> Source:
        """Return the sequences that the model takes, after trying which lengths those are where it declares none."""
        return fitting(model, length, self.on_bad, lambda least: self.source(length, least), self.listing)

    def tell(self, source: Source) -> None:
        """Say on standard error what was left out of a source, and why, under the names that the user gave."""
        source.screening.path = CALLED if self.listing == DASH else self.listing
        source.screening.tell()

    def encode(self, sequences: Sequence[str]) -> np.ndarray:
        """Return sequences of one length as one-hot (N, L, 4)."""
        return one_hot(list(sequences), self.unknown)

    def _policy(self, least: int | None = None) -> Policy:
        return Policy(self.on_bad, self.max_n, least)
