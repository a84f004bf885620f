"""Many texts kept as bytes, or as numbers, behave as a list of them."""

import pytest

from genolift.support.texts import Texts, Words


@pytest.fixture(params=[Texts, Words])
def kind(request):
    return request.param


def test_what_goes_in_comes_out(kind):
    words = ["chr1:1-2", "", "Δ", "a" * 300, "chr1:1-2"]
    texts = kind(words)
    assert list(texts) == words
    assert [texts[i] for i in range(-5, 5)] == words + words
    assert texts[1:4:2] == ["", "a" * 300]
    assert "Δ" in texts
    assert "chr1" not in texts
    texts.append("last")
    assert (len(texts), texts[-1]) == (6, "last")
    for i in (6, -7):
        with pytest.raises(IndexError):
            texts[i]


def test_none(kind):
    assert list(kind()) == []
    assert len(kind()) == 0


def test_equal_to_whatever_holds_the_same(kind):
    texts = kind(["a", "b"])
    assert texts == ["a", "b"]
    assert texts == kind(("a", "b"))
    assert texts != ["a"]
    assert texts != ["a", "c"]
    assert texts != "ab"


def test_as_arrays_and_back():
    words = ["b", "", "Δa", "b"]
    texts, few = Texts(words), Words(words)
    assert Texts.of(texts.joined, texts.ends) == words
    assert few.different == ["b", "", "Δa"]
    again = Words.of(few.different, few.codes)
    assert again == words
    again.append("c")
    again.append("b")
    assert (again.codes.tolist(), again.different) == ([0, 1, 2, 0, 3, 0], ["b", "", "Δa", "c"])


def test_of_what_was_taken_only_the_words_that_occur_are_kept():
    few = Words("abcab").at([2, 1, 4]).compact()
    assert few == ["c", "b", "b"]
    assert few.different == ["c", "b"]
    assert Words().compact() == []
