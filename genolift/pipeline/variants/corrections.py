"""p-values of many variants, corrected for their number, and what should be said of them."""

from __future__ import annotations

import logging
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import median

import numpy as np
from scipy.stats import false_discovery_control, mannwhitneyu

from genolift.support.errors import Remedy, setting

log = logging.getLogger("genolift")

MISSING = "NA"
#: The status of a row whose prediction is NaN or infinite.
NOT_FINITE = "not_finite"
#: The columns of q-values that each column of p-values gets: Benjamini and Hochberg's, and Storey's.
CORRECTED = {"p_value": ("q_value", "q_storey"), "js_p_value": ("js_q_value", "js_q_storey")}
_RATE = 0.05  # the false discovery rate that warnings speak of
_CHANCE = 0.01  # A difference of activity that chance makes more often than this is not warned of.
_ABOVE = 0.5  # p-values above this are taken to be of variants without effect, as in Storey (2002)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return Benjamini and Hochberg's (1995) q-values of p-values (N,)."""
    return false_discovery_control(p) if len(p) else np.array(p, float)


def share_without_effect(p: np.ndarray) -> float:
    """Return Storey's estimate of the share of tests whose null hypothesis is true, at most 1.

    It is (1 + number of p above 1/2) / (N / 2). The 1 keeps the false discovery rate for any N (J. D. Storey,
    J. E. Taylor and D. Siegmund, Journal of the Royal Statistical Society B 66, 187, 2004).
    """
    return min(1.0, (1 + np.count_nonzero(p > _ABOVE)) / (len(p) * (1 - _ABOVE))) if len(p) else 1.0


def storey(p: np.ndarray) -> np.ndarray:
    """Return Storey's q-values of p-values (N,): Benjamini and Hochberg's times the share of tests without effect."""
    return share_without_effect(p) * benjamini_hochberg(p)


def tell_resolution(tests: int, n: int, drawn: bool = True) -> None:
    """Warn where so many null variants are too few for any of so many tests to stand out alone.

    ``drawn`` says whether more of them can be asked for.
    """
    needed = math.ceil(tests / (_RATE * (1 + n)))
    if needed < 2:
        return
    enough = math.ceil(tests / _RATE) - 1
    more = Remedy.naming("{} lets a single variant stand out", setting("null", enough)).command
    if not drawn:
        more = f"a file with {enough:,} of each kind lets a single variant stand out"
    log.warning(
        "%s null variants are few for %s alleles: no q-value is at most %s unless %s alleles share the smallest "
        "p-value that there is; %s",
        *(f"{n:,}", f"{tests:,}", _RATE, f"{needed:,}", more),
    )


class Corrections:
    """What is known once all rows are there: q-values by target, and how active the variants' windows are.

    Parameters
    ----------
    columns
        The columns of the rows that were written.
    lines
        A function that returns these rows.
    """

    def __init__(self, columns: Sequence[str], lines: Callable[[], Iterator[str]]):
        self._columns, self._lines = list(columns), lines
        self.tested = [name for name in CORRECTED if name in self._columns]
        self._p: dict[tuple[str, str], array] = defaultdict(lambda: array("d"))
        self._ref: dict[str, array] = defaultdict(lambda: array("d"))
        self._lost: set[int] = set()
        rows: Counter[str] = Counter()
        for cells in self._rows():
            target = cells["target"]
            if cells.get("status") == NOT_FINITE:
                self._lost.add(rows[target])
            rows[target] += 1
            for name in self.tested:
                if cells[name] != MISSING:
                    self._p[name, target].append(float(cells[name]))
            if self.tested and cells["pred_ref"] != MISSING:
                self._ref[target].append(float(cells["pred_ref"]))

    def _rows(self) -> Iterator[dict[str, str]]:
        for line in self._lines():
            yield dict(zip(self._columns, line.rstrip("\n").split("\t"), strict=True))

    @property
    def lost(self) -> int:
        """The number of alleles for which a target is not finite."""
        return len(self._lost)

    @property
    def columns(self) -> list[str]:
        """The columns of the finished table."""
        return [name for each in self._columns for name in (each, *CORRECTED.get(each, ()))]

    def finished(self) -> Iterator[str]:
        """Yield the rows with their q-values."""
        both = {key: (benjamini_hochberg(p), storey(p)) for key, p in ((k, np.array(v)) for k, v in self._p.items())}
        seen: dict[tuple[str, str], int] = defaultdict(int)
        for cells in self._rows():
            for name in self.tested:
                key = name, cells["target"]
                values = [MISSING] * 2
                if cells[name] != MISSING:
                    values = [str(np.float32(q[seen[key]])) for q in both[key]]
                    seen[key] += 1
                cells |= dict(zip(CORRECTED[name], values, strict=True))
            yield "\t".join(cells[name] for name in self.columns) + "\n"

    def told(self) -> dict[str, dict[str, float]]:
        """Return by column and target the share of variants that is taken to have no effect."""
        return {
            name: {target: share_without_effect(np.array(p)) for (each, target), p in self._p.items() if each == name}
            for name in self.tested
        }

    def tell_activity(self, target: str, null: np.ndarray) -> None:
        """Warn where the windows of variants predict something else than those of the null, (N,) predictions.

        Effects often grow with activity, and then null variants in inactive windows have effects that are too small.
        """
        ref = self._ref.get(target)
        if not ref or not len(null):
            return
        middle = median(ref)
        below = float(
            np.mean(null < middle) + np.mean(null == middle) / 2
        )  # A constant model is as active as its null.
        if 0.05 <= below <= 0.95 or mannwhitneyu(ref, null).pvalue > _CHANCE:
            return
        log.warning(
            "target %s: the windows of variants predict %.3g (the median), and %.0f %% of the null's windows "
            "predict less (their median is %.3g); where effects grow with activity, p-values are then %s; a target "
            "on a scale of logits or logarithms is safer, and so is a null that keeps the windows (%s)",
            *(target, middle, 100 * below, float(np.median(null))),
            "too small" if below > 0.5 else "too large",
            setting("null_flank", 10).command,
        )
