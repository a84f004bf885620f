"""Parameters that several commands share."""

from pathlib import Path

import click

OUT_HELP = "Where the result goes."
force = click.option("--force", is_flag=True, help="Start afresh: replace an earlier result of genolift's.")


def path(**options):
    """A path as ``pathlib.Path``; whether it is there is for the job to say, in its own words."""
    return click.Path(path_type=Path, **options)


def epilog(*examples: str) -> str:
    """Examples as they are typed, below a command's options."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
