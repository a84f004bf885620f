"""A user's mistake: one line on standard error, exit 2, nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_files import fasta

import genolift as gl
from genolift.sequence.fasta import read_fasta
from genolift.simulate import load_dataset, load_spec
from genolift.support.errors import FileProblem


def assert_refused(told, *words):
    assert told.code == 2
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("genolift: error: ")
    for word in words:
        assert str(word) in line


BAD = ["missing", "directory", "empty", "duplicate", "binary", "truncated", "protein", "headerless"]


@pytest.mark.parametrize("kind", BAD)
def test_bad_fasta(kind, bad_files, files, genolift, tmp_path):
    path, words = bad_files[kind]
    told = genolift("explain", files.model, path, "--target", 0, "--out", tmp_path / "s.zarr")
    assert_refused(told, path, words)
    assert not list(tmp_path.iterdir())


def test_bad_fasta_in_a_process_of_its_own(bad_files, files, tmp_path):
    path, words = bad_files["truncated"]
    told = subprocess.run(
        [sys.executable, "-m", "genolift.cli", "explain", files.model, path, "--target", "0", "--out", "s.zarr"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert told.returncode == 2
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert words in told.stderr
    assert not list(tmp_path.iterdir())


def test_bad_models(files, genolift, tmp_path):
    text = tmp_path / "model.keras"
    text.write_text("this is not a model")
    cut = tmp_path / "cut.keras"
    cut.write_bytes(files.model.read_bytes()[:3000])
    out = tmp_path / "s.zarr"
    for model, words in (
        (text, "is not a model"),
        (cut, "damaged"),
        (tmp_path / "none.keras", "does not exist"),
        (tmp_path, "is a directory without saved_model.pb"),
        (files.fasta, "is not a model"),
    ):
        assert_refused(genolift("explain", model, files.fasta, "--target", 0, "--out", out), model, words)
        assert not out.exists()


def test_wrong_lengths_name_record_and_both_lengths(files, genolift, tmp_path):
    mixed = fasta(tmp_path / "mixed.fa", {"good": "ACGT" * 15, "short": "ACGT" * 10, "long": "ACGT" * 20})
    told = genolift("explain", files.model, mixed, "--target", 0, "--out", tmp_path / "s.zarr")
    assert_refused(told, mixed, "'short' is 40 long", "60")
    assert not (tmp_path / "s.zarr").exists()


def test_too_short_for_a_model_of_any_length(files, genolift, tmp_path):
    mixed = fasta(tmp_path / "mixed.fa", {"good": "ACGT" * 15, "tiny": "ACGTACGT"})
    told = genolift("explain", files.any_length, mixed, "--target", 0, "--out", tmp_path / "s.zarr")
    assert_refused(told, "'tiny' is 8 long", "9 and more")
    alone = fasta(tmp_path / "alone.fa", {"tiny": "ACGTACGT"})
    told = genolift("explain", files.any_length, alone, "--target", 0, "--out", tmp_path / "s.zarr")
    assert_refused(told, "'tiny' is 8 long", "9 and more")
    assert not (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "3"], ["target 3", "0 to 2"]),
        ([], ["several outputs"]),
        (["--target", "zero"], ["zero"]),
        (["--target", "0", "--rule", "magic"], ["rule 'magic'", "rescale"]),
        (["--target", "0", "--method", "gradient-x-input", "--rule", "rescale"], ["takes no option 'rule'"]),
        (["--target", "0", "--steps", "5"], ["takes no option 'steps'"]),
        (["--target", "0", "--method", "magic"], ["magic", "deeplift"]),
        (["--target", "0", "--references", "shuffled:0"], ["at least 1"]),
        (["--target", "0", "--references", "background:0.5,0.5,0.5,0.5"], ["sum to 1"]),
        (["--target", "0", "--memory", "lots"], ["memory budget"]),
        (["--target", "0", "--memory", "1KB"], ["GB"]),
        (["--target", "0", "--seed", "-1"], ["seed"]),
        (["--target", "0", "--layers-from", "none.py"], ["none.py does not exist"]),
        (["--target", "0", "--regions", "none.bed"], ["none.bed does not exist"]),
        (["--target", "0", "--magic"], ["--magic"]),
    ],
)
def test_bad_options(options, words, files, genolift, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(genolift("explain", files.model, files.fasta, *options, "--out", "s.zarr"), *words)
    assert not list(tmp_path.iterdir())


def test_output_paths_that_cannot_be(files, genolift, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("precious")
    full = tmp_path / "full"
    full.mkdir()
    (full / "precious.txt").write_text("precious")
    for out, words in (
        (taken, "is a file"),
        (full, "other contents"),
        (taken / "s.zarr", "is not a directory"),
    ):
        for extra in ([], ["--force"]):
            told = genolift("explain", files.model, files.fasta, "--target", 0, "--out", out, *extra)
            assert_refused(told, words)
    assert taken.read_text() == "precious"
    assert (full / "precious.txt").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_output_without_permission(files, genolift, tmp_path):
    tmp_path.chmod(0o500)
    try:
        told = genolift("explain", files.model, files.fasta, "--target", 0, "--out", tmp_path / "s.zarr")
    finally:
        tmp_path.chmod(0o700)
    assert_refused(told, "permission")


@pytest.mark.parametrize("place", ["check", "model", "fit", "motifs"])
def test_pipes_are_refused_where_they_would_be_read_twice(place, files, genolift, tmp_path):
    pipe, out = tmp_path / "pipe", tmp_path / "s.zarr"
    os.mkfifo(pipe)
    told = {
        "check": lambda: genolift("check", files.model, "--fasta", pipe),
        "model": lambda: genolift("explain", pipe, files.fasta, "--target", 0, "--out", out),
        "fit": lambda: genolift("explain", files.model, files.fasta, "--target", 0, "--fit-on", pipe, "--out", out),
        "motifs": lambda: genolift(
            *("marginalize", files.model, files.fasta, "--motif", "GATA1", "--motifs", pipe, "--target", 0),
            *("--out", tmp_path / "m.tsv"),
        ),
    }[place]()
    assert_refused(told, "not a regular file")


@pytest.mark.parametrize("address", ["https://a.org/g.fa", "s3://bucket/g.fa", "gs://bucket/g.fa", "ftp://a.org/g.fa"])
@pytest.mark.parametrize("place", ["model", "sequences", "regions", "out", "overlaps"])
def test_addresses_are_named_as_such(place, address, files, genolift, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"model": files.model, "sequences": files.fasta, "regions": files.fasta, "out": "s.zarr"} | {place: address}
    if place == "overlaps":
        call = ("variants", files.model, files.fasta, "--fasta", files.fasta, "--out", "t.tsv", "--overlap")
        words = genolift(*call, f"genes={address}").err
    else:
        call = ("explain", given["model"], given["sequences"], "--regions", given["regions"], "--out", given["out"])
        words = genolift(*call).err
    assert f"{address} is an address" in words
    assert "download" in words
    assert not list(tmp_path.iterdir())


def test_addresses_are_named_as_such_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = gl.Explanation({"inputs": np.zeros((1, 5, 4), np.float32)})
    for call in (gl.Fasta, read_fasta, gl.load_model, gl.Explanation.load, result.save, load_dataset, load_spec):
        for path in ("s3://bucket/x", Path("s3://bucket/x")):
            with pytest.raises(FileProblem, match=r"^s3://bucket/x is an address, and only files"):
                call(path)
    assert not list(tmp_path.iterdir())


def test_layers_from_a_broken_file(files, genolift, tmp_path):
    for name, text, words in (
        ("broken.py", "1 / 0", "ZeroDivisionError"),
        ("empty.py", "x = 1", "holds no Keras layers"),
    ):
        (tmp_path / name).write_text(text)
        told = genolift("explain", files.model, files.fasta, "--layers-from", tmp_path / name, "--out", tmp_path / "s")
        assert_refused(told, name, words)


def test_plot_mistakes(files, genolift, tmp_path):
    store = tmp_path / "s.zarr"
    assert (
        genolift(
            "explain", files.model, files.fasta, "--target", 0, "--method", "gradient-x-input", "--out", store
        ).code
        == 0
    )
    logo = tmp_path / "logo.png"
    for arguments, words in (
        ((tmp_path / "none.zarr", "--sequence", "s0", "--out", logo), "not there"),
        ((files.fasta, "--sequence", "s0", "--out", logo), "not a score store"),
        ((store, "--sequence", "nobody", "--out", logo), "'nobody'"),
        ((store, "--sequence", "s0", "--out", tmp_path / "logo.docx"), ".png"),
        ((store, "--sequence", "s0", "--out", tmp_path / "none" / "logo.png"), "no directory"),
        ((store, "--sequence", "s0", "--target", "2", "--out", logo), "target"),
        ((store, "--sequence", "s0", "--start", "50", "--end", "61", "--out", logo), "60 bases"),
    ):
        assert_refused(genolift("plot", *arguments), words)
    assert not logo.exists()
    assert_refused(genolift("report", tmp_path, "--out", tmp_path / "r.html"), "neither a score store nor")
    assert_refused(genolift("report", store, "--out", tmp_path), "is a directory")


@pytest.mark.parametrize("name", ["simulate", "train", "benchmark"])
def test_bad_configurations(name, genolift, tmp_path):
    spec = tmp_path / "spec.toml"
    spec.write_text("length = 10\ncolour = 'red'\n")
    extra = ["--data", tmp_path] if name == "train" else []
    out = tmp_path / "out.keras"
    assert_refused(genolift(name, spec, *extra, "--out", out), "spec.toml", "colour" if name != "train" else "")
    assert_refused(genolift(name, "no_such_spec", *extra, "--out", out), "" if name == "train" else "no_such_spec")
    assert not out.exists()


@pytest.mark.parametrize("name", ["simulate", "benchmark"])
def test_directories_of_others_are_left_alone(name, genolift, tmp_path):
    (tmp_path / "precious.txt").write_text("precious")
    assert_refused(genolift(name, "tal_gata", "--out", tmp_path), "holds other files")
    if name == "benchmark":
        assert_refused(genolift(name, "tal_gata", "--out", tmp_path, "--force"), "holds other files")
        (tmp_path / "run.json").write_text(json.dumps({"my": "own"}))
        for extra in ([], ["--force"]):
            assert_refused(genolift(name, "tal_gata", "--out", tmp_path, *extra), "")
    assert (tmp_path / "precious.txt").read_text() == "precious"


def test_usage_errors(genolift):
    for arguments in ([], ["explain"], ["explian"], ["plot", "--whatever"]):
        told = genolift(*arguments)
        if arguments:
            assert_refused(told, "--help")
