"""Formats of others: registered from outside, they are written, refused and offered as ours are."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from explained import explained, stored

import genolift as gl
from genolift.export import registry
from genolift.export.options import FormatOption
from genolift.support.errors import FileProblem, InputError

DOCS = Path(__file__).parents[2] / "docs"


class Names:
    """The names of the sequences, a line each: a format that someone outside has made."""

    OPTIONS = (
        FormatOption("ending", "what ends a line", choices=("unix", "dos")),
        FormatOption("notes", "a file", is_path=True),
    )

    @staticmethod
    def files(out, options):
        return [out]

    @staticmethod
    def write(explanation, paths, options):
        end = {"dos": "\r\n"}.get(options.own["ending"], "\n")
        paths[0].write_bytes("".join(name + end for name in explanation.names).encode())
        assert options.own["notes"] is None or isinstance(options.own["notes"], Path)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_FORMATS", dict(registry._FORMATS))


def test_a_format_from_outside(tmp_path):
    e = explained()
    ours = gl.export.listing()
    gl.export.register("names", Names, "the names alone")
    assert gl.export.listing() == {**ours, "names": "the names alone"}
    out = tmp_path / "names.txt"
    assert gl.export(e, to="names", out=out) == [out]
    assert out.read_text().splitlines() == list(e.names)
    with pytest.raises(FileProblem, match="there already"):
        gl.export(e, to="names", out=out)
    gl.export(e, to="names", out=out, ending="dos", notes="notes.txt", force=True)
    assert out.read_bytes().count(b"\r\n") == len(e)
    with pytest.raises(InputError, match="ending is 'unix' or 'dos', not 'mac'"):
        gl.export(e, to="names", out=out, ending="mac", force=True)
    with pytest.raises(InputError, match="the format names takes no chrom-sizes"):
        gl.export(e, to="names", out=out, chrom_sizes="x", force=True)
    with pytest.raises(InputError, match="the format tsv takes no ending"):
        gl.export(e, to="tsv", out=out, ending="dos", force=True)


def test_names_are_not_taken_twice():
    gl.export.register("names", Names, "the names alone")
    gl.export.register("names", Names, "as a notebook does that is run again")
    with pytest.raises(InputError, match=r"there is a format 'tsv' already, genolift[.]export[.]formats[.]tsv"):
        gl.export.register("tsv", Names, "another table")
    gl.export.register("broken", "json", "a module that is no format")
    with pytest.raises(InputError, match="registered as json, which has no OPTIONS and no files and no write"):
        gl.export(explained(), to="broken", out="x")


def test_options_of_one_name_that_differ():
    class Forms(Names):
        OPTIONS = (FormatOption("form", "another thing"),)

    gl.export.register("forms", Forms, "another form")
    takers = registry.own_options()["form"]
    assert list(takers.values()) == [["modisco"], ["forms"]]
    assert registry.own_options()["chrom_sizes"].popitem()[1] == ["bigwig", "bedgraph"]


def test_a_format_that_is_not_there_does_no_harm_to_the_others():
    gl.export.register("absent", "no_such_package.formats", "nothing")
    gl.export.register("nameless", "json:Nothing", "nothing")
    assert "chrom_sizes" in registry.own_options()
    with pytest.raises(InputError, match=r"absent is registered as no_such_package\.formats, but there is no module"):
        gl.export(explained(), to="absent", out="x")
    with pytest.raises(InputError, match="json has no class Nothing"):
        gl.export(explained(), to="nameless", out="x")


def test_options_have_types_and_names_of_their_own():
    option = FormatOption("width", "a width", type=int)
    assert (option.read("5"), option.read(5), option.read(None)) == (5, 5, None)
    assert FormatOption("bare", "without a header", type=bool).read("no") is False
    with pytest.raises(InputError, match=r"width is a whole number, not '5\.5'"):
        option.read("5.5")

    class Taken(Names):
        OPTIONS = (FormatOption("target", "another target"),)

    gl.export.register("taken", Taken, "names again")
    assert "target" not in registry.own_options()
    with pytest.raises(InputError, match="taken has an option 'target', which means the same for every format"):
        gl.export(explained(), to="taken", out="x")


def example() -> str:
    """The format that the documentation makes."""
    (text,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "reference" / "formats.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return text


def test_the_example_of_the_docs(tmp_path, monkeypatch):
    e = explained()
    stored(e, tmp_path).rename(tmp_path / "scores.zarr")
    monkeypatch.chdir(tmp_path)
    exec(compile(example(), "formats.md", "exec"), {})
    told = [line.split("\t") for line in Path("means.txt").read_text().splitlines()]
    assert [name for name, _ in told] == list(e.names)
    np.testing.assert_allclose([float(mean) for _, mean in told], np.asarray(e.scores).mean(-1), atol=1e-5)


def test_the_command_line_of_a_program_that_registers_a_format(tmp_path):
    stored(explained(), tmp_path).rename(tmp_path / "scores.zarr")
    setting = example().partition('gl.export("')[0]
    program = setting + "from genolift.cli import main\nmain()"
    command = [sys.executable, "-c", program, "export"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert re.search(r"^ +means +the mean score of each sequence$", told, re.MULTILINE)
    assert re.search(r"--digits TEXT +For means: how many digits are written", told)
    arguments = ["scores.zarr", "--to", "means", "--digits", "2", "--out", "m.txt"]
    subprocess.run([*command, *arguments], check=True, cwd=tmp_path, capture_output=True)
    assert re.fullmatch(r"(\S+\t-?\d+\.\d\d\n)+", (tmp_path / "m.txt").read_text())


def test_the_docs_are_those_of_the_registry():
    spec = importlib.util.spec_from_file_location("make_formats", DOCS / "make_formats.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.formats() in (DOCS / "reference" / "formats.md").read_text(encoding="utf-8"), "run docs/make_formats.py"
