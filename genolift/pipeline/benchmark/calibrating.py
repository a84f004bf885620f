"""Which method and references to take for a model that exists: motifs are planted where it is known, and sought."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genolift.evaluate.truth.choosing import Choice, choose, recommendation
from genolift.evaluate.truth.measures import Truth
from genolift.evaluate.truth.planting import CLEAR, Response, plant, responses
from genolift.evaluate.truth.worth import worth
from genolift.export.outputs import check_new
from genolift.methods.targets import parse_all
from genolift.pipeline.benchmark import entries
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.keeping.places import check_file
from genolift.sequence.files import check_regular, write_text
from genolift.simulate.motifs import read_motifs
from genolift.support import progress as display
from genolift.support.errors import InputError, Remedy, UnsupportedModel, setting
from genolift.support.memory import parse_bytes

log = logging.getLogger("genolift")

_TRIED = 60  # Motifs are tried on so many sequences.

#: What is compared unless a user names something else.
METHODS = (
    *("deeplift@zeros", "deeplift@shuffled:1", "deeplift@shuffled:5", "deeplift@shuffled:20", "deeplift@shuffled1:20"),
    *("integrated-gradients@zeros", "integrated-gradients@shuffled:5", "integrated-gradients@shuffled:20"),
    *("gradient-x-input@zeros", "gradient-x-input@shuffled:5", "gradient", "ism"),
)


@dataclass(frozen=True)
class Calibration:
    """What to compare.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    reading
        The sequences whose shuffles are the background.
    motifs
        A file of motifs.
    out
        The table, NAME.tsv.
    target
        What is explained, as text; ``None`` for the model's only output.
    methods
        The methods, as :func:`genolift.pipeline.benchmark.entries.choose` takes them.
    motif_format
        The format of the motifs, if not to be told from their content.
    planted
        How many motifs are planted at most: those to which the model responds most.
    sequences
        How many sequences motifs are planted into.
    activation
        ``"logit"`` or ``"keep"``.
    seed
        The seed of everything that is drawn.
    execution
        The memory, and whether a table that is there is replaced.
    """

    model: ModelFile
    reading: Reading
    motifs: Path
    out: Path
    target: str | None = None
    methods: tuple[str, ...] = METHODS
    motif_format: str | None = None
    planted: int = 6
    sequences: int = 200
    activation: str = "logit"
    seed: int = 0
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class Calibrated:
    """What came out.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each method and measure.
    planted : list of Response
        The motifs that were planted, and what each does.
    refused : dict of str to str
        The methods that do not take the model, and why.
    sentence : str
        The recommendation.
    """

    table: pd.DataFrame
    planted: list[Response]
    refused: Mapping[str, str]
    sentence: str


def calibrate(job: Calibration) -> Calibrated:
    """Compare methods on a model by motifs that are planted into shuffles, and write the table.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used; also if the model responds to no motif.
    """
    compared = entries.choose(job.methods)
    if job.out.suffix != ".tsv":
        raise InputError(f"{job.out}: the table's name ends in .tsv")
    check_new(job.out, job.execution.force)
    check_file(job.out)
    parse_bytes(job.execution.memory)
    job.reading.check()
    job.model.check_exists()
    check_regular(job.motifs)
    # A motif with an accession and a name stands under both.
    known = {one.name: one for one in read_motifs(job.motifs, job.motif_format, on_bad="skip").values()}
    motifs = {name: one.matrix for name, one in known.items()}
    model = job.model.load()
    length = job.model.sequence_length(model, alone=True)
    names, sequences = _sequences(job, model, length)
    memory = {} if job.execution.memory is None else {"memory": job.execution.memory}
    predict = _prediction(model, job, memory)
    responding = _responding(job, lambda X: predict(X)[:, 0], sequences, motifs)
    dataset = plant(sequences, names, {one.motif: motifs[one.motif] for one in responding}, str(job.target), job.seed)
    truth_of = worth(dataset, predict, seed=job.seed, unknown=job.reading.unknown)
    learnt = truth_of.learnt()[:, 0]
    if not learnt.any():
        raise InputError(
            f"the model responds to {', '.join(one.motif for one in responding)} in the middle of a sequence, but to "
            "none of them elsewhere, so nothing can be compared; give longer or other motifs"
        )
    truth = Truth.of(dataset, learnt, job.seed)
    scores, seconds, refused = _explain(
        job, compared, model, job.reading.encode(dataset.sequences), dataset.names, memory
    )
    if not scores:
        raise UnsupportedModel(f"none of the methods takes {job.model.path}: {next(iter(refused.values()))}")
    choice = choose(scores, truth, job.seed)
    table = _table(choice, seconds, len(dataset))
    write_text(job.out, table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.5g"))
    return Calibrated(table, responding, refused, recommendation(choice, seconds))


def _sequences(job: Calibration, model: Any, length: int | None) -> tuple[list[str], list[str]]:
    """Return the names and texts of the sequences, spread evenly over all that there are."""
    with job.reading.at_hand() as reading:
        source = reading.source_for(model, length)
        job.reading.tell(source)
        if source.mixed:
            raise InputError(
                f"{job.reading.listing}: the sequences differ in length, and motifs are planted into sequences of one",
                Remedy.naming("give {}", setting("width")) if reading.regions else None,
            )
        number = min(job.sequences, len(source))
        if number < 8:
            raise InputError(f"{job.reading.listing} holds {number} sequences; give 8 or more, and better 100")
        chosen = np.unique(np.linspace(0, len(source) - 1, number).astype(int)).tolist()
        texts = [text for block in source.blocks([(k, k + 1) for k in chosen]) for text in block]
    return [source.names[k] for k in chosen], texts


def _prediction(model: Any, job: Calibration, memory: Mapping[str, Any]) -> Any:
    from genolift.methods.prediction.prediction import Prediction

    given = parse_all([] if job.target is None else [job.target])
    made = Prediction(model, given, activation=job.activation, progress=False, **memory)
    return lambda X: np.asarray(made(X).predictions, dtype=float).reshape(len(X), -1)


def _responding(
    job: Calibration, predict: Any, sequences: list[str], motifs: Mapping[str, np.ndarray]
) -> list[Response]:
    """Return the motifs to which the model responds most."""
    some = sequences[:_TRIED]
    found = responses(predict, some, motifs, job.seed, job.reading.unknown)
    clear = [one for one in found if abs(one.z) >= CLEAR]
    if not clear:
        strongest = ", or none fits into its sequences"
        if found:
            strongest = f"; the strongest response is to {found[0].motif}" if found[0].effect else " at all"
        few = f", or more sequences: {len(some)} tell only strong responses from chance" if len(some) < _TRIED else ""
        raise InputError(
            f"{job.model.path} responds to none of the {len(motifs):,} motifs of {job.motifs}{strongest}. Give motifs "
            f"that matter to this model, or another target{few}"
        )
    return clear[: job.planted]


def _explain(
    job: Calibration,
    compared: list[entries.Entry],
    model: Any,
    X: np.ndarray,
    names: list[str],
    memory: Mapping[str, Any],
) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, str]]:
    """Return the scores and the time of each method, and why others do not take the model."""
    scores, seconds, refused = {}, {}, {}
    target = parse_all([] if job.target is None else [job.target])
    with display.bar(len(compared), "explaining", "methods") as bar:
        for entry in compared:
            began = time.perf_counter()
            try:
                method = entry.make(model, target, lambda: X, activation=job.activation, **memory)
                found = np.asarray(method(X, names=names).scores)
            except (UnsupportedModel, InputError) as problem:
                refused[entry.name] = str(problem).splitlines()[0]
            else:
                seconds[entry.name] = time.perf_counter() - began
                scores[entry.name] = found.reshape(len(X), -1)
            bar.update(1)
    return scores, seconds, refused


def _table(choice: Choice, seconds: Mapping[str, float], sequences: int) -> pd.DataFrame:
    table = choice.table.copy()
    table["seconds"] = [seconds[name] for name in table.method]
    table["sequences"] = sequences
    behind = choice.behind.set_index("method")
    for column, source in (("behind", "value"), ("behind_low", "low"), ("behind_high", "high"), ("equal", "equal")):
        table[column] = behind[source].reindex(table.method).to_numpy()
    return table
