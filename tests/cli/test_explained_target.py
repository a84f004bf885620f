"""`--target` of the commands that read a result takes what was typed for `genolift explain`."""

import pytest

from genolift.cli.targets import ExplainedTarget
from genolift.methods.targets import describe, parse


@pytest.mark.parametrize(
    "text", ["0", "3,1", "counts:0", "profile", "profile:head", "logcounts", "sum:bins=1-3,tracks=2"]
)
def test_what_was_typed_is_found_in_the_result(text):
    assert ExplainedTarget().convert(text, None, None) == str(describe(parse(text)))


@pytest.mark.parametrize("text", ["preference", "Profile(output='head', per_strand=False)", "['counts', 0]"])
def test_what_the_result_recorded_is_left_as_it_is(text):
    assert ExplainedTarget().convert(text, None, None) == text
