"""`genolift report --motifs` as it is typed."""

import numpy as np
import pytest

from genolift.results.explanation import Explanation

COUNTS = ">MA1 gata\nA [9 0 9 0 9 9 0]\nC [0 0 0 0 0 0 0]\nG [0 9 0 0 0 0 9]\nT [0 0 0 9 0 0 0]\n"


@pytest.fixture
def store(tmp_path):
    codes = np.random.default_rng(0).integers(0, 4, (10, 50))
    codes[:, 20:27] = [0, 2, 0, 3, 0, 0, 2]
    scores = np.zeros((10, 50), np.float32)
    scores[:, 20:27] = 1
    X = np.eye(4, dtype=np.float32)[codes]
    Explanation({"inputs": X, "scores": scores}, target=0, method={"name": "ism"}).save(tmp_path / "s.zarr")
    (tmp_path / "m.jaspar").write_text(COUNTS)
    return tmp_path / "s.zarr"


def test_motifs_of_a_store(store, genolift, tmp_path):
    out = tmp_path / "r.html"
    told = genolift("report", store, "--motifs", tmp_path / "m.jaspar", "--out", out)
    assert (told.code, told.out) == (0, f"{out}\n")
    assert "<tr><td>MA1_gata</td><td>10 / 10</td></tr>" in out.read_text()
    assert (
        genolift("report", store, "--motifs", tmp_path / "m.jaspar", "--motif-format", "jaspar", "--out", out).code == 0
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--motifs", "none.meme"), "none.meme is not there"),
        (("--motifs", "m.jaspar", "--motif-format", "meme"), "m.jaspar holds no motifs"),
        (("--motif-format", "meme"), "--motif-format is of the file --motifs"),
    ],
)
def test_motifs_that_cannot_be_used(store, genolift, tmp_path, options, words):
    given = [tmp_path / one if "." in one else one for one in options]
    told = genolift("report", store, *given, "--out", tmp_path / "r.html")
    assert told.code == 2
    assert words in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()
