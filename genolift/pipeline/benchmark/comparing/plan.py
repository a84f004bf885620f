"""What a suite is to run: simulations, networks, methods and training seeds, and the stages of each network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from genolift.pipeline.benchmark.comparing import unit
from genolift.pipeline.benchmark.entries import Entry
from genolift.pipeline.benchmark.networks import Network
from genolift.pipeline.benchmark.stages import Stage
from genolift.simulate.spec import Spec


@dataclass(frozen=True)
class Suite:
    """What to run.

    Parameters
    ----------
    specs
        The configurations.
    networks
        The networks.
    entries
        The methods.
    seeds
        The number of training seeds.
    sequences
        The number of simulated sequences. ``None`` takes that of each configuration.
    explained
        How many test sequences are explained at most.
    epochs
        The largest number of epochs. ``None`` takes that of each network's recipe.
    first_seed
        The first of the training seeds.
    """

    specs: tuple[Spec, ...]
    networks: tuple[Network, ...]
    entries: tuple[Entry, ...]
    seeds: int = 5
    sequences: int | None = None
    explained: int = 300
    epochs: int | None = None
    first_seed: int = 0

    @property
    def every_seed(self) -> range:
        """The training seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)


@dataclass(frozen=True)
class Line:
    """What is done one after the other: one network of one training seed on one simulation, by every method."""

    suite: Suite
    spec: Spec
    network: Network
    seed: int

    @property
    def name(self) -> str:
        """The name that its files begin with."""
        return f"{in_files(self.spec.name)}-{in_files(self.network.name)}-{self.seed}"

    @property
    def data(self) -> str:
        """The directory of the simulated data, which all lines of a simulation share."""
        return data_of(self.spec)

    @property
    def worth(self) -> str:
        """The file of what instances are worth to the network."""
        return f"worth-{self.name}.npz"

    def scores(self, entry: Entry) -> str:
        """Return the file of the scores of the first sequences by a method, which are kept to be looked at."""
        return f"scores-{self.name}-{in_files(entry.name)}.npz"

    def stages(self) -> list[Stage]:
        """Return the stages, in their order."""
        model, worth = f"model-{self.name}.keras", self.worth
        suite = self.suite
        training = partial(unit.train_network, self.spec, self.network, self.seed, suite.epochs, self.data, model)
        measuring = partial(unit.measure_worth, self.spec, self.network, suite.explained, self.data, model, worth)
        files = (self.data, model, worth)
        explaining = [
            Stage(
                f"{self.name}-{in_files(entry.name)}",
                f"{entry.name} on {self.network.name} (seed {self.seed}), {self.spec.name}",
                partial(
                    unit.explain_and_measure, files, self.scores(entry), self.spec, self.network, entry, suite.explained
                ),
                files,
                (self.scores(entry),),
            )
            for entry in suite.entries
        ]
        return [
            Stage(f"train-{self.name}", f"training {self.name}", training, (self.data,), (model,)),
            Stage(f"worth-{self.name}", f"taking instances away, {self.name}", measuring, (self.data, model), (worth,)),
            *explaining,
        ]


def lines(job: Suite) -> list[Line]:
    """Return what is done independently: every network of each seed on every simulation whose labels it can learn."""
    unfit = {(name, network) for name, network, _ in misfits(job)}
    return [
        Line(job, spec, one, seed)
        for seed in job.every_seed
        for spec in job.specs
        for one in job.networks
        if (spec.name, one.name) not in unfit
    ]


def misfits(job: Suite) -> list[tuple[str, str, str]]:
    """Return the simulations and networks that do not fit each other, by name, and why."""
    reasons = {(spec.name, one.name): one.misfit(spec.kind) for spec in job.specs for one in job.networks}
    return [(*names, reason) for names, reason in reasons.items() if reason is not None]


def in_files(name: str) -> str:
    """Return a name as it stands in the names of files, which hold no slash."""
    return quote(name, safe="@:, ")


def data_of(spec: Spec) -> str:
    """Return the name of the directory of a simulation's data."""
    return f"data-{in_files(spec.name)}"
