"""A table that is written in blocks, can be continued after a kill, and appears whole or not at all.

While it is made its blocks lie in a hidden directory beside it. Beside the finished table stands a JSON file of the same
name with ``.json`` added: the request that made it, what its columns mean, and its digest.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genolift.pipeline.common.digest import digest_path
from genolift.pipeline.common.places import REQUEST, check_file, read_json
from genolift.results.lock import NAME as LOCK
from genolift.results.lock import hold
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import START_AFRESH, FileProblem, InputError, file_problems
from genolift.support.files import PARTIAL, move_into_place, whole, write_json


class Journal:
    """The table ``path``, made for ``request``; while it is unfinished ``versions`` are part of that.

    Raises :class:`FileProblem` for a path that holds something else and :class:`InputError` for a table made by another
    request, naming the first difference. With ``force`` both give way.
    """

    def __init__(self, path, request: dict, versions: dict, force: bool = False):
        self.path, self.record_path = Path(path), Path(f"{path}.json")
        self.work = self.path.with_name(f".{self.path.name}.genolift-work")
        self._request, self._versions = encode(request), encode(versions)
        check_file(self.path)
        check_file(self.record_path)
        self._force = force
        self.is_complete = not force and self._look()

    def _look(self) -> bool:
        record = read_json(self.record_path)
        if record is not None and isinstance(record.get("request"), dict):
            self._compare(record["request"], self._request)
            same = self.path.exists() and digest_path(self.path) == record.get("sha256")
            if self.path.exists() and not same and not self.work.is_dir():  # else killed between the two
                raise FileProblem(f"{self.path} was changed after it was made", START_AFRESH)
            return same
        if record is not None or self.path.exists():
            there = self.path if self.path.exists() else self.record_path
            raise FileProblem(f"{there} is there already and not of this command", START_AFRESH)
        if (started := read_json(self.work / REQUEST)) is not None:
            self._compare(started, self._request | {"versions": self._versions})
        return False

    def _compare(self, there: dict, here: dict) -> None:
        if difference := first_difference(there, here):
            raise InputError(f"{self.path} holds another result: {difference}", START_AFRESH)

    @property
    def record(self) -> dict:
        """What stands beside a finished table."""
        return read_json(self.record_path) or {}

    def begin(self) -> None:
        """Make the working directory, or find it as an interrupted run left it; nobody else may write to it meanwhile."""
        with file_problems(self.path, "written"):
            self.work.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.work, self.path)
            for earlier in self.work.iterdir() if self._force else ():
                if earlier.name != LOCK:
                    earlier.unlink()
            if not (self.work / REQUEST).exists():
                write_json(self.work / REQUEST, self._request | {"versions": self._versions})
            for leftover in self.work.glob(f"*{PARTIAL}"):
                leftover.unlink()

    def done(self) -> set[int]:
        """The numbers of the blocks that are wholly written."""
        return {int(entry.stem) for entry in self.work.glob("*.tsv") if re.fullmatch(r"\d+", entry.stem)}

    def write(self, k: int, lines: list[str]) -> None:
        """Store block ``k``."""
        with self.file(f"{k:08d}.tsv") as aside:
            aside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """A path to write to; what was written is ``work / name`` afterwards, whole or not at all."""
        with file_problems(self.path, "written"), whole(self.work / name) as part:
            yield part

    def publish(self, header: str, record: dict) -> None:
        """Put the blocks together under ``header``, and ``record`` beside them; the working directory goes."""
        blocks = sorted(self.done())
        with file_problems(self.path, "written"):
            table, beside = self.work / f"table{PARTIAL}", self.work / f"record{PARTIAL}"
            with _opened(table, self.path.suffix == ".gz") as out:
                out.write(f"{header}\n".encode())
                for k in blocks:
                    with open(self.work / f"{k:08d}.tsv", "rb") as block:
                        shutil.copyfileobj(block, out)
            told = {**record, "request": self._request, "versions": self._versions, "sha256": digest_path(table)}
            beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            # The record is first: a table without its record would be a stranger's.
            move_into_place((beside, self.record_path), (table, self.path))
            shutil.rmtree(self.work)
        self._lock = None


def _opened(path: Path, compressed: bool):
    return gzip.GzipFile(path, "wb", mtime=0) if compressed else open(path, "wb")
