"""Records of a VCF file, one after another, each with the line it stood on.

vcfpy parses the lines, one at a time: the readers that go through htslib want a complete header, which files written by
hand seldom have, and stop at a malformed line without its number. Samples and annotations are never looked at.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from genolift.sequence.files import open_text
from genolift.support.errors import FileProblem, InputError

# What an alternative allele is: bases, or something that has none.
BASES, SYMBOLIC, BREAKEND, SPANNING, ABSENT = "bases", "symbolic", "breakend", "spanning deletion", "none"
# All that a parser needs to know: the file's own meta-information describes annotations.
_HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
_WHOLE = re.compile(r"-?[0-9]+")


class Alternative(NamedTuple):
    """An alternative allele as the file writes it, and what kind of one it is."""

    text: str
    kind: str


class Record(NamedTuple):
    """One line of a VCF file; ``pos`` is 1-based, texts are the file's own."""

    line: int
    chrom: str
    pos: int
    id: str
    ref: str
    alternatives: tuple[Alternative, ...]


def read_vcf(path) -> Iterator[Record]:
    """Records of a VCF file, plain, gzip or bgzip, in its order.

    A record without an alternative allele has one of kind ``ABSENT``. Lines are chromosome, position, id, reference and
    alternative alleles, separated by tabs; what follows may be left out, as may the header. Raises
    :class:`InputError` naming file and line for what is malformed, and if there is no record at all.
    """
    parse = _parser()
    empty = True
    for number, line in _lines(path):
        empty = False
        try:
            yield _record(line, number, parse)
        except InputError as problem:
            raise InputError(f"{path}, line {number}: {problem}") from None
    if empty:
        raise InputError(f"{path} holds no variants: a line is chromosome, position, id, reference and alternative")


def _parser():
    import vcfpy

    return vcfpy.Reader.from_stream(io.StringIO(_HEADER)).parser.parse_line


def _lines(path) -> Iterator[tuple[int, str]]:
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
                f"{path} is not a VCF file: it holds binary data (bcftools view turns BCF into VCF), or text that is not UTF-8"
            ) from None


def _record(line: str, number: int, parse) -> Record:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) < 5:
        spaces = " separated by tabs, not spaces" if len(line.split()) >= 5 else ""
        raise InputError(f"a VCF line has at least five columns{spaces}: chromosome, position, id, REF, ALT")
    chrom, position, name, ref, alt = fields[:5]
    if not _WHOLE.fullmatch(position) or int(position) < 0:
        raise InputError(f"the position is {position!r}; it is a whole number, 1 for the first base")
    for what, text in (("chromosome", chrom), ("REF", ref), ("ALT", alt)):
        if not text or (what == "ALT" and "" in text.split(",")):
            raise InputError(f"{what} is empty")
    try:
        parsed = parse("\t".join([chrom, position, name or ".", ref, alt, ".", ".", "."]))
    except (ValueError, IndexError, KeyError) as problem:  # what a malformed breakend makes vcfpy raise
        raise InputError(f"ALT {alt!r} cannot be read ({problem})") from None
    texts = alt.split(",") if parsed.ALT else []
    found = [Alternative(text, _kind(text, item)) for text, item in zip(texts, parsed.ALT, strict=True)]
    return Record(number, chrom, int(position), name or ".", ref, tuple(found) or (Alternative(alt, ABSENT),))


def _kind(text: str, parsed) -> str:
    import vcfpy

    if text == "*":  # the allele is missing because of a deletion upstream
        return SPANNING
    if isinstance(parsed, vcfpy.SymbolicAllele):
        return SYMBOLIC
    return BASES if isinstance(parsed, vcfpy.Substitution) else BREAKEND
