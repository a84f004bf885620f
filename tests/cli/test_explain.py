"""`genolift explain` and what reads its result."""

import gzip
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences
from started import started

import genolift as gl
from genolift.cli.targets import spread
from genolift.results.reading import read_provenance
from genolift.results.store import StoreWriter

QUICK = ("--method", "gradient-x-input")


def test_scores_are_those_of_python(files, genolift, tmp_path):
    sequences = random_sequences(5) | {"odd": "acgtnNRY" + "ACGT" * 13}
    path = tmp_path / "six.fa.gz"
    path.write_bytes(gzip.compress("".join(f">{n} words\n{s}\n" for n, s in sequences.items()).encode()))
    told = genolift("explain", files.model, path, "--target", "1", "--seed", "7", "--out", tmp_path / "s.zarr")
    assert told.code == 0
    assert "4 of 360 bases are N or another IUPAC code" in told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    references = gl.references.Shuffled(20, k=2, seed=7)
    X = gl.one_hot([s.upper() for s in sequences.values()])
    expected = gl.DeepLift(gl.load_model(files.model), target=1, references=references)(X)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5 * np.abs(expected.scores).max())
    np.testing.assert_array_equal(found.inputs, X)
    assert found.names == list(sequences)
    assert found.target == 1
    assert found.method["references"] == {"kind": "shuffled", "n": 20, "k": 2, "seed": 7}


def test_unknown_as_zero(files, genolift, tmp_path):
    path = fasta(tmp_path / "n.fa", {"n": "N" * 4 + "ACGT" * 14})
    out = tmp_path / "s.zarr"
    assert genolift("explain", files.model, path, "--target", 0, *QUICK, "--unknown", "zero", "--out", out).code == 0
    assert not gl.Explanation.load(out).inputs[0, :4].any()


def test_mixed_lengths_are_never_padded(files, genolift, tmp_path):
    lengths = [60, 35, 60]
    sequences = {f"m{i}": next(iter(random_sequences(1, n, i).values())) for i, n in enumerate(lengths)}
    out = tmp_path / "s.zarr"
    told = genolift(
        "explain", files.any_length, fasta(tmp_path / "m.fa", sequences), "--target", 2, *QUICK, "--out", out
    )
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    model = gl.load_model(files.any_length)
    assert found.lengths.tolist() == lengths
    for i, (name, sequence) in enumerate(sequences.items()):
        alone = gl.method("gradient-x-input", model, target=2)(gl.one_hot(sequence))
        assert found[name].scores.shape == (1, lengths[i])
        np.testing.assert_allclose(found[name].scores[0], alone.scores[0], atol=1e-6)
        np.testing.assert_allclose(found[name].predictions, alone.predictions, atol=1e-6)


def test_regions_of_a_genome(files, genolift, tmp_path):
    (chrom,) = random_sequences(1, 500).values()
    genome = fasta(tmp_path / "genome.fa", {"chr1": chrom})
    bed = tmp_path / "peaks.bed"
    bed.write_text("chr1\t100\t110\tleft\t0\t+\nchr1\t300\t400\tright\t0\t-\n")
    out = tmp_path / "s.zarr"
    told = genolift("explain", files.model, genome, "--regions", bed, "--target", 0, *QUICK, "--out", out)
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    assert found.names == ["left", "right"]
    assert [tuple(region) for region in found.regions] == [("chr1", 75, 135, "+"), ("chr1", 320, 380, "-")]
    np.testing.assert_array_equal(found.inputs[1:2], gl.one_hot(gl.reverse_complement(chrom[320:380])))


