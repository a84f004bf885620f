"""Stages of a long job: functions with inputs, outputs and a completion record, each run once."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.resumable import read_json
from genolift.support.files import write_json

log = logging.getLogger("genolift")


@dataclass(frozen=True)
class Stage:
    """``run(work)`` reads ``inputs`` and leaves ``outputs`` (names in the work directory).

    What it returns, a dict that JSON can hold, is kept with the stage.
    """

    name: str
    title: str
    run: Callable[[Path], dict[str, Any] | None]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def finished(stage: Stage, work: Path) -> dict[str, Any] | None:
    """Return the completion record of a stage.

    It is ``None`` if the stage has to run: it never ran, or its files are not what they were.
    """
    record = read_json(_record_path(stage, work))
    if record is None:
        return None
    for kind, names in (("inputs", stage.inputs), ("outputs", stage.outputs)):
        known = record[kind]
        if set(known) != set(names) or not all((work / name).exists() for name in names):
            return None
        if any(digest_path(work / name) != known[name] for name in names):
            return None
    return record


def complete(stage: Stage, work: Path) -> dict[str, Any]:
    """Run a stage and write its completion record: ``seconds``, ``result``, digests of inputs and outputs."""
    for name in stage.outputs:  # what a killed run left
        if (work / name).is_dir():
            shutil.rmtree(work / name)
        else:
            (work / name).unlink(missing_ok=True)
    inputs = {name: digest_path(work / name) for name in stage.inputs}
    began = time.perf_counter()
    result = stage.run(work) or {}
    record = {
        "seconds": round(time.perf_counter() - began, 2),
        "result": result,
        "inputs": inputs,
        "outputs": {name: digest_path(work / name) for name in stage.outputs},
    }
    write_json(_record_path(stage, work), record)
    return record


def run_stages(stages: Iterable[Stage], work: Path) -> dict[str, dict[str, Any]]:
    """Run the stages that are left, say which, and return the completion record of each by its name."""
    records = {}
    listed = list(stages)
    for number, stage in enumerate(listed, start=1):
        record = finished(stage, work)
        if record is None:
            log.info("[%d/%d] %s", number, len(listed), stage.title)
            record = complete(stage, work)
        records[stage.name] = record
    return records


def _record_path(stage: Stage, work: Path) -> Path:
    return work / f"{stage.name}.stage.json"
