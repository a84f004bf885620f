"""Features of the genome, such as genes, peaks and hits, that variants overlap."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from genolift.sequence.files import is_stream, open_text
from genolift.sequence.regions import Malformed, scan_intervals
from genolift.sequence.variants import Allele
from genolift.support.errors import FileProblem, InputError

_NAMING = ("gene_name", "Name", "gene_id", "ID")  # attributes of GTF and GFF3, the most telling first
# A name, its value behind = (GFF3) or a blank (GTF), in quotation marks or not, and what ends it.
_ATTRIBUTE = re.compile(r'([^\s=";]+)(?:\s*(=)\s*|\s+)(?:"([^"]*)"|([^;]*?))\s*(?:;|$)')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Features:
    """Named stretches of a genome.

    Parameters
    ----------
    places
        By chromosome the starts and ends (0-based, half-open), (N,) each, and the names.
    """

    places: Mapping[str, tuple[np.ndarray, np.ndarray, Sequence[str]]]

    @classmethod
    def read(cls, path: Path, chromosomes: Iterable[str]) -> Features:
        """Read a BED, GFF3 or GTF file, plain, gzip or bgzip; the content tells which.

        Of GFF3 and GTF the features of the type gene are taken, or all where there are none of that type.

        Raises
        ------
        InputError
            For a malformed line, with its number, and for a file that has no chromosome of the genome.
        """
        found = list(_gff(path)) if _is_gff(path) else [(*place, "") for place in _bed(path)]
        genes = [one for one in found if one[4] == "gene"]
        by_chromosome: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for chrom, start, end, name, _ in genes or found:
            by_chromosome[chrom].append((start, end, name))
        known = set(chromosomes)
        if not known & by_chromosome.keys():
            theirs, ours = (", ".join(sorted(some)[:3]) for some in (by_chromosome, known))
            raise InputError(f"{path} has none of the genome's chromosomes: it has {theirs}, and the genome {ours}")
        return cls({chrom: _columns(rows) for chrom, rows in by_chromosome.items()})

    def names(self, chrom: str, start: int, end: int) -> list[str]:
        """Return the names of what overlaps a stretch, each once; an empty stretch must lie inside."""
        if chrom not in self.places:
            return []
        starts, ends, names = self.places[chrom]
        hit = (starts < end) & (ends > start)
        return list(dict.fromkeys(names[i] for i in np.flatnonzero(hit).tolist()))


def check_overlaps(overlaps: Sequence[tuple[str, Path]], columns: Iterable[str]) -> None:
    """Raise an error for names that cannot be columns, or files that are not there."""
    taken = set(columns)
    for name, path in overlaps:
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot name a column; write letters, digits and _, as in genes=genes.gtf")
        if name in taken:
            raise InputError(f"the table has a column {name!r} already; choose another name")
        taken.add(name)
        if str(path) != "-" and not is_stream(path):
            open_text(path).close()


def overlap_cells(allele: Allele, features: Mapping[str, Features]) -> dict[str, str]:
    """Return by column the names of the features that the changed bases overlap, with commas between them."""
    if not features:
        return {}
    start, end = allele.changed
    found = {column: some.names(allele.record.chrom, start, end) for column, some in features.items()}
    return {column: ",".join(names) or "." for column, names in found.items()}


def _columns(rows: list[tuple[int, int, str]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rows = sorted(rows)
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), [row[2] for row in rows]


def _bed(path: Path) -> Iterator[tuple[str, int, int, str]]:
    for one in scan_intervals(path, summits="none"):
        if isinstance(one, Malformed):
            raise InputError(f"{path}, line {one.line}: {one.reason}", one.remedy)
        name = one.name if one.name != "." else f"{one.chrom}:{one.start}-{one.end}"
        yield one.chrom, one.start, one.end, _one_cell(name)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if "\0" in line:
                    raise FileProblem(
                        f"{path} is not a file of features: it holds binary data, or text that is not UTF-8"
                    )
                if line.startswith(("##FASTA", ">")):  # GFF3 may have the sequences behind the features.
                    return
                if line.strip() and not line.startswith(("#", "track", "browser")):
                    yield number, line.rstrip("\r\n").split("\t")
        except (EOFError, UnicodeDecodeError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is damaged, or holds something else than text") from None


def _is_gff(path: Path) -> bool:
    """Return whether the first line has the columns of GFF3 and GTF: start and end are the fourth and the fifth."""
    first = next(_lines(path), (0, []))[1]
    return len(first) > 7 and first[3].strip().isdecimal() and first[4].strip().isdecimal() and not first[1].isdecimal()


def _gff(path: Path) -> Iterator[tuple[str, int, int, str, str]]:
    for number, fields in _lines(path):
        if len(fields) < 8 or not (fields[3].isdecimal() and fields[4].isdecimal()):
            raise InputError(
                f"{path}, line {number}: a line of GFF has eight columns or more, with start and end in 4 and 5"
            )
        start, end = int(fields[3]) - 1, int(fields[4])
        if not 0 <= start < end:
            raise InputError(f"{path}, line {number}: start {fields[3]} and end {fields[4]} are not a feature")
        given = _attributes(fields[8]) if len(fields) > 8 else {}
        name = next((given[key] for key in _NAMING if given.get(key)), f"{fields[0]}:{start}-{end}")
        yield fields[0], start, end, _one_cell(name), fields[2]


def _attributes(text: str) -> dict[str, str]:
    """Return the names and values of the last column of a line.

    Values of GTF stand in quotation marks, within which a semicolon ends nothing. GFF3 writes what has a meaning in it
    as a percent sign and two digits.
    """
    found: dict[str, str] = {}
    for name, equals, quoted, bare in _ATTRIBUTE.findall(text):
        value = quoted or bare.strip('"')
        found.setdefault(unquote(name) if equals else name, unquote(value) if equals else value)
    return found


def _one_cell(name: str) -> str:
    """Return a name without what separates names and cells."""
    return re.sub(r"[\s,]+", "_", name.strip()) or "."
