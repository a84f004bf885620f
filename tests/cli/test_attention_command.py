"""Attention of a model from the command line: into a store, and drawn from it."""

import keras
import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl

K = keras.layers


@pytest.mark.slow
def test_attention_into_a_store_and_a_picture(genolift, tmp_path):
    inputs = keras.Input((None, 4))
    h = K.MaxPooling1D(4)(K.Conv1D(6, 5, activation="relu")(inputs))
    h = K.Add()([h, K.MultiHeadAttention(2, 3, name="look")(h, h)])
    model = keras.Model(inputs, K.Dense(1)(K.GlobalAveragePooling1D()(h)))
    model.save(tmp_path / "model.keras")
    sequences = random_sequences(3)
    command = ["explain", tmp_path / "model.keras", fasta(tmp_path / "s.fa", sequences), "--option", "layer=look"]
    told = genolift(*command, "--method", "attention", "--out", tmp_path / "s.zarr")
    assert told.code == 0, told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    assert type(found).__name__ == "AttentionExplanation"
    expected = gl.method("attention", model)(gl.one_hot(list(sequences.values())))
    np.testing.assert_allclose(found.weights[:], expected.weights, atol=1e-6)
    np.testing.assert_array_equal(found.key_positions[:], expected.key_positions)
    np.testing.assert_allclose(found.scores[:].sum(1), np.ones(3), rtol=1e-5)
    drawn = genolift("plot", tmp_path / "s.zarr", "--sequence", found.names[0], "--map", "--out", tmp_path / "map.svg")
    assert drawn.code == 0, drawn.err
    assert "what the model reads" in (tmp_path / "map.svg").read_text()

    mixed = fasta(tmp_path / "mixed.fa", {"a": LENGTH * "A", "b": 40 * "C"})
    told = genolift("explain", tmp_path / "model.keras", mixed, "--method", "attention", "--out", tmp_path / "m.zarr")
    assert told.code == 2
    assert "--option maps=false" in told.err
    told = genolift(
        *("explain", tmp_path / "model.keras", mixed, "--method", "attention", "--option", "maps=false"),
        *("--out", tmp_path / "t.zarr"),
    )
    assert told.code == 0, told.err
