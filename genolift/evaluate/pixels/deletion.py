"""Deletion of the pixels that speak for one class and against another, as in figure 4 of the DeepLIFT paper.

The source is section 4.1 of Shrikumar, Greenside and Kundaje (2017), "Learning important features through propagating
activation differences", where up to 157 of 784 pixels are erased.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from genolift.evaluate.faithfulness.alike import correlations
from genolift.evaluate.faithfulness.curves import leading
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: The logits (M, classes) of images (M, height, width).
Logits = Callable[[np.ndarray], np.ndarray]
#: The largest share of an image that is deleted.
SHARE = 0.2


def delete(images: np.ndarray, difference: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Return images without the pixels of the largest difference between the scores of two classes.

    Only pixels whose difference is above zero are deleted, which means that they become zero. Of pixels with equal
    differences, the first in the order of reading goes first.

    Parameters
    ----------
    images
        The images, (N, height, width).
    difference
        The score of each pixel for the source class less that for the target class, in the same shape.
    share
        The largest share of the pixels that is deleted, rounded to whole pixels; 0.2 by default, as in the paper.

    Raises
    ------
    InputError
        If the shapes differ, a difference is not a finite number, or the share is not between 0 and 1.
    """
    if images.ndim != 3 or images.shape != difference.shape:
        raise InputError(f"images (N, height, width) need differences of their shape: {images.shape}, not "
                         f"{difference.shape}")  # fmt: skip
    if not np.isfinite(difference).all():
        raise InputError("scores of pixels hold NaN or infinite values")
    if not 0 <= share <= 1:
        raise InputError(f"the share of pixels to delete lies between 0 and 1, and is not {share}")
    flat = difference.reshape(len(images), -1)
    count = round(share * flat.shape[1])
    first = np.argsort(-flat, axis=1, kind="stable")[:, :count]
    gone = np.zeros(flat.shape, bool)
    np.put_along_axis(gone, first, np.take_along_axis(flat, first, 1) > 0, 1)
    return np.where(gone.reshape(images.shape), 0, images)


def conversions(images: np.ndarray, scores: np.ndarray, source: int, logits: Logits) -> np.ndarray:
    """Return how far images of a class move towards each other class once the right pixels are deleted.

    Parameters
    ----------
    images
        Images of the class ``source``, (N, height, width).
    scores
        The scores of their pixels for every class, (N, classes, height, width).
    source
        The class of the images.
    logits
        What gives the logits of images.

    Returns
    -------
    np.ndarray
        The change (N, classes) in the log-odds of each class against ``source``; NaN for ``source`` itself. It is above
        zero where the image moved towards the other class.
    """
    n, classes = scores.shape[:2]
    others = [target for target in range(classes) if target != source]
    changes = np.full((n, classes), np.nan)
    if not n:
        return changes
    before = _checked(logits(images), n, classes)
    copies = np.concatenate([delete(images, scores[:, source] - scores[:, target]) for target in others])
    after = _checked(logits(copies), len(copies), classes).reshape(len(others), n, classes)
    for target, rows in zip(others, after, strict=True):
        changes[:, target] = (rows[:, target] - rows[:, source]) - (before[:, target] - before[:, source])
    return changes


def flipping(images: np.ndarray, scores: np.ndarray, labels: np.ndarray, logits: Logits, seed: int = 0) -> np.ndarray:
    """Return how much further the class of an image falls when its best pixels are deleted than when random ones are.

    Pixels become zero from the highest score of the image's own class on (Bach et al. 2015, pixel flipping). The class
    is measured by its log-odds against all other classes together.

    Parameters
    ----------
    images
        The images, (N, height, width).
    scores
        The scores of their pixels for their own class, in the same shape.
    labels
        The class of each image, (N,).
    logits
        What gives the logits of images.
    seed
        The seed of random orders and of the order among equal scores; 0 by default.

    Returns
    -------
    np.ndarray
        The difference for each image, (N,), as a mean over 2 to 50 % of the pixels.
    """
    flat = images.reshape(len(images), -1)
    draws = [stream(seed, "pixels", np.ascontiguousarray(row, np.float32).tobytes()) for row in flat]
    ties = np.stack([draw.random(flat.shape[1]) for draw in draws])
    best, chance = np.lexsort((ties, -scores.reshape(flat.shape)), axis=1), np.argsort(ties, axis=1)
    ends = []
    for order in (best, chance):
        gone = leading(order)
        copies = np.where(gone, 0, flat[:, None]).reshape(-1, *images.shape[1:])
        odds = _log_odds(logits(copies), np.repeat(labels, gone.shape[1]))
        ends.append(odds.reshape(len(images), -1).mean(1))
    return ends[1] - ends[0]


def shifted(images: np.ndarray) -> np.ndarray:
    """Return images (N, height, width) moved to the right by one pixel. Their last column is lost."""
    return np.pad(images, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]


def continuity(images: np.ndarray, scores: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return how well scores follow their image when it moves to the right by one pixel.

    Parameters
    ----------
    images
        The images, (N, height, width).
    scores
        Their scores, in the same shape.
    moved
        The scores of the shifted images, in the same shape.

    Returns
    -------
    np.ndarray
        Pearson's correlation for each image (N,), over all pixels that are in both; NaN for an image whose last column
        has ink, which the shift would cut off, and where scores are constant.
    """
    n = len(images)
    alike = correlations(moved[:, :, 1:].reshape(n, -1), scores[:, :, :-1].reshape(n, -1))
    return np.where((images[:, :, -1] != 0).any(1), np.nan, alike)


def _log_odds(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return log(p / (1 − p)) of each row's own class under a softmax."""
    logits = np.asarray(logits, np.float64)
    own = np.arange(logits.shape[1]) == labels[:, None]
    return logits[own] - logsumexp(np.where(own, -np.inf, logits), axis=1)


def _checked(values: np.ndarray, count: int, classes: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (count, classes):
        raise InputError(f"logits are {classes} numbers for each of {count} images, not of shape {values.shape}")
    return values
