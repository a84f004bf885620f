"""Lines of VCF files, good and bad."""

import gzip

import pytest
from Bio import bgzf

from genolift.sequence import vcf
from genolift.sequence.vcf import read_vcf
from genolift.support.errors import FileProblem, InputError

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta b\n"
LINE = "chr1\t5\trs1\tG\tA\t9.5\tPASS\tAF=0.5;X\tGT:AD\t0/1:3,4\n"


def write(tmp_path, text, form="plain"):
    path = tmp_path / ("v.vcf" if form == "plain" else "v.vcf.gz")
    if form == "plain":
        path.write_bytes(text.encode())
    elif form == "gzip":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        with bgzf.BgzfWriter(str(path), "wb") as out:
            out.write(text.encode())
    return path


def records(tmp_path, text, form="plain"):
    return list(read_vcf(write(tmp_path, text, form)))


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip"])
def test_records_and_their_lines(form, tmp_path):
    (one,) = records(tmp_path, HEADER + LINE, form)
    assert one == vcf.VcfRecord(3, "chr1", 5, "rs1", "G", (("A", vcf.BASES),))


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t5\trs1\tG\tA\n",
        "##fileformat=VCFv4.2\nchr1\t5\trs1\tG\tA\t.\t.\n",  # neither INFO nor a line of column names
        HEADER.replace("\n", "\r\n") + LINE.replace("\n", "\r\n"),
        "\ufeff" + HEADER + LINE + "\n\n",
        "##no equals sign\n##INFO=<broken\n" + LINE.rstrip("\n"),
    ],
)
def test_headers_and_line_ends_do_not_matter(text, tmp_path):
    (one,) = records(tmp_path, text)
    assert one[1:6] == ("chr1", 5, "rs1", "G", (("A", vcf.BASES),))


@pytest.mark.parametrize(
    ("alt", "expected"),
    [
        ("A", [("A", vcf.BASES)]),
        ("A,GT,*", [("A", vcf.BASES), ("GT", vcf.BASES), ("*", vcf.SPANNING)]),
        ("acg", [("acg", vcf.BASES)]),
        (".", [(".", vcf.ABSENT)]),
        ("<DEL>,<*>", [("<DEL>", vcf.SYMBOLIC), ("<*>", vcf.SYMBOLIC)]),
        ("G]chr2:123]", [("G]chr2:123]", vcf.BREAKEND)]),
        ("[<ctg>:7[G", [("[<ctg>:7[G", vcf.BREAKEND)]),
        ("G.,.G", [("G.", vcf.BREAKEND), (".G", vcf.BREAKEND)]),
        ("G]HLA-A*01:01:01:01:100],A", [("G]HLA-A*01:01:01:01:100]", vcf.BREAKEND), ("A", vcf.BASES)]),
        ("G[<INV>[", [("G[<INV>[", vcf.BREAKEND)]),
        ("[<ctg>[G,[chr2:x[G", [("[<ctg>[G", vcf.BREAKEND), ("[chr2:x[G", vcf.BREAKEND)]),
    ],
)
def test_kinds_of_alternative_alleles(alt, expected, tmp_path):
    (one,) = records(tmp_path, f"chr1\t5\t.\tG\t{alt}\n")
    assert list(one.alternatives) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chr1\t5\trs1\tG\n", "five columns"),
        ("chr1 5 rs1 G A\n", "separated by tabs, not spaces"),
        ("chr1\tfive\trs1\tG\tA\n", "position is 'five'"),
        ("chr1\t5.0\trs1\tG\tA\n", "position is '5.0'"),
        ("chr1\t1_000\trs1\tG\tA\n", "position is '1_000'"),
        ("chr1\t-5\trs1\tG\tA\n", "position is '-5'"),
        ("\t5\trs1\tG\tA\n", "chromosome is empty"),
        ("chr1\t5\trs1\t\tA\n", "REF is empty"),
        ("chr1\t5\trs1\tG\t\n", "ALT is empty"),
        ("chr1\t5\trs1\tG\tA,,C\n", "ALT is empty"),
    ],
)
def test_malformed_lines_are_named_by_number(line, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        records(tmp_path, HEADER + LINE + line + LINE)
    assert "v.vcf, line 4: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no variants"),
        (HEADER.encode(), "holds no variants"),
        (b"BCF\2\2" + bytes(50), "bcftools"),
        (gzip.compress(mtime=0, data=b"BCF\2\2\xff\xfe" + bytes(50)), "bcftools"),
        (bytes(range(128, 256)), "not a VCF file"),
        (gzip.compress((HEADER + LINE * 500).encode(), mtime=0)[:-30], "truncated"),
        (b"BZh9abc", "bzip2"),
    ],
)
def test_files_that_are_not_vcf(content, words, tmp_path):
    path = tmp_path / "v.vcf"
    path.write_bytes(content)
    with pytest.raises((FileProblem, InputError), match=words) as caught:
        list(read_vcf(path))
    assert "v.vcf" in str(caught.value)


def test_reading_is_lazy(tmp_path):
    found = read_vcf(write(tmp_path, LINE + "rubbish\n"))
    assert next(found).pos == 5
    with pytest.raises(InputError, match="line 2"):
        next(found)


@pytest.mark.parametrize("names", ["CHROM\tPOS\tID\tREF\tALT\tQUAL", "chr\tpos\tid\tref\talt"])
def test_column_names_without_their_sign_are_passed_over(names, tmp_path):
    (one,) = records(tmp_path, f"##fileformat=VCFv4.2\n{names}\n{LINE}")
    assert (one.line, one.pos) == (3, 5)
    with pytest.raises(InputError, match=r"line 2: this looks like a line of column names"):
        records(tmp_path, f"{LINE}{names}\n")


@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_column_names_in_another_order_are_said_to_be_that(on_bad, tmp_path):
    path = write(tmp_path, "SNP\tCHR\tBP\tA1\tA2\n" + LINE)
    with pytest.raises(InputError, match="line 1: this looks like a line of column names; a VCF line is chromosome"):
        list(read_vcf(path, on_bad))


def test_malformed_lines_are_records_with_their_fault_when_asked(tmp_path):
    path = write(tmp_path, LINE + "chr1\tfive\trs2\tG\tA\nchr1\t6\n" + LINE)
    with pytest.raises(InputError, match=r"line 2: the position is 'five'.*on_bad='skip'"):
        list(read_vcf(path))
    good, five, short, last = read_vcf(path, "skip")
    assert (good.fault, last.fault) == ("", "")
    assert (five.line, five.chrom, five.pos, five.id, five.ref) == (2, "chr1", -1, "rs2", "G")
    assert five.fault.startswith("the position is 'five'")
    assert (short.pos, short.ref) == (6, ".")
    assert "five columns" in short.fault
