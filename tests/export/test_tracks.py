"""Tracks: each base has the score of the region whose middle is nearest, in genome order, whatever the strand."""

import io
import os
import signal
import subprocess
from itertools import pairwise

import numpy as np
import pytest
from explained import explained, positions_only, stored
from hypothesis import given
from hypothesis import strategies as st

import genolift as gl
from genolift.export.genome import owners
from genolift.export.sizes import read_sizes
from genolift.results.explanation import Explanation
from genolift.support.errors import FileProblem, GenoliftWarning, InputError, Undefined

SIZES = {"chr2": 100, "chr10": 60, "chr1": 80}  # a header's order is nobody's alphabet


def by_hand(starts, ends):
    """The owner of each position, -1 for none: the nearest middle of those that cover it, the left one, the first."""
    owner = np.full(max(ends), -1)
    for position in range(len(owner)):
        covering = [i for i in range(len(starts)) if starts[i] <= position < ends[i]]
        if covering:
            middle = lambda i: (starts[i] + ends[i]) / 2  # noqa: E731
            owner[position] = min(covering, key=lambda i: (abs(position + 0.5 - middle(i)), middle(i), i))
    return owner


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), min_size=1, max_size=12), st.booleans())
def test_owners(intervals, same_width):
    starts = [start for start, _ in intervals]
    ends = [start + (9 if same_width else width) for start, width in intervals]
    found = owners(starts, ends)
    painted = np.full(max(ends), -1)
    for i, start, end in found:
        assert (painted[start:end] == -1).all()
        painted[start:end] = i
    np.testing.assert_array_equal(painted, by_hand(starts, ends))
    assert [start for _, start, _ in found] == sorted(start for _, start, _ in found)
    assert all(not (a[0] == b[0] and a[2] == b[1]) for a, b in pairwise(found))


def test_two_that_overlap_are_split_midway():
    assert owners([0, 4], [10, 14]) == [(0, 0, 7), (1, 7, 14)]
    assert owners([4, 0], [14, 10]) == [(1, 0, 7), (0, 7, 14)]
    assert owners([], []) == []


@pytest.fixture
def regions():
    return [
        ("chr1", 20, 32, "+"),
        ("chr10", 5, 17, "-"),
        ("chr1", 24, 36, "-"),
        ("chr2", 88, 100, "."),
        ("chr1", 50, 62, "-"),
    ]


def expected(e):
    """Value of every base that a region covers, (chromosome, position) to score, base by base."""
    values = {}
    for (chrom, position), owner in _owner_of_bases(e.regions).items():
        region = e.regions[owner]
        place = region.end - 1 - position if region.strand == "-" else position - region.start
        values[chrom, position] = e.scores[owner, place]
    return values


def _owner_of_bases(regions):
    found = {}
    for chrom in {region.chrom for region in regions}:
        rows = [i for i, region in enumerate(regions) if region.chrom == chrom]
        painted = by_hand([regions[i].start for i in rows], [regions[i].end for i in rows])
        found |= {(chrom, int(p)): rows[painted[p]] for p in np.flatnonzero(painted >= 0)}
    return found


@pytest.fixture
def sizes_file(tmp_path):
    path = tmp_path / "sizes.tsv"
    path.write_text("".join(f"{name}\t{size}\n" for name, size in SIZES.items()))
    return path


def test_a_track_of_the_spread_over_models(tmp_path, regions, sizes_file):
    e = explained(regions=regions)
    spread = np.abs(np.random.default_rng(5).normal(size=e.scores.shape)).astype(np.float32)
    several = Explanation({**e.fields, "spread": spread}, names=e.names, regions=regions, method={"models": 3})
    options = {"to": "bedgraph", "field": "spread"}
    (path,) = gl.export(stored(several, tmp_path), out=tmp_path / "spread.bedgraph", **options)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    found = {(chrom, i): float(v) for chrom, start, end, v in lines for i in range(int(start), int(end))}
    as_scores = Explanation({"inputs": e.inputs, "scores": spread}, regions=regions)
    assert found == {place: pytest.approx(value) for place, value in expected(as_scores).items()}
    library = pytest.importorskip("pyBigWig")
    options = {"to": "bigwig", "field": "spread", "chrom_sizes": sizes_file}
    (path,) = gl.export(several, out=tmp_path / "spread.bw", **options)
    with library.open(str(path)) as file:
        assert file.values("chr10", 5, 6)[0] == pytest.approx(found["chr10", 5])
    with pytest.raises(Undefined, match="a bedGraph of the spread needs scores of several models"):
        gl.export(e, to="bedgraph", field="spread", out=tmp_path / "none.bedgraph")


