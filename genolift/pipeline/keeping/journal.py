"""A table that is written in blocks, can be continued after a kill, and appears whole or not at all.

While it is made its blocks lie in a hidden directory beside it. Beside the finished table stands a JSON file of the
same name with ``.json`` added: the request that made it, what its columns mean, and its digest.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.places import check_file
from genolift.pipeline.keeping.resumable import Resumable, read_json
from genolift.results.lock import NAME as LOCK
from genolift.support.errors import START_AFRESH, FileProblem, file_problems
from genolift.support.files import PARTIAL, move_into_place, whole


class Journal(Resumable):
    """A table that is made in blocks.

    Parameters
    ----------
    path
        The table. Its record, and while it is made a hidden directory, stand beside it.
    request, versions
        See :class:`Resumable`.
    force
        Whether what is there gives way.

    Raises
    ------
    FileProblem
        If the path holds something else.
    InputError
        If it holds a table that another request made, naming the first difference.
    """

    def __init__(
        self, path: Path, request: Mapping[str, Any], versions: Mapping[str, str], force: bool = False
    ) -> None:
        super().__init__(path, path.with_name(f".{path.name}.genolift-work"), request, versions)
        self.record_path = Path(f"{path}.json")
        check_file(self.path)
        check_file(self.record_path)
        self._force = force
        self.is_complete = not force and self._look()

    def _look(self) -> bool:
        record = read_json(self.record_path)
        if record is not None and isinstance(record.get("request"), dict):
            self.check_same(record["request"])
            same = self.path.exists() and digest_path(self.path) == record.get("sha256")
            if self.path.exists() and not same and not self.work.is_dir():  # else killed between the two
                raise FileProblem(f"{self.path} was changed after it was made", START_AFRESH)
            return same
        if record is not None or self.path.exists():
            there = self.path if self.path.exists() else self.record_path
            raise FileProblem(f"{there} is there already and not of this command", START_AFRESH)
        self.has_begun()
        return False

    def _tidy(self) -> None:
        for entry in self.work.iterdir():
            if entry.name != LOCK and (self._force or entry.name.endswith(PARTIAL)):
                entry.unlink()

    def done(self) -> set[int]:
        """Return the numbers of the blocks that are wholly written."""
        return {int(entry.stem) for entry in self.work.glob("*.tsv") if re.fullmatch(r"\d+", entry.stem)}

    def write(self, k: int, lines: list[str]) -> None:
        """Store block ``k``."""
        with self.file(f"{k:08d}.tsv") as aside:
            aside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Yield a path to write to; what was written is ``work / name`` afterwards, whole or not at all."""
        with file_problems(self.path, "written"), whole(self.work / name) as part:
            yield part

    def lines(self) -> Iterator[str]:
        """Yield the lines of all blocks that are written, with their ends."""
        for k in sorted(self.done()):
            with open(self.work / f"{k:08d}.tsv", encoding="utf-8", newline="\n") as block:
                yield from block

    def publish(self, header: str, record: Mapping[str, Any], lines: Iterable[str] | None = None) -> None:
        """Put the blocks together under ``header``, and ``record`` beside them; the working directory goes.

        ``lines`` stand in the place of the blocks' own, where these are not the end.
        """
        with file_problems(self.path, "written"):
            table, beside = self.work / f"table{PARTIAL}", self.work / f"record{PARTIAL}"
            with _opened(table, self.path.suffix == ".gz") as out:
                out.write(f"{header}\n".encode())
                out.writelines(line.encode() for line in (self.lines() if lines is None else lines))
            told = {**self.told(record), "sha256": digest_path(table)}
            beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            # The record is first: a table without its record would be a stranger's.
            move_into_place((beside, self.record_path), (table, self.path))
            shutil.rmtree(self.work)
        self._lock = None


def _opened(path: Path, compressed: bool) -> BinaryIO | gzip.GzipFile:
    return gzip.GzipFile(path, "wb", mtime=0) if compressed else open(path, "wb")
