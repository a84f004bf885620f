"""The notebooks run from a clean kernel, and are committed without outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
SMALL = {"GENOLIFT_SEQUENCES": "400", "GENOLIFT_EPOCHS": "1"}


def test_there_are_notebooks():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} >= {"paper_figures", "real_sequence"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_outputs_are_committed(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize(
    ("name", "pictures"), [pytest.param("paper_figures", 2, marks=pytest.mark.slow), ("real_sequence", 1)]
)
def test_it_runs_and_draws(name, pictures, tmp_path, monkeypatch):
    for variable in ("GENOLIFT_FASTA", "GENOLIFT_MODEL"):
        monkeypatch.delenv(variable, raising=False)
    book = run(name, tmp_path, monkeypatch, SMALL)
    drawn = [
        output for cell in book.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(drawn) == pictures


@pytest.mark.slow
def test_real_human_sequence(shared_data, tmp_path, monkeypatch):
    genome = {"GENOLIFT_FASTA": str(shared_data / "genome" / "hg38_1m.fa.gz")}
    book = run("real_sequence", tmp_path, monkeypatch, SMALL | genome)
    told = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", []))
    assert "2,000 scored" in told


def run(name: str, folder: Path, monkeypatch, variables: dict[str, str]):
    for variable, value in {**variables, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder)}.items():
        monkeypatch.setenv(variable, value)
    book = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    client = NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=dict(os.environ))
    for cell in book.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
    return book
