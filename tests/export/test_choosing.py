"""Which target and which input of several is exported."""

import numpy as np
import pytest
from explained import explained

import genolift as gl
from genolift.export.source import Scores, choose_target
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError


@pytest.mark.parametrize(
    ("targets", "given", "place"),
    [
        ([3, 1], 1, 1),
        ([3, 1], "1", 1),
        (["Profile(output=None, per_strand=False)", "LogCounts(output=None)"], 1, 1),
        (["profile-ish", "other"], "0", 0),
        ([["counts", 0], ["counts", 1]], "counts:1", 1),
        ([["counts", 0], ["counts", 1]], ["counts", 0], 0),
        ([7], None, 0),
    ],
)
def test_targets(targets, given, place):
    e = explained(targets=targets)
    np.testing.assert_array_equal(choose_target(e, given).scores, e.scores[:, place])


@pytest.mark.parametrize(
    ("targets", "given", "words"),
    [
        ([3, 1], None, r"targets were explained \(3, 1\); choose one of them by target="),
        ([3, 1], 0, "not among those explained: 3, 1"),  # a number is the target's own where targets have numbers
        (["a", "b"], 2, "not among"),
        ([3, 1], "sum:x", "not understood"),
    ],
)
def test_targets_that_are_not_there(targets, given, words):
    with pytest.raises(InputError, match=words):
        choose_target(explained(targets=targets), given)


def test_an_explanation_of_one_target():
    e = explained()
    e.target = 2
    assert choose_target(e, None) is e
    assert choose_target(e, "2") is e
    with pytest.raises(InputError, match="the target 2 only"):
        choose_target(e, 0)


def test_inputs():
    X, other = np.asarray(explained().inputs), np.zeros((5, 3))
    fields = lambda x, y: {"inputs": {"x": X, "y": other}, "raw_contributions": {"x": X, "y": other}}  # noqa: E731
    assert Scores(Explanation(fields(X, other))).field("scores").shape == (5, 12)
    two = Explanation({"inputs": [X, X], "raw_contributions": [X, 2 * X]})
    with pytest.raises(InputError, match="name the input to export: those that are DNA are 0, 1"):
        Scores(two)
    np.testing.assert_array_equal(Scores(two, input=1).field("scores"), 2 * X.sum(-1))
    with pytest.raises(InputError, match="only scores of DNA"):
        Scores(Explanation({"inputs": other, "raw_contributions": other}))


def test_the_package_can_be_called(tmp_path):
    import genolift.export

    assert callable(gl.export)
    assert genolift.export.listing()
    assert "export" in dir(gl)
