"""Experiments on motifs in the computer: put one in, take one out, move two apart; and look what the model makes of it.

Each compares sequences before and after an edit, by the prediction or by the importance that any method gives to the
edited stretches, and gives means over backgrounds with confidence intervals.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from genolift.evaluate.experiments import confidence as intervals
from genolift.evaluate.experiments.measuring import Edit, Measure, as_sequences
from genolift.sequence.alphabet import unknown_row
from genolift.sequence.edits import as_codes, check_inside, reverse_codes, written
from genolift.sequence.shuffle import shuffle
from genolift.support import drawings
from genolift.support.errors import InputError
from genolift.support.progress import bar

ORIENTATIONS = ("++", "+-", "-+", "--")
REPLACEMENTS = ("shuffle", "dinucleotide", "unknown", "zero")


@dataclass
class Experiment:
    """``table`` (pandas) has a row per condition and target; ``effects`` (conditions, backgrounds, T) is what the edit
    does in each background. ``kind`` is the function's name, ``measure`` what was measured, ``method`` all parameters."""

    kind: str
    measure: str
    table: object
    effects: np.ndarray
    targets: list[str]
    method: dict = field(default_factory=dict)

    def plot(self, **options: Any) -> Any:
        """Return a Matplotlib figure of the effects; options as in :func:`genolift.plot.experiments.plot_experiment`."""
        return drawings.draw(self, drawings.PLOT, **options)

    def to_tsv(self) -> str:
        """The table as text."""
        return self.table.to_csv(sep="\t", index=False, float_format="%.6g", na_rep="")


class _Backgrounds:
    """Sequences to edit, shuffled first where ``shuffles`` is not 0, and means over what belongs together.

    The unit that intervals are over is the sequence given; where one alone is given, each of its shuffles.
    """

    def __init__(self, X, shuffles: int, k: int, seed: int):
        self.given = as_sequences(X)
        if shuffles < 0:
            raise InputError(f"shuffles counts dinucleotide shuffles of each sequence, and is not {shuffles}")
        self.copies = max(1, shuffles)
        drawn = shuffle(self.given, shuffles, k, seed) if shuffles else self.given[:, None]
        self.X = drawn.reshape(-1, *self.given.shape[1:])

    @property
    def length(self) -> int:
        return self.X.shape[1]

    def per_unit(self, values: np.ndarray) -> np.ndarray:
        """(n, T) for each unit from (N, T) of all sequences."""
        if len(self.given) == 1:
            return values
        return values.reshape(len(self.given), self.copies, -1).mean(axis=1)


def marginalize(
    model,
    motifs,
    X,
    target=None,
    *,
    start: int | None = None,
    both_strands: bool = False,
    shuffles: int = 0,
    method: str | None = None,
    confidence: float = 0.95,
    interval: str = "t",
    seed: int = 0,
    progress: bool | None = None,
    **options,
) -> Experiment:
    """What a motif does in backgrounds: the measure with it, less the measure without.

    ``motifs``: a text (N leaves the background's base), a :class:`~genolift.simulate.motifs.Motif` (its consensus) or
    one-hot (w, 4); or a dict of several by name. ``X`` (N, L, 4): the backgrounds, of which ``shuffles`` dinucleotide
    shuffles each are taken if that is not 0. ``start``: where the motif begins (default: in the middle). The measure is
    the prediction, or with ``method`` the importance of the motif's stretch. ``interval`` "t" or "bootstrap" over
    backgrounds at level ``confidence``. Further options go to the method.
    """
    intervals.check_interval(interval, confidence)
    patterns, backgrounds = _patterns(motifs), _Backgrounds(X, shuffles, 2, seed)
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
    before, *after = _measured(measure, edits, "marginalize", progress)
    pairs = [(backgrounds.per_unit(b), backgrounds.per_unit(a)) for b, (a,) in zip(before, after, strict=True)]
    told = [
        {"motif": name, "strand": strand, "start": first, "end": first + len(codes)}
        for name, strand, first, codes in conditions
    ]
    record = {"shuffles": shuffles, "both_strands": both_strands}
    return _compared("marginalize", measure, told, pairs, confidence, interval, seed, record)


