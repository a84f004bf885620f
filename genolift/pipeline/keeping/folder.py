"""A directory of files that one job makes, and that appear when all of them are there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from genolift.pipeline.keeping.places import check_directory
from genolift.pipeline.keeping.resumable import Resumable, read_json
from genolift.results.lock import hold
from genolift.support.errors import START_AFRESH, FileProblem
from genolift.support.files import PARTIAL, whole

WORK = ".genolift-work"
RUN = "run.json"


class Folder(Resumable):
    """A directory that one job fills: work in progress in a hidden directory inside, ``run.json`` when done.

    Parameters
    ----------
    path
        The directory.
    request, versions
        See :class:`Resumable`.
    force
        Whether an earlier result is removed, and nothing else.

    Raises
    ------
    FileProblem
        If the path holds something else.
    InputError
        If it holds a result of another request.
    """

    def __init__(
        self, path: Path, request: Mapping[str, Any], versions: Mapping[str, str], force: bool = False
    ) -> None:
        path = Path(path)
        super().__init__(path, path / WORK, request, versions)
        check_directory(path)
        ours = force and self._remove()
        self.is_complete = self._look(ours)

    def _look(self, ours: bool) -> bool:
        """Whether the result is complete; an error if what is there is not ours to continue."""
        run = read_json(self.path / RUN)
        if run is not None:
            if not isinstance(run.get("request"), dict):
                raise self._others()
            self.check_same(run["request"])
            missing = [name for name in run.get("files", []) if not (self.path / name).exists()]
            if missing:
                raise FileProblem(f"{self.path} was complete but lacks {missing[0]} now", START_AFRESH)
            return True
        begun = self.has_begun()
        if not begun and not ours and self.path.exists() and any(entry.name != WORK for entry in self.path.iterdir()):
            raise self._others()
        return False

    def _others(self) -> FileProblem:
        return FileProblem(f"{self.path} holds other files; give a new or an empty directory")

    def _remove(self) -> bool:
        """Remove an earlier result or unfinished work; return whether there was any."""
        run, worked = read_json(self.path / RUN), self.work.is_dir()
        if run is not None:
            if not isinstance(run.get("request"), dict):
                raise FileProblem(f"{self.path / RUN} is not genolift's; give a new or an empty directory")
            (self.path / RUN).unlink()
            for name in run.get("files", []):
                (self.path / Path(name).name).unlink(missing_ok=True)
        if worked:
            self._lock = hold(self.work, self.path)
        self.clear()
        return run is not None or worked

    def record(self, names: Iterable[str], content: Mapping[str, Any]) -> None:
        """Write the final record into the work directory: ``content``, the request, versions, and the files to stay."""
        told = {**self.told(content), "files": sorted(names)}
        (self.work / RUN).write_text(json.dumps(told, indent=2) + "\n")

    def publish(self) -> None:
        """Copy the record's files out of the work directory, each whole or not at all, and the record last."""
        for name in [*json.loads((self.work / RUN).read_text())["files"], RUN]:
            with whole(self.path / name, self.work / f"{name}{PARTIAL}") as part:
                shutil.copyfile(self.work / name, part)

    def clear(self) -> None:
        """Remove the work directory, also what a process that was killed at the very end left of it."""
        if self.work.is_dir():
            shutil.rmtree(self.work)
