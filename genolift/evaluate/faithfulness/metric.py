"""What a metric is: a function of a case that gives a value for each sequence, and what is said of that value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genolift.evaluate.faithfulness.subject import Case

HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True)
class Metric:
    """A metric that needs no truth.

    Parameters
    ----------
    name
        What users call it.
    compute
        Returns the values (N,) of a case; NaN for a sequence for which the metric is not defined.
    better
        Whether ``"higher"`` or ``"lower"`` values are better.
    measures
        What the value is, in a sentence.
    cannot_tell
        What the value cannot tell, in a sentence.
    needs
        The parts of the case, by their names, without which the metric is not defined.
    most
        On how many sequences the metric is computed at most, because it costs much for each; ``None`` for all.
    ranks
        Whether a difference says that one explanation is better than another.
    """

    name: str
    compute: Callable[[Case], np.ndarray]
    better: str
    measures: str
    cannot_tell: str
    needs: tuple[str, ...] = ()
    most: int | None = None
    ranks: bool = True

    def lacks(self, case: Case) -> str | None:
        """Return the first part that the metric needs and the case does not have; ``None`` if there is none."""
        return next((part for part in self.needs if getattr(case, part) is None), None)