def test_several_targets_methods_and_their_options(files, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    options = ["--target", 0, 2, "--method", "integrated-gradients", "--steps", 4, "--references", "background"]
    assert genolift("explain", files.model, *options, files.fasta, "--out", out).code == 0
    found = gl.Explanation.load(out)
    assert found.target == [0, 2]
    assert found.scores.shape == (12, 2, LENGTH)
    assert found.method["steps"] == 4
    logo = tmp_path / "logo.svg"
    assert genolift("plot", out, "--sequence", "s3", "--target", 2, "--start", 5, "--end", 30, "--out", logo).code == 0
    assert logo.read_text().startswith("<?xml")
    assert genolift("report", out, "--out", tmp_path / "r.html").code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(name in page for name in found.names)


@pytest.mark.slow
def test_custom_layers_from_a_file(genolift, files, tmp_path):
    module = tmp_path / "mine.py"
    module.write_text(
        "import keras\n\n\nclass Twice(keras.layers.Layer):\n    def call(self, x):\n        return 2 * x\n"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from genolift.support.tensorflow import quiet_tensorflow; quiet_tensorflow()\n"
        "import keras; from mine import Twice\n"
        f"i = keras.Input(({LENGTH}, 4)); x = Twice()(keras.layers.Flatten()(i))\n"
        "keras.Model(i, keras.layers.Dense(1)(x)).save(sys.argv[1] + '/own.keras')"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    command = ["explain", tmp_path / "own.keras", files.fasta, *QUICK, "--out", tmp_path / "s.zarr"]
    refused = genolift(*command)
    assert refused.code == 2
    assert "Twice" in refused.err
    assert genolift(*command, "--layers-from", module).code == 0
    importing = tmp_path / "importing.py"  # as one writes it who has a package of layers
    importing.write_text("from mine import Twice\n")
    told = genolift(*command[:-1], tmp_path / "again.zarr", "--layers-from", importing)
    assert told.code == 0, told.err


def test_finished_results_are_recognised(files, genolift, tmp_path):
    command = ["explain", files.model, files.fasta, "--target", 0, *QUICK, "--out", tmp_path / "s.zarr"]
    assert genolift(*command).code == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s.zarr").rglob("*")}
    again = genolift(*command)
    assert again.code == 0
    assert "already complete" in again.out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "s.zarr").rglob("*")} == before
    # the same content by another name is the same input
    moved = tmp_path / "moved.fa.gz"
    moved.write_bytes(gzip.compress(files.fasta.read_bytes()))
    assert "already complete" in genolift(*command[:2], moved, *command[3:]).out


