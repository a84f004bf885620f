import gzip
import random

import numpy as np
import pytest

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.genome import Fasta
from genolift.sequence.regions import read_intervals, unique_names
from genolift.support.errors import FileProblem, InputError

CHR1 = "".join(random.Random(0).choices("ACGT", k=300))


@pytest.fixture
def genome(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1\n{CHR1}\n>chr2\nACGTACGT\n")
    return Fasta(path)


def bed(tmp_path, *lines):
    path = tmp_path / "regions.bed"
    path.write_text("".join("\t".join(map(str, line)) + "\n" if isinstance(line, tuple) else line for line in lines))
    return path


def test_bed3_is_cut_out_half_open(genome, tmp_path):
    regions = genome.regions(bed(tmp_path, "# comment\n", "track name=x\n", "\n", ("chr1", 10, 30), ("chr2", 0, 8)))
    assert regions.sequences == [CHR1[10:30], "ACGTACGT"]
    assert regions.names == ["chr1:10-30", "chr2:0-8"]
    assert regions.starts.tolist() == [10, 0]
    assert regions.ends.tolist() == [30, 8]
    assert regions.strands == [".", "."]


@pytest.mark.parametrize("nothing", ["*", "", "."])
def test_no_strand_has_several_spellings(genome, tmp_path, nothing):
    regions = genome.regions(bed(tmp_path, ("chr1", 10, 30, "p", 0, nothing)))
    assert regions.sequences == [CHR1[10:30]]
    assert regions.strands == ["."]


def test_another_sixth_column_is_refused_with_a_remedy(genome, tmp_path):
    with pytest.raises(InputError, match=r"line 1: strand \(column 6\) is 'pELS'.*cut -f1-3"):
        genome.regions(bed(tmp_path, ("chr1", 10, 30, "p", 0, "pELS")))


def test_strand_is_respected_and_names_are_kept(genome, tmp_path):
    regions = genome.regions(bed(tmp_path, ("chr1", 10, 30, "p", 0, "-"), ("chr1", 40, 60, "q", 0, "+")))
    assert regions.sequences == [reverse_complement(CHR1[10:30]), CHR1[40:60]]
    assert regions.names == ["p", "q"]
    np.testing.assert_array_equal(regions.one_hot(), one_hot(regions.sequences))


def test_names_that_are_not_unique_give_way_to_coordinates(genome, tmp_path):
    lines = [("chr1", 10, 30, "p", 0, "-"), ("chr1", 40, 60, "p", 0, "+"), ("chr1", 40, 60, "p", 0, "+")]
    assert genome.regions(bed(tmp_path, *lines)).names == [
        "chr1:10-30(-)",
        "chr1:40-60(+)",
        "chr1:40-60(+)#2",
    ]


def test_width_centres_on_the_summit_or_the_middle(genome, tmp_path):
    peak = ("chr1", 100, 150, "p", 0, ".", 1.0, 2.0, 3.0, 7)
    no_summit = ("chr1", 100, 150, "q", 0, ".", 1.0, 2.0, 3.0, -1)
    regions = genome.regions(bed(tmp_path, peak, no_summit), width=20)
    assert regions.starts.tolist() == [107 - 10, 125 - 10]
    assert (regions.ends - regions.starts).tolist() == [20, 20]
    assert genome.regions(bed(tmp_path, peak)).sequences == [CHR1[100:150]]


def test_column_10_of_bed12_is_no_summit(tmp_path):
    line = ("chr1", 100, 150, "p", 0, "+", 100, 150, 0, 2, "10,10", "0,40")
    assert read_intervals(bed(tmp_path, line), width=10)[0].start == 120


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("chr1", 10), "three columns"),
        (("chr1", "start", "end"), "start is 'start'"),
        (("chr1", 30, 10), "0 <= start < end"),
        (("chr1", -5, 10), "0 <= start < end"),
        (("chr1", 5, 10, "x", 0, "plus"), "strand"),
        (("chr1", 5, 10, "x", 0, ".", 0, 0, 0, 5), "summit"),
        (("1", 5, 10), "calls it 'chr1'"),
        (("chrX", 5, 10), "no 'chrX'; it has chr1, chr2"),
        (("chr1", 290, 301), "leaves chr1, which has 300 bases"),
    ],
)
def test_errors_name_file_and_line(genome, tmp_path, line, words):
    path = bed(tmp_path, "# header\n", ("chr1", 1, 5), line)
    with pytest.raises(InputError, match=words) as caught:
        genome.regions(path)
    assert "regions.bed, line 3" in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "chr1 5\t10\n",
        "chr1\t5 10\n",
        "chr1 x\t5\t10\n",
        "chr1  5\t 10\tn\t0 -\n",
        "chr1\t5\t10\tn\t0 -\n",  # the strand would be lost
        "chr1\t5\t10\tn 0.5 -\n",
    ],
)
def test_tabs_mixed_with_blanks_are_refused_with_a_remedy(genome, tmp_path, line):
    with pytest.raises(InputError, match=r"line 2: tabs separate some of its columns, and blanks others; .*sed -E"):
        genome.regions(bed(tmp_path, ("chr1", 1, 5), line))


