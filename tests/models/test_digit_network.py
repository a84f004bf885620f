"""The paper's network for digits has the authors' layers, and its training can be repeated."""

import numpy as np
import pytest

from genolift.models.digits import digit_logits, digit_network, train_digits
from genolift.support.errors import InputError


def test_it_is_the_network_of_the_papers_authors():
    """Shapes and weights as the summary in kundajelab/deeplift, examples/mnist/MNIST_replicate_figures.ipynb, has them."""
    model = digit_network(28, 28)
    assert model.get_layer("conv1").output.shape == (None, 13, 13, 32)
    assert model.get_layer("conv2").output.shape == (None, 5, 5, 64)
    assert model.count_params() == 239_594


def test_small_images_have_narrower_convolutions_and_tiny_ones_are_refused():
    assert digit_network(8, 8).get_layer("conv2").output.shape == (None, 2, 2, 64)
    assert digit_network(5, 5).get_layer("conv2").output.shape == (None, 1, 1, 64)
    with pytest.raises(InputError, match="at least 5 × 5 pixels, not 4 × 9"):
        digit_network(4, 9)


def test_logits_are_what_the_softmax_takes():
    model = digit_network(6, 6, classes=3, seed=1)
    images = np.random.default_rng(0).random((4, 6, 6))
    values = digit_logits(model)(images)
    odds = np.log(model.predict(images[..., None], verbose=0))
    np.testing.assert_allclose(values - values[:, :1], odds - odds[:, :1], atol=1e-5)


@pytest.mark.slow
def test_the_same_seed_trains_the_same_network():
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 6, 6)), np.arange(40) % 2
    one, again, other = (
        train_digits(images, labels, classes=2, seed=seed, epochs=2, progress=False)[0] for seed in (3, 3, 4)
    )
    for first, second in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])
    with pytest.raises(InputError, match="19 images are too few"):
        train_digits(images[:19], labels[:19])
