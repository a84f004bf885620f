"""What Fi-NeMo reads: arrays on the forward strand, with the coordinates that its loader asks for."""

import numpy as np
import pytest

import genolift as gl
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode, one_hot, reverse_complement
from genolift.support.errors import InputError

RNG = np.random.default_rng(4)
GENOME = "".join(RNG.choice(list("ACGT"), 200))
REGIONS = [("chrB", 10, 30, "+"), ("chrA", 40, 60, "-"), ("chrB", 100, 120, "-"), ("chrA", 150, 170, ".")]


def scored(**options):
    texts = [GENOME[start:end] for _, start, end, _ in REGIONS]
    X = one_hot([reverse_complement(t) if r[3] == "-" else t for t, r in zip(texts, REGIONS, strict=True)])
    X[0, 3] = 0.25
    h = RNG.normal(size=X.shape).astype(np.float32)
    fields = {"inputs": X, "raw_contributions": X * h, "hypothetical": h}
    return Explanation(fields, names=["a b", "c", "d", "e"], **options), h


def test_everything_is_on_the_forward_strand(tmp_path):
    explanation, h = scored(regions=REGIONS)
    out = tmp_path / "f.npz"
    assert gl.export(explanation, to="finemo", out=out) == [out]
    with np.load(out) as data:
        assert set(data) == {"sequences", "contributions", "chr", "chr_id", "start", "peak_id", "peak_name"}
        assert {name: data[name].dtype.kind for name in ("chr", "chr_id", "start", "peak_id", "peak_name")} == {
            "chr": "U", "chr_id": "u", "start": "i", "peak_id": "u", "peak_name": "U",
        }  # fmt: skip
        assert data["sequences"].shape == data["contributions"].shape == (4, 4, 20)
        assert data["sequences"].dtype == np.int8
        texts = decode(data["sequences"].transpose(0, 2, 1).astype(np.float32))
        assert [text.replace("N", "") for text in texts][1:] == [GENOME[a:b] for _, a, b, _ in REGIONS][1:]
        assert not data["sequences"][0, :, 3].any()
        np.testing.assert_array_equal(data["contributions"][0], h[0].T)
        np.testing.assert_array_equal(data["contributions"][1], h[1, ::-1, ::-1].T)
        assert data["chr"].tolist() == ["chrB", "chrA", "chrB", "chrA"]
        assert data["chr_id"].tolist() == [0, 1, 0, 1]
        assert data["start"].tolist() == [10, 40, 100, 150]
        assert data["peak_id"].tolist() == [0, 1, 2, 3]
        assert data["peak_name"].tolist() == ["a_b", "c", "d", "e"]


def test_without_hypothetical_scores_and_without_coordinates(tmp_path):
    explanation, _ = scored(regions=REGIONS)
    scores = np.asarray(explanation.scores)
    for name, where in (("with", REGIONS), ("without", None)):
        one = Explanation({"inputs": explanation.inputs, "scores": scores}, names=explanation.names, regions=where)
        gl.export(one, to="finemo", out=tmp_path / f"{name}.npz")
    with np.load(tmp_path / "with.npz") as data:
        np.testing.assert_array_equal(data["contributions"][[0, 1]], [scores[0], scores[1, ::-1]])
    with np.load(tmp_path / "without.npz") as data:
        np.testing.assert_array_equal(data["contributions"], scores)
        assert data["chr"].tolist() == ["a_b", "c", "d", "e"]
        assert data["start"].tolist() == [0] * 4


def test_sequences_of_one_length(tmp_path):
    explanation, _ = scored()
    fields = {name: np.asarray(value) for name, value in explanation.fields.items()}
    mixed = Explanation(fields, lengths=[20, 19, 20, 20])
    with pytest.raises(InputError, match="Fi-NeMo needs sequences of one length"):
        gl.export(mixed, to="finemo", out=tmp_path / "f.npz")
