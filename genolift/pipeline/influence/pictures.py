"""Pictures of influence: the training sequences that taught a query, beside it, with the motifs that both have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genolift.evaluate.discovery.matching import match_motifs
from genolift.evaluate.discovery.shared import Explained, Shared, compare_all, significant
from genolift.influence.data import as_sequences
from genolift.influence.influence import Influence
from genolift.influence.influences import Influences
from genolift.methods.factory import method
from genolift.pipeline.common.known import FDR, tell_comparison
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


def draw(
    model: Any,
    influence: Influence,
    found: Influences,
    queries: list[str],
    count: int,
    motifs: Mapping[str, np.ndarray] | None = None,
) -> Drawn:
    """Return the pictures of the first ``count`` queries.

    Importance is DeepLIFT's for the logit of the task. Where DeepLIFT does not take the model, only the influences are
    drawn, and why is told.

    Parameters
    ----------
    model
        The model.
    influence, found
        The method of influence, and what it found.
    queries
        The queries as texts.
    count
        How many of them are drawn.
    motifs
        Probabilities (width, 4) of known motifs by name. Shared motifs bear the name of the one they are most like.
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
    matches, labels = _named([one for shared in compared for one in shared], motifs)
    for (number, each, chosen), shared in zip(beside, compared, strict=True):
        named, labels = labels[: len(shared)], labels[len(shared) :]
        words = [
            f"{taught.name} (label {found.labels[one.training, influence.target]:g})   ·   {one.effect} it by "
            f"{abs(float(found.scores[one.query, one.training])):.2g}"
            for taught, one in zip(each[1:], chosen, strict=True)
        ]
        figure = plot_shared(each[0], list(zip(each[1:], words, strict=True)), shared, found.task, named)
        drawn.figures[f"query{number + 1}-shared.png"] = figure
        rows += [
            {"query": each[0].name, "training": each[1 + one.number].name, "effect": chosen[one.number].effect}
            | {key: value for key, value in one._asdict().items() if key != "number"}
            for one in shared
        ]
    columns = ["query", "training", "effect", "start", "end", "other_start", "other_end", "strand", "bases"]
    drawn.table = pd.DataFrame(rows, columns=[*columns, "similarity", "p", "q"])
    if matches is not None:
        drawn.table = pd.concat([drawn.table, matches], axis=1)
    return drawn


def _named(shared: list[Shared], motifs: Mapping[str, np.ndarray] | None) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the known motif that each shared one is most like, and what each is called in pictures.

    A shared motif is called by its bases where there are no motifs, or none is like it.
    """
    labels = [one.bases for one in shared]
    if motifs is None:
        return None, labels
    tell_comparison(len(shared), "shared motifs", len(motifs))
    best = match_motifs(labels, motifs)
    known = list(motifs)
    table = pd.DataFrame(
        {
            "motif": [known[i] for i in best.motif],
            "motif_strand": best.strand,
            "motif_p": best.p,
            "motif_q": best.q,
        }
    )
    return table, [
        name if q <= FDR else label for label, name, q in zip(labels, table["motif"], table["motif_q"], strict=True)
    ]
