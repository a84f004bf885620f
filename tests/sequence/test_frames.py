"""What is streamed and what is fetched are the same sequence, whatever the shape of the file."""

import gzip
import logging
import os
import random
import shutil

import numpy as np
import pytest
from Bio import bgzf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genolift.sequence import frames, index
from genolift.sequence.fasta import Unusable, read_fasta, scan_fasta
from genolift.sequence.genome import Fasta
from genolift.support.errors import FileProblem, GenoliftError, InputError


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "genolift"


def dna(n, seed=0):
    return "".join(random.Random(seed).choices("ACGT", k=n))


def by_the_letter(data: bytes) -> list[tuple[str, str]]:
    """Read a FASTA file slowly, byte by byte, as its definition says."""
    records, line = [], ""
    for letter in data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n") + "\n":
        if letter != "\n":
            line += letter
            continue
        if line.startswith(">"):
            records.append([line[1:].split()[0], ""])
        elif records:
            records[-1][1] += "".join(one for one in line if not one.isspace()).upper()
        line = ""
    return [(name, sequence) for name, sequence in records]


# -- files of every odd shape ---------------------------------------------------------------------------------------

line_ends = st.sampled_from(["\n", "\r\n", "\r", " \n", "\t\n", "  \r\n", "\n\n"])
widths = st.one_of(st.integers(1, 9), st.just(60))


@st.composite
def bodies(draw):
    """Return the lines of a record: even or uneven, with what may stand at their ends, between and within them."""
    sequence = draw(st.text("ACGTacgtN", min_size=1, max_size=50))
    width, end = draw(widths), draw(line_ends)
    lines = [sequence[i : i + width] + end for i in range(0, len(sequence), width)]
    for oddity in draw(st.lists(st.sampled_from(ODDITIES), max_size=2)):
        place = draw(st.integers(0, len(lines) - 1))
        lines[place : place + 2] = oddity(lines[place : place + 2])
    return "".join(lines)


ODDITIES = [
    lambda two: ["".join(one.strip() for one in two) + "\n"],  # a longer line
    lambda two: [two[0].rstrip() + "\t \n", *two[1:]],
    lambda two: [two[0].rstrip() + "\r", *two[1:]],
    lambda two: [two[0][:1], " ", two[0][1:], *two[1:]],
    lambda two: [two[0], "\n", *two[1:]],
    lambda two: [two[0][:1], "\t", two[0][1:], *two[1:]],
    lambda two: [two[0].rstrip() + "\u00a0\n", *two[1:]],
    lambda two: [" ", *two],
    lambda two: [two[0].rstrip() + "\n", *(one.rstrip() + "\r\n" for one in two[1:])],
    lambda two: [two[0].rstrip()[:1] + "\n", two[0].rstrip()[1:] + "\n", *two[1:]],
]


@st.composite
def fasta_files(draw):
    parts = [draw(st.sampled_from(["", "\ufeff", "\n", "; a comment\n"]))]
    for i, body in enumerate(draw(st.lists(bodies(), min_size=1, max_size=4))):
        title = draw(st.sampled_from(["", " what it is", "\twith µ", "  "]))
        parts.append(f">r{i}{title}{draw(st.sampled_from([chr(10), chr(13) + chr(10)]))}{body}")
        parts.append("" if body.endswith(("\n", "\r")) else "\n")
    text = "".join(parts)
    return (text.rstrip() if draw(st.booleans()) else text).encode()


def agree(path, data):
    wanted = by_the_letter(data)
    assert list(read_fasta(path)) == wanted
    genome = Fasta(path)
    assert genome.sizes == {name: len(sequence) for name, sequence in wanted}
    for name, sequence in wanted:
        assert genome.fetch(name) == sequence
        for start in range(len(sequence)):
            for end in {start + 1, min(start + 7, len(sequence)), len(sequence)}:
                assert genome.fetch(name, start, end) == sequence[start:end]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fasta_files(), st.sampled_from(["plain", "bgzip", "gzip"]))
def test_streamed_and_fetched_are_what_the_file_says(tmp_path, data, form):
    path = tmp_path / "g.fa"
    if form == "bgzip":
        with bgzf.BgzfWriter(str(path), "wb") as out:
            for i in range(0, len(data), 11):  # many blocks, so that records and lines cross them
                out.write(data[i : i + 11])
                out.flush()
    else:
        path.write_bytes(gzip.compress(data) if form == "gzip" else data)
    agree(path, data)


@settings(max_examples=200)
@given(fasta_files(), st.integers(1, 9), st.integers(1, 12))
def test_it_does_not_matter_where_pieces_of_the_file_end(data, size, long):
    def found(pieces):
        try:
            return frames.scan_frames(pieces)
        except frames.Irregular:
            return "irregular"

    whole = found([data])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_LONG", long)  # The lines of the test are long lines, too.
        assert found([data[i : i + size] for i in range(0, len(data), size)]) == whole


