"""Bytes of a plain or bgzip file from any place of it.

A bgzip file is a row of small gzip members, called blocks, each of which says how long it is. They are walked here and
not by Biopython's ``bgzf``, which joins a read of many blocks byte string by byte string: the time for a chromosome on
one line grows with the square of its length.
"""

from __future__ import annotations

import os
import weakref
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from genolift.support.errors import FileProblem, file_problems

_PIECE = 1 << 20  # bytes of a plain file that are read at once
_BLOCKS = 64  # of bgzip that are unpacked at once, each of at most 64 KiB
_HEAD = 12  # bytes of a gzip member before its extra fields


class NotBgzip(Exception):
    """A file begins as bgzip but goes on as something else, such as gzip that was appended to it."""


class Bytes(ABC):
    """The unpacked bytes of a file, read from the beginning or from any place.

    The file stays open, and it must stay what it was when it was opened.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path):
        self.path = path
        with file_problems(path, "read"):
            file = path.open("rb", buffering=0)
        weakref.finalize(self, file.close)
        self._file = file
        self._state = self._stat()

    @property
    def size(self) -> int:
        """The size of the file on the disk."""
        return self._state[0]

    @abstractmethod
    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the bytes from beginning to end, each time with the place in the file on the disk that was reached."""

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from one place to another; fewer where the file ends before."""

    def _stat(self) -> tuple[int, int]:
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns

    def _raw(self, start: int, size: int) -> bytes:
        """Return bytes as they are on the disk."""
        with file_problems(self.path, "read"):
            if self._stat() != self._state:
                raise FileProblem(f"{self.path} was changed while it was being read; start again")
            parts = []
            while size and (part := os.pread(self._file.fileno(), size, start)):  # No call gives more than 2 GiB.
                parts.append(part)
                start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class PlainBytes(Bytes):
    """The bytes of a file that is not compressed."""

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the bytes from beginning to end, with the place that was reached."""
        place = 0
        while piece := self._raw(place, _PIECE):
            place += len(piece)
            yield piece, place

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from one place to another."""
        return self._raw(start, stop - start)


class BgzipBytes(Bytes):
    """The unpacked bytes of a bgzip file.

    Parameters
    ----------
    path
        The file.
    blocks
        (B, 2) int64, where each block begins in the file and where its bytes begin in what is unpacked. ``None`` if
        that is not known yet; :meth:`pieces` finds it.
    """

    def __init__(self, path: Path, blocks: np.ndarray | None = None):
        super().__init__(path)
        self.blocks = np.zeros((0, 2), np.int64) if blocks is None else blocks

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the unpacked bytes from beginning to end, with the place in the file that was reached.

        Raises :class:`NotBgzip` where the file is not bgzip throughout.
        """
        table: list[tuple[int, int]] = []
        unpacked = 0
        with ThreadPoolExecutor(2) as pool:  # zlib works without Python's lock.
            members = self._members()
            batches = iter(lambda: list(islice(members, _BLOCKS)), [])
            waiting = [(batch, pool.submit(self._unpack, batch)) for batch in islice(batches, 4)]
            while waiting:
                batch, result = waiting.pop(0)
                waiting.extend((after, pool.submit(self._unpack, after)) for after in islice(batches, 1))
                parts = result.result()
                for (place, _), part in zip(batch, parts, strict=True):
                    table.append((place, unpacked))
                    unpacked += len(part)
                yield b"".join(parts), batch[-1][0] + len(batch[-1][1])
        self.blocks = np.array(table, dtype=np.int64).reshape(-1, 2)

    def read(self, start: int, stop: int) -> bytes:
        """Return the unpacked bytes from one place to another."""
        first = int(np.searchsorted(self.blocks[:, 1], start, "right")) - 1
        beyond = int(np.searchsorted(self.blocks[:, 1], stop, "left"))
        places = [*self.blocks[first:beyond, 0].tolist()]
        places.append(int(self.blocks[beyond, 0]) if beyond < len(self.blocks) else self.size)
        raw = self._raw(places[0], places[-1] - places[0])
        members = [(a, raw[a - places[0] : b - places[0]]) for a, b in pairwise(places)]
        before = start - int(self.blocks[first, 1])
        return b"".join(self._unpack(members))[before : before + stop - start]

    def _members(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each block begins, and its bytes."""
        place, held, used = 0, b"", 0
        while place < self.size:
            if len(held) - used < 1 << 16:  # No block is longer.
                held, used = held[used:] + self._raw(place + len(held) - used, _PIECE), 0
            size = _block_size(held[used : used + _HEAD + 64])
            if size is None:
                raise NotBgzip
            if used + size > len(held):
                raise FileProblem(f"{self.path} is truncated: the compressed data end too early; copy it again")
            yield place, held[used : used + size]
            place, used = place + size, used + size

    def _unpack(self, members: list[tuple[int, bytes]]) -> list[bytes]:
        try:
            return [zlib.decompress(member, wbits=31) for _, member in members]  # which compares the checksum
        except zlib.error as problem:
            raise FileProblem(f"{self.path} is damaged: {problem}; copy it again") from None


def _block_size(data: bytes) -> int | None:
    """Return how long the bgzip block is that data begin with; ``None`` if they do not begin with one."""
    if data[:4] != b"\x1f\x8b\x08\x04":
        return None
    end = _HEAD + int.from_bytes(data[10:12], "little")
    place = _HEAD
    while place + 4 <= min(end, len(data)):
        length = int.from_bytes(data[place + 2 : place + 4], "little")
        if data[place : place + 2] == b"BC" and length == 2:
            return int.from_bytes(data[place + 4 : place + 6], "little") + 1
        place += 4 + length
    return None
