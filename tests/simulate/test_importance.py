"""The truth of instances against Shapley's definition: the average over all orders in which instances could come."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genolift.simulate.dataset import Embedding
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.drawing.importance import importance
from genolift.simulate.expressions import Expression
from genolift.simulate.reading import load_dataset
from genolift.simulate.scenes import Scenes
from genolift.simulate.spec import parse_spec
from genolift.support.errors import InputError

MOTIFS = {"A": {"matrix": [[0.7, 0.1, 0.1, 0.1]] * 4}, "B": {"matrix": [[0.1, 0.7, 0.1, 0.1]] * 5},
          "D": {"matrix": [[0.1, 0.1, 0.7, 0.1]] * 3}}  # fmt: skip
LABELS = [
    "A > 0",
    "A > 0 and B > 0",
    "A > 0 or B > 0",
    "(A > 0) != (B > 0)",
    "A > 0 and not B > 0",
    "A + 2 * B >= 3",
    "pair(A, B, 0, 40) > 0",
    "best(A) > 0.5",
]
VALUES = ["max(0, A - B)", "match(A) - 0.5 * match(B)", "A * B", "pair(A, B, 2, 60, order='given', strands='same')"]


def spec(**changes):
    both = {"distribution": "uniform", "min": 0, "max": 3}
    table = {
        "name": "t",
        "length": 90,
        "background": [0.25] * 4,
        "motifs": MOTIFS,
        "groups": [{"name": "g", "sequences": 40, "embed": [
            {"motif": name, "count": both, "strand": "both"} for name in MOTIFS]}],
        "labels": {"y": "A > 0"},
    }  # fmt: skip
    return parse_spec(table | changes)


def by_orders(text, instances, matches):
    """The average over all orders of what each instance adds when it comes; written for one sequence, without arrays."""
    names = list(MOTIFS)

    def worth(there):
        some = [instances[k] for k in there]
        scene = Scenes.of(1, some, names, np.array([matches[k] for k in there]))
        return Expression(text, names)(scene)[0, 0]

    total = np.zeros(len(instances))
    orders = list(itertools.permutations(range(len(instances))))
    for order in orders:
        for at, k in enumerate(order):
            total[k] += worth(sorted(order[: at + 1])) - worth(sorted(order[:at]))
    return total / len(orders)


def strength(matrix, one):
    """The share of the highest log-odds, letter by letter."""
    odds = np.log((0.999 * np.array(matrix) + 0.001 / 4) / 0.25)
    word = ["ACGT".index(c) for c in one.string]
    word = [3 - c for c in word[::-1]] if one.strand == "-" else word
    return sum(odds[i][c] for i, c in enumerate(word)) / odds.max(axis=1).sum()


@pytest.mark.slow
@pytest.mark.parametrize("text", LABELS + VALUES)
def test_values_are_the_average_over_all_orders(text):
    label = text if text in LABELS else {"value": text}
    dataset = simulate(spec(labels={"y": label}), seed=3)
    checked = 0
    for i in range(len(dataset)):
        some = [k for k, one in enumerate(dataset.embeddings) if one.sequence_index == i]
        if not 1 < len(some) < 6:
            continue
        instances = [dataset.embeddings[k]._replace(sequence_index=0) for k in some]
        matches = [strength(MOTIFS[one.motif]["matrix"], one) for one in instances]
        expected = by_orders(text, instances, matches)
        np.testing.assert_allclose(dataset.importance[some, 0], expected, atol=1e-9)
        checked += np.abs(expected).max() > 0
        if checked == 6:
            break
    assert checked >= 4


def test_hand_checkable():
    """Two redundant copies share, a repressor is negative, a motif that the label does not name is nothing."""
    of = {}
    for name, label in {"or": "A > 0", "repressed": "A > 0 and not B > 0"}.items():
        groups = [{"name": "g", "sequences": 1, "embed": [
            {"motif": "A", "count": 2 if name == "or" else 1}, {"motif": "B", "count": 1}, {"motif": "D", "count": 1}]}]  # fmt: skip
        dataset = simulate(spec(groups=groups, labels={"y": label}))
        of[name] = sorted(
            (one.motif, round(value, 9)) for one, (value,) in zip(dataset.embeddings, dataset.importance, strict=True)
        )
    assert of["or"] == [("A", 0.5), ("A", 0.5), ("B", 0), ("D", 0)]
    assert of["repressed"] == [("A", 0.5), ("B", -0.5), ("D", 0)]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=2), st.sampled_from([t for t in LABELS[:6]] + ["A * B - A"]))
@settings(max_examples=30)
def test_counting_agrees_with_looking_at_all_subsets(numbers, text):
    """``0 * match(A)`` changes nothing but that all subsets are looked at."""
    rows = [Embedding(0, name, 10 * k, 10 * k + 4, "+", "ACGT") for k, name in
            enumerate(["A"] * numbers[0] + ["B"] * numbers[1])]  # fmt: skip
    value = {"value": f"{text} + 0" if text == "A * B - A" else f"1 * ({text})"}
    slow = {"value": value["value"] + " + 0 * match(A)"}
    found = []
    for label in (value, slow):
        made = spec(labels={"y": label})
        dataset = simulate(made, n=1)
        dataset.embeddings = [row._replace(string="AAAA" if row.motif == "A" else "CCCCC") for row in rows]
        found.append(importance(made, dataset)[1])
    np.testing.assert_allclose(*found, atol=1e-9)


def test_many_instances():
    """Twenty copies of an instance that is needed once share one twentieth each, which 2^20 subsets would take long."""
    groups = [{"name": "g", "sequences": 2, "embed": [{"motif": "A", "count": 20}]}]
    np.testing.assert_allclose(simulate(spec(groups=groups)).importance, 1 / 20)
    with pytest.raises(InputError, match=r"a sequence has 20 instances .* exact for up to 16"):
        simulate(spec(groups=groups, labels={"y": "best(A) > 0"}))


def test_importance_is_kept_on_disk_and_found_again(tmp_path):
    made = spec(labels={"y": {"value": "match(A) - B", "noise": 0.3}})
    dataset = simulate(made)
    dataset.save(tmp_path)
    alone = load_dataset(tmp_path, made)
    np.testing.assert_allclose(alone.importance, dataset.importance, atol=1e-6)
    np.testing.assert_allclose(alone.labels, dataset.labels, rtol=1e-6)
    assert alone.kind == "real"
    test = dataset.subset(slice(5, 9))
    kept = [k for k, one in enumerate(dataset.embeddings) if 5 <= one.sequence_index < 9]
    np.testing.assert_array_equal(test.importance, dataset.importance[kept])
    lines = (tmp_path / "embeddings.bed").read_text().splitlines()
    assert "importance:y" in lines[0]
    bare = ["\t".join(line.split("\t")[:7]) for line in lines[1:]]
    (tmp_path / "embeddings.bed").write_text("\n".join(bare) + "\n")  # as an earlier version wrote it
    np.testing.assert_allclose(load_dataset(tmp_path, made).importance, dataset.importance, atol=1e-9)
    (tmp_path / "embeddings.bed").write_text("\n".join([lines[0], bare[0]]) + "\n")
    with pytest.raises(InputError, match="line 2: the line has not one importance"):
        load_dataset(tmp_path, made)
    with pytest.raises(InputError, match="not 0 or 1"):
        load_dataset(tmp_path)
