"""How well scores agree with what is known to matter: measures that the truth itself passes best.

The truth says how much each embedded instance matters, with its sign. A base of an instance matters as much as the
instance divided by its width, and all other bases not at all. All measures know the sign: the truth as an explanation
has the best value, random scores that of chance, and the truth negated the worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from genolift.evaluate.truth.standing import Standing
from genolift.simulate.dataset import Dataset
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: The measures of bases, which are means over sequences, and those of instances, which are pooled over sequences.
OF_BASES = ("auroc", "auprc", "precision_at_k", "mass", "pointing")
OF_INSTANCES = ("instance_auroc", "spearman", "sign", "false_negative_rate", "false_positive_rate")
MEASURES = (*OF_BASES, *OF_INSTANCES)
_RESAMPLES = 1000
_RESAMPLES_POOLED = 200


@dataclass(frozen=True)
class Truth:
    """What matters in the sequences of a data set to one task, in the form that measures read.

    Attributes
    ----------
    bases : np.ndarray
        (N, L), how much each base matters; NaN beyond the end of a sequence.
    row, start, end : np.ndarray
        (K,), the stretches that are compared: all instances, and as many stretches of no instance.
    value : np.ndarray
        (K,), how much each of them matters.
    embedded : np.ndarray
        (K,) bool, whether it is an instance.
    free : np.ndarray
        (N, L) bool, which bases lie in no instance.
    """

    bases: np.ndarray
    row: np.ndarray
    start: np.ndarray
    end: np.ndarray
    value: np.ndarray
    embedded: np.ndarray
    free: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, importance: np.ndarray, seed: int = 0) -> Truth:
        """Return the truth of one task.

        Parameters
        ----------
        dataset
            The data set.
        importance
            How much each of its instances matters, (K,).
        seed
            The seed of the stretches without instance.
        """
        importance = _without_rounding(np.asarray(importance, dtype=float))
        lengths = np.array([len(sequence) for sequence in dataset.sequences])
        bases = np.where(np.arange(lengths.max()) < lengths[:, None], 0.0, np.nan)
        free = ~np.isnan(bases)
        columns: list[tuple[int, int, int, float, bool]] = []
        for one, value in zip(dataset.embeddings, importance.tolist(), strict=True):
            bases[one.sequence_index, one.start : one.end] = value / (one.end - one.start)
            free[one.sequence_index, one.start : one.end] = False
            columns.append((one.sequence_index, one.start, one.end, value, True))
        widths: dict[int, list[int]] = {}
        for one in dataset.embeddings:
            widths.setdefault(one.sequence_index, []).append(one.end - one.start)
        everywhere = [one.end - one.start for one in dataset.embeddings]
        for number, name in enumerate(dataset.names):
            random = stream(seed, "free stretches", name)
            for width in widths.get(number) or random.choice(everywhere, 1).tolist():
                starts = np.flatnonzero(_whole(free[number], width))
                if len(starts):
                    at = int(random.choice(starts))
                    columns.append((number, at, at + width, 0.0, False))
        row, start, end, value, embedded = (np.array(column) for column in zip(*columns, strict=True))
        order = np.argsort(row, kind="stable")
        return cls(bases, row[order], start[order], end[order], value[order], embedded[order], free)


def measure(scores: np.ndarray, truth: Truth, seed: int = 0) -> pd.DataFrame:
    """Return all measures of the scores of one task.

    - ``auroc``, ``auprc``: how well scores tell bases that speak for the task from bases that do nothing, and, from
      below, bases that speak against it; by sequence.
    - ``precision_at_k``: of a sequence's k highest scores, the share that speak for the task, where k is how many bases
      do; and likewise of its lowest.
    - ``mass``: the share of the sum of absolute scores that lies, with the right sign, where it matters.
    - ``pointing``: whether the score of largest size lies, with the right sign, where it matters.
    - ``instance_auroc``: how well the sum over a stretch tells instances that matter from those that do not and from
      stretches without instance; pooled over sequences.
    - ``spearman``: the rank correlation of these sums with how much the stretches matter.
    - ``sign``: the share of the instances that matter whose sum has the right sign.
    - ``false_negative_rate``: the share of the instances that matter that do not stand out from their own sequence with
      the right sign (:class:`genolift.evaluate.truth.standing.Standing`). By chance it is 0.95.
    - ``false_positive_rate``: the share of the instances that do not matter that stand out, in either direction. By
      chance it is 0.1.

    Parameters
    ----------
    scores
        (N, L), in the order of the data set.
    truth
        What matters.
    seed
        The seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        A row for each measure with the columns ``metric, value, low, high, n``: a 95 % interval by the bootstrap over
        sequences, and how many sequences or stretches it rests on. A measure that is not defined is NaN.

    Raises
    ------
    InputError
        If the shape of the scores is another.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.shape != truth.bases.shape:
        raise InputError(f"scores have the shape {scores.shape}, and the sequences {truth.bases.shape}")
    if not np.isfinite(scores[~np.isnan(truth.bases)]).all():
        raise InputError("some scores are not finite numbers, so they cannot be compared with the truth")
    random = stream(seed, "bootstrap of measures")
    rows = []
    by_sequence = _by_sequence(scores, truth)
    for name, values in by_sequence.items():
        values = values[~np.isnan(values)]
        low = high = np.nan
        if len(values) > 1:
            weights = random.multinomial(len(values), np.full(len(values), 1 / len(values)), _RESAMPLES)
            low, high = np.percentile(weights @ values / len(values), [2.5, 97.5])
        rows.append((name, values.mean() if len(values) else np.nan, low, high, len(values)))
    pooled = Pooled(scores, truth)
    everyone = np.arange(len(scores))
    whole, counts = pooled.of(everyone)
    again = [pooled.of(random.integers(len(scores), size=len(scores)))[0] for _ in range(_RESAMPLES_POOLED)]
    for name in OF_INSTANCES:
        drawn = np.array([one[name] for one in again])
        drawn = drawn[~np.isnan(drawn)]
        low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) > 1 else (np.nan, np.nan)
        rows.append((name, whole[name], low, high, counts[name]))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"])


