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
from genolift.evaluate.experiments.measuring import Edit, Measure, as_sequences
from genolift.sequence.alphabet import unknown_row
from genolift.sequence.edits import as_codes, check_inside, reverse_codes, written
from genolift.sequence.shuffle import shuffle, shuffle_stretches
from genolift.support import drawings
from genolift.support.errors import InputError
from genolift.support.progress import bar

if TYPE_CHECKING:
    import pandas as pd

REPLACEMENTS = ("shuffle", "dinucleotide", "unknown", "zero")


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

    def __init__(self, X: Any, shuffles: int, k: int, seed: int):
        X = as_sequences(X)
        self.given = X[intervals.distinct(X, "backgrounds")]
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
    patterns, backgrounds = _patterns(motifs), Backgrounds(X, shuffles, 2, seed)
    measure = Measure(model, target, method, seed=seed, **options)
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


def ablate(
    model: Any,
    stretches: Any,
    X: Any,
    target: Any = None,
    *,
    by: str = "shuffle",
    replicates: int = 20,
    method: str | None = None,
    confidence: float = 0.95,
    interval: str = "t",
    seed: int = 0,
    progress: bool | None = None,
    **options: Any,
) -> Experiment:
    """Measure the effect of replacing a stretch of sequences.

    The effect is the measure without the stretch minus the measure with it. Each sequence has shuffles of its own, also
    where several sequences hold the same bases in the stretch, so that an interval over sequences includes what the
    choice of shuffles adds. A sequence that is given several times counts once in the table.

    Parameters
    ----------
    model
        The Keras model, or a list of several, whose mean is measured.
    stretches
        A stretch (start, end), 0-based and half-open, or a dict of several by name. Start and end are numbers, or
        arrays (N,) with a place for each sequence, where all stretches have the same width.
    X
        The sequences: one-hot DNA (N, L, 4), or regions of a genome.
    target
        What to explain, as methods take it: an output, or a list of several. The default is the model's only output.
    by
        What replaces the stretch. ``"shuffle"`` (the default) shuffles its bases, ``"dinucleotide"`` shuffles them and
        keeps the dinucleotides, ``"unknown"`` writes N, ``"zero"`` writes zeros, and a text of the same length writes
        its bases.
    replicates
        How many shuffles are averaged; 20 by default.
    method
        The name of a method whose importance of the stretch is measured. The default is to measure the prediction.
    confidence
        The level of the confidence intervals; 0.95 by default.
    interval
        ``"t"`` (the default) for Student's interval over sequences, or ``"bootstrap"`` for the bootstrap-t, which
        follows skewed effects and needs 30 sequences or more.
    seed
        The random seed of shuffles, bootstrap and method; 0 by default.
    progress
        Whether to show a progress bar. The default is to show it for many edits.
    **options
        Options of the method.

    Returns
    -------
    Experiment
        The effects. The conditions are stretches.

    Raises
    ------
    InputError
        If a stretch, the sequences or an option cannot be used.
    UnsupportedModel
        If the method cannot explain the model.
    """
    intervals.check_interval(interval, confidence)
    if replicates < 1:
        raise InputError(f"at least one replicate is needed, not {replicates}")
    X = as_sequences(X)
    named = stretches if isinstance(stretches, Mapping) else {"": stretches}
    measure = Measure(model, target, method, seed=seed, **options)
    places = {name: _place(stretch, X, name) for name, stretch in named.items()}

    edits = [Edit(lambda: X, [[place] for place in places.values()])]
    for starts, ends in places.values():
        copies = partial(_ablated, X, starts, int(ends[0] - starts[0]), by, replicates, seed)
        times = replicates if by in ("shuffle", "dinucleotide") else 1
        edits.append(Edit(copies, [[(np.repeat(starts, times), np.repeat(ends, times))]]))
    before, *after = measured(measure, edits, "ablate", progress)
    pairs = [(b, a.reshape(len(X), -1, *a.shape[1:]).mean(axis=1)) for b, (a,) in zip(before, after, strict=True)]
    edges = np.stack([starts for starts, _ in places.values()], axis=1)
    units = intervals.distinct(X, "sequences", edges)
    told = [
        {"stretch": name or f"{_one(starts)}-{_one(ends)}", "start": _one(starts), "end": _one(ends)}
        for name, (starts, ends) in places.items()
    ]
    record = {"by": by, "replicates": replicates}
    return compared("ablate", measure, told, pairs, confidence, interval, seed, record, units)


def _patterns(motifs: Any) -> dict[str, np.ndarray]:
    """Return the codes of motifs by name."""
    if isinstance(motifs, Mapping):
        if not motifs:
            raise InputError("there are no motifs to insert")
        return {str(name): as_codes(motif, f"motif {name!r}") for name, motif in motifs.items()}
    name = motifs if isinstance(motifs, str) else getattr(motifs, "name", "motif")
    return {name: as_codes(motifs)}


def _place(stretch: Any, X: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the start and end of a stretch in each sequence, (N,) each."""
    try:
        starts, ends = (np.broadcast_to(np.asarray(edge, np.int64), len(X)) for edge in stretch)
    except (TypeError, ValueError):
        raise InputError(
            f"a stretch is (start, end), numbers or arrays with one for each of {len(X)} sequences, not {stretch!r}"
        ) from None
    check_inside(starts, ends, X.shape[1])
    if len(set((ends - starts).tolist())) > 1:
        raise InputError(f"stretch {name!r} has several widths; ablate stretches of one width at a time")
    return starts, ends


def _ablated(X: np.ndarray, starts: np.ndarray, width: int, by: str, replicates: int, seed: int) -> np.ndarray:
    """Return copies of the sequences, (N · replicates, L, 4), with the stretch replaced, sequence by sequence."""
    columns = starts[:, None] + np.arange(width)
    rows = np.arange(len(X))[:, None]
    if by in ("shuffle", "dinucleotide"):
        instead = shuffle_stretches(X, starts, width, replicates, 1 if by == "shuffle" else 2, seed)
    elif by in ("unknown", "zero"):
        instead = np.broadcast_to(unknown_row("uniform" if by == "unknown" else "zero"), (len(X), 1, width, 4))
    else:
        try:
            codes = as_codes(by, "the replacement")
        except InputError as problem:
            raise InputError(f"by is one of {', '.join(REPLACEMENTS)}, or a text of bases: {problem}") from None
        if len(codes) != width:
            raise InputError(f"the replacement {by!r} is {len(codes)} long, and the stretch {width}")
        return written(X, codes, starts)
    copies = np.repeat(X[:, None], instead.shape[1], axis=1)
    copies[rows, :, columns] = np.swapaxes(instead, 1, 2)
    return copies.reshape(-1, *X.shape[1:])


def measured(measure: Measure, edits: list[Edit], label: str, progress: bool | None) -> list[list[np.ndarray]]:
    """Return the values of each edit (see :class:`Measure`), with a progress bar named ``label``."""
    with bar(len(edits), label, "edits", progress, long=len(edits) > 100) as display:
        return measure(edits, display.update)


def _one(edges: np.ndarray) -> int | str:
    """Return the number that is the same for all sequences, or an empty text if they differ."""
    return int(edges[0]) if (edges == edges[0]).all() else ""


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
