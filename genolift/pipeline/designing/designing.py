"""Designs of the sequences of a FASTA file: a store that can be continued, and what is written beside it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genolift.evaluate.truth.changes import motif_changes
from genolift.export.bed import one_word
from genolift.export.outputs import check_new, outputs, text_file
from genolift.methods.targets import text_of
from genolift.pipeline.keeping.places import check_apart
from genolift.pipeline.scoring.scoring import Scored, Scoring, check_job, score
from genolift.results.explanation import Explanation
from genolift.results.kinds import DesignExplanation
from genolift.results.layout import read_header
from genolift.sequence.alphabet import letters, one_hot_codes
from genolift.simulate.motifs import Motif, read_motifs
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

#: What is written beside the store, by the end of its name.
TABLE, EDITS, FASTA, MOTIFS = ".tsv", ".edits.tsv", ".fa", ".motifs.tsv"
_SOLUTIONS = (
    "name",
    "target",
    "solution",
    "reached",
    "edits",
    "at_least",
    "prediction",
    "goal",
    "design_prediction",
    "changes",
)
_EDITS = ("name", "target", "solution", "position", "kind", "before", "after")
_MOTIFS = (
    "name",
    "target",
    "solution",
    "change",
    "motif",
    "strand",
    "start",
    "end",
    "log_odds_before",
    "log_odds_after",
    "edits",
)
# So many sequences are read from the store at a time.
_AT_ONCE = 256


@dataclass(frozen=True)
class Designed:
    """What :func:`design` did.

    Parameters
    ----------
    scored
        What became of the store.
    solutions, reached
        How many solutions there are in all, and how many of them reach all that was asked for.
    edits
        The mean number of edits of those that do; NaN where none does.
    """

    scored: Scored
    solutions: int
    reached: int
    edits: float


def beside(out: Path, end: str) -> Path:
    """Return the path of a file that stands beside the store ``out``; ``end`` is the end of its name."""
    return out.with_name((out.name[: -len(out.suffix)] if out.suffix else out.name) + end)


def design(job: Scoring, motifs: Path | None = None, motif_format: str | None = None) -> Designed:
    """Design every sequence into the store ``job.out``, and write tables of the edits and the designs beside it.

    A store that is not complete is continued.

    Parameters
    ----------
    job
        What is designed, and how: a job of the method ``minimal-change``.
    motifs, motif_format
        A file of motifs, and its format: a table says which of them the edits make and break.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used, and for a store that was made in another way.
    """
    files = [beside(job.out, end) for end in (TABLE, EDITS, FASTA, *([] if motifs is None else [MOTIFS]))]
    known = {} if motifs is None else read_motifs(motifs, motif_format, "skip")
    check_job(job)
    ours = job.execution.force or read_header(job.out) is not None
    for path in files:
        check_apart(path, [*job.reading.files, *job.model.files])
        check_new(path, ours)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\d+ of \d+ goals were not reached")  # They are told once, below.
        scored = score(job)
    result = Explanation.load(job.out)
    if not isinstance(result, DesignExplanation):
        raise InputError(f"{job.out} holds no designs; give another path")
    with outputs(files, force=True) as parts, ExitStack() as stack:
        table, edits, fasta, *more = (stack.enter_context(text_file(part)) for part in parts)
        for file in more:
            print(*_MOTIFS, sep="\t", file=file)
        print(*_SOLUTIONS, sep="\t", file=table)
        print(*_EDITS, sep="\t", file=edits)
        counts: list[float] = []
        total, missed = 0, None
        for solution in solutions(result):
            total += 1
            if solution.reached:
                counts.append(len(solution.edits))
            elif missed is None:
                missed = solution
            print(*solution.row(), sep="\t", file=table)
            for edit in solution.edits:
                about = (edit.position, edit.kind, edit.before or "-", edit.after or "-")
                print(solution.name, solution.target, solution.number, *about, sep="\t", file=edits)
            for file in more:
                print(*solution.motif_rows(known), sep="", end="", file=file)
            print(f">{solution.header()}\n{solution.sequence}", file=fasta)
    if missed is not None:
        log.warning(
            "%s of %s solutions do not reach the goal; of %r the prediction is %.4g and should become %.4g, and with "
            "%s edits it becomes %.4g",
            f"{total - len(counts):,}",
            f"{total:,}",
            missed.name,
            missed.prediction,
            missed.goal,
            len(missed.edits),
            missed.design_prediction,
        )
    return Designed(scored, total, len(counts), float(np.mean(counts)) if counts else np.nan)


@dataclass(frozen=True)
class Solution:
    """One solution of one sequence for one target.

    Parameters
    ----------
    name, target, number
        The sequence, the target, and the number of the solution from 1.
    reached
        Whether all that was asked for is reached.
    at_least
        The number of edits that are needed for certain.
    prediction, goal, design_prediction
        The prediction at the sequence, what it must become, and what it is for the design.
    edits, sequence
        The edits, and the design itself.
    before, after, origins
        The codes of the sequence and of the design, and where each base of the design comes from, (L,).
    """

    name: str
    target: str
    number: int
    reached: bool
    at_least: int
    prediction: float
    goal: float
    design_prediction: float
    edits: list
    sequence: str
    before: np.ndarray
    after: np.ndarray
    origins: np.ndarray

    def row(self) -> tuple:
        """Return the solution as a row of the table."""
        numbers = (f"{one:.6g}" for one in (self.prediction, self.goal, self.design_prediction))
        changes = ",".join(map(str, self.edits)) or "-"
        reached = "yes" if self.reached else "no"
        return (self.name, self.target, self.number, reached, len(self.edits), self.at_least, *numbers, changes)

    def motif_rows(self, motifs: Mapping[str, Motif]) -> list[str]:
        """Return the motifs that the edits make and break, as lines of a table."""
        lines = []
        for one in motif_changes(self.before, self.after, self.origins, self.edits, motifs):
            place = (one.kind, one.motif, one.strand, one.start, one.end, f"{one.before:.3f}", f"{one.after:.3f}")
            row = (self.name, self.target, self.number, *place, ",".join(map(str, one.edits)))
            lines.append("\t".join(map(str, row)) + "\n")
        return lines

    def header(self) -> str:
        """Return the header of the design in a FASTA file."""
        told = "reached" if self.reached else "not_reached"
        about = f"edits={len(self.edits)} prediction={self.design_prediction:.6g}"
        return f"{self.name}|{one_word(self.target)}|{self.number} {told} {about}"


def solutions(result: DesignExplanation) -> Iterator[Solution]:
    """Yield all solutions of a result, in the order of sequences, targets and numbers."""
    for start in range(0, len(result), _AT_ONCE):
        some = result[start : start + _AT_ONCE]
        targets = list(range(some.target_count)) if some.target_axis else [None]
        for row, name in enumerate(some.names):
            for number in targets:
                given = some.target[number] if number is not None else some.target
                one = some[row].for_target(given) if number is not None else some[row]
                reached, length = np.asarray(one.reached)[0], _length(one)
                own = one_hot_codes(np.asarray(one.inputs)[0, :length])
                for k in range(len(reached)):
                    yield Solution(
                        name,
                        text_of(given),
                        k + 1,
                        bool(reached[k]),
                        int(np.asarray(one.at_least)[0]),
                        float(np.asarray(one.predictions)[0]),
                        float(np.asarray(one.goal)[0]),
                        float(np.asarray(one.design_predictions)[0, k]),
                        one.edits(0, k),
                        letters(np.asarray(one.designs)[0, k, :length].astype(np.uint8)),
                        own,
                        np.asarray(one.designs)[0, k, :length],
                        one.origins(0, k),
                    )


def _length(one: Explanation) -> int:
    return np.asarray(one.designs).shape[-1] if one.lengths is None else int(one.lengths[0])
