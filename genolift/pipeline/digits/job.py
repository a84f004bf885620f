"""The comparison on digits from images to a page: train, explain by every method, judge, draw."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from genolift.pipeline.benchmark.entries import Entry
from genolift.pipeline.benchmark.stages import Stage, run_stages
from genolift.pipeline.digits import results, unit
from genolift.pipeline.digits.contenders import PAPER, contenders
from genolift.pipeline.digits.images import BUNDLED, Images, load_images
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.support.errors import InputError

log = logging.getLogger("genolift")


@dataclass(frozen=True)
class Digits:
    """What to run.

    Parameters
    ----------
    data
        ``"digits"`` for scikit-learn's images, ``"download"`` for MNIST, or an ``.npz`` file like it.
    methods
        The methods, as :func:`genolift.pipeline.digits.contenders.contenders` takes them.
    images
        How many test images of each digit are explained at most; 1,000 by default, as in the paper.
    epochs
        The largest number of epochs of training; 40 by default.
    seed
        The seed of the training and of random orders; 0 by default.
    """

    data: str = BUNDLED
    methods: tuple[str, ...] = (PAPER,)
    images: int = 1000
    epochs: int = 40
    seed: int = 0

    @cached_property
    def entries(self) -> list[Entry]:
        """The methods with their options."""
        return contenders(self.methods)


def run_digits(job: Digits, out: Path, force: bool = False, progress: bool = True) -> bool:
    """Run the comparison into the directory ``out``, or what is left of it; return whether all was there already.

    Parameters
    ----------
    job
        What to run.
    out
        The directory.
    force
        Whether an earlier result gives way.
    progress
        Whether progress is shown.

    Raises
    ------
    InputError, FileProblem
        For data, methods, numbers or a directory that cannot be used.
    """
    if job.images < 2 or job.epochs < 1:
        raise InputError("the digits need at least two images of each class, and one epoch")
    entries = job.entries
    images = load_images(job.data)
    request = {
        "digits": _digest(images),
        "methods": [entry.describe() for entry in entries],
        "images": job.images,
        "epochs": job.epochs,
        "seed": job.seed,
    }
    folder = Folder(out, request, versions("matplotlib", "scikit-learn"), force)
    if folder.is_complete:
        folder.clear()
        return True
    if folder.begin():
        log.info("continuing in %s", folder.path)
    records = run_stages(_stages(job, images, progress), folder.work)
    told = {name: record["result"] for name, record in records.items()}
    names = results.write(folder.work, job.data, images, [entry.name for entry in entries], job.images, told)
    run = {
        **account(sum(record["seconds"] for record in records.values())),
        "data": job.data,
        "training": told["train"],
    }
    folder.record([unit.MODEL, *names], run)
    folder.publish()
    folder.clear()
    return False


def _stages(job: Digits, images: Images, progress: bool) -> Iterator[Stage]:
    training = partial(unit.train, images, job.seed, job.epochs, progress)
    yield Stage("train", "training the network", training, (), (unit.MODEL,))
    for entry in job.entries:
        out = results.judged_file(entry.name)
        judging = partial(unit.explain_and_judge, images, entry, job.images, job.seed, progress, out)
        yield Stage(results.stage_name(entry.name), f"explaining by {entry.name}", judging, (unit.MODEL,), (out,))


def _digest(images: Images) -> dict[str, Any]:
    """Return what tells these images from others."""
    whole = sha256()
    for array in (images.x_train, images.y_train, images.x_test, images.y_test):
        whole.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return {"training": len(images.x_train), "test": len(images.x_test), "sha256": whole.hexdigest()}
