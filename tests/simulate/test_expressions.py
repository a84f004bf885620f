import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genolift.simulate.expressions import Label
from genolift.support.errors import InputError

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
    ],
)
def test_expressions_mean_what_they_say(text, expected):
    assert Label(text, COUNTS)(COUNTS).astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A > 0 and", "is not an expression"),
        ("", "is not an expression"),
        ("A > 0; B > 0", "is not an expression"),
        ("A", "write for example 'A > 0'"),
        ("A + B", "number, not true or false"),
        ("A and B", "number, not true or false"),
        ("True", "number, not true or false"),
        ("1 > 0", "names no motif"),
        ("C > 0", "unknown motif 'C'.*'A', 'B'"),
        ("A > 0.5", "not a count"),
        ("A / B > 0", "not a count"),
        ("A ** 9 > 0", "not a count"),
        ("A in B", "not allowed"),
        ("__import__('os').system('true') > 0", "not a count"),
        ("(lambda: A)() > 0", "not a count"),
        ("A.size > 0", "not a count"),
        ("[A > 0]", "not allowed"),
    ],
)
def test_everything_else_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        Label(text, COUNTS)


def test_depth_is_an_error_too():
    with pytest.raises(InputError):
        Label("(" * 1000 + "A > 0" + ")" * 1000, COUNTS)


parts = st.sampled_from(["A > 0", "B > 1", "A == B", "not B > 0", "A + B < 3"])


@given(st.lists(parts, min_size=1, max_size=4), st.sampled_from(["and", "or"]))
def test_agrees_with_python_on_every_row(pieces, word):
    text = f" {word} ".join(pieces)
    values = list(itertools.product(range(3), repeat=2))
    counts = {"A": np.array([a for a, _ in values]), "B": np.array([b for _, b in values])}
    expected = [bool(eval(text, {"A": a, "B": b})) for a, b in values]  # noqa: S307 - the independent reference
    assert Label(text, counts)(counts).tolist() == expected