def _by_sequence(scores: np.ndarray, truth: Truth) -> dict[str, np.ndarray]:
    """Return the measures of bases of each sequence, (N,), NaN where nothing matters."""
    found = {name: np.full(len(scores), np.nan) for name in OF_BASES}
    for row in np.flatnonzero((np.nan_to_num(truth.bases) != 0).any(axis=1)):
        there = ~np.isnan(truth.bases[row])
        score, base = scores[row, there], truth.bases[row, there]
        ranked: dict[str, list[float]] = {"auroc": [], "auprc": []}
        right, counted = 0.0, 0
        for sign in (1, -1):
            wanted = sign * base > 0
            if not wanted.any():
                continue
            among = wanted | (base == 0)
            if not wanted[among].all():
                ranked["auroc"].append(auroc(wanted[among], sign * score[among]))
                ranked["auprc"].append(average_precision(wanted[among], sign * score[among]))
            k = int(wanted.sum())
            right += _expected_hits(wanted, sign * score, k)
            counted += k
        for name, values in ranked.items():
            if values:
                found[name][row] = np.mean(values)
        found["precision_at_k"][row] = right / counted
        size = np.abs(score)
        agree = score * base > 0
        found["mass"][row] = size[agree].sum() / size.sum() if size.sum() > 0 else 0.0
        largest = size == size.max()
        found["pointing"][row] = agree[largest].mean()
    return found


