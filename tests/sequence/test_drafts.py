"""Drafts: edits of a sequence as slots, what they spell, and how they are undone."""

import numpy as np
import pytest

from genolift.sequence.alphabet import encode, letters
from genolift.sequence.edits import NOTHING, count_edits, edits_of, spelled, unedited


def codes_of(text: str) -> np.ndarray:
    return encode(text).astype(np.int8)[None]


def by_hand(text: str, edits: dict, moves: str) -> str:
    """The text letter by letter: (position, "before" or "base") → a letter, or "" for a deletion."""
    out = []
    for p, letter in enumerate(text):
        out += [edits.get((p, "before"), ""), edits.get((p, "base"), letter)]
    whole = "".join(out)
    filled = len(text) - len(whole)
    if moves == "right":
        return (whole + "N" * max(filled, 0))[: len(text)]
    return ("N" * max(filled, 0) + whole)[-len(text) :]


@pytest.mark.parametrize("moves", ["right", "left"])
def test_drafts_spell_what_is_written_by_hand(moves):
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = "".join(rng.choice(list("ACGTN"), 7))
        own = unedited(codes_of(text))
        slots, edits = own.copy(), {}
        for slot in rng.choice(14, rng.integers(0, 6), replace=False):
            value = int(rng.integers(0, 4)) if slot % 2 == 0 else int(rng.integers(-1, 4))
            slots[0, slot] = value
            edits[slot // 2, "base" if slot % 2 else "before"] = "" if value == NOTHING else "ACGT"[value]
        codes, slot_of = spelled(slots, moves)
        assert letters(codes[0].astype(np.uint8)) == by_hand(text, edits, moves)
        there = slot_of[0] >= 0
        np.testing.assert_array_equal(codes[0][there], slots[0][slot_of[0][there]])
        assert (codes[0][~there] == 4).all()
        assert (np.diff(slot_of[0][there]) > 0).all()
        assert count_edits(slots, own)[0] == len(edits_of(slots[0], own[0]))


def test_edits_in_words():
    own = unedited(codes_of("ACGTA"))[0]
    slots = own.copy()
    slots[[1, 4, 7]] = [2, 3, NOTHING]
    assert list(map(str, edits_of(slots, own))) == ["A0G", "2insT", "T3del"]
    assert [one.kind for one in edits_of(slots, own)] == ["substitution", "insertion", "deletion"]
    assert edits_of(own, own) == []
