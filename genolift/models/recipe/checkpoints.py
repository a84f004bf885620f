"""Weights that are kept while a network is trained, with what tells how far each epoch moved them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from genolift.support.errors import FileProblem, file_problems, reason_of
from genolift.support.files import absent, whole, write_json

LISTING = "checkpoints.json"


class Checkpoint(NamedTuple):
    """The weights at the end of an epoch.

    Attributes
    ----------
    path : Path
        Their file.
    epoch : int
        The epoch, from 1 on.
    learning_rate : float
        The mean learning rate of the epoch.
    """

    path: Path
    epoch: int
    learning_rate: float


class Checkpoints(NamedTuple):
    """All weights that were kept.

    Attributes
    ----------
    batch_size : int
        The number of sequences in a batch.
    each : list of Checkpoint
        The weights, in the order of the epochs.
    """

    batch_size: int
    each: list[Checkpoint]


class Keeper:
    """Keeps the weights of each epoch in a folder. The listing comes last, so that it tells of a finished training.

    Parameters
    ----------
    folder
        The folder, which is made if it is not there.
    batch_size
        The number of sequences in a batch.
    """

    def __init__(self, folder: Path, batch_size: int):
        self._folder, self._batch_size = folder, batch_size
        self._rows: list[dict[str, Any]] = []
        with file_problems(folder, "made a directory"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / LISTING).unlink(missing_ok=True)

    def keep(self, model: Any, epoch: int, learning_rate: float) -> None:
        """Keep the weights of a model at the end of an epoch."""
        name = f"epoch-{epoch:03d}.weights.h5"
        part = self._folder / f"part-{name}"  # Keras wants the suffix.
        with file_problems(self._folder, "written"), whole(self._folder / name, part):
            model.save_weights(part)
        self._rows.append({"file": name, "epoch": epoch, "learning_rate": learning_rate})

    def finish(self) -> None:
        """Write the listing."""
        with file_problems(self._folder, "written"):
            write_json(self._folder / LISTING, {"batch_size": self._batch_size, "checkpoints": self._rows})


def read_checkpoints(folder: Path) -> Checkpoints:
    """Return the weights that a training kept.

    Raises
    ------
    FileProblem
        If there are none, or a file of them is missing or damaged.
    """
    path = folder / LISTING
    if not folder.exists():
        raise absent(folder)
    if not path.is_file():
        raise FileProblem(
            f"{folder} holds no checkpoints: it has no {LISTING}, which `genolift train` writes at its end"
        )
    try:
        told = json.loads(path.read_text())
        each = [
            Checkpoint(folder / Path(row["file"]).name, int(row["epoch"]), float(row["learning_rate"]))
            for row in told["checkpoints"]
        ]
        found = Checkpoints(int(told["batch_size"]), each)
    except (ValueError, KeyError, TypeError):
        raise FileProblem(f"{path} is not a listing of checkpoints") from None
    if not each:
        raise FileProblem(f"{path} lists no checkpoints")
    for one in each:
        if not one.path.is_file():
            raise FileProblem(f"{folder} lacks {one.path.name}, which its listing names")
    return found


def load_checkpoint(model: Any, checkpoint: Checkpoint) -> None:
    """Give a model the weights of a checkpoint; raise :class:`FileProblem` if they do not fit."""
    try:
        model.load_weights(checkpoint.path)
    except (ValueError, OSError, KeyError) as problem:
        raise FileProblem(f"{checkpoint.path} does not fit the model: {reason_of(problem)}") from None
