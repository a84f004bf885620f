"""What a store is: what made it, what it holds, and how much of it there is."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from genolift.results import arrays
from genolift.results import layout as disk
from genolift.results.fields import is_image, told_size
from genolift.results.listing import Listing
from genolift.results.provenance import decode
from genolift.results.reading import read_provenance

_ROWS_AT_ONCE = 4096
_WIDTH, _LABEL = 100, 12
_CHROMOSOMES = 3  # so many are counted in words
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def describe_store(path: Path) -> dict[str, Any]:
    """Return what a store is. It may be incomplete; scores are not read, but residuals are.

    Returns
    -------
    dict
        What can be written as JSON: ``store``, ``complete``, ``sequences``, ``blocks``, ``type``, ``method``,
        ``target``, ``model``, ``regions``, ``fields``, ``undefined``, ``residual``, ``size_bytes``, ``dtype``,
        ``versions`` and ``command``. What is not known is ``None``.

    Raises
    ------
    FileProblem
        If there is no store at this path, or it is damaged.
    """
    done = read_provenance(path)["done"]
    header = disk.read_header(path) or {}
    listing = _listing(path, header["listing"])
    layout: Any = disk.read_layout(path)
    told = header["provenance"]
    blocks = disk.blocks(header)
    try:
        fields = {} if layout is None else {name: _field(layout, name, header["n"]) for name in layout["fields"]}
        return {
            "store": str(path),
            "complete": done == header["n"],
            "sequences": _sequences(header, listing, fields, done),
            "blocks": {"number": len(blocks), "done": len(disk.done_blocks(path)), "sequences": header["block"]},
            "type": header["type"],
            "method": told.get("method"),
            "target": told.get("target"),
            "model": told.get("model"),
            "regions": _regions(listing),
            "fields": fields,
            "undefined": {} if layout is None else layout["undefined"],
            "residual": _residual(path, fields, blocks),
            "size_bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
            "dtype": header["dtype"],
            "versions": told.get("versions"),
            "command": told.get("command"),
            "merged": told.get("merged"),
            "subset": told.get("subset"),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise disk.damaged(path, f"{type(error).__name__} {error}") from None


def _listing(path: Path, digests: dict[str, str]) -> Listing:
    """Return the listing, which a store that was killed at once has not got yet."""
    if not (path / disk.LISTING / disk.ROOT).exists() and not disk.done_blocks(path):
        return Listing()
    return Listing.read(path, digests)


def _field(layout: dict[str, Any], name: str, n: int) -> dict[str, Any]:
    """Return type and shape of a field as it is read, and as it is kept; several inputs make lists."""
    arrays = [entry for entry in layout["fields"][name]["arrays"] if entry["array"] is not None]
    shapes, types, kept = [], [], []
    for entry in arrays:
        dtype, *shape = layout["arrays"][entry["array"]]
        coded, half = entry["coding"] == "codes", entry["coding"] == "half"
        shapes.append([n, *shape, *([4] if coded else [])])
        types.append("float32" if coded or half else dtype)
        kept.append(dtype)
    if layout["fields"][name]["form"] == "array":
        return {"dtype": types[0], "shape": shapes[0], "kept_as": kept[0]}
    return {"dtype": types, "shape": shapes, "kept_as": kept, "inputs": [entry["key"] for entry in arrays]}


def _sequences(header: dict, listing: Listing, fields: dict, done: int) -> dict[str, Any]:
    told = header["provenance"]
    if listing.lengths is not None:
        lengths: list[int] | None = [int(listing.lengths.min()), int(listing.lengths.max())]
    else:
        shape = fields.get("inputs", {}).get("shape")
        one = shape is not None and not isinstance(shape[0], list) and len(shape) > 1
        lengths = [shape[1], shape[1]] if one and not is_image(shape[1:]) else None
    given, records = told.get("sequences") or {}, told.get("records") or {}
    return {
        "number": header["n"],
        "done": done,
        "lengths": lengths,
        "images": _image_shape(fields),
        "sha256": given.get("sha256"),
        "unknown_bases": given.get("unknown"),
        "left_out": len(records["not_scored"]) if "not_scored" in records else None,
    }


def _image_shape(fields: Mapping[str, Any]) -> list[int] | None:
    """Return (height, width, channels) of what was explained; ``None`` if that were no images."""
    shape = fields.get("inputs", {}).get("shape")
    known = shape is not None and not isinstance(shape[0], list) and is_image(shape[1:])
    return list(shape[1:]) if known else None


def _regions(listing: Listing) -> dict[str, Any] | None:
    if listing.regions is None:
        return None
    return {"number": len(listing.regions), "chromosomes": dict(Counter(listing.regions.chroms))}


def _residual(path: Path, fields: Mapping[str, Any], blocks: list[tuple[int, int]]) -> dict[str, float] | None:
    """Return the largest and the mean absolute residual of the pairs that are there, and the largest difference."""
    if "residual" not in fields or not isinstance(fields["residual"]["kept_as"], str):
        return None
    largest, total, pairs, difference = 0.0, 0.0, 0, 0.0
    for rows in _done_rows(blocks, disk.done_blocks(path)):
        values = np.abs(np.asarray(arrays.open_rows(path, "residual")[rows]))
        values = values[np.isfinite(values)]  # Of references that were not drawn there are none.
        largest = max(largest, float(values.max(initial=0)))
        total, pairs = total + float(values.sum(dtype=float)), pairs + values.size
        difference = max(difference, _largest_difference(path, fields, rows))
    if not pairs:
        return None
    told = {"largest": largest, "mean": total / pairs, "pairs": pairs}
    return told | ({"largest_difference": difference} if difference else {})


def _largest_difference(path: Path, fields: Mapping[str, Any], rows: slice) -> float:
    """Return the largest absolute f(x) − f(reference) in some rows, or 0 if it is not kept."""
    if not {"predictions", "reference_predictions"} <= fields.keys():
        return 0.0
    there, here = (np.asarray(arrays.open_rows(path, name)[rows]) for name in ("reference_predictions", "predictions"))
    differences = np.abs(here[..., None] - there)
    return float(differences[np.isfinite(differences)].max(initial=0))


def _done_rows(blocks: list[tuple[int, int]], done: set[int]) -> Iterator[slice]:
    """Yield the rows of blocks that are written, neighbours together, and not too many at once."""
    edges = [k for k in range(len(blocks) + 1) if (k in done) != (k - 1 in done)]
    for first, last in pairwise(edges):
        if first in done:
            start, stop = blocks[first][0], blocks[last - 1][1]
            for row in range(start, stop, _ROWS_AT_ONCE):
                yield slice(row, min(stop, row + _ROWS_AT_ONCE))


# -- in words ------------------------------------------------------------------------------------------------------


def section(told: Mapping[str, Any]) -> str:
    """Return what :func:`describe_store` found as lines of text."""
    lines = [told["store"]]
    for label, text in _lines(told):
        if text:
            margin = " " * (_LABEL + 2)
            lines += textwrap.wrap(
                f"  {label:{_LABEL}}{text}",
                _WIDTH,
                subsequent_indent=margin,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    method, blocks = dict(told["method"] or {}), told["blocks"]
    yield "state", _state(told)
    name, references = method.pop("name", "not known"), method.pop("references", None)
    method.pop("genolift", None)
    own = {key: value for key, value in method.items() if value is not None}
    yield "method", f"{name} ({_words(own)})" if own else str(name)
    if isinstance(references, dict) and "kind" in references:
        of = _words({key: value for key, value in references.items() if key != "kind"})
        references = f"{references['kind']} ({of})" if of else references["kind"]
    yield "references", "" if references is None else _words(references)
    yield "target", _target(told["target"])
    yield "model", _words(told["model"] or {})
    yield "sequences", _told_sequences(told["sequences"])
    yield "regions", _told_regions(told["regions"])
    for i, (field, entry) in enumerate(told["fields"].items()):
        yield "" if i else "fields", f"{field}: {_told_field(entry)}"
    yield "residual", _told_residual(told["residual"])
    number = f"{blocks['number']:,} {'block' if blocks['number'] == 1 else 'blocks'}"
    yield "on disk", f"{_size(told['size_bytes'])}, {number} of up to {blocks['sequences']:,} sequences"
    yield "versions", _words(told["versions"] or {})
    yield "merged of", ", ".join(map(_part, told["merged"] or []))
    yield "subset of", _part(told["subset"]) if told["subset"] else ""
    yield "command", str(told["command"] or "")


def _state(told: Mapping[str, Any]) -> str:
    if told["complete"]:
        return "complete"
    here, blocks = told["sequences"], told["blocks"]
    return (
        f"incomplete: {here['done']:,} of {here['number']:,} sequences are done ({blocks['done']:,} of "
        f"{blocks['number']:,} blocks); the command that made it continues it"
    )


def _target(target: Any) -> str:
    known = decode(target)
    if known is None:
        return "the only output"
    return ", ".join(map(str, known)) if isinstance(known, list) else str(known)


def _told_sequences(told: Mapping[str, Any]) -> str:
    texts = [f"{told['number']:,}"]
    if told["lengths"] is not None:
        shortest, longest = told["lengths"]
        texts[0] += f" of {shortest:,} bases" if shortest == longest else f" of {shortest:,} to {longest:,} bases"
    if told["images"] is not None:
        texts[0] += f" images of {told_size(told['images'])}"
    if told["unknown_bases"]:
        texts.append(f"{told['unknown_bases']:,} bases unknown")
    if told["left_out"]:
        texts.append(f"{told['left_out']:,} records left out")
    if told["sha256"]:
        texts.append(f"sha256 {told['sha256']}")
    return ", ".join(texts)


def _told_regions(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return "no genome coordinates"
    chromosomes = sorted(told["chromosomes"].items(), key=lambda one: -one[1])
    texts = [f"{count:,} on {chrom}" for chrom, count in chromosomes[:_CHROMOSOMES]]
    more = len(chromosomes) - _CHROMOSOMES
    return ", ".join(texts) + (f", and others on {more} chromosomes more" if more > 0 else "")


def _told_field(entry: Mapping[str, Any]) -> str:
    several = isinstance(entry["kept_as"], list)
    columns = zip(*((entry[key] if several else [entry[key]]) for key in ("dtype", "shape", "kept_as")), strict=True)
    texts = []
    for dtype, shape, kept in columns:
        size = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        texts.append(f"{dtype} {size}" + ("" if kept == dtype else f", kept as {kept}"))
    return "; ".join(texts)


def _told_residual(told: Mapping[str, float] | None) -> str:
    if told is None:
        return ""
    beside = f"; the largest difference explained is {told['largest_difference']:.3g}" if len(told) > 3 else ""
    return f"{told['largest']:.2g} at most, {told['mean']:.2g} in the mean of {told['pairs']:,} pairs{beside}"


def _part(told: Mapping[str, Any]) -> str:
    return f"{told['sequences']:,} sequences of {told['store']}"


def _words(value: Any) -> str:
    """Return what is told of something in words: dicts as names and values, lists with commas."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return {"True": "yes", "False": "no", "None": "none"}.get(str(value), str(value))


def _size(size: float) -> str:
    thousands = min(len(_UNITS) - 1, int(np.log10(max(1, size))) // 3)
    return f"{size / 1000**thousands:,.{1 if thousands else 0}f} {_UNITS[thousands]}"
