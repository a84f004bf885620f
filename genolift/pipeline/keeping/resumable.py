"""A result that is made in a hidden directory for one request, and continued by the same request only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genolift.results.lock import WriteLock, hold
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import START_AFRESH, FileProblem, InputError, Remedy, file_problems
from genolift.support.files import write_json

REQUEST = "request.json"


class Resumable:
    """What a result that is made in several sittings knows of itself.

    Parameters
    ----------
    path
        The result.
    work
        The hidden directory in which it is made.
    request
        What tells one result from another.
    versions
        What made it. While the work is in progress the versions are part of the request.
    """

    def __init__(self, path: Path, work: Path, request: Mapping[str, Any], versions: Mapping[str, str]):
        self.path, self.work = path, work
        self._request, self._versions = encode(dict(request)), encode(dict(versions))
        self._lock: WriteLock | None = None

    def check_same(self, there: Any) -> None:
        """Raise :class:`InputError`, naming the first difference, where a finished result is of another request."""
        check_same(self.path, there, self._request)

    def has_begun(self) -> bool:
        """Whether there is work in progress; raise :class:`InputError` where it is of another request or version."""
        started = read_json(self.work / REQUEST)
        if started is not None:
            check_same(self.path, started, self._asked)
        return started is not None

    def begin(self) -> bool:
        """Make the working directory, to which nobody else may write meanwhile; return whether work is continued."""
        with file_problems(self.path, "written"):
            self.work.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.work, self.path)
            self._tidy()
            if (self.work / REQUEST).exists():
                return True
            write_json(self.work / REQUEST, self._asked)
        return False

    def told(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``content`` with the request and the versions, as it is kept with a finished result."""
        return {**content, "request": self._request, "versions": self._versions}

    @property
    def _asked(self) -> dict[str, Any]:
        return self._request | {"versions": self._versions}

    def _tidy(self) -> None:
        """Remove what is not to be continued."""


def check_same(path: Path, there: Any, here: Any, remedy: Remedy = START_AFRESH) -> None:
    """Raise :class:`InputError`, naming the first difference, where the result at ``path`` is of another request."""
    if difference := first_difference(there, here):
        raise InputError(f"{path} holds another result: {difference}", remedy)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, or ``None`` where there is no such file; raise :class:`FileProblem` for anything else."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError) as problem:
        raise FileProblem(f"{path} cannot be read: {problem}") from None
    if not isinstance(content, dict):
        raise FileProblem(f"{path} is not a record of genolift's")
    return content
