"""The table of which function of this room draws which result, for :mod:`genolift.support.drawings`.

A logo of stored scores needs no TensorFlow. Types whose modules load TensorFlow are therefore given by name, and the
functions that draw them are imported when they are called.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from genolift.plot.attention import plot_attention
from genolift.plot.epistasis import plot_epistasis
from genolift.plot.interactions import plot_interactions, plot_surrogate
from genolift.plot.logo import plot_logo
from genolift.results.explanation import Explanation
from genolift.results.kinds import (
    AttentionExplanation,
    EpistasisExplanation,
    InteractionExplanation,
    SurrogateExplanation,
)
from genolift.support.drawings import MAP, PLOT, Table


def _activations(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.activations import plot_activations

    return plot_activations(*arguments, **options)


def _experiment(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.experiments import plot_experiment

    return plot_experiment(*arguments, **options)


def _filters(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.filters import plot_filters

    return plot_filters(*arguments, **options)


DRAWINGS: Table = {
    (Explanation, PLOT): plot_logo,
    (AttentionExplanation, MAP): plot_attention,
    (EpistasisExplanation, MAP): plot_epistasis,
    (InteractionExplanation, MAP): plot_interactions,
    (SurrogateExplanation, MAP): plot_surrogate,
    ("genolift.methods.hidden.activations.Activations", PLOT): _activations,
    ("genolift.evaluate.experiments.experiments.Experiment", PLOT): _experiment,
    ("genolift.evaluate.discovery.filters.Filters", PLOT): _filters,
}
