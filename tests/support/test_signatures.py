"""Every public function of the package says what it takes and what it returns, so that ``py.typed`` tells the truth."""

import ast
from pathlib import Path

import genolift

ROOT = Path(genolift.__file__).parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def public_functions(body: list[ast.stmt], prefix: str = ""):
    """Functions and methods without a leading underscore, and their names within the module."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, FUNCTIONS) and (not node.name.startswith("_") or node.name == "__call__"):
            yield f"{prefix}{node.name}", node


def missing(node: ast.FunctionDef, method: bool) -> list[str]:
    """Parameters without an annotation, and ``return`` where the function does not say what it returns."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
    every = [*(plain[1:] if method and not static else plain), *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [one.arg for one in every if one.annotation is None] + (["return"] if node.returns is None else [])


def test_public_signatures_are_complete():
    incomplete = []
    for path in sorted(ROOT.rglob("*.py")):
        if path.stem.startswith("_"):
            continue
        for name, node in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            if lacking := missing(node, "." in name):
                incomplete.append(f"{path.relative_to(ROOT)}: {name} lacks {', '.join(lacking)}")
    assert not incomplete, "\n".join(incomplete)