def test_blanks_beside_tabs_and_within_names_do_no_harm(genome, tmp_path):
    lines = "chr1\t5\t10 \tmy peak - 0\t0\t-\n", "chr1 \t 20\t30\tb\n", "chr1 5 10 c 0 -\n"
    found = read_intervals(bed(tmp_path, *lines))
    assert [one[:5] for one in found] == [
        ("chr1", 5, 10, "my peak - 0", "-"),
        ("chr1", 20, 30, "b", "."),
        ("chr1", 5, 10, "c", "-"),
    ]


def test_letters_that_are_not_utf8_are_those_of_latin_1(tmp_path):
    path = tmp_path / "r.bed"
    path.write_bytes("# dédié\nchr1\t1\t5\tnaïve\n".encode("latin-1") + "chr1\t1\t5\tΩ\n".encode())
    assert [one.name for one in read_intervals(path)] == ["naïve", "Ω"]


def test_a_region_widened_beyond_its_chromosome_is_an_error(genome, tmp_path):
    path = bed(tmp_path, ("chr1", 5, 15))
    with pytest.raises(InputError, match=r"line 1: chr1:-40-60 \(at width 100\) leaves chr1"):
        genome.regions(path, width=100)


def test_no_regions_and_no_file(genome, tmp_path):
    with pytest.raises(InputError, match="holds no regions"):
        genome.regions(bed(tmp_path, "# nothing\n"))
    with pytest.raises(FileProblem, match="does not exist"):
        genome.regions(tmp_path / "no.bed")
    with pytest.raises(InputError, match="width"):
        genome.regions(bed(tmp_path, ("chr1", 5, 15)), width=0)


def test_compressed_bed_and_selection(genome, tmp_path):
    path = tmp_path / "r.bed.gz"
    path.write_bytes(gzip.compress(b"chr1\t0\t5\nchr1\t5\t10\nchr1\t10\t15\n"))
    regions = genome.regions(path)
    assert len(regions) == 3
    assert regions[1:].sequences == [CHR1[5:10], CHR1[10:15]]
    assert regions[np.array([True, False, True])].names == ["chr1:0-5", "chr1:10-15"]
    assert len(regions[0]) == 1


def test_names_that_repeat_are_numbered_in_their_order():
    names = unique_names(["."] * 5, "aabaa", [1, 1, 1, 1, 2], [3] * 5, "..+.-")
    assert names == ["a:1-3", "a:1-3#2", "b:1-3(+)", "a:1-3#3", "a:2-3(-)"]
    own = ["p", "q"]
    assert unique_names(own, "ab", [1, 2], [3, 4], "..") is own


def test_names_of_one_hash_are_not_taken_for_one_another(monkeypatch):
    monkeypatch.setattr("genolift.sequence.regions.hash", lambda name: 7, raising=False)
    assert unique_names(["p", "q"], "ab", [1, 2], [3, 4], "..") == ["p", "q"]
    assert unique_names(["p", "p"], "ab", [1, 2], [3, 4], "..") == ["a:1-3", "b:2-4"]
