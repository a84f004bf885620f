"""Activation maximisation of a model's file, kept in a directory that the same command continues."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genolift.dreaming.densities import NetworkDensity
from genolift.dreaming.dreaming import MARKOV, dream
from genolift.dreaming.result import Dream
from genolift.dreaming.units import Unit
from genolift.evaluate.truth.matches import STRONG, find_matches
from genolift.methods.targets import TargetLike, parse_all
from genolift.models.generative.files import load_density, load_generator
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.dreaming.sequences import digest_records, read_records
from genolift.pipeline.keeping.digest import digest_path
from genolift.pipeline.keeping.folder import Folder
from genolift.pipeline.keeping.versions import account, versions
from genolift.plot.style import save_figure
from genolift.sequence.alphabet import BASES
from genolift.sequence.files import write_text
from genolift.support.errors import GenoliftError, InputError, Remedy, setting
from genolift.support.memory import parse_bytes

log = logging.getLogger("genolift")

TABLE, FASTA, MATCHES, ARRAYS = "dreams.tsv", "dreams.fa", "motifs.tsv", "dreams.npz"
BEST, STARTS = "best.png", "starts.png"
_STATE = "search.npz"
_MOST_MARKS = 40  # More names than these cannot be read above a logo.


@dataclass(frozen=True)
class Experts:
    """What makes dreams plausible.

    Parameters
    ----------
    real
        A FASTA file of real sequences.
    expert
        ``markov`` for a chain that is fitted to half of the real sequences, or the file of a trained density.
    order
        The order of the chain. ``None`` is the largest up to 5 that the sequences suffice for.
    generator
        The file of a trained generator, in whose codes is searched.
    """

    real: Path | None = None
    expert: str | None = None
    order: int | None = None
    generator: Path | None = None

    @property
    def expert_file(self) -> Path | None:
        """The file of the density, where the expert is one."""
        return None if self.expert in (None, MARKOV) else Path(str(self.expert))


@dataclass(frozen=True)
class DreamJob:
    """What to dream of.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    out
        The directory.
    target
        The target as text. ``None`` is the model's only output.
    unit
        A unit of a hidden layer in its place.
    experts
        The real sequences, the expert and the generator.
    search
        The options of :func:`genolift.dreaming.dreaming.dream` that say how it is searched.
    motifs, motif_format
        A file of known motifs that are looked for in the dreams, and its format.
    execution
        The memory, and whether an earlier result gives way.
    """

    model: ModelFile
    out: Path
    target: str | None = None
    unit: Unit | None = None
    experts: Experts = field(default_factory=Experts)
    search: dict[str, Any] = field(default_factory=dict)
    motifs: Path | None = None
    motif_format: str | None = None
    execution: Execution = field(default_factory=Execution)


def run_dream(job: DreamJob) -> tuple[dict[str, Any], bool]:
    """Dream into the directory ``job.out``, or what is left of it; return what is told, and whether it was there.

    Raises
    ------
    InputError, FileProblem, UnsupportedModel
        In one line, for whatever cannot be used.
    """
    job.model.check_exists()
    parse_bytes(job.execution.memory)
    if job.unit is not None and job.target is not None:
        raise InputError("either a target or a unit of a layer is maximised, not both")
    if job.experts.expert == MARKOV and job.experts.real is None:
        give = Remedy.naming("give {} too", setting("real"))
        raise InputError("a Markov chain is fitted to real sequences, and none are given", give)
    real = None if job.experts.real is None else read_records(job.experts.real)
    motifs = {} if job.motifs is None else known_motifs(job.motifs, job.motif_format)
    request = {
        "model": job.model.describe(),
        "target": job.target,
        "unit": None if job.unit is None else [job.unit.layer, job.unit.channel, job.unit.over],
        "real": None if real is None else digest_records(real),
        "expert": _described(job.experts.expert_file) or job.experts.expert,
        "order": job.experts.order,
        "generator": _described(job.experts.generator),
        "search": job.search,
        "motifs": _described(job.motifs),
    }
    folder = Folder(job.out, request, versions("matplotlib"), job.execution.force)
    if folder.is_complete:
        folder.clear()
        return folder.told({}), True
    model = job.model.load()
    job.model.sequence_length(model, alone=True)
    if folder.begin():
        log.info("continuing in %s", folder.path)
    began = time.perf_counter()
    target: TargetLike | Unit = job.unit or parse_all(() if job.target is None else (job.target,))
    state = folder.work / _STATE
    try:
        made = dream(
            model,
            target,
            expert=_expert(job.experts),
            order=job.experts.order,
            generator=None if job.experts.generator is None else load_generator(job.experts.generator),
            real=None if real is None else [sequence for _, sequence in real],
            memory=job.execution.memory,
            progress=job.execution.progress,
            state=state,
            **job.search,
        )
    except GenoliftError:
        if not state.exists():  # Nothing was begun that another command would have to give way to.
            folder.clear()
            with suppress(OSError):  # Other files may be there.
                job.out.rmdir()
        raise
    found = _matches(made, motifs)
    names = _write(folder.work, made, found, bool(motifs))
    told = {**account(time.perf_counter() - began), "command": job.execution.command, "result": _result(made, found)}
    folder.record(names, told)
    folder.publish()
    folder.clear()
    return told["result"], False


def _described(path: Path | None) -> str | None:
    return None if path is None else digest_path(path)


def _expert(experts: Experts) -> str | NetworkDensity | None:
    path = experts.expert_file
    return experts.expert if path is None else NetworkDensity(load_density(path))


def _matches(made: Dream, motifs: dict[str, np.ndarray]) -> list[tuple[int, str, int, int, str, float]]:
    """Return the strong matches of motifs: dream, name, start, end, strand, log-odds against uniform bases."""
    found = []
    for name, matrix in motifs.items():
        uniform = np.full(len(BASES), 1 / len(BASES))
        most = made.codes.shape[1] // len(matrix) + 1
        matches = find_matches(made.sequences, matrix, uniform, most, "both")
        for number, start, strand, score in zip(*matches, strict=True):
            if score >= STRONG:
                found.append((int(number), name, int(start), int(start) + len(matrix), str(strand), float(score)))
    return sorted(found, key=lambda one: (one[0], one[2], one[1]))


def _write(work: Path, made: Dream, found: Sequence[tuple], looked: bool) -> list[str]:
    write_text(work / TABLE, made.to_tsv())
    write_text(work / FASTA, made.to_fasta())
    arrays = {
        "starts": made.starts,
        "relaxed": made.relaxed,
        "importance": made.importance,
        **{f"history_{part}": column for part, column in made.history.items()},
        "position_distances": made.position_distances,
        "word_distances": made.word_distances,
    }
    np.savez(work / ARRAYS, **arrays)  # type: ignore[arg-type]
    strongest = sorted((one for one in found if one[0] == 0), key=lambda one: -one[-1])[:_MOST_MARKS]
    save_figure(
        made.plot(0, highlight=[(start, end, name, strand) for _, name, start, end, strand, _ in strongest]),
        work / BEST,
    )
    save_figure(made.plot_starts(), work / STARTS)
    names = [TABLE, FASTA, ARRAYS, BEST, STARTS]
    if looked:
        lines = [f"dream_{made.starts[n]}\t{name}\t{a}\t{b}\t{s}\t{score:.3f}" for n, name, a, b, s, score in found]
        write_text(work / MATCHES, "\n".join(["dream\tmotif\tstart\tend\tstrand\tlog_odds", *lines]) + "\n")
        names.append(MATCHES)
    return names


def _result(made: Dream, found: Sequence[tuple]) -> dict[str, Any]:
    """Return what is told of the best, and of all starts."""
    best = {name: float(column[0]) for name, column in made.columns().items()}
    counts: dict[str, int] = {}
    for number, name, *_ in found:
        counts[name] = counts.get(name, 0) + (number == 0)
    return {"settings": dict(made.settings), "best": best, "motifs_in_best": {k: v for k, v in counts.items() if v}}
