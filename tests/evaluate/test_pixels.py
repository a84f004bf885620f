"""Deletion of pixels: on a linear classifier, scores weight × ink are exact, so every number can be worked out by hand."""

import numpy as np
import pytest

from genolift.evaluate.pixels.deletion import continuity, conversions, delete, flipping, shifted
from genolift.support.errors import InputError

#: The weights (classes, pixels) of three classes on images of 2 × 5 pixels.
WEIGHTS = np.array(
    [
        [4, 3, 2, 1, 0, 0, 0, 0, 0, -1],
        [0, 0, 0, 2, 5, 0, 0, 0, 0, 1],
        [4, 3, 2, 1, 0, 0, 0, 0, 0, -1],
    ],
    float,
)
IMAGES = np.array([[1, 1, 1, 1, 1, 0, 0, 0, 0, 1], [0.5, 0, 1, 0, 0, 1, 1, 1, 1, 0]], float).reshape(2, 2, 5)


def linear(images):
    return images.reshape(len(images), -1) @ WEIGHTS.T + [0.5, -2, 7]


def exact(images):
    """The scores (N, classes, height, width) of the linear classifier."""
    return WEIGHTS.reshape(3, 2, 5) * images[:, None]


def test_conversions_of_a_linear_classifier_by_hand():
    changes = conversions(IMAGES, exact(IMAGES), 0, linear)
    # 20 % of ten pixels are two. The first image loses pixels 0 and 1, worth 4 + 3 to class 0 and nothing to class 1.
    # The second loses 0.5 · 4 + 2. Class 2 has the weights of class 0, so no difference is above zero.
    np.testing.assert_allclose(changes, [[np.nan, 7, 0], [np.nan, 4, 0]])
    # From class 1, pixels 4 and 9 of the first image are worth 5 + 1 to it, and pixel 9 counts -1 for class 0. In the
    # second image, whose differences are all at most zero, nothing is deleted.
    np.testing.assert_allclose(conversions(IMAGES, exact(IMAGES), 1, linear)[:, 0], [5 + 2, 0])


def test_no_pixel_without_positive_difference_is_deleted():
    image, difference = np.ones((1, 2, 5)), np.array([[[3, 0, -1, 2, 2], [0, 0, 0, 0, 1]]], float)
    assert delete(image, difference, 1)[0].ravel().tolist() == [0, 1, 1, 0, 0, 1, 1, 1, 1, 0]
    assert delete(image, difference, 0.2)[0].ravel().tolist() == [0, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    assert delete(image, difference, 0)[0].all()
    assert image.all()


def test_the_paper_deletes_157_of_784_pixels():
    image = np.ones((1, 28, 28))
    assert (delete(image, image) == 0).sum() == 157
    assert (delete(image[:, :10, :10], image[:, :10, :10], 0.29) == 0).sum() == 29


def test_exact_scores_delete_what_changes_the_odds_most():
    rng = np.random.default_rng(0)
    images = rng.random((50, 2, 5))
    best = conversions(images, exact(images), 0, linear)[:, 1]
    others = [conversions(images, rng.normal(size=(50, 3, 2, 5)), 0, linear)[:, 1] for _ in range(20)]
    assert (best >= np.max(others, axis=0) - 1e-9).all()


@pytest.mark.parametrize(
    ("images", "difference", "share", "words"),
    [
        (np.ones((1, 2, 5)), np.ones((1, 5, 2)), 0.2, "differences of their shape"),
        (np.ones((1, 2, 5)), np.full((1, 2, 5), np.nan), 0.2, "NaN"),
        (np.ones((1, 2, 5)), np.ones((1, 2, 5)), 1.5, "between 0 and 1"),
    ],
)
def test_what_cannot_be_deleted_is_refused(images, difference, share, words):
    with pytest.raises(InputError, match=words):
        delete(images, difference, share)


def test_logits_of_another_shape_are_refused():
    with pytest.raises(InputError, match="3 numbers for each of 2 images"):
        conversions(IMAGES, exact(IMAGES), 0, lambda images: linear(images)[:, :2])


def test_flipping_knows_the_best_order_from_chance_and_from_the_worst():
    images = np.random.default_rng(1).random((40, 2, 5))
    labels = np.arange(40) % 2
    own = exact(images)[np.arange(40), labels]
    value = {name: flipping(images, scores, labels, linear) for name, scores in
             (("best", own), ("none", np.zeros_like(own)), ("worst", -own))}  # fmt: skip
    assert (value["none"] == 0).all()  # Scores that are all equal are in random order.
    assert value["best"].mean() > 0.5 > -0.5 > value["worst"].mean()
    again = flipping(images[5:7], own[5:7], labels[5:7], linear)
    np.testing.assert_allclose(again, value["best"][5:7])  # A draw does not depend on the batch.


def test_continuity_is_one_where_scores_move_with_the_image():
    images = np.zeros((3, 4, 4))
    images[:, 1, 1], images[:, 2, 2] = 1, 0.5
    images[2, 0, 3] = 1  # Its last column would be lost.
    moved = shifted(images)
    assert moved[0, 1].tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(continuity(images, images * 3, moved * 2), [1, 1, np.nan])
    assert continuity(images, images, images)[0] < 0.1
