"""Score the sequences of a file with a model, block by block, into a store that can be continued."""

import inspect
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genolift.methods import references as refs
from genolift.methods.registry import method_class
from genolift.models.loading import load_model
from genolift.models.signature import describe
from genolift.pipeline.digest import digest_path
from genolift.pipeline.layers import layers_from
from genolift.pipeline.lengths import check_lengths
from genolift.pipeline.places import check_writable
from genolift.pipeline.sources import FastaSource, RegionSource, Source
from genolift.pipeline.versions import versions
from genolift.results.explanation import Explanation
from genolift.results.layout import read_header
from genolift.results.store import StoreWriter, read_provenance
from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import FileProblem, InputError, UnsupportedModel
from genolift.support.memory import parse_bytes
from genolift.support.progress import bar

log = logging.getLogger("genolift")

_BLOCK_BYTES, _LARGEST_BLOCK = 64e6, 256
# Fields as long as a sequence: raw contributions, hypothetical and multipliers, four numbers each per position and
# target, and the standard error.
_NUMBERS_PER_POSITION = 13


@dataclass(frozen=True)
class Scoring:
    """What to score and how, as the command line says it.

    ``targets`` and ``references`` are texts; ``options`` are the method's own (``rule``, ``steps``, ``activation``).
    Without ``references`` the method's default is taken; ``seed`` seeds the method and its shuffles.
    """

    model: Path
    sequences: Path
    out: Path | None
    regions: Path | None = None
    weights: Path | None = None
    layers_from: Path | None = None
    unsafe: bool = False
    method: str = "deeplift"
    targets: tuple[str, ...] = ()
    references: str | None = None
    options: dict = field(default_factory=dict)
    seed: int = 0
    unknown: str = "uniform"
    memory: str | None = None
    dtype: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Scored:
    """What :func:`score` did: sequences in the store, how many of them now, and the seconds that took."""

    sequences: int
    now: int
    seconds: float


def score(job: Scoring, progress: bool = True) -> Scored:
    """Explain every sequence and write the store ``job.out``; continue it if it was interrupted.

    Everything is checked before anything is written. Raises :class:`InputError`, :class:`FileProblem` or
    :class:`UnsupportedModel` in one line for whatever cannot be used, and for a store made in another way.
    """
    began = time.perf_counter()
    started = read_header(job.out)
    check_writable(job.out)
    parse_bytes(job.memory)
    if not job.model.exists():
        raise FileProblem(f"{job.model} does not exist; a model is a .keras or .h5 file or a SavedModel directory")
    source = None if job.regions else FastaSource(job.sequences)
    layers = layers_from(job.layers_from) if job.layers_from else {}
    model = load_model(job.model, job.weights, layers, job.unsafe)
    length = _sequence_length(model, job.model)
    source = source or RegionSource(job.sequences, job.regions, length)
    check_lengths(model, source.names, source.lengths, length, job.regions or job.sequences)
    method = _method(job, model)
    provenance = _provenance(job, source, method)
    if not _is_complete(job, started):
        # Shows what only running can show, before anything is written. Also when continuing: rounding depends a little
        # on which shapes ran before.
        _explain(method, [source.longest], job.unknown)
    writer = StoreWriter(
        job.out,
        provenance,
        len(source),
        block=_block_size(source, len(job.targets)),
        one_hot=True,
        dtype=job.dtype,
        force=job.force,
    )
    _tell_unknown(job, source)
    now = _write(writer, source, method, job.unknown, progress)
    return Scored(len(source), now, time.perf_counter() - began)


def steps_of_first(job: Scoring) -> str:
    """A table of every step's imbalance for the first sequence and its first reference, see ``genolift.diagnose``."""
    import pandas as pd

    model = load_model(job.model, job.weights, layers_from(job.layers_from) if job.layers_from else {}, job.unsafe)
    _, sequence = next(read_fasta(job.sequences))
    method = _method(job, model)
    if not getattr(method, "sums", False):
        raise InputError(f"{job.method} does not promise to sum to f(x) − f(reference); diagnose deeplift instead")
    table = pd.DataFrame(method.diagnose(one_hot([sequence], job.unknown)))
    return table.to_string(index=False, float_format=lambda number: f"{number:.2e}")


def _is_complete(job: Scoring, started: dict | None) -> bool:
    if started is None or job.force:
        return False
    found = read_provenance(job.out)
    return found["done"] == found["n"]


