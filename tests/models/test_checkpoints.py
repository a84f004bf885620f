"""Weights that are kept while a network is trained."""

import json

import numpy as np
import pytest
from cli_files import random_sequences

from genolift.cli.app import run
from genolift.models.recipe.checkpoints import load_checkpoint, read_checkpoints
from genolift.models.training import train
from genolift.models.zoo import build
from genolift.simulate.dataset import Dataset


@pytest.fixture(scope="module")
def dataset():
    sequences = random_sequences(48, 30)
    labels = np.random.default_rng(0).integers(0, 2, (48, 1)).astype(np.int8)
    splits = np.array(["train"] * 32 + ["valid"] * 8 + ["test"] * 8)
    return Dataset(list(sequences), list(sequences.values()), labels, ["a"], splits, [])


@pytest.mark.slow
def test_the_weights_of_each_epoch_are_kept_and_change_nothing(dataset, tmp_path):
    def fitted(folder):
        model = build("tal_gata", length=30, tasks=1, filters=3, width=4)
        return train(model, dataset, epochs=3, batch_size=8, patience=9, progress=False, checkpoints=folder)

    (one, record), (other, _) = fitted(tmp_path / "kept"), fitted(None)
    assert all((a == b).all() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
    found = read_checkpoints(tmp_path / "kept")
    assert (found.batch_size, [each.epoch for each in found.each]) == (8, [1, 2, 3])
    load_checkpoint(other, found.each[record["best_epoch"] - 1])
    assert all((a == b).all() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
    # Twelve steps: one of warm-up from a tenth of the peak, and a cosine.
    cosine = lambda step: 1e-3 * (0.99 * (1 + np.cos(np.pi * step / 11)) / 2 + 0.01)  # noqa: E731
    rates = [1e-4, *(cosine(step) for step in range(11))]
    expected = [np.mean(rates[k : k + 4]) for k in (0, 4, 8)]
    np.testing.assert_allclose([each.learning_rate for each in found.each], expected, rtol=1e-4)


def test_the_command_keeps_them(dataset, tmp_path):
    (tmp_path / "spec.toml").write_text(
        'name = "n"\nseed = 1\nlength = 30\nbackground = [0.25, 0.25, 0.25, 0.25]\n'
        '[motifs]\nm = { kmers = ["ACGTACG"] }\n'
        '[[groups]]\nname = "g"\nsequences = 24\nembed = [{ motif = "m", count = 1 }]\n'
        '[[groups]]\nname = "h"\nsequences = 24\n[labels]\na = "m > 0"\n[splits]\nvalid = 0.2\ntest = 0.2\n'
    )
    spec, data = str(tmp_path / "spec.toml"), str(tmp_path / "data")
    assert run(["simulate", spec, "--out", data]) == 0
    ask = ["train", spec, "--data", data, "--out", str(tmp_path / "m.keras"), "--epochs", "2"]
    assert run([*ask, "--checkpoints", str(tmp_path / "kept")]) == 0
    assert len(json.loads((tmp_path / "kept" / "checkpoints.json").read_text())["checkpoints"]) == 2
    assert run([*ask, "--checkpoints", str(tmp_path / "kept")]) == 0  # is complete
    assert run([*ask, "--checkpoints", str(tmp_path / "m.keras")]) == 2
