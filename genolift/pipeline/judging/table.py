"""The table of ``genolift judge``: means with intervals, differences of stores, and what they cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.experiments.confidence import FEW
from genolift.evaluate.faithfulness.metric import Metric
from genolift.evaluate.sanity.resemblance import AGREEMENT
from genolift.evaluate.sanity.summary import Estimate, estimate, sentence
from genolift.pipeline.judging.stores import JudgedStore

HEADER = (
    *("store", "method", "references", "metric", "value", "low", "high", "n", "seconds"),
    *("against", "better", "cannot_tell"),
)
_MISSING = "NA"
#: Why a metric has no values, by the part of the case that is missing.
_REASONS = {
    "mutagenesis": "in-silico mutagenesis cannot be computed for the model",
    "residual": "the method does not promise that contributions sum to the difference",
    "stages": "the weights of the model cannot be changed",
}


class Values:
    """The values of every metric, store and pair of stores, by sequence."""

    def __init__(self):
        self._values: dict[tuple, dict[str, float | None]] = {}
        self._seconds: dict[tuple, float] = {}
        self._lacking: dict[tuple, str] = {}

    @classmethod
    def read(cls, lines: Iterable[Mapping[str, Any]]) -> Values:
        """Gather the values of all blocks."""
        values = cls()
        for line in lines:
            key = line["metric"], line["store"], line["against"]
            values._values.setdefault(key, {}).update(line["values"])
            values._seconds[key] = values._seconds.get(key, 0) + line["seconds"]
            if line["lacks"] is not None:
                values._lacking[key] = line["lacks"]
        return values

    def __getitem__(self, key: tuple) -> np.ndarray:
        return self._numbers(self._values[key])

    def seconds(self, key: tuple) -> float:
        """Return how long a metric took."""
        return self._seconds[key]

    def lacking(self, key: tuple) -> str | None:
        """Return what a metric lacked; None where it has values."""
        return self._lacking.get(key)

    def differences(self, one: tuple, other: tuple) -> np.ndarray:
        """Return the values of the one less those of the other, for the sequences that have both."""
        first, second = self._values[one], self._values[other]
        shared = [row for row in first if row in second]
        return self._numbers({row: first[row] for row in shared}) - self._numbers({row: second[row] for row in shared})

    @staticmethod
    def _numbers(values: Mapping[str, float | None]) -> np.ndarray:
        """Return values in the order of the sequences, NaN where a metric is not defined."""
        rows = sorted(values, key=int)
        return np.array([np.nan if values[row] is None else values[row] for row in rows], np.float64)


@dataclass(frozen=True)
class Told:
    """What is said of stores.

    Attributes
    ----------
    lines : list of str
        The rows of the table.
    shown : list of dict
        For each metric its name, what it measures and cannot tell, and its rows in short.
    sentences : list of str
        Which store is better under which metric.
    reasons : list of str
        Why metrics are not defined, and which intervals rest on few sequences.
    """

    lines: list[str]
    shown: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return what is kept beside the table."""
        return {key: value for key, value in asdict(self).items() if key != "lines"}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Told:
        """Return what was kept beside a table, without its rows."""
        return cls([], record["shown"], record["sentences"], record["reasons"])


def told(stores: Sequence[JudgedStore], metrics: Sequence[Metric], values: Values, seed: int) -> Told:
    """Return what is said of stores.

    Differences are taken between stores of the same model and output only, because outputs of other models have another
    range.

    Parameters
    ----------
    stores
        The stores.
    metrics
        The metrics.
    values
        Their values.
    seed
        The seed of the bootstrap.
    """
    found, few = Told([]), []
    pairs = list(combinations(range(len(stores)), 2))
    for metric in metrics:
        keys: list[tuple] = [(metric.name, i, None) for i in range(len(stores))]
        keys = [(metric.name, i, j) for i, j in pairs] if metric is AGREEMENT else keys
        rows = []
        for key in keys:
            _, i, j = key
            if reason := values.lacking(key):
                found.reasons.append(f"{metric.name} is not defined for {stores[i].label}: {_REASONS[reason]}.")
                continue
            mean = estimate(values[key], seed)
            found.lines.append(_row(stores, i, j, metric, mean, values.seconds(key)))
            rows.append(_short(stores, i, j, mean))
            if mean.n < FEW:
                few.append(f"{metric.name} of {rows[-1]['store']} ({mean.n})")
        for i, j in [] if metric is AGREEMENT else pairs:
            one, other = keys[i], keys[j]
            if values.lacking(one) or values.lacking(other) or stores[i].subject != stores[j].subject:
                continue
            difference = estimate(values.differences(one, other), seed)
            found.lines.append(_row(stores, i, j, metric, difference, None))
            if metric.ranks:
                found.sentences.append(sentence(metric, stores[i].label, stores[j].label, difference))
        if rows:
            about = {"better": metric.better, "measures": metric.measures, "cannot_tell": metric.cannot_tell}
            found.shown.append({"metric": metric.name, **about, "rows": rows})
    if few:
        found.reasons.append(f"Intervals over fewer than {FEW} sequences cannot hold their level: {', '.join(few)}.")
    return found


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table that was written; what is missing is ``None``."""
    rows = []
    with path.open(encoding="utf-8") as table:
        for line in islice(table, 1, None):
            row: dict[str, Any] = dict(zip(HEADER, line.rstrip("\n").split("\t"), strict=True))
            for name in ("value", "low", "high", "seconds"):
                row[name] = None if row[name] == _MISSING else float(row[name])
            rows.append(row | {"n": int(row["n"]), "against": row["against"] or None})
    return rows


def _row(
    stores: Sequence[JudgedStore], i: int, j: int | None, metric: Metric, mean: Estimate, seconds: float | None
) -> str:
    """Return a row: of a store, of the agreement of two, or (without seconds) of the difference of two."""
    store = stores[i]
    cells = [store.label, str(store.method["name"]), store.references, metric.name]
    cells += [_number(value) for value in (mean.value, mean.low, mean.high)]
    cells += [str(mean.n), _MISSING if seconds is None else f"{seconds:.2f}", "" if j is None else stores[j].label]
    return "\t".join([*cells, metric.better, metric.cannot_tell])


def _short(stores: Sequence[JudgedStore], i: int, j: int | None, mean: Estimate) -> dict[str, Any]:
    label = stores[i].label if j is None else f"{stores[i].label} and {stores[j].label}"
    return {"store": label, **{key: _number(value) for key, value in asdict(mean).items() if key != "n"}, "n": mean.n}


def _number(value: float) -> str:
    return _MISSING if np.isnan(value) else f"{value:.4g}"
