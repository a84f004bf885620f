"""Digests that tell one input from another, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from genolift.support.errors import file_problems


def digest_path(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a file's bytes, or of the names and bytes of all files in a directory."""
    path = Path(path)
    with file_problems(path, "read"):
        if path.is_dir():
            whole = hashlib.sha256()
            for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
                whole.update(f"{file.relative_to(path).as_posix()}\0{digest_path(file)}\0".encode())
            return whole.hexdigest()
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()


class RecordDigest:
    """SHA-256 of named sequences in their order: the same for a plain and a compressed file."""

    def __init__(self):
        self._whole = hashlib.sha256()

    def add(self, name: str, sequence: str) -> None:
        """Add a record."""
        self._whole.update(f"{name}\0{sequence}\0".encode())

    def hexdigest(self) -> str:
        """Return the digest of what was added until now."""
        return self._whole.hexdigest()
