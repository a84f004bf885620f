"""Names that the documentation gives exist, and names promised to users are documented in full."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import genolift as gl

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`(genolift(?:\.[A-Za-z_]\w*)+)")
#: Files that pages name, by their path in the repository.
FILED = re.compile(r"`((?:genolift|tests|docs|benchmarks|notebooks|simulations)/[\w./-]+)`")


def resolve(name: str) -> object:
    """The module, or what stands in it, that a dotted name means."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing: object = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            thing = getattr(thing, part)
        return thing
    raise AttributeError(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_and_files_of_the_documentation_exist(page):
    text = page.read_text(encoding="utf-8")
    gone = []
    for name in sorted(set(NAMED.findall(text))):
        try:
            resolve(name)
        except AttributeError:
            gone.append(name)
    gone += [path for path in sorted(set(FILED.findall(text))) if not (ROOT / path).exists()]
    assert not gone, f"{page.name} names what is not there: {', '.join(gone)}"


def promised():
    """Everything that users reach as ``gl.something``, and the public methods of its classes."""
    for name in sorted({*gl._NAMES, *gl._MODULES}):
        thing = getattr(gl, name)
        if inspect.ismodule(thing):
            for inner, member in vars(thing).items():
                declared = inner in getattr(thing, "__all__", ())
                own = getattr(member, "__module__", None) == thing.__name__ and not inner.startswith("_")
                if callable(member) and (declared or own):
                    yield f"{name}.{inner}", member
        else:
            yield name, thing


NAMES = dict(promised())


def lacking(thing) -> list[str]:
    """Parameters that the docstring does not list, and ``Returns`` where a function returns something and does not say so."""
    text = inspect.getdoc(thing) or ""
    if not text:
        return ["a docstring"]
    signature = inspect.signature(thing)
    listed = set(re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)\s*(?::|$)", text, re.M))
    words = {word.strip("* ") for line in listed for word in line.split(",")}
    named = [
        name for name, one in signature.parameters.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    gaps = [name for name in named if name not in ("self", "cls") and name not in words]
    returns = None if inspect.isclass(thing) else signature.return_annotation
    if (
        returns not in (None, "None", inspect.Signature.empty)
        and "Returns\n---" not in text
        and "Yields\n---" not in text
    ):
        gaps.append("Returns")
    return gaps


@pytest.mark.parametrize("name", NAMES)
def test_promised_names_are_documented_in_full(name):
    thing = NAMES[name]
    if thing in (gl.Explanation, gl.Fasta):  # their methods are promised too
        parts = {f"{name}.{n}": m for n, m in vars(thing).items() if inspect.isfunction(m) and not n.startswith("_")}
    else:
        parts = {}
    gaps = [f"{key} lacks {', '.join(gap)}" for key, one in {name: thing, **parts}.items() if (gap := lacking(one))]
    assert not gaps, "; ".join(gaps)
