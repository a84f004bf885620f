"""Training of a network on a labelled data set, with early stopping, metrics, and a record of all that was done."""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np

from genolift.models.objectives import objective_of
from genolift.models.profiles.heads import Heads, heads_of
from genolift.models.profiles.loss import counts_weight, profile_loss
from genolift.models.profiles.metrics import profile_metrics
from genolift.models.recipe.checkpoints import Keeper
from genolift.models.recipe.hyperparameters import Hyperparameters, hyperparameters_of
from genolift.models.seeding import seed_dropout
from genolift.models.zoo import ARCHITECTURES, OF_PROFILES, build
from genolift.sequence.alphabet import codes_matrix, is_dna, one_hot
from genolift.support import progress as display
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow
from genolift.version import __version__

_SPLITS = ("train", "valid", "test")


def train(
    model: Any,
    dataset: Any,
    *,
    seed: int = 0,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    learning_rate: float | None = None,
    progress: bool = True,
    checkpoints: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Train a model on the split "train", and stop when the loss on "valid" no longer improves.

    On a CPU the same call gives the same weights.

    Parameters
    ----------
    model
        The name of an architecture, which is built for the length and tasks of the data, or a Keras 3 model with input
        (N, L, 4) and one output per task, which is trained in place from the weights that it has. It ends in a
        sigmoid; for real values it ends in none, and for classes in a softmax. For profiles it has two outputs: logits
        (N, positions, T) and log-counts (N, T).
    dataset
        An object with ``sequences``, ``labels`` (N, T), ``tasks``, ``splits`` and perhaps a ``kind``, such as
        :class:`genolift.simulate.dataset.Dataset`. Of the kind ``"profile"``, it has ``profiles`` (N, positions, T).
    seed
        The seed of the initial weights, the dropout and the order of the sequences.
    epochs, batch_size, patience, learning_rate
        Values of :class:`Hyperparameters`. The default ``None`` takes those of the architecture.
    progress
        Whether to show the progress.
    checkpoints
        A folder in which the weights at the end of each epoch are kept, for TracIn; see docs/how-to/influence.md.
    options
        Options of the architecture beside those that the data say, such as ``{"motifs": "jaspar.meme"}``.

    Returns
    -------
    tuple of a keras.Model and a dict
        The model with the weights of its best epoch, and a record of everything that was done, which can be written as
        JSON. It includes the metrics on the split "test".

    Raises
    ------
    InputError
        If the data or a hyperparameter cannot be used, or if training diverges.
    UnsupportedModel
        If the model does not suit the data.
    """
    started = time.perf_counter()
    given = {"epochs": epochs, "batch_size": batch_size, "patience": patience, "learning_rate": learning_rate}
    hyperparameters = hyperparameters_of(model, given)
    data = _Data(dataset)
    architecture = model if isinstance(model, str) else None
    if architecture is not None:
        _check_trainable(architecture, data)
        told = {**data.ends, "length": data.length, "tasks": len(data.tasks)}
        model = build(architecture, seed=seed, **told, **(options or {}))
    _check_model(model, data)
    seed_dropout(model, seed)
    history, stopped_early = _fit(model, data, hyperparameters, seed, progress, checkpoints)
    best = min(history, key=lambda epoch: epoch["valid_loss"])
    metrics = data.test_metrics(model)
    record: dict[str, Any] = {
        "architecture": architecture,
        "model": {"name": model.name, "parameters": int(model.count_params())},
        "seed": int(seed),
        "recipe": {
            **asdict(hyperparameters),
            "optimizer": "Adam",
            "loss": data.objective.title,
            "schedule": "linear warm-up, cosine decay",
            **data.recipe,
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
    """A checked data set. Memory holds one byte per base, because batches are one-hot encoded one by one."""

    def __init__(self, dataset: Any):
        self.tasks = [str(task) for task in dataset.tasks]
        splits = np.asarray(dataset.splits)
        labels = np.asarray(dataset.labels)
        if labels.ndim != 2 or labels.shape != (len(dataset.sequences), len(self.tasks)):
            raise InputError(
                f"labels have shape {labels.shape}; "
                f"{len(dataset.sequences)} sequences and {len(self.tasks)} tasks "
                f"need {(len(dataset.sequences), len(self.tasks))}"
            )
        self.objective = objective_of(dataset)
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
        reads = np.asarray(dataset.profiles) if self.objective.activation == "profile" else None
        self._reads = None if reads is None else {split: reads[splits == split] for split in _SPLITS}
        self.heads: Heads | None = None
        self._table = one_hot("ACGTN")[0]

    @property
    def ends(self) -> dict[str, Any]:
        """The options of an architecture that say what it ends in."""
        if self._reads is None:
            return {"output": self.objective.activation}
        return {"positions": self.positions, "dilations": None}

    @property
    def positions(self) -> int:
        """The number of positions of the profiles; 0 without profiles."""
        return 0 if self._reads is None else int(self._reads["train"].shape[1])

    @property
    def recipe(self) -> dict[str, float]:
        """What else the record says of the loss."""
        return {} if self._reads is None else {"counts_weight": counts_weight(self._reads["train"])}

    @property
    def losses(self) -> dict[str, Any]:
        """The loss, as Keras takes it."""
        if self._reads is None:
            return {"loss": self.objective.loss}
        assert self.heads is not None
        weights = self.heads.ordered(1.0, self.recipe["counts_weight"])
        return {"loss": list(self.heads.ordered(profile_loss, "mean_squared_error")), "loss_weights": list(weights)}

    def arrays(self, split: str, rows: Any = slice(None)) -> tuple[np.ndarray, Any]:
        """Return inputs (N, L, 4) and labels (N, T) of rows of a split, float32; of profiles, what each head learns."""
        inputs, labels = self._table[self._codes[split][rows]], self._labels[split][rows]
        if self._reads is None:
            return inputs, labels
        assert self.heads is not None
        return inputs, self.heads.ordered(self._reads[split][rows].astype(np.float32), labels)

    def batches(self, size: int, seed: int) -> Iterator[tuple[np.ndarray, Any]]:
        """Yield batches of the split "train", (size, L, 4) and (size, T), in one shuffled epoch after another.

        The last batch of an epoch may be smaller.
        """
        epoch = 0
        while True:
            order = stream(seed, "order of training", epoch).permutation(self.counts["train"])
            for start in range(0, len(order), size):
                yield self.arrays("train", order[start : start + size])
            epoch += 1

    def test_metrics(self, model: Any) -> dict[str, dict[str, Any]] | None:
        """Return the metrics of each task on the split "test"; ``None`` if it is empty."""
        if not self.counts["test"]:
            return None
        inputs, labels = self.arrays("test")
        predicted = model.predict(inputs, batch_size=256, verbose=0)
        if self._reads is None:
            return self.objective.metrics(labels, predicted, self.tasks)
        assert self.heads is not None
        return profile_metrics(self._reads["test"], *self.heads.told_apart(predicted), self.tasks)

    def notes(self, metrics: dict[str, dict[str, Any]] | None) -> list[str]:
        """Return what is unusual about the data, as sentences."""
        notes = []
        for split in ("train", "valid"):
            for task, column in zip(self.tasks, self._labels[split].T, strict=True):
                if column.min() == column.max():
                    notes.append(f"task {task!r} has only label {column[0]:g} in the split {split!r}")
        if metrics is None:
            notes.append("no sequence is in the split 'test', so there are no metrics")
        else:
            notes += [f"task {task!r}, split 'test': {row['note']}" for task, row in metrics.items() if "note" in row]
        return notes


def _fit(
    model: Any,
    data: _Data,
    hyperparameters: Hyperparameters,
    seed: int,
    progress: bool,
    checkpoints: Path | None,
) -> tuple[list[dict[str, Any]], bool]:
    """Train the model, which ends with the weights of its best epoch.

    Return the history by epoch, and whether training stopped before the last epoch.
    """
    import keras

    epochs, peak = hyperparameters.epochs, hyperparameters.learning_rate
    steps = -(-data.counts["train"] // hyperparameters.batch_size)
    warm_up = int(hyperparameters.warm_up * steps * epochs)
    schedule = keras.optimizers.schedules.CosineDecay(
        peak / 10,
        max(1, steps * epochs - warm_up),
        alpha=hyperparameters.final_rate,
        warmup_target=peak,
        warmup_steps=warm_up,
    )
    # Keras would choose XLA, which makes convolutions on the CPU slower.
    model.compile(keras.optimizers.Adam(schedule), jit_compile=False, **data.losses)
    keeper = None if checkpoints is None else Keeper(checkpoints, hyperparameters.batch_size)
    history: list[dict[str, Any]] = []
    began = time.perf_counter()
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", patience=hyperparameters.patience, restore_best_weights=True
    )
    with display.bar(steps * epochs, f"training {model.name}", "batches", show=progress) as bar:

        def note(epoch: int, logs: dict[str, float]) -> None:
            history.append(
                {
                    "epoch": epoch + 1,
                    "loss": float(logs["loss"]),
                    "valid_loss": float(logs["val_loss"]),
                    "seconds": round(time.perf_counter() - began, 2),
                }
            )
            if keeper is not None:
                rates = [float(schedule(step)) for step in range(epoch * steps, (epoch + 1) * steps)]
                keeper.keep(model, epoch + 1, float(np.mean(rates)))
            bar.set_postfix(epoch=f"{epoch + 1}/{epochs}", valid_loss=f"{logs['val_loss']:.4f}", refresh=False)

        reporter = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: bar.update(1), on_epoch_end=note
        )
        model.fit(
            data.batches(hyperparameters.batch_size, seed),
            steps_per_epoch=steps,
            epochs=epochs,
            validation_data=data.arrays("valid"),
            validation_batch_size=256,
            callbacks=[reporter, keras.callbacks.TerminateOnNaN(), stopping],
            shuffle=False,  # The batches are shuffled already.
            verbose=0,
        )
        bar.total = bar.n  # Early stopping may have saved the rest.
    if not history or not all(np.isfinite([epoch["loss"], epoch["valid_loss"]]).all() for epoch in history):
        raise InputError(
            f"training diverged in epoch {max(1, len(history))}: the loss is not a finite number; "
            f"try a learning rate below {peak:g}"
        )
    if keeper is not None:
        keeper.finish()
    return history, len(history) < epochs


def _check_trainable(architecture: str, data: _Data) -> None:
    if data.positions and architecture in ARCHITECTURES and architecture not in OF_PROFILES:
        raise UnsupportedModel(
            f"the labels are profiles, and architecture {architecture!r} predicts one number for each task; "
            f"train {', '.join(OF_PROFILES)}"
        )
    if architecture in OF_PROFILES and not data.positions:
        raise UnsupportedModel(
            f"architecture {architecture!r} predicts profiles and counts; "
            f"train one of {', '.join(name for name in ARCHITECTURES if name not in OF_PROFILES)}"
        )


def _check_model(model: Any, data: _Data) -> None:
    """Raise :class:`UnsupportedModel` unless the model takes the sequences and ends as the labels need it.

    Note which outputs of a model of profiles are what.
    """
    quiet_tensorflow()
    import keras

    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise UnsupportedModel(f"training takes an architecture's name or a Keras 3 model, not a {kind}")
    inputs, outputs = model.inputs or [], model.outputs or []
    if len(inputs) != 1 or (len(outputs) != 1 and not data.positions):
        raise UnsupportedModel(
            f"training takes a model with one input and one output; {model.name!r} has {len(inputs)} and {len(outputs)}"
        )
    shape = tuple(inputs[0].shape)
    if not is_dna(shape[1:]) or shape[1] not in (None, data.length):
        raise UnsupportedModel(
            f"model {model.name!r} takes inputs of shape {shape}; the sequences are (N, {data.length}, 4)"
        )
    if data.positions:
        data.heads = heads_of(model, len(data.tasks), data.positions)
        return
    output = tuple(outputs[0].shape)
    if output != (None, len(data.tasks)):
        raise UnsupportedModel(
            f"model {model.name!r} has an output of shape {output}; "
            f"{len(data.tasks)} tasks need (None, {len(data.tasks)})"
        )
    last = (getattr(model, "operations", None) or model.layers)[-1]  # Only functional models have operations.
    activation = getattr(last, "activation", last)
    name = getattr(activation, "__name__", type(activation).__name__).lower()
    wanted = data.objective.activation
    if wanted == "linear":
        if name.endswith(("sigmoid", "softmax")):
            raise UnsupportedModel(f"model {model.name!r} ends in {last.name!r}; real values need an end without it")
    elif not name.endswith(wanted):
        raise UnsupportedModel(
            f"model {model.name!r} ends in {last.name!r}, which is not a {wanted}; "
            f"training takes models that end in a {wanted} with one output per task"
        )


def _versions() -> dict[str, str]:
    packages = ("keras", "tensorflow", "numpy", "scikit-learn")
    return {
        "genolift": __version__,
        "python": platform.python_version(),
        **{package: version_of(package) for package in packages},
    }
