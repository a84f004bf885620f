"""The stages of the comparison on digits: train a network, and explain and judge it by one method."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from genolift.evaluate.pixels.deletion import Logits, continuity, conversions, flipping, shifted
from genolift.pipeline.benchmark.entries import Entry
from genolift.pipeline.digits.images import CLASSES, Images
from genolift.results.explanation import Explanation
from genolift.support import progress as display
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.files import whole

MODEL = "model.keras"
_BLOCK = 128  # So many images are explained at a time, for ten classes each.
_FITTED_ON = 1000  # Methods that are fitted see so many training images.


def choose_images(images: Images, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first test images of every class, at most so many of each, and their classes."""
    rows = np.concatenate([np.flatnonzero(images.y_test == digit)[:most] for digit in range(CLASSES)])
    return images.x_test[rows], images.y_test[rows]


def train(images: Images, seed: int, epochs: int, progress: bool, work: Path) -> dict[str, Any]:
    """Train the network, and return its accuracy on all test images."""
    from genolift.models.digits import train_digits

    model, record = train_digits(images.x_train, images.y_train, CLASSES, seed, epochs, progress)
    with whole(work / MODEL, work / f"part-{MODEL}") as part:
        model.save(part)
    predicted = model.predict(images.x_test[..., None], batch_size=256, verbose=0).argmax(1)
    right = predicted == images.y_test
    return {**record, "test_accuracy": float(right.mean()), "test_images": len(right)}


def explain_and_judge(
    images: Images, entry: Entry, most: int, seed: int, progress: bool, out: str, work: Path
) -> dict[str, Any]:
    """Explain the chosen images by one method, and keep what each measure says of each image.

    The file has ``change`` (N, classes), ``flipping`` (N,), ``continuity`` (N,), and the ``scores`` of all images for
    all classes. Where the method does not take the network, the file is empty and the reason is returned.
    """
    from genolift.models.digits import digit_logits
    from genolift.models.loading import load_model

    chosen, labels = choose_images(images, most)
    model = load_model(work / MODEL)
    result: dict[str, Any] = {}
    found: dict[str, np.ndarray] = {}
    try:
        scores, moved, result = _explain(model, entry, images.x_train[:_FITTED_ON], chosen, labels, progress)
    except (UnsupportedModel, InputError) as problem:
        result = {"refused": str(problem).splitlines()[0]}
    else:
        found = _judge(chosen, labels, scores, moved, digit_logits(model), seed)
    with whole(work / out) as part, part.open("wb") as handle:
        np.savez(handle, **found)  # type: ignore[arg-type]
    return result


def _explain(
    model: Any, entry: Entry, fitted_on: np.ndarray, images: np.ndarray, labels: np.ndarray, progress: bool
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Explain the logits of all classes.

    Returns
    -------
    scores : np.ndarray
        The score of each pixel for each class, (N, classes, height, width) float32.
    moved : np.ndarray
        The scores of the shifted images for their own class, (N, height, width) float32.
    told : dict
        ``seconds``, how long the former took, and ``warned``, the first warning, if there was any.
    """
    method = entry.make(model, list(range(CLASSES)), lambda: fitted_on[..., None])
    scores, moved = [], []
    seconds = 0.0
    with (
        warnings.catch_warnings(record=True) as caught,
        display.bar(len(images), entry.name, "images", show=progress) as bar,
    ):
        warnings.simplefilter("always", GenoliftWarning)
        for start in range(0, len(images), _BLOCK):
            some, own = images[start : start + _BLOCK], labels[start : start + _BLOCK]
            began = time.perf_counter()
            scores.append(_pixels(method(some[..., None]), some))
            seconds += time.perf_counter() - began
            moved.append(_pixels(method(shifted(some)[..., None]), some)[np.arange(len(own)), own])
            bar.update(len(some))
    told: dict[str, Any] = {"seconds": round(seconds, 3)}
    if ours := [str(one.message) for one in caught if issubclass(one.category, GenoliftWarning)]:
        told["warned"] = ours[0]
    return np.concatenate(scores), np.concatenate(moved), told


def _pixels(explanation: Explanation, images: np.ndarray) -> np.ndarray:
    """Return the scores of each pixel for each class."""
    if "scores" not in explanation.defined:
        raise InputError(f"{explanation.method.get('name', 'the method')} gives no scores of pixels")
    scores = np.asarray(explanation.scores, np.float32)
    if scores.shape != (len(images), CLASSES, *images.shape[1:], 1):
        raise InputError(f"the scores have the shape {scores.shape}, and not a number for each class and pixel")
    return scores[..., 0]


def _judge(
    images: np.ndarray, labels: np.ndarray, scores: np.ndarray, moved: np.ndarray, logits: Logits, seed: int
) -> dict[str, np.ndarray]:
    """Return what each measure says of each image."""
    own = scores[np.arange(len(labels)), labels]
    change = np.full((len(labels), CLASSES), np.nan)
    for digit in range(CLASSES):
        of = labels == digit
        change[of] = conversions(images[of], scores[of], digit, logits)
    fall = [
        flipping(images[k : k + _BLOCK], own[k : k + _BLOCK], labels[k : k + _BLOCK], logits, seed)
        for k in range(0, len(labels), _BLOCK)
    ]
    return {
        "change": change,
        "flipping": np.concatenate(fall),
        "continuity": continuity(images, own, moved),
        "scores": scores,
    }