def test_samtools_agrees(tmp_path):
    """pysam, which is samtools' library, indexes and reads what it accepts to the same bases."""
    pysam = pytest.importorskip("pysam")
    text = "".join(
        f">c{i}\n" + "".join(sequence[j : j + width] + end for j in range(0, len(sequence), width))
        for i, (sequence, width, end) in enumerate(
            [(dna(950), 100, "\n"), (dna(700, 1), 60, " \n"), (dna(333, 2), 999, "\n"), (dna(120, 3), 60, "\t\r\n")]
        )
    )
    (tmp_path / "g.fa").write_bytes(text.encode())
    with bgzf.BgzfWriter(str(tmp_path / "g.fa.gz"), "wb") as out:
        out.write(text.encode())
    for path in (tmp_path / "g.fa", tmp_path / "g.fa.gz"):
        ours, theirs = Fasta(path), pysam.FastaFile(str(path))
        assert ours.sizes == dict(zip(theirs.references, theirs.lengths, strict=True))
        for name, length in ours.sizes.items():
            for start in range(0, length, 37):
                assert ours.fetch(name, start, min(start + 90, length)) == theirs.fetch(name, start, start + 90)


# -- where places can be computed, and where a copy is made ---------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\t \r\n"])
def test_lines_that_are_all_alike_need_no_copy(tmp_path, cache, end):
    shutil.rmtree(cache, ignore_errors=True)
    path, sequence = tmp_path / "g.fa", dna(1000)
    path.write_bytes(f">c{end}{''.join(sequence[i : i + 60] + end for i in range(0, 1000, 60))}".encode())
    assert Fasta(path).fetch("c", 333, 777) == sequence[333:777]
    assert not os.listdir(cache)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([10, 400], "line 3 (record 1, 'c') is longer"),
        ([60, 59, 60], "line 4 (record 1, 'c') follows a line that is shorter"),
        ([60, 0, 60], "line 4 (record 1, 'c') follows"),
    ],
)
def test_a_copy_is_told_with_its_reason_size_and_place(tmp_path, cache, caplog, lines, words):
    path, sequence = tmp_path / "g.fa", dna(sum(lines))
    ends = np.cumsum(lines)
    path.write_text(">c\n" + "".join(sequence[end - n : end] + "\n" for n, end in zip(lines, ends, strict=True)))
    with caplog.at_level(logging.INFO, "genolift"):
        assert Fasta(path).fetch("c") == sequence
    assert words in caplog.text
    assert "MB" in caplog.text
    assert str(cache) in caplog.text
    caplog.clear()
    assert Fasta(path).fetch("c", 3, 9) == sequence[3:9]
    assert not caplog.text


def test_a_copy_that_cannot_be_written_names_the_directory_and_the_variable(tmp_path, monkeypatch):
    full = tmp_path / "full"
    full.write_text("a file in the place of the directory")
    monkeypatch.setattr(index, "_cache_path", lambda path: full / "g")
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(b">c\nACGT\n"))
    with pytest.raises(FileProblem, match=r"g\.fa\.gz has to be copied.*full.*XDG_CACHE_HOME"):
        Fasta(tmp_path / "g.fa.gz")


# -- indices of other files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_an_index_of_a_former_genome_is_not_believed(tmp_path, monkeypatch, compressed):
    """It is newer than the genome and has its names and lengths, and even the file's size and date are the former's."""
    monkeypatch.setattr(index, "_WORTH_KEEPING", 0)
    path = tmp_path / ("g.fa.gz" if compressed else "g.fa")

    def write(first, second):
        data = f">a {'x' * first}\n{dna(500, first)}\n>b {'x' * second}\n{dna(500, second)}\n".encode()
        path.write_bytes(data)
        if compressed:
            with bgzf.BgzfWriter(str(path), "wb", compresslevel=0) as out:
                out.write(data)
        os.utime(path, (1e9, 1e9))

    write(3, 9)
    (tmp_path / f"{path.name}.fai").write_text("a\t500\t7\t500\t501\nb\t500\t521\t500\t501\n")
    (tmp_path / f"{path.name}.gzi").write_bytes(bytes(8))
    assert Fasta(path).fetch("a") == dna(500, 3)
    size = path.stat().st_size
    write(9, 3)
    assert path.stat().st_size == size
    for name, seed in (("a", 9), ("b", 3)):
        assert Fasta(path).fetch(name, 100, 200) == dna(500, seed)[100:200]


