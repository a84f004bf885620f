"""Files that can be read once only, such as a shell's process substitution: they work, wherever several are given."""

import gzip
import random

import pytest
from cli_files import LENGTH, fasta, pipes

QUICK = ("--target", 0, "--method", "gradient-x-input")
GENOME = {name: "".join(random.Random(name).choices("ACGT", k=400)) for name in ("chr1", "chr2")}


@pytest.fixture
def genome(tmp_path):
    return fasta(tmp_path / "genome.fa", GENOME)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_pipes_are_read_once(compress, files, genome, genolift, tmp_path, monkeypatch):
    """They work for every file of a job, and messages and the log call them what the user called them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = tmp_path / "r.bed"
    lines.write_text(f"chr1\t100\t{100 + LENGTH}\nchr2\t20\t{20 + LENGTH}\nchr9\t1\t61\n")
    command = ["--on-bad", "skip", *QUICK, "--out"]
    told = genolift("explain", files.model, genome, "--regions", lines, *command, tmp_path / "s.zarr")
    assert told.code == 0, told.err
    with pipes(tmp_path, fa=compress(genome.read_bytes()), bed=compress(lines.read_bytes())) as (sequences, regions):
        again = genolift("explain", files.model, sequences, "--regions", regions, *command, tmp_path / "s.zarr")
    assert "already complete" in again.out
    assert f"{regions}, line 3: not scored" in again.err
    assert "genolift-spool" not in again.err
    assert not list((tmp_path / "cache").rglob("*.*"))  # A copy of a pipe leaves nothing there.


def test_a_mistake_in_a_pipe_is_told_of_the_pipe(files, genolift, tmp_path):
    with pipes(tmp_path, wrong=b">c\n!\n") as (wrong,):
        told = genolift("explain", files.model, wrong, *QUICK, "--out", tmp_path / "t.zarr")
    assert told.code == 2
    assert f"{wrong}, record 1" in told.err


def test_variants_from_pipes(files, genome, genolift, tmp_path):
    ref = GENOME["chr1"][199]
    alt = "A" if ref != "A" else "C"
    variants, genes = tmp_path / "v.vcf", tmp_path / "genes.bed"
    variants.write_text(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t200\t.\t{ref}\t{alt}\t.\t.\t.\n")
    genes.write_text("chr1\t90\t300\tgene\n")
    command = ["variants", files.model, "--target", 0, "--out", tmp_path / "v.tsv"]
    assert genolift(*command, variants, "--fasta", genome, "--overlap", f"genes={genes}").code == 0
    contents = (path.read_bytes() for path in (variants, genome, genes))
    with pipes(tmp_path, **dict(zip("abc", contents, strict=True))) as (a, b, c):
        told = genolift(*command, a, "--fasta", b, "--overlap", f"genes={c}")
    assert "already complete" in told.out, told.err
    with pipes(tmp_path, wrong=b"rubbish\n") as (wrong,):
        told = genolift(*command, wrong, "--fasta", genome, "--force")
    assert f"{wrong}, line 1: a VCF line has" in told.err


def test_the_same_pipe_cannot_be_two_files(files, genolift, tmp_path):
    with pipes(tmp_path, both=b"chr1\n") as (both,):
        told = genolift("explain", files.model, both, "--regions", both, *QUICK, "--out", tmp_path / "s.zarr")
        both.read_bytes()  # Nobody read it.
    assert told.code == 2
    assert f"{both} can be read once only" in told.err
