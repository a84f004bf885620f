"""What `genolift explain` takes: regions, names and standard input, and what it does about records it cannot score."""

import csv
import gzip
import io
import random
import sys

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl

QUICK = ("--target", 0, "--method", "gradient-x-input")
CHR1 = "".join(random.Random(8).choices("ACGT", k=400)) + "N" * 100
CHR2 = "".join(random.Random(9).choices("ACGT", k=100))
HALF = LENGTH // 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The least there is to explain: what counts here is the input."""
    import keras

    path = tmp_path_factory.mktemp("light") / "model.keras"
    keras.Sequential([keras.Input((LENGTH, 4)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(path)
    return path


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return fasta(tmp_path_factory.mktemp("genome") / "genome.fa", {"chr1": CHR1, "chr2": CHR2})


@pytest.fixture
def explain(model, genolift, genome, tmp_path):
    """``explain(bed lines, *options)``; what it wrote is ``explain.store``."""

    def call(text, *options, model=model, name="r.bed"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return genolift("explain", model, genome, "--regions", path, *QUICK, *options, "--out", tmp_path / "s.zarr")

    call.folder = tmp_path
    return call


def bed(*lines):
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def loaded(explain):
    return gl.Explanation.load(explain.folder / "s.zarr")


PEAKS = (("chr1", 100, 150, "one", 0, "+", 1, 2, 3, 7), ("chr1", 200, 260, "two", 0, "-", 1, 2, 3, -1))


def test_narrowpeak_summits_middles_and_strands(explain):
    told = explain(gzip.compress(bed(*PEAKS).encode()), name="peaks.narrowPeak.gz")
    assert told.code == 0, told.err
    found = loaded(explain)
    expected = [(107 - HALF, "+"), (230 - HALF, "-")]
    assert [tuple(region) for region in found.regions] == [("chr1", s, s + LENGTH, strand) for s, strand in expected]
    forward, backward = CHR1[77:137], gl.reverse_complement(CHR1[200:260])
    np.testing.assert_array_equal(found.inputs, gl.one_hot([forward, backward]))
    assert found.provenance["records"] == {
        "counted_by": "line",
        "read": 2,
        "scored": 2,
        "not_scored": [],
        "padded": [],
    }


def test_unsorted_and_repeated_regions_headers_and_windows_line_ends(explain):
    lines = [("chr2", 20, 90), ("chr1", 200, 260), ("chr1", 100, 160), ("chr1", 200, 260)]
    text = "browser position chr1\ntrack name=x\n#chrom\tstart\tend\n\n" + bed(*lines)
    told = explain(text.replace("\n", "\r\n"))
    assert told.code == 0, told.err
    assert told.err.count("not scored") == 0
    found = loaded(explain)
    assert found.names == ["chr2:25-85", "chr1:200-260", "chr1:100-160", "chr1:200-260#2"]
    np.testing.assert_array_equal(found.inputs[1], found.inputs[3])


def test_a_first_line_that_names_the_columns_is_no_region(explain):
    assert explain("chrom\tstart\tend\n" + bed(("chr1", 100, 160))).code == 0
    assert loaded(explain).names == ["chr1:100-160"]


BAD = {
    "malformed": (("chr1", "ten", 160), "start is 'ten', not a whole number"),
    "underscored": (("chr1", "1_0", 160), "start is '1_0', not a whole number"),
    "short": (("chr1", 100), "three columns"),
    "reversed": (("chr1", 160, 100), "0 <= start < end"),
    "negative": (("chr1", -20, 40), "0 <= start < end"),
    "strand": (("chr1", 100, 160, "x", 0, "plus"), "strand (column 6) is 'plus'"),
    "summit": (("chr1", 100, 160, "x", 0, "+", 1, 2, 3, 60), "summit (column 10) is 60"),
    "no name": (("", 100, 160), "chromosome (column 1) is empty"),
    "elsewhere": (("1", 100, 160), "the genome has no '1'; it calls it 'chr1'"),
    "unknown": (("chrX", 100, 160), "the genome has no 'chrX'; it has chr1, chr2"),
    "left": (("chr1", 0, 40), "chr1:-10-50 (at width 60) leaves chr1, which has 500 bases"),
    "right": (("chr2", 60, 100), "chr2:50-110 (at width 60) leaves chr2, which has 100 bases"),
    "beyond": (("chr2", 400, 460), "leaves chr2, which has 100 bases"),
    "far beyond": (("chr2", 10**30, 10**30 + 60), "leaves chr2, which has 100 bases"),
}


@pytest.mark.parametrize("kind", BAD)
def test_one_bad_region_stops_the_job_and_names_its_line(kind, explain):
    line, words = BAD[kind]
    told = explain("# comment\n" + bed(("chr1", 100, 160), line))
    assert told.code == 2
    (said,) = told.err.splitlines()
    assert "r.bed, line 3: " in said
    assert words in said
    assert "--on-bad skip" in said
    assert not (explain.folder / "s.zarr").exists()


def test_bad_regions_are_left_out_when_asked_and_all_of_them_are_told(explain):
    lines = [line for line, _ in BAD.values()]
    report = explain.folder / "report.tsv"
    told = explain(bed(("chr1", 100, 160), *lines, ("chr1", 200, 260)), "--on-bad", "skip", "--report", report)
    assert told.code == 0, told.err
    assert f"{len(BAD)} records left out" in told.out
    assert "line 2: not scored: start is 'ten'" in told.err
    assert f"{len(BAD)} of {len(BAD) + 2} records" in told.err
    found = loaded(explain)
    assert found.names == ["chr1:100-160", "chr1:200-260"]
    kept = found.provenance["records"]
    assert (kept["read"], kept["scored"]) == (len(BAD) + 2, 2)
    assert [entry[0] for entry in kept["not_scored"]] == list(range(2, len(BAD) + 2))
    assert all(words in entry[2] for entry, (_, words) in zip(kept["not_scored"], BAD.values(), strict=True))
    rows = list(csv.DictReader(report.open(), delimiter="\t"))
    assert [row["line"] for row in rows] == [str(i) for i in range(1, len(BAD) + 3)]
    assert [row["status"] for row in rows] == ["scored", *["not_scored"] * len(BAD), "scored"]
    assert [row["reason"] for row in rows[1:-1]] == [entry[2] for entry in kept["not_scored"]]
    again = explain(bed(("chr1", 100, 160), *lines, ("chr1", 200, 260)), "--on-bad", "skip")
    assert "already complete" in again.out
    fewer = explain(bed(("chr1", 100, 160), *lines[1:], ("chr1", 200, 260)), "--on-bad", "skip")
    assert fewer.code == 2
    assert "records.read is 16 there and 15 here" in fewer.err


def test_windows_that_leave_their_chromosome_are_padded_with_n_when_asked(explain):
    lines = [("chr1", 0, 40), ("chr2", 60, 100, "x", 0, "-"), ("chr2", 400, 460), ("chrX", 0, 60), ("chr1", 100, 160)]
    told = explain(bed(*lines), "--on-bad", "pad")
    assert told.code == 0, told.err
    assert "2 records are padded with N (line 1, 2)" in told.err
    found = loaded(explain)
    expected = ["N" * 10 + CHR1[:50], gl.reverse_complement(CHR2[50:] + "N" * 10), CHR1[100:160]]
    np.testing.assert_array_equal(found.inputs, gl.one_hot(expected))
    assert [tuple(region)[1:3] for region in found.regions] == [(-10, 50), (50, 110), (100, 160)]
    kept = found.provenance["records"]
    assert [(place, left, right) for place, _, left, right in kept["padded"]] == [(1, 10, 0), (2, 0, 10)]
    assert [place for place, *_ in kept["not_scored"]] == [3, 4]


@pytest.mark.parametrize(("share", "scored"), [("1", 3), ("0.5", 2), ("0.49", 1), ("0", 1)])
def test_too_many_n(share, scored, explain):
    lines = [("chr1", 100, 160), ("chr1", 370, 430), ("chr1", 410, 470)]
    told = explain(bed(*lines), "--max-n", share, "--on-bad", "skip")
    assert told.code == 0
    assert len(loaded(explain)) == scored
    if scored < 3:
        assert f"more than the {100 * float(share):g} % of --max-n" in told.err
        stopped = explain(bed(*lines), "--max-n", share, "--force")
        assert stopped.code == 2
        assert "of its bases are N" in stopped.err


def test_nothing_left_to_score(explain):
    for policy in ("skip", "pad", "fail"):
        told = explain(bed(("chrX", 1, 60), ("1", 1, 60)), "--on-bad", policy)
        assert told.code == 2
        assert "r.bed, line 1: the genome has no 'chrX'" in told.err
        assert "no other record can be scored" in told.err
    assert not (explain.folder / "s.zarr").exists()


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"track name=x\n\n", gzip.compress(b"", mtime=0)])
def test_empty_regions(content, explain):
    told = explain(content)
    assert told.code == 2
    assert "holds no regions" in told.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"chr1\t100\t160\ta\0b\n", "holds binary data"),
        ("chr1\t100\t160\n".encode("utf-16"), "text that is not UTF-8"),
        (gzip.compress(bed(("chr1", 100, 160)).encode() * 3000, mtime=0)[:-20], "truncated"),
        (b"PK\3\4", "compressed with zip"),
    ],
)
@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_files_that_are_no_bed(content, words, policy, explain):
    told = explain(content, "--on-bad", policy)
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert "r.bed" in line
    assert words in line
    assert not (explain.folder / "s.zarr").exists()


