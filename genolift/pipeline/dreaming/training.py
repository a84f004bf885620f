"""Training of a generator on a FASTA file: the network's file, and its record beside it."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genolift.models.generative.fitting import Fitting, fit_generator
from genolift.pipeline.dreaming.sequences import digest_records, read_records
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.journal import Journal
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.keeping.versions import versions
from genolift.support.errors import InputError, file_problems
from genolift.support.files import PARTIAL, move_into_place

log = logging.getLogger("genolift")

_STATE = "training.npz"


@dataclass(frozen=True)
class GeneratorTraining:
    """What generator to train on what.

    Parameters
    ----------
    kind
        ``autoregressive`` or ``vae``.
    sequences
        A FASTA file.
    out
        The network's file. The record stands beside it, with ``.json`` added to the name.
    fitting
        How it is trained.
    force
        Whether an earlier training gives way.
    progress
        Whether progress is shown.
    """

    kind: str
    sequences: Path
    out: Path
    fitting: Fitting = field(default_factory=Fitting)
    force: bool = False
    progress: bool = True


class _ModelFile(Journal):
    """A network's file that is made in several sittings."""

    def publish_model(self, model: Any, record: Mapping[str, Any]) -> None:
        """Write the network and its record, each whole; the working directory goes."""
        with file_problems(self.path, "written"):
            made, beside = self.work / f"model{self.path.suffix}", self.work / f"record{PARTIAL}"
            model.save(made)
            told = {**self.told(record), "sha256": digest_path(made)}
            beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            move_into_place((beside, self.record_path), (made, self.path))
            shutil.rmtree(self.work)
        self._lock = None


def train_generator(job: GeneratorTraining) -> tuple[dict[str, Any], bool]:
    """Train a generator into ``job.out``, or what is left of it; return its record, and whether it was there.

    Raises
    ------
    InputError, FileProblem
        In one line, for whatever cannot be used.
    """
    if job.out.suffix != ".keras":
        raise InputError(f"{job.out}: a model's file name ends in .keras")
    job.fitting.check()
    records = read_records(job.sequences)
    request = {"kind": job.kind, "sequences": digest_records(records), **asdict(job.fitting)}
    file = _ModelFile(job.out, request, versions(), job.force)
    if file.is_complete:
        return read_json(file.record_path) or {}, True
    if file.begin():
        log.info("continuing the training of %s", job.out)
    texts = [sequence for _, sequence in records]
    try:
        model, record = fit_generator(job.kind, texts, job.fitting, file.work / _STATE, job.progress)
    except InputError as problem:
        if not (file.work / _STATE).exists():  # Nothing was begun that another command would have to give way to.
            shutil.rmtree(file.work)
        raise InputError(f"{job.sequences}: {problem.message}", problem.remedy) from None
    file.publish_model(model, record)
    return record, False
