"""Where results go: can a path be written, and whose is what lies there already?"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from genolift.results.lock import hold
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import START_AFRESH, FileProblem, InputError, file_problems
from genolift.support.files import PARTIAL, whole, write_json

WORK = ".genolift-work"
REQUEST = "request.json"
RUN = "run.json"


def check_writable(path) -> None:
    """Raise :class:`FileProblem` if nothing can be made at ``path``, looking only."""
    path = Path(path)
    existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    where = path if existing == path else existing
    if existing != path and not existing.is_dir():
        raise FileProblem(f"{path} cannot be written: {existing} is not a directory")
    if not os.access(where, os.W_OK):
        raise FileProblem(f"{path} cannot be written: no permission to write to {where}")


def check_file(path) -> None:
    """Raise :class:`FileProblem` if no file can be made or replaced at ``path``; its folder must be there."""
    path = Path(path)
    if path.is_dir():
        raise FileProblem(f"{path} is a directory; give the name of a file")
    if not path.parent.is_dir():
        raise FileProblem(f"{path} cannot be written: there is no directory {path.parent}")
    check_writable(path)
    with file_problems(path, "written"):  # permissions are not all that can stand in the way
        tempfile.TemporaryFile(dir=path.parent).close()


def check_apart(path: Path, inputs: Iterable[Path | None]) -> None:
    """Raise :class:`InputError` if ``path`` is one of the files that a job reads, which it would overwrite."""
    for other in inputs:
        if other is not None and path.exists() and other.exists() and os.path.samefile(path, other):
            raise InputError(f"{path} is read by this job, and would be overwritten; give another path")


def read_json(path: Path) -> dict | None:
    """A JSON object, or ``None`` where there is no such file."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as problem:
        raise FileProblem(f"{path} cannot be read: {problem}") from None
    if not isinstance(content, dict):
        raise FileProblem(f"{path} is not a record of genolift's")
    return content


class Folder:
    """A directory that one job fills: work in progress in a hidden directory inside, ``run.json`` when done.

    ``request`` is what tells one result from another; while work is in progress ``versions`` are part of it.
    Raises :class:`FileProblem` for a path that holds something else and :class:`InputError` for a result of another
    request, naming the first difference. ``force`` removes an earlier result, and nothing else.
    """

    def __init__(self, path, request: dict, versions: dict, force: bool = False):
        self.path = Path(path)
        self.work = self.path / WORK
        self._request, self._versions = encode(request), encode(versions)
        if self.path.exists() and not self.path.is_dir():
            raise FileProblem(f"{self.path} is a file; give the name of a directory")
        check_writable(self.path)
        ours = force and self._remove()
        self.is_complete = self._look(ours)

    def _look(self, ours: bool) -> bool:
        """Whether the result is complete; an error if what is there is not ours to continue."""
        run = read_json(self.path / RUN)
        if run is not None:
            self._compare(run.get("request"), self._request)
            missing = [name for name in run.get("files", []) if not (self.path / name).exists()]
            if missing:
                raise FileProblem(f"{self.path} was complete but lacks {missing[0]} now", START_AFRESH)
            return True
        started = read_json(self.work / REQUEST)
        if started is not None:
            self._compare(started, self._request | {"versions": self._versions})
        elif not ours and self.path.exists() and any(entry.name != WORK for entry in self.path.iterdir()):
            raise FileProblem(f"{self.path} holds other files; give a new or an empty directory")
        return False

    def _compare(self, there, here: dict) -> None:
        if not isinstance(there, dict):
            raise FileProblem(f"{self.path} holds other files; give a new or an empty directory")
        if difference := first_difference(there, here):
            raise InputError(f"{self.path} holds another result: {difference}", START_AFRESH)

    def _remove(self) -> bool:
        """Remove an earlier result or unfinished work; returns whether there was any."""
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

    def begin(self) -> bool:
        """Make the directory, to which nobody else may write meanwhile; returns whether earlier work is being continued."""
        with file_problems(self.path, "written"):
            self.work.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.work, self.path)
            if (self.work / REQUEST).exists():
                return True
            write_json(self.work / REQUEST, self._request | {"versions": self._versions})
        return False

    def record(self, names: Iterable[str], content: dict) -> None:
        """Write the final record into the work directory: ``content``, the request, versions, and the files to stay."""
        whole = {**content, "request": self._request, "versions": self._versions, "files": sorted(names)}
        (self.work / RUN).write_text(json.dumps(whole, indent=2) + "\n")

    def publish(self) -> None:
        """Copy the record's files out of the work directory, each whole or not at all, and the record last."""
        for name in [*json.loads((self.work / RUN).read_text())["files"], RUN]:
            with whole(self.path / name, self.work / f"{name}{PARTIAL}") as part:
                shutil.copyfile(self.work / name, part)

    def clear(self) -> None:
        """Remove the work directory, also what a process that was killed at the very end left of it."""
        if self.work.is_dir():
            shutil.rmtree(self.work)
        self._lock = None
