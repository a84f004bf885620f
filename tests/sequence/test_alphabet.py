import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.sequence.alphabet import (
    count_unknown,
    decode,
    encode,
    gc_content,
    one_hot,
    reverse_complement,
)
from genolift.support.errors import InputError


def test_one_hot_has_a_one_where_the_base_is():
    X = one_hot(["ACGT", "ttga"])
    assert X.shape == (2, 4, 4)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X[0], np.eye(4))
    np.testing.assert_array_equal(X[1].argmax(-1), [3, 3, 2, 0])


def test_one_text_is_a_batch_of_one():
    assert one_hot("ACGTA").shape == (1, 5, 4)


@pytest.mark.parametrize(("unknown", "value"), [("uniform", 0.25), ("zero", 0.0)])
def test_every_ambiguity_code_becomes_the_stated_neutral_row(unknown, value):
    X = one_hot("RYSWKMBDHVNryswkmbdhvn", unknown=unknown)
    np.testing.assert_array_equal(X, np.full((1, 22, 4), value))


def test_integers_hold_zero_but_not_a_quarter():
    assert one_hot("ACN", unknown="zero", dtype=np.int8).sum() == 2
    with pytest.raises(InputError, match="1/4"):
        one_hot("ACN", dtype=np.int8)


def test_unknown_policy_is_checked():
    with pytest.raises(InputError, match="'uniform'"):
        one_hot("ACGT", unknown="half")


@pytest.mark.parametrize(
    ("sequence", "words"),
    [
        ("ACGU", "position 4.*RNA"),
        ("ACG-T", "position 4.*gaps"),
        ("MKVLE", "'L' at position 4.*protein"),
        ("AC GT", "' ' at position 3"),
        ("ACé", "'é' at position 3"),
        ("AC?", r"'\?' at position 3"),
    ],
)
def test_what_is_not_dna_is_named_with_its_position(sequence, words):
    for function in (one_hot, encode, reverse_complement):
        with pytest.raises(InputError, match=words):
            function(sequence)


def test_the_sequence_at_fault_is_named():
    with pytest.raises(InputError, match=r"sequence 1: 'E'"):
        one_hot(["ACGT", "ACGE"])
    with pytest.raises(InputError, match="sequence 2 has 3 bases and sequence 0 has 4"):
        one_hot(["ACGT", "ACGT", "ACG"])
    with pytest.raises(InputError, match="at least one"):
        one_hot([])


dna = st.text("ACGT", min_size=1, max_size=40)


@given(dna)
def test_decode_inverts_one_hot(sequence):
    assert decode(one_hot(sequence)) == [sequence]


def test_decode_shows_n_where_there_is_no_single_base():
    X = one_hot("ACGT")[0]
    X[1] = [0.5, 0.5, 0, 0]
    X[2] = [0, 0, 1, 1]
    assert decode(X) == ["ANNT"]


@given(dna)
def test_reverse_complement_is_the_same_for_text_and_array_and_its_own_inverse(sequence):
    assert decode(reverse_complement(one_hot(sequence))) == [reverse_complement(sequence)]
    assert reverse_complement(reverse_complement(sequence)) == sequence


def test_reverse_complement_by_hand():
    assert reverse_complement("AACGTn") == "nACGTT"
    assert reverse_complement("RYSWKMBDHVNacgt") == "acgtNBDHVKMWSRY"
    assert reverse_complement(["AC", "GG"]) == ["GT", "CC"]


def test_counts_and_gc():
    assert count_unknown("ACNNRacgt") == 3
    assert gc_content("GGCANN") == pytest.approx(3 / 4)
    assert np.isnan(gc_content("NNN"))
    np.testing.assert_allclose(gc_content(["GC", "AT", "AC"]), [1, 0, 0.5])
    np.testing.assert_allclose(gc_content(one_hot(["GCNN", "ATGG"])), [1, 0.5])
