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


def test_too_few_real_sequences(files, genolift, tmp_path):
    told = genolift("dream", files.model, "--target", 0, "--real", files.fasta, *QUICK, "--out", tmp_path / "d")
    assert told.code == 2
    assert "12 different real sequences were given; 80 or more" in told.err


def test_another_directory_is_left_alone(files, genolift, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    told = genolift("dream", files.model, "--target", 0, *QUICK, "--out", tmp_path)
    assert told.code == 2
    assert "holds other files" in told.err
