"""Where the records of a FASTA file lie, kept in the user's cache directory for the next time.

An index that lies beside the file is not used, because nothing shows whether it is of this file: a former genome has
chromosomes of the same names, and a copy can be newer than what it was copied from. Reading the whole file once takes a
second or two for 1,000 Mb, three times as long for bgzip, and is right for every file. What is kept belongs to this
very version of the file: its path, size, and the times of its last changes.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from genolift.sequence.access import BgzipBytes, Bytes, NotBgzip, PlainBytes
from genolift.sequence.fasta import lenient_records
from genolift.sequence.files import SPOOL, is_bgzf, is_gzip
from genolift.sequence.frames import Frame, Irregular, scan_frames
from genolift.support.errors import FileProblem
from genolift.support.files import whole
from genolift.support.progress import bar

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger("genolift")

_WORTH_KEEPING = 1 << 23  # bytes of a file; a smaller one is read again in no time
_LONG = 1 << 28  # bytes of a file from which reading takes long enough to show progress
_ELSEWHERE = "set XDG_CACHE_HOME to a directory with room"


def open_indexed(path: Path, progress: bool | None = None) -> tuple[Bytes, list[Frame]]:
    """Return the bytes of a FASTA file, and where its records lie in them.

    A file whose lines have no common shape, or that is compressed by gzip, is copied to the cache first, and its copy
    is what is returned.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip.
    progress
        Whether progress is shown. ``None`` shows it for large files.

    Raises
    ------
    FileProblem
        If the file cannot be read, is damaged or is not FASTA, or if it has to be copied and that fails.
    InputError
        If the file has to be copied and holds no record.
    """
    kept = _cache_path(path)
    with path.open("rb") as handle:
        compressed, bgzip = is_gzip(handle), is_bgzf(handle)
    copy = Path(f"{kept}.fa")
    if copy.exists() and (frames := _read_frames(copy)) is not None:
        return PlainBytes(copy), frames
    reason = "gzip has to be unpacked from its beginning, unlike bgzip"
    if bgzip or not compressed:
        source = BgzipBytes(path) if bgzip else PlainBytes(path)
        if (frames := _kept(kept, source)) is not None:
            return source, frames
        try:
            frames = scan_frames(_shown(source, progress))
        except NotBgzip:
            reason = "it is bgzip in part only"
        except Irregular as problem:
            reason = str(problem)
        else:
            if source.size >= _WORTH_KEEPING:
                _keep(kept, source, frames)
            return source, frames
    frames = _copied(path, copy, reason, compressed, progress)
    return PlainBytes(copy), frames


def _shown(source: Bytes, progress: bool | None) -> Iterator[bytes]:
    """Yield the bytes of a file, and show how far they got."""
    done = 0
    with bar(source.size >> 20, f"Indexing {source.path.name}", "MB", progress, long=source.size >= _LONG) as display:
        for piece, place in source.pieces():
            display.update((place >> 20) - done)
            done = place >> 20
            yield piece


def _copied(path: Path, copy: Path, reason: str, is_gzip: bool, progress: bool | None) -> list[Frame]:
    """Write a copy in which places can be computed, and return where its records lie."""
    large = path.stat().st_size >= _LONG
    try:
        with whole(copy) as part, bar(None, f"Copying {path.name}", "MB", progress, long=large) as display:
            part.touch(0o600)  # Others may read the cache, but perhaps they must not read this file.
            with part.open("wb") as out:
                frames = _as_it_is(path, out, display) if is_gzip else None
                if frames is None:
                    out.seek(0)
                    out.truncate()
                    frames = _line_by_record(path, out, display)
                size = out.tell()
            _write_frames(copy, frames)
    except FileProblem:
        raise
    except OSError as problem:
        other = "compress the file with bgzip" if is_gzip else "give all lines one length, as seqkit seq -w 60 does"
        raise FileProblem(
            f"{path} has to be copied, because {reason}, and the copy cannot be written to {copy.parent}: "
            f"{problem.strerror or problem}; {_ELSEWHERE}, or {other}"
        ) from None
    log.info("%s is read from a plain copy of %.1f MB, %s, because %s", path, size / 1e6, copy, reason)
    return frames


def _as_it_is(path: Path, out: IO[bytes], display: tqdm) -> list[Frame] | None:
    """Unpack a gzip file and return where its records lie; ``None`` where that does not do."""

    def written() -> Iterator[bytes]:
        with gzip.open(path) as packed:
            while piece := packed.read(1 << 20):
                out.write(piece)
                display.update(1)
                yield piece

    try:
        return scan_frames(written())
    except (Irregular, EOFError, zlib.error, gzip.BadGzipFile):
        return None  # The reader of text reads it, or says what is wrong.


def _line_by_record(path: Path, out: IO[bytes], display: tqdm) -> list[Frame]:
    """Write the records with one line each, and return where they lie."""
    frames, place = [], 0
    # Letters are checked when they are fetched, so a record that nobody asks for may hold others.
    for name, sequence in lenient_records(path):
        header = f">{name}\n".encode("utf-8", "surrogateescape")
        out.write(header)
        out.write(sequence.encode("ascii", "replace") + b"\n")
        length = len(sequence)
        frames.append(Frame(name, length, place + len(header), max(length, 1), length + 1))
        before, place = place, place + len(header) + length + 1
        display.update((place >> 20) - (before >> 20))
    return frames


def _kept(kept: Path, source: Bytes) -> list[Frame] | None:
    """Return what was found when this very file was read before; ``None`` if it was not."""
    frames = _read_frames(kept)
    if frames is None or not isinstance(source, BgzipBytes):
        return frames
    try:
        source.blocks = np.fromfile(f"{kept}.gzi", "<i8", offset=8).reshape(-1, 2)
    except (OSError, ValueError):
        return None
    return frames


def _keep(kept: Path, source: Bytes, frames: list[Frame]) -> None:
    """Keep what was found, if that can be written."""
    try:
        if isinstance(source, BgzipBytes):
            blocks = source.blocks.astype("<i8")
            _write(Path(f"{kept}.gzi"), len(blocks).to_bytes(8, "little") + blocks.tobytes())
        _write_frames(kept, frames)
    except OSError as problem:
        why = problem.strerror or problem
        log.info(
            "the index of %s is not kept for the next time, because %s cannot be written (%s); %s",
            *(source.path, kept.parent, why, _ELSEWHERE),
        )


def _read_frames(kept: Path) -> list[Frame] | None:
    """Return the frames of a kept index, whose lines are those of samtools; ``None`` if there is none that is whole."""
    try:
        lines = Path(f"{kept}.fai").read_text("utf-8", "surrogateescape").splitlines()
        return [Frame(name, *map(int, rest)) for name, *rest in (line.split("\t") for line in lines)]
    except (OSError, ValueError, TypeError):
        return None


def _write_frames(kept: Path, frames: list[Frame]) -> None:
    lines = "".join("\t".join(map(str, frame)) + "\n" for frame in frames)
    _write(Path(f"{kept}.fai"), lines.encode("utf-8", "surrogateescape"))


def _write(path: Path, data: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(data)


def _cache_path(path: Path) -> Path:
    """Return a path in the cache that belongs to this very version of the file."""
    path = path.resolve()
    if path.parent.name.startswith(SPOOL):
        return path  # It will be removed, and with it what was made of it.
    stat = path.stat()
    # The time of the last change of the file's state tells a file whose date was set back.
    version = (2, path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    key = hashlib.blake2b("\0".join(map(str, version)).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folders = Path(base) / "genolift", Path(tempfile.gettempdir()) / f"genolift-{os.getuid()}"
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder / f"{path.name}.{key}"
    return folders[0] / f"{path.name}.{key}"
