"""The tables of docs/explanation/published.md, from simulations/published.

    python benchmarks/published.py [--write]

It reads results.parquet and prints the tables. With --write it puts them into the page, between the comments that mark
them; the sentences there are written by hand.

A unit is a network of one training seed on one simulation. The number for a method and a unit is the mean over its tasks.
Two methods are compared on the units that both explain. A method that explains the first sequences alone is compared
with one that was run on these, where there is one. Intervals hold 95 % of 2,000 bootstrap samples of simulations, all
units of a simulation together, because they have data in common; with fewer than ten simulations there are none.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd

from genolift.pipeline.benchmark.entries import first_of

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "simulations" / "published"
PAGE = ROOT / "docs" / "explanation" / "published.md"
UNIT = ["simulation", "network", "seed"]
MAIN = "deeplift-genomics"
USUAL = f"{MAIN}@20"  # with as many references as genolift takes by default
FEWEST = 10  # simulations, below which no interval is told
#: What the method is asked: how well it orders instances by their worth to the network, and whether it finds their bases.
MEASURES = {"spearman": "rank correlation", "auprc": "AUPRC"}
CHOICES = {
    "zeros": "zeros",
    "background": "background frequencies",
    "training": "10 training sequences",
    "mono": "10 mononucleotide shuffles",
    "1": "1 dinucleotide shuffle",
    "5": "5 dinucleotide shuffles",
    "": "10 dinucleotide shuffles",
    "20": "20 dinucleotide shuffles",
    "100": "100 dinucleotide shuffles",
}
RULES = ("deeplift-rescale", "deeplift-revealcancel", "deeplift-pool-winner", "deeplift-pool-rise-and-fall")
SHOWN = (
    *(MAIN, "deeplift-rescale", "deeplift-revealcancel", "integrated-gradients", "expected-gradients"),
    *("gradient-x-input", "lrp-epsilon", "guided-backprop", "ism", "occlusion", "shapley-sampling"),
)


def load(folder: Path = PUBLISHED) -> pd.DataFrame:
    """The results with the network's own truth, a row for each measure, unit and method: value and seconds."""
    table = pd.read_parquet(folder / "results.parquet")
    table = table[(table.truth == "network") & table.metric.isin(MEASURES)]
    table = table.assign(each=table.seconds / table.sequences)
    return table.groupby(["metric", *UNIT, "method"], as_index=False).agg(
        value=("value", "mean"), each=("each", "mean"), sequences=("sequences", "max")
    )


def wide(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row for each unit and a column for each method."""
    return table[table.metric == metric].pivot(index=UNIT, columns="method", values="value")


def interval(values: pd.Series, seed: int = 0) -> tuple[float, float]:
    """The bootstrap interval of a mean over units, by simulations; NaN where there are too few for it to hold."""
    groups = [some.to_numpy() for _, some in values.groupby(level="simulation")]
    if len(groups) < FEWEST:
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(0, len(groups), (2000, len(groups)))
    sums, sizes = np.array([some.sum() for some in groups]), np.array([len(some) for some in groups])
    low, high = np.percentile(sums[drawn].sum(1) / sizes[drawn].sum(1), [2.5, 97.5])
    return float(low), float(high)


def difference(units: pd.DataFrame, method: str, other: str) -> str:
    """How much better a method is than another, on the units that both explain, with its interval."""
    values = (units[method] - units[other]).dropna()
    low, high = interval(values)
    return f"{values.mean():+.3f}" + ("" if np.isnan(low) else f" ({low:+.3f} to {high:+.3f})")


def beside(units: pd.DataFrame, other: str, sequences: int) -> str:
    """The name of another method on the first sequences alone, so many, where that was run."""
    name = first_of(other, sequences)
    return name if name in units else other


def rows_of(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def of_methods(table: pd.DataFrame) -> str:
    """All methods, the best first; what a sequence costs, as a multiple of what it costs DeepLIFT."""
    units = {metric: wide(table, metric) for metric in MEASURES}
    each = table[table.metric == "spearman"].pivot(index=UNIT, columns="method", values="each")
    cost = (each.div(each[USUAL], axis=0)).median()
    explained = units["spearman"].notna().sum()
    sequences = table.groupby("method").sequences.max()
    rows = [
        [f"`{name}`", *(f"{units[metric][name].mean():.3f}" for metric in MEASURES),
         "" if name == MAIN else difference(units["spearman"], name, beside(units["spearman"], MAIN, sequences[name])),
         f"{cost[name]:.2g}", str(sequences[name]), str(explained[name])]
        for name in units["spearman"].mean().sort_values(ascending=False).index if "-first-" not in name
    ]  # fmt: skip
    head = ["method", *MEASURES.values(), f"rank correlation less that of `{MAIN}`", "cost", "sequences", "units"]
    return rows_of(head, rows)


def of_references(table: pd.DataFrame) -> str:
    """What sequences are compared with."""
    units = wide(table, "spearman")
    sequences, rows = table.groupby("method").sequences.max(), []
    for choice, words in CHOICES.items():
        row = [words]
        for method in (MAIN, "integrated-gradients"):
            name, most = f"{method}@{choice}" if choice else method, f"{method}@20"
            row += [
                f"{units[name].mean():.3f}",
                "" if name == most else difference(units, name, beside(units, most, sequences[name])),
            ]
        rows.append(row)
    head = ["compared with", "DeepLIFT", "less 20 shuffles", "integrated gradients", "less 20 shuffles"]
    return rows_of(head, rows)


def of_choices(table: pd.DataFrame) -> str:
    """DeepLIFT's own choices against its default, by simulation where they differ most."""
    units = wide(table, "spearman")
    rows = []
    for name in RULES:
        values = (units[name] - units[MAIN]).dropna().groupby(level="simulation").mean()
        low, high = values.idxmin(), values.idxmax()
        rows.append(
            [f"`{name}`", difference(units, name, MAIN), f"{values[low]:+.3f} ({low})", f"{values[high]:+.3f} ({high})"]
        )
    return rows_of(["choice", f"less `{MAIN}`", "worst simulation", "best simulation"], rows)


def of_simulations(table: pd.DataFrame) -> str:
    """Some methods by simulation."""
    means = wide(table, "spearman").groupby(level="simulation").mean()
    rows = [[name, *(f"{means.loc[name, method]:.2f}" for method in SHOWN)] for name in means.index]
    return rows_of(["simulation", *(f"`{name}`" for name in SHOWN)], rows)


TABLES = {"methods": of_methods, "references": of_references, "choices": of_choices, "simulations": of_simulations}


def with_tables(page: str, table: pd.DataFrame) -> str:
    """The page with its tables written anew."""
    for name, made in TABLES.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("\n<!-- end -->")
        if not mark or not end:
            raise click.ClickException(f"{PAGE} has no place for the table {name}")
        page = before + mark + made(table) + end + after
    return page


@click.command()
@click.option("--write", is_flag=True, help="Write the tables into the page.")
@click.option("--folder", type=click.Path(path_type=Path), default=PUBLISHED, help="Another merged comparison.")
def main(write: bool, folder: Path) -> None:
    table = load(folder)
    if write:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
        return
    for name, made in TABLES.items():
        click.echo(f"\n{name}\n\n{made(table)}")


if __name__ == "__main__":
    main()
