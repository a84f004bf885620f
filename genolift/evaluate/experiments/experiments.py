"""Experiments on motifs in silico: insert a motif, ablate a stretch, or change the distance between two motifs.

Each compares sequences before and after an edit, by the prediction or by the importance that a method gives to the
edited stretches. The results are means over backgrounds with confidence intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.evaluate.experiments import confidence as intervals
from genolift.evaluate.experiments.measuring import Edit, Measure, as_beside, as_sequences
from genolift.sequence.edits import as_codes, check_inside, reverse_codes, written
from genolift.sequence.shuffle import shuffle
from genolift.support import drawings
from genolift.support.errors import InputError
from genolift.support.progress import bar

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Experiment:
    """The result of an experiment.

    Attributes
    ----------
    kind : str
        The name of the function: ``"marginalize"``, ``"ablate"`` or ``"space"``.
    measure : str
        What was measured, in words.
    table : pandas.DataFrame
        A row for each condition and target, with the means before and after the edit, their difference (``effect``),
        and the ends of its confidence interval (``low`` and ``high``). Where several models were measured, these are of
        their mean, and ``spread`` is the standard deviation of the models' effects (ddof = 1).
    effects : np.ndarray
        The effect of the edit, (conditions, n, T): of ``ablate`` in each sequence given, and of the others in each
        distinct background, or in each shuffle of the only one. It is the mean over models.
    targets : list of str
        The names of the T targets.
    method : dict
        The parameters of the experiment.
    """

    kind: str
    measure: str
    table: pd.DataFrame
    effects: np.ndarray
    targets: list[str]
    method: dict = field(default_factory=dict)

    def plot(self, **options: Any) -> Any:
        """Return a figure of the effects.

        Parameters
        ----------
        **options
            Options of :func:`genolift.plot.experiments.plot_experiment`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            If an option names a target that was not measured.
        """
        return drawings.draw(self, drawings.PLOT, **options)

    def to_tsv(self) -> str:
        """Return the table as text.

        Returns
        -------
        str
            The table, with columns separated by tabs.
        """
        return self.table.to_csv(sep="\t", index=False, float_format="%.6g", na_rep="")


class Backgrounds:
    """The sequences to edit, which are shuffled first if ``shuffles`` is not 0, and the units of the statistics.

    Intervals are over the distinct sequences given. If there is only one, they are over its shuffles.
    """

    def __init__(self, X: Any, shuffles: int, k: int, seed: int, model: Any = None, others: Any = None):
        X = as_sequences(X)
        self.beside = as_beside(model, others, len(X))
        keys = None if self.beside is None else self.beside.keys(len(X))
        #: The numbers of those that are not equal to former ones.
        self.records = intervals.distinct(X, "backgrounds", keys)
        self.given = X[self.records]
        if shuffles < 0:
            raise InputError(f"shuffles counts dinucleotide shuffles of each sequence, and is not {shuffles}")
        self.copies = max(1, shuffles)
        drawn = shuffle(self.given, shuffles, k, seed) if shuffles else self.given[:, None]
        self.X = drawn.reshape(-1, *self.given.shape[1:])

    @property
    def length(self) -> int:
        """The length of the sequences."""
        return self.X.shape[1]

    def per_unit(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each unit, (n, ...), from the values of all sequences, (N, ...)."""
        if len(self.given) == 1:
            return values
        return values.reshape(len(self.given), self.copies, *values.shape[1:]).mean(axis=1)


