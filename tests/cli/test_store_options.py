"""What `genolift explain` keeps beside the scores, and how."""

import sys

import numpy as np
import zarr

import genolift as gl
from genolift.results.store import StoreWriter
from genolift.support.errors import FileProblem
from genolift.support.threads import threads

QUICK = ("--method", "gradient-x-input", "--target", 0)


def test_half_precision_and_where_it_comes_from(files, genolift, tmp_path):
    whole, half = tmp_path / "whole.zarr", tmp_path / "with space" / "half.zarr"
    half.parent.mkdir()
    assert genolift("explain", files.model, files.fasta, *QUICK, "--out", whole).code == 0
    arguments = ["explain", files.model, files.fasta, *QUICK, "--out", half, "--dtype", "float16"]
    assert genolift(*arguments).code == 0
    assert zarr.open_group(half)["raw_contributions"].dtype == np.float16
    assert zarr.open_group(half)["predictions"].dtype == np.float32
    found, exact = gl.Explanation.load(half), gl.Explanation.load(whole)
    np.testing.assert_allclose(found.scores, exact.scores, atol=2e-3 * np.abs(exact.scores).max())
    told = found.provenance
    assert told["command"] == (
        f"genolift explain {files.model} {files.fasta} --method gradient-x-input --target 0 --out '{half}' --dtype float16"
    )
    assert told["threads"] == threads()
    assert told["versions"]["python"] == sys.version.split()[0]
    assert len(told["model"]["sha256"]) == len(told["sequences"]["sha256"]) == 64
    assert found.method["seed"] == 0
    # other words for the same work are not another result
    again = genolift(*arguments, "--seed", 0, "--threads", threads())
    assert "already complete" in again.out
    refused = genolift(*arguments[:-2], "--dtype", "float32")
    assert "dtype is 'float16' there and 'float32' here" in refused.err


def test_a_full_disk_is_one_line_and_the_same_command_continues(files, genolift, tmp_path, monkeypatch):
    monkeypatch.setattr("genolift.pipeline.scoring.scoring._LARGEST_BLOCK", 4)
    command = ["explain", files.model, files.fasta, *QUICK, "--out", tmp_path / "s.zarr"]
    write = StoreWriter.write

    def full(self, k, explanation):
        if k == 1:
            raise FileProblem(f"{self.path} cannot be written: No space left on device")
        write(self, k, explanation)

    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "write", full)
        told = genolift(*command)
    assert told.code == 2
    assert told.err.splitlines()[-1] == f"genolift: error: {tmp_path}/s.zarr cannot be written: No space left on device"
    told = genolift(*command)
    assert "continuing: 4 of 12" in told.err
    assert "8 of them" in told.out


def test_another_number_of_threads_needs_another_process(files, genolift, tmp_path):
    told = genolift(
        "explain", files.model, files.fasta, *QUICK, "--out", tmp_path / "s.zarr", "--threads", threads() + 1
    )
    assert told.code == 2
    assert "set TF_NUM_INTRAOP_THREADS=" in told.err
    assert not (tmp_path / "s.zarr").exists()


def test_workers_and_a_scheduler_are_one_too_many(files, genolift, tmp_path):
    told = genolift(
        *("explain", files.model, files.fasta, *QUICK, "--out", tmp_path / "s.zarr"),
        *("--workers", 2, "--scheduler", "tcp://127.0.0.1:1"),
    )
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "give one of them" in told.err
