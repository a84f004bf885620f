"""The code of docs/families runs as it stands, and every explanation in it sums to its difference."""

import ast
import re
import shlex
import sys
import types
from pathlib import Path

import family_files
import matplotlib.pyplot as plt
import numpy as np
import pytest

import genolift as gl
from genolift.cli.app import run as command
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

FOLDER = Path(__file__).parents[2] / "docs" / "families"
FAMILIES = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"
}
PAGES = {**FAMILIES, "models": (FOLDER.parent / "models.md").read_text(encoding="utf-8")}
QUICK = {"backends", "twins"}


def blocks(page: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page that run: (language, code)."""
    return re.findall(r"```(python|sh)\n(.*?)```", page, re.DOTALL)


def with_promises(code: str) -> ast.Module:
    """The code, where each expression with a comment behind it is checked to be what the comment says."""
    tree, lines = ast.parse(code), code.splitlines()
    for place, node in enumerate(tree.body):
        promised = re.search(r"  # ([(\[\dT].*)$", lines[node.end_lineno - 1])
        if isinstance(node, ast.Expr) and promised:
            check = f"_promised({ast.unparse(node)}, {promised[1]!r})"
            tree.body[place] = ast.copy_location(ast.parse(check).body[0], node)
    return ast.fix_missing_locations(tree)


def promised(value, text: str) -> None:
    assert str(value) == text


def run(name: str, folder: Path, monkeypatch) -> dict:
    page = PAGES[name]
    family_files.write([file for file in family_files.FILES if file in page], folder)
    monkeypatch.chdir(folder)
    for module in (types.ModuleType("mmsplice"), family_files.mmsplice_layers()):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    space: dict = {"_promised": promised}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(with_promises(code), f"{name}.md", "exec"), space)
        else:
            for line in code.splitlines():
                assert command(shlex.split(line)[1:]) == 0, line
    plt.close("all")
    return space


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
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\S+?)\.md\)", index)) == set(FAMILIES)


@pytest.mark.parametrize("name", sorted(QUICK & set(PAGES)))
def test_a_page(name, tmp_path, monkeypatch):
    check(name, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(PAGES) - QUICK))
def test_every_other_page(name, tmp_path, monkeypatch):
    check(name, tmp_path, monkeypatch)
