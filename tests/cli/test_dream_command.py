"""``genolift dream``: its files, a run that was stopped, and one line for each mistake."""

import json

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.dreaming import climbing
from genolift.pipeline.dreaming import job
from genolift.simulate.motifs import Motif, meme_text

FILES = ["best.png", "dreams.fa", "dreams.npz", "dreams.tsv", "run.json", "starts.png"]
QUICK = ("--starts", 3, "--steps", 12)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return fasta(tmp_path_factory.mktemp("real") / "real.fa", random_sequences(120, LENGTH, seed=4))


def test_all_that_it_leaves(files, genolift, real, tmp_path):
    sharp = np.full((6, 4), 0.01) + 0.96 * np.eye(4)[[0, 2, 0, 3, 0, 0]]
    (tmp_path / "m.meme").write_text(meme_text([(Motif("sharp", sharp), 20)], [0.25] * 4))
    out = tmp_path / "dream"
    call = ("dream", files.model, "--target", 1, "--real", real, "--expert", "markov", "--order", 1, *QUICK)
    call = (*call, "--motifs", tmp_path / "m.meme", "--out", out)
    told = genolift(*call)
    assert told.code == 0, told.err
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "motifs.tsv"])
    sequences = [line for line in real.read_text().splitlines() if not line.startswith(">")]
    model = gl.load_model(files.model)
    expected = gl.dream(model, 1, real=sequences, expert="markov", order=1, starts=3, steps=12)
    assert (out / "dreams.tsv").read_text() == expected.to_tsv()
    assert (out / "dreams.fa").read_text() == expected.to_fasta()
    with np.load(out / "dreams.npz") as kept:
        np.testing.assert_array_equal(kept["relaxed"], expected.relaxed)
        np.testing.assert_array_equal(kept["history_value"], expected.history["value"])
    assert f"{out}: the best of 3 starts is {expected.starts[0]}, at {expected.values[0]:.4g}" in told.out
    assert f"(p = {expected.realism.p[0]:.2g})" in told.out
    for name in ("best.png", "starts.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    run = json.loads((out / "run.json").read_text())
    assert run["result"]["settings"]["expert"]["order"] == 1
    assert run["command"].startswith("genolift dream ")
    again = genolift(*call)
    assert (again.code, again.out) == (0, f"{out} is already complete\n")
    other = genolift(*call, "--seed", 1)
    assert other.code == 2
    assert "holds another result: " in other.err


def test_motifs_are_found_where_they_are(genolift, tmp_path, monkeypatch):
    """A filter of one kernel: the dream is its largest weights, and so is the motif."""
    from dream_models import convolution

    model = convolution(20)
    model.save(tmp_path / "model.keras")
    best = model.get_layer("conv").get_weights()[0][..., 1].argmax(1)
    # Four sharp positions among twelve: ln 4 each, and nothing for the others.
    matrix = np.full((12, 4), 0.25)
    matrix[4:8] = 1e-4 + (1 - 4e-4) * np.eye(4)[best]
    (tmp_path / "m.meme").write_text(meme_text([(Motif("weights", matrix), 20)], [0.25] * 4))
    call = ("dream", tmp_path / "model.keras", "--layer", "conv", "--unit", 1, "--starts", 2, "--steps", 120)
    monkeypatch.setattr(job, "STRONG", 4 * np.log(4) - 0.1)
    told = genolift(*call, "--over", 8, "--motifs", tmp_path / "m.meme", "--out", tmp_path / "d")
    assert told.code == 0, told.err
    assert "weights: 1 strong match\n" in told.out
    lines = (tmp_path / "d" / "motifs.tsv").read_text().splitlines()
    assert lines[0] == "dream\tmotif\tstart\tend\tstrand\tlog_odds"
    name = (tmp_path / "d" / "dreams.fa").read_text().split()[0].lstrip(">")
    assert any(line.startswith(f"{name}\tweights\t4\t16\t+\t5.5") for line in lines[1:])


@pytest.mark.slow
def test_it_goes_on_after_ctrl_c(files, genolift, tmp_path, monkeypatch):
    call = ("dream", files.model, "--target", 0, "--starts", 2, "--steps", 12, "--out")
    assert genolift(*call, tmp_path / "whole").code == 0
    real, steps = climbing.Climb._at, []

    def at(self, points, step):
        steps.append(step)
        if steps == list(range(8)):
            raise KeyboardInterrupt
        return real(self, points, step)

    monkeypatch.setattr(climbing, "_SECONDS", -1)
    monkeypatch.setattr(climbing.Climb, "_at", at)
    stopped = genolift(*call, tmp_path / "d")
    assert stopped.code == 130
    assert "the same command continues where it stopped" in stopped.err
    assert [path.name for path in (tmp_path / "d").iterdir()] == [".genolift-work"]
    assert genolift(*call, tmp_path / "d").code == 0
    assert steps[7:9] == [7, 7]
    for name in FILES:
        if name != "run.json":
            assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", 7), "target 7 is out of range"),
        (("--target", 0, "--length", 61), "takes sequences of 60, and not of 61"),
        (("--layer", "conv1"), "--layer and --unit belong together"),
        (("--layer", "conv1", "--unit", 0, "--target", 0), "either a target or a unit"),
        (("--layer", "conv9", "--unit", 0), "runs no layer 'conv9'"),
        (("--layer", "conv1", "--unit", 9), "has 4 units (0 to 3), and no unit 9"),
        (("--layer", "conv1", "--unit", 0, "--over", "least"), "'max', 'mean' or the number of a row, not 'least'"),
        (("--target", 0, "--order", 2), "--order is for --expert markov"),
        (("--target", 0, "--expert", "markov"), "none are given; give --real too"),
        (("--target", 0, "--typical"), "give both"),
        (("--target", 0, "--memory", "1kB"), "more than the budget"),
        (("--target", 0, "--real", "nowhere.fa"), "nowhere.fa"),
        (("--target", 0, "--motifs", "nowhere.meme"), "nowhere.meme"),
    ],
)
def test_mistakes_are_one_line(options, said, files, genolift, tmp_path):
    told = genolift("dream", files.model, *QUICK, *options, "--out", tmp_path / "d")
    assert told.code == 2
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert not (tmp_path / "d").exists()


