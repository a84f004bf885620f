"""Search a store's scores, and judge what is found by what the same search finds in a null."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from genolift.evaluate.discovery.significance import NullFindings, q_values, scale_excess
from genolift.export.outputs import outputs, text_file
from genolift.export.source import Scores
from genolift.pipeline.common.execution import Execution
from genolift.results.explanation import Explanation
from genolift.results.provenance import encode, first_difference
from genolift.sequence.alphabet import decode
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import GenoliftWarning, InputError

log = logging.getLogger("genolift")

# A null made of the scores themselves has about so many bases, but no more than so many draws of a sequence.
_NULL_BASES, _MOST_DRAWS = 2e7, 100
_BASES_AT_ONCE = 2**22
# Shuffles of all sequences are about so many, but no more than so many of each sequence.
_SHUFFLES, _MOST_SHUFFLES = 1000, 20
# A null is warned of if scales differ by so much in one of ten sequences, and chance does not explain it.
_NOTABLE, _CHANCE = 1.1, 1e-3
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
        A store of scores of shuffled sequences, by the same model, method and target. Without it a null is made of the
        scores themselves.
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
    ``judge`` gives the kind and the statistic of each row. ``surrogates(values, lengths, draws, seed)`` gives null data
    that are made of the scores themselves, and ``kept`` says in words how.
    """

    field: str
    find: Callable[[np.ndarray, np.ndarray, int], Any]
    judge: Callable[[Any], tuple[np.ndarray, np.ndarray]]
    surrogates: Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]
    kept: str


