"""Images are drawn as images, by plot() and in reports, and options of logos are refused."""

import numpy as np
import pytest

from genolift.plot.images.digits import deletions
from genolift.plot.images.picture import plot_image
from genolift.plot.report import write_report
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    inputs = rng.random((3, 8, 9, 3)).astype(np.float32)
    scores = rng.normal(size=(3, 2, 8, 9, 3)).astype(np.float32)
    fields = {"inputs": inputs, "raw_contributions": scores, "predictions": np.zeros((3, 2), np.float32)}
    return Explanation(fields, names=["one", "two", "three"], target=[0, 7], method={"name": "deeplift"})


def test_an_image_is_drawn_with_the_scores_of_the_target_summed_over_channels(images):
    figure = images.plot("two", target=7)
    left, right = figure.axes[:2]
    assert left.images[0].get_array().shape == (8, 9, 3)  # in its colours
    drawn = right.images[0]
    np.testing.assert_allclose(drawn.get_array(), images.scores[1, 1].sum(axis=-1), rtol=1e-5)
    low, high = drawn.get_clim()
    assert low == -high  # Zero has the colour in the middle.
    assert "two" in figure.get_suptitle()


def test_a_grey_image_of_zeros_can_be_drawn():
    zeros = np.zeros((1, 8, 8, 1), np.float32)
    figure = plot_image(Explanation({"inputs": zeros, "scores": zeros, "predictions": np.zeros(1)}))
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_options_of_logos_are_refused(images):
    with pytest.raises(InputError, match="start is for sequences, and these are images"):
        images.plot(0, target=0, start=2)
    with pytest.raises(InputError, match="only images"):
        plot_image(Explanation({"inputs": np.zeros((1, 8, 4)), "scores": np.zeros((1, 8))}))


def test_a_report_shows_images_and_counts_them(images, tmp_path):
    images.save(tmp_path / "images.zarr")
    write_report(tmp_path / "images.zarr", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") == 3
    assert "The first 3 of 3 images, importance for output 0." in page


def test_what_is_deleted_in_figure_4a_is_what_the_measure_deletes():
    image = np.zeros((5, 5))
    image[1:4, 1:4] = 1
    scores = np.zeros((3, 5, 5))
    scores[2, 1, 1:4], scores[0, 1, 1] = 1, 2  # Of three pixels for class 2, one counts more for class 0.
    figure = deletions(image, {"gradient": scores}, 2, (0, 1), {"gradient": np.array([1.25, -2, np.nan])})
    kept = [ax.images[-1].get_array() for ax in figure.axes[4:]]
    gone = [np.argwhere((image > 0) & (one.filled(0) == 0)).tolist() for one in kept]
    assert gone == [[[1, 2], [1, 3]], [[1, 1], [1, 2], [1, 3]]]
    assert [ax.get_xlabel() for ax in figure.axes[4:]] == ["+1.2", "-2.0"]
    assert [ax.get_title() for ax in figure.axes] == [
        "image", "scores for 2", "scores for 0", "scores for 1", "2 → 0", "2 → 1"
    ]  # fmt: skip