def test_widths_where_the_model_takes_any(explain, files):
    assert explain(bed(("chr1", 100, 140)), "--width", 50, model=files.any_length).code == 0
    assert tuple(loaded(explain).regions[0])[1:3] == (95, 145)
    refused = explain(bed(("chr1", 100, 140)), "--width", 50)
    assert refused.code == 2
    assert "this one takes 60" in refused.err


def names_of(model, files, genolift, tmp_path, text, *options):
    path = tmp_path / "names.txt"
    path.write_text(text)
    return genolift("explain", model, files.fasta, "--names", path, *QUICK, *options, "--out", tmp_path / "s.zarr")


def test_a_list_of_names(model, files, genolift, tmp_path):
    told = names_of(model, files, genolift, tmp_path, "s7\r\n# the second\n>s2\n\ns11")
    assert told.code == 0, told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    sequences = random_sequences(12)
    assert found.names == ["s7", "s2", "s11"]
    assert found.regions is None
    np.testing.assert_array_equal(found.inputs, gl.one_hot([sequences[name] for name in found.names]))


def test_header_lines_as_a_list_of_names(model, files, genolift, tmp_path):
    assert names_of(model, files, genolift, tmp_path, ">s7 the first thing\n>s2\tsecond\n").code == 0
    assert gl.Explanation.load(tmp_path / "s.zarr").names == ["s7", "s2"]


