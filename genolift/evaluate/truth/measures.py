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

from genolift.evaluate.truth.standing import Standing, free_places
from genolift.simulate.dataset import Dataset
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: The measures of bases, which are means over sequences, and those of instances, which are pooled over sequences.
OF_BASES = ("auroc", "auprc", "precision_at_k", "mass", "pointing")
OF_INSTANCES = ("instance_auroc", "spearman", "sign", "false_negative_rate", "false_positive_rate")
MEASURES = (*OF_BASES, *OF_INSTANCES)
_RESAMPLES = 1000
_RESAMPLES_POOLED = 500


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

        Raises
        ------
        InputError
            If there is no instance.
        """
        if not dataset.embeddings:
            raise InputError("no motif is embedded in these sequences, so there is no truth to compare scores with")
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
                starts = np.flatnonzero(free_places(free[number], width))
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
            weights = resampled(random, len(values), _RESAMPLES)
            low, high = np.percentile(weights @ values / len(values), [2.5, 97.5])
        rows.append((name, values.mean() if len(values) else np.nan, low, high, len(values)))
    pooled = Pooled(scores, truth)
    whole, counts = pooled.of(np.ones((1, len(scores)))), pooled.counts
    again = pooled.of(resampled(random, len(scores), _RESAMPLES_POOLED))
    for name in OF_INSTANCES:
        drawn = again[name][~np.isnan(again[name])]
        low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) > 1 else (np.nan, np.nan)
        rows.append((name, float(whole[name][0]), low, high, counts[name]))
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


def resampled(random: np.random.Generator, n: int, times: int) -> np.ndarray:
    """Return how often each of n sequences is drawn in each bootstrap sample, (times, n)."""
    return random.multinomial(n, np.full(n, 1 / n), times).astype(float)


class Pooled:
    """The measures of instances over any weighting of the sequences.

    Attributes
    ----------
    counts : dict of str to int
        How many stretches each measure rests on.
    """

    def __init__(self, scores: np.ndarray, truth: Truth):
        cumulative = np.concatenate([np.zeros((len(scores), 1)), np.nancumsum(scores, axis=1)], axis=1)
        total = _without_rounding(cumulative[truth.row, truth.end] - cumulative[truth.row, truth.start])
        out = np.full(len(truth.row), np.nan)
        widths = truth.end - truth.start
        for width in np.unique(widths):
            mine = widths == width
            out[mine] = Standing(scores, truth.free, int(width)).out(truth.row[mine], truth.start[mine])
        value = truth.value
        matters, nothing, known = value != 0, value == 0, ~np.isnan(out)
        self._row, self._total, self._value = truth.row, total, value
        self._judged, self._decoys = matters & known, truth.embedded & nothing & known
        self._matters, self._nothing = matters, nothing
        self._signs = np.where(total == 0, 0.5, total * value > 0)
        self._missed, self._stands = out != np.sign(value), out != 0
        self.counts = {
            "instance_auroc": len(total),
            "spearman": len(total),
            "sign": int(matters.sum()),
            "false_negative_rate": int(self._judged.sum()),
            "false_positive_rate": int(self._decoys.sum()),
        }

    def of(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return each measure where the sequences count so often, (B,), from weights (B, N)."""
        each = weights[:, self._row]
        return {
            "instance_auroc": self._auroc(each),
            "spearman": self._spearman(each),
            "sign": _weighted_mean(self._signs, each, self._matters),
            "false_negative_rate": _weighted_mean(self._missed, each, self._judged),
            "false_positive_rate": _weighted_mean(self._stands, each, self._decoys),
        }

    def spearman(self, weights: np.ndarray) -> np.ndarray:
        """Return the rank correlation alone, (B,), from weights of the sequences (B, N)."""
        return self._spearman(weights[:, self._row])

    def _spearman(self, each: np.ndarray) -> np.ndarray:
        one, other = _midranks(self._total, each), _midranks(self._value, each)
        number = each.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):  # Where all are equal the correlation is not defined.
            one, other = (ranks - (each * ranks).sum(axis=1, keepdims=True) / number for ranks in (one, other))
            spread = np.sqrt((each * one**2).sum(axis=1) * (each * other**2).sum(axis=1))
            found: np.ndarray = np.where(spread > 0, (each * one * other).sum(axis=1) / spread, np.nan)
        return found

    def _auroc(self, each: np.ndarray) -> np.ndarray:
        """Return the area of instances for the task, and from below of those against it, by their numbers."""
        area, counted = np.zeros(len(each)), np.zeros(len(each))
        for sign in (1, -1):
            wanted = sign * self._value > 0
            among = wanted | self._nothing
            if not wanted.any():
                continue
            some, mine = each[:, among], wanted[among]
            ranks = _midranks(sign * self._total[among], some)
            positives, others = some[:, mine].sum(axis=1), some[:, ~mine].sum(axis=1)
            both = (positives > 0) & (others > 0)
            over = (some[:, mine] * ranks[:, mine]).sum(axis=1) - positives * (positives + 1) / 2
            area[both] += over[both] / others[both]
            counted[both] += positives[both]
        return np.where(counted > 0, area / np.maximum(counted, 1e-300), np.nan)


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


def _midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean rank of each value among all of them, where each is there so often, (B, K)."""
    order = np.argsort(values, kind="stable")
    new = np.append(True, np.diff(values[order]) != 0)
    sums = np.add.reduceat(weights[:, order], np.flatnonzero(new), axis=1)
    middle = np.cumsum(sums, axis=1) - sums + (sums + 1) / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = middle[:, np.cumsum(new) - 1]
    return ranks


def _weighted_mean(values: np.ndarray, weights: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Return the means (B,) of some of the values, NaN where none has any weight."""
    number = weights[:, some].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: np.ndarray = np.where(number > 0, weights[:, some] @ values[some].astype(float) / number, np.nan)
    return mean


def _without_rounding(values: np.ndarray) -> np.ndarray:
    """Return values of which those are equal that differ by rounding, so that this does not rank them."""
    largest = np.abs(values).max(initial=0.0)
    return np.round(values / largest, 9) * largest if largest else values
