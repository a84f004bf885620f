"""The code of docs/how-to/families runs as it stands, and every explanation in it sums to its difference."""

import re
import sys
import types
from pathlib import Path

import family_files
import numpy as np
import pages
import pytest

import genolift as gl
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

FOLDER = pages.DOCS / "how-to" / "families"
FAMILIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")) if path.stem != "index"}
PAGES = {**FAMILIES, "models": (FOLDER.parent / "models.md").read_text(encoding="utf-8")}
QUICK = {"backends", "twins"}


def run(name: str, folder: Path, monkeypatch) -> dict:
    page = PAGES[name]
    family_files.write([file for file in family_files.FILES if file in page], folder)
    for module in (types.ModuleType("mmsplice"), family_files.mmsplice_layers()):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return pages.run(page, f"{name}.md", folder, monkeypatch)


def check(name, folder, monkeypatch):
    space = run(name, folder, monkeypatch)
    results = [value for value in space.values() if isinstance(value, gl.Explanation)]
    assert results, "the page explains nothing"
    for result in results:
        assert all(np.isfinite(scores).all() for scores in tf.nest.flatten(result.scores))
        if "residual" not in result.undefined:
            change = np.abs(result.predictions[..., None] - result.reference_predictions).max()
            assert change > 0, "the network does not look at its input"
            assert np.abs(result.residual).max() < 1e-3 * change + 1e-6


def test_the_index_lists_every_page():
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\S+?)\.md\)", index)) == set(FAMILIES)


@pytest.mark.parametrize("name", sorted(QUICK & set(PAGES)))
def test_a_page(name, tmp_path, monkeypatch):
    check(name, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(PAGES) - QUICK))
def test_every_other_page(name, tmp_path, monkeypatch):
    check(name, tmp_path, monkeypatch)