def test_other_requests_are_refused_and_force_starts_afresh(files, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    assert genolift("explain", files.model, files.fasta, "--target", 0, *QUICK, "--out", out).code == 0
    other = fasta(tmp_path / "other.fa", random_sequences(12, seed=1))
    for arguments, words in (
        ((files.model, files.fasta, "--target", 1, *QUICK), "target is 0 there and 1 here"),
        ((files.model, files.fasta, "--target", 0, *QUICK, "--references", "background"), "method.references"),
        ((files.model, files.fasta, "--target", 0), "method.name is 'gradient-x-input' there and 'deeplift' here"),
        ((files.model, files.fasta, "--target", 0, *QUICK, "--unknown", "zero"), "sequences.encoding"),
        ((files.any_length, files.fasta, "--target", 0, *QUICK), "model.sha256"),
        ((files.model, other, "--target", 0, *QUICK), "sequences.sha256"),
    ):
        told = genolift("explain", *arguments, "--out", out)
        assert told.code == 2
        (line,) = told.err.splitlines()
        assert words in line
    assert gl.Explanation.load(out).target == 0
    assert genolift("explain", files.model, files.fasta, "--target", 1, *QUICK, "--out", out, "--force").code == 0
    assert gl.Explanation.load(out).target == 1


def test_force_keeps_the_earlier_result_until_the_new_one_is_possible(files, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    assert genolift("explain", files.model, files.fasta, "--target", 0, *QUICK, "--out", out).code == 0
    told = genolift("explain", files.model, files.fasta, "--target", 9, *QUICK, "--out", out, "--force")
    assert told.code == 2
    assert gl.Explanation.load(out).target == 0


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("genolift.pipeline.scoring.scoring._LARGEST_BLOCK", 4)


def test_ctrl_c_and_the_same_command_again(files, genolift, tmp_path, monkeypatch, small_blocks):
    command = ["explain", files.model, files.fasta, "--target", 0, "--references", "shuffled:3"]
    assert genolift(*command, "--out", tmp_path / "whole.zarr").code == 0
    write, calls = StoreWriter.write, []

    def interrupted(self, k, explanation):
        calls.append(k)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(self, k, explanation)

    out = tmp_path / "s.zarr"
    monkeypatch.setattr(StoreWriter, "write", interrupted)
    told = genolift(*command, "--out", out)
    assert told.code == 130
    assert told.err.splitlines()[-1] == "genolift: interrupted; the same command continues where it stopped"
    assert "Traceback" not in told.err
    assert read_provenance(out)["done"] == 4
    calls.extend([None, None])
    told = genolift(*command, "--out", out)
    assert told.code == 0
    assert "continuing: 4 of 12" in told.err
    assert "8 of them" in told.out
    assert calls[4:] == [1, 2]
    one, two = (gl.Explanation.load(tmp_path / name) for name in ("s.zarr", "whole.zarr"))
    for name in one.defined:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.slow
def test_interrupted_and_the_same_command_again(files, genolift, tmp_path):
    """See test_killed.py for processes that cannot tidy up."""
    many = fasta(tmp_path / "many.fa", random_sequences(5_000))
    out = tmp_path / "s.zarr"
    command = ["explain", files.model, many, "--target", "0", "--references", "shuffled:5", "--out", out]
    process = started(command)
    deadline = time.monotonic() + 120
    while not any((out / "blocks" / "done").glob("*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    with pytest.raises(OSError, match="incomplete"):
        gl.Explanation.load(out)
    told = genolift(*command)
    assert told.code == 0
    assert "continuing" in told.err
    X = gl.one_hot(list(random_sequences(5_000).values())[4990:])
    expected = gl.DeepLift(gl.load_model(files.model), target=0, references=gl.references.Shuffled(5))(X).scores
    np.testing.assert_allclose(gl.Explanation.load(out)[4990:].scores, expected, atol=1e-5 * np.abs(expected).max())


def test_a_file_that_changes_meanwhile_is_noticed(files, genolift, tmp_path, monkeypatch, small_blocks):
    path = fasta(tmp_path / "changing.fa", random_sequences(12))
    write = StoreWriter.write

    def meddle(self, k, explanation):
        write(self, k, explanation)
        fasta(path, random_sequences(3))

    monkeypatch.setattr(StoreWriter, "write", meddle)
    # three short records are buffered before they change: what was read is scored, what is missing is an error
    path.write_text("".join(f">s{i}\n{'ACGT' * 15}\n" for i in range(4000)))
    told = genolift("explain", files.model, path, "--target", 0, *QUICK, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    assert "changed while it was being read" in told.err.splitlines()[-1]


def test_targets_that_follow_each_other():
    assert spread(["--target", "0", "1", "m.keras"]) == ["--target", "0", "--target", "1", "m.keras"]
    assert spread(["m", "--target", "counts:0", "profile", "--out", "3"]) == [
        *("m", "--target", "counts:0", "--target", "profile", "--out", "3")
    ]
    assert spread(["--target", "0", "--out", "1", "2"]) == ["--target", "0", "--out", "1", "2"]
    assert spread(["--target", "0", "--target", "-1", "sum:bins=1-2"])[-2:] == ["--target", "sum:bins=1-2"]


@pytest.mark.slow
def test_both_strands_and_references_until_enough(files, genolift, tmp_path):
    out = tmp_path / "both.zarr"
    arguments = ["--target", "0", "--rc-average", "--references", "shuffled:auto", "--out", out]
    assert genolift("explain", files.model, files.fasta, *arguments).code == 0
    found = gl.Explanation.load(out)
    assert found.method["rc_average"] is True
    assert found.method["references"]["n"] == "auto"
    assert (np.asarray(found.reference_count) >= 10).all()


def test_diagnose_prints_a_table_and_writes_nothing(files, genolift, tmp_path):
    done = genolift("explain", files.model, files.fasta, "--target", "0", "--diagnose")
    assert done.code == 0
    assert "imbalance_float64" in done.out
    assert "Conv2D" in done.out
    assert not list(tmp_path.iterdir())
    refused = genolift("explain", files.model, files.fasta, "--target", "0")
    assert refused.code == 2
    assert "--out" in refused.err
