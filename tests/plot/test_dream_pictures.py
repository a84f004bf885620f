"""Pictures of dreams: the information of the relaxed optimum, the sequence below it, and all starts."""

import numpy as np
import pytest
from matplotlib.patches import PathPatch

from genolift.dreaming.realism import Realism
from genolift.dreaming.result import Dream
from genolift.plot.dreams.optimum import plot_dream
from genolift.plot.dreams.starts import plot_starts
from genolift.support.errors import InputError

RNG = np.random.default_rng(0)


def made(starts: int = 3, length: int = 130, real: bool = True) -> Dream:
    relaxed = RNG.dirichlet([0.3] * 4, (starts, length)).astype(np.float32)
    codes = relaxed.argmax(-1).astype(np.uint8)
    values = np.sort(RNG.normal(size=starts))[::-1]
    return Dream(
        subject="target 0",
        starts=np.arange(starts),
        relaxed=relaxed,
        relaxed_values=values + 0.5,
        codes=codes,
        values=values,
        outputs=1 / (1 + np.exp(-values)),
        importance=RNG.normal(size=(starts, length)),
        expert=None,
        realism=Realism("a Markov chain of order 5", RNG.normal(size=starts), RNG.normal(size=50)) if real else None,
        history={part: RNG.normal(size=(11, starts)) for part in ("value", "log_density", "penalty")},
        position_distances=np.ones((starts, starts)) - np.eye(starts),
        word_distances=np.ones((starts, starts)) - np.eye(starts),
        settings={},
    )


def test_letters_have_the_height_of_their_information():
    dream = made(length=5)
    dream.relaxed[0] = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4, [0, 0, 0, 1], [0, 1, 0, 0]]
    figure = plot_dream(dream, 0)
    top, below = figure.subfigs[0].axes
    heights = {}
    for patch in top.patches:
        if isinstance(patch, PathPatch):
            (x0, _), (x1, y1) = patch.get_path().get_extents().get_points()
            heights[round(y1, 3), tuple(patch.get_facecolor()[:3])] = (x0, x1)
    # A alone at 0 is 2 bits; A and C at 1 are half of one bit each, one on the other.
    assert {key[0] for key in heights} == {2.0}
    assert below.get_xlabel() == "bp from the start of the sequence (0-based)"
    assert "relaxed" in top.get_ylabel()


def test_long_sequences_are_broken_into_rows_and_marked():
    figure = plot_dream(made(), 1, highlight=[(10, 20, "GATA", "+"), (120, 126, "TAL", "-")])
    assert len(figure.subfigs) == 2
    texts = [text.get_text() for band in figure.subfigs for ax in band.axes for text in ax.texts]
    assert texts == ["GATA ▶", "◀ TAL"]
    assert "start 1" in figure.get_suptitle()
    assert "(p = " in figure.get_suptitle()


@pytest.mark.parametrize(
    ("i", "start", "end", "said"), [(3, 0, None, "no start 3"), (0, 5, 5, "not within"), (0, 0, 131, "not within")]
)
def test_what_is_not_there(i, start, end, said):
    with pytest.raises(InputError, match=said):
        plot_dream(made(), i, start, end)


def test_all_starts():
    dream = made()
    figure = dream.plot_starts()
    climbed, lost, real, apart = figure.axes[:4]
    np.testing.assert_allclose(climbed.lines[-1].get_ydata(), dream.history["value"][:, 0])
    np.testing.assert_allclose(lost.lines[1].get_ydata(), dream.values)
    np.testing.assert_allclose(real.lines[0].get_xdata(), dream.realism.log_density)
    assert apart.images[0].get_array().shape == (3, 3)


def test_one_start_without_real_sequences():
    figure = plot_starts(made(1, real=False))
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert texts == ["no real sequences were given", "one start has no other"]
