import gzip
import os
from pathlib import Path

import pytest
from Bio import bgzf

from genolift.sequence.fasta import read_fasta, write_fasta
from genolift.sequence.genome import Fasta
from genolift.support.errors import FileProblem, GenoliftError, InputError

MESSY = ">one first record\r\nACGT\r\nacgtn\r\n\r\n>two\r\nRYKM\r\nACGTACGT\r\nA"
CLEAN = [("one", "ACGTACGTN"), ("two", "RYKMACGTACGTA")]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def save(path: Path, text: str, form: str = "plain") -> Path:
    if form == "plain":
        path.write_bytes(text.encode())
        return path
    path = Path(f"{path}.gz")
    with gzip.open(path, "wb") if form == "gzip" else bgzf.BgzfWriter(str(path), "wb") as out:
        out.write(text.encode())
    return path


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip"])
def test_messy_but_sound_files_are_read(tmp_path, form):
    path = save(tmp_path / "a.fa", MESSY, form)
    assert list(read_fasta(path)) == CLEAN


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip"])
def test_random_access_agrees_with_streaming_and_leaves_the_folder_alone(tmp_path, form):
    path = save(tmp_path / "a.fa", MESSY, form)
    genome = Fasta(path)
    assert genome.names == ["one", "two"]
    assert genome.length("two") == 13
    for name, sequence in CLEAN:
        assert genome.fetch(name) == sequence
        assert genome.fetch(name, 2, 7) == sequence[2:7]
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("form", [lambda data: data, gzip.compress])
def test_descriptions_may_be_in_any_encoding(tmp_path, form):
    path = tmp_path / ("a.fa" if form is not gzip.compress else "a.fa.gz")
    path.write_bytes(form(b">one plain\nACGT\n>two isol\xe9 2019\nGGCC\n>three \xb5\nTT\n"))
    records = [("one", "ACGT"), ("two", "GGCC"), ("three", "TT")]
    assert list(read_fasta(path)) == records
    genome = Fasta(path)
    assert [(name, genome.fetch(name)) for name in genome.names] == records


def test_a_name_that_is_not_utf8_is_refused_with_its_record(tmp_path):
    path = tmp_path / "a.fa"
    path.write_bytes(b">one\nACGT\n>tw\xe9\nGGCC\n")
    with pytest.raises(InputError, match=r"record 2: the name .* is not UTF-8"):
        list(read_fasta(path))


def test_sequence_that_is_not_utf8_is_no_fasta(tmp_path):
    path = tmp_path / "a.fa"
    path.write_bytes(b">one\nAC\xe9GT\n")
    with pytest.raises(FileProblem, match="text that is not UTF-8"):
        list(read_fasta(path))


def test_a_changed_file_is_not_read_by_its_old_index(tmp_path):
    path = save(tmp_path / "a.fa", ">x\nACGT\n")
    assert Fasta(path).fetch("x") == "ACGT"
    save(path, ">y\nGG\nCC\n>x\nTTTTT\n")
    assert Fasta(path).fetch("x") == "TTTTT"


def test_a_changed_file_is_not_read_by_its_old_copy(tmp_path):
    path = save(tmp_path / "a.fa", ">x\nACGT\n", "gzip")
    assert Fasta(path).fetch("x") == "ACGT"
    save(tmp_path / "a.fa", ">y\nGG\nCC\n>x\nTTTTT\n", "gzip")
    assert Fasta(path).fetch("x") == "TTTTT"


def test_bgzip_cut_between_two_blocks_is_noticed(tmp_path):
    path = save(tmp_path / "a.fa", ">a\nACGT\n", "bgzip")
    path.write_bytes(path.read_bytes()[:-28])  # the empty block that ends every bgzip file
    with pytest.raises(FileProblem, match="end marker of bgzip is missing"):
        list(read_fasta(path))


BAD = {
    "empty": (b"", InputError, "holds no sequences"),
    "blank": (b"\n\n \n", InputError, "holds no sequences"),
    "duplicate": (b">a\nAC\n>a b\nGT\n", InputError, "two records are named 'a'"),
    "nameless": (b">\nACGT\n", InputError, "record 1: it has no name"),
    "empty record": (b">a\n>b\nACGT\n", InputError, "record 1: 'a' is empty"),
    "protein": (b">p\nMKVLEERT\n", InputError, "record 1: 'p': 'L' at position 4.*protein"),
    "protein in IUPAC letters": (b">p\nMKVHSMKVNA\n", InputError, "protein"),
    "rna": (b">r\nACGU\n", InputError, "RNA"),
    "text": (b"hello\n>a\nACGT\n", FileProblem, "does not begin with '>'"),
    "binary": (bytes(range(256)) * 4, FileProblem, "not a FASTA file"),
    "binary after a header": (b">a\n\xff\xfe\x00\x01", FileProblem, "binary"),
    "null bytes": (b">a\nAC\0GT\n", FileProblem, "binary"),
    "zip": (b"PK\x03\x04 and so on", FileProblem, "compressed with zip"),
    "truncated gzip": (gzip.compress(b">a\n" + b"ACGTTGA" * 99)[:25], FileProblem, "truncated"),
    "not gzip within": (b"\x1f\x8b" + b"x" * 50, FileProblem, "truncated|damaged"),
}


