"""``genolift check``."""

import json

import pytest
from cli_files import LENGTH, fasta, random_sequences

from genolift.support.tensorflow import quiet_tensorflow


def test_a_model_with_sequences(files, genolift):
    done = genolift("check", files.model, "--fasta", files.fasta, "--target", 1)
    assert done.code == 0
    assert f"genolift explain {files.model} {files.fasta} --target 1 --out scores.zarr" in done.out
    assert "4 sequences of" in done.out
    assert done.err == ""


@pytest.mark.slow
def test_json_and_windows_of_a_chromosome(files, genolift, tmp_path):
    genome = fasta(tmp_path / "genome.fa", {"chr1": "N" * 30_000 + next(iter(random_sequences(1, 5000).values()))})
    done = genolift("check", files.any_length, "--fasta", genome, "--length", LENGTH, "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert told["cost"]["length"] == LENGTH
    assert told["proofs"][1]["sums"][0]["name"].startswith("chr1:30")


def test_another_layout_is_guessed(genolift, tmp_path):
    quiet_tensorflow()
    import keras

    layers = [keras.Input((4, 30)), keras.layers.Permute((2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    done = genolift("check", tmp_path / "m.keras")
    assert done.code == 0
    assert "--layout NCL" in done.out


def test_what_is_wrong_is_said(files, genolift, tmp_path):
    assert "is not a model" in genolift("check", files.fasta).err
    short = fasta(tmp_path / "short.fa", {"a": "ACGT"})
    done = genolift("check", files.model, "--fasta", short)
    assert done.code == 2
    assert f"has no sequence of {LENGTH}" in done.err
