"""`genolift seqlets` and `genolift hits` as they are typed."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    """Scores of the twelve sequences and of their shuffles, the null."""
    from genolift.cli.app import run

    folder = tmp_path_factory.mktemp("searched")
    explain = ["--target", "2", "--method", "gradient-x-input", "--out"]
    commands = [
        ["explain", files.model, files.fasta, *explain, folder / "s.zarr"],
        ["seqlets", folder / "s.zarr", "--shuffles-to", folder / "null.fa"],
        ["explain", files.model, folder / "null.fa", *explain, folder / "null.zarr"],
    ]
    for command in commands:
        assert run([str(argument) for argument in command]) == 0
    return folder / "s.zarr"


def test_seqlets(store, genolift, tmp_path):
    out = tmp_path / "seqlets.bed"
    arguments = ("seqlets", store, "--null", store.with_name("null.zarr"), "--fdr", "1", "--out", out)
    told = genolift(*arguments)
    assert told.code == 0, told.err
    assert f"{out}: " in told.out
    assert "in 14,400 bases of" in told.err
    lines = out.read_text().splitlines()
    assert lines[0].startswith("#chrom\tstart\tend\tname\tscore\tstrand\tsequence")
    assert len(lines) > 1
    assert {line.split("\t")[0] for line in lines[1:]} <= {f"s{i}" for i in range(12)}
    again = genolift(*arguments)
    assert again.code == 2
    assert "--force" in again.err
    assert genolift(*arguments, "--force").code == 0
    assert out.read_text().splitlines() == lines


def test_hits(store, genolift, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["neg_patterns/pattern_0/contrib_scores"] = -np.eye(4)
    out = tmp_path / "hits.bed"
    told = genolift("hits", store, "--patterns", tmp_path / "m.h5", "--fdr", "1", "--similarity", "0.2", "--out", out)
    assert told.code == 0, told.err
    assert "neg_patterns.pattern_0" in told.out
    assert "made of the scores themselves" in told.err
    count = int(told.out.split(": ")[1].split()[0])
    assert len(out.read_text().splitlines()) == count + 1 > 1


def test_mistakes(store, files, genolift, tmp_path):
    out = tmp_path / "x.bed"
    for arguments, words in (
        (("seqlets", store), "--out"),
        (("seqlets", tmp_path / "none.zarr", "--out", out), "not there"),
        (("seqlets", store, "--target", "0", "--out", out), "target 2 only"),
        (("seqlets", store, "--null", files.fasta, "--out", out), "not a score store"),
        (("seqlets", store, "--motifs", tmp_path / "none", "--out", out), "does not exist"),
        (("seqlets", store, "--fdr", "2", "--out", out), "fdr"),
        (("seqlets", store, "--out", tmp_path / "none" / "x.bed"), "no directory"),
        (("hits", store, "--patterns", files.fasta, "--out", out), "not a TF-MoDISco result"),
    ):
        told = genolift(*arguments)
        assert (told.code, told.out) == (2, "")
        line = told.err.splitlines()[-1]
        assert line.startswith("genolift: error: ")
        assert words in line
    assert not list(tmp_path.iterdir())
