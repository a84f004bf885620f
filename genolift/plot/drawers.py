"""The table of which function of this room draws which result, for :mod:`genolift.support.drawings`.

A logo of stored scores needs no TensorFlow. Types whose modules load TensorFlow are therefore given by name, and the
functions that draw them are imported when they are called.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from genolift.plot.attention import plot_attention
from genolift.plot.designs.edits import plot_designs
from genolift.plot.epistasis import plot_epistasis
from genolift.plot.images.picture import plot_image
from genolift.plot.interactions import plot_interactions, plot_output_map, plot_surrogate
from genolift.plot.logo import plot_logo
from genolift.results.explanation import Explanation
from genolift.results.kinds import (
    AttentionExplanation,
    DesignExplanation,
    EpistasisExplanation,
    InteractionExplanation,
    OutputInteractions,
    SurrogateExplanation,
)
from genolift.support.drawings import MAP, PLOT, Table
from genolift.support.errors import InputError


def _activations(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.activations import plot_activations

    return plot_activations(*arguments, **options)


def _dream(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.dreams.optimum import plot_dream

    return plot_dream(*arguments, **options)


def _dreams(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.dreams.starts import plot_starts

    return plot_starts(*arguments, **options)


def _experiment(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.experiments import plot_experiment

    return plot_experiment(*arguments, **options)


def _filters(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.filters import plot_filters

    return plot_filters(*arguments, **options)


def _influences(*arguments: Any, **options: Any) -> Figure:
    from genolift.plot.influence.influences import plot_influences

    return plot_influences(*arguments, **options)


def plot_scores(explanation: Explanation, i: int | str = 0, **options: Any) -> Figure:
    """Draw images as images, and everything else as a logo.

    Parameters
    ----------
    explanation, i
        The explanation, and which of its sequences or images is drawn, by number or name. The default is the first.
    **options
        Options of :func:`genolift.plot.images.picture.plot_image` or :func:`genolift.plot.logo.plot_logo`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        For an option that only a logo has, and what these functions raise.
    """
    if not explanation.of_images:
        return plot_logo(explanation, i, **options)
    known = {"target", "ax"}
    if unsuited := [name for name in options if name not in known]:
        raise InputError(f"{unsuited[0]} is for sequences, and these are images; leave it out")
    return plot_image(explanation, i, **options)


DRAWINGS: Table = {
    (Explanation, PLOT): plot_scores,
    (AttentionExplanation, MAP): plot_attention,
    (DesignExplanation, MAP): plot_designs,
    (EpistasisExplanation, MAP): plot_epistasis,
    (InteractionExplanation, MAP): plot_interactions,
    (OutputInteractions, MAP): plot_output_map,
    (SurrogateExplanation, MAP): plot_surrogate,
    ("genolift.methods.hidden.activations.Activations", PLOT): _activations,
    ("genolift.dreaming.result.Dream", PLOT): _dream,
    ("genolift.dreaming.result.Dream", MAP): _dreams,
    ("genolift.evaluate.experiments.experiments.Experiment", PLOT): _experiment,
    ("genolift.influence.influences.Influences", PLOT): _influences,
    ("genolift.evaluate.discovery.filters.Filters", PLOT): _filters,
}
