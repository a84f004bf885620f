"""Pictures of influence: the training sequences that taught a query, beside it, with the motifs that both have."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genolift.evaluate.discovery.shared import Explained, compare_all, significant
from genolift.influence.data import as_sequences
from genolift.influence.influence import Influence
from genolift.influence.influences import Influences
from genolift.methods.factory import method
from genolift.plot.influence.influences import plot_influences, plot_shared
from genolift.plot.style import save_figure
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError, UnsupportedModel

log = logging.getLogger("genolift")

SHARED = "shared.tsv"
_RAISING, _LOWERING = 3, 2  # Training sequences that are drawn beside a query.


@dataclass
class Drawn:
    """Pictures, and the table of shared motifs.

    Attributes
    ----------
    figures : dict of str to figure
        The pictures by their file names.
    table : pandas.DataFrame or None
        A row for each motif that a query shares with a training sequence.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    table: pd.DataFrame | None = None

    def save(self, folder: Path) -> list[str]:
        """Save the pictures, and return their names."""
        for name, figure in self.figures.items():
            save_figure(figure, folder / name)
        return list(self.figures)


class _Beside(NamedTuple):
    """A query and the training sequences that moved it most, explained, with what they did."""

    number: int
    explained: list[Explained]
    chosen: list[Any]


def draw(model: Any, influence: Influence, found: Influences, queries: list[str], count: int) -> Drawn:
    """Return the pictures of the first ``count`` queries.

    Importance is DeepLIFT's for the logit of the task. Where DeepLIFT does not take the model, only the influences are
    drawn, and why is told.
    """
    drawn, rows = Drawn(), []
    beside: list[_Beside] = []
    explaining: Any = None
    for number in range(min(count, len(queries))):
        drawn.figures[f"query{number + 1}.png"] = plot_influences(found, number)
        chosen = [one for one in found.most(_RAISING) if one.query == number]
        chosen = [one for one in chosen if one.effect == "raises" or one.rank <= _LOWERING]
        if not chosen:
            continue
        taught = np.concatenate([influence.data.take(one.training) for one in chosen])
        X = np.concatenate([as_sequences([queries[number]], "query"), taught])
        try:
            explaining = explaining or method("deeplift", model, influence.target, progress=False)
            scores = np.asarray(explaining(X).scores)
        except (UnsupportedModel, InputError) as problem:
            log.warning("shared motifs are not drawn, because DeepLIFT refuses: %s", str(problem).splitlines()[0])
            return drawn
        names = [found.queries[number], *(found.training[one.training] for one in chosen)]
        each = [Explained(*one) for one in zip(names, one_hot_codes(X), scores, strict=True)]
        beside.append(_Beside(number, each, chosen))
    # The rows of all queries are one table, so that their false discovery rate is one.
    compared = significant([compare_all(one.explained[0], one.explained[1:]) for one in beside])
    for (number, each, chosen), shared in zip(beside, compared, strict=True):
        words = [
            f"{taught.name} (label {found.labels[one.training, influence.target]:g})   ·   {one.effect} it by "
            f"{abs(float(found.scores[one.query, one.training])):.2g}"
            for taught, one in zip(each[1:], chosen, strict=True)
        ]
        figure = plot_shared(each[0], list(zip(each[1:], words, strict=True)), shared, found.task)
        drawn.figures[f"query{number + 1}-shared.png"] = figure
        rows += [
            {"query": each[0].name, "training": each[1 + one.number].name, "effect": chosen[one.number].effect}
            | {key: value for key, value in one._asdict().items() if key != "number"}
            for one in shared
        ]
    columns = ["query", "training", "effect", "start", "end", "other_start", "other_end", "strand", "bases"]
    drawn.table = pd.DataFrame(rows, columns=[*columns, "similarity", "p", "q"])
    return drawn
