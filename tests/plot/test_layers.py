"""Heat maps of activations show each cell where its row stands; logos of filters stack to their information."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch

from genolift.engine.windows.receptive import Fields
from genolift.evaluate.discovery.filters import Filter, Filters, information
from genolift.methods.hidden.activations import Activations
from genolift.plot.activations import plot_activations
from genolift.plot.filters import plot_filters
from genolift.plot.style import BASES, render
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

RNG = np.random.default_rng(0)
LENGTH = 30


def activations(signed=False, centres=range(3, 27, 4)):
    windows = np.array([(c - 3, c + 4) for c in centres])
    fields = Fields(1, LENGTH, np.maximum(windows[:, 0], 0), np.minimum(windows[:, 1], LENGTH), windows)
    values = RNG.normal(size=(2, len(windows), 40)) if signed else RNG.random((2, len(windows), 40))
    X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (2, LENGTH))]
    return Activations("conv", values.astype(np.float32), fields, X, ["one", "two"])


def mesh(figure):
    (found,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    return found


def test_cells_stand_between_their_neighbours():
    found = activations()
    figure = plot_activations(found, "two", units=[5, 1, 39])
    cells = mesh(figure)
    np.testing.assert_allclose(cells.get_array().reshape(3, 6), found.values[1][:, [5, 1, 39]].T)
    np.testing.assert_allclose(cells.get_coordinates()[0, :, 0], np.arange(1, 27, 4))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["5", "1", "39"]
    assert figure.axes[1].get_xlim() == (-0.5, LENGTH - 0.5)
    assert "each cell sees 7 bases, every 4" in figure.get_suptitle()
    assert cells.norm.vmin == 0


def test_the_most_active_units_in_view():
    found = activations(signed=True)
    found.values[0, 1, 17] = -50  # around position 7
    figure = plot_activations(found, 0, start=5, end=10)
    labels = [int(label.get_text()) for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 24
    assert 17 in labels
    assert labels == sorted(labels)
    assert mesh(figure).norm.vmin == -50
    best = set(np.argsort(-np.abs(found.values[0, 1]))[:24].tolist())  # the row at 7 is the only one in view
    assert set(labels) == best


def test_rows_of_one_centre_are_averaged():
    found = activations(centres=[5, 9, 9, 13])
    cells = mesh(plot_activations(found, 0, units=[0])).get_array().reshape(-1)
    rows = found.values[0, :, 0]
    np.testing.assert_allclose(cells, [rows[0], (rows[1] + rows[2]) / 2, rows[3]])


def test_a_logo_underneath():
    found = activations()
    raw = found.inputs * RNG.random((2, LENGTH, 1)).astype(np.float32)
    explained = Explanation({"inputs": found.inputs, "raw_contributions": raw}, target=0)
    below = plot_activations(found, 0, explanation=explained).axes[1]
    assert below.get_ylabel() == "importance"
    assert below.get_ylim()[1] < 1.3
    plain = plot_activations(found, 0).axes[1]
    assert len(plain.patches) == 4  # one for each base
    assert render(plain.figure, "png") == render(plot_activations(found, 0), "png")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((2,), "there is no sequence 2"),
        (("three",), "no sequence is called 'three'"),
        ((0, [40]), "there is no unit 40: the layer has 40"),
        ((0, None, 8, 10), "no row between positions 8 and 10"),
        ((0, None, 10, 40), "not within one"),
    ],
)
def test_refusals(arguments, told):
    with pytest.raises(InputError, match=told):
        plot_activations(activations(), *arguments)


def filters(count=7, width=5):
    matrices = RNG.dirichlet([0.5] * 4, (count, width))
    background = np.array([0.3, 0.2, 0.2, 0.3])
    found = [Filter(i, m, 20 + i, float(information(m, background).sum()), 1.0, 0.5) for i, m in enumerate(matrices)]
    found[2] = Filter(2, np.tile(background, (width, 1)), 0, 0.0, 0.0, 0.0)
    found[4] = Filter(4, matrices[4], 3, 99.0, 1.0, 0.5)
    return Filters("first", found, background, 100, 0.5, "sites", False)


def stacks(ax):
    """(position, base) → (bottom, top) of the letters on the axes."""
    colours = {to_rgb(colour): base for base, colour in BASES.items()}
    found = {}
    for patch in ax.patches:
        if isinstance(patch, PathPatch):
            for polygon in patch.get_path().to_polygons(closed_only=False):
                key = round(float(polygon[:, 0].mean())), colours[patch.get_facecolor()[:3]]
                low, high = found.get(key, (np.inf, -np.inf))
                found[key] = (min(low, polygon[:, 1].min()), max(high, polygon[:, 1].max()))
    return found


def test_letters_stack_to_the_information_of_their_position():
    found = filters()
    figure = plot_filters(found, numbers=[3])
    one, letters = found[3], stacks(figure.axes[0])
    bits = information(one.matrix, found.background)
    for position, row in enumerate(one.matrix):
        floor = 0.0
        for b in np.argsort(row, kind="stable"):
            height = row[b] * bits[position]
            if height > 1e-3:
                low, high = letters[position, "ACGT"[b]]
                assert low == pytest.approx(floor, abs=0.02)
                assert high == pytest.approx(floor + height, abs=0.02)
            floor += height
    assert figure.axes[0].get_ylim() == (0, max(2.0, bits.max()))


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]


def test_which_filters_are_drawn():
    found = filters()
    told = titles(plot_filters(found, names={5: "GATA"}))
    assert [title.split()[0] for title in told] == ["0", "1", "3", "4", "5", "6"]  # not the one without sites
    assert told[4].endswith("\nGATA")
    assert "23 sites" in told[2]
    best = plot_filters(found, most=4)
    numbers = {int(title.split()[0]) for title in titles(best)}
    ranked = sorted((one for one in found.excited if one.sites > 9), key=lambda one: -one.information)
    assert numbers == {one.number for one in ranked[:4]}
    assert "3 of 7 not shown" in best.get_suptitle()
    none = Filters("first", [found[2]], found.background, 100, 0.5, "sites", False)
    with pytest.raises(InputError, match="no filter has a site"):
        plot_filters(none)