class Pooled:
    """The measures of instances over any choice of sequences."""

    def __init__(self, scores: np.ndarray, truth: Truth):
        cumulative = np.concatenate([np.zeros((len(scores), 1)), np.nancumsum(scores, axis=1)], axis=1)
        self._sum = cumulative[truth.row, truth.end] - cumulative[truth.row, truth.start]
        self._sum = _without_rounding(self._sum)
        self._value, self._embedded = truth.value, truth.embedded
        self._first = np.searchsorted(truth.row, np.arange(len(scores) + 1))
        self._out = np.full(len(truth.row), np.nan)
        widths = truth.end - truth.start
        for width in np.unique(widths):
            mine = widths == width
            self._out[mine] = Standing(scores, truth.free, int(width)).out(truth.row[mine], truth.start[mine])

    def of(self, rows: np.ndarray) -> tuple[dict[str, float], dict[str, int]]:
        """Return the measures over sequences, and how many stretches each rests on."""
        index = self._index(rows)
        total, value, embedded, out = (array[index] for array in (self._sum, self._value, self._embedded, self._out))
        matters, nothing = value != 0, value == 0
        areas = [
            (auroc(wanted[wanted | nothing], sign * total[wanted | nothing]), int(wanted.sum()))
            for sign in (1, -1)
            for wanted in [sign * value > 0]
            if wanted.any() and nothing.any()
        ]
        decoys = embedded & nothing & ~np.isnan(out)
        judged = matters & ~np.isnan(out)
        values = {
            "instance_auroc": sum(area * n for area, n in areas) / sum(n for _, n in areas) if areas else np.nan,
            "spearman": _spearman(total, value),
            "sign": _mean(np.where(total == 0, 0.5, total * value > 0)[matters]),
            "false_negative_rate": _mean(out[judged] != np.sign(value[judged])),
            "false_positive_rate": _mean(out[decoys] != 0),
        }
        numbers_of = (len(total), len(total), int(matters.sum()), int(judged.sum()), int(decoys.sum()))
        return values, dict(zip(OF_INSTANCES, numbers_of, strict=True))

    def spearman(self, rows: np.ndarray) -> float:
        """Return the rank correlation alone, over sequences."""
        index = self._index(rows)
        return _spearman(self._sum[index], self._value[index])

    def _index(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers of the stretches in sequences."""
        numbers = self._first[rows + 1] - self._first[rows]
        ends = np.cumsum(numbers)
        index: np.ndarray = np.repeat(self._first[rows] - (ends - numbers), numbers) + np.arange(numbers.sum())
        return index


def auroc(wanted: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve; ties count half."""
    positives = int(wanted.sum())
    negatives = len(wanted) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[wanted].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(wanted: np.ndarray, score: np.ndarray) -> float:
    """Return the average precision; equal scores are one threshold."""
    order = np.argsort(-score, kind="stable")
    sorted_score, hits = score[order], np.cumsum(wanted[order])
    last = np.append(sorted_score[1:] != sorted_score[:-1], True)
    hits = hits[last]
    precision = hits / (np.flatnonzero(last) + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def _expected_hits(wanted: np.ndarray, score: np.ndarray, k: int) -> float:
    """Return how many of the k highest scores are wanted; of equal scores at the limit each counts its share."""
    limit = np.partition(score, -k)[-k]
    above, at = score > limit, score == limit
    return float(wanted[above].sum() + (k - above.sum()) * wanted[at].mean())


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def _whole(free: np.ndarray, width: int) -> np.ndarray:
    """Return the places where a stretch of this width is free throughout, (..., L - width + 1)."""
    count = np.concatenate([np.zeros((*free.shape[:-1], 1), dtype=int), np.cumsum(free, axis=-1)], axis=-1)
    whole: np.ndarray = count[..., width:] - count[..., :-width] == width
    return whole


def _without_rounding(values: np.ndarray) -> np.ndarray:
    """Return values of which those are equal that differ by rounding, so that this does not rank them."""
    largest = np.abs(values).max(initial=0.0)
    return np.round(values / largest, 9) * largest if largest else values


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
