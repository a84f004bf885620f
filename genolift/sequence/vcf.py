"""Records of a VCF file, one after another, each with its line number.

vcfpy parses the lines one at a time. Readers that use htslib need a complete header, which files written by hand seldom
have, and they stop at a malformed line without naming it. Samples and annotations are never looked at.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError, Remedy, setting

# What an alternative allele is: bases, or something that has none.
BASES, SYMBOLIC, BREAKEND, SPANNING, ABSENT = "bases", "symbolic", "breakend", "spanning deletion", "none"
# The parser needs no more than this. The file's own header describes annotations, which are not read.
_HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
_WHOLE = re.compile(r"-?[0-9]+")
_BRACKETS = set("[]")  # A breakend has the place of its mate between two of them.
# What columns of tables of variants are called, as far as no position can look like that.
_NAMES = {"POS", "POSITION", "BP", "START", "REF", "ALT", "ID", "SNP", "RSID", "CHR", "CHROM", "CHROMOSOME", "A1", "A2"}
OnBad: TypeAlias = Literal["fail", "skip"]
_Parser: TypeAlias = Callable[[str], Any]  # a function of a line that returns a record of vcfpy


class Alternative(NamedTuple):
    """An alternative allele as the file writes it, and its kind, which is one of this module's constants."""

    text: str
    kind: str


class VcfRecord(NamedTuple):
    """One line of a VCF file. ``pos`` is 1-based, ``line`` is its number in the file, and texts are the file's own.

    A line that is malformed has a ``fault``, which says why, and ``pos`` may be -1.
    """

    line: int
    chrom: str
    pos: int
    id: str
    ref: str
    alternatives: tuple[Alternative, ...]
    fault: str = ""


def read_vcf(path: str | os.PathLike, on_bad: OnBad = "fail") -> Iterator[VcfRecord]:
    """Yield the records of a VCF file in its order.

    A line holds chromosome, position, id, reference and alternative alleles, separated by tabs. Further columns and the
    header may be left out. A record without an alternative allele has one of the kind ``ABSENT``. A breakend is read as
    one whatever its mate is called.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip.
    on_bad
        What becomes of malformed lines: ``"fail"`` (the default) raises, ``"skip"`` yields a record with the fault.

    Yields
    ------
    VcfRecord
        One line of the file.

    Raises
    ------
    InputError
        If a line is malformed (the message names file and line), or if there is no record.
    FileProblem
        If the file cannot be read, is damaged or is not VCF.
    """
    parse = _parser()
    empty = True
    for number, line in _lines(path):
        if empty and _names_columns(line):
            continue
        try:
            yield _record(line, number, parse)
        except InputError as problem:
            if on_bad == "fail" or (empty and _NAMES & set(line.upper().split())):
                skip = None if empty else Remedy.naming("{} reports such lines as rows", setting("on_bad", "skip"))
                raise InputError(f"{path}, line {number}: {problem}", skip) from None
            yield _malformed(line, number, str(problem))
        empty = False
    if empty:
        raise InputError(f"{path} holds no variants: a line is chromosome, position, id, reference and alternative")


def _parser() -> _Parser:
    import vcfpy

    stream = io.StringIO(_HEADER)
    reader = vcfpy.Reader.from_stream(stream)  # type: ignore[arg-type]  # It reads any stream of text.
    return reader.parser.parse_line


def _lines(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are neither blank nor header."""
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, start=1):
                if "\0" in line or line.startswith("BCF"):
                    raise FileProblem(f"{path} is binary; bcftools view turns BCF into VCF")
                if line.strip() and not line.startswith("#"):
                    yield number, line.rstrip("\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(f"{path} is truncated or damaged; copy it again") from None
        except UnicodeDecodeError:
            raise FileProblem(
                f"{path} is not a VCF file: it holds binary data (bcftools view turns BCF into VCF), "
                "or text that is not UTF-8"
            ) from None


def _names_columns(line: str) -> bool:
    """Return whether a line names the columns of VCF, without the sign # before it."""
    names = tuple(field.strip().upper() for field in line.split("\t")[:5])
    return len(names) == 5 and names[0] in ("CHROM", "CHR", "CHROMOSOME") and names[1:] == ("POS", "ID", "REF", "ALT")


def _malformed(line: str, number: int, fault: str) -> VcfRecord:
    """Return a record for a line that is malformed, with as much of it as can be told."""
    chrom, position, name, ref, alt = ([field.strip() or "." for field in line.split("\t")] + ["."] * 5)[:5]
    pos = int(position) if re.fullmatch(r"[0-9]{1,18}", position) else -1
    return VcfRecord(number, chrom, pos, name, ref, (Alternative(alt, ABSENT),), fault)


def _record(line: str, number: int, parse: _Parser) -> VcfRecord:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) < 5:
        spaces = " separated by tabs, not spaces" if len(line.split()) >= 5 else ""
        raise InputError(f"a VCF line has at least five columns{spaces}: chromosome, position, id, REF, ALT")
    chrom, position, name, ref, alt = fields[:5]
    if position.upper() in _NAMES:
        raise InputError(
            "this looks like a line of column names; a VCF line is chromosome, position, id, REF and ALT, in this order"
        )
    if not _WHOLE.fullmatch(position) or int(position) < 0:
        raise InputError(f"the position is {position!r}; it is a whole number, 1 for the first base")
    for what, text in (("chromosome", chrom), ("REF", ref), ("ALT", alt)):
        if not text or (what == "ALT" and "" in text.split(",")):
            raise InputError(f"{what} is empty")
    texts = [] if alt == "." else alt.split(",")
    # The parser takes the name of a mate to end at its first colon, but names such as HLA-A*01:01 have several.
    told = ",".join("N" if _BRACKETS & set(text) else text for text in texts) or "."
    try:
        parsed = parse("\t".join([chrom, position, name or ".", ref, told, ".", ".", "."]))
    except (ValueError, IndexError, KeyError) as problem:
        raise InputError(f"ALT {alt!r} cannot be read ({problem})") from None
    alleles = tuple(Alternative(text, _kind(text, item)) for text, item in zip(texts, parsed.ALT, strict=True))
    return VcfRecord(number, chrom, int(position), name or ".", ref, alleles or (Alternative(alt, ABSENT),))


def _kind(text: str, parsed: Any) -> str:
    import vcfpy

    if _BRACKETS & set(text):
        return BREAKEND
    if text == "*":  # the allele is missing because of a deletion that begins before it
        return SPANNING
    if isinstance(parsed, vcfpy.SymbolicAllele):
        return SYMBOLIC
    return BASES if isinstance(parsed, vcfpy.Substitution) else BREAKEND
