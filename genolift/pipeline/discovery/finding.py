"""Search a store's scores, and judge what is found by what the same search finds in a null."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.discovery.seqlets import shuffle_positions
from genolift.evaluate.discovery.significance import NullFindings, q_values
from genolift.export.outputs import outputs, text_file
from genolift.export.source import Scores
from genolift.pipeline.common.execution import Execution
from genolift.results.explanation import Explanation
from genolift.results.provenance import encode, first_difference
from genolift.sequence.alphabet import decode
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError

log = logging.getLogger("genolift")

# A null made of the scores themselves has about so many bases, but no more than so many draws of a sequence.
_NULL_BASES, _MOST_DRAWS = 2e7, 100
_BASES_AT_ONCE = 2**22
_INCIDENTAL = ("seed", "genolift")  # what may differ between the methods of scores and null


@dataclass(frozen=True)
class Search:
    """What to search, and how what is found is judged.

    Parameters
    ----------
    scores
        The store.
    target
        One of the targets that were explained, as text. It is needed where there are several.
    null
        A store of scores of shuffled sequences, by the same model, method and target. Without it the positions of the
        scores themselves are shuffled.
    fdr
        The largest q-value of what is kept.
    seed
        The seed of shuffles.
    execution
        Whether files that are there are replaced, and whether progress is shown.
    """

    scores: Path
    target: object = None
    null: Path | None = None
    fdr: float = 0.05
    seed: int = 0
    execution: Execution = field(default_factory=Execution)

    def open(self) -> tuple[Scores, Scores | None]:
        """Return the scores, and those of the null if it is a store; an error if that was made in another way."""
        scores = Scores(Explanation.load(self.scores), self.target, progress=self.execution.progress)
        if self.null is None:
            return scores, None
        null = Scores(Explanation.load(self.null), self.target, progress=self.execution.progress)
        if difference := first_difference(_origin(null), _origin(scores)):
            raise InputError(f"{self.null} is no null of {self.scores}: {difference}; score both alike")
        return scores, null


@dataclass(frozen=True)
class Finder:
    """A search: the ``field`` it reads, how it finds, and how what it finds is judged.

    ``find(values, lengths, first)`` gives a named tuple of columns, among them ``sequence``, numbered from ``first``.
    ``judge`` gives the kind and the statistic of each row.
    """

    field: str
    find: Callable[[np.ndarray, np.ndarray, int], Any]
    judge: Callable[[Any], tuple[np.ndarray, np.ndarray]]


def find_significant(
    job: Search, finder: Finder, scores: Scores, null_scores: Scores | None
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return what is found in all sequences with a q-value of at most ``job.fdr``, and its p- and q-values."""
    null = _from_store(finder, null_scores) if null_scores else _from_positions(finder, scores, job.seed)
    where = f"of {job.null}" if null_scores else "of the scores' own positions, shuffled"
    log.info("the null: %s such are found in %s bases %s", f"{len(null):,}", f"{null.bases:,}", where)
    parts = [
        finder.find(block, scores.lengths[rows], rows.start)
        for rows, block in scores.blocks(finder.field, label="searching")
    ]
    rows = type(parts[0])(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    kinds, statistics = finder.judge(rows)
    p = null.p_values(kinds, statistics)
    q = q_values(kinds, p, int(scores.lengths.sum()))
    keep = q <= job.fdr
    return type(rows)(*(column[keep] for column in rows)), p[keep], q[keep]


def _from_store(finder: Finder, scores: Scores) -> NullFindings:
    null = NullFindings()
    for rows, block in scores.blocks(finder.field, label="searching the null"):
        lengths = scores.lengths[rows]
        null.add(lengths.sum(), *finder.judge(finder.find(block, lengths, 0)))
    return null


def _from_positions(finder: Finder, scores: Scores, seed: int) -> NullFindings:
    """Return the null of scores that lie anywhere: it judges what contiguity adds, not what the sequence does."""
    null = NullFindings()
    draws = int(np.clip(np.ceil(_NULL_BASES / scores.lengths.sum()), 1, _MOST_DRAWS))
    size = max(1, _BASES_AT_ONCE // (draws * scores.width))
    for rows, block in scores.blocks(finder.field, label="searching the null"):
        for start in range(0, len(block), size):
            lengths = scores.lengths[rows][start : start + size]
            (shuffled,) = shuffle_positions([block[start : start + size]], lengths, draws, seed)
            null.add(draws * lengths.sum(), *finder.judge(finder.find(shuffled, np.repeat(lengths, draws), 0)))
    return null


def _origin(scores: Scores) -> dict:
    """Return what scores and null must have in common."""
    explanation = scores.explanation
    method = {key: value for key, value in explanation.method.items() if key not in _INCIDENTAL}
    model = explanation.provenance.get("model")
    return encode({"method": method, "target": explanation.target, "model": model})


def bed_score(q: np.ndarray) -> np.ndarray:
    """Return BED's score, 0 to 1000: −100 log10 of the q-value."""
    return np.clip(-100 * np.log10(np.maximum(q, 1e-300)), 0, 1000).round().astype(int)


def write_shuffled(path: Path, out: Path, seed: int = 0, force: bool = False) -> int:
    """Write shuffles of a store's sequences, one each, that keep dinucleotides, as FASTA; return how many.

    Scored by the same model and method they are a null for :class:`Search`.
    """
    explanation = Explanation.load(path)
    inputs = Explanation({"inputs": explanation.inputs}, lengths=explanation.lengths)  # whatever the targets are
    scores = Scores(inputs)
    with outputs([out], force) as (part,), text_file(part) as file:
        for rows, block in scores.blocks("inputs"):
            lengths = scores.lengths[rows].tolist()
            texts = [text[:length] for text, length in zip(decode(block), lengths, strict=True)]
            for i, (shuffled,) in enumerate(shuffle(texts, 1, seed=seed), rows.start):
                file.write(f">shuffled_{i}\n{shuffled}\n")
    return len(scores)
