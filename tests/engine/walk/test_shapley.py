"""The numbers of docs/reference/agreement.md, and exact Shapley values by enumeration on nets small enough for it."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

pytestmark = pytest.mark.usefixtures("uncompiled")
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "agreement.md"


def weighted(x, weights):
    return tf.linalg.matvec(tf.constant([weights], tf.float32), x)


def normalised(x):
    centred = x - tf.reduce_mean(x, 1, keepdims=True)
    return (centred * tf.math.rsqrt(tf.reduce_mean(centred**2, 1, keepdims=True)))[:, :1]


def reused(x):
    inner = tf.nn.relu(x - tf.constant([[1.0, -1]]))
    return tf.nn.relu(weighted(inner, [2, -1]) - 1)


CASES = {
    "linear": lambda x: weighted(x, [2, -1, 3]),
    "product": lambda x: x[:, :1] * x[:, 1:],
    "maximum of two": lambda x: tf.maximum(x[:, :1], x[:, 1:]),
    "minimum, figure 3": lambda x: x[:, :1] - tf.nn.relu(weighted(x, [1, -1])),
    "and": lambda x: tf.nn.relu(weighted(x, [1, 1]) - 1),
    "saturated": lambda x: 1 - tf.nn.relu(1 - weighted(x, [1, 1, 1])),
    "mixed signs": lambda x: tf.nn.relu(weighted(x, [3, -2, 1]) - 0.5),
    "max pool": lambda x: tf.reduce_max(x, 1, keepdims=True),
    "max pool that falls from equal maxima": lambda x: tf.reduce_max(x, 1, keepdims=True),
    "max pool of rises and falls": lambda x: tf.reduce_max(x, 1, keepdims=True),
    "softmax": lambda x: tf.nn.softmax(x)[:, :1],
    "max pools that overlap (width 2, stride 1), summed": lambda x: tf.reduce_sum(
        tf.nn.max_pool1d(x[:, :, None], 2, 1, "VALID"), 1
    ),
    "one ReLU used twice": reused,
    "relu(x₁ + x₂ − 1), ReLU called as a function": lambda x: tf.nn.relu(weighted(x, [1, 1]) - 1),
    "x₁·x₂": lambda x: x[:, :1] * x[:, 1:],
    "layer norm": normalised,
}


def tables():
    """The rows of the document's tables, each a dict by column."""
    header, rows = None, []
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            header = None
        elif header is None:
            header = cells
        elif not set(line) <= set("|-"):
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def numbers(cell):
    return np.array([float(part.replace("−", "-")) for part in cell.split(",")], np.float32)


def shapley(function, x, ref):
    """Σ over subsets S without i of |S|!(n − |S| − 1)!/n! · (f(S and i) − f(S))."""
    n, found = len(x), np.zeros(len(x))
    for subset in itertools.product([False, True], repeat=n):
        size = sum(subset)
        for i in np.flatnonzero(~np.array(subset)):
            without, with_it = np.where(subset, x, ref), np.where(subset, x, ref)
            with_it[i] = x[i]
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            found[i] += weight * float(function(with_it[None])[0, 0] - function(without[None])[0, 0])
    return found


def contributions(name, function, x, ref, **options):
    method = gl.method(
        name, function, target=0, activation="keep", references=gl.references.Fixed(ref[None]), **options
    )
    return method(x[None]).raw_contributions[0]


ROWS = [row for row in tables() if "case" in row]
SHAPLEY = [row for row in ROWS if "Shapley" in row]
BY_HAND = [row for row in ROWS if "by hand (= genolift)" in row]


@pytest.mark.slow
@pytest.mark.parametrize("row", SHAPLEY, ids=lambda row: row["case"])
def test_the_table_of_shapley_values(row):
    function, x, ref = CASES[row["case"]], numbers(row["x"]), numbers(row["reference"])
    np.testing.assert_allclose(shapley(function, x, ref), numbers(row["Shapley"]), atol=1e-4)
    for rule in ("Rescale", "RevealCancel"):
        found = contributions("deeplift", function, x, ref, rule=rule.lower())
        np.testing.assert_allclose(found, numbers(row[rule]), atol=1e-4)
    found = contributions("gradient-x-input", function, x, ref)
    np.testing.assert_allclose(found, numbers(row["gradient × Δ"]), atol=1e-4)


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row["case"])
def test_cases_in_which_packages_disagree(row):
    function, x, ref = CASES[row["case"]], numbers(row["x"]), numbers(row["reference"])
    hand = numbers(row["by hand (= genolift)"])
    np.testing.assert_allclose(hand.sum(), float(row["difference"]), atol=2e-4)
    np.testing.assert_allclose(contributions("deeplift", function, x, ref, rule="rescale"), hand, atol=1e-4)


def test_the_document_has_all_cases():
    assert {row["case"] for row in ROWS} == set(CASES)
