"""``genolift train``: train a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genolift.cli import parameters

_TOLD = ("accuracy", "auroc", "auprc", "pearson", "spearman", "explained", "jsd", "jsd_mean_profile")


@click.command(
    epilog=parameters.epilog(
        "genolift train tal_gata --data data --out model.keras --seed 1",
        "genolift train profile --data reads --out reads/bpnet.keras --network bpnet",
        "genolift train --generator vae peaks.fa --out vae.keras",
        "genolift train --generator autoregressive peaks.fa --out density.keras",
        "genolift train tal_gata --data data --out lattice.keras --network lattice --motifs jaspar.meme --signs up",
    )
)
@click.argument("spec", metavar="SPEC|SEQUENCES.fa")
@click.option(
    "--data",
    type=parameters.path(),
    help="The data set: a directory that `genolift simulate` left, or a .simdata file. Needed without --generator.",
)
@click.option("--out", required=True, type=parameters.path(), help="The model's file, ending in .keras.")
@click.option(
    "--network",
    "--architecture",
    "architecture",
    help="A network by name: tal_gata, basset, dilated, transformer; bpnet for profiles; or one that can be read: "
    "attention_pool, exponential, additive, pwm, pwm_tied, lattice.  [default: tal_gata]",
)
@click.option(
    "--generator",
    type=click.Choice(["vae", "autoregressive"]),
    help="Train a generator on the sequences of a FASTA file, for `genolift dream`: a variational autoencoder, or an "
    "autoregressive density.",
)
@click.option(
    "--beta",
    type=click.FloatRange(0, min_open=True),
    metavar="B",
    help="Of --generator vae, the factor of the codes' divergence from their prior.  [default: 0.1]",
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
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="N",
    help="Epochs at most.  [default: the network's recipe; 30 for a generator]",
)
@click.option(
    "--checkpoints",
    type=parameters.path(),
    metavar="DIR",
    help="Keep the weights of each epoch, for `genolift influence --method tracin`.",
)
@parameters.force
def command(
    spec: str,
    data: Path | None,
    out: Path,
    architecture: str | None,
    generator: str | None,
    beta: float | None,
    motifs: Path | None,
    signs: str | None,
    shape: str | None,
    seed: int,
    epochs: int | None,
    checkpoints: Path | None,
    force: bool,
) -> None:
    """Train a network on a data set, or a generator on sequences.

    Trains on the split "train", stops early by the loss on "valid", and measures AUROC, AUPRC and accuracy of every
    task on "test", or the correlation where labels are real values. For profiles it is the correlation of the counts,
    and the Jensen-Shannon distance of the profiles beside that of the mean profile. All of it is recorded in
    FILE.keras.json beside the model.

    With --generator, eight tenths of the different sequences of a FASTA file train a generator, one tenth stops it
    early, and the likelihood of the last tenth is told and recorded in FILE.keras.json. An interrupted
    training of a generator continues with the same command after its last epoch.
    """
    if generator is not None:
        if any(given is not None for given in (data, architecture, motifs, signs, shape, checkpoints)):
            raise click.UsageError(
                "--generator reads a FASTA file alone; leave --data, --network and their options out"
            )
        _train_generator(generator, Path(spec), out, beta, seed, epochs, force)
        return
    if data is None:
        raise click.UsageError("Missing option '--data', or --generator for a FASTA file")
    if beta is not None:
        raise click.UsageError("--beta is for --generator vae")
    from genolift.pipeline.benchmark.training import ARCHITECTURE, Training, train_to_file

    options = {name: value for name, value in (("signs", signs), ("shape", shape)) if value is not None}
    record, was_there = train_to_file(
        Training(spec, data, out, architecture or ARCHITECTURE, seed, epochs, force, checkpoints, motifs, options)
    )
    if was_there:
        click.echo(f"{out} is already complete")
    for task, metrics in (record["metrics"] or {}).items():
        names = (name for name in _TOLD if metrics.get(name) is not None)
        told = (f"{name} {metrics[name]:.3f}" for name in names)
        click.echo(f"{task}: {', '.join(told)}")


def _train_generator(
    kind: str, sequences: Path, out: Path, beta: float | None, seed: int, epochs: int | None, force: bool
) -> None:
    if beta is not None and kind != "vae":
        raise click.UsageError("--beta is for --generator vae")
    from genolift.models.generative.fitting import Fitting
    from genolift.pipeline.dreaming.training import GeneratorTraining, train_generator

    given: dict[str, Any] = {name: value for name, value in (("beta", beta), ("epochs", epochs)) if value is not None}
    record, was_there = train_generator(GeneratorTraining(kind, sequences, out, Fitting(seed=seed, **given), force))
    if was_there:
        click.echo(f"{out} is already complete")
    held_out = record["held_out"]
    bound = "at least " if held_out["is_bound"] else ""
    told = held_out["log_p_per_base"]
    click.echo(
        f"log p per base of {record['sequences']['held_out']:,} held-out sequences: {bound}{told['mean']:.4f} ± "
        f"{told['standard_error']:.4f} nats"
    )
    for name, chain in held_out.items():
        if name.startswith("markov"):
            mean, error = chain["mean"], chain["standard_error"]
            click.echo(f"  Markov chain of order {name.split('_')[1]}: {mean:.4f} ± {error:.4f}")
