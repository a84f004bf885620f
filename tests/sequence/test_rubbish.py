"""Whatever a file of regions or variants holds, it is read, or refused in one line of our own."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.sequence.regions import Malformed, read_intervals, scan_intervals
from genolift.sequence.vcf import read_vcf
from genolift.support.errors import GenoliftError

# Fields that are nearly right are more telling than noise.
FIELD = st.one_of(
    st.sampled_from(
        ["chr1", "", ".", "1", "-1", "0", "10", "1e3", "٣", "+", "-", "ACGT", "A,C", "<DEL>", "*", "]a:1]A", "[", "A["]
    ),
    st.text(max_size=8),
)
LINE = st.lists(FIELD, max_size=12).map("\t".join)
TEXT = st.lists(LINE, max_size=6).map("\n".join)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("rubbish") / "file"


def tried(records) -> tuple[list, str]:
    """Everything that is read, or nothing and what was said."""
    try:
        return list(records), ""
    except GenoliftError as problem:
        return [], str(problem)


@pytest.mark.slow
@given(text=TEXT, width=st.sampled_from([None, 1, 50]))
def test_rubbish_as_regions(path, text, width):
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found, said = tried(scan_intervals(path, width))
    assert not said or str(path) in said
    bad = [one.line for one in found if isinstance(one, Malformed)]
    for one in found:
        if not isinstance(one, Malformed):
            assert one.start < one.end
            assert width is None or one.end - one.start == width
    if bad:
        assert f"{path}, line {bad[0]}: " in tried(one for one in [path] for _ in read_intervals(one, width))[1]


@given(text=TEXT)
def test_rubbish_as_variants(path, text):
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found, said = tried(read_vcf(path))
    assert bool(found) != bool(said)
    assert not said or str(path) in said
    for one in found:
        assert one.pos >= 0
        assert one.chrom
        assert one.ref
        assert one.alternatives


@given(content=st.binary(max_size=200), compress=st.booleans())
def test_bytes(path, content, compress):
    path.write_bytes(gzip.compress(content) if compress else content)
    for read in (scan_intervals, read_vcf):
        _, said = tried(read(path))
        assert not said or str(path) in said
