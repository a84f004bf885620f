"""Networks that compute the same function get the same explanation, from the methods that must keep to the function."""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import same_function

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "benchmarks"))
from invariance import ROUNDING, change, scores, sequences  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning"),
]
#: Methods that know nothing but the function and its slopes; and Rescale, whose chords follow it in these five cases.
KEEPING = {
    "gradient": {},
    "gradient-x-input": {},
    "integrated-gradients": {},
    "expected-gradients": {},
    "smoothgrad": {},
    "deeplift": {"rule": "rescale"},
    "ism": {},
    "occlusion": {},
    "shapley-sampling": {},
}
X = sequences(4)
build = lru_cache(same_function.build)


def table() -> dict[str, list[str]]:
    """The table in docs/explanation/judging.md: method → cells."""
    text = (ROOT / "docs" / "explanation" / "judging.md").read_text(encoding="utf-8")
    lines = text[text.index("| method | " + " | ".join(same_function.PAIRS)) :].splitlines()[2:]
    rows = [line.strip("| ").split(" | ") for line in lines[: lines.index("")]]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("pair", same_function.PAIRS)
def test_the_two_networks_of_a_pair_compute_the_same(pair):
    expected = build().predict(X, verbose=0)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(build(pair).predict(X, verbose=0), expected, rtol=1e-5)
    assert len(build(pair).layers) != len(build().layers) or pair == "pool"


@pytest.mark.slow
@pytest.mark.parametrize("name", KEEPING)
def test_methods_that_follow_the_function_explain_both_alike(name):
    own = scores(name, build(), X, **KEEPING[name])
    assert np.abs(own).max() > 0.01
    for pair in same_function.PAIRS:
        assert change(own, scores(name, build(pair), X, **KEEPING[name])) < ROUNDING, pair


def test_what_depends_on_how_a_network_is_written_is_noticed():
    own = scores("lrp-alphabeta", build(), X)
    assert change(own, scores("lrp-alphabeta", build("split"), X)) > 0.1


def test_the_table_names_every_method():
    from genolift.methods.registry import listing

    rows = table()
    assert {row.split(",")[0].strip("`") for row in rows} == set(listing())
    for name, options in KEEPING.items():
        assert rows[", ".join([f"`{name}`", *options.values()])] == ["0"] * len(same_function.PAIRS)


@pytest.mark.slow
def test_the_table_says_what_methods_do():
    for row, cells in table().items():
        name, _, rule = row.partition(", ")
        options = {"rule": rule} if rule else {}
        eight = sequences()
        own = scores(name.strip("`"), build(), eight, **options)
        for pair, cell in zip(same_function.PAIRS, cells, strict=True):
            found = change(own, scores(name.strip("`"), build(pair), eight, **options))
            if cell == "refused":
                assert found is None, (row, pair)
            elif cell == "0":
                assert found < ROUNDING, (row, pair)
            else:
                assert found == pytest.approx(float(cell), rel=0.1), (row, pair)
