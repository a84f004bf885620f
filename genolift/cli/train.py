"""``genolift train``: train a network."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters

_TOLD = ("accuracy", "auroc", "auprc", "pearson", "spearman", "explained", "jsd", "jsd_mean_profile")


@click.command(
    epilog=parameters.epilog(
        "genolift train tal_gata --data data --out model.keras --seed 1",
        "genolift train profile --data reads --out reads/bpnet.keras --network bpnet",
        "genolift train tal_gata --data data --out lattice.keras --network lattice --motifs jaspar.meme --signs up",
    )
)
@click.argument("spec")
@click.option(
    "--data",
    required=True,
    type=parameters.path(),
    help="The data set: a directory that `genolift simulate` left, or a .simdata file.",
)
@click.option("--out", required=True, type=parameters.path(), help="The model's file, ending in .keras.")
@click.option(
    "--network",
    "--architecture",
    "architecture",
    default="tal_gata",
    show_default=True,
    help="A network by name: tal_gata, basset, dilated, transformer; bpnet for profiles; or one that can be read: "
    "attention_pool, exponential, additive, pwm, pwm_tied, lattice.",
)
@click.option(
    "--motifs",
    type=parameters.path(),
    help="The motifs that pwm, pwm_tied and lattice look for.  [default: those of genolift's simulations]",
)
@click.option(
    "--signs",
    metavar="SIGNS",
    help="Whether more sites of a motif never lower a logit of lattice (up), never raise it (down), or either (free): "
    "one for all motifs, or one for each, as in up,down.  [default: free]",
)
@click.option(
    "--shape",
    type=click.Choice(["free", "concave", "convex"]),
    help="How a further site counts in lattice: less and less, more and more, or free.  [default: free]",
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="Seed of weights, order, dropout."
)
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Epochs at most.  [default: the network's recipe]")
@click.option(
    "--checkpoints",
    type=parameters.path(),
    metavar="DIR",
    help="Keep the weights of each epoch, for `genolift influence --method tracin`.",
)
@parameters.force
def command(
    spec: str,
    data: Path,
    out: Path,
    architecture: str,
    motifs: Path | None,
    signs: str | None,
    shape: str | None,
    seed: int,
    epochs: int | None,
    checkpoints: Path | None,
    force: bool,
) -> None:
    """Train a network on a data set.

    Trains on the split "train", stops early by the loss on "valid", and measures AUROC, AUPRC and accuracy of every
    task on "test", or the correlation where labels are real values. For profiles it is the correlation of the counts,
    and the Jensen-Shannon distance of the profiles beside that of the mean profile. All of it is recorded in
    training.json beside the model.
    """
    from genolift.pipeline.benchmark.training import Training, train_to_file

    options = {name: value for name, value in (("signs", signs), ("shape", shape)) if value is not None}
    record, was_there = train_to_file(
        Training(spec, data, out, architecture, seed, epochs, force, checkpoints, motifs, options)
    )
    if was_there:
        click.echo(f"{out} is already complete")
    for task, metrics in (record["metrics"] or {}).items():
        names = (name for name in _TOLD if metrics.get(name) is not None)
        told = (f"{name} {metrics[name]:.3f}" for name in names)
        click.echo(f"{task}: {', '.join(told)}")
