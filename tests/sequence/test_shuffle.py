import itertools
import time
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from genolift.sequence.alphabet import decode, one_hot
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import GenoliftWarning, InputError


def klets(sequence, k):
    return Counter(sequence[i : i + k] for i in range(len(sequence) - k + 1))


def all_shuffles(sequence, k):
    """Every sequence with the same k-lets (and so, for k > 1, the same ends), by exhaustive search."""
    found = set()

    def extend(text, left):
        if not left:
            found.add(text)
        for klet in list(left):
            if not text or text[len(text) - k + 1 :] == klet[:-1] or k == 1:
                rest = left.copy()
                rest[klet] -= 1
                extend(text + klet[-1], +rest)

    extend(sequence[: k - 1], klets(sequence, k))
    return found


@pytest.mark.parametrize(
    ("sequence", "k"),
    [
        ("ACCCACGATGATA", 2),
        ("AACAGATACCA", 2),
        ("CATGCATTGCA", 2),  # ends where three trees differ in shape
        ("AACGTCA", 1),
        ("ACGACTACGATACGCT", 3),
    ],
)
def test_all_shuffles_are_equally_likely(sequence, k):
    possible = all_shuffles(sequence, k)
    if sequence == "ACCCACGATGATA":
        assert len(possible) == 72
    n = 200 * len(possible)
    drawn = Counter(shuffle(sequence, n, k=k, seed=3))
    assert set(drawn) == possible
    # fixed seed; a correct shuffle fails one seed in a thousand
    assert chisquare([drawn[text] for text in possible]).pvalue > 1e-3


def test_all_shuffles_are_equally_likely_over_many_seeds():
    # draws of one sequence under different seeds are independent too, not only draws under one seed
    drawn = Counter(shuffle("ACCCACGATGATA", 1, seed=seed)[0] for seed in range(3600))
    assert len(drawn) == 72
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def test_draws_of_one_sequence_are_independent_of_each_other():
    texts = shuffle("ACCCACGATGATA", 40_001, seed=5)
    number = {text: i for i, text in enumerate(sorted(set(texts)))}
    half = [number[text] % 6 for text in texts]
    pairs = Counter(itertools.pairwise(half))
    assert chisquare([pairs[a, b] for a in range(6) for b in range(6)]).pvalue > 1e-3


@given(st.text("ACGTN", min_size=1, max_size=60), st.integers(1, 5))
def test_klets_ends_and_unknown_positions_are_kept(sequence, k):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GenoliftWarning)
        drawn = shuffle(sequence, 3, k=k, seed=1)
    for text in drawn:
        assert [i for i, c in enumerate(text) if c == "N"] == [i for i, c in enumerate(sequence) if c == "N"]
        for old, new in zip(sequence.split("N"), text.split("N"), strict=True):
            for width in range(1, k + 1):
                assert klets(old, width) == klets(new, width)
            if k > 1:
                assert old[: k - 1] == new[: k - 1]
                assert old[-1:] == new[-1:]


@given(st.text("AC", min_size=1, max_size=9) | st.text("ACGT", min_size=1, max_size=8), st.integers(1, 4))
def test_the_warning_comes_exactly_when_there_is_no_other_shuffle(sequence, k):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shuffle(sequence, 1, k=k)
    alone = len(sequence) <= k - 1 or len(all_shuffles(sequence, k)) == 1
    assert bool(caught) == alone


def test_one_warning_counts_the_sequences_that_cannot_move():
    sequences = ["A" * 20, "ACCCACGATGATA", "ACGT", "NNNN", "ACACACAC"]
    with pytest.warns(GenoliftWarning, match="4 of 5 sequences") as caught:
        drawn = shuffle(sequences, 4)
    assert len(caught) == 1
    for i in (0, 2, 3, 4):
        assert drawn[i] == [sequences[i]] * 4


RNG = np.random.default_rng(0)
BATCH = ["".join(RNG.choice(list("ACGT"), length)) for length in (40, 40, 55, 23, 40)]
BATCH[2] = BATCH[2][:20] + "NNRN" + BATCH[2][24:]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_draw_depends_on_seed_sequence_and_number_alone(k):
    together = shuffle(BATCH, 6, k=k, seed=7)
    for sequence, drawn in zip(BATCH, together, strict=True):
        assert shuffle(sequence, 6, k=k, seed=7) == drawn
        assert shuffle(sequence, 2, k=k, seed=7) == drawn[:2]
    assert shuffle(BATCH[::-1], 6, k=k, seed=7) == together[::-1]
    assert shuffle(BATCH, 6, k=k, seed=8) != together


def test_the_way_a_batch_is_cut_into_blocks_does_not_matter(monkeypatch):
    from genolift.sequence import shuffle as module
    from genolift.sequence import walks

    whole = shuffle(BATCH, 6)
    monkeypatch.setattr(module, "_BLOCK", 100)
    monkeypatch.setattr(walks, "_CACHED", 50)
    assert shuffle(BATCH, 6) == whole


def test_arrays_and_texts_give_the_same_draws():
    texts = [BATCH[0], BATCH[1], BATCH[4]]
    X = one_hot(texts).astype(np.float64)
    drawn = shuffle(X, 5, seed=2)
    assert drawn.shape == (3, 5, 40, 4)
    assert drawn.dtype == np.float64
    assert [decode(row) for row in drawn] == shuffle(texts, 5, seed=2)
    np.testing.assert_array_equal(shuffle(X[0], 5, seed=2), drawn[0])


@pytest.mark.parametrize("unknown", ["uniform", "zero"])
def test_unknown_rows_stay_as_they_are(unknown):
    X = one_hot(BATCH[2], unknown=unknown)
    drawn = shuffle(X, 3)
    np.testing.assert_array_equal(drawn[0, :, 20:24], np.repeat(X[:, 20:24], 3, axis=0))
    assert not (drawn[0, 0] == X[0]).all()


def test_texts_keep_other_codes_and_lose_only_case():
    drawn = shuffle("acgatgatacRYaccgatgatta", 3)
    assert all(text[10:12] == "RY" and text.isupper() for text in drawn)


def test_equal_runs_of_one_sequence_are_not_shuffled_alike():
    run = "ACCCACGATGATAGGCATTACG"
    assert any(a != b for a, b in (text.split("N") for text in shuffle(f"{run}N{run}", 20)))


@pytest.mark.parametrize("bad", [{"n": 0}, {"n": 1.5}, {"n": 1, "k": 0}, {"n": 1, "k": 99}])
def test_impossible_requests(bad):
    with pytest.raises(InputError):
        shuffle(["ACGT"], **bad)
    with pytest.raises(InputError, match="one-hot"):
        shuffle(np.zeros((2, 5, 3)), 1)


def test_many_at_once_are_quick():
    X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (200, 200))]
    shuffle(X, 20)
    best = min(_seconds(lambda: shuffle(X, 20)) for _ in range(3))
    assert best < 0.25  # 0.02 s on two idle cores; the margin is for busy ones


def _seconds(job):
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin
