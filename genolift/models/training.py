"""Train a classifier on a labelled data set: one recipe, early stopping, metrics, and a record of all of
it."""

import platform
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of

import numpy as np

from genolift.models.metrics import class_metrics
from genolift.models.seeding import seed_dropout
from genolift.models.zoo import ARCHITECTURES, build
from genolift.sequence.alphabet import codes_matrix, one_hot
from genolift.support import progress as display
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow
from genolift.version import __version__

_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Recipe:
    """How to train: Adam, whose learning rate climbs to its peak, then falls along a cosine."""

    epochs: int = 20
    batch_size: int = 32
    patience: int = 5
    learning_rate: float = 1e-3  # the peak
    warm_up: float = 0.1  # share of all steps
    final_rate: float = 0.01  # share of the peak


# Averaging over 180 positions leaves the motif detectors of `tal_gata` tiny gradients: at Adam's usual
# constant 0.001 next to nothing is learned in the first four epochs, and it takes thirty to get where a peak
# of 0.003 with a decay is after twelve (benchmarks/training.py). At 0.002 some seeds are not there yet.
RECIPES = {"tal_gata": Recipe(epochs=12, learning_rate=3e-3)}


def train(
    model,
    dataset,
    *,
    seed: int = 0,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    learning_rate: float | None = None,
    progress: bool = True,
):
    """Train ``model`` on the split "train" and stop when the loss on "valid" has not improved for
    ``patience`` epochs.

    ``model``: an architecture's name, built for the data's length and tasks, or a Keras 3 model (trained in
    place, from the weights it has) with input (N, L, 4) and one sigmoid output per task. ``dataset``:
    anything with ``sequences``, ``labels`` (N, T), ``tasks`` and ``splits``. What is not given comes from the
    architecture's recipe.

    Returns ``(model, record)``: the model with its best epoch's weights, and a JSON-able dict of everything
    that was done, with the metrics on the split "test". On a CPU the same call gives the same weights. Raises
    :class:`InputError` for data that cannot be trained on and :class:`UnsupportedModel` for models that do
    not fit it.
    """
    started = time.perf_counter()
    given = {"epochs": epochs, "batch_size": batch_size, "patience": patience, "learning_rate": learning_rate}
    recipe = _recipe(model, given)
    data = _Data(dataset)
    architecture = model if isinstance(model, str) else None
    if architecture is not None:
        _check_trainable(architecture)
        model = build(architecture, seed=seed, length=data.length, tasks=len(data.tasks))
    _check_model(model, data)
    seed_dropout(model, seed)
    history, stopped_early = _fit(model, data, recipe, seed, progress)
    best = min(history, key=lambda epoch: epoch["valid_loss"])
    metrics = data.test_metrics(model)
    record = {
        "architecture": architecture,
        "model": {"name": model.name, "parameters": int(model.count_params())},
        "seed": int(seed),
        "recipe": {
            **asdict(recipe),
            "optimizer": "Adam",
            "loss": "binary cross-entropy",
            "schedule": "linear warm-up, cosine decay",
        },
        "data": {"length": data.length, "tasks": data.tasks, "sequences": data.counts},
        "history": history,
        "best_epoch": best["epoch"],
        "stopped_early": stopped_early,
        "metrics": metrics,
        "notes": data.notes(metrics),
        "seconds": round(time.perf_counter() - started, 2),
        "versions": _versions(),
    }
    for note in record["notes"]:
        warnings.warn(note, GenoliftWarning, stacklevel=2)
    return model, record


