"""``genolift``: finds the command, runs it, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from genolift.cli.common_options import LOUDNESS, with_common_options
from genolift.cli.speech import listen, tell, tell_where
from genolift.support.errors import GenoliftError
from genolift.support.tensorflow import own_process
from genolift.version import __version__

# In the order of a piece of work. The lines stand here so that --help need not load the commands.
COMMANDS = {
    "check": "Say what a model is, and what can be done with it: begin here.",
    "simulate": "Draw a data set with known motifs.",
    "train": "Train a network on a data set, or a generator on sequences.",
    "benchmark": "Simulate, train, explain and judge: which method finds what matters.",
    "digits": "Compare methods on handwritten digits, as in the DeepLIFT paper's figure 4.",
    "calibrate": "Find the method and the references that suit a model, by planted motifs.",
    "explain": "Score the sequences of a FASTA file, or regions of a genome, with a model.",
    "explore": "Open a page on which a sequence is edited and the model answers.",
    "info": "Say what stores are, and whether they are complete.",
    "merge": "Put stores of different sequences together as one.",
    "subset": "Take some of the sequences of a store.",
    "design": "Find the fewest edits that bring a prediction to a goal.",
    "variants": "Score the variants of a VCF file: alternative against reference allele.",
    "export": "Write scores in the formats that other programs read.",
    "seqlets": "Find stretches of high importance, and the motifs they look like.",
    "patterns": "Find the patterns of scores, or describe TF-MoDISco's, with names of known motifs.",
    "compare": "Compare two models, folds or targets on the same sequences: motifs gained and lost.",
    "judge": "Say which explanations to trust, by metrics that need no known motifs.",
    "influence": "Say which training sequences taught a prediction.",
    "hits": "Find where TF-MoDISco's patterns are.",
    "summarize": "Summarize the importance in stretches of a BED file as a table.",
    "filters": "Make motifs of the filters of a layer, from the stretches that excite them.",
    "activations": "Draw a hidden layer's activations over a sequence.",
    "dream": "Find sequences that a target, a unit or a filter answers to most strongly.",
    "marginalize": "Insert motifs into backgrounds: what they do to the prediction.",
    "ablate": "Shuffle or replace a stretch: what is lost with it.",
    "space": "Insert two motifs at every distance and orientation.",
    "plot": "Draw the scores of sequences as logos.",
    "report": "Gather scores, variants, patterns or a benchmark on one HTML page.",
    "methods": "List the methods there are.",
}
MISTAKE, INTERRUPTED = 2, 130
_CONTINUES = (
    "benchmark",
    "compare",
    "design",
    "digits",
    "dream",
    "explain",
    "influence",
    "judge",
    "merge",
    "patterns",
    "subset",
    "variants",
)


class _Interrupted(Exception):
    """Ctrl-C during a command; its name is the argument."""


class _Commands(click.Group):
    """Commands whose modules are imported when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        # A command is the module of its name in this room, see COMMANDS.
        return with_common_options(importlib.import_module(f"genolift.cli.{name}").command)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin so. Their lines stand in this module, so none is loaded."""
        commands = [CompletionItem(name, help=COMMANDS[name]) for name in COMMANDS if name.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, context, incomplete)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:  # click itself would make an Abort of it, and forget the command
            raise _Interrupted(context.invoked_subcommand) from None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="genolift", message="%(prog)s %(version)s")
def genolift() -> None:
    """Explain what neural networks see in DNA, and judge the explanations by simulated truth.

    \b
    Examples:
      genolift benchmark tal_gata --out benchmark
      genolift check benchmark/model.keras
      genolift explain benchmark/model.keras sequences.fa --target 0 --out scores.zarr
      genolift plot scores.zarr --sequence NAME --out logo.png

    Every command has its own --help.

    \b
    Exit codes:
      0    done, or already complete
      1    `genolift check`: DeepLIFT does not explain the model, or its contributions do not sum
      2    a mistake in what was given, told in one line on standard error
      130  interrupted by Ctrl-C
      143  `genolift explore` was ended by SIGTERM
    """  # noqa: D301 - click looks for the character


genolift.params.extend(LOUDNESS)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; the codes stand in the help of :func:`genolift`."""
    own_process()
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line, and return the exit code."""
    listen()
    try:
        return genolift.main(arguments, prog_name="genolift", standalone_mode=False) or 0
    except _Interrupted as interruption:
        (name,) = interruption.args
        tell("interrupted; the same command continues where it stopped" if name in _CONTINUES else "interrupted")
        return INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        tell("interrupted")
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.ctx.get_help())
        return 0
    except click.UsageError as problem:
        tell_where()
        command = problem.ctx.command_path if problem.ctx else "genolift"
        tell(f"error: {problem.format_message().rstrip('.')} (see {command} --help)")
    except click.ClickException as problem:
        tell_where()
        tell(f"error: {problem.format_message()}")
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except GenoliftError as problem:
        tell_where()
        tell(f"error: {problem.for_command_line()}")
    except OSError as problem:
        tell_where()
        where = f"{problem.filename}: " if problem.filename else ""
        tell(f"error: {where}{problem.strerror or problem}")
    return MISTAKE