def ablate(
    model,
    stretches,
    X,
    target=None,
    *,
    by: str = "shuffle",
    replicates: int = 20,
    method: str | None = None,
    confidence: float = 0.95,
    interval: str = "t",
    seed: int = 0,
    progress: bool | None = None,
    **options,
) -> Experiment:
    """What is lost with a stretch: the measure without it, less the measure with it.

    ``stretches``: (start, end), 0-based and half-open, each a number or an array (N,) with every sequence's own (one
    width for all); or a dict of several by name. ``by``: "shuffle" (its bases in another order, the mean over
    ``replicates``), "dinucleotide" (the same with dinucleotides kept), "unknown" (N), "zero", or a text as long as the
    stretch. The rest as in :func:`marginalize`; intervals are over sequences.
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
    before, *after = _measured(measure, edits, "ablate", progress)
    pairs = [(b, a.reshape(len(X), -1, a.shape[1]).mean(axis=1)) for b, (a,) in zip(before, after, strict=True)]
    told = [
        {"stretch": name or f"{_one(starts)}-{_one(ends)}", "start": _one(starts), "end": _one(ends)}
        for name, (starts, ends) in places.items()
    ]
    return _compared("ablate", measure, told, pairs, confidence, interval, seed, {"by": by, "replicates": replicates})


def space(
    model,
    first,
    second,
    X,
    target=None,
    *,
    distances: Sequence[int] = range(0, 41, 2),
    orientations: Sequence[str] = ORIENTATIONS,
    both_orders: bool = False,
    start: int | None = None,
    shuffles: int = 0,
    method: str | None = None,
    confidence: float = 0.95,
    interval: str = "t",
    seed: int = 0,
    progress: bool | None = None,
    **options,
) -> Experiment:
    """Two motifs at every distance (bases between them) and orientation (strand of each): what both do, and how far that
    is from what each does alone.

    ``effect`` is both less none; ``interaction`` both − first alone − second alone + none, each alone where it stands
    with the other. The first motif stays at ``start`` (by default so that the widest arrangement is in the middle) and
    the second moves to the right of it, with ``both_orders`` also to the left. With ``method``, the importance of both
    stretches is measured. The rest as in :func:`marginalize`.
    """
    intervals.check_interval(interval, confidence)
    codes = {"first": as_codes(first, "the first motif"), "second": as_codes(second, "the second motif")}
    distances, orientations = _check_arrangements(distances, orientations)
    backgrounds = _Backgrounds(X, shuffles, 2, seed)
    measure = Measure(model, target, method, seed=seed, **options)
    widths = {name: len(each) for name, each in codes.items()}
    reach = widths["second"] + max(distances)
    if start is None:
        start = (backgrounds.length - widths["first"] - reach * (2 if both_orders else 1)) // 2 + reach * both_orders
    places = {"first, second": lambda distance: start + widths["first"] + distance}
    if both_orders:
        places["second, first"] = lambda distance: start - distance - widths["second"]
    arrangements = [
        (order, orientation, distance, places[order](distance))
        for order, orientation, distance in itertools.product(places, orientations, distances)
    ]
    for _, _, _, other in arrangements:
        if other < 0 or max(start + widths["first"], other + widths["second"]) > backgrounds.length or start < 0:
            raise InputError(
                f"the motifs do not fit into sequences of {backgrounds.length} at a distance of {max(distances)}; give "
                "shorter distances, or another start"
            )

    def turned(name: str, strand: str) -> np.ndarray:
        return codes[name] if strand == "+" else reverse_codes(codes[name])

    # Each edit is made once, whatever the number of arrangements that are compared with it.
    wanted: dict[tuple, list] = {}
    for _, (strand, other_strand), _, other in arrangements:
        stretches = [(start, start + widths["first"]), (other, other + widths["second"])]
        for key in _four(strand, other, other_strand):
            wanted.setdefault(key, []).append(stretches)

    def make(strand, other, other_strand):
        X = backgrounds.X if strand is None else written(backgrounds.X, turned("first", strand), start)
        return X if other is None else written(X, turned("second", other_strand), other)

    edits = [Edit(partial(make, *key), stretches) for key, stretches in wanted.items()]
    measured = _measured(measure, edits, "space", progress)
    # Values come in the order in which arrangements asked for them.
    values = {key: iter([backgrounds.per_unit(v) for v in each]) for key, each in zip(wanted, measured, strict=True)}
    told, pairs, interactions = [], [], []
    for order, orientation, distance, other in arrangements:
        none, one, two, both = (next(values[key]) for key in _four(orientation[0], other, orientation[1]))
        told.append(
            {"order": order, "orientation": orientation, "distance": distance, "start": start, "second_start": other}
        )
        pairs.append((none, both))
        interactions.append((one - none, two - none, both - one - two + none))
    record = {"shuffles": shuffles, "widths": list(widths.values())}
    experiment = _compared("space", measure, told, pairs, confidence, interval, seed, record)
    low, high = zip(*(intervals.of_mean(joint, interval, confidence, seed) for *_, joint in interactions), strict=True)
    for name, values in {
        "first_alone": [one.mean(0) for one, _, _ in interactions],
        "second_alone": [two.mean(0) for _, two, _ in interactions],
        "interaction": [joint.mean(0) for *_, joint in interactions],
        "interaction_low": low,
        "interaction_high": high,
    }.items():
        experiment.table[name] = np.concatenate(values)
    return experiment


def _patterns(motifs) -> dict[str, np.ndarray]:
    if isinstance(motifs, Mapping):
        if not motifs:
            raise InputError("there are no motifs to insert")
        return {str(name): as_codes(motif, f"motif {name!r}") for name, motif in motifs.items()}
    name = motifs if isinstance(motifs, str) else getattr(motifs, "name", "motif")
    return {name: as_codes(motifs)}


def _place(stretch, X: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends (N,) of a stretch."""
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
    """Copies (N · replicates, L, 4), sequence by sequence, with something else in the stretch."""
    columns = starts[:, None] + np.arange(width)
    rows = np.arange(len(X))[:, None]
    if by in ("shuffle", "dinucleotide"):
        instead = shuffle(X[rows, columns], replicates, 1 if by == "shuffle" else 2, seed)
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


