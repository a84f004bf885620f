"""The page of errors has every message of the package, each under a cause and a cure that somebody wrote."""

import ast
import importlib.util
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

import genolift

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = Path(genolift.__file__).parent


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_errors", DOCS / "make_errors.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture(scope="module")
def found(made):
    return made.all_messages()


@pytest.mark.slow
def test_the_page_has_every_message(made, found):
    page = "\n".join(made.page())
    assert not [one.text for one in found if f"`{one.text}`" not in page and f"`` {one.text} ``" not in page]


def test_every_module_that_makes_errors_has_one_subject(made, found):
    for module in {one.module for one in found}:
        exact = [one["title"] for one in made.subjects() if module in one["modules"]]
        wide = [one["title"] for one in made.subjects() if any(fnmatch(module, name) for name in one["modules"])]
        assert exact or wide, f"{module} is in no subject of docs/errors.toml"
        assert len(exact) <= 1, f"{module} is in several subjects: {exact}"


def test_every_group_has_a_cause_and_a_cure_and_no_text_is_left_over(made, found):
    groups = made.sorted_out(found, made.subjects())
    for subject in made.subjects():
        told = set(subject) - {"title", "modules"}
        assert told == set(groups[subject["title"]]), f"the classes of {subject['title']!r} in docs/errors.toml"
        for kind in told:
            assert kind in made.CLASSES
            assert set(subject[kind]) == {"cause", "cure"}
            assert all(text.endswith(".") for text in subject[kind].values())


def test_every_statement_that_raises_an_error_of_ours_is_a_message(made, found):
    """Counted anew, without following calls: a raise of a class of ours lies on a line that has a message."""
    lines = {(one.module, one.line) for one in found}
    kinds = {"InputError", "ConfigError", "FileProblem", "UnsupportedModel", "Undefined"}
    raises = 0
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = ast.unparse(node.exc.func).split(".")[-1]
                if name in kinds:
                    raises += 1
                    assert (module, node.exc.lineno) in lines, f"{module}, line {node.exc.lineno}"
    assert raises > 900


def test_every_error_of_a_script_is_a_message(found):
    """Counted anew: each `new Error` of a page's script is on the page with its own words."""
    counted = 0
    for path in (PACKAGE / "plot" / "web").glob("*.js"):
        there = [one for one in found if one.module == f"plot/web/{path.name}"]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            made_here = line.count("new Error(")
            counted += made_here
            assert len([one for one in there if one.line == number]) >= made_here, f"{path.name}, line {number}"
    assert counted > 10


def test_an_error_of_a_script_without_words_is_noticed(made):
    read = sys.modules["script_messages"].errors_of
    script = 'throw new Error(a ? `no ${b.c} (${d}) in "e"` : "it\\"s");\nnew Error(found ?? \'one\');'
    assert list(read(script)) == [(1, 'no C (D) in "e"'), (1, 'it"s'), (2, "one")]
    with pytest.raises(ValueError, match="line 2: an error without a text"):
        list(read("\nnew Error(words)"))


def test_frames_are_explained_once_and_their_reasons_are_listed(made, found):
    page = "\n\n".join(made.page())
    explained, _, rest = page.partition("## Files of sequences (FASTA)")
    assert "`PATH, UNIT PLACE: REASON; --on-bad skip leaves such records out`" in explained
    assert not re.search(r"REASON\b(?!_)[^,]", "\n".join(line for line in rest.splitlines() if line.startswith("- ")))
    assert "`start START and end END are not a region: 0 <= start < end is needed`" in rest
    assert "`'NAME' is SIZE long, but the model takes sequences of LENGTH`" in rest


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("sequence/fasta", "PATH is not a FASTA file: its first line does not begin with '>'"),
        ("support/drawings", "a result of the type NAME has no WHAT"),
        ("results/layout", "PATH is damaged: zarr.json is missing; copy it again, or score again with --force"),
        ("sequence/fasta", "two records are named 'NAME'; names must be unique"),
        ("pipeline/common/screening", "'NAME' is SIZE long, but the model takes sequences of LENGTH"),
        ("plot/web/explore.js", "write a word of A, C, G, T and N"),
        ("plot/web/explore.js", "the word does not fit at POSITION; the sequence has LENGTH bases"),
        ("plot/web/store.js", "SRC is missing; keep the directory beside the page"),
        ("pipeline/exploring/serving", "the page is not of this server; open the address again"),
        ("pipeline/exploring/serving", "a question is JSON"),
        ("cli/seqlets", "Missing option '--out': where should the seqlets go?"),
    ],
)
def test_messages_are_what_users_see(found, module, text):
    there = [one.text for one in found if one.module == module]
    assert text in there, there