def test_several_words_in_a_line_of_a_list_of_names(model, files, genolift, tmp_path):
    # These might be names too, so what follows the first is not dropped in silence.
    told = names_of(model, files, genolift, tmp_path, "s7 s2\n")
    assert told.code == 2
    assert "no record 's7 s2'; a record's name is the first word of its header" in told.err


def test_names_that_are_not_there_or_there_twice(model, files, genolift, tmp_path):
    told = names_of(model, files, genolift, tmp_path, "s7\nnobody\ns7\n")
    assert told.code == 2
    assert "names.txt, line 2: the FASTA file has no record 'nobody'; it has s0, s1, s2, ..., and 1 more" in told.err
    told = names_of(model, files, genolift, tmp_path, "s7\nnobody\ns7\n", "--on-bad", "skip")
    assert told.code == 0
    assert "line 3: not scored: 's7' was asked for before, in line 1" in told.err
    assert gl.Explanation.load(tmp_path / "s.zarr").names == ["s7"]
    assert "holds no names" in names_of(model, files, genolift, tmp_path, "\n# none\n").err


def test_names_and_regions_together_are_refused(explain):
    told = explain(bed(("chr1", 100, 160)), "--names", explain.folder / "names.txt")
    assert told.code == 2
    assert "not both" in told.err


def test_records_of_another_length(model, genolift, tmp_path):
    whole, short, long = (next(iter(random_sequences(1, n, n).values())) for n in (60, 51, 70))
    path = fasta(tmp_path / "mixed.fa", {"short": short, "whole": whole, "long": long})
    command = ["explain", model, path, *QUICK, "--out", tmp_path / "s.zarr", "--on-bad"]
    told = genolift(*command, "fail")
    assert told.code == 2
    assert "record 1: 'short' is 51 long, but the model takes sequences of 60, and 1 more" in told.err
    assert genolift(*command, "skip").code == 0
    assert gl.Explanation.load(tmp_path / "s.zarr").names == ["whole"]
    for listed in ([], ["--names", tmp_path / "names"]):
        (tmp_path / "names").write_text("short\nwhole\nlong\n")
        told = genolift(*command, "pad", *listed, "--force")
        assert told.code == 0, told.err
        assert "3: not scored: 'long' is 70 long" in told.err
        found = gl.Explanation.load(tmp_path / "s.zarr")
        np.testing.assert_array_equal(found.inputs, gl.one_hot(["N" * 4 + short + "N" * 5, whole]))


