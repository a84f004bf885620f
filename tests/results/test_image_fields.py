"""Explanations of images say so, and are never cut or padded as if their rows were the bases of a sequence."""

import numpy as np
import pytest

from genolift.results.explanation import Explanation
from genolift.results.fields import is_image
from genolift.support.errors import InputError


def of(shape, n=2):
    values = np.arange(n * np.prod(shape), dtype=np.float32).reshape(n, *shape)
    return Explanation({"inputs": values, "raw_contributions": values / 10, "predictions": np.zeros(n)})


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        ((28, 28, 1), True),
        ((8, 9, 3), True),
        ((200, 4), False),
        ((200, 7), False),
        ((1, 200, 4), False),
        ((200, 4, 1), False),
        ((4, 200, 1), False),
        ((None, None, 1), False),
        ((8, 8), False),
    ],
)
def test_what_counts_as_an_image(shape, image):
    """Bases in an axis of four are none, whatever axes of one stand beside them."""
    assert is_image(shape) is image


def test_images_are_told_from_sequences():
    assert repr(of((8, 9, 1))).startswith("<Explanation of 2 images by ?")
    assert repr(of((9, 4))).startswith("<Explanation of 2 sequences by ?")


def test_scores_of_images_survive_a_store(tmp_path):
    images = of((8, 9, 3), 5)
    images.save(tmp_path / "images.zarr")
    again = Explanation.load(tmp_path / "images.zarr")
    assert again.of_images
    np.testing.assert_array_equal(again.scores, images.scores)
    np.testing.assert_array_equal(again["3"].scores, images.scores[3:4])
    assert again.lengths is None


def test_images_of_other_sizes_are_not_padded_into_one():
    assert Explanation.concatenate([of((8, 9, 1)), of((8, 9, 1), 3)]).scores.shape == (5, 8, 9, 1)
    with pytest.raises(InputError, match="cannot be concatenated"):
        Explanation.concatenate([of((8, 9, 1)), of((10, 9, 1))])
