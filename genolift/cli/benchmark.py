"""``genolift benchmark``: the paper's benchmark, and comparisons of methods over many simulations."""

from __future__ import annotations

from pathlib import Path

import click

from genolift.cli import parameters


@click.command(
    epilog=parameters.epilog(
        "genolift benchmark tal_gata --out benchmark",
        "genolift benchmark tal_gata --out quick --seeds 1 --sequences 2000 --epochs 4",
        "genolift benchmark suite --out suite --workers 2",
        "genolift benchmark spacing my.toml --methods ism --methods deeplift@zeros --models my_model.py --out mine",
    )
)
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True)
@click.option("--out", required=True, type=parameters.path(), help="Directory for everything it leaves.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", default=5, show_default=True, help="Networks to train.")
@click.option(
    "--first-seed",
    type=click.IntRange(0),
    metavar="K",
    help="Begin a comparison with this seed, to run it in parts for `genolift merge`.  [default: 0]",
)
@click.option("--sequences", type=click.IntRange(1), metavar="N", help="Simulate this many.  [default: SPEC's]")
@click.option(
    "--epochs", type=click.IntRange(1), metavar="N", help="Train so long at most.  [default: the network's recipe]"
)
@click.option("--architecture", metavar="NAME", help="A network by name, for the paper's figures.  [default: tal_gata]")
@click.option(
    "--methods",
    multiple=True,
    metavar="NAME",
    help="A method to compare, once for each; @ says what sequences are compared with, as in deeplift@shuffled:5.  "
    "[default: all of the suite]",
)
@click.option(
    "--models",
    multiple=True,
    metavar="NAME|FILE.py",
    help="A network to train, once for each: tal_gata, basset, dilated, transformer, bpnet for profiles, one that can "
    "be read (attention_pool, exponential, additive, pwm, pwm_tied, lattice), or a Python file that defines "
    "build(length, tasks, output), or build_profile(length, tasks, positions), and returns a Keras model.  "
    "[default: the first five]",
)
@click.option(
    "--explain",
    "explained",
    type=click.IntRange(2),
    metavar="N",
    help="Explain so many test sequences of each simulation at most.  [default: 300]",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Do so many networks at the same time.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Share the networks among the workers of a Dask cluster, as tcp://host:8786; they must see the same files.",
)
@parameters.force
def command(
    specs: tuple[str, ...],
    out: Path,
    seeds: int,
    first_seed: int | None,
    sequences: int | None,
    epochs: int | None,
    architecture: str | None,
    methods: tuple[str, ...],
    models: tuple[str, ...],
    explained: int | None,
    workers: int | None,
    scheduler: str | None,
    force: bool,
) -> None:
    """Simulate, train, explain and judge.

    SPEC is a TOML file, or the name of a simulation that comes with genolift. One of them alone, such as tal_gata,
    gives the paper's figures: the test sequences are explained by the seven methods of its figure 5 and judged by where
    the motifs were embedded. That leaves data, model, recovery.csv, figures and index.html, which shows them all.

    Several of them, or `suite` for all that come with genolift, or one with --methods or --models, are compared in one
    table instead. Networks of several architectures and seeds learn each simulation, every method explains each
    network, and every explanation is measured against two truths: how much each embedded motif matters to the label,
    and how much it matters to this network. That leaves results.csv, networks.csv (what the networks learnt),
    refused.csv (which methods do not take which network, and which networks cannot learn which simulation), and
    index.html, which answers which method to take.

    An interrupted run continues with the same command after the last finished stage.
    """
    asked = (methods, models, explained, workers, scheduler, first_seed)
    several = len(specs) > 1 or specs == ("suite",) or any(one not in ((), None) for one in asked)
    if not several:
        from genolift.pipeline.benchmark.benchmark import Benchmark, run_benchmark
        from genolift.pipeline.benchmark.training import ARCHITECTURE

        job = Benchmark(specs[0], seeds, sequences, epochs, architecture or ARCHITECTURE)
        was_there = run_benchmark(job, out, force)
        click.echo(f"{out} is already complete" if was_there else f"{out / 'index.html'} shows the results")
        return
    if architecture:
        raise click.UsageError("--architecture is for the paper's figures; a comparison takes --models")
    from genolift.pipeline.benchmark.comparing.suite import run_suite, suite
    from genolift.pipeline.benchmark.comparing.tables import PAGE

    compared = suite(specs, models, methods or ("all",), seeds, sequences, explained, epochs, first_seed or 0)
    was_there = run_suite(compared, out, workers, force, scheduler=scheduler)
    click.echo(f"{out} is already complete" if was_there else f"{out / PAGE} shows the results")
