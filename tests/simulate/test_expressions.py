import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.simulate.dataset import Embedding
from genolift.simulate.expressions import Expression
from genolift.simulate.scenes import Scenes
from genolift.support.errors import InputError


def value(text, counts):
    return Expression(text, list(counts))(Scenes.of_counts(counts))[:, 0]


COUNTS = {"A": np.array([0, 0, 1, 2]), "B": np.array([0, 3, 0, 1]), "MA0035.4": np.array([1, 0, 0, 0])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A > 0 and B > 0", [0, 0, 0, 1]),
        ("A > 0 or B > 0", [0, 1, 1, 1]),
        ("not A > 0", [1, 1, 0, 0]),
        ("A >= 1 and not (B > 0)", [0, 0, 1, 0]),
        ("0 < A <= 1", [0, 0, 1, 0]),
        ("A + B == 3", [0, 1, 0, 1]),
        ("2 * A - B != 0", [0, 1, 1, 1]),
        ("A > -1", [1, 1, 1, 1]),
        ("'MA0035.4' > 0 or A == B", [1, 0, 0, 0]),
        ("A > 0.5", [0, 0, 1, 1]),
        ("0.5 * A + (B > 0)", [0, 1, 0.5, 2]),
        ("max(A, B) - min(A, B, 1)", [0, 3, 1, 1]),
        ("A / 2", [0, 0, 0.5, 1]),
        ("-abs(A - B)", [0, -3, -1, -1]),
    ],
)
def test_expressions_mean_what_they_say(text, expected):
    assert value(text, COUNTS).tolist() == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A > 0 and", "is not an expression"),
        ("", "is not an expression"),
        ("A > 0; B > 0", "is not an expression"),
        ("A", "write for example 'A > 0'"),
        ("A + B", "number, not true or false"),
        ("A and B > 0", "number, not true or false"),
        ("True", "not allowed"),
        ("1 > 0", "names no motif"),
        ("C > 0", "unknown motif 'C'.*'A', 'B'"),
        ("A ** 9 > 0", "not allowed"),
        ("A in B", "not allowed"),
        ("__import__('os').system('true') > 0", "not allowed"),
        ("(lambda: A)() > 0", "not allowed"),
        ("A.size > 0", "not allowed"),
        ("eval(A) > 0", "no function 'eval'"),
        ("exp(A, B) > 0", "exp takes one number"),
        ("min(A) > 0", "min takes two or more"),
        ("match(A + 1) > 0", "match takes one motif"),
        ("best(C) > 0", "unknown motif 'C'"),
        ("pair(A, B) > 0", "write a pair as"),
        ("pair(A, B, 3, 2) > 0", "to a larger one"),
        ("pair(A, B, 1, 2, order='up') > 0", "order is one of 'any', 'given'"),
        ("pair(A, B, 1, 2, side='left') > 0", "no option 'side'"),
        ("True > 0", "not allowed"),
        ("[A > 0]", "not allowed"),
    ],
)
def test_everything_else_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        Expression(text, COUNTS).condition()


def test_depth_is_an_error_too():
    with pytest.raises(InputError):
        Expression("(" * 1000 + "A > 0" + ")" * 1000, COUNTS)


parts = st.sampled_from(["A > 0", "B > 1", "A == B", "not B > 0", "A + B < 3"])


@given(st.lists(parts, min_size=1, max_size=4), st.sampled_from(["and", "or"]))
def test_agrees_with_python_on_every_row(pieces, word):
    text = f" {word} ".join(pieces)
    values = list(itertools.product(range(3), repeat=2))
    counts = {"A": np.array([a for a, _ in values]), "B": np.array([b for _, b in values])}
    expected = [bool(eval(text, {"A": a, "B": b})) for a, b in values]  # noqa: S307 - the independent reference
    assert value(text, counts).tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("exp(A)", np.exp), ("log(A + 1)", np.log1p), ("sqrt(A)", np.sqrt), ("tanh(A)", np.tanh),
     ("sigmoid(A)", lambda a: 1 / (1 + np.exp(-a)))],
)  # fmt: skip
def test_functions_of_numbers(text, expected):
    np.testing.assert_allclose(value(text, COUNTS), expected(COUNTS["A"]))


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not a finite number"):
        value("log(A)", COUNTS)
    with pytest.raises(InputError, match="not a finite number"):
        value("1 / B", COUNTS)


def scenes(*instances):
    """Instances (motif, start, strand, match) of width 4 in one sequence."""
    rows = [Embedding(0, motif, start, start + 4, strand, "ACGT") for motif, start, strand, _ in instances]
    return Scenes.of(1, rows, ["A", "B"], np.array([match for *_, match in instances]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("match(A)", 1.5),
        ("best(A)", 1.0),
        ("match(B)", 0.25),
        ("pair(A, B, 0, 6)", 1),  # A ends at 14 and B begins at 20.
        ("pair(A, B, 0, 5)", 0),
        ("pair(A, B, 6, 20)", 2),  # The other A begins at 44, 20 after the end of B.
        ("pair(A, B, 6, 20, order='given')", 1),
        ("pair(B, A, 6, 20, order='given')", 1),  # B is on the reverse strand, so the left A lies downstream of it.
        ("pair(A, B, 6, 20, strands='same')", 0),
        ("pair(A, B, 6, 20, strands='opposite')", 2),
        ("pair(A, A, 0, 30)", 1),
        ("pair(A, A, 0, 29)", 0),
    ],
)
def test_strength_and_place(text, expected):
    scene = scenes(("A", 10, "+", 1.0), ("B", 20, "-", 0.25), ("A", 44, "+", 0.5))
    assert Expression(text, ["A", "B"])(scene).tolist() == [[expected]]
