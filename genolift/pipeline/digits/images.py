"""Images of handwritten digits: scikit-learn's own, Keras' download of MNIST, or a file like it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from genolift.support.errors import FileProblem, InputError, file_problems
from genolift.support.files import absent
from genolift.support.seeds import stream

#: The data that scikit-learn brings, and the word for Keras' download.
BUNDLED, DOWNLOAD = "digits", "download"
CLASSES = 10
_NAMES = ("x_train", "y_train", "x_test", "y_test")
_TEST_SHARE = 0.3  # scikit-learn's digits are not divided into training and test images.


@dataclass(frozen=True)
class Images:
    """Training and test images (N, height, width), float32 from 0 to 1, and their classes (N,) from 0 to 9."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_images(data: str) -> Images:
    """Return images of digits, scaled to ink from 0 to 1.

    Parameters
    ----------
    data
        ``"digits"``, ``"download"``, or the path of an ``.npz`` file with the arrays ``x_train``, ``y_train``,
        ``x_test`` and ``y_test``, as Keras keeps MNIST.

    Raises
    ------
    FileProblem
        If the file is not there or not such a file, or MNIST cannot be downloaded.
    InputError
        If the arrays are not images of ten classes, or their background is not zero.
    """
    if data == BUNDLED:
        return _checked(_bundled(), "scikit-learn's digits")
    if data == DOWNLOAD:
        return _checked(_downloaded(), "MNIST")
    return _checked(_read(Path(data)), data)


def _bundled() -> dict[str, np.ndarray]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    # The file goes writer by writer. Mixed images make the test one of digits, and not one of unknown hands.
    order = stream(0, "test images").permutation(len(images))
    test, train = np.split(order, [int(_TEST_SHARE * len(images))])
    return dict(zip(_NAMES, (images[train], labels[train], images[test], labels[test]), strict=True))


def _downloaded() -> dict[str, np.ndarray]:
    from genolift.support.tensorflow import quiet_tensorflow

    quiet_tensorflow()
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as problem:  # Keras says in a bare Exception that an address cannot be reached.
        told = str(problem).splitlines()[0]
        raise FileProblem(
            f"MNIST cannot be downloaded ({told}); give a mnist.npz of your own, or leave the data out for "
            "scikit-learn's digits"
        ) from problem
    return dict(zip(_NAMES, (x_train, y_train, x_test, y_test), strict=True))


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise absent(path, f"; the data is {BUNDLED}, {DOWNLOAD} or an .npz file")
    wanted = f"an .npz file of the arrays {', '.join(_NAMES)}, as Keras' mnist.npz"
    try:
        with file_problems(path, "read"):
            held = np.load(path, allow_pickle=False)
            if not isinstance(held, NpzFile):
                raise FileProblem(f"{path} holds a single array; give {wanted}")
            with held:
                if missing := [name for name in _NAMES if name not in held.files]:
                    raise FileProblem(f"{path} has no array {missing[0]}; give {wanted}")
                return {name: held[name] for name in _NAMES}
    except (ValueError, EOFError, zipfile.BadZipFile) as problem:  # what NumPy says of other files, and of pickles
        raise FileProblem(f"{path} cannot be read ({problem}); give {wanted}") from problem


def _checked(arrays: dict[str, np.ndarray], source: str) -> Images:
    found: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim == 4 and x.shape[3] == 1:
            x = x[..., 0]
        if x.ndim != 3 or x.dtype.kind not in "uif" or not x.size:
            raise InputError(f"{source}: x_{part} must hold numbers (N, height, width), and is {x.dtype} {x.shape}")
        if y.shape != (len(x),) or y.dtype.kind not in "ui":
            raise InputError(
                f"{source}: y_{part} must hold a whole number for each of {len(x)} images, and is {y.dtype} {y.shape}"
            )
        if not np.isfinite(x).all() or x.min() < 0:
            raise InputError(f"{source}: x_{part} holds numbers that are not finite or below 0; give ink from 0 on")
        if missing := sorted(set(range(CLASSES)) ^ set(np.unique(y).tolist())):
            raise InputError(f"{source}: y_{part} must have every digit from 0 to 9 and no other; look at {missing[0]}")
        found |= {f"x_{part}": x.astype(np.float32), f"y_{part}": y.astype(np.int64)}
    train, test = found["x_train"], found["x_test"]
    if train.shape[1:] != test.shape[1:]:
        raise InputError(f"{source}: training images are {train.shape[1:]}, and test images {test.shape[1:]}")
    border = np.concatenate([train[:, 0].ravel(), train[:, -1].ravel()])
    if np.median(border) != 0:
        # Deleted pixels and references are zero, which has to mean that nothing is there.
        raise InputError(f"{source}: the background of the images is not 0; give ink on zeros, as 255 - x of a scan")
    scale = train.max()
    return Images(train / scale, found["y_train"], test / scale, found["y_test"])
