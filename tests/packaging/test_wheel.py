"""The wheel and the source distribution: complete, and at work in a clean environment."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from genolift.version import __version__

ROOT = Path(__file__).parents[2]
#: What a wheel is built from, beside the folders of modules.
BUILT_FROM = ("pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
#: Folders of the repository, and what they are in the wheel.
FOLDERS = {"genolift": "genolift", "simulations": "genolift/simulations"}
NOT_COMPILED = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A source distribution, and the wheel that is built from it; nothing is fetched for that."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=NOT_COMPILED)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=dist)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Deprecat" not in told.stdout + told.stderr
    return dist


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_tree_and_no_other(wheel):
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder)}"
        for folder, inside in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "published"} & set(path.parts)  # results are no part of a program
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected
    assert {Path(name).suffix for name in names} >= {".py", ".toml", ".meme", ".j2", ".js", ".typed"}


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        told = message_from_bytes(archive.read(f"{info}/METADATA"))
        assert f"{info}/licenses/LICENSE" in archive.namelist()
        assert "genolift = genolift.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert wheel.name == f"genolift-{__version__}-py3-none-any.whl"
    assert (told["License-Expression"], told["License-File"]) == ("MIT", "LICENSE")
    assert told["Description-Content-Type"] == "text/markdown"
    assert any("tensorflow[and-cuda]" in line and "gpu" in line for line in told.get_all("Requires-Dist"))


def test_the_source_distribution_holds_what_builds_it(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= set(BUILT_FROM)


def test_the_descriptions_can_be_shown(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", *built.iterdir()]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count("PASSED") == 2


def run(place: Path, *command) -> subprocess.CompletedProcess:
    """Run a command in another directory, without what this process knows of the repository."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    told = subprocess.run(
        [str(word) for word in command], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_works_in_a_clean_environment(wheel, tmp_path):
    """All requirements are installed anew, which takes minutes: what is missing in setup.cfg is missing there."""
    venv.create(tmp_path / "clean", with_pip=True)
    bin = tmp_path / "clean" / "bin"
    run(tmp_path, bin / "python", "-m", "pip", "install", "--quiet", "--no-compile", wheel)
    run(tmp_path, bin / "python", "-m", "pip", "check")
    place = tmp_path / "elsewhere"
    place.mkdir()
    genolift = bin / "genolift"
    where = run(place, bin / "python", "-c", "import genolift; print(genolift.__file__)").stdout
    assert where.startswith(str(tmp_path / "clean"))
    run(place, genolift, "benchmark", "tal_gata", "--sequences", 200, "--seeds", 1, "--epochs", 1, "--out", "b")
    assert (place / "b" / "index.html").stat().st_size > 10_000
    model, sequences = "b/model.keras", "b/sequences.fa"
    assert "genolift explain" in run(place, genolift, "check", model).stdout
    names = [line[1:] for line in (place / sequences).read_text().splitlines() if line.startswith(">")][:5]
    (place / "few.txt").write_text("\n".join(names) + "\n")
    told = run(place, genolift, "explain", model, sequences, "--names", "few.txt", "--target", 0, "--out", "s.zarr")
    assert told.stdout.startswith("s.zarr: 5 sequences")
    run(place, genolift, "report", "s.zarr", "--out", "r.html")
    run(place, genolift, "plot", "s.zarr", "--sequence", names[0], "--out", "logo.png")
    run(place, genolift, "simulate", "spacing", "--out", "spacing")
    shutil.rmtree(tmp_path / "clean")
