"""The layout of a score store on disk, how a store is recognised, and how it is removed.

A store is a Zarr v3 directory. Its own names are fixed; no name from a user's file becomes a file name::

    zarr.json            the root group; its attribute "genolift" holds format version, size and provenance
    blocks/              array (blocks, 2) of each block's first and last sequence; beside its chunks
      layout.json          which arrays hold which fields, written with the first block
      done/<k>.json        the commit record of block k, written after all its chunks
    lock                 while it is written, see :mod:`genolift.results.lock`
    sequences/           names, regions and lengths, see :mod:`genolift.results.listing`
    <field>[.<i>]/       an array per field (and input), chunked by sequence
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from genolift.results.lock import NAME as LOCK
from genolift.support.errors import FORCE, FileProblem, Remedy, file_problems
from genolift.support.files import PARTIAL, check_no_address, write_json

FORMAT = 2
ATTRIBUTE = "genolift"
ROOT = "zarr.json"
BLOCKS = "blocks"
LAYOUT = "blocks/layout.json"
DONE = "blocks/done"
LISTING = "sequences"


def damaged(where: Path, what: object) -> FileProblem:
    """Return the error to raise for a store, or a file of one, that is not as it was written."""
    return FileProblem(f"{where} is damaged: {what}", Remedy.naming("copy it again, or score again with {}", FORCE))


def read_header(path: Path) -> dict | None:
    """Return the attributes of a store.

    Returns
    -------
    dict or None
        The attributes; ``None`` if there is no store yet and one can be made at this path.

    Raises
    ------
    FileProblem
        If something else is there, or it cannot be read.
    """
    check_no_address(path)
    with file_problems(path, "read"):
        return _read_header(path)


def _read_header(path: Path) -> dict | None:
    if not path.exists():
        return None
    if not path.is_dir():
        raise FileProblem(f"{path} is a file, not a score store, which is a directory such as scores.zarr")
    names = {entry.name for entry in path.iterdir()}
    if all(_is_beginning(name) for name in names):  # It is empty, or its process was killed at once.
        return None
    if ROOT not in names:
        raise FileProblem(f"{path} is a directory with other contents, not a genolift score store")
    header = read_group(path)
    if not isinstance(header, dict) or "format" not in header:
        raise FileProblem(f"{path} is a Zarr directory, but not a genolift score store")
    return header


def _is_beginning(name: str) -> bool:
    """Return whether a file of this name may stand in a store before the root is written."""
    return name == LOCK or (name.startswith(ROOT) and name.endswith(PARTIAL))


def check_format(path: Path, header: dict) -> None:
    """Raise :class:`FileProblem` for a store whose header names a format that this version does not know."""
    if header["format"] != FORMAT:
        try:
            by = f"genolift {header['provenance']['versions']['genolift']}"
        except (KeyError, TypeError):
            by = "the genolift"
        raise FileProblem(
            f"{path} is a score store of format {header['format']}, and this genolift knows format {FORMAT}; "
            f"read it with {by} that wrote it, or score again"
        )


def write_group(path: Path, told: dict) -> None:
    """Write the root file of a group of arrays, with its attributes ``told``."""
    write_json(path / ROOT, {"zarr_format": 3, "node_type": "group", "attributes": {ATTRIBUTE: told}})


def read_group(path: Path) -> Any:
    """Return the attributes of a group, or anything at all if another program made the group."""
    try:
        return json.loads((path / ROOT).read_text()).get("attributes", {}).get(ATTRIBUTE)
    except FileNotFoundError:
        raise damaged(path, f"{ROOT} is missing") from None
    except (ValueError, AttributeError) as error:
        raise damaged(path / ROOT, error) from None


def read_layout(path: Path) -> dict[str, Any] | None:
    """Return which arrays of a store hold which fields; ``None`` before the first block is written."""
    file = path / LAYOUT
    if not file.exists():
        return None
    try:
        return json.loads(file.read_text())
    except (ValueError, OSError) as error:
        raise damaged(file, error) from None


def blocks(header: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the first and last (exclusive) sequence of each block of a store."""
    n, block = header["n"], header["block"]
    return [(start, min(n, start + block)) for start in range(0, n, block)]


def done_blocks(path: Path) -> set[int]:
    """Return the numbers of the blocks that are wholly written."""
    folder = path / DONE
    if not folder.is_dir():
        return set()
    return {int(entry.stem) for entry in folder.iterdir() if re.fullmatch(r"\d+\.json", entry.name)}


def remove_store(path: Path) -> None:
    """Delete a store; raise :class:`FileProblem` if the directory holds anything that genolift has not written."""
    if read_header(path) is None:
        return
    entries = [entry for entry in path.iterdir() if entry.name != ROOT and not _is_beginning(entry.name)]
    foreign = [entry.name for entry in entries if entry.is_symlink() or not _is_array(entry)]
    if foreign:
        raise FileProblem(
            f"{path} is not replaced: besides a score store it holds {', '.join(sorted(foreign)[:3])}; "
            "move that away or give another path"
        )
    for entry in sorted(entries, key=lambda entry: entry.name != BLOCKS):  # The commit records go first.
        shutil.rmtree(entry)
    remove_leftovers(path)
    (path / ROOT).unlink(missing_ok=True)  # It goes last, so that the rest is still recognised as a store.


def _is_array(folder: Path) -> bool:
    """Return whether a path is the directory of an array, or what a killed process left of one."""
    if not folder.is_dir():
        return False
    if folder.name == LISTING:
        inside = [entry for entry in folder.iterdir() if entry.name != ROOT and not entry.name.endswith(PARTIAL)]
        return not any(entry.is_symlink() or not _is_array(entry) for entry in inside)
    allowed = {ROOT, "c"} | ({"layout.json", "done"} if folder.name == BLOCKS else set())
    return all(entry.name in allowed or entry.name.endswith(PARTIAL) for entry in folder.iterdir())


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of processes that were killed while writing."""
    for entry in path.rglob("*" + PARTIAL):
        entry.unlink(missing_ok=True)
