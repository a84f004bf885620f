"""Many texts kept as bytes behave as a list of them."""

import pytest

from genolift.support.texts import Texts


def test_what_goes_in_comes_out():
    words = ["chr1:1-2", "", "Δ", "a" * 300, "chr1:1-2"]
    texts = Texts(words)
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


def test_none():
    assert list(Texts()) == []
    assert len(Texts()) == 0
