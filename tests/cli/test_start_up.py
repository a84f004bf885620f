"""Nothing heavy is loaded before it is needed, and everything answers --help."""

import subprocess
import sys

import pytest

from genolift.cli.app import COMMANDS

HEAVY = ("tensorflow", "keras", "pandas", "logomaker", "matplotlib", "sklearn", "zarr")


def loaded(code: str) -> str:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*(m for m in {HEAVY!r} if m in sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()[-1]


#: Runs a command until it loads TensorFlow, and prints how many threads that is to start.
UNTIL_TENSORFLOW = """
import os, sys

class Watch:
    def find_spec(self, name, *_):
        if name == "tensorflow":
            print(os.environ.get("TF_NUM_INTRAOP_THREADS"), end="", flush=True)
            os._exit(0)

sys.meta_path.insert(0, Watch())
from genolift.cli.app import run
run(sys.argv[1:])
"""


def test_import_loads_nothing_heavy():
    assert loaded("import genolift, genolift.cli") == ""


def test_the_check_would_notice():
    assert "pandas" in loaded("import pandas")


def test_no_help_loads_anything_heavy():
    commands = [["--help"], *([name, "--help"] for name in COMMANDS), ["--version"], ["methods"]]
    assert loaded(f"from genolift.cli.app import run\nfor c in {commands!r}: assert run(c) == 0") == ""


def test_threads_are_chosen_before_tensorflow_is_loaded(files, tmp_path):
    """Later they cannot be."""
    vcf, genome = tmp_path / "v.vcf", tmp_path / "g.fa"
    vcf.write_text("chr1\t100\t.\tA\tC\n")
    genome.write_text(">chr1\n" + "ACGT" * 50 + "\n")
    commands = (
        ["explain", files.model, files.fasta, "--target", "0"],
        ["variants", files.model, vcf, "--fasta", genome, "--target", "0", "--explain", tmp_path / "s.zarr"],
    )
    for i, command in enumerate(commands):
        arguments = [str(word) for word in [*command, "--threads", "1", "--out", tmp_path / f"out{i}"]]
        told = subprocess.run([sys.executable, "-c", UNTIL_TENSORFLOW, *arguments], capture_output=True, text=True)
        assert told.stdout == "1", told.stderr


def test_targets_are_read_before_tensorflow_is_loaded(files):
    assert loaded("import genolift as gl; gl.targets.Sum(3, 4), gl.targets.parse('sum:bins=3-4')") == ""
    wrong = ["--target", "sum:bins=ten-20", "--out", files.folder / "nothing"]
    commands = [
        ["explain", files.model, files.fasta, *wrong],
        ["variants", files.model, files.fasta, "--fasta", files.fasta, *wrong],
        ["ablate", files.model, files.fasta, "--stretch", "3-9", *wrong],
    ]
    arguments = [[str(word) for word in command] for command in commands]
    assert loaded(f"from genolift.cli.app import run\nfor c in {arguments!r}: assert run(c) == 2") == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_and_how(name, genolift):
    told = genolift(name, "--help")
    assert told.code == 0
    assert f"genolift {name}" in told.out
    assert "Example" in told.out


def test_overview_lists_the_commands(genolift):
    told = genolift("--help")
    assert told.code == 0
    assert all(f"  {name}" in told.out for name in COMMANDS)


def test_methods_are_listed(genolift):
    from genolift.methods import listing

    told = genolift("methods")
    assert told.code == 0
    assert [line.split()[0] for line in told.out.splitlines()] == list(listing())


def test_clean_run_prints_nothing_that_is_not_ours(files, tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "genolift.cli", "explain", files.model, files.fasta, "--target", "0", "--out", "s.zarr"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("s.zarr: 12 sequences")
    assert all("explaining" in line for line in told.stderr.replace("\r", "\n").splitlines() if line), told.stderr
