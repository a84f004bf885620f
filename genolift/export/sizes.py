"""Chromosomes and their lengths, in the order of a genome."""

from __future__ import annotations

from pathlib import Path

from genolift.export.options import FormatOption
from genolift.results.explanation import Explanation
from genolift.results.regions import RegionTable
from genolift.sequence.files import open_text
from genolift.sequence.genome import Fasta
from genolift.support.errors import FileProblem, InputError

CHROM_SIZES = FormatOption(
    "chrom_sizes",
    "chromosomes and lengths, a FASTA index (.fai), or the genome's FASTA file.  "
    "[default: those of the genome that was scored]",
    is_path=True,
)


def chromosome_sizes(explanation: Explanation, path: Path | None) -> dict[str, int] | None:
    """Return the length of every chromosome in bases, in the order of the genome.

    Parameters
    ----------
    explanation
        The explanation, whose provenance may have the lengths.
    path
        A file as :func:`read_sizes` takes it, or ``None`` for the lengths in the provenance.

    Returns
    -------
    dict or None
        Lengths by name; ``None`` if they are not known.
    """
    if path is not None:
        return read_sizes(path)
    known = explanation.provenance.get("chrom_sizes")
    return {str(name): int(size) for name, size in dict(known).items()} if known else None


def read_sizes(path: Path) -> dict[str, int]:
    """Return the length of every chromosome in bases, in the order of a file.

    Parameters
    ----------
    path
        A file with two columns, a FASTA index (.fai), or a FASTA file.

    Raises
    ------
    InputError
        If a line is not a chromosome and its length, or a chromosome is there twice; the message names file and line.
    FileProblem
        If the file cannot be read.
    """
    sizes: dict[str, int] = {}
    with open_text(path) as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.startswith(">") and not sizes:
                    return Fasta(path).sizes
                if not line.strip() or line.startswith("#"):
                    continue
                name, size = _line(line, f"{path}, line {number}")
                if name in sizes:
                    raise InputError(f"{path}, line {number}: {name!r} is there twice")
                sizes[name] = size
        except (UnicodeDecodeError, EOFError):
            raise FileProblem(f"{path} is no table of chromosome sizes: it is damaged or holds binary data") from None
    if not sizes:
        raise InputError(f"{path} holds no chromosome sizes; a line is a chromosome and its length")
    return sizes


def _line(line: str, where: str) -> tuple[str, int]:
    fields = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
    if len(fields) < 2 or not fields[1].strip().isdigit() or int(fields[1]) < 1:
        raise InputError(f"{where}: {line.strip()[:60]!r} is not a chromosome and its length")
    return fields[0].strip(), int(fields[1])


def check_known(regions: RegionTable, sizes: dict[str, int]) -> None:
    """Raise :class:`InputError` for a region on an unknown chromosome, or wholly beyond the ends of its chromosome."""
    for region in regions:
        if region.chrom not in sizes:
            other = region.chrom[3:] if region.chrom.startswith("chr") else "chr" + region.chrom
            hint = f"; they call it {other!r}" if other in sizes else f"; they begin {', '.join([*sizes][:3])}"
            raise InputError(f"the chromosome sizes have no {region.chrom!r}{hint}")
        if region.start >= sizes[region.chrom] or region.end <= 0:
            raise InputError(
                f"{region.chrom}:{region.start}-{region.end} lies outside {region.chrom}, which has "
                f"{sizes[region.chrom]} bases by the chromosome sizes; are they of the same assembly?"
            )
