"""Constraints: what they allow, against a slow look at every edited text."""

import re

import numpy as np
import pytest

from genolift.methods.editing.constraints import Constraints, patterns_of
from genolift.sequence.alphabet import BASES, STANDS_FOR, encode, letters, reverse_complement
from genolift.sequence.edits import spelled, unedited
from genolift.support.errors import InputError


def codes_of(*texts: str) -> np.ndarray:
    return np.stack([encode(text) for text in texts]).astype(np.int8)


def occurrences(text: str, motifs: list[str]) -> set:
    """Every motif and place, on both strands, by regular expressions."""
    found = set()
    for motif in motifs:
        for strand in {motif, reverse_complement(motif)}:
            pattern = "".join(f"[{STANDS_FOR[letter]}]" for letter in strand)
            found |= {(strand, one.start()) for one in re.finditer(f"(?={pattern})", text)}
    return found


def share(text: str) -> float:
    known = [letter for letter in text if letter in BASES]
    return sum(letter in "GC" for letter in known) / len(known)


@pytest.mark.parametrize("seed", range(6))
def test_substitutions_are_those_of_a_slow_look(seed):
    rng = np.random.default_rng(seed)
    motifs = ["ACG", "CANT", "GGTA"]
    gc = (0.3, 0.7)
    texts = ["".join(rng.choice(list("ACGTACGTN"), 18)) for _ in range(4)]
    codes, fixed = codes_of(*texts), rng.random((4, 18)) < 0.2
    rules = Constraints(codes, "abcd", patterns_of(motifs), gc, fixed, "keep")
    allowed = rules.substitutions(*spelled(unedited(codes)), np.arange(4))
    tried = 0
    for row, text in enumerate(texts):
        before = occurrences(text, motifs)
        low, high = min(gc[0], share(text)), max(gc[1], share(text))
        for p in range(18):
            for b, base in enumerate(BASES):
                edited = text[:p] + base + text[p + 1 :]
                good = (
                    text[p] in BASES
                    and base != text[p]
                    and not fixed[row, p]
                    and occurrences(edited, motifs) <= before
                    and low <= share(edited) <= high
                )
                assert allowed[row, p, b] == good, (text, p, base)
                if text[p] in BASES and base != text[p] and not fixed[row, p]:
                    draft = unedited(codes[[row]])
                    draft[0, 2 * p + 1] = b
                    assert rules.fine(draft, np.array([row]))[0] == good
                    tried += not good
    assert tried > 10


def after_an_indel(text: str, slot: int, put: str, moves: str) -> list[tuple[str, int | None]]:
    """Each letter of the edited text, and its position in the text before, or None where it had none."""
    place, is_base = divmod(slot, 2)
    letters_of = [(letter, i) for i, letter in enumerate(text)]
    edited = letters_of[:place] + [(put, None)] * (not is_base) + letters_of[place + is_base :]
    room = max(0, len(text) - len(edited)) * [("N", None)]
    return (edited + room)[: len(text)] if moves == "right" else (room + edited)[-len(text) :]


@pytest.mark.parametrize("moves", ["right", "left"])
@pytest.mark.parametrize("stays", [(4, 8), (0, 2), (18, 20)])
def test_indels_are_those_of_a_slow_look(moves, stays):
    motifs, text = ["ACG", "TTA"], "TACGTGATTCGGTTACAGTA"
    fixed = np.zeros((1, 20), bool)
    fixed[0, slice(*stays)] = True
    rules = Constraints(codes_of(text), ["x"], patterns_of(motifs), None, fixed, "keep", moves)
    found = set(zip(*(part.tolist() for part in rules.indels(unedited(codes_of(text))[0], 0)), strict=True))
    before, expected, refused = occurrences(text, motifs), set(), {"stays": 0, "pushed out": 0, "motif": 0}
    assert len(before) == 3
    for slot in range(40):
        place, is_base = divmod(slot, 2)
        for value in [-1] if is_base else range(4):
            edited = after_an_indel(text, slot, "" if is_base else BASES[value], moves)
            origin = [i for _, i in edited]
            now = occurrences("".join(letter for letter, _ in edited), motifs)
            # Motifs that the text has already may move along with their bases.
            if any((motif, origin[start]) not in before for motif, start in now):
                refused["motif"] += 1
            elif stays[0] <= place < stays[1] if is_base else stays[0] < place < stays[1]:
                refused["stays"] += 1
            elif not set(range(*stays)) <= set(origin):
                refused["pushed out"] += 1
            else:
                expected.add((slot, value))
    assert found == expected
    assert refused["motif"] > 3
    assert refused["stays"] > 2
    assert (refused["pushed out"] > 20) == (stays == ((18, 20) if moves == "right" else (0, 2)))


def test_what_is_there_from_the_start_is_refused_in_one_line():
    codes = codes_of("AAAGAATTCAAA")
    with pytest.raises(
        InputError, match=r"sequence 'x' has the forbidden motif EcoRI \(GAATTC\) at position 3 from the"
    ):
        Constraints(codes, ["x"], patterns_of(["EcoRI"]))
    with pytest.raises(InputError, match=r"G\+C content of 0\.167 from the start, beyond the limits 0\.4 to 0\.6"):
        Constraints(codes, ["x"], [], (0.4, 0.6))
    kept = Constraints(codes, ["x"], patterns_of(["EcoRI"]), (0.4, 0.6), existing="keep")
    assert kept.fine(unedited(codes), np.array([0])).all()


def test_patterns_are_read_as_iupac_and_as_enzymes():
    assert len(patterns_of(["GAATTC"])) == 1  # a palindrome
    assert len(patterns_of(["BsaI"])) == 2
    assert len(patterns_of(["DrdV"])) >= 2  # an enzyme, though all its letters are IUPAC's
    for text, words in (("NNN", "in every sequence"), ("XYZ", "neither a motif"), ("EcoRQ", "neither a motif")):
        with pytest.raises(InputError, match=words):
            patterns_of([text])


def test_a_motif_that_is_pushed_along_by_an_insertion_may_stay():
    codes = codes_of("TTGAATTCTTTT")
    rules = Constraints(codes, ["x"], patterns_of(["GAATTC"]), existing="keep")
    draft = unedited(codes)
    draft[0, 2] = 0  # an A before position 1
    assert letters(spelled(draft)[0][0].astype(np.uint8)) == "TATGAATTCTTT"
    assert rules.fine(draft, np.array([0]))[0]
    draft[0, 2 * 11 + 1] = 2
    made = codes_of("GAATTAGAATTC")
    rules = Constraints(made, ["x"], patterns_of(["GAATTC"]), existing="keep")
    draft = unedited(made)
    draft[0, 2 * 5 + 1] = 1  # completes a second one
    assert not rules.fine(draft, np.array([0]))[0]


def test_what_stays_is_not_pushed_out():
    codes = codes_of("ACGTAC")
    fixed = np.array([[False] * 5 + [True]])
    rules = Constraints(codes, ["x"], fixed=fixed)
    where, _ = rules.indels(unedited(codes)[0], 0)
    assert set(where % 2) == {1}, "an insertion would push the last base out"
