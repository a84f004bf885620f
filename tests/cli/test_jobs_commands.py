"""`genolift simulate`, `train` and `benchmark` as they are typed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from genolift.cli import app
from genolift.pipeline.keeping.folder import WORK

FILES = {
    *("sequences.fa", "dataset.tsv", "embeddings.bed", "model.keras", "training.json", "recovery.csv", "run.json"),
    *(f"{stem}.{kind}" for stem in ("figure5_GATA_disc1", "figure5_TAL1_known1", "figure6") for kind in ("png", "svg")),
    "index.html",
}


def test_simulate_then_train(genolift, tmp_path):
    data, model = tmp_path / "data", tmp_path / "model.keras"
    told = genolift("simulate", "tal_gata", "--out", data, "--sequences", 200)
    assert told.code == 0
    assert "200 sequences" in told.out
    assert "already complete" in genolift("simulate", "tal_gata", "--out", data, "--sequences", 200).out
    told = genolift("train", "tal_gata", "--data", data, "--out", model, "--epochs", 1)
    assert told.code == 0, told.err
    assert "TAL1: accuracy" in told.out
    assert "already complete" in genolift("train", "tal_gata", "--data", data, "--out", model, "--epochs", 1).out
    told = genolift("train", "tal_gata", "--data", data, "--out", model, "--epochs", 2)
    assert told.code == 2
    assert "epochs is 1 there and 2 here" in told.err


@pytest.mark.parametrize(("name", "continues"), [("benchmark", True), ("simulate", False)])
def test_ctrl_c_says_what_comes_next(name, continues, genolift, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("genolift.pipeline.benchmark.benchmark.run_benchmark", interrupt)
    monkeypatch.setattr("genolift.pipeline.benchmark.simulation.draw_dataset", interrupt)
    told = genolift(name, "tal_gata", "--out", tmp_path)
    assert told.code == app.INTERRUPTED == 130
    (line,) = told.err.splitlines()
    assert ("the same command continues" in line) == continues


def test_an_error_of_ours_is_not_hidden(genolift, tmp_path, monkeypatch):
    monkeypatch.setattr("genolift.pipeline.benchmark.simulation.draw_dataset", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        genolift("simulate", "tal_gata", "--out", tmp_path)


def test_the_systems_own_errors_are_one_line(genolift, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("genolift.pipeline.benchmark.simulation.draw_dataset", full)
    told = genolift("simulate", "tal_gata", "--out", tmp_path)
    assert (told.code, told.err) == (2, "genolift: error: /data/x: No space left on device\n")


@pytest.mark.slow
def test_benchmark_survives_a_kill(genolift, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "genolift.cli", "benchmark", "tal_gata", "--out", str(out)]
    command += ["--sequences", "200", "--epochs", "1", "--seeds", "2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (out / WORK / "explain-0-gradient-x-input.stage.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [path.name for path in out.iterdir()] == [WORK]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "training" not in told.stderr
    assert "explaining by gradient-x-input, seed 0" not in told.stderr
    assert "explaining by gradient-x-input, seed 1" in told.stderr
    assert {path.name for path in out.iterdir()} == FILES
    again = genolift(*command[3:])
    assert (again.code, again.err) == (0, "")
    assert "already complete" in again.out
    other = genolift(*command[3:], "--epochs", "2")
    assert other.code == 2
    assert "epochs is 1 there and 2 here" in other.err
