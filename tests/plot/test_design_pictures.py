"""Pictures of designs name every edit where it is."""

import numpy as np
import pytest

from genolift.plot.designs.edits import plot_designs
from genolift.plot.style import render
from genolift.results.explanation import Explanation
from genolift.results.kinds import DesignExplanation
from genolift.support.errors import InputError

L = 12


def designs():
    codes = np.random.default_rng(0).integers(0, 4, (1, L))
    bases, inserted = np.repeat(codes[:, None], 2, 1).astype(np.int8), np.full((1, 2, L), -1, np.int8)
    bases[0, 0, 3], bases[0, 0, 7], inserted[0, 0, 9] = (codes[0, 3] + 1) % 4, -1, 2
    return DesignExplanation(
        {
            "inputs": np.eye(4, dtype=np.float32)[codes],
            "bases": bases,
            "inserted": inserted,
            "designs": bases,
            "edit_count": np.array([[3, 0]]),
            "reached": np.array([[1, 0]], np.int8),
            "design_predictions": np.array([[0.9, 0.1]], np.float32),
            "predictions": np.array([0.1], np.float32),
            "goal": np.array([0.8], np.float32),
        },
        names=["one"],
        method={"name": "minimal-change", "moves": "right"},
    )


def test_every_edit_is_named_at_its_position():
    found = designs()
    figure = plot_designs(found, "one")
    first, second = figure.axes
    assert len(first.texts) == 3
    assert [text.get_position()[0] for text in first.texts] == [3, 7, 9]
    own = "ACGT"[int(found.inputs[0, 3].argmax())]
    assert first.texts[0].get_text().strip().startswith(f"{own}→")
    assert first.texts[1].get_text().strip().startswith("−")
    assert first.texts[2].get_text().strip() == "+G"
    for text in first.texts:  # The stem of a neighbour does not cross out a name.
        assert text.get_path_effects()
        assert text.get_zorder() > max(line.get_zorder() for line in first.lines)
    assert "3 edits, prediction 0.1 → 0.9 (goal 0.8, reached)" in first.get_title(loc="left")
    assert "0 edits" in second.get_title(loc="left")
    assert "not reached" in second.get_title(loc="left")
    assert render(figure, "png") == render(plot_designs(found, 0), "png")


def test_it_is_the_map_of_a_design():
    assert len(designs().plot_map(0).axes) == 2
    with pytest.raises(InputError, match="needs the result of the method minimal-change"):
        plot_designs(Explanation({"inputs": np.zeros((1, 4, 4)), "scores": np.zeros((1, 4))}))
