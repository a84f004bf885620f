"""The experiment that moves two motifs apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from genolift.evaluate.experiments import confidence as intervals
from genolift.evaluate.experiments.experiments import Backgrounds, Experiment, compared, measured, spread_over_models
from genolift.evaluate.experiments.measuring import Edit, Measure
from genolift.sequence.edits import as_codes, reverse_codes, written
from genolift.support.errors import InputError

ORIENTATIONS = ("++", "+-", "-+", "--")


def space(
    model: Any,
    first: Any,
    second: Any,
    X: Any,
    target: Any = None,
    *,
    others: Any = None,
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
    **options: Any,
) -> Experiment:
    """Measure the effect of two motifs at every distance and orientation, and how they interact.

    The first motif stays in its place, and the second moves. In the table, ``effect`` is the measure with both motifs
    minus the measure with none. ``interaction`` is both − first alone − second alone + none, where each motif alone is
    in the place that it has beside the other. A background that is given several times counts once.

    Parameters
    ----------
    model
        The Keras model, or a list of several, whose mean is measured.
    first, second
        The motifs: a text, in which N keeps the base of the background; a :class:`~genolift.simulate.motifs.Motif`,
        whose consensus is inserted; or one-hot bases (w, 4).
    X
        The backgrounds: one-hot DNA (N, L, 4), or regions of a genome.
    target
        What to explain, as methods take it: an output, or a list of several. The default is the model's only output.
    others
        The inputs of the model beside the sequences, by name: an array with a row for each of X, or a number. They stay
        as they are while the sequences are edited. The default is for models of one input.
    distances
        Numbers of bases between the motifs. The default is every second number from 0 to 40.
    orientations
        The strands of the first and of the second motif, such as ``"+-"``. The default is all four.
    both_orders
        Whether the second motif is also placed to the left of the first. The default is only to the right.
    start
        Where the first motif begins (0-based). The default is that the widest arrangement is in the middle.
    shuffles
        How many dinucleotide shuffles of each background are used in its place. The default of 0 uses the background
        itself.
    method
        The name of a method whose importance of both stretches is measured. The default is to measure the prediction.
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
        The effects. The conditions are orders, orientations and distances.

    Raises
    ------
    InputError
        If a motif, the backgrounds or an option cannot be used, or the motifs do not fit into the sequences.
    UnsupportedModel
        If the method cannot explain the model.
    """
    intervals.check_interval(interval, confidence)
    codes = {"first": as_codes(first, "the first motif"), "second": as_codes(second, "the second motif")}
    distances, orientations = _check_arrangements(distances, orientations)
    backgrounds = Backgrounds(X, shuffles, 2, seed, model, others)
    measure = Measure(model, target, method, backgrounds.beside, backgrounds.records, seed=seed, **options)
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

    def make(strand: str | None, other: int | None, other_strand: str) -> np.ndarray:
        X = backgrounds.X if strand is None else written(backgrounds.X, turned("first", strand), start)
        return X if other is None else written(X, turned("second", other_strand), other)

    edits = [Edit(partial(make, *key), stretches) for key, stretches in wanted.items()]
    outcomes = measured(measure, edits, "space", progress)
    # Values come in the order in which the arrangements asked for them.
    values: dict[tuple, Iterator[np.ndarray]] = {
        key: iter([backgrounds.per_unit(value) for value in each]) for key, each in zip(wanted, outcomes, strict=True)
    }
    told, pairs, interactions = [], [], []
    for order, orientation, distance, other in arrangements:
        none, one, two, both = (next(values[key]) for key in _four(orientation[0], other, orientation[1]))
        told.append(
            {"order": order, "orientation": orientation, "distance": distance, "start": start, "second_start": other}
        )
        pairs.append((none, both))
        interactions.append((one - none, two - none, both - one - two + none))
    record = {"shuffles": shuffles, "widths": list(widths.values())}
    experiment = compared("space", measure, told, pairs, confidence, interval, seed, record)
    means = [[values.mean(axis=2) for values in each] for each in interactions]
    low, high = zip(*(intervals.of_mean(joint, interval, confidence, seed) for *_, joint in means), strict=True)
    several = measure.models > 1
    for name, column in {
        "first_alone": [one.mean(0) for one, _, _ in means],
        "second_alone": [two.mean(0) for _, two, _ in means],
        "interaction": [joint.mean(0) for *_, joint in means],
        "interaction_low": low,
        "interaction_high": high,
        **({"interaction_spread": [spread_over_models(joint) for *_, joint in interactions]} if several else {}),
    }.items():
        experiment.table[name] = np.concatenate(column)
    return experiment


def _check_arrangements(distances: Iterable[int], orientations: Iterable[str]) -> tuple[list[int], list[str]]:
    distances, orientations = [int(distance) for distance in distances], list(orientations)
    if not distances or min(distances) < 0:
        raise InputError("distances are numbers of bases between the motifs, 0 or more, and there is at least one")
    if not orientations or set(orientations) - set(ORIENTATIONS):
        raise InputError(f"orientations are among {', '.join(ORIENTATIONS)}, not {', '.join(map(str, orientations))}")
    return distances, orientations


def _four(strand: str, other: int, other_strand: str) -> list[tuple]:
    """Return the edits with neither motif, the first alone, the second alone, and both."""
    return [(None, None, None), (strand, None, None), (None, other, other_strand), (strand, other, other_strand)]
