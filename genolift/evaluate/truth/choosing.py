"""Which of several methods agrees best with a truth, and which cannot be told from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genolift.evaluate.truth.measures import Pooled, Truth, measure, resampled
from genolift.support.seeds import stream

DECISIVE = "spearman"
#: A method whose rank correlation is behind by no more than this is as good.
MARGIN = 0.01
_RESAMPLES = 1000
_CLOSE = 0.1  # Where a method may be behind by more than this, too few sequences were planted to say.


@dataclass(frozen=True)
class Choice:
    """How methods compare with the one that agrees best.

    Attributes
    ----------
    best : str
        The method with the highest rank correlation.
    table : pandas.DataFrame
        All measures of all methods: ``method, metric, value, low, high, n``.
    behind : pandas.DataFrame
        For each method how much lower its rank correlation is than that of the best: ``method, value, low, high,
        equal``. The interval is a paired bootstrap over sequences that holds for all pairs of methods at once, because
        the data chose which of them is the best. A method is ``equal`` if the interval does not lie beyond ``MARGIN``.
    """

    best: str
    table: pd.DataFrame
    behind: pd.DataFrame


def choose(scores: Mapping[str, np.ndarray], truth: Truth, seed: int = 0, level: float = 0.05) -> Choice:
    """Compare the scores of several methods with the truth.

    Parameters
    ----------
    scores
        The scores (N, L) of each method.
    truth
        What matters.
    seed
        The seed of the bootstrap.
    level
        The chance that any method as good as the best is called worse.
    """
    tables = [measure(one, truth, seed).assign(method=name) for name, one in scores.items()]
    table = pd.concat(tables, ignore_index=True)
    value = table[table.metric == DECISIVE].set_index("method").value.fillna(-1.0)
    best = str(value.idxmax())
    random = stream(seed, "bootstrap of differences")
    weights = resampled(random, len(truth.bases), _RESAMPLES)
    again = np.stack([np.nan_to_num(Pooled(one, truth).spearman(weights), nan=-1.0) for one in scores.values()])
    known = value[list(scores)].to_numpy()
    reach = _reach(again, known, level)
    chosen = list(scores).index(best)
    rows = []
    for number, name in enumerate(scores):
        behind_by = known[chosen] - known[number]
        around = reach * (again[chosen] - again[number]).std()
        equal = bool(name == best or behind_by - around <= MARGIN)
        rows.append((name, behind_by, behind_by - around, behind_by + around, equal))
    behind = pd.DataFrame(rows, columns=["method", "value", "low", "high", "equal"])
    return Choice(best, table[["method", "metric", "value", "low", "high", "n"]], behind)


def _reach(again: np.ndarray, known: np.ndarray, level: float) -> float:
    """Return how many standard errors the differences of all pairs keep within at once, but for a share ``level``.

    The best of equal methods is ahead of the last of them by more than one pair's error allows, so the largest error of
    any pair is what counts (Tukey's range, by the bootstrap).
    """
    one, other = np.triu_indices(len(known), 1)
    errors = again[one] - again[other] - (known[one] - known[other])[:, None]
    spread = (again[one] - again[other]).std(axis=1)
    varied = spread > 0
    if not varied.any():
        return 0.0
    return float(np.percentile(np.abs(errors[varied] / spread[varied, None]).max(axis=0), 100 * (1 - level)))


def recommendation(choice: Choice, seconds: Mapping[str, float]) -> str:
    """Return one or two sentences that say which method to take.

    Parameters
    ----------
    choice
        The comparison.
    seconds
        The time that each method took for the same sequences.
    """
    row = choice.table[(choice.table.method == choice.best) & (choice.table.metric == DECISIVE)].iloc[0]
    told = (
        f"{choice.best} agrees best with what the model loses when motifs are taken away: rank correlation "
        f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})."
    )
    equal = [str(name) for name in choice.behind[choice.behind.equal].method if name != choice.best]
    if not equal:
        return f"{told} Every other is worse. Take {choice.best}."
    cheapest = min([choice.best, *equal], key=lambda name: seconds[name])
    ratio = seconds[choice.best] / seconds[cheapest]
    others = f"{len(equal)} other{'s' if len(equal) > 1 else ''} cannot be told from it: {', '.join(equal)}."
    if cheapest == choice.best or ratio < 1.2:
        return f"{told} {others} Take {choice.best}, than which none of them is much cheaper."
    cost = choice.behind.set_index("method").loc[cheapest]
    return (
        f"{told} {others} Take {cheapest}, the cheapest of them: {choice.best} takes {ratio:.1f} times as long. "
        f"{cheapest} is behind by {cost.value:.2f}, and by {cost.high:.2f} at most"
        f"{'; more sequences would tell it more closely.' if cost.high > _CLOSE else '.'}"
    )