class _Data:
    """The data set as codes, checked; batches are encoded one by one, so memory holds one byte per base."""

    def __init__(self, dataset):
        self.tasks = [str(task) for task in dataset.tasks]
        splits = np.asarray(dataset.splits)
        labels = np.asarray(dataset.labels)
        if labels.ndim != 2 or labels.shape != (len(dataset.sequences), len(self.tasks)):
            raise InputError(
                f"labels have shape {labels.shape}; "
                f"{len(dataset.sequences)} sequences and {len(self.tasks)} tasks "
                f"need {(len(dataset.sequences), len(self.tasks))}"
            )
        if not np.isin(labels, (0, 1)).all():
            raise InputError("training needs labels that are 0 or 1 for every sequence and task")
        self.counts = {split: int((splits == split).sum()) for split in _SPLITS}
        for split, purpose in (("train", "training"), ("valid", "early stopping")):
            if not self.counts[split]:
                raise InputError(
                    f"no sequence of the data set is in the split {split!r}, which {purpose} needs; "
                    f"its splits are {', '.join(sorted(map(str, set(splits.tolist())))) or 'empty'}"
                )
        codes = codes_matrix(dataset.sequences)
        self.length = codes.shape[1]
        self._codes = {split: codes[splits == split] for split in _SPLITS}
        self._labels = {split: labels[splits == split].astype(np.float32) for split in _SPLITS}
        self._table = one_hot("ACGTN")[0]

    def arrays(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        return self._table[self._codes[split]], self._labels[split]

    def batches(self, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Endless shuffled epochs of the split "train", (size, L, 4) and (size, T); an epoch's last may be
        smaller."""
        codes, labels = self._codes["train"], self._labels["train"]
        epoch = 0
        while True:
            order = stream(seed, "order of training", epoch).permutation(len(codes))
            for start in range(0, len(order), size):
                chosen = order[start : start + size]
                yield self._table[codes[chosen]], labels[chosen]
            epoch += 1

    def test_metrics(self, model) -> dict | None:
        """Metrics per task on the split "test", ``None`` when nothing is in it."""
        if not self.counts["test"]:
            return None
        inputs, labels = self.arrays("test")
        return class_metrics(labels, model.predict(inputs, batch_size=256, verbose=0), self.tasks)

    def notes(self, metrics: dict | None) -> list[str]:
        """What is unusual about the data, as sentences."""
        notes = []
        for split in ("train", "valid"):
            for task, column in zip(self.tasks, self._labels[split].T, strict=True):
                if column.min() == column.max():
                    notes.append(f"task {task!r} has only label {int(column[0])} in the split {split!r}")
        if metrics is None:
            notes.append("no sequence is in the split 'test', so there are no metrics")
        else:
            notes += [f"task {task!r}, split 'test': {row['note']}" for task, row in metrics.items() if "note" in row]
        return notes


def _fit(model, data: _Data, recipe: Recipe, seed: int, progress: bool) -> tuple[list[dict], bool]:
    """Run the epochs under the progress display; the model keeps its best weights. Returns (history, stopped
    early)."""
    import keras

    steps = -(-data.counts["train"] // recipe.batch_size)
    warm_up = int(recipe.warm_up * steps * recipe.epochs)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 10,
        max(1, steps * recipe.epochs - warm_up),
        alpha=recipe.final_rate,
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
    )
    # XLA, Keras' automatic choice, makes convolutions on the CPU slower.
    model.compile(keras.optimizers.Adam(schedule), "binary_crossentropy", jit_compile=False)
    history = []
    began = time.perf_counter()
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", patience=recipe.patience, restore_best_weights=True
    )
    with display.bar(steps * recipe.epochs, f"training {model.name}", "batches", show=progress) as bar:

        def note(epoch: int, logs: dict) -> None:
            history.append(
                {
                    "epoch": epoch + 1,
                    "loss": float(logs["loss"]),
                    "valid_loss": float(logs["val_loss"]),
                    "seconds": round(time.perf_counter() - began, 2),
                }
            )
            bar.set_postfix(epoch=f"{epoch + 1}/{recipe.epochs}", valid_loss=f"{logs['val_loss']:.4f}", refresh=False)

        reporter = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: bar.update(1), on_epoch_end=note
        )
        model.fit(
            data.batches(recipe.batch_size, seed),
            steps_per_epoch=steps,
            epochs=recipe.epochs,
            validation_data=data.arrays("valid"),
            validation_batch_size=256,
            callbacks=[reporter, keras.callbacks.TerminateOnNaN(), stopping],
            shuffle=False,  # the batches come shuffled
            verbose=0,
        )
        bar.total = bar.n  # what early stopping saved is not outstanding
    if not history or not all(np.isfinite([epoch["loss"], epoch["valid_loss"]]).all() for epoch in history):
        raise InputError(
            f"training diverged in epoch {max(1, len(history))}: the loss is not a finite number; "
            f"a learning rate below {recipe.learning_rate:g} would be right"
        )
    return history, len(history) < recipe.epochs


def _recipe(model, given: dict) -> Recipe:
    recipe = RECIPES.get(model, Recipe()) if isinstance(model, str) else Recipe()
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    for name in ("epochs", "batch_size", "patience"):
        value = getattr(recipe, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{name}={value!r} is not a whole number of at least 1")
    if not 0 < recipe.learning_rate < float("inf"):
        raise InputError(f"learning_rate={recipe.learning_rate!r} is not a positive number")
    return recipe


def _check_trainable(architecture: str) -> None:
    if architecture == "bpnet":
        raise UnsupportedModel(
            "architecture 'bpnet' predicts profiles and counts, not classes; "
            f"train one of {', '.join(name for name in ARCHITECTURES if name != 'bpnet')}"
        )


def _check_model(model, data: _Data) -> None:
    quiet_tensorflow()
    import keras

    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise UnsupportedModel(f"training takes an architecture's name or a Keras 3 model, not a {kind}")
    inputs, outputs = model.inputs or [], model.outputs or []
    if len(inputs) != 1 or len(outputs) != 1:
        raise UnsupportedModel(
            f"training takes a model with one input and one output; {model.name!r} has {len(inputs)} and {len(outputs)}"
        )
    shape, output = tuple(inputs[0].shape), tuple(outputs[0].shape)
    if len(shape) != 3 or shape[2] != 4 or shape[1] not in (None, data.length):
        raise UnsupportedModel(
            f"model {model.name!r} takes inputs of shape {shape}; the sequences are (N, {data.length}, 4)"
        )
    if output != (None, len(data.tasks)):
        raise UnsupportedModel(
            f"model {model.name!r} puts out {output}; {len(data.tasks)} tasks need (None, {len(data.tasks)})"
        )
    last = (getattr(model, "operations", None) or model.layers)[-1]  # operations: of functional models only
    activation = getattr(last, "activation", last)
    if not getattr(activation, "__name__", type(activation).__name__).lower().endswith("sigmoid"):
        raise UnsupportedModel(
            f"model {model.name!r} ends in {last.name!r}, which is not a sigmoid; "
            "training takes models that end in a sigmoid with one output per task"
        )


def _versions() -> dict[str, str]:
    packages = ("keras", "tensorflow", "numpy", "scikit-learn")
    return {
        "genolift": __version__,
        "python": platform.python_version(),
        **{package: version_of(package) for package in packages},
    }
