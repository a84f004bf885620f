"""The code of lessons, worked examples and comparisons runs as it stands, and gives what the pages promise."""

import gzip

import family_files
import pages
import pytest

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def text(name: str) -> str:
    return (pages.DOCS / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_rules_by_small_examples(tmp_path, monkeypatch):
    page = text("explanation/rules.md")
    assert page.count("explain(") > 10
    pages.run(page, "rules.md", tmp_path, monkeypatch)


def test_a_promise_that_is_not_kept_is_noticed(tmp_path, monkeypatch):
    with pytest.raises(AssertionError):
        pages.run("```python\n1 + 1  # 3\n```", "wrong", tmp_path, monkeypatch)


@pytest.mark.slow
def test_coming_from_other_packages(tmp_path, monkeypatch):
    family_files.small(tmp_path / "model.keras")
    page = text("how-to/coming-from.md")
    for package in ("deeplift", "shap", "captum", "tangermeme", "CREsted", "fastISM"):
        assert f"\n## {package}\n" in page
    pages.run(page, "coming-from.md", tmp_path, monkeypatch)


def test_the_lines_of_the_readme(tmp_path, monkeypatch):
    family_files.small(tmp_path / "model.keras")
    family_files.write(["genome.fa", "peaks.narrowPeak"], tmp_path)
    (tmp_path / "genome.fa.gz").write_bytes(gzip.compress((tmp_path / "genome.fa").read_bytes()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # where gzip is unpacked
    space = pages.run((pages.DOCS.parent / "README.md").read_text(encoding="utf-8"), "README.md", tmp_path, monkeypatch)
    assert space["result"].scores.shape == (4, 48)


@pytest.mark.slow
def test_the_lessons_one_after_the_other(tmp_path, monkeypatch):
    """Each lesson goes on with what the one before leaves, so they are run as one page."""
    lessons = "".join(text(f"tutorial/{name}.md") for name in ("first-logo", "peaks-to-motifs", "variants"))
    pages.run(lessons, "lessons", tmp_path, monkeypatch)
    assert {path.suffix for path in tmp_path.iterdir()} >= {".html", ".png", ".bed", ".tsv", ".zarr", ".bedgraph"}