@pytest.mark.parametrize("compressed", [False, True])
def test_what_was_found_is_kept_for_the_next_time(tmp_path, monkeypatch, compressed):
    monkeypatch.setattr(index, "_WORTH_KEEPING", 0)
    path, sequence = tmp_path / "g.fa", dna(300_000)
    data = f">empty\n>c\n{sequence}\n".encode()
    path.write_bytes(data)
    if compressed:
        with bgzf.BgzfWriter(str(path), "wb") as out:
            out.write(data)
    Fasta(path)
    monkeypatch.setattr(index, "scan_frames", None)
    assert Fasta(path).sizes == {"empty": 0, "c": 300_000}
    for start, end in ((0, 10), (65_000, 66_000), (0, 300_000), (299_999, 300_000)):
        assert Fasta(path).fetch("c", start, end) == sequence[start:end]


def test_an_index_that_cannot_be_kept_is_told_and_does_not_stop(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(index, "_WORTH_KEEPING", 0)
    monkeypatch.setattr(index, "_cache_path", lambda path: tmp_path / "not there" / "g")
    (tmp_path / "g.fa").write_text(">c\nACGT\n")
    with caplog.at_level(logging.INFO, "genolift"):
        assert Fasta(tmp_path / "g.fa").fetch("c", 1, 3) == "CG"
    assert "XDG_CACHE_HOME" in caplog.text


def test_a_file_that_changes_after_it_was_opened_is_not_read_on(tmp_path):
    (tmp_path / "g.fa").write_text(">c\nACGT\n")
    genome = Fasta(tmp_path / "g.fa")
    (tmp_path / "g.fa").write_text(">c\nTTACGT\n")
    with pytest.raises(FileProblem, match="was changed"):
        genome.fetch("c")


# -- records that nobody asked for ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["ACGT\n", "A C\nGT\n"])  # read as it is, and from a copy
def test_records_that_nobody_asks_for_do_not_matter(tmp_path, shape):
    path = tmp_path / "g.fa"
    path.write_bytes(f">c\n{shape}>s\nGG\n>\nTT\n>s again\nCC\n>p\nMKVL\n>t".encode() + b"\xe9\nAC\n")
    genome = Fasta(path)
    assert genome.names == ["c", "p"]
    assert genome.fetch("c") == "ACGT"
    with pytest.raises(InputError, match="has 2 records named 's', and it is not clear which"):
        genome.fetch("s")
    with pytest.raises(InputError, match="position 4"):
        genome.fetch("p")


def test_streaming_takes_the_first_of_a_name_and_reports_the_others(tmp_path):
    (tmp_path / "g.fa").write_text(">s\nGG\n>s again\nCC\n")
    first, second = scan_fasta(tmp_path / "g.fa")
    assert first == ("s", "GG")
    assert isinstance(second, Unusable)


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_greater_sign_behind_a_blank_begins_no_record(tmp_path, end):
    (tmp_path / "g.fa").write_bytes(end.join([b">c", b"ACGT", b" >d", b"ACGT", b""]))
    with pytest.raises(GenoliftError, match="'>'"):
        list(read_fasta(tmp_path / "g.fa"))
    with pytest.raises(GenoliftError, match="'>'"):
        Fasta(tmp_path / "g.fa").fetch("c")


# -- bgzip ----------------------------------------------------------------------------------------------------------


def test_bgzip_that_goes_on_as_gzip_is_read_whole(tmp_path):
    path = tmp_path / "g.fa.gz"
    with bgzf.BgzfWriter(str(path), "wb") as out:
        out.write(b">a\nACGT\n>b\nGGCC\n")
    ended = path.read_bytes()
    path.write_bytes(ended + ended.replace(b">a", b">c"))
    with bgzf.BgzfWriter(str(tmp_path / "more"), "wb") as out:
        out.write(b">c\nTTTT\n")
    path.write_bytes(ended + gzip.compress(b">d\nTGCA\n") + (tmp_path / "more").read_bytes())
    genome = Fasta(path)
    assert {name: genome.fetch(name) for name in genome.names} == dict(read_fasta(path))
    assert genome.names == ["a", "b", "d", "c"]


def test_damage_within_bgzip_is_noticed(tmp_path):
    path = tmp_path / "g.fa.gz"
    with bgzf.BgzfWriter(str(path), "wb") as out:
        out.write(f">a\n{dna(300_000)}\n".encode())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)
    with pytest.raises(FileProblem, match="damaged"):
        Fasta(path)


def test_a_chromosome_on_one_line_is_read_in_linear_time(tmp_path):
    """Bytes are looked at once: the pieces that the scan holds at a time stay short, however long the line is."""
    held = []

    class Scan(frames._Scan):
        def take(self, data):
            held.append(len(data))
            return super().take(data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_Scan", Scan)
        found = frames.scan_frames([b">c\n", *[b"ACGT" * 10_000] * 100, b"\n"])
    assert found == [frames.Frame("c", 4_000_000, 3, 4_000_000, 4_000_001)]
    assert sum(held) < 3 * 4_000_000