def test_bigwig(tmp_path, regions, sizes_file):
    library = pytest.importorskip("pyBigWig")
    e = explained(regions=regions)
    (path,) = gl.export(stored(e, tmp_path), to="bigwig", chrom_sizes=sizes_file, out=tmp_path / "t.bw")
    with library.open(str(path)) as file:
        assert list(file.chroms().items()) == list(SIZES.items())
        found = {
            (chrom, i): value
            for chrom, size in SIZES.items()
            for i, value in enumerate(file.values(chrom, 0, size))
            if not np.isnan(value)
        }
        assert file.header()["nBasesCovered"] == len(found)
    want = expected(e)
    assert set(found) == set(want)
    for place, value in want.items():
        assert np.float32(found[place]) == value
    assert {place for place in want if place[0] == "chr1" and place[1] < 40} == {("chr1", i) for i in range(20, 36)}


def test_bigwig_of_chosen_target_and_mixed_lengths(tmp_path, sizes_file):
    library = pytest.importorskip("pyBigWig")
    parts = [
        explained(n=1, length=9, seed=1, targets=[0, 4], regions=[("chr1", 0, 9, "-")]),
        explained(n=1, length=12, targets=[0, 4], regions=[("chr1", 9, 21, "-")]),
    ]
    e = Explanation.concatenate(parts)
    (path,) = gl.export(e, to="bigwig", chrom_sizes=sizes_file, target=4, out=tmp_path / "t.bw")
    with library.open(str(path)) as file:
        values = np.array(file.values("chr1", 0, 21), np.float32)
    np.testing.assert_array_equal(values, np.concatenate([part.scores[0, 1][::-1] for part in parts]))


def read_bedgraph(path):
    values, order = {}, []
    for line in path.read_text().splitlines():
        chrom, start, end, value = line.split("\t")
        order.append((chrom, int(start), int(end)))
        values |= {(chrom, i): np.float32(value) for i in range(int(start), int(end))}
    return values, order


@pytest.mark.parametrize("with_sizes", [True, False])
def test_bedgraph(tmp_path, regions, sizes_file, with_sizes):
    e = explained(regions=regions)
    sizes = sizes_file if with_sizes else None
    (path,) = gl.export(stored(e, tmp_path), to="bedgraph", chrom_sizes=sizes, out=tmp_path / "t.bedgraph")
    values, order = read_bedgraph(path)
    assert values == expected(e)
    chroms = sorted(SIZES)
    assert order == sorted(order, key=lambda line: (chroms.index(line[0]), line[1]))
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(order))


@pytest.mark.parametrize("with_sizes", [True, False])
def test_bedgraph_is_in_the_order_of_sort(tmp_path, with_sizes):
    order = ["chr1", "chr2", "chr10", "chrX", "chr1_alt"]
    e = explained(n=5, regions=[(name, 100, 112, ".") for name in order])
    sizes = tmp_path / "sizes.tsv"
    sizes.write_text("".join(f"{name}\t1000\n" for name in order))
    (path,) = gl.export(e, to="bedgraph", chrom_sizes=sizes if with_sizes else None, out=tmp_path / "t.bedgraph")
    keys = ["-k1,1", "-k2,2n"]
    done = subprocess.run(["sort", "-c", *keys, path], env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, check=False)
    assert done.returncode == 0
    assert {line.split("\t")[0] for line in path.read_text().splitlines()} == set(order)


def test_bedgraph_joins_bases_of_one_score(tmp_path):
    e = explained(n=1, regions=[("chr1", 0, 12)])
    flat = Explanation({"inputs": e.inputs, "scores": np.repeat(np.float32([[0.1, 0, 7e-6]]), 4, 1)}, regions=e.regions)
    (path,) = gl.export(flat, to="bedgraph", out=tmp_path / "t.bedgraph")
    assert path.read_text() == "chr1\t0\t4\t0.1\nchr1\t4\t8\t0.0\nchr1\t8\t12\t7e-06\n"


def test_many_scores_wait_on_disk(tmp_path, regions, sizes_file, monkeypatch):
    e = explained(regions=regions)
    gl.export(e, to="bedgraph", out=tmp_path / "memory.bedgraph")
    monkeypatch.setattr("genolift.export.genome._IN_MEMORY", 0)
    gl.export(e, to="bedgraph", out=tmp_path / "disk.bedgraph")
    assert (tmp_path / "disk.bedgraph").read_bytes() == (tmp_path / "memory.bedgraph").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"sizes.tsv", "memory.bedgraph", "disk.bedgraph"}


