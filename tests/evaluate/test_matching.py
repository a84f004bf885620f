"""Known motifs: what is asked of Tomtom and what is made of its answer. That it runs is for the slow tests."""

import numpy as np
import pytest

from genolift.evaluate.discovery import matching
from genolift.support.errors import GenoliftWarning, InputError

RNG = np.random.default_rng(0)
MOTIFS = {f"m{i}": RNG.dirichlet([0.5] * 4, 6) for i in range(30)}


@pytest.fixture
def plain(monkeypatch):
    """Tomtom's p-values as they are."""
    monkeypatch.setattr(matching, "_SHUFFLES", 0)


def answering(p, strand=0, number=3):
    """A Tomtom that notes its queries and always gives one answer."""
    asked = []

    def tomtom(queries, targets, n_nearest):
        assert n_nearest == 1
        np.testing.assert_array_equal(targets[4], MOTIFS["m4"].T)
        asked.extend(queries)
        return np.array([p, 0, 0, 0, strand, number], float)[:, None, None] * np.ones((6, len(queries), 1))

    tomtom.asked = asked
    return tomtom


def test_best_of_many(monkeypatch, plain):
    tomtom = answering(1e-3, strand=1)
    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    monkeypatch.setattr(matching, "_AT_ONCE", 1)
    found = matching.match_motifs(["ACG", "TTN", "ACG"], MOTIFS)
    np.testing.assert_allclose(found.p, [1 - (1 - 1e-3) ** 30] * 3)
    np.testing.assert_allclose(found.q, found.p)
    assert found.motif.tolist() == [3] * 3
    assert found.strand.tolist() == ["-"] * 3
    assert len(tomtom.asked) == 2  # alike sequences are asked about once
    np.testing.assert_array_equal(tomtom.asked[0], np.eye(4)[:, :3])
    np.testing.assert_array_equal(tomtom.asked[1][:, 2], [0.25] * 4)


def test_every_sequence_is_a_test(monkeypatch, plain):
    """q-values count sequences, those that are alike each for itself; matrices are compared as they are given."""

    def tomtom(queries, targets, n_nearest):
        p = np.array([1e-4 if np.argmax(query[:, 0]) == 0 else 0.01 for query in queries])
        return np.array([p, p * 0, p * 0, p * 0, p * 0, p * 0])[:, :, None]

    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    found = matching.match_motifs(["TCG", "ACG", "ACG", "ACG"], MOTIFS)
    best = 1 - (1 - 1e-4) ** 30
    np.testing.assert_allclose(found.q[1:], best * 4 / 3)
    matrices = matching.match_matrices([MOTIFS["m1"] * 0 + [1, 0, 0, 0]] * 2, MOTIFS)
    np.testing.assert_allclose(matrices.q, best)


def test_p_values_that_round_to_zero(monkeypatch, plain):
    monkeypatch.setattr(matching, "_library", lambda: answering(0.0))
    assert 0 < matching.match_motifs(["ACG"], MOTIFS).p[0] < 1e-300


def test_nothing_to_match(monkeypatch):
    monkeypatch.setattr(matching, "_library", lambda: answering(1.0))
    assert len(matching.match_motifs([], MOTIFS).p) == 0
    with pytest.raises(InputError, match="no motifs"):
        matching.match_motifs(["ACG"], {})


def test_p_values_are_shares_of_the_null():
    null = np.arange(1, 101) / 1000  # ten times too small
    p = np.array([0.0005, 0.009, 0.0105, 0.0505, 0.3, 1.0])
    np.testing.assert_allclose(matching.calibrated(p, null), [0.005, 0.09, 0.1, 0.5, 1, 1])
    right = np.arange(1, 1001) / 1000
    np.testing.assert_allclose(matching.calibrated(p, right), p, atol=1e-3)
    np.testing.assert_allclose(matching.calibrated(p, np.full(100, 0.9)), p)  # never smaller than Tomtom's
    np.testing.assert_array_equal(matching.calibrated(p, null[:3]), p)


def test_queries_are_compared_with_shuffles_of_their_width(monkeypatch):
    """A Tomtom that favours short queries: one in ten of them gets a small p-value."""
    asked = []

    def tomtom(queries, targets, n_nearest):
        asked.extend(query.shape[1] for query in queries)
        good = [query.shape[1] == 4 and query[0, 0] == 1 for query in queries]
        p = np.where(good, 1e-6, 0.02)
        return np.array([p, p * 0, p * 0, p * 0, p * 0, p * 0])[:, :, None]

    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    found = matching.match_motifs(["ACGT", "ACGTACGT"], MOTIFS)
    assert asked.count(4) == asked.count(8) == 1001
    assert found.p[0] == pytest.approx(0.25, abs=0.05)  # A stands first in one shuffle of four
    again = matching.match_motifs(["ACGT", "ACGTACGT"], MOTIFS)
    np.testing.assert_array_equal(found.p, again.p)


@pytest.mark.slow
@pytest.mark.parametrize("width", [5, 6, 8])
def test_random_words_have_no_motif(width):
    """In a collection where sharp columns stand together, as in those of the field."""
    pytest.importorskip("memelite")
    rng, motifs = np.random.default_rng(0), {}
    for i in range(300):
        sharp = np.eye(4)[rng.integers(0, 4, 8)] * 0.99 + 0.0025
        motifs[f"m{i}"] = sharp if i < 75 else rng.dirichlet([1.0] * 4, 10)
    found = matching.match_motifs(["".join(rng.choice(list("ACGT"), width)) for _ in range(1500)], motifs)
    for level in (0.01, 0.05):
        assert np.mean(found.p <= level) <= level + 2 * np.sqrt(level * (1 - level) / 1000)
    assert (found.q <= 0.05).mean() < 0.01
    if width == 8:
        there = matching.match_motifs(
            ["".join("ACGT"[b] for b in motifs[f"m{i}"].argmax(1)) for i in range(75)], motifs
        )
        assert (there.q <= 0.05).mean() > 0.9
        assert (there.motif == np.arange(75)).mean() > 0.9


@pytest.mark.slow
def test_random_patterns_have_no_name():
    """Few patterns at a time, as a store has them, whose columns are as random as those of the motifs."""
    pytest.importorskip("memelite")
    rng = np.random.default_rng(0)

    def motif(low, high):
        return rng.dirichlet([0.15] * 4, int(rng.integers(low, high)))

    motifs = {f"m{i}": motif(7, 15) for i in range(40)}
    p, named = [], []
    for _ in range(60):
        found = matching.match_matrices([motif(7, 13) for _ in range(3)], motifs)
        p += found.p.tolist()
        named.append((found.q <= 0.05).any())
    for level in (0.05, 0.2):
        assert np.mean(np.array(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / len(p))
    assert np.mean(named) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(named))


def test_few_motifs_are_told_of(monkeypatch):
    monkeypatch.setattr(matching, "_library", lambda: answering(0.5))
    few = dict(list(MOTIFS.items())[:5])
    with pytest.warns(GenoliftWarning, match="depend on the choice of motifs"):
        matching.match_motifs(["ACG"], few)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "memelite", None)
    with pytest.raises(InputError, match=r"pip install 'genolift\[motifs\]'"):
        matching.match_motifs(["ACG"], MOTIFS)
