"""Train a network on a data set: the model's file, and the record beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genolift.models.recipe.checkpoints import LISTING
from genolift.models.training import train
from genolift.pipeline.keeping.digest import RecordDigest, digest_path
from genolift.pipeline.keeping.places import check_directory, check_file
from genolift.pipeline.keeping.resumable import check_same, read_json
from genolift.results.provenance import encode
from genolift.sequence.files import write_text
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset
from genolift.support.errors import FORCE, START_AFRESH, FileProblem, InputError, Remedy, file_problems
from genolift.support.files import whole

ARCHITECTURE = "tal_gata"


@dataclass(frozen=True)
class Training:
    """What to train on what.

    Parameters
    ----------
    spec
        The configuration of the data, by its path or by the name of one that comes with genolift.
    data
        The directory of a data set, or a .simdata file.
    out
        The model's file.
    architecture
        The network, by name.
    seed
        The seed of weights, order and dropout.
    epochs
        The largest number of epochs. ``None`` is that of the network's recipe.
    force
        Whether an earlier training gives way.
    checkpoints
        A directory in which the weights of each epoch are kept.
    motifs
        The file of motifs that a network begins from, for networks that take one.
    options
        Further options of the network.
    """

    spec: str
    data: Path
    out: Path
    architecture: str = ARCHITECTURE
    seed: int = 0
    epochs: int | None = None
    force: bool = False
    checkpoints: Path | None = None
    motifs: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def train_to_file(job: Training, progress: bool = True) -> tuple[dict[str, Any], bool]:
    """Train, write ``job.out`` and its record beside it; return the record, and whether it was there."""
    if job.out.suffix != ".keras":
        raise InputError(f"{job.out}: a model's file name ends in .keras")
    check_file(job.out)
    dataset = load_dataset(job.data, job.spec)
    if job.motifs is not None and not job.motifs.is_file():
        raise FileProblem(f"{job.motifs} does not exist; give a file of motifs")
    request = encode(
        {
            "architecture": job.architecture,
            "seed": job.seed,
            "epochs": job.epochs,
            "data": _digest(dataset),
            **({"motifs": digest_path(job.motifs)} if job.motifs is not None else {}),
            **({"options": dict(job.options)} if job.options else {}),
        }
    )
    if job.checkpoints is not None:
        check_directory(job.checkpoints)
        request["checkpoints"] = job.checkpoints.name
    earlier = read_json(record_path(job.out))
    made = None if job.force else _made(job, earlier, request)
    if made is not None:
        return made, True
    options = {**job.options, **({"motifs": job.motifs} if job.motifs is not None else {})}
    model, record = train(
        job.architecture,
        dataset,
        seed=job.seed,
        epochs=job.epochs,
        progress=progress,
        checkpoints=job.checkpoints,
        options=options,
    )
    return save_model(model, record | {"request": request}, job.out, record_path(job.out)), False


def record_path(model: Path) -> Path:
    """Return where the record of a training stands: beside the model, with ``.json`` added to its name."""
    return model.with_name(f"{model.name}.json")


def save_model(model: Any, record: Mapping[str, Any], path: Path, record_path: Path) -> dict[str, Any]:
    """Write record and model, each whole or not at all; the record vouches for the model by its digest."""
    with (
        file_problems(path, "written"),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".genolift-") as aside,
        whole(path, Path(aside) / path.name) as part,  # Keras wants the suffix
    ):
        model.save(part)
        told = {**record, "model_sha256": digest_path(part)}
        write_text(record_path, json.dumps(told, indent=2) + "\n")
    return told


def _made(job: Training, earlier: dict[str, Any] | None, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record if this very training is done, ``None`` if nothing is; an error if something else is there."""
    if earlier is None and not job.out.exists():
        return None
    if earlier is None or not isinstance(earlier.get("request"), dict):
        there = job.out if job.out.exists() else record_path(job.out)
        raise FileProblem(f"{there} is there already and not of this training", START_AFRESH)
    another = Remedy.naming("give another file, or {} to start afresh", FORCE)
    check_same(record_path(job.out), earlier["request"], request, another)
    is_whole = job.out.exists() and digest_path(job.out) == earlier.get("model_sha256")
    if job.checkpoints is not None:
        is_whole = is_whole and (job.checkpoints / LISTING).exists()
    return earlier if is_whole else None


def _digest(dataset: Dataset) -> str:
    digest = RecordDigest()
    for name, sequence, labels, split in zip(
        dataset.names, dataset.sequences, dataset.labels.tolist(), dataset.splits.tolist(), strict=True
    ):
        digest.add(name, sequence)
        digest.add(split, " ".join(map(str, labels)))
    if dataset.profiles is not None:
        digest.add("profiles", " ".join(map(str, dataset.profiles.ravel().tolist())))
    return digest.hexdigest()