def _write(writer: StoreWriter, source: Source, method, unknown: str, progress: bool) -> int:
    """Explain the blocks that are not done; returns the number of sequences in them."""
    pending = [k for k in range(len(writer.blocks)) if k not in writer.done_blocks]
    wanted = [writer.blocks[k] for k in pending]
    now = sum(stop - start for start, stop in wanted)
    done = len(source) - now
    if done and now:
        log.info("continuing: %s of %s sequences are done", f"{done:,}", f"{len(source):,}")
    with bar(len(source), "explaining", "sequences", show=progress and now > 0) as display:
        display.initial = display.n = done
        for k, block in zip(pending, source.blocks(wanted), strict=True):
            writer.write(k, _explain(method, block, unknown))
            display.update(len(block))
    return now


def _explain(method, sequences: list[str], unknown: str) -> Explanation:
    """An explanation of sequences of any lengths: those of one length at once, never padded."""
    lengths = np.array([len(sequence) for sequence in sequences])
    groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
    parts = [method(one_hot([sequences[i] for i in rows], unknown)) for rows in groups]
    if len(parts) == 1:
        return parts[0]
    return Explanation.concatenate(parts)[np.argsort(np.concatenate(groups))]


def _sequence_length(model, path: Path) -> int | None:
    """How long the model's only, DNA, input is; ``None`` for any length."""
    signature = describe(model)
    shapes = [port.shape for port in signature.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] != 4:
        told = ", ".join(str(tuple("any" if size is None else size for size in shape)) for shape in shapes)
        raise UnsupportedModel(
            f"{path} takes inputs of shape {told}; the command line scores models with one input (length, 4), "
            "Python all others"
        )
    return shapes[0][0]


def _method(job: Scoring, model):
    """The method, with its target and options."""
    from genolift.methods import targets  # which loads TensorFlow; most mistakes are found without

    kind = method_class(job.method)
    known = {name for base in kind.__mro__ for name in inspect.signature(base.__init__).parameters}
    options = {name: value for name, value in job.options.items() if value is not None}
    if job.references is not None:
        options["references"] = refs.parse(job.references)
    for name in options:
        if name not in known:
            raise InputError(f"the method {job.method} takes no --{name}")
    if "references" in known and "references" not in options:
        options["references"] = kind.default_references()
    if isinstance(options.get("references"), refs.Shuffled):
        options["references"].seed = job.seed
    chosen = [targets.parse(text) for text in job.targets]
    target = None if not chosen else chosen[0] if len(chosen) == 1 else chosen
    return kind(model, target, memory=job.memory, seed=job.seed, progress=False, **options)


def _provenance(job: Scoring, source: Source, method) -> dict:
    """What tells this result from others; files are told apart by content, so that they may be moved."""
    from genolift.methods import targets

    told = {
        "method": method.describe(),
        "target": targets.describe(method.target),
        "model": {"sha256": digest_path(job.model)},
        "sequences": {"sha256": source.digest, "unknown": source.unknown, "encoding": job.unknown},
        "names": source.names,
        "versions": versions(),
    }
    for part, path in (("weights", job.weights), ("layers", job.layers_from)):
        if path is not None:
            told["model"][part] = digest_path(path)
    if source.regions is not None:
        where = source.regions
        told["regions"] = [
            list(one)
            for one in zip(where.chroms, where.starts.tolist(), where.ends.tolist(), where.strands, strict=True)
        ]
    if source.mixed:
        told["lengths"] = source.lengths.tolist()
    return told


def _block_size(source: Source, targets: int) -> int:
    """Sequences per block: a power of two, so that few batch shapes occur, within a bound on memory."""
    row = 4 * _NUMBERS_PER_POSITION * max(1, targets) * int(source.lengths.max())
    fitting = int(np.clip(_BLOCK_BYTES // row, 1, _LARGEST_BLOCK))
    return 1 << (fitting.bit_length() - 1)


def _tell_unknown(job: Scoring, source: Source) -> None:
    total = int(source.lengths.sum())
    encoding = "1/4 for each base" if job.unknown == "uniform" else "all zeros"
    if source.unknown:
        log.info(
            "%s of %s bases are N or another IUPAC code (%.2g %%); they are encoded as %s",
            f"{source.unknown:,}",
            f"{total:,}",
            100 * source.unknown / total,
            encoding,
        )
