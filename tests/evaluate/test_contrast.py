"""The sequence on which one explanation is right and another is wrong."""

import numpy as np

from genolift.evaluate.truth.contrast import agreement, contrast

BASES = np.array([[1.0, 0, 0, -1], [0, 2, 0, np.nan], [0, 0, 0, 0]])


def test_the_truth_agrees_and_its_negative_does_not():
    scores = np.nan_to_num(BASES)
    np.testing.assert_allclose(agreement(scores, BASES), [1, 1, np.nan])
    np.testing.assert_allclose(agreement(-3 * scores, BASES), [-1, -1, np.nan])
    beyond = scores.copy()
    beyond[1, 3] = 9.0  # There is no base.
    assert agreement(beyond, BASES)[1] == 1


def test_the_greatest_gap_is_found():
    right = np.nan_to_num(BASES)
    half, wrong = right.copy(), right.copy()
    half[0], wrong[1] = [1, 0, 1, 0], -right[1]
    scores = {"right": right, "half": half, "wrong": wrong}
    found = contrast(scores, BASES, ("half", "wrong"))
    assert (found.row, found.right, found.wrong, found.gap) == (1, "right", "wrong", 2.0)
    assert contrast(scores, BASES, ("half",)).row == 0
    assert contrast(scores, BASES, ("right",)) is None
    assert contrast({}, BASES, ("half",)) is None
