"""Completion in the shell: right, without TensorFlow, and by the line that the documentation gives."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_start_up import HEAVY

from genolift.cli.app import COMMANDS
from genolift.methods.registry import listing

(PAGE,) = (Path(__file__).parents[2] / "docs").rglob("command-line.md")
#: Answers as `genolift` does when the shell asks, and says on standard error what heavy packages that loaded.
ASKED = f"""
import atexit, sys
atexit.register(lambda: print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr))
from genolift.cli import main
main()
"""


def complete(*words: str) -> list[str]:
    """What is offered for the last word."""
    environment = {
        **os.environ,
        "_GENOLIFT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["genolift", *words]),
        "COMP_CWORD": str(len(words)),
    }
    told = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.stderr.strip() == "", told.stderr
    return [line.partition(",")[2] for line in told.stdout.splitlines()]


def test_commands():
    assert complete("") == list(COMMANDS)
    assert complete("ex") == ["explain", "explore", "export"]
    assert {"--help", "--quiet", "--version"} <= set(complete("--"))


def test_options_and_their_values():
    assert complete("explain", "--ref") == ["--references"]
    assert complete("explain", "m.keras", "s.fa", "--target", "0", "1", "--meth") == ["--method"]
    assert complete("explain", "--method", "integ") == [name for name in listing() if name.startswith("integ")]
    assert complete("explain", "--unknown", "") == ["uniform", "zero"]
    assert complete("methods", "deepl") == [name for name in listing() if name.startswith("deepl")]
    assert complete("explain", "mo") == ["mo"]  # The shell completes files by itself.


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_completes(name):
    assert "--help" in complete(name, "--h")


def lines() -> dict[str, str]:
    """The line for each shell that the documentation gives."""
    rows = re.findall(r"^\| (\w+).*? \| `[^`]+` \| `(.*_GENOLIFT_COMPLETE.*)` \|$", PAGE.read_text(), re.M)
    return {shell: line.replace("\\|", "|") for shell, line in rows}


def test_all_three_shells_are_documented():
    assert list(lines()) == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_line_works(shell, tmp_path):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "genolift").write_text(f'#!/bin/sh\nexec {sys.executable} -m genolift "$@"\n')
    (tmp_path / "genolift").chmod(0o755)
    ask = {
        # What bash does when Tab is pressed after "genolift exp".
        "bash": "COMP_WORDS=(genolift exp); COMP_CWORD=1; _genolift_completion genolift exp genolift; "
        'printf "%s\\n" "${COMPREPLY[@]}"',
        "zsh": "echo ${_comps[genolift]}",
        "fish": "complete --do-complete 'genolift exp'",
    }[shell]
    before = "autoload -U compinit && compinit -u -D\n" if shell == "zsh" else ""
    told = subprocess.run(
        [program, "-c", f"{before}{lines()[shell]}\n{ask}"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    if shell == "zsh":  # Its completion needs a terminal, so this asks only whether it is there.
        assert told.stdout.strip() == "_genolift_completion"
    else:
        assert {line.split()[0] for line in told.stdout.splitlines()} == {"explain", "explore", "export"}