def marginalize(
    model: Any,
    motifs: Any,
    X: Any,
    target: Any = None,
    *,
    others: Any = None,
    start: int | None = None,
    both_strands: bool = False,
    shuffles: int = 0,
    method: str | None = None,
    confidence: float = 0.95,
    interval: str = "t",
    seed: int = 0,
    progress: bool | None = None,
    **options: Any,
) -> Experiment:
    """Measure the effect of inserting a motif into backgrounds.

    The effect is the measure with the motif minus the measure without it. Backgrounds are taken to be independent draws
    of those that the effect is meant for. One that is given several times adds nothing, and counts once.

    Parameters
    ----------
    model
        The Keras model, or a list of several, whose mean is measured.
    motifs
        A text, in which N keeps the base of the background; a :class:`~genolift.simulate.motifs.Motif`, whose consensus
        is inserted; one-hot bases (w, 4); or a dict of several by name.
    X
        The backgrounds: one-hot DNA (N, L, 4), or regions of a genome.
    target
        What to explain, as methods take it: an output, or a list of several. The default is the model's only output.
    others
        The inputs of the model beside the sequences, by name: an array with a row for each of X, or a number. They stay
        as they are while the sequences are edited. The default is for models of one input.
    start
        Where the motif begins (0-based). The default is that it is in the middle.
    both_strands
        Whether to insert the reverse complement too, as a condition of its own. The default is not to.
    shuffles
        How many dinucleotide shuffles of each background are used in its place. The default of 0 uses the background
        itself.
    method
        The name of a method whose importance of the motif's stretch is measured. The default is to measure the
        prediction.
    confidence
        The level of the confidence intervals; 0.95 by default.
    interval
        ``"t"`` (the default) for Student's interval over backgrounds, or ``"bootstrap"`` for the bootstrap-t, which
        follows skewed effects and needs 30 backgrounds or more.
    seed
        The random seed of shuffles, bootstrap and method; 0 by default.
    progress
        Whether to show a progress bar. The default is to show it for many edits.
    **options
        Options of the method.

    Returns
    -------
    Experiment
        The effects. The conditions are motifs and strands.

    Raises
    ------
    InputError
        If a motif, a place, the backgrounds or an option cannot be used.
    UnsupportedModel
        If the method cannot explain the model.
    """
    intervals.check_interval(interval, confidence)
    patterns, backgrounds = _patterns(motifs), Backgrounds(X, shuffles, 2, seed, model, others)
    measure = Measure(model, target, method, backgrounds.beside, backgrounds.records, seed=seed, **options)
    conditions = []
    for name, codes in patterns.items():
        first = (backgrounds.length - len(codes)) // 2 if start is None else start
        check_inside(first, first + len(codes), backgrounds.length)
        for strand in "+-" if both_strands else "+":
            conditions.append((name, strand, first, codes if strand == "+" else reverse_codes(codes)))

    places = [[(first, first + len(codes))] for _, _, first, codes in conditions]
    edits = [Edit(lambda: backgrounds.X, places)]
    edits += [
        Edit(partial(written, backgrounds.X, codes, first), [place])
        for (_, _, first, codes), place in zip(conditions, places, strict=True)
    ]
    before, *after = measured(measure, edits, "marginalize", progress)
    pairs = [(backgrounds.per_unit(b), backgrounds.per_unit(a)) for b, (a,) in zip(before, after, strict=True)]
    told = [
        {"motif": name, "strand": strand, "start": first, "end": first + len(codes)}
        for name, strand, first, codes in conditions
    ]
    record = {"shuffles": shuffles, "both_strands": both_strands}
    return compared("marginalize", measure, told, pairs, confidence, interval, seed, record)


def _patterns(motifs: Any) -> dict[str, np.ndarray]:
    """Return the codes of motifs by name."""
    if isinstance(motifs, Mapping):
        if not motifs:
            raise InputError("there are no motifs to insert")
        return {str(name): as_codes(motif, f"motif {name!r}") for name, motif in motifs.items()}
    name = motifs if isinstance(motifs, str) else getattr(motifs, "name", "motif")
    return {name: as_codes(motifs)}


def measured(measure: Measure, edits: list[Edit], label: str, progress: bool | None) -> list[list[np.ndarray]]:
    """Return the values of each edit (see :class:`Measure`), with a progress bar named ``label``."""
    with bar(len(edits), label, "edits", progress, long=len(edits) > 100) as display:
        return measure(edits, display.update)


def compared(
    kind: str,
    measure: Measure,
    told: list[dict],
    pairs: list[tuple[np.ndarray, np.ndarray]],
    confidence: float,
    interval: str,
    seed: int,
    record: dict[str, Any],
    units: np.ndarray | None = None,
) -> Experiment:
    """Return an experiment, given its conditions and the values (n, T, M) of each before and after the edit.

    The table is of the rows ``units``, which are all rows by default.
    """
    import pandas as pd

    by_model = np.stack([after - before for before, after in pairs])
    effects, rows = by_model.mean(axis=3), []
    for condition, (before, after), effect, own in zip(told, pairs, effects, by_model, strict=True):
        if units is not None:
            before, after, effect, own = before[units], after[units], effect[units], own[units]
        low, high = intervals.of_mean(effect, interval, confidence, seed)
        for t, name in enumerate(measure.targets):
            means = {"before": before[:, t].mean(), "after": after[:, t].mean(), "effect": effect[:, t].mean()}
            spread = {"spread": spread_over_models(own)[t]} if measure.models > 1 else {}
            rows.append(
                {**condition, "target": name, "n": len(effect), **means, "low": low[t], "high": high[t], **spread}
            )
    record = {**record, "measure": measure.what, "confidence": confidence, "interval": interval, "seed": seed}
    record |= {"models": measure.models} if measure.models > 1 else {}
    return Experiment(kind, measure.what, pd.DataFrame(rows), effects, list(measure.targets), record)


def spread_over_models(effect: np.ndarray) -> np.ndarray:
    """Return the standard deviation over models of the mean effect of each target, (T,), from effects (n, T, M)."""
    return effect.mean(axis=0).std(axis=-1, ddof=1)
