"""What variants overlap: genes, peaks and hits of BED, GFF3 and GTF files."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.pipeline.variants.overlaps import Features, check_overlaps, overlap_cells
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import Windows
from genolift.sequence.vcf import BASES, Alternative, VcfRecord
from genolift.support.errors import FileProblem, InputError

BED = "track name=x\nchr1\t10\t20\tfirst peak\t0\t+\nchr1\t15\t30\tb\nchr1\t40\t50\nchr2\t0\t9\ta,b\n"
GTF = (
    '#!genome-build x\nchr1\tH\tgene\t11\t20\t.\t+\t.\tgene_id "E1"; gene_name "GATA1";\n'
    'chr1\tH\texon\t1\t300\t.\t+\t.\tgene_id "E1"; gene_name "exon of all";\n'
    'chr1\tH\tgene\t16\t30\t.\t-\t.\tgene_id "E2";\n'
)
GFF3 = (
    "##gff-version 3\nchr1\t.\tenhancer\t11\t20\t.\t+\t.\tID=e1;Name=up stream\n"
    "chr1\t.\tenhancer\t16\t30\t.\t.\t.\tID=e2\nchr1\t.\tenhancer\t41\t50\t.\t.\t.\n##FASTA\n>chr1\nACGT\n"
)


@pytest.fixture
def read(tmp_path):
    def of(text, name="f.txt"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return Features.read(path, ["chr1", "chr3"])

    return of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (BED, ["first_peak", "b", "chr1:40-50"]),
        (GTF, ["GATA1", "E2"]),
        (GFF3, ["up_stream", "e2", "chr1:40-50"]),
    ],
    ids=["bed", "gtf", "gff3"],
)
@pytest.mark.parametrize("file", ["f.txt", "f.gz"])
def test_names_of_what_overlaps(read, text, names, file):
    some = read(text, file)
    first, second, *third = names
    assert some.names("chr1", 9, 10) == []
    assert some.names("chr1", 10, 11) == [first]
    assert some.names("chr1", 19, 20) == [first, second]
    assert some.names("chr1", 29, 45) == [second, *third]
    assert some.names("chr1", 15, 15) == [first]  # between two bases: inside the first, at the edge of the second
    assert some.names("chr3", 15, 16) == []


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ('note "a; gene_name B; c"; gene_name "GATA1; short"; gene_id "E1"', "GATA1;_short"),
        ("ID=g1;Note=5%27 end%3B Name=no;Name=tRNA%2DAla%3B 2", "tRNA-Ala;_2"),
        ("ID=g1; Name = beta-globin ;Alias=x", "beta-globin"),
        ("gene_id E1; gene_name HBB", "HBB"),
        ('gene_id "E1; gene_name "HBB";', "HBB"),  # an opening mark that nothing closes
        ('Name="HBB";ID=g1', "HBB"),
        ('gene_name "50%25 x";', "50%25_x"),  # GTF has no signs for signs
        ('partial; gene_name "";gene_id "E1"', "E1"),
        ("ID=caf%C3%A9", "café"),
    ],
)
def test_names_in_the_attributes_of_gtf_and_gff3(read, attributes, name):
    assert read(f"chr1\t.\tgene\t11\t20\t.\t+\t.\t{attributes}\n").names("chr1", 10, 20) == [name]


def test_letters_of_latin_1_are_no_binary_data(tmp_path):
    for line in (b"chr1\t10\t20\tcaf\xe9\n", b'chr1\t.\tgene\t11\t20\t.\t+\t.\tgene_name "caf\xe9"\n'):
        (tmp_path / "f").write_bytes(b"# \xe9t\xe9\n" + line)
        assert Features.read(tmp_path / "f", ["chr1"]).names("chr1", 10, 11) == ["café"]


@given(places=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=30), data=st.data())
def test_every_overlap_is_found(tmp_path_factory, places, data):
    path = tmp_path_factory.mktemp("f") / "f.bed"
    path.write_text("".join(f"chr1\t{start}\t{start + size}\tf{i}\n" for i, (start, size) in enumerate(places)))
    start = data.draw(st.integers(0, 90))
    end = start + data.draw(st.integers(1, 20))
    found = Features.read(path, ["chr1"]).names("chr1", start, end)
    wanted = {
        f"f{i}" for i, (first, size) in enumerate(places) if set(range(start, end)) & set(range(first, first + size))
    }
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_only_changed_bases_count(tmp_path, read):
    """The base before an indel does not change, nor do bases that are written beside a variant."""
    chromosome = "".join(random.Random(4).choices("ACGT", k=200))
    (tmp_path / "g.fa").write_text(f">chr1\n{chromosome}\n")
    windows, features = Windows(Fasta(tmp_path / "g.fa"), 20), {"peak": read("chr1\t99\t101\tp\n")}

    def cell(pos, ref, alt):
        (allele,) = windows.alleles(VcfRecord(1, "chr1", pos, ".", ref, (Alternative(alt, BASES),)))
        assert allele.status == "ok"
        return allele.changed, overlap_cells(allele, features)["peak"]

    def spelled(pos, size):
        return chromosome[pos - 1 : pos - 1 + size]

    other = "ACGT".replace(chromosome[99], "")[0]
    assert cell(100, spelled(100, 1), other) == ((99, 100), "p")
    assert cell(97, spelled(97, 4), spelled(97, 3) + other) == ((99, 100), "p")
    assert cell(98, spelled(98, 1), "ACGT".replace(chromosome[97], "")[0]) == ((97, 98), ".")
    inserted = "ACGT".replace(chromosome[99], "")[1]
    assert cell(100, spelled(100, 1), spelled(100, 1) + inserted) == ((100, 100), "p")
    (start, end), found = cell(94, spelled(94, 9), spelled(94, 1))
    assert (end - start, found) == (8, "p")
    assert (
        overlap_cells(
            windows.alleles(VcfRecord(1, "chr1", 100, ".", spelled(100, 1), (Alternative(other, BASES),)))[0], {}
        )
        == {}
    )


def test_what_cannot_be_used_is_said(read, tmp_path):
    with pytest.raises(InputError, match=r"none of the genome's chromosomes: it has 1, and the genome chr1, chr3"):
        read(BED.replace("chr2", "1").replace("chr1", "1"))
    with pytest.raises(InputError, match="line 3: start is 'x'"):
        read("chr1\t1\t2\nchr1\t3\t4\nchr1\tx\t9\n")
    with pytest.raises(InputError, match="line 4: a line of GFF"):
        read(GTF.replace("gene\t16\t30", "gene\tx\t30"))
    (tmp_path / "f.bed").write_text(BED)
    for overlaps, error, words in [
        ([("a b", tmp_path / "f.bed")], InputError, "cannot name a column"),
        ([("delta", tmp_path / "f.bed")], InputError, "has a column 'delta' already"),
        ([("a", tmp_path / "f.bed"), ("a", tmp_path / "f.bed")], InputError, "has a column 'a' already"),
        ([("a", Path("nowhere.bed"))], FileProblem, "does not exist"),
    ]:
        with pytest.raises(error, match=words):
            check_overlaps(overlaps, ["delta"])
