"""What instances are worth to a network, on functions that look for words and so are networks whose values are known."""

import numpy as np
import pytest

from genolift.evaluate.truth import worth as module
from genolift.evaluate.truth.worth import worth
from genolift.sequence.alphabet import decode
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import parse_spec
from genolift.support.errors import InputError

A, B = "GATTACAGGC", "CCTGAACGTT"


def drawn(counts, n=12, length=160):
    embed = [{"motif": name, "count": count} for name, count in counts.items()]
    motifs = {"A": {"kmers": [A]}, "B": {"kmers": [B]}}
    table = {"name": "t", "length": length, "background": [0.25] * 4, "motifs": motifs,
             "groups": [{"name": "g", "sequences": n, "embed": embed}], "labels": {"y": "A > 0 or B > 0"}}  # fmt: skip
    return simulate(parse_spec(table), seed=1)


def looking_for(rule):
    """A function of how often the words A and B occur, for two tasks: the rule, and how many A there are."""

    def predict(X):
        texts = decode(X)
        counts = [(text.count(A), text.count(B)) for text in texts]
        return np.array([[float(rule(a, b)), float(a)] for a, b in counts])

    return predict


@pytest.mark.parametrize(
    ("rule", "counts", "values", "responses"),
    [
        (lambda a, b: a > 0, {"A": 3, "B": 1}, {"A": 1 / 3, "B": 0}, {"A": 0, "B": 0}),
        (lambda a, b: a and b, {"A": 1, "B": 1}, {"A": 0.5, "B": 0.5}, {"A": 1, "B": 1}),
        (lambda a, b: a and not b, {"A": 1, "B": 1}, {"A": 0.5, "B": -0.5}, {"A": 0, "B": -1}),
        (lambda a, b: 2 * a - 3 * b, {"A": 2, "B": 2}, {"A": 2, "B": -3}, {"A": 2, "B": -3}),
        (lambda a, b: 2 * a - 3 * b, {"A": 5, "B": 3}, {"A": 2, "B": -3}, {"A": 2, "B": -3}),  # by random orders
    ],
)
def test_values_and_responses(rule, counts, values, responses):
    dataset = drawn(counts)
    found = worth(dataset, looking_for(rule), progress=False)
    for k, one in enumerate(dataset.embeddings):
        assert found.values[k, 0] == pytest.approx(values[one.motif])
        assert found.response[k, 0] == pytest.approx(responses[one.motif])
        assert found.values[k, 1] == pytest.approx(float(one.motif == "A"))
    np.testing.assert_allclose(found.error, 0, atol=1e-12)


def test_orders_come_near_what_all_subsets_give(monkeypatch):
    dataset = drawn({"A": 3, "B": 2}, n=40)
    predict = looking_for(lambda a, b: a > 1 or (a and b))
    exact = worth(dataset, predict, progress=False)
    monkeypatch.setattr(module, "EXACT", 2)
    near = worth(dataset, predict, progress=False)
    difference = near.values[:, 0] - exact.values[:, 0]
    assert np.abs(difference).max() > 0  # The orders are random indeed.
    known = near.error[:, 0] > 0
    assert known.mean() > 0.9
    assert 0.8 < np.sqrt(np.mean((difference[known] / near.error[known, 0]) ** 2)) < 1.3
    assert abs(difference.mean()) < 0.01
    np.testing.assert_allclose(near.response, exact.response)
    for row in range(40):  # The values of a sequence still sum to what all its instances bring.
        mine = [k for k, one in enumerate(dataset.embeddings) if one.sequence_index == row]
        assert near.values[mine, 0].sum() == pytest.approx(exact.values[mine, 0].sum())


def test_what_the_network_has_not_learnt_is_nothing():
    dataset = drawn({"A": 1, "B": 1}, n=30)
    noise = np.random.default_rng(0)

    def predict(X):
        clean = looking_for(lambda a, b: a)(X)
        return clean + 0.02 * noise.normal(size=clean.shape)

    learnt = worth(dataset, predict, progress=False).learnt()[:, 0]
    motifs = np.array([one.motif for one in dataset.embeddings])
    assert (learnt[motifs == "A"] > 0.8).all()
    assert not learnt[motifs == "B"].any()


def test_fills_depend_on_seed_and_sequence_alone():
    dataset = drawn({"A": 1, "B": 2}, n=10)

    def predict(X):
        return (X * np.arange(4)).sum(axis=(1, 2))[:, None] + X[:, ::7].sum(axis=1)[:, :1] * 3

    whole = worth(dataset, predict, seed=3, progress=False)
    part = worth(dataset.subset([4, 5]), predict, seed=3, progress=False)
    mine = [k for k, one in enumerate(dataset.embeddings) if one.sequence_index in (4, 5)]
    np.testing.assert_allclose(part.values, whole.values[mine])
    assert not np.allclose(worth(dataset, predict, seed=4, progress=False).values, whole.values)


def test_what_cannot_be_measured():
    with pytest.raises(InputError, match="two fills or more, not 1"):
        worth(drawn({"A": 1}), looking_for(lambda a, b: a), fills=1)
    with pytest.raises(InputError, match="sequences of one length"):
        worth(drawn({"A": 1}, length={"min": 90, "max": 120}), looking_for(lambda a, b: a))