def find_significant(
    job: Search, finder: Finder, scores: Scores, null_scores: Scores | None
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return what is found in all sequences with a q-value of at most ``job.fdr``, and its p- and q-values."""
    null = _from_store(finder, null_scores) if null_scores else _from_itself(finder, scores, job.seed)
    where = f"of {job.null}" if null_scores else f"made of the scores themselves, {finder.kept}"
    log.info("the null: %s such are found in %s bases %s", f"{len(null):,}", f"{null.bases:,}", where)
    excess = _excess(job, finder, scores, null_scores) if null_scores else np.ones(len(scores))
    parts = []
    for rows, block in scores.blocks(finder.field, label="searching"):
        by = excess[rows].reshape(-1, *[1] * (block.ndim - 1))
        parts.append(finder.find(block / by if (by > 1).any() else block, scores.lengths[rows], rows.start))
    rows = type(parts[0])(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    kinds, statistics = finder.judge(rows)
    p = null.p_values(kinds, statistics)
    bases = int(scores.lengths.sum())
    q = q_values(kinds, p, bases)
    keep = q <= job.fdr
    _tell_of_few(job, null, bases, p, keep)
    rows = type(rows)(**{**rows._asdict(), "importance": rows.importance * excess[rows.sequence]})
    return type(rows)(*(column[keep] for column in rows)), p[keep], q[keep]


def _excess(job: Search, finder: Finder, scores: Scores, null_scores: Scores) -> np.ndarray:
    """Return what each sequence's scores are divided by to be on the null's scale; warn if that is not 1."""
    data, null = scales_of(finder, scores), scales_of(finder, null_scores)
    excess = scale_excess(data, null)
    tell_of_scales(job, data, null, "They are divided by that before they are judged")
    return excess


def tell_of_scales(job: Search, data: np.ndarray, null: np.ndarray, done: str) -> None:
    """Warn if scores outside motifs are larger than those of the null; the warning ends with what is ``done``."""
    if data.any() and not null.any():
        warnings.warn(
            f"most scores of {job.null} are zero, and those of {job.scores} are not, so that the null cannot tell what "
            "is large; score shuffles of these same sequences",
            GenoliftWarning,
            4,
        )
        return
    log.info("scores outside motifs are %.2f times those of the null (medians)", _ratio(data, null))
    excess = scale_excess(data, null)
    large = float(np.quantile(excess, 0.9))
    if large > _NOTABLE and mannwhitneyu(data, null, alternative="greater").pvalue < _CHANCE:
        warnings.warn(
            f"outside motifs, too, scores of {job.scores} are larger than those of the null: their scale is "
            f"{np.median(excess):.2f} times the null's in the median sequence, and {large:.2f} times or more in one of "
            f"ten. {done}",
            GenoliftWarning,
            4,
        )


def _ratio(data: np.ndarray, null: np.ndarray) -> float:
    below = float(np.median(null))
    return float(np.median(data)) / below if below else 1.0


def scales_of(finder: Finder, scores: Scores) -> np.ndarray:
    """Return the median absolute score of each sequence, which a motif cannot move far."""
    found = np.zeros(len(scores))
    for rows, block in scores.blocks(finder.field, label="measuring"):
        height = np.abs(block.sum(-1) if block.ndim == 3 else block).astype(np.float64)
        inside = np.arange(height.shape[1]) < scores.lengths[rows][:, None]
        inside[:, 0] = True
        found[rows] = np.nanmedian(np.where(inside, height, np.nan), axis=1)
    return found


def _tell_of_few(job: Search, null: NullFindings, bases: int, p: np.ndarray, keep: np.ndarray) -> None:
    """Warn if findings that are larger than all of the null are too few for so small a null."""
    least = 1 / (1 + null.bases)
    needed = int(np.ceil(bases * least / job.fdr))
    lost = int(((p <= least) & ~keep).sum())
    if lost:
        warnings.warn(
            f"{lost} findings are larger than any in the null, and yet not kept: the null has {null.bases:,} bases; "
            f"with so few, fewer than {needed} findings of a kind cannot reach a q-value of {job.fdr}. Score {needed} "
            "times as many shuffles",
            GenoliftWarning,
            3,
        )


def _from_store(finder: Finder, scores: Scores) -> NullFindings:
    null = NullFindings()
    for rows, block in scores.blocks(finder.field, label="searching the null"):
        lengths = scores.lengths[rows]
        null.add(lengths.sum(), *finder.judge(finder.find(block, lengths, 0)))
    return null


def _from_itself(finder: Finder, scores: Scores, seed: int) -> NullFindings:
    """Return the null of surrogates, which keep what is true of all scores, and not what the model sees in them."""
    null = NullFindings()
    draws = int(np.clip(np.ceil(_NULL_BASES / scores.lengths.sum()), 1, _MOST_DRAWS))
    size = max(1, _BASES_AT_ONCE // (draws * scores.width))
    for rows, block in scores.blocks(finder.field, label="searching the null"):
        for start in range(0, len(block), size):
            lengths = scores.lengths[rows][start : start + size]
            made = finder.surrogates(block[start : start + size], lengths, draws, seed)
            null.add(draws * lengths.sum(), *finder.judge(finder.find(made, np.repeat(lengths, draws), 0)))
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


def write_shuffled(path: Path, out: Path, seed: int = 0, force: bool = False, copies: int | None = None) -> int:
    """Write shuffles of a store's sequences that keep dinucleotides, as FASTA; return how many.

    Scored by the same model and method they are a null for :class:`Search`.

    Parameters
    ----------
    path
        The store.
    out
        The FASTA file.
    seed
        The seed of the shuffles.
    force
        Whether a file that is there is replaced.
    copies
        How many shuffles of each sequence are written. The default is as many as make about 1,000 of all, at least 1
        and at most 20, because few null sequences cannot tell what is rare.
    """
    explanation = Explanation.load(path)
    inputs = Explanation({"inputs": explanation.inputs}, lengths=explanation.lengths)  # whatever the targets are
    scores = Scores(inputs)
    n = copies or int(np.clip(np.ceil(_SHUFFLES / len(scores)), 1, _MOST_SHUFFLES))
    with outputs([out], force) as (part,), text_file(part) as file:
        for rows, block in scores.blocks("inputs"):
            lengths = scores.lengths[rows].tolist()
            texts = [text[:length] for text, length in zip(decode(block), lengths, strict=True)]
            for i, drawn in enumerate(shuffle(texts, n, seed=seed), rows.start):
                for j, shuffled in enumerate(drawn):
                    file.write(f">shuffled_{i}_{j}\n{shuffled}\n")
    return n * len(scores)
