"""The page about explained sequences: one file that opens from disk, or a page with its data beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genolift.plot.web import script
from genolift.plot.web.content import Track, rounded, sequence_of, spread, strongest
from genolift.plot.web.inlined import inlined, json_text, module, template
from genolift.plot.web.motifs import Motifs, Naming
from genolift.plot.web.summaries import Listing, Mark, average, residuals, tables
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem, file_problems
from genolift.support.files import write_whole
from genolift.support.progress import bar

BLOCK = 25  # sequences
_ONE_FILE = 15_000_000  # bytes, beyond which the data go into files beside the page
_TOGETHER = 8  # tracks, beyond which not all are shown at first


@dataclass(frozen=True)
class PageOptions:
    """What a page about stores shows, and how it is made.

    Attributes
    ----------
    target
        Which target is shown, as a result keeps it; ``None`` shows all.
    title : str or None
        The title; ``None`` names the stores.
    annotations : path or None
        A BED file of what is marked in the sequences, such as embedded motifs or hits. Its first column names the
        sequence, or the chromosome where the stores know their regions.
    progress : bool or None
        Whether to show the progress; ``None`` where it takes long.
    genome : bool
        Whether the chosen sequence can be shown in a genome browser, too: igv.js, which the page brings with it. The
        stores must know the regions of their sequences.
    motifs : Motifs or None
        Known motifs. The page names the ones that stand under the strongest stretches.
    """

    target: Any = None
    title: str | None = None
    annotations: str | os.PathLike | None = None
    progress: bool | None = None
    genome: bool = False
    motifs: Motifs | None = None


_PLAIN = PageOptions()


class Words(NamedTuple):
    """What a page says beside its sequences.

    Attributes
    ----------
    title, subtitle : str
        What stands on top.
    tables : list of Listing
        Tables below the logo.
    details : mapping
        What can be unfolded at the end, by its title.
    """

    title: str
    subtitle: str
    tables: Sequence[Listing] = ()
    details: Mapping[str, Any] = {}


def write_page(
    out: Path,
    tracks: Sequence[Track],
    words: Words,
    annotations: Mapping[int, Sequence[Mark]] | None = None,
    options: PageOptions = _PLAIN,
) -> list[Path]:
    """Write the page about the sequences of some tracks, and return the files that were written.

    Nothing is fetched when it is opened, and no text of a file is taken for markup.

    Parameters
    ----------
    out
        The file, ``.html``. Where it would be larger than 15 MB, the scores are written into a directory beside it.
    tracks
        The scores.
    words
        What the page says beside; the tables about the scores are added to it.
    annotations
        What is marked in each sequence, by its number.
    options
        Whether progress and the genome view are shown, and known motifs.
    """
    naming = None if options.motifs is None else Naming(options.motifs, tracks)
    marks = {row: list(some) for row, some in (annotations or {}).items() if some}
    count = len(tracks[0].result)
    blocks: list[str] = []
    found: list[list[dict[str, Any] | None]] = [[] for _ in tracks]
    spreads: list[list[float]] = [[] for _ in tracks]
    read: list[np.ndarray] = []
    with bar(count, "writing the page", "sequences", show=options.progress) as display:
        for start in range(0, count, BLOCK):
            held = [Track(track.result[start : start + BLOCK].in_memory(), track.label) for track in tracks]
            block = []
            for row in range(len(held[0].result)):
                told = sequence_of(held, row)
                block.append(told)
                if naming is not None:
                    each = [np.asarray(track.result[row].scores, dtype=float)[0] for track in held]
                    naming.add(start + row, told["sequence"], each)
                for number, track in enumerate(held):
                    scores = np.asarray(track.result[row].scores)[0]
                    found[number].append(strongest(scores, told["sequence"], marks.get(start + row, ())))
                    if "standard_error" in track.result.defined:
                        error = np.asarray(track.result[row].standard_error, dtype=float)[0]
                        spreads[number].append(spread(scores, error))
                display.update(1)
            read.append(np.array([_known(track.result) for track in held]))
            blocks.append(json_text(block))
    scores = np.concatenate(read, axis=1)  # (tracks, N, L)
    content = {
        **_content(tracks, found, spreads, marks),
        "average": average(tracks, scores),
        "residuals": residuals(tracks),
    }
    listings = [*words.tables, *tables(tracks, scores, marks)]
    if naming is not None:
        naming.name(options.progress)
        _add_motifs(content, naming)
        listings.append(naming.listing())
    words = words._replace(tables=listings)
    return write_blocks(out, content, blocks, words, options.genome)


def _add_motifs(content: dict[str, Any], naming: Naming) -> None:
    """Add the motifs of strong stretches to what is listed and marked."""
    content["motifs"] = naming.motifs.source
    for number, track in enumerate(content["tracks"]):
        for row, stretch in enumerate(track["strongest"]):
            if stretch is not None:
                stretch["motif"] = naming.strongest(number, row)
    for row, marks in naming.marks().items():
        content["annotations"][row] = [*content["annotations"].get(row, ()), *marks]


def _known(result: Explanation) -> np.ndarray:
    """Return the scores (N, L), with NaN for what is not finite or lies behind the end of a sequence."""
    scores = np.asarray(result.scores, dtype=float)
    inside = np.isfinite(scores)
    if result.lengths is not None:
        inside &= np.arange(scores.shape[1]) < np.asarray(result.lengths)[:, None]
    return np.where(inside, scores, np.nan)


def write_blocks(
    out: Path, content: dict[str, Any], blocks: Sequence[str], words: Words, genome: bool = False, remedy: str = ""
) -> list[Path]:
    """Write a page from its content and from the scores in blocks of :data:`BLOCK` sequences, as JSON.

    A page without scores has no logos, and a ``remedy`` that says how to get them.
    """
    folder = out.with_name(f"{out.stem}_data")
    content = {"average": None, "residuals": None, **content, "size": BLOCK, "beside": None}
    library, policy = inlined(script("igv/igv.min")) if genome else (None, "")
    code, allowed = module("logo", "search", "columns", "store", *(["genome"] if genome else []))
    told = json_text(content)
    if beside := sum(map(len, [*blocks, told, code, library or ""])) > _ONE_FILE:
        told = json_text({**content, "beside": folder.name})
    allowed = f"{allowed} {policy}".rstrip()
    page = template("store.html.j2").render(
        title=words.title,
        subtitle=words.subtitle,
        allowed=allowed + (" 'self' file:" if beside else ""),
        several=len(content["tracks"]) > 1,
        together=1 < len(content["tracks"]) <= _TOGETHER,
        scales=len({track.get("scale") for track in content["tracks"]}) > 1,
        spread=any("spread" in track for track in content["tracks"]),
        regions="regions" in content or content.get("noun") == "variants",
        drawn=content.get("drawn", True),
        alleles="places" in content and content.get("noun") == "variants",
        remedy=remedy,
        average=content["average"],
        residuals=content["residuals"],
        tables=words.tables,
        details={name: json.dumps(told, indent=1, default=str) for name, told in words.details.items()},
        content=told,
        blocks=[] if beside else blocks,
        library=library,
        script=code,
    )  # fmt: skip
    files = [out]
    if beside:
        _clear(folder)
        for number, text in enumerate(blocks):
            files.append(folder / f"block-{number}.js")
            write_whole(files[-1], f"genoliftBlock({number}, {text});\n".encode())
    write_whole(out, page.encode())
    return files


def _clear(folder: Path) -> None:
    """Make the directory, without what an earlier page left in it."""
    with file_problems(folder, "written"):
        folder.mkdir(exist_ok=True)
        there = list(folder.iterdir())
        if foreign := [one.name for one in there if not re.fullmatch(r"block-\d+\.js", one.name)]:
            raise FileProblem(f"{folder} holds other files ({foreign[0]}); give the page another name")
        for one in there:
            one.unlink()


def _content(
    tracks: Sequence[Track],
    found: list[list[dict[str, Any] | None]],
    spreads: list[list[float]],
    marks: Mapping[int, list[Mark]],
) -> dict[str, Any]:
    first = tracks[0].result
    told: dict[str, Any] = {"names": [str(name) for name in first.name_texts], "annotations": {}}
    told["annotations"] = {
        row: [{"start": a, "end": b, "label": label, "strand": strand} for a, b, label, strand in some]
        for row, some in marks.items()
    }
    if first.region_table is not None:
        rows = [(one.chrom, one.start, one.end, one.strand) for one in first.region_table]
        told["regions"] = [f"{chrom}:{start + 1:,}-{end:,} {strand}" for chrom, start, end, strand in rows]
        told["places"] = [{"chrom": str(c), "start": int(s), "strand": str(d)} for c, s, _, d in rows]
        chroms = list(dict.fromkeys(chrom for chrom, *_ in rows))
        told["regionOrder"] = [chroms.index(chrom) * 10**10 + int(start) for chrom, start, *_ in rows]
    told["tracks"] = []
    for track, stretches, spread_of_rows in zip(tracks, found, spreads, strict=True):
        one: dict[str, Any] = {"label": track.label, "scale": track.scale, "strongest": stretches}
        result = track.result
        one["predictions"] = rounded(result.predictions) if "predictions" in result.defined else [None] * len(result)
        if "residual" in result.defined:
            residual = np.abs(np.asarray(result.residual, dtype=float)).reshape(len(result), -1)
            known = np.isfinite(residual)  # A sequence may have fewer references than others, but not none.
            largest = np.where(known, residual, 0.0).max(axis=1, initial=0.0)
            one["residual"] = rounded(np.where(known.any(axis=1), largest, np.nan))
        if np.isfinite(spread_of_rows).any():
            one["spread"] = rounded(spread_of_rows)
        told["tracks"].append(one)
    return told
