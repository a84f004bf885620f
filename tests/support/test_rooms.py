"""The house is as its plan says: rooms have a door plate and few modules, and modules import each other where a checker sees it."""

import ast
from configparser import ConfigParser
from pathlib import Path

import pytest

import genolift

ROOT = Path(genolift.__file__).parent
MODULES = {
    ".".join(("genolift", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
#: What tests are made of.
TESTS = {str(path.relative_to(ROOT.parent)): path for path in sorted((ROOT.parent / "tests").rglob("*.py"))}
ROOMS = sorted(path.parent for path in MODULES.values() if path.name == "__init__.py")
#: Modules that load others by computed names: each from a table of our own names, or of what users have registered.
LOADERS = {
    "genolift",
    "genolift.cli.app",
    "genolift.support.plugins",
}
MOST_MODULES, MOST_LINES = 16, 400


def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree: ast.AST):
    """Everything in a module, what stands within functions too, without what is there for type checkers alone."""
    for child in ast.iter_child_nodes(tree):
        if not only_for_types(child):
            yield child
            yield from nodes(child)


def imported(tree: ast.Module) -> set[str]:
    """The modules of ours that a module imports anywhere."""
    names: set[str] = set()
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in full}
    return names & set(MODULES)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every module that can be reached from itself, with those that it shares a circle with."""

    def reached(start: str) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    reach = {name: reached(name) for name in graph}
    found = {frozenset(other for other in reach[name] if name in reach[other]) for name in graph}
    return sorted(sorted(one) for one in found if one)


def test_no_circles_of_files():
    """import-linter holds the same for whole rooms; here a circle is told by its files."""
    found = circles({name: imported(tree_of(name)) - {name} for name in MODULES})
    assert found == []


def test_a_circle_would_be_noticed():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    later = ast.parse(
        "def f():\n    from genolift.results.explanation import Explanation\n    import genolift.plot.logo"
    )
    assert imported(later) == {"genolift.results.explanation", "genolift.plot.logo"}
    assert imported(ast.parse("if TYPE_CHECKING:\n    from genolift.results import store")) == set()
    assert imported(ast.parse("from genolift.results import store")) == {"genolift.results.store"}


def dynamic_imports(tree: ast.Module) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
    ]


def test_modules_are_named_where_a_checker_sees_it():
    """A module of ours whose name is text is an import that neither import-linter nor the test above knows of."""
    hidden = []
    for name in MODULES:
        for call in dynamic_imports(tree_of(name)):
            (given, *_) = call.args
            theirs = isinstance(given, ast.Constant) and not given.value.startswith("genolift")
            if not theirs and name not in LOADERS:
                hidden.append(f"{name}, line {call.lineno}: {ast.unparse(call)}")
    assert hidden == []


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_who_loads_modules_by_computed_names_says_why(name):
    """In a comment on the line, or on the one before it."""
    lines = MODULES[name].read_text(encoding="utf-8").splitlines()
    calls = dynamic_imports(tree_of(name))
    assert calls
    for call in calls:
        assert any("# " in line for line in lines[call.lineno - 2 : call.lineno]), f"line {call.lineno} of {name}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT.parent)))
def test_every_room_says_what_lives_there_and_is_delivered(room):
    told = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert told, "the __init__ needs a docstring: what lives here, and what it may import"
    modules = list(room.glob("*.py"))
    assert len(modules) <= MOST_MODULES or room.name == "cli", f"{len(modules)} modules are too many for one room"
    setup = ConfigParser()
    setup.read(ROOT.parent / "setup.cfg", encoding="utf-8")
    name = ".".join(room.relative_to(ROOT.parent).parts)
    assert name in setup["options"]["packages"].split(), "setup.cfg does not list this package"


@pytest.mark.parametrize("name", [*MODULES, *TESTS])
def test_no_module_is_too_long(name):
    path = MODULES[name] if name in MODULES else TESTS[name]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_folder_of_modules_is_a_room():
    assert {path.parent for path in MODULES.values()} == set(ROOMS)
