"""The DeepLIFT paper's network for handwritten digits, and its training.

The layers are those of the authors' example (kundajelab/deeplift, examples/mnist): two convolutions with strides in the
place of pooling, a dense layer of 128, and dropout before both dense layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from genolift.models.seeding import seed_dropout, seed_weights
from genolift.support import progress as display
from genolift.support.errors import InputError
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

_BATCH, _PATIENCE = 64, 6
_LEARNING_RATE = 1e-3
_LOGITS = "logits"
#: Both strided convolutions of width 4 need so many pixels to leave more than one place.
_PAPERS_SIZE = 14


def digit_network(height: int, width: int, classes: int = 10, seed: int = 0) -> Any:
    """Return an untrained all-convolutional network for images (N, height, width, 1) of ink on zeros.

    Parameters
    ----------
    height, width
        The size of the images. From 14 pixels on, both convolutions have the width 4 and the stride 2 of the paper.
        Smaller images, such as scikit-learn's 8 × 8, get the width 3, and only the second has a stride.
    classes
        The number of classes; 10 by default.
    seed
        The seed of weights and dropout; 0 by default.

    Returns
    -------
    keras.Model
        The network, which ends in a softmax.

    Raises
    ------
    InputError
        If the images are smaller than 5 × 5.
    """
    quiet_tensorflow()
    import keras

    if min(height, width) < 5:
        raise InputError(f"the network for digits needs images of at least 5 × 5 pixels, not {height} × {width}")
    size, first = (4, 2) if min(height, width) >= _PAPERS_SIZE else (3, 1)
    layers = keras.layers
    x = image = keras.Input((height, width, 1), name="image")
    x = layers.Conv2D(32, size, strides=first, activation="relu", name="conv1")(x)
    x = layers.Conv2D(64, size, strides=2, activation="relu", name="conv2")(x)
    x = layers.Dropout(0.25, name="dropout1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout2")(x)
    x = layers.Dense(classes, name=_LOGITS)(x)
    x = layers.Activation("softmax", name="classes")(x)
    model = keras.Model(image, x, name="digits")
    seed_weights(model, seed)
    seed_dropout(model, seed)
    return model


def train_digits(
    images: np.ndarray, labels: np.ndarray, classes: int = 10, seed: int = 0, epochs: int = 40, progress: bool = True
) -> tuple[Any, dict[str, Any]]:
    """Train the network until the loss on a tenth of the images, which it is not trained on, has stopped falling.

    Parameters
    ----------
    images, labels
        The images (N, height, width) with values from 0 to 1, and their classes (N,).
    classes
        The number of classes; 10 by default.
    seed
        The seed of weights, order and dropout, and of the tenth that is set aside; 0 by default.
    epochs
        The largest number of epochs; 40 by default.
    progress
        Whether progress is shown.

    Returns
    -------
    model : keras.Model
        The network with the weights of its best epoch.
    record : dict
        ``epochs``, how many were trained, and ``valid_accuracy``.

    Raises
    ------
    InputError
        If there are fewer than 20 images.
    """
    if len(images) < 20:
        raise InputError(f"{len(images)} images are too few to train on; give at least 20")
    model = digit_network(images.shape[1], images.shape[2], classes, seed)
    import keras

    order = stream(seed, "images set aside").permutation(len(images))
    held, used = np.split(order, [len(images) // 10])
    inputs, labels = np.asarray(images, np.float32)[..., None], np.asarray(labels, np.int32)
    steps = -(-len(used) // _BATCH)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        epoch = 0
        while True:
            mixed = used[stream(seed, "order of training", epoch).permutation(len(used))]
            for start in range(0, len(mixed), _BATCH):
                chosen = mixed[start : start + _BATCH]
                yield inputs[chosen], labels[chosen]
            epoch += 1

    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # Keras would choose XLA, which makes convolutions on the CPU slower.
    )
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", patience=_PATIENCE, restore_best_weights=True
    )
    with display.bar(steps * epochs, "training digits", "batches", show=progress) as bar:
        reporter = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update(1))
        history = model.fit(
            batches(),
            steps_per_epoch=steps,
            epochs=epochs,
            validation_data=(inputs[held], labels[held]),
            validation_batch_size=256,
            callbacks=[reporter, keras.callbacks.TerminateOnNaN(), stopping],
            shuffle=False,  # The batches are shuffled already.
            verbose=0,
        ).history
        bar.total = bar.n  # Early stopping may have saved the rest.
    losses = history.get("val_loss", [])
    if not losses or not np.isfinite(losses).all():
        raise InputError("training diverged: the loss is not a finite number; give another seed")
    best = int(np.argmin(losses))
    return model, {"epochs": len(losses), "valid_accuracy": float(history["val_accuracy"][best])}


def digit_logits(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the logits (N, classes) of images (N, height, width) by a model of :func:`digit_network`."""
    import keras

    until = keras.Model(model.input, model.get_layer(_LOGITS).output)
    until.compile(jit_compile=False)
    return lambda images: until.predict(np.asarray(images, np.float32)[..., None], batch_size=1024, verbose=0)