def test_too_few_real_sequences(files, genolift, tmp_path):
    told = genolift("dream", files.model, "--target", 0, "--real", files.fasta, *QUICK, "--out", tmp_path / "d")
    assert told.code == 2
    assert "12 different real sequences were given; 80 or more" in told.err


def test_another_directory_is_left_alone(files, genolift, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    told = genolift("dream", files.model, "--target", 0, *QUICK, "--out", tmp_path)
    assert told.code == 2
    assert "holds other files" in told.err


@pytest.mark.slow
def test_generators_are_trained_and_dreamt_with(genolift, real, tmp_path):
    """A density as expert and a code to search in, each from its file; a generator of another length is refused."""
    from dream_models import convolution

    convolution(LENGTH).save(tmp_path / "model.keras")
    convolution(LENGTH + 1).save(tmp_path / "longer.keras")
    for kind, name in (("vae", "vae"), ("autoregressive", "density")):
        told = genolift("train", "--generator", kind, real, "--out", tmp_path / f"{name}.keras", "--epochs", 1)
        assert told.code == 0, told.err
        bound = "at least " if kind == "vae" else ""
        assert told.out.startswith(f"log p per base of 12 held-out sequences: {bound}-")
        assert "Markov chain of order 0: -" in told.out
        record = json.loads((tmp_path / f"{name}.keras.json").read_text())
        assert record["request"]["kind"] == record["kind"] == kind
    assert not list(tmp_path.glob(".*"))
    again = genolift("train", "--generator", "vae", real, "--out", tmp_path / "vae.keras", "--epochs", 1)
    assert again.out.startswith(f"{tmp_path / 'vae.keras'} is already complete\n")
    other = genolift("train", "--generator", "vae", real, "--out", tmp_path / "vae.keras", "--epochs", 2)
    assert other.code == 2
    assert "holds another result: epochs" in other.err
    call = ("dream", tmp_path / "model.keras", "--target", 0, "--starts", 2, "--steps", 5)
    code = genolift(*call, "--generator", tmp_path / "vae.keras", "--out", tmp_path / "code")
    assert code.code == 0, code.err
    settings = json.loads((tmp_path / "code" / "run.json").read_text())["result"]["settings"]
    assert settings["space"] == {"kind": "code", "shape": [8, 8], "penalty": "entropy"}
    assert settings["strength"] == 0.1
    density = genolift(*call, "--expert", tmp_path / "density.keras", "--out", tmp_path / "expert")
    assert density.code == 0, density.err
    settings = json.loads((tmp_path / "expert" / "run.json").read_text())["result"]["settings"]
    assert settings["expert"]["kind"] == "autoregressive"
    for options, said in (
        (("--generator", tmp_path / "density.keras"), "holds a generator of the kind 'autoregressive', and one of the"),
        (("--expert", tmp_path / "vae.keras"), "train one with genolift train --generator autoregressive"),
        (("--expert", tmp_path / "nowhere.keras"), "nowhere.keras"),
    ):
        told = genolift(*call, *options, "--out", tmp_path / "d")
        assert (told.code, len(told.err.strip().splitlines())) == (2, 1)
        assert said in told.err
    call = ("dream", tmp_path / "longer.keras", "--target", 0, "--starts", 2, "--steps", 5)
    told = genolift(*call, "--generator", tmp_path / "vae.keras", "--out", tmp_path / "d")
    assert told.code == 2
    assert "the generator makes sequences of 60 bases, and the model takes 61; train one on sequences of 61" in told.err


@pytest.mark.slow
def test_a_training_goes_on_after_ctrl_c(genolift, real, tmp_path, monkeypatch):
    from genolift.models.generative import fitting

    call = ("train", "--generator", "autoregressive", real, "--epochs", 2, "--out")
    assert genolift(*call, tmp_path / "whole.keras").code == 0
    real_epoch, epochs = fitting._Trainer._epoch, []

    def epoch(self, number):
        epochs.append(number)
        if epochs == [1, 2]:
            raise KeyboardInterrupt
        return real_epoch(self, number)

    monkeypatch.setattr(fitting._Trainer, "_epoch", epoch)
    stopped = genolift(*call, tmp_path / "d.keras")
    assert stopped.code == 130
    assert not (tmp_path / "d.keras").exists()
    assert genolift(*call, tmp_path / "d.keras").code == 0
    assert epochs == [1, 2, 2]
    whole, continued = (gl.load_model(tmp_path / f"{name}.keras").get_weights() for name in ("whole", "d"))
    for a, b in zip(whole, continued, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--generator", "gan"), "'gan' is not one of"),
        (("--generator", "vae", "--data", "d"), "leave --data, --network and their options out"),
        (("--generator", "autoregressive", "--beta", 1), "--beta is for --generator vae"),
        ((), "Missing option '--data', or --generator"),
        (("--data", "d", "--beta", 1), "--beta is for --generator vae"),
    ],
)
def test_mistakes_of_a_training_are_one_line(options, said, genolift, real, tmp_path):
    told = genolift("train", real, *options, "--out", tmp_path / "g.keras")
    assert told.code == 2
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_sequences_that_cannot_train_a_generator(files, genolift, tmp_path):
    told = genolift("train", "--generator", "vae", files.fasta, "--out", tmp_path / "g.keras")
    assert told.code == 2
    assert f"{files.fasta}: 12 different sequences without unknown bases were given; 100 or more" in told.err
    assert not list(tmp_path.iterdir())
    told = genolift("train", "--generator", "vae", files.fasta, "--out", tmp_path / "g.h5")
    assert "file name ends in .keras" in told.err
