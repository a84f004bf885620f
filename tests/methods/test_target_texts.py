"""Targets as texts: what a result recorded is told in the words of the command line."""

import pytest

from genolift.methods.targets import Hidden, MeanCentred, Profile, Sum, describe, parse, text_of
from genolift.pipeline.designing.designing import Solution
from genolift.plot.logo import target_text

TYPED = (
    "0 -1 3,1 counts:0 counts:2,1 profile profile:head logcounts logcounts:head sum:bins=10-20,tracks=3 sum:tracks=0"
)


@pytest.mark.parametrize("text", [*TYPED.split(), "sum:output=profile,bins=4", "sum:bins=-6"])
def test_what_was_typed_comes_back(text):
    assert text_of(describe(parse(text))) == text


@pytest.mark.parametrize(
    "target", [Sum(bins=slice(3, 6)), Sum(), Profile(per_strand=True), MeanCentred(1), Hidden("a")]
)
def test_what_cannot_be_typed_is_told_as_it_was_recorded(target):
    assert text_of(describe(target)) == repr(target)


def test_pictures_say_it_too():
    assert target_text(repr(Sum(tracks=0, output="profile"))) == "sum:output=profile,tracks=0"
    assert target_text(["counts", 0]) == "counts:0"
    assert target_text([0, 2]) == "[0, 2]"
    assert target_text(None) == "the output"


def test_records_of_designs_have_names_without_blanks():
    """A name ends at a blank, and those of several solutions would be the same."""
    for target in (text_of(repr(Sum(bins=slice(3, 6)))), "counts:0"):
        headers = [Solution("s0", target, k, True, 1, 0.1, 0.5, 0.6, [], "", None, None, None).header() for k in (1, 2)]
        names = [header.split()[0] for header in headers]
        assert len(set(names)) == 2
        assert names[0].endswith("|1")
