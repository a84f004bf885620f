"""Tables with a header line that are read as BED: the header says where name and strand are."""

import pytest

from genolift.pipeline.variants.overlaps import Features
from genolift.sequence.regions import read_intervals
from genolift.support.errors import InputError

FINEMO = (
    "chr\tstart\tend\tstart_untrimmed\tend_untrimmed\tmotif_name\thit_coefficient\tstrand\tpeak_name\tpeak_id\n"
    "chr1\t142\t151\t120\t170\tpos_patterns.pattern_0\t78.7\t-\tp0\t0\n"
)


def read(tmp_path, text):
    (tmp_path / "table").write_text(text)
    return [(one.chrom, one.start, one.end, one.name, one.strand) for one in read_intervals(tmp_path / "table")]


def test_hits_of_finemo(tmp_path):
    assert read(tmp_path, FINEMO) == [("chr1", 142, 151, "pos_patterns.pattern_0", "-")]
    assert Features.read(tmp_path / "table", ["chr1"]).names("chr1", 145, 146) == ["pos_patterns.pattern_0"]


def test_ranges_of_r_and_bed_with_a_header(tmp_path):
    ranges = "seqnames start end width strand name\nchr1 5 9 4 + peak\n"
    assert read(tmp_path, ranges) == [("chr1", 5, 9, "peak", "+")]
    assert read(tmp_path, "chrom\tstart\tend\tname\tscore\tstrand\nchr1\t5\t9\tpeak\t0\t-\n") == [
        ("chr1", 5, 9, "peak", "-")
    ]
    assert read(tmp_path, "chr\tstart\tend\tid\nchr1\t5\t9\tpeak\n") == [("chr1", 5, 9, "peak", ".")]


def test_the_column_of_a_wrong_strand_is_named(tmp_path):
    with pytest.raises(InputError, match=r"strand \(column 8\) is 'x'"):
        read(tmp_path, FINEMO.replace("\t-\t", "\tx\t"))
