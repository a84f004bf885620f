"""``genolift digits``: the paper's figure 4 on handwritten digits."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters


@click.command(
    epilog=parameters.epilog(
        "genolift digits --out digits",
        "genolift digits --data mnist.npz --images 200 --out mnist",
        "genolift digits --methods paper --methods lrp-epsilon --methods deeplift --out more",
    )
)
@click.option("--out", required=True, type=parameters.path(), help="Directory for everything it leaves.")
@click.option(
    "--data",
    default="digits",
    show_default=True,
    metavar="FILE.npz|download|digits",
    help="The images: Keras' mnist.npz or a file like it, MNIST downloaded by Keras, or scikit-learn's 8 × 8 digits.",
)
@click.option(
    "--methods",
    multiple=True,
    default=("paper",),
    show_default=True,
    metavar="NAME",
    help="A method to compare, once for each; paper are those of the figure. Images are compared with zeros unless @ "
    "names other references.",
)
@click.option(
    "--images",
    type=click.IntRange(2),
    default=1000,
    show_default=True,
    metavar="N",
    help="Explain so many test images of each digit at most.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="Train so long at most."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="The seed of training and of random orders.",
)
@parameters.force
def command(out: Path, data: str, methods: tuple[str, ...], images: int, epochs: int, seed: int, force: bool) -> None:
    """Compare methods on handwritten digits, as in figure 4 of the DeepLIFT paper.

    The paper's network learns digits. From each test image, the pixels that speak for its own digit and against another
    one are deleted, up to 20 % of the image, and the change in log-odds says how well a method finds them. That is done
    for all pairs of digits. Two further measures ask whether scores fall with the pixels (pixel flipping) and follow an
    image that moves by one pixel (continuity).

    That leaves digits.csv, metrics.csv, the figures, the network, and index.html, which shows them all. An interrupted
    run continues with the same command after the last finished stage.
    """
    from genolift.pipeline.digits.job import Digits, run_digits
    from genolift.pipeline.digits.results import PAGE

    was_there = run_digits(Digits(data, methods, images, epochs, seed), out, force)
    click.echo(f"{out} is already complete" if was_there else f"{out / PAGE} shows the results")