def test_what_lies_outside_the_chromosome_is_told(tmp_path, sizes_file):
    e = explained(n=2, regions=[("chr10", 55, 67, "-"), ("chr1", -3, 9, "+")])
    with pytest.warns(GenoliftWarning, match="2 regions reach over"):
        (path,) = gl.export(e, to="bedgraph", chrom_sizes=sizes_file, out=tmp_path / "t.bedgraph")
    values, _ = read_bedgraph(path)
    assert set(values) == {("chr10", i) for i in range(55, 60)} | {("chr1", i) for i in range(9)}
    assert values["chr10", 55] == e.scores[0, 11]
    assert values["chr1", 0] == e.scores[1, 3]


@pytest.mark.parametrize(
    ("region", "words"),
    [(("chr3", 0, 12), "no 'chr3'"), (("1", 0, 12), "call it 'chr1'"), (("chr10", 60, 72), "same assembly")],
)
def test_regions_of_another_genome(tmp_path, sizes_file, region, words):
    with pytest.raises(InputError, match=words):
        gl.export(explained(n=1, regions=[region]), to="bedgraph", chrom_sizes=sizes_file, out=tmp_path / "t")


def test_what_a_track_needs(tmp_path, regions, sizes_file):
    with pytest.raises(InputError, match=r"Fasta\.regions"):
        gl.export(explained(), to="bedgraph", out=tmp_path / "t")
    with pytest.raises(InputError, match="has 10 bases, but 12 were scored"):
        gl.export(explained(n=1, regions=[("chr1", 0, 10)]), to="bedgraph", out=tmp_path / "t")
    pytest.importorskip("pyBigWig")
    with pytest.raises(InputError, match="chrom_sizes="):
        gl.export(explained(regions=regions), to="bigwig", out=tmp_path / "t")
    recorded = explained(regions=regions, provenance={"chrom_sizes": SIZES})
    gl.export(stored(recorded, tmp_path), to="bigwig", out=tmp_path / "t")
    only = Explanation({"inputs": positions_only().inputs, "scores": positions_only().scores}, regions=regions[:3])
    gl.export(only, to="bigwig", chrom_sizes=sizes_file, out=tmp_path / "positions.bw")


def test_without_the_library(tmp_path, regions, sizes_file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyBigWig", None)
    with pytest.raises(InputError, match=r"pip install 'genolift\[bigwig\]'"):
        gl.export(explained(regions=regions), to="bigwig", chrom_sizes=sizes_file, out=tmp_path / "t")


def test_chromosome_sizes(tmp_path):
    fasta = tmp_path / "g.fa"
    fasta.write_text(">b\nACGT\nAC\n>a\nAC\n")
    index = tmp_path / "g.fa.fai"
    index.write_text("b\t6\t3\t4\t5\na\t2\t13\t2\t3\n")
    table = tmp_path / "sizes"
    table.write_text("# my genome\r\nb 6\r\n\r\na 2\r\n")
    for path in (fasta, index, table):
        assert list(read_sizes(path).items()) == [("b", 6), ("a", 2)]
    for text, words in (
        ("a\t1\na\t2\n", "line 2: 'a' is there twice"),
        ("a\n", "line 1"),
        ("a\tx\n", "line 1"),
        ("a\t0\n", "line 1"),
        ("", "holds no chromosome sizes"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=words):
            read_sizes(table)
    table.write_bytes(bytes(range(128, 256)))
    with pytest.raises(FileProblem, match="binary"):
        read_sizes(table)
    with pytest.raises(FileProblem, match="does not exist"):
        read_sizes(tmp_path / "none")


def test_a_bigwig_that_cannot_be_written_is_one_error(tmp_path, regions, sizes_file):
    """The library itself would end the process."""
    resource = pytest.importorskip("resource")
    pytest.importorskip("pyBigWig")
    e = explained(n=400, length=500, regions=[("big", 600 * i, 600 * i + 500) for i in range(400)])
    sizes_file.write_text("big\t300000\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        with pytest.raises(FileProblem, match="is the disk full"):
            gl.export(e, to="bigwig", chrom_sizes=sizes_file, out=tmp_path / "t.bw")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["sizes.tsv"]


@pytest.mark.parametrize("missing", [0, 4])
def test_the_writing_process_tells_whether_all_is_there(tmp_path, missing):
    pytest.importorskip("pyBigWig")
    from genolift.export.formats.bigwig_process import main

    values = np.arange(5, dtype=np.float32).tobytes()[: 20 - missing]
    stream = io.BytesIO(b'[["chr1", 50]]\n["chr1", 7, 5]\n' + values)
    assert main(str(tmp_path / "t.bw"), stream) == (1 if missing else 0)
