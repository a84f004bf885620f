"""The experiment that shuffles or replaces a stretch of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from genolift.evaluate.experiments import confidence as intervals
from genolift.evaluate.experiments.experiments import Experiment, compared, measured
from genolift.evaluate.experiments.measuring import Edit, Measure, as_beside, as_sequences
from genolift.sequence.alphabet import unknown_row
from genolift.sequence.edits import as_codes, check_inside, written
from genolift.sequence.shuffle import shuffle_stretches
from genolift.support.errors import InputError

REPLACEMENTS = ("shuffle", "dinucleotide", "unknown", "zero")


def ablate(
    model: Any,
    stretches: Any,
    X: Any,
    target: Any = None,
    *,
    others: Any = None,
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
    others
        The inputs of the model beside the sequences, by name: an array with a row for each of X, or a number. They stay
        as they are while the sequences are edited. The default is for models of one input.
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
    beside = as_beside(model, others, len(X))
    measure = Measure(model, target, method, beside, np.arange(len(X)), seed=seed, **options)
    places = {name: _place(stretch, X, name) for name, stretch in named.items()}

    edits = [Edit(lambda: X, [[place] for place in places.values()])]
    for starts, ends in places.values():
        copies = partial(_ablated, X, starts, int(ends[0] - starts[0]), by, replicates, seed)
        times = replicates if by in ("shuffle", "dinucleotide") else 1
        edits.append(Edit(copies, [[(np.repeat(starts, times), np.repeat(ends, times))]]))
    before, *after = measured(measure, edits, "ablate", progress)
    pairs = [(b, a.reshape(len(X), -1, *a.shape[1:]).mean(axis=1)) for b, (a,) in zip(before, after, strict=True)]
    edges = np.stack([starts for starts, _ in places.values()], axis=1)
    keys = [] if beside is None else [beside.keys(len(X))]
    units = intervals.distinct(X, "sequences", np.concatenate([edges, *keys], axis=1))
    told = [
        {"stretch": name or f"{_one(starts)}-{_one(ends)}", "start": _one(starts), "end": _one(ends)}
        for name, (starts, ends) in places.items()
    ]
    record = {"by": by, "replicates": replicates}
    return compared("ablate", measure, told, pairs, confidence, interval, seed, record, units)


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


def _one(edges: np.ndarray) -> int | str:
    """Return the number that is the same for all sequences, or an empty text if they differ."""
    return int(edges[0]) if (edges == edges[0]).all() else ""