def fetch_all(path):
    genome = Fasta(path)
    return [genome.fetch(name) for name in genome.names]


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_clear_line(tmp_path, case):
    content, error, words = BAD[case]
    path = tmp_path / "bad.fa"
    path.write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        list(read_fasta(path))
    assert "\n" not in str(caught.value)
    assert "bad.fa" in str(caught.value)
    if "IUPAC" in case:
        return  # a share of letters: judged over whole records only, a short window may well be ambiguous
    # random access checks letters where it fetches, all else at once
    with pytest.raises(GenoliftError, match=r"bad\.fa"):
        fetch_all(path)


@pytest.mark.parametrize("form", ["gzip", "bgzip"])
def test_truncated_compression_is_noticed_by_both_readers(tmp_path, form):
    import random

    letters = "".join(random.Random(1).choices("ACGT", k=200_000))
    path = save(tmp_path / "a.fa", f">a\n{letters}\n>b\n{letters}\n", form)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileProblem, match="truncated"):
        list(read_fasta(path))
    with pytest.raises(FileProblem, match="truncated"):
        Fasta(path)


def test_missing_file_and_directory_are_named_at_once(tmp_path):
    for opener in (read_fasta, Fasta):
        with pytest.raises(FileProblem, match="does not exist"):
            opener(tmp_path / "no.fa")
        with pytest.raises(FileProblem, match="is a directory"):
            opener(tmp_path)


def test_streaming_does_not_wait_for_the_end(tmp_path):
    path = save(tmp_path / "a.fa", ">a\nACGT\n>b\nEEE\n")
    records = read_fasta(path)
    assert next(records) == ("a", "ACGT")
    with pytest.raises(InputError, match="record 2: 'b'"):
        next(records)


@pytest.mark.parametrize("suffix", ["fa", "fa.gz"])
def test_written_files_read_back_and_repeat_byte_for_byte(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    write_fasta(path, ["a", "b"], ["ACGT", "GGNN"])
    first = path.read_bytes()
    assert list(read_fasta(path)) == [("a", "ACGT"), ("b", "GGNN")]
    write_fasta(path, ["a", "b"], ["ACGT", "GGNN"])
    assert path.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_writing_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileProblem, match="cannot be written"):
        write_fasta(tmp_path / "no" / "out.fa", ["a"], ["A"])
    with pytest.raises(FileProblem, match="is a directory"):
        write_fasta(tmp_path, ["a"], ["A"])


def test_fetch_errors(tmp_path):
    genome = Fasta(save(tmp_path / "a.fa", ">chr1\nACGTACGT\n"))
    with pytest.raises(InputError, match="calls it 'chr1'"):
        genome.fetch("1", 0, 2)
    with pytest.raises(InputError, match="has 8 bases"):
        genome.fetch("chr1", 5, 9)
    with pytest.raises(InputError, match="does not lie"):
        genome.fetch("chr1", -1, 4)


@pytest.mark.parametrize(
    ("known", "asked"), [("chr1", "1"), ("1", "chr1"), ("chr1", "Chr1"), ("chrM", "MT"), ("MT", "chrM"), ("chrX", "x")]
)
def test_chromosomes_by_other_names_are_recognised_in_the_message(tmp_path, known, asked):
    genome = Fasta(save(tmp_path / "a.fa", f">other\nACGT\n>{known}\nACGTACGT\n"))
    with pytest.raises(InputError, match=f"no record '{asked}'; it calls it '{known}'"):
        genome.length(asked)
    with pytest.raises(InputError, match="no record '22'; it has other"):
        genome.length("22")


def test_real_chromosome(shared_data):
    genome = Fasta(shared_data / "genome" / "hg38_1m.fa.gz")
    assert genome.names == ["chr1"]
    assert genome.fetch("chr1", 0, 50) == "N" * 50
    assert set(genome.fetch("chr1", 500_000, 501_000)) <= set("ACGTN")
    regions = genome.regions(shared_data / "genome" / "seqs.bed", width=200)
    assert [len(s) for s in regions.sequences] == [200, 200]