def _check_arrangements(distances, orientations) -> tuple[list[int], list[str]]:
    distances, orientations = [int(distance) for distance in distances], list(orientations)
    if not distances or min(distances) < 0:
        raise InputError("distances are numbers of bases between the motifs, 0 or more, and there is at least one")
    if not orientations or set(orientations) - set(ORIENTATIONS):
        raise InputError(f"orientations are among {', '.join(ORIENTATIONS)}, not {', '.join(map(str, orientations))}")
    return distances, orientations


def _four(strand: str, other: int, other_strand: str) -> list[tuple]:
    """Neither motif, the first alone, the second alone, both."""
    return [(None, None, None), (strand, None, None), (None, other, other_strand), (strand, other, other_strand)]


def _measured(measure: Measure, edits: list[Edit], label: str, progress: bool | None) -> list[list[np.ndarray]]:
    with bar(len(edits), label, "edits", progress, long=len(edits) > 100) as display:
        return measure(edits, display.update)


def _one(edges: np.ndarray):
    """A number where it is the same for all sequences, else empty."""
    return int(edges[0]) if (edges == edges[0]).all() else ""


def _compared(
    kind, measure: Measure, told: list[dict], pairs: list[tuple], confidence, interval, seed, record
) -> Experiment:
    """A row per condition and target: means before and after the edit, and of the difference with its interval."""
    import pandas as pd

    effects = np.stack([after - before for before, after in pairs])
    rows = []
    for condition, (before, after), effect in zip(told, pairs, effects, strict=True):
        low, high = intervals.of_mean(effect, interval, confidence, seed)
        for t, name in enumerate(measure.targets):
            means = {"before": before[:, t].mean(), "after": after[:, t].mean(), "effect": effect[:, t].mean()}
            rows.append({**condition, "target": name, "n": len(effect), **means, "low": low[t], "high": high[t]})
    record = {**record, "measure": measure.what, "confidence": confidence, "interval": interval, "seed": seed}
    return Experiment(kind, measure.what, pd.DataFrame(rows), effects, list(measure.targets), record)
