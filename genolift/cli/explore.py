"""``genolift explore``: a page on which a model answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genolift.cli import parameters, parts, speech

if TYPE_CHECKING:
    from genolift.pipeline.common.modelfile import ModelFile


@click.command(
    epilog=parameters.epilog(
        "genolift explore model.keras --target 0",
        "genolift explore model.keras --target 0 --fasta sequences.fa --motifs jaspar.meme",
        "genolift explore model.keras --target counts:0 --fasta genome.fa --regions peaks.bed",
    )
)
@click.argument("model", type=parameters.path())
@click.option("--fasta", type=parameters.path(), metavar="FILE.fa[.gz]", help="Sequences to choose from.")
@click.option("--regions", type=parameters.path(), metavar="FILE", help="BED or narrowPeak: windows of --fasta.")
@click.option("--target", metavar="T", help="What is explained, as for `genolift explain`; it can be changed.")
@click.option("--method", metavar="NAME", default="deeplift", show_default=True, help="How; it can be changed.")
@click.option("--references", metavar="R", help="What sequences are compared with.  [default: the method's]")
@click.option(
    "--motifs", type=parameters.path(), metavar="FILE", help="Motifs to drag into a sequence: MEME, JASPAR, ..."
)
@parameters.motif_format
@parameters.unknown
@parameters.seed
@parameters.memory
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page.")
@parts.model
def command(
    model: ModelFile,
    fasta: Path | None,
    regions: Path | None,
    target: str | None,
    method: str,
    references: str | None,
    motifs: Path | None,
    motif_format: str | None,
    unknown: str,
    seed: int,
    memory: str | None,
    port: int,
    browser: bool,
) -> int:
    """Open a page on which a sequence is edited and the model answers.

    The page shows the prediction and the logo of a sequence that is pasted or chosen. Change a base by a click, write
    over a stretch, shuffle one, drag a motif in, go back; the answer follows. Two states can be compared, and the
    effects of all substitutions shown. The sequence, the logo, the scores and the state can be saved.

    Only this machine can open the page, and only under the address that is printed. Stop it with Ctrl-C, also while it
    computes; the exit code is then 130, and 143 after SIGTERM. It needs Starlette and uvicorn: pip install
    'genolift[explore]'.
    """
    from genolift.pipeline.exploring.job import Exploring, explore

    job = Exploring(
        model, method, target, references, fasta, regions, motifs, motif_format, unknown, seed, memory, port
    )

    def tell(address: str) -> None:
        click.echo(f"open {address}\nstop with Ctrl-C")
        if browser:
            _open(address)

    ended = explore(job, tell)
    speech.tell("stopped")
    code = 128 + ended.signal
    if ended.computing:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _open(address: str) -> Any:
    import webbrowser

    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    # A browser of text would take the terminal, and the server starts only when it has ended.
    if type(found) is webbrowser.GenericBrowser:
        return False
    return found.open(address)
