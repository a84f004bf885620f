"""What every method that `genolift methods` lists promises, on models of every kind; the docs' table is held to it."""

import json
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import method_models
import numpy as np
import pytest

from genolift.methods.common.referenced import ReferenceMethod
from genolift.methods.registry import listing, method_class
from genolift.results.fields import INPUT, POSITION, REFERENCE
from genolift.results.provenance import encode
from genolift.support.errors import GenoliftError, Undefined

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning"),
]
TABLE = Path(__file__).parents[3] / "docs" / "explanation" / "methods.md"
N, L = 4, method_models.LENGTH
X = method_models.sequences(N)
ENDS = {INPUT: (L, 4), POSITION: (L,)}  # of a field's shape; fields of samples have an axis of these before


def committed() -> dict[tuple[str, str], str]:
    """The docs' table: (method, kind of model) → "yes" or "refused"."""
    rows = [line.strip("| ").split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    head = next(row for row in rows if row[0] == "method")
    cells = [dict(zip(head, row, strict=True)) for row in rows if row[0].startswith("`")]
    told = {(row["method"].strip("`"), kind): row[kind] for row in cells for kind in method_models.KINDS}
    return told | dict.fromkeys(method_models.OWN.items(), "yes")


def cases(quick: bool):
    """Every method on every kind; one of the quick kinds for each method runs always."""
    kinds = ("conv", "residual", "pooled")
    always = {name: kinds[crc32(name.encode()) % len(kinds)] for name in listing()}
    always |= method_models.OWN
    every = [(name, kind) for name in listing() for kind in method_models.KINDS]
    every += method_models.OWN.items()
    return [pytest.param(*one, id="-".join(one)) for one in every if (always[one[0]] == one[1]) == quick]


@pytest.fixture(scope="module")
def models():
    return lru_cache(method_models.build)


def close(found, expected, predictions, tolerance=1e-5):
    """To rounding: of the largest score, and of predictions where scores are differences of these."""
    size = tolerance * np.abs(expected).max() + 1e-6 * np.abs(predictions).max()
    np.testing.assert_allclose(found, expected, atol=size, rtol=0)


@pytest.mark.parametrize(("name", "kind"), cases(quick=True))
def test_contract_on_one_kind(models, name, kind):
    # What methods with references share is tried with targets alone in test_conventions, and here among the slow ones.
    check(models(kind), name, kind, alone=not issubclass(method_class(name), ReferenceMethod))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), cases(quick=False))
def test_contract_on_the_other_kinds(models, name, kind):
    # That targets do not depend on each other is tried on one kind.
    check(models(kind), name, kind, alone=False)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), cases(quick=True))
def test_targets_alone(models, name, kind):
    if issubclass(method_class(name), ReferenceMethod):
        check(models(kind), name, kind)


def check(model, name, kind, alone=True):
    x, weights = X.copy(), [w.copy() for w in model.get_weights()]
    if committed()[name, kind] == "refused":
        with pytest.raises(GenoliftError, match=r"use |give "):
            method_models.make(name, model, [0, 1])(x)
        return
    method = method_models.make(name, model, [0, 1])
    found = method(x)
    check_fields(found, name)
    check_meaning(found)
    again = method(x)
    for field in found.defined:
        np.testing.assert_array_equal(getattr(again, field), getattr(found, field), err_msg=field)
    close(method(x[2:3]).scores, found.scores[2:3], found.predictions)
    if alone:
        close(method_models.make(name, model, 1)(x).scores, found.scores[:, 1], found.predictions)
    np.testing.assert_array_equal(x, X)
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))


def check_fields(found, name):
    """Shapes, types, finite values; the record of how it was made; reasons for what is missing."""
    assert {"inputs", "scores", "predictions"} <= set(found.defined)
    np.testing.assert_array_equal(found.inputs, X)
    for field in found.defined:
        values, kind = getattr(found, field), found.kind(field)
        if field != "inputs" and field in found.FIELDS:
            assert values.shape[:2] == (N, 2), field
            ends = ENDS.get(kind, ())
            assert values.shape[values.ndim - len(ends) :] == ends, field
        assert values.dtype == np.float32 or values.dtype.kind in "iu", field
        if field != "standard_error" and kind != REFERENCE:
            assert np.isfinite(values).all(), field
    assert (found.scores.shape, found.predictions.shape) == ((N, 2, L), (N, 2))
    assert np.abs(found.scores).max() > 0
    assert found.method["name"] == name
    json.dumps(encode(found.method))
    for field in ("hypothetical", "raw_contributions", "multipliers", "residual", "standard_error"):
        if field not in found.defined:
            with pytest.raises(Undefined, match="is not defined: ") as problem:
                getattr(found, field)
            assert len(str(problem.value)) > 40, f"{field} of {name} is not defined, and the reason is missing"


def check_meaning(found):
    """Scores are the sum of raw contributions over the bases, and of contributions where there are any."""
    for field in ("raw_contributions", "contributions"):
        if field in found.defined:
            close(getattr(found, field).sum(-1), found.scores, found.predictions)


def test_the_table_lists_every_method():
    there = {name for name, _ in committed()}
    assert there == set(listing()), "run docs/make_methods.py"
