"""Runs the code of a page of the documentation: its blocks of Python, and the commands of its blocks of shell."""

import ast
import re
import shlex
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt

from genolift.cli.app import run as command

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page that run: (language, code)."""
    return re.findall(r"```(python|sh)\n(.*?)```", page, re.DOTALL)


def with_promises(code: str) -> ast.Module:
    """The code, where each expression with a comment behind it is checked to be what the comment says."""
    tree, lines = ast.parse(code), code.splitlines()
    for place, node in enumerate(tree.body):
        told = re.search(r"  # ([(\[\dT'].*)$", lines[node.end_lineno - 1])
        if isinstance(node, ast.Expr) and told:
            check = f"_promised({ast.unparse(node)}, {told[1]!r})"
            tree.body[place] = ast.copy_location(ast.parse(check).body[0], node)
    return ast.fix_missing_locations(tree)


def promised(value, text: str) -> None:
    assert str(value) == text


def run(page: str, name: str, folder: Path, monkeypatch) -> dict:
    """Run a page in a folder, and return what its Python has defined."""
    monkeypatch.chdir(folder)
    space: dict = {"_promised": promised, "__name__": "page"}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(with_promises(textwrap.dedent(code)), name, "exec"), space)
        else:
            for line in code.replace("\\\n", " ").splitlines():
                assert command(shlex.split(line)[1:]) == 0, line
    plt.close("all")
    return space