class Stdin:
    def __init__(self, content: bytes, terminal: bool = False):
        self.buffer, self.isatty = io.BytesIO(content), lambda: terminal


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_sequences_on_standard_input(compress, model, files, genolift, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(compress(files.fasta.read_bytes())))
    told = genolift("explain", model, "-", *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 0, told.err
    assert gl.Explanation.load(tmp_path / "s.zarr").names == list(random_sequences(12))
    told = genolift("explain", model, files.fasta, *QUICK, "--out", tmp_path / "s.zarr")
    assert "already complete" in told.out
    assert [path.name for path in tmp_path.iterdir()] == ["s.zarr"]


@pytest.mark.parametrize(
    ("option", "content"), [("--regions", b"chr1\t100\t160\nchr1\tx\t5\n"), ("--names", b"nobody\nchr2\n")]
)
def test_lists_on_standard_input_and_their_mistakes(
    option, content, model, files, genome, genolift, tmp_path, monkeypatch
):
    for policy, words in (("fail", "standard input, line "), ("skip", "standard input, line ")):
        monkeypatch.setattr(sys, "stdin", Stdin(content))
        used = model if option == "--regions" else files.any_length
        told = genolift("explain", used, genome, option, "-", *QUICK, "--on-bad", policy, "--out", tmp_path / "s.zarr")
        assert told.code == (2 if policy == "fail" else 0)
        assert words in told.err


def test_a_terminal_is_no_input(model, genolift, tmp_path, monkeypatch):
    for stdin in (Stdin(b"", terminal=True), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        told = genolift("explain", model, "-", *QUICK, "--out", tmp_path / "s.zarr")
        assert told.code == 2
        assert "is a terminal" in told.err


def test_standard_input_can_be_given_once(model, files, genolift, tmp_path):
    told = genolift("explain", model, "-", "--regions", "-", *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    assert "standard input (-) can be read once only" in told.err


STRANGE = ["../../evil", "/etc/passwd", "a b", "..", "naïve-Ω", "x" * 300, "CON", "%2e%2e", "a\\b"]


def test_strange_names_stay_names(model, genolift, tmp_path):
    """Nothing is written outside the store, whatever the records are called."""
    inside = tmp_path / "inside"
    inside.mkdir()
    sequences = dict(zip((name.replace(" ", "_") for name in STRANGE), random_sequences(9).values(), strict=True))
    told = genolift("explain", model, fasta(tmp_path / "x.fa", sequences), *QUICK, "--out", inside / "s.zarr")
    assert told.code == 0, told.err
    assert gl.Explanation.load(inside / "s.zarr").names == list(sequences)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "x.fa"]
    assert [path.name for path in inside.iterdir()] == ["s.zarr"]


def test_strange_region_names(explain):
    lines = [("chr1", 100 + i, 160 + i, name) for i, name in enumerate(STRANGE)]
    assert explain(bed(*lines)).code == 0
    assert loaded(explain).names == STRANGE
    assert sorted(path.name for path in explain.folder.iterdir()) == ["r.bed", "s.zarr"]


def test_a_genome_that_changes_meanwhile_is_noticed(model, genome, genolift, tmp_path, monkeypatch):
    from genolift.results.store import StoreWriter

    monkeypatch.setattr("genolift.pipeline.scoring.scoring._LARGEST_BLOCK", 1)
    copy = tmp_path / "copy.fa"
    copy.write_bytes(genome.read_bytes())
    # More than are read ahead.
    (tmp_path / "r.bed").write_text(bed(*[("chr1", 10 * i, 10 * i + 60) for i in range(16)]))
    write = StoreWriter.write

    def meddle(self, k, explanation):
        write(self, k, explanation)
        fasta(copy, {"chr1": CHR2 * 5})

    monkeypatch.setattr(StoreWriter, "write", meddle)
    told = genolift("explain", model, copy, "--regions", tmp_path / "r.bed", *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    assert "changed while it was being read" in told.err.splitlines()[-1]
