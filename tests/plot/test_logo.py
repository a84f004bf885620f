"""Logos show the scores: letter by letter, at the right place, at the right height."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from genolift.plot.logo import letter_heights, plot_logo
from genolift.plot.style import BASES, drawing, render, save_figure
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem, InputError

RNG = np.random.default_rng(0)


def explanation(n=2, length=30, **options):
    X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (n, length))]
    raw = X * RNG.normal(size=(n, length, 1)).astype(np.float32)
    return Explanation(
        {"inputs": X, "raw_contributions": raw, "predictions": np.arange(n) + 0.5},
        names=[f"seq_{i}" for i in range(n)],
        target=0,
        method={"name": "deeplift", "units": "logit"},
        **options,
    )


def drawn_letters(ax):
    """(position, base, height) of every letter on the axes, read back from the outlines."""
    found = []
    colours = {matplotlib.colors.to_rgb(colour): base for base, colour in BASES.items()}
    for patch in ax.patches:
        if not isinstance(patch, PathPatch):
            continue
        base = colours[patch.get_facecolor()[:3]]
        path = patch.get_path()
        for polygon in path.to_polygons(closed_only=False):
            found.append((round(float(polygon[:, 0].mean())), base, polygon[:, 1]))
    letters = {}
    for place, base, y in found:  # A and others have holes: the same letter, drawn as several outlines
        letters.setdefault((place, base), []).extend(y)
    return {key: max(y, key=abs) for key, y in letters.items()}


def test_every_letter_stands_where_and_as_high_as_it_should():
    e = explanation()
    figure = plot_logo(e, 1)
    letters = drawn_letters(figure.axes[0])
    assert len(letters) == 30
    for position in range(30):
        base = "ACGT"[e.inputs[1, position].argmax()]
        assert letters[position, base] == pytest.approx(float(e.scores[1, position]), rel=1e-4)


def test_a_window_shows_its_positions_only():
    letters = drawn_letters(plot_logo(explanation(), 0, 5, 12).axes[0])
    assert sorted(place for place, _ in letters) == list(range(5, 12))


def test_long_sequences_are_broken_into_rows_of_one_scale_and_few_patches():
    figure = plot_logo(explanation(1, 2000))
    assert len(figure.axes) == 10
    # a patch per kind of letter, not per letter, is what makes it quick
    assert max(len(ax.patches) for ax in figure.axes) <= 5
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert sum(len(drawn_letters(ax)) for ax in figure.axes) == 2000


def test_unknown_bases_are_n():
    e = explanation(1, 6)
    e.inputs[0, 2] = 0.25
    e.inputs[0, 3] = 0
    heights = letter_heights(e)
    assert np.flatnonzero(heights[:, 4]).tolist() == [2, 3]
    np.testing.assert_allclose(heights.sum(1), e.scores[0], rtol=1e-6)


def test_position_level_scores_can_be_drawn():
    e = Explanation({"inputs": explanation().inputs, "scores": np.ones((2, 30))})
    assert len(drawn_letters(plot_logo(e).axes[0])) == 30


def test_texts_say_what_is_shown():
    e = explanation(regions=[("chr1", 100, 130, "-")] * 2)
    figure = plot_logo(e, "seq_1", highlight=[(3, 9, "GATA1", "+"), (12, 20, "TAL1", "-"), (22, 24, "gap")])
    title = figure.get_suptitle()
    assert "seq_1" in title
    assert "prediction 1.5" in title
    assert "chr1:101–130 (-, from 1)" in title
    assert figure.get_supylabel() == "importance for output 0\n(logit)"
    assert [text.get_text() for text in figure.axes[0].texts] == ["GATA1 ▶", "◀ TAL1", "gap"]


def test_marks_outside_the_window_are_left_out_and_names_do_not_collide():
    figure = plot_logo(explanation(), 0, 10, 30, highlight=[(0, 5, "out"), (12, 18, "one"), (13, 19, "two")])
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == ["one", "two"]
    assert texts[0].xyann[1] < texts[1].xyann[1]


def test_one_target_of_several_and_one_input_of_several():
    one = explanation()
    raw = np.stack([one.raw_contributions, -one.raw_contributions], axis=1)
    e = Explanation({"inputs": one.inputs, "raw_contributions": raw, "predictions": np.ones((2, 2))}, target=[4, 9])
    letters = drawn_letters(plot_logo(e, 0, target=9).axes[0])
    base = "ACGT"[one.inputs[0, 7].argmax()]
    assert letters[7, base] == pytest.approx(-float(one.scores[0, 7]), rel=1e-4)
    with pytest.raises(InputError, match="4, 9"):
        plot_logo(e, 0)
    several = Explanation(
        {
            "inputs": {"dna": one.inputs, "age": np.ones((2, 1))},
            "raw_contributions": {"dna": one.raw_contributions, "age": np.ones((2, 1))},
        }
    )
    assert len(drawn_letters(plot_logo(several).axes[0])) == 30
    with pytest.raises(InputError, match="are dna"):
        plot_logo(several, input="age")


def test_mixed_lengths_end_where_the_sequence_ends():
    e = Explanation.concatenate([explanation(1, 12), explanation(1, 30)])
    assert len(drawn_letters(plot_logo(e, 0).axes[0])) == 12
    with pytest.raises(InputError, match="within seq_0, which has 12 bases"):
        plot_logo(e, 0, 5, 20)


def test_what_is_not_dna_or_not_there_is_refused():
    with pytest.raises(InputError, match=r"shape \(1, 3\)"):
        plot_logo(Explanation({"inputs": np.ones((1, 3)), "scores": np.ones((1, 3))}))
    with pytest.raises(InputError, match="no sequence is called"):
        plot_logo(explanation(), "nobody")
    for window in ((5, 5), (-1, 4), (0, 31)):
        with pytest.raises(InputError, match="not within"):
            plot_logo(explanation(), 0, *window)


def test_scores_of_zero_still_make_a_picture(tmp_path):
    e = Explanation({"inputs": explanation().inputs, "scores": np.zeros((2, 30))})
    save_figure(plot_logo(e), tmp_path / "zero.png")
    assert (tmp_path / "zero.png").stat().st_size > 1000


def test_users_axes_are_drawn_on():
    figure = Figure()
    ax = figure.subplots()
    assert plot_logo(explanation(), 0, ax=ax) is figure
    assert len(drawn_letters(ax)) == 30
    assert "importance" in ax.get_ylabel()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_picture_is_the_same_bytes(tmp_path, kind):
    e = explanation()
    paths = [tmp_path / f"{i}.{kind}" for i in range(2)]
    for path in paths:
        save_figure(plot_logo(e), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths


def test_users_settings_neither_matter_nor_change():
    e = explanation()
    plain = render(plot_logo(e), "png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": "mine"}):
        before = dict(matplotlib.rcParams)
        assert render(plot_logo(e), "png") == plain
        assert dict(matplotlib.rcParams) == before
        with pytest.raises(ZeroDivisionError), drawing():
            1 / 0  # noqa: B018
        assert dict(matplotlib.rcParams) == before


def test_no_pyplot_figures_are_left_and_notebooks_get_a_picture():
    import matplotlib.pyplot as plt

    figure = explanation().plot(0)
    assert plt.get_fignums() == []
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_files_that_cannot_be_written(tmp_path):
    figure = plot_logo(explanation())
    with pytest.raises(InputError, match="png, svg, pdf"):
        save_figure(figure, tmp_path / "logo.gif")
    with pytest.raises(FileProblem, match="cannot be written"):
        save_figure(figure, tmp_path / "nowhere" / "logo.png")
