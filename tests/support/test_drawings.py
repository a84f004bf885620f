"""Results find who draws them, whoever made the type and whoever draws it."""

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

import genolift as gl
from genolift.plot.drawers import DRAWINGS, plot_scores
from genolift.results.explanation import Explanation
from genolift.results.kinds import PositionInteractions
from genolift.support import drawings
from genolift.support.errors import InputError


class Theirs(Explanation):
    """A type that someone outside has made."""


class MoreOfTheirs(Theirs):
    pass


def explanation(kind=Explanation):
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 20))]
    return kind({"inputs": X, "raw_contributions": X, "predictions": np.zeros(2)})


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(drawings, "_registered", {})


def test_a_type_from_outside_registers_its_own_drawings():
    assert drawings.find(Theirs) is plot_scores  # until then it is drawn as what it extends
    assert drawings.find(Theirs, "map") is None

    @gl.drawings.register(Theirs)
    def draw(result, i=0, colour="red"):
        return type(result), i, colour

    @gl.drawings.register(f"{__name__}.Theirs", "map")
    def draw_map(result, i=0, target=None):
        return "map", target

    for kind in (Theirs, MoreOfTheirs):
        assert explanation(kind).plot(1, colour="blue") == (kind, 1, "blue")
        assert explanation(kind).plot_map(0, target=3) == ("map", 3)
    assert drawings.find(Explanation) is plot_scores
    with pytest.raises(InputError, match="the type Explanation has no map"):
        explanation().plot_map(0)


def test_the_drawing_of_a_type_of_ours_can_be_replaced():
    @gl.drawings.register(Explanation)
    def draw(result, i=0):
        return i

    assert explanation(PositionInteractions).plot(1) == 1


@pytest.mark.parametrize("key", DRAWINGS, ids=str)
def test_our_own_drawings_are_of_types_that_there_are(key):
    kind, what = key
    if isinstance(kind, str):
        module, _, name = kind.rpartition(".")
        kind = getattr(import_module(module), name)
    assert drawings.find(kind, what) is DRAWINGS[key]


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["genolift.results.explanation", "genolift.results.kinds", "genolift.results.store"])
def test_results_are_drawn_whatever_was_imported_first(entry):
    code = f"""
import {entry}, sys
assert "matplotlib" not in sys.modules
import numpy as np
from genolift.results.explanation import Explanation
X = np.eye(4, dtype=np.float32)[None, [0, 1, 2, 3]]
print(type(Explanation({{"inputs": X, "scores": X.sum(-1)}}).plot(0)).__name__, "tensorflow" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["Picture", "False"]
