"""`genolift summarize` as it is typed."""

import gzip
import io

import numpy as np
import pytest

from genolift.results.explanation import Explanation


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    from genolift.cli.app import run

    out = tmp_path_factory.mktemp("summarized") / "s.zarr"
    command = ["explain", files.model, files.fasta, "--target", "2", "--method", "gradient-x-input", "--out", out]
    assert run([str(argument) for argument in command]) == 0
    return out


def test_summarize(store, genolift, tmp_path):
    bed, out = tmp_path / "sites.bed", tmp_path / "t.tsv.gz"
    bed.write_text("s3\t5\t25\tpeak\t0\t+\nnone\t0\t5\n")
    arguments = ("summarize", store, "--regions", bed, "--out", out)
    told = genolift(*arguments)
    assert told.code == 0, told.err
    assert told.out == f"{out}: 1 of 2 stretches\n       1  unknown_sequence\n"
    assert "1,000 stretches of the same length at random places of" in told.err
    assert "warning: 1 of 2 stretches have no numbers; the first is line 2: no sequence of this name" in told.err
    head, first, second = (line.split("\t") for line in gzip.decompress(out.read_bytes()).decode().splitlines())
    row = dict(zip(head, first, strict=True))
    scores = np.asarray(Explanation.load(store).scores)[3, 5:25]
    assert float(row["sum"]) == pytest.approx(scores.sum(), rel=1e-5)
    assert [row[name] for name in ("name", "strand", "status", "sequence")] == ["peak", "+", "ok", "s3"]
    assert second[-1] == "no sequence of this name was scored"
    before = out.read_bytes()
    assert "--force" in genolift(*arguments).err
    assert genolift(*arguments, "--force").code == 0
    assert out.read_bytes() == before


def test_standard_input(store, genolift, tmp_path, monkeypatch):
    def piped(text):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        return genolift("summarize", store, "--regions", "-", "--out", tmp_path / "t.tsv")

    assert "standard input: line 1: start is 'x'" in piped(b"s3\tx\t25\n").err
    assert piped(b"s3\t5\t25\n").code == 0


def test_mistakes(store, files, genolift, tmp_path):
    bed = tmp_path / "sites.bed"
    bed.write_text("s3\t5\t25\n")
    out = tmp_path / "t.tsv"
    for arguments, words in (
        ((store, "--out", out), "--regions"),
        ((store, "--regions", bed), "--out"),
        ((store, "--regions", tmp_path / "none", "--out", out), "does not exist"),
        ((tmp_path / "none.zarr", "--regions", bed, "--out", out), "not there"),
        ((store, "--regions", bed, "--target", 0, "--out", out), "target 2 only"),
        ((store, "--regions", bed, "--null", files.fasta, "--out", out), "not a score store"),
        ((store, "--regions", bed, "--coordinates", "genome", "--out", out), "needs genome coordinates"),
        ((store, "--regions", bed, "--draws", 0, "--out", out), "draws"),
        ((store, "--regions", bed, "--out", bed, "--force"), "would be overwritten"),
        ((store, "--regions", files.model, "--out", out), "compressed with zip"),
    ):
        told = genolift("summarize", *arguments)
        assert (told.code, told.out) == (2, "")
        line = told.err.splitlines()[-1]
        assert line.startswith("genolift: error: ")
        assert words in line
    assert list(tmp_path.iterdir()) == [bed]
