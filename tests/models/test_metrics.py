"""Class metrics against cases worked out by hand."""

import numpy as np
import pytest

from genolift.models.metrics import class_metrics
from genolift.support.errors import InputError


def test_hand_computed_case():
    # Ranked: .9 (1), .8 (0), .4 (1), .1 (0). Pairs won by the positives: 3 of 4. Average precision: (1/1 +
    # 2/3) / 2.
    row = class_metrics([[1], [0], [1], [0]], [[0.9], [0.8], [0.4], [0.1]], ["task"])["task"]
    assert row["auroc"] == pytest.approx(0.75)
    assert row["auprc"] == pytest.approx(5 / 6)
    assert row["accuracy"] == 0.5  # .8 and .4 are on the wrong side
    assert (row["positives"], row["negatives"]) == (2, 2)
    assert "note" not in row


def test_ties_count_half_and_the_threshold_itself_is_negative():
    row = class_metrics([[1], [0], [0]], [[0.5], [0.5], [0.5]], ["task"])["task"]
    assert row["auroc"] == 0.5
    assert row["auprc"] == pytest.approx(1 / 3)
    assert row["accuracy"] == pytest.approx(2 / 3)


def test_tasks_are_kept_apart():
    labels = [[1, 0], [0, 1], [1, 0], [0, 1]]
    probabilities = [[0.9, 0.9], [0.1, 0.1], [0.8, 0.8], [0.2, 0.2]]
    metrics = class_metrics(labels, probabilities, ["right", "wrong"])
    assert list(metrics) == ["right", "wrong"]
    assert (metrics["right"]["auroc"], metrics["right"]["accuracy"]) == (1.0, 1.0)
    assert (metrics["wrong"]["auroc"], metrics["wrong"]["accuracy"]) == (0.0, 0.0)


@pytest.mark.parametrize(("label", "word"), [(0, "negative"), (1, "positive")])
def test_one_class_is_null_and_said_so(label, word):
    row = class_metrics([[label]] * 3, [[0.1], [0.2], [0.9]], ["task"])["task"]
    assert row["auroc"] is None
    assert row["auprc"] is None
    assert word in row["note"]
    assert row["accuracy"] == pytest.approx((2 - label) / 3)


@pytest.mark.parametrize(
    ("labels", "probabilities", "complaint"),
    [
        ([[1], [0]], [[0.5, 0.5], [0.5, 0.5]], "must both be"),
        (np.zeros((0, 1)), np.zeros((0, 1)), "must both be"),
        ([[2], [0]], [[0.5], [0.5]], "0 or 1"),
        ([[1], [0]], [[np.nan], [0.5]], "finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels, probabilities, complaint):
    with pytest.raises(InputError, match=complaint):
        class_metrics(labels, probabilities, ["task"])
