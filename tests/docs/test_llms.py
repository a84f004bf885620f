"""The guide for coding assistants is made from the documentation, comes with the package, and its code runs."""

import importlib.util
import sys

import family_files
import pages
import pytest

from genolift.cli.app import COMMANDS
from genolift.methods.registry import listing


def made():
    spec = importlib.util.spec_from_file_location("make_llms", pages.DOCS / "make_llms.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_it_is_what_the_sources_say():
    module = made()
    text = module.TARGET.read_text(encoding="utf-8")
    assert text == module.guide(), "run docs/make_llms.py"
    for name in (*COMMANDS, *listing(), "reference_predictions", "shuffled:auto", "sum:bins=10-20,tracks=3"):
        assert f"`{name}`" in text, name


def test_it_comes_with_the_package():
    import genolift

    assert "llms.txt" in (pages.DOCS.parent / "setup.cfg").read_text(encoding="utf-8")
    assert made().TARGET.parent.name == "genolift" == genolift.__name__


@pytest.mark.slow
def test_its_code_runs(tmp_path, monkeypatch):
    family_files.small(tmp_path / "model.keras")
    family_files.write(["genome.fa", "peaks.narrowPeak"], tmp_path)
    space = pages.run(made().TARGET.read_text(encoding="utf-8"), "llms.txt", tmp_path, monkeypatch)
    assert space["scores"].shape == (4, 48)
    assert space["effects"].shape == (4, 48, 4)
    assert (tmp_path / "peaks.html").exists()
    assert (tmp_path / "peaks.ohe.npz").exists()
