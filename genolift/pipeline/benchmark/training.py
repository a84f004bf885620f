"""Train a network on a data set: the model's file, and the record beside it."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from genolift.models.training import train
from genolift.pipeline.common.digest import RecordDigest, digest_path
from genolift.pipeline.common.places import check_file
from genolift.pipeline.common.resumable import check_same, read_json
from genolift.results.provenance import encode
from genolift.sequence.files import write_text
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset
from genolift.support.errors import FORCE, START_AFRESH, FileProblem, InputError, Remedy, file_problems
from genolift.support.files import whole

RECORD = "training.json"
ARCHITECTURE = "tal_gata"


@dataclass(frozen=True)
class Training:
    """What to train on what; ``data`` is a data set's directory or a .simdata file, ``None`` means the recipe's own."""

    spec: str
    data: Path
    out: Path
    architecture: str = ARCHITECTURE
    seed: int = 0
    epochs: int | None = None
    force: bool = False


def train_to_file(job: Training, progress: bool = True) -> tuple[dict, bool]:
    """Train, write ``job.out`` and ``training.json`` beside it; returns the record, and whether it was there."""
    if job.out.suffix != ".keras":
        raise InputError(f"{job.out}: a model's file name ends in .keras")
    check_file(job.out)
    dataset = load_dataset(job.data, job.spec)
    request = encode(
        {
            "file": job.out.name,
            "architecture": job.architecture,
            "seed": job.seed,
            "epochs": job.epochs,
            "data": _digest(dataset),
        }
    )
    earlier = read_json(job.out.parent / RECORD)
    if not job.force and (earlier is not None or job.out.exists()) and _is_made(job, earlier, request):
        return earlier, True
    model, record = train(job.architecture, dataset, seed=job.seed, epochs=job.epochs, progress=progress)
    return save_model(model, record | {"request": request}, job.out, job.out.parent / RECORD), False


def save_model(model, record: dict, path: Path, record_path: Path) -> dict:
    """Write record and model, each whole or not at all; the record vouches for the model by its digest."""
    with (
        file_problems(path, "written"),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".genolift-") as aside,
        whole(path, Path(aside) / path.name) as part,  # Keras wants the suffix
    ):
        model.save(part)
        record = {**record, "model_sha256": digest_path(part)}
        write_text(record_path, json.dumps(record, indent=2) + "\n")
    return record


def _is_made(job: Training, earlier: dict | None, request: dict) -> bool:
    """Whether this very training is done; an error if something else is there."""
    if earlier is None or not isinstance(earlier.get("request"), dict):
        there = job.out if job.out.exists() else job.out.parent / RECORD
        raise FileProblem(f"{there} is there already and not of this training", START_AFRESH)
    another = Remedy.naming("give another directory, or {} to start afresh", FORCE)
    check_same(job.out.parent / RECORD, earlier["request"], request, another)
    return job.out.exists() and digest_path(job.out) == earlier.get("model_sha256")


def _digest(dataset: Dataset) -> str:
    digest = RecordDigest()
    for name, sequence, labels, split in zip(
        dataset.names, dataset.sequences, dataset.labels.tolist(), dataset.splits.tolist(), strict=True
    ):
        digest.add(name, sequence)
        digest.add(split, " ".join(map(str, labels)))
    return digest.hexdigest()
