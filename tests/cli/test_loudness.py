"""``--quiet`` and ``--verbose``, colours, and exit codes, which are the same for all commands."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_files import LENGTH, random_sequences

from genolift.cli.app import COMMANDS
from genolift.cli.app import genolift as group
from genolift.support import tensorflow as start
from genolift.support.progress import bar, status

(PAGE,) = (Path(__file__).parents[2] / "docs").rglob("command-line.md")


@pytest.fixture
def explain(files, genolift, tmp_path):
    """`genolift explain` with some N, which cause a note."""
    fasta = tmp_path / "n.fa"
    (sequence,) = random_sequences(1, LENGTH - 4).values()
    fasta.write_text(f">a\n{sequence}NNNN\n")
    command = [
        "explain",
        files.model,
        fasta,
        "--target",
        "0",
        "--references",
        "shuffled:2",
        "--out",
        tmp_path / "s.zarr",
    ]
    return lambda *options: genolift(*command, *options)


def test_quiet_leaves_out_notes_and_progress_but_no_result(explain):
    normal, quiet = explain("--force"), explain("--force", "--quiet")
    assert "4 of 60 bases are N" in normal.err
    assert "explaining" in normal.err
    assert quiet.err == ""
    assert quiet.out.startswith(normal.out.partition("1 sequences")[0])
    assert "already complete" in explain("-q").out


def test_a_later_command_is_as_loud_as_usual(explain):
    assert explain("-q").err == ""
    assert "bases are N" in explain("--force").err


def test_options_stand_before_or_after_the_command(files, genolift, tmp_path):
    for words in (["-q", "methods"], ["methods", "--quiet"], ["--verbose", "methods"], ["-q", "methods", "-q"]):
        assert genolift(*words).code == 0
    told = genolift("-q", "methods", "-v")
    assert told.code == 2
    assert "contradict each other" in told.err


def test_verbose_shows_where_an_error_arose(genolift, tmp_path):
    short, long = genolift("info", tmp_path / "no"), genolift("explain", tmp_path / "no", "x.fa", "--out", "o", "-v")
    assert len(short.err.splitlines()) == 1
    assert long.code == 2
    assert "Traceback" in long.err
    assert long.err.splitlines()[-1].startswith("genolift: error: ")


def test_verbose_shows_every_warning_and_those_of_others(genolift, monkeypatch):
    import warnings

    from genolift.cli import methods
    from genolift.support.errors import GenoliftWarning

    def warn():
        for i in range(3):
            warnings.warn(GenoliftWarning(f"number {i}"), stacklevel=1)
        warnings.warn("of another package", RuntimeWarning, stacklevel=1)
        return {}

    monkeypatch.setattr(methods, "listing", lambda: warn() or {"x": "y"})
    with warnings.catch_warnings():
        monkeypatch.setattr(sys, "warnoptions", [])
        normal, verbose = genolift("methods"), genolift("methods", "-v")
    assert "number 0" in normal.err
    assert "number 2" not in normal.err
    assert "another package" not in normal.err
    assert "number 2" in verbose.err
    assert "RuntimeWarning" in verbose.err


def test_verbose_shows_how_tensorflow_starts(genolift):
    genolift("methods", "-v")
    assert start._shown
    genolift("methods")
    assert not start._shown


def test_quiet_hides_progress_whatever_a_job_says(genolift, capsys):
    for words, shown in ((["methods", "-q"], False), (["methods"], True)):
        genolift(*words)
        with bar(3, "working", "steps", show=True) as display:
            display.update(3)
        assert ("working" in capsys.readouterr().err) == shown
        with status("working") as line:
            line.say("more")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_both_once(name, genolift):
    told = genolift(name, "--help").out
    for flag in ("-q, --quiet", "-v, --verbose"):
        assert told.count(flag) == 1


def in_a_terminal(*arguments: str, cwd, **environment: str) -> tuple[int, bytes]:
    """Run the command line in a terminal of its own; return the exit code and all that the terminal got."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "genolift", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )
    os.close(slave)
    got = b""
    try:
        while chunk := os.read(master, 65536):
            got += chunk
    except OSError:  # Linux says so where the other end is closed.
        pass
    os.close(master)
    return process.wait(60), got


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
def test_nothing_is_coloured(files, tmp_path, variable):
    commands = [(2, "explain", "--nonsense"), (0, "explain", "--help")]
    if variable == "FORCE_COLOR":  # What is not coloured now is not coloured without the variable either.
        commands.append((0, "explain", str(files.model), str(files.fasta), "--target", "0", "--out", "s.zarr"))
    for code, *arguments in commands:
        status, got = in_a_terminal(*arguments, cwd=tmp_path, **{variable: "1"})
        assert status == code, got
        assert got
        assert not re.search(rb"\x1b\[[\d;]*m", got)


def test_exit_codes_are_documented_and_kept(genolift, tmp_path, monkeypatch):
    codes = set(re.findall(r"^\| (\d+) \|", PAGE.read_text().partition("## Exit codes")[2].partition("\n## ")[0], re.M))
    assert codes == {"0", "1", "2", "130", "143"}
    shown = genolift("--help").out.partition("Exit codes:")[2]
    assert set(re.findall(r"^ +(\d+)  ", shown, re.M)) == codes
    assert genolift("methods").code == 0
    assert genolift("methods", "no-such").code == 2
    assert genolift("explain").code == 2
    assert genolift("no-such-command").code == 2
    from genolift.cli import methods

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(methods, "listing", interrupted)
    assert genolift("methods").code == 130


def test_the_group_has_them_in_its_help(genolift):
    assert "--quiet" in genolift("--help").out
    assert [option.name for option in group.params].count("quiet") == 1
