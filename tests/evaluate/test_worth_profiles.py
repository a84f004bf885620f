"""What instances are worth to the profile of a network, on a function whose logits are known."""

import itertools

import numpy as np
import pytest
from scipy.special import softmax

from genolift.evaluate.truth import worth as module
from genolift.evaluate.truth.worth import profile_value, worth
from genolift.sequence.alphabet import decode
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import parse_spec

A, B = "GATTACAGGC", "CCTGAACGTT"
SLOPES = np.random.default_rng(0).normal(size=(2, 6, 2))  # of A and of B, at 6 positions of 2 tasks


def logits(a, b):
    return a * SLOPES[0] + np.log1p(b + a * b) * SLOPES[1]


def predict(X):
    return np.stack([logits(text.count(A), text.count(B)).reshape(-1) for text in decode(X)])


def frozen(p, a, b):
    z = logits(a, b)
    return (p * (z - z.mean(axis=0))).sum()


def test_the_value_is_that_of_the_profile_target():
    z, whole = np.random.default_rng(1).normal(size=(2, 3, 12))
    found = profile_value(z, whole, tasks=2)
    for row, other, value in zip(z.reshape(3, 6, 2), whole.reshape(3, 6, 2), found, strict=True):
        p = softmax(other, axis=0)
        assert value[0] == pytest.approx((p * (row - row.mean(axis=0))).sum())


@pytest.mark.parametrize("exact", [True, False])
def test_values_by_orders_with_the_profile_of_the_whole(exact, monkeypatch):
    """The instances A, A and B: Shapley's definition over all orders, with p of all three."""
    embed = [{"motif": "A", "count": 2}, {"motif": "B", "count": 1}]
    table = {"name": "t", "length": 100, "background": [0.25] * 4,
             "motifs": {"A": {"kmers": [A]}, "B": {"kmers": [B]}},
             "groups": [{"name": "g", "sequences": 20, "embed": embed}], "labels": {"y": "A > 0 or B > 0"}}  # fmt: skip
    dataset = simulate(parse_spec(table), seed=1)
    if not exact:
        monkeypatch.setattr(module, "EXACT", 2)
    found = worth(dataset, predict, progress=False, value=lambda z, whole: profile_value(z, whole, 2))
    assert found.values.shape == (60, 1)
    p = softmax(logits(2, 1), axis=0)
    total = dict.fromkeys("AB", 0.0)
    for order in itertools.permutations("AAB"):
        counts = {"A": 0, "B": 0}
        for one in order:
            before = frozen(p, counts["A"], counts["B"])
            counts[one] += 1
            total[one] += frozen(p, counts["A"], counts["B"]) - before
    expected = {"A": total["A"] / 12, "B": total["B"] / 6}
    alone = {"A": frozen(p, 2, 1) - frozen(p, 1, 1), "B": frozen(p, 2, 1) - frozen(p, 2, 0)}
    for motif in "AB":
        some = [k for k, one in enumerate(dataset.embeddings) if one.motif == motif]
        np.testing.assert_allclose(found.response[some, 0], alone[motif])
        if exact:
            np.testing.assert_allclose(found.values[some, 0], expected[motif])
        else:
            assert found.values[some, 0].mean() == pytest.approx(expected[motif], abs=0.05)
