"""How much of the sequence the rows of outputs and of the last convolution or pool see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from genolift.engine.hidden.placing import last_placed, name_of, placed
from genolift.engine.program import Value
from genolift.engine.windows.receptive import Receptive
from genolift.methods.common.resolve import look_through
from genolift.pipeline.checking.finding import Finding
from genolift.pipeline.checking.subject import Subject
from genolift.support.errors import UnsupportedModel


@dataclass(frozen=True)
class Seen:
    """What the rows of one value see of one input.

    ``rows`` rows stand ``apart`` positions from each other, and the widest sees ``width`` of the ``length`` positions.
    Positions from ``start`` up to but not including ``end`` are seen by any row.
    """

    input: str
    of: str
    is_output: bool
    rows: int
    width: int
    apart: float
    start: int
    end: int
    length: int


@dataclass(frozen=True)
class Sight(Finding):
    """What rows see, and why nothing is known where that is so."""

    title: ClassVar[str] = "Receptive field"
    key: ClassVar[str] = "receptive_field"
    seen: tuple[Seen, ...]
    unknown: str = ""

    def lines(self) -> list[str]:
        """Return two lines or so for each value."""
        lines = []
        for one in self.seen:
            what = f"output {one.of!r}" if one.is_output else f"layer {one.of!r}"
            whole = f"{one.width:,} positions" if one.width > 1 else "one position"
            whole = "the whole sequence" if one.width >= one.length else whole
            lines.append(f"Each of the {one.rows:,} rows of {what} sees {whole} of {one.input!r}.")
            if one.rows > 1 and one.apart:
                lines[-1] += f" Neighbours stand {one.apart:g} apart."
            if not one.is_output:
                lines.append("What comes after this layer puts all of its rows together.")
            if (one.start, one.end) != (0, one.length):
                lines.append(f"Only positions {one.start:,} to {one.end - 1:,} of {one.length:,} are seen at all.")
        return lines or [f"It is not known: {self.unknown}."]


def sight(subject: Subject) -> Sight:
    """Return what the outputs' rows see, or else the rows of the last layer that still has positions."""
    program, seen, unknown = subject.made.program, [], "no layer has rows that each see a known stretch"
    for place in subject.sequences:
        try:
            receptive = Receptive(
                program, program.outputs, subject.shapes, place, partial(subject.made.facts, subject.shapes)
            )
        except UnsupportedModel as problem:
            unknown = problem.message
            continue
        outputs = [(name, look_through(value)) for name, value in zip(subject.made.names, program.outputs, strict=True)]
        placing = [(name, value, True) for name, value in outputs if placed(receptive, value)]
        if not placing and (last := last_placed(receptive, program.outputs)) is not None:
            placing = [(name_of(last, program), last, False)]
        seen += [_seen(receptive, subject.names[place], *one) for one in placing]
    return Sight(tuple(seen), "" if seen else unknown)


def _seen(receptive: Receptive, source: str, name: str, value: Value, is_output: bool) -> Seen:
    fields = receptive(value)
    steps = np.diff(np.sort(fields.centres))
    positions = np.flatnonzero(fields.seen)
    start, end = (int(positions[0]), int(positions[-1]) + 1) if len(positions) else (0, 0)
    width = int((fields.ends - fields.starts).max()) if len(fields.starts) else 0
    apart = float(np.median(steps)) if len(steps) else 0.0
    return Seen(source, name, is_output, len(fields.starts), max(width, 0), apart, start, end, fields.length)
