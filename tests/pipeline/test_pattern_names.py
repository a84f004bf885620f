"""Patterns of TF-MoDISco as a table, a file of motifs and a page, and beside their hits the motifs that they look like."""

import csv
import html
import re

import h5py
import numpy as np
import pytest

from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.discovery.described import PatternsJob, write_patterns
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.patterns import PatternHits, write_hits
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.simulate.motifs import Motif, meme_text
from genolift.support.errors import FileProblem, InputError

EVEN = [0.25] * 4
PLANTED = {"pos_patterns/pattern_0": "TGACTCAGC", "neg_patterns/pattern_0": "CAGATAAGG"}


def blurred(text):
    matrix = 0.9 * one_hot([text])[0] + 0.025
    return matrix / matrix.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A TF-MoDISco result of a positive and a negative pattern, and a file of forty motifs, two of which are theirs."""
    folder = tmp_path_factory.mktemp("patterns")
    rng = np.random.default_rng(3)
    with h5py.File(folder / "modisco.h5", "w") as file:
        for name, text in PLANTED.items():
            frequencies = np.full((30, 4), 0.25)
            frequencies[10:19] = one_hot([text])[0]
            height = np.zeros((30, 1))
            height[10:19] = 2 if name.startswith("pos") else -2
            file[f"{name}/sequence"] = frequencies
            file[f"{name}/contrib_scores"] = frequencies * height
            file[f"{name}/seqlets/n_seqlets"] = [120]
    # AP-1 is on the other strand of its pattern.
    known = [Motif("MA1_AP1", blurred("GCTGAGTCA")), Motif("MA2_GATA", blurred("AGATAAGG"))]
    others = [Motif(f"other{i}", rng.dirichlet([0.3] * 4, int(rng.integers(7, 13)))) for i in range(38)]
    (folder / "known.meme").write_text(meme_text([(one, 20) for one in [*known, *others]], EVEN))
    return folder


def described(folder, out, **options):
    found = write_patterns(PatternsJob(folder / "modisco.h5", out, progress=False, **options))
    with open(out / "patterns.tsv") as file:
        return found, list(csv.DictReader(file, delimiter="\t"))


def test_patterns_are_named(folder, tmp_path):
    pytest.importorskip("memelite")
    names = list(known_motifs(folder / "known.meme"))[:2]
    found, rows = described(folder, tmp_path / "out", motifs=folder / "known.meme")
    assert found == dict(zip(["pos_patterns.pattern_0", "neg_patterns.pattern_0"], names, strict=True))
    assert [row["motif"] for row in rows] == names
    assert [row["strand"] for row in rows] == ["-", "+"]
    assert [row["consensus"] for row in rows] == list(PLANTED.values())
    assert [row["seqlets"] for row in rows] == ["120", "120"]
    assert [float(row["importance"]) for row in rows] == [18, -18]
    assert all(float(row["q"]) < 0.001 for row in rows)
    page = html.unescape((tmp_path / "out" / "patterns.html").read_text())
    assert len(re.findall("data:image/png", page)) == 2
    assert f"neg_patterns.pattern_0 · {names[1]}" in page
    assert "compared with 40 motifs of known.meme" in page
    again = known_motifs(tmp_path / "out" / "patterns.meme")
    assert list(again) == list(found)
    np.testing.assert_allclose(again["pos_patterns.pattern_0"], one_hot(["TGACTCAGC"])[0], atol=1e-6)


def test_a_motif_that_is_not_like_a_pattern_gives_it_no_name(folder, tmp_path):
    pytest.importorskip("memelite")
    rng = np.random.default_rng(5)
    motifs = [(Motif(f"other{i}", rng.dirichlet([0.3] * 4, 9)), 20) for i in range(30)]
    (tmp_path / "others.meme").write_text(meme_text(motifs, EVEN))
    found, rows = described(folder, tmp_path / "out", motifs=tmp_path / "others.meme")
    assert set(found.values()) == {""}
    assert all(row["motif"].startswith("other") and float(row["q"]) > 0.05 for row in rows)
    assert "not similar enough" in (tmp_path / "out" / "patterns.html").read_text()


def test_without_motifs_and_what_is_there_already(folder, tmp_path):
    _, rows = described(folder, tmp_path / "out")
    assert list(rows[0]) == ["pattern", "seqlets", "width", "consensus", "information", "importance"]
    assert float(rows[0]["information"]) == pytest.approx(18)
    with pytest.raises(FileProblem, match="there already"):
        described(folder, tmp_path / "out")
    described(folder, tmp_path / "out", force=True)


def test_frequencies_that_are_missing_or_none(folder, tmp_path):
    for matrix, words in (
        (None, "has no data set 'sequence'"),
        (np.ones((30, 4)), "sum to 1"),
        (np.ones((4, 30)), "shape"),
    ):
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["pos_patterns/pattern_0/contrib_scores"] = np.ones((30, 4))
            if matrix is not None:
                file["pos_patterns/pattern_0/sequence"] = matrix
        with pytest.raises(InputError, match=words):
            write_patterns(PatternsJob(tmp_path / "other.h5", tmp_path / "out", progress=False))
    assert not (tmp_path / "out").exists()


def test_hits_have_the_motif_of_their_pattern(folder, tmp_path):
    pytest.importorskip("memelite")
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(40)]
    scores = rng.laplace(scale=0.02, size=(40, 80)).astype(np.float32)
    for i in range(40):
        text, sign = ("TGACTCAGC", 2) if i % 2 else ("CAGATAAGG", -2)
        texts[i] = texts[i][:30] + text + texts[i][39:]
        scores[i, 30:39] = sign
    X = one_hot(texts)
    contributions = X * scores[..., None]
    explanation = Explanation({"inputs": X, "raw_contributions": contributions, "hypothetical": contributions})
    explanation.save(tmp_path / "s.zarr")
    out = tmp_path / "hits.bed"
    names = list(known_motifs(folder / "known.meme"))[:2]
    job = PatternHits(Search(tmp_path / "s.zarr"), folder / "modisco.h5", out, motifs=folder / "known.meme")
    written = write_hits(job)
    assert written.counts == {"pos_patterns.pattern_0": 20, "neg_patterns.pattern_0": 20}
    assert list(written.motifs.values()) == names
    with open(out) as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {(row["name"], row["motif"]) for row in rows} == set(written.motifs.items())
    assert all(float(row["motif_q"]) < 0.001 for row in rows)


def test_the_command_says_what_it_found(folder, tmp_path, capsys):
    from genolift.cli.app import run

    assert run(["patterns", str(folder / "modisco.h5"), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'out'}: 2 patterns",
        "  pos_patterns.pattern_0",
        "  neg_patterns.pattern_0",
    ]
    assert run(["patterns", str(tmp_path), "--out", str(tmp_path / "other")]) == 2
    assert "is a directory" in capsys.readouterr().err
