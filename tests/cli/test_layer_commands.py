"""``genolift filters`` and ``genolift activations``: their files, or one line that says what is wrong."""

import csv

import numpy as np
import pytest
from cli_files import fasta, random_sequences

import genolift as gl
from genolift.evaluate.discovery import matching
from genolift.sequence.fasta import read_fasta
from genolift.simulate.motifs import Motif, meme_text


def inputs(files):
    return gl.load_model(files.model), gl.one_hot([sequence for _, sequence in read_fasta(files.fasta)])


@pytest.mark.slow
def test_filters(files, genolift, tmp_path):
    out = tmp_path / "new" / "filters"
    arguments = ("filters", files.model, files.fasta, "--threshold", 0.6, "--out", out)
    told = genolift(*arguments)
    assert told.code == 0, told.err
    expected = gl.filters(*inputs(files), threshold=0.6)
    assert told.out == (
        f"{out}: {len(expected.excited)} of 4 filters of layer {expected.layer} have sites in 12 sequences\n"
    )
    assert (out / "filters.tsv").read_text() == expected.to_tsv()
    assert (out / "filters.meme").read_text() == expected.to_meme()
    assert (out / "filters.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["filters.meme", "filters.png", "filters.tsv"]
    again = genolift(*arguments)
    assert again.code == 2
    assert "is there already; give another path, or --force" in again.err
    assert genolift(*arguments, "--force", "--by-activation", "--peaks").code == 0
    other = gl.filters(*inputs(files), threshold=0.6, weights="activation", peaks=True)
    assert (out / "filters.tsv").read_text() == other.to_tsv()


def test_filters_that_look_like_known_motifs(files, genolift, tmp_path, monkeypatch):
    def tomtom(queries, targets, n_nearest):
        p = np.where(np.arange(len(queries)) == 0, 1e-8, 0.9)
        return np.array([p, p * 0, p * 0, p * 0, p * 0 + 1, p * 0 + 2])[:, :, None]

    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    rng = np.random.default_rng(0)
    known = [(Motif(f"m{i}", rng.dirichlet([0.5] * 4, 6)), 20) for i in range(30)]
    (tmp_path / "known.meme").write_text(meme_text(known, [0.25] * 4))
    told = genolift("filters", files.model, files.fasta, "--motifs", tmp_path / "known.meme", "--out", tmp_path / "f")
    assert told.code == 0, told.err
    assert told.out.endswith("\n       1  m2\n")
    rows = list(csv.DictReader((tmp_path / "f" / "filters.tsv").open(), delimiter="\t"))
    first = next(row for row in rows if row["motif"])
    assert (first["motif"], first["strand"], float(first["p"])) == ("m2", "-", pytest.approx(30e-8, rel=1e-3))


@pytest.mark.slow
def test_filters_of_any_length_and_of_regions(files, genolift, tmp_path):
    """Sequences of two lengths in one file; regions are cut at the model's length."""
    mixed = fasta(tmp_path / "mixed.fa", random_sequences(3, 80, seed=1) | {"short": random_sequences(1, 50)["s0"]})
    told = genolift("filters", files.any_length, mixed, "--out", tmp_path / "mixed")
    assert told.code == 0, told.err
    assert "in 4 sequences" in told.out
    bed = tmp_path / "peaks.bed"
    bed.write_text("s0\t10\t70\ns1\t5\t40\ns2\t70\t90\n")
    arguments = ("filters", files.model, mixed, "--regions", bed, "--out", tmp_path / "peaks")
    wrong = genolift(*arguments)
    assert wrong.code == 2
    assert "peaks.bed, line 2" in wrong.err
    assert not (tmp_path / "peaks").exists()
    told = genolift(*arguments, "--on-bad", "pad")
    assert told.code == 0, told.err
    assert "in 3 sequences" in told.out


def test_filters_of_layers_that_make_none(files, genolift, tmp_path):
    arguments = ("filters", files.model, files.fasta, "--out", tmp_path / "f")
    for layer, told in (("conv9", "runs no layer 'conv9'"), ("dense", "has no positions")):
        found = genolift(*arguments, "--layer", layer)
        assert found.code == 2
        assert told in found.err
    (tmp_path / "f").write_text("a file")
    assert "is a file; give the name of a directory" in genolift(*arguments).err


def test_activations(files, genolift, tmp_path):
    out = tmp_path / "a.png"
    told = genolift("activations", files.model, files.fasta, "--sequence", "s3", "--unit", 2, "--unit", 0, "--out", out)
    assert told.code == 0, told.err
    model, X = inputs(files)
    found = gl.activations(model, None, X[3:4], names=["s3"])
    assert told.out == f"{out}: layer {found.layer}\n"
    from genolift.plot.style import render

    assert out.read_bytes() == render(found.plot(0, units=[2, 0]), "png")
    for arguments, message in (
        (("--sequence", "s99"), "has no record 's99'"),
        (("--unit", 9), "there is no unit 9"),
        (("--layer", "dense"), "has no positions"),
        (("--start", 50, "--end", 70), "not within s0"),
    ):
        wrong = genolift("activations", files.model, files.fasta, *arguments, "--out", tmp_path / "b.png")
        assert wrong.code == 2
        assert message in wrong.err
    assert (
        "a picture's name ends in" in genolift("activations", files.model, files.fasta, "--out", tmp_path / "b.tsv").err
    )
    assert not (tmp_path / "b.png").exists()
