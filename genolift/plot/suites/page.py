"""The page of a suite: which method for which grammar, ranks, costs, and what the networks learnt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from genolift.evaluate.truth.ranking import Ranking, rank
from genolift.plot.page import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import method_label, render
from genolift.plot.suites.failures import plot_failure
from genolift.plot.suites.pictures import cost_and_quality, heat_map, rank_diagram
from genolift.support.errors import InputError
from genolift.support.files import write_whole


class Shown(NamedTuple):
    """A measure that the page shows: its name, its title, a sentence, its limits, and its value by chance."""

    metric: str
    title: str
    meaning: str
    limits: tuple[float, float]
    chance: float


_COUNTED = (("simulation", "simulation"), ("network", "network"), ("seed", "training seed"), ("method", "method"))
_NEAR = 0.02  # A method that is so much behind the best one is nearly as good.

SHOWN = (
    Shown(
        "spearman",
        "Rank correlation",
        "How well the sums of scores over embedded motifs, and over as many stretches without motif, rank them as the "
        "network itself does when motifs are taken away.",
        (-1.0, 1.0),
        0.0,
    ),
    Shown(
        "auroc",
        "Bases that matter",
        "How well scores tell the bases of motifs that matter to the network from all others, sign included.",
        (0.0, 1.0),
        0.5,
    ),
    Shown("sign", "Signs", "The share of motifs that matter whose scores sum to the right sign.", (0.0, 1.0), 0.5),
    Shown(
        "mass",
        "Mass",
        "The share of the sum of absolute scores that lies, with the right sign, where it matters.",
        (0.0, 1.0),
        0.0,
    ),
)


def by_method(results: pd.DataFrame, metric: str, truth: str = "network") -> pd.DataFrame:
    """Return the mean over networks, seeds and tasks, with a row for each method and a column for each simulation.

    Parameters
    ----------
    results
        The table of a suite.
    metric
        The measure.
    truth
        ``"network"`` or ``"label"``.
    """
    some = results[(results.metric == metric) & (results.truth == truth)]
    table = some.pivot_table(index="method", columns="simulation", values="value", aggfunc="mean", observed=True)
    return table.reindex([name for name in dict.fromkeys(results.method) if name in table.index])


@dataclass(frozen=True)
class Coverage:
    """What each method explained: values of methods that explained different things do not compare.

    Attributes
    ----------
    sequences, networks : pandas.Series
        By the name of each method how many sequences it explained at most, and of how many networks.
    """

    sequences: pd.Series
    networks: pd.Series

    @classmethod
    def of(cls, results: pd.DataFrame) -> Coverage:
        """Return what each method of the table of a suite explained."""
        by = results.groupby("method")
        return cls(by.sequences.max(), by.network.nunique())

    @property
    def whole(self) -> list[str]:
        """The methods that explained all sequences and took all networks."""
        return self.alike(int(self.sequences.max()))

    def alike(self, sequences: int) -> list[str]:
        """Return the methods that explained so many sequences and took all networks."""
        alike = (self.sequences == sequences) & (self.networks == self.networks.max())
        return [str(name) for name in self.sequences.index[alike]]

    def label(self, method: str) -> str:
        """Return what a method is called, with what it did not explain all of in brackets."""
        pairs = (self.sequences, "sequence"), (self.networks, "network")
        less = [_counted(int(some[method]), noun) for some, noun in pairs if some[method] < some.max()]
        return f"{method_label(method)} ({', '.join(less)})" if less else method_label(method)


def ranking(results: pd.DataFrame, metric: str = SHOWN[0].metric) -> Ranking:
    """Return the ranks of methods by a measure against the network's truth; see :func:`rank`.

    Methods that did not explain all sequences, or did not take all networks, are left out, because their values are of
    other sequences and networks.
    """
    return rank(by_method(results[results.method.isin(Coverage.of(results).whole)], metric).T)


def write_suite_page(folder: Path, title: str) -> None:
    """Write ``index.html`` about the tables of a suite in a directory.

    Parameters
    ----------
    folder
        The directory.
    title
        The title of the page.
    """
    results = pd.read_csv(folder / "results.csv", dtype={"references": str}, keep_default_na=True)
    sections = [
        *([_answers(results)] if len(results) else []),
        *_maps(results),
        *_failures(json.loads((folder / "failures.json").read_text())["failures"]),
        _networks(pd.read_csv(folder / "networks.csv")),
        _refusals(pd.read_csv(folder / "refused.csv")),
    ]
    counted = ", ".join(_counted(results[name].nunique(), noun) for name, noun in _COUNTED)
    page = page_of(title, f"{counted}.", sections)
    write_whole(folder / "index.html", render_page(page).encode())


def _answers(results: pd.DataFrame) -> Section:
    """Return what to take from it all, with ranks and costs."""
    shown = SHOWN[0]
    table, coverage = by_method(results, shown.metric), Coverage.of(results)
    each = results.drop_duplicates(["simulation", "network", "seed", "method"])
    seconds = (1000 * each.seconds / each.sequences).groupby(each.method).median()
    text = "Values are means over networks, training seeds and tasks. " + shown.meaning
    whole = table[table.index.isin(coverage.whole)].mean(axis=1).dropna()
    known = {str(name): (float(seconds[name]), float(value)) for name, value in whole.items()}
    pictures = [_image(cost_and_quality(known, shown.title.lower()), "Cost against quality. Grey methods are beaten by "
                       "another that is better and cheaper.")]  # fmt: skip
    try:
        ranks = ranking(results)
    except InputError as problem:
        text += f" There are no ranks: {problem}."
    else:
        caption = (
            f"Mean ranks over {_counted(len(ranks.simulations), 'simulation')}, the best on top. Bars join methods "
            f"whose ranks differ by less than {ranks.difference:.1f}: these cannot be told apart at a level of 5 %."
        )
        pictures.insert(0, _image(rank_diagram(ranks, "Ranks"), caption))
    if len(coverage.whole) < len(coverage.sequences):
        text += (
            f" Ranks and costs are of the methods that explained {coverage.sequences.max():,} sequences of all "
            f"{_counted(int(coverage.networks.max()), 'network')}. Methods that take long explained the first "
            "sequences alone, and the table compares them with others on the same ones. Methods that do not take all "
            "networks are compared with no other."
        )
    measured = [shown.title.replace(" ", "\n"), "Seconds\nfor 1,000"]
    answer = Table(
        ["Simulation", "Sequences", "Best method", *measured, f"Cheapest within\n{_NEAR} of it", *measured],
        [row for simulation in table for row in _best(table[simulation].dropna(), coverage, seconds, simulation)],
        "The best for each grammar, and a method that is nearly as good for less.",
    )  # fmt: skip
    return Section("Which method for which grammar", text, [answer], pictures)


def _best(values: pd.Series, coverage: Coverage, seconds: pd.Series, simulation: str) -> list[list[str]]:
    """Return a row for each number of sequences that several methods explained, the largest number first."""
    rows = []
    for number in sorted(coverage.sequences.unique(), reverse=True):
        some = values[values.index.isin(coverage.alike(number))]
        if len(some) < 2:
            continue
        best = some.idxmax()
        cheapest = seconds[some.index[some >= some[best] - _NEAR]].idxmin()
        row = [simulation, f"{number:,}"]
        for name in (best, cheapest):
            row += [method_label(name), f"{some[name]:.3f}", _time(seconds[name])]
        rows.append(row)
    return rows


def _time(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.2g}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _maps(results: pd.DataFrame) -> list[Section]:
    sections, coverage = [], Coverage.of(results)
    less = ""
    if len(coverage.whole) < len(coverage.sequences):
        less = (
            " In brackets is what a method explained that did not explain all: do not compare its values with others."
        )
    for shown in SHOWN:
        pictures = []
        for truth, words in (("network", "what the network uses"), ("label", "what the label depends on")):
            table = by_method(results, shown.metric, truth)
            if table.size:
                title = f"{shown.title}, against {words}"
                drawn = heat_map(table.rename(index=coverage.label), title, shown.limits, shown.chance)
                pictures.append(_image(drawn, title))
        if pictures:
            sections.append(Section(shown.title, shown.meaning + less, [], pictures))
    return sections


def _failures(told: list[dict[str, Any]]) -> list[Section]:
    if not told:
        return []
    text = (
        "For each simulation, the sequence on which a method that many people use is furthest behind the method that "
        "is right most often on this network. Bars are what taking each instance away does to the network."
    )
    return [Section("How methods fail", text, [], [_image(plot_failure(one), _caption(one)) for one in told])]


def _caption(told: dict[str, Any]) -> str:
    right, wrong = (method_label(one["method"]) for one in told["methods"])
    return f"{told['simulation']}: {wrong} fails, and {right} does not."


def _networks(trained: pd.DataFrame) -> Section:
    some = trained[trained.metric.isin(["auroc", "pearson"])]
    table = some.pivot_table(index="simulation", columns="network", values="value", aggfunc="mean")
    rows = [[name, *(f"{value:.3f}" if value == value else "" for value in row)] for name, row in
            zip(table.index, table.to_numpy(), strict=True)]  # fmt: skip
    text = "The area under the ROC curve on test sequences, or the correlation where labels are real values."
    return Section("What the networks learnt", text, [Table(["Simulation", *table.columns], rows)])


def _refusals(refused: pd.DataFrame) -> Section:
    told = refused.groupby(["method", "network"]).reason.first().reset_index()
    rows = [[method_label(row.method), row.network, row.reason] for row in told.itertuples()]
    text = (
        "These methods do not take these networks. (training) stands for networks that cannot learn the labels of a "
        "simulation."
    )
    text = text if rows else "Every method takes every network."
    return Section("What was refused", text, [Table(["Method", "Network", "Reason"], rows)] if rows else [])


def _image(figure: Figure, caption: str) -> Image:
    return Image(data_uri(render(figure, "png")), caption)
