"""Which motifs edits make and break, on words whose places are known."""

import numpy as np
import pytest

from genolift.evaluate.truth.changes import motif_changes
from genolift.sequence.alphabet import encode, reverse_complement
from genolift.sequence.edits import edits_of, spelled, unedited
from genolift.simulate.motifs import Motif

WORD = "GATTACAG"
MOTIFS = {"word": Motif("word", np.eye(4)[encode(WORD)] * 0.96 + 0.01)}


def changes(text, slots, moves="right"):
    own = unedited(encode(text).astype(np.int8)[None])
    draft = own.copy()
    for slot, value in slots.items():
        draft[0, slot] = value
    codes, slot_of = spelled(draft, moves)
    origin = np.where(slot_of[0] % 2 == 1, slot_of[0] // 2, -1)
    return motif_changes(encode(text), codes[0], origin, edits_of(draft[0], own[0]), MOTIFS)


@pytest.mark.parametrize("word", [WORD, reverse_complement(WORD)])
def test_a_substitution_makes_and_another_breaks(word):
    strand = "+" if word == WORD else "-"
    almost = "CC" + word[:3] + ("A" if word[3] != "A" else "C") + word[4:] + "CCC"
    (made,) = changes(almost, {2 * 5 + 1: "ACGT".index(word[3])})
    assert (made.kind, made.motif, made.strand, made.start, made.end) == ("made", "word", strand, 2, 10)
    assert made.before < 7 <= made.after
    assert [one.position for one in made.edits] == [5]
    (broken,) = changes("CC" + word + "CCC", {2 * 5 + 1: (("ACGT".index(word[3])) + 1) % 4})
    assert (broken.kind, broken.start, broken.strand) == ("broken", 2, strand)
    assert broken.after < 7 <= broken.before


def test_an_edit_beside_a_motif_changes_nothing():
    assert changes("CC" + WORD + "CCC", {2 * 1 + 1: 0, 2 * 11 + 1: 2}) == []


def test_a_motif_that_moves_along_is_neither_made_nor_broken():
    assert changes("CC" + WORD + "CCCCC", {2: 0}) == []
    assert changes("CC" + WORD + "CCCCC", {3: -1}) == []
    assert changes("CC" + WORD + "CCCCC", {2 * 12: 0}, moves="left") == []


def test_indels_make_and_break():
    (made,) = changes("CC" + WORD[:4] + WORD[5:] + "CCCCC", {2 * 6: 0})
    assert (made.kind, made.start) == ("made", 2)
    assert str(made.edits[0]) == "6insA"
    (broken,) = changes("CC" + WORD + "CCCCC", {2 * 6 + 1: -1})
    assert (broken.kind, broken.start) == ("broken", 2)


def test_a_base_that_is_inserted_at_the_edge_makes_a_motif():
    (last,) = changes("CC" + WORD[:-1] + "CCCCCC", {2 * 9: 2})
    assert (last.kind, last.start, [str(one) for one in last.edits]) == ("made", 2, ["9insG"])
    (first,) = changes("CC" + WORD[1:] + "CCCCCC", {2 * 2: 2})
    assert (first.kind, first.start, [str(one) for one in first.edits]) == ("made", 2, ["2insG"])
