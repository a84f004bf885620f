"""The examples of --help do what they say when they are typed into a shell."""

import re

import pytest

from genolift.cli.app import genolift

COMMANDS = [(), *((name,) for name in genolift.list_commands(None))]


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_nothing_in_an_example_means_something_else_to_the_shell(name):
    command = genolift.get_command(None, name[0]) if name else genolift
    text = f"{command.help}\n{command.epilog or ''}"
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip().startswith("genolift ")]
    for line in lines:
        bare = re.sub(r"'[^']*'", "", line)
        # A redirection that is meant stands between blanks.
        assert not re.search(r"\S[<>|;&()]|[<>|;&()]\S|[`$]", bare), line
