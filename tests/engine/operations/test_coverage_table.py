"""The coverage table in the docs says what the code does."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("make_coverage", DOCS / "make_coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(section: str) -> str:
    text = (DOCS / "reference" / "coverage.md").read_text(encoding="utf-8")
    return "## " + text.split(f"## {section}")[1].join([section, ""]).split("\n\n## ")[0].rstrip()


def test_operations_and_activations_are_current(coverage):
    assert committed("Operations") == coverage.operations(), "run docs/make_coverage.py"
    assert committed("Keras activations") == coverage.activations(), "run docs/make_coverage.py"


def test_every_layer_has_a_row(coverage):
    rows = committed("Keras layers")
    cases = coverage.keras_cases
    known = {case.name for case in cases.CASES} | set(cases.REFUSED) | set(cases.NOT_RUN)
    assert {row.split("|")[1].strip() for row in rows.splitlines() if row.startswith("| ")} == known | {"layer"}


@pytest.mark.exhaustive
def test_layers_are_current(coverage):
    assert committed("Keras layers") == coverage.layers(), "run docs/make_coverage.py"
