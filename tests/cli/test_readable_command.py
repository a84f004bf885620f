"""Networks that can be read, on the command line: trained with constraints, and explained by what they say themselves."""

import json

import numpy as np
import pytest

from genolift.cli.app import run as command
from genolift.results.explanation import Explanation
from genolift.simulate.spec import shipped_motifs


def run(capsys, *words):
    code = command([str(word) for word in words])
    return code, "".join(capsys.readouterr())


@pytest.fixture
def data(tmp_path, capsys):
    assert run(capsys, "simulate", "tal_gata", "--out", tmp_path / "data", "--sequences", 80)[0] == 0
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--network", "lattice", "--motifs", "nowhere.meme"], "nowhere.meme does not exist; give a file of motifs"),
        (["--network", "lattice", "--signs", "sideways"], "signs='sideways' are not one of free, up, down"),
        (["--network", "additive", "--signs", "up"], "architecture 'additive' has no option 'signs'"),
    ],
)
def test_what_cannot_be_trained(data, tmp_path, capsys, words, told):
    code, said = run(capsys, "train", "tal_gata", "--data", data, "--out", tmp_path / "m.keras", *words)
    assert code == 2
    assert told in said
    assert said.strip().count("\n") == 0


@pytest.mark.slow
def test_a_lattice_is_trained_and_asked(data, tmp_path, capsys):
    out = tmp_path / "m.keras"
    words = ("train", "tal_gata", "--data", data, "--out", out, "--network", "lattice", "--epochs", 1)
    constrained = (*words, "--motifs", shipped_motifs(), "--signs", "up,down")
    assert run(capsys, *constrained)[0] == 0
    request = json.loads((tmp_path / "m.keras.json").read_text())["request"]
    assert request["options"] == {"signs": "up,down"}
    assert "already complete" in run(capsys, *constrained)[1]
    assert run(capsys, *words)[0] == 2  # This one has no constraints.
    scores = tmp_path / "scores.zarr"
    explained = ("explain", out, data / "sequences.fa", "--method", "built-in", "--target", 0, "--out", scores)
    code, said = run(capsys, *explained)
    assert code == 0, said
    found = Explanation.load(scores)
    assert found.method["name"] == "built-in"
    # What the network says where no motif is, which is the same for all sequences, is what scores leave.
    silent = np.asarray(found.predictions) - np.asarray(found.scores).sum(axis=1)
    np.testing.assert_allclose(silent, silent[0], atol=1e-4)
