"""The notebooks are committed without outputs, and all are shown on the site, whose build runs them (`make docs`)."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
SMALL = {"GENOLIFT_SEQUENCES": "400", "GENOLIFT_EPOCHS": "1"}


def test_the_site_shows_every_notebook():
    page = (ROOT / "docs" / "tutorial" / "notebooks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^../notebooks/(\w+)$", page, re.M)) == {path.stem for path in FOLDER.glob("*.ipynb")}


def test_the_site_runs_them_and_takes_no_error_or_warning():
    settings = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    for setting in ('nb_execution_mode = "cache"', "nb_execution_raise_on_error = True", 'nb_output_stderr = "warn"'):
        assert setting in settings
    assert "sphinx -W" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make docs" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_outputs_are_committed(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
def test_real_human_sequence(shared_data, tmp_path, monkeypatch):
    """The site runs this notebook on a genome that is made up."""
    genome = str(shared_data / "genome" / "hg38_1m.fa.gz")
    variables = {**SMALL, "GENOLIFT_FASTA": genome, "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    book = nbformat.read(FOLDER / "real_sequence.ipynb", 4)
    client = NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=dict(os.environ))
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert "2,000 scored" in "".join(output.get("text", "") for output in outputs)
