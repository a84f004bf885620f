"""The metrics without truth, by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from genolift.evaluate.faithfulness.complexity import COMPLEXITY
from genolift.evaluate.faithfulness.curves import DELETION, INSERTION
from genolift.evaluate.faithfulness.measured import MUTAGENESIS
from genolift.evaluate.faithfulness.metric import Metric
from genolift.evaluate.faithfulness.residual import RESIDUAL
from genolift.evaluate.faithfulness.sensitivity import SENSITIVITY
from genolift.evaluate.faithfulness.sufficiency import SUFFICIENCY
from genolift.evaluate.sanity.moving import CONTINUITY, ROBUSTNESS, STRANDS
from genolift.evaluate.sanity.parameters import EFFICIENT, SMOOTH
from genolift.evaluate.sanity.resemblance import AGREEMENT, LABELS
from genolift.support.errors import InputError

#: All metrics, in the order in which tables list them.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        DELETION,
        INSERTION,
        SENSITIVITY,
        MUTAGENESIS,
        SUFFICIENCY,
        CONTINUITY,
        STRANDS,
        ROBUSTNESS,
        SMOOTH,
        EFFICIENT,
        LABELS,
        AGREEMENT,
        COMPLEXITY,
        RESIDUAL,
    )
}


def chosen(names: Sequence[str]) -> list[Metric]:
    """Return metrics by their names, in the order of the catalog.

    Parameters
    ----------
    names
        The names; ``all`` among them means all.

    Raises
    ------
    InputError
        For a name that no metric has.
    """
    for name in names:
        if name != "all" and name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, 1)
            likely = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"there is no metric {name!r}: there are {', '.join(METRICS)}, and all{likely}")
    return [metric for name, metric in METRICS.items() if "all" in names or name in names]
