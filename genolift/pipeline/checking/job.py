"""The check of a model's file, with sequences of a FASTA file if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from genolift.methods import targets
from genolift.pipeline.checking.advice import Source
from genolift.pipeline.checking.check import MOST_SEQUENCES, Check, examine
from genolift.pipeline.checking.finding import Finding
from genolift.pipeline.checking.inputs import Sample
from genolift.pipeline.checking.subject import Subject
from genolift.pipeline.common.modelfile import ModelFile
from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import Unusable, check_beginning, scan_fasta
from genolift.sequence.files import check_regular
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes
from genolift.support.progress import status

# A record that is longer than this is a chromosome. Windows of it are taken.
_LONGEST_RECORD = 20_000
# A window with a larger share of N than this is passed over.
_MOST_UNKNOWN = 0.1


@dataclass(frozen=True)
class CheckJob:
    """What to check.

    Parameters
    ----------
    model
        The model's file, and what reading it takes.
    fasta
        A FASTA file whose first sequences are explained too.
    targets
        What is explained, as :func:`genolift.methods.targets.parse` reads it. None is the likeliest target.
    length
        The length of sequences, for a model that takes any.
    memory
        The budget for the network's activations.
    progress
        Whether to show what is being done.
    """

    model: ModelFile
    fasta: Path | None = None
    targets: tuple[str, ...] = ()
    length: int | None = None
    memory: str | None = None
    progress: bool = True


def check_file(job: CheckJob, found: Callable[[Finding], None] = lambda finding: None) -> Check:
    """Return the check of a model's file.

    Parameters
    ----------
    job
        What to check.
    found
        A function that is called with each finding as soon as it is there.

    Raises
    ------
    FileProblem
        If a file cannot be read.
    InputError
        If the FASTA file has no sequence for the model, or an option does not fit it.
    UnsupportedModel
        If the model cannot be traced.
    """
    target, file = targets.parse_all(job.targets), job.model
    parse_bytes(job.memory)
    file.check_exists()
    if job.fasta is not None:
        check_regular(job.fasta)
        check_beginning(job.fasta)
    windows = None if job.fasta is None else _Windows(job.fasta)
    with status("checking", job.progress) as line:

        def tell(finding: Finding) -> None:
            with line.aside():
                found(finding)

        line.say("loading the model")
        loaded = file.load()
        models = loaded if file.folds else [loaded]
        return examine(
            models[0],
            target,
            length=job.length,
            memory=job.memory,
            source=_source(job),
            sequences=windows,
            beside=file.beside(models[0]) if file.also or file.input else None,
            folds={str(one.called): model for one, model in zip(file.each[1:], models[1:], strict=True)},
            found=tell,
            doing=line.say,
        )


class _Windows:
    """The first sequences of a FASTA file that a model can take: whole records, or windows of longer ones."""

    def __init__(self, path: Path):
        self.path = path
        first = next((one for one in scan_fasta(path) if not isinstance(one, Unusable)), None)
        if first is None:
            raise InputError(f"{path} has no record of DNA")
        #: The length of the first record, unless it is a chromosome.
        self.length = len(first[1]) if len(first[1]) <= _LONGEST_RECORD else None

    def __call__(self, subject: Subject) -> Sample | None:
        """Return the sequences as a sample, or None for a model that takes no DNA."""
        if not subject.dna:
            return None
        length, names, texts, short = subject.length, [], [], 0
        for record in scan_fasta(self.path):
            if isinstance(record, Unusable):
                continue
            name, sequence = record
            short += len(sequence) < length
            start = _window(sequence, length)
            if start is not None:
                names.append(name if len(sequence) == length else f"{name}:{start}-{start + length}")
                texts.append(sequence[start : start + length])
            if len(texts) == MOST_SEQUENCES:
                break
        if not texts:
            why = f"all {short} are shorter" if short else "they are mostly N"
            raise InputError(f"{self.path} has no sequence of {length}, which the model takes: {why}")
        what = f"a sequence of {self.path}" if len(texts) == 1 else f"{len(texts)} sequences of {self.path}"
        return subject.with_sequences(one_hot(texts), what, names)


def _window(sequence: str, length: int) -> int | None:
    """Return where the first window of known bases begins, the middle one being tried first; None if there is none."""
    middle = (len(sequence) - length) // 2
    for start in (middle, *range(0, len(sequence) - length + 1, length)):
        if start >= 0 and sequence.count("N", start, start + length) <= _MOST_UNKNOWN * length:
            return start
    return None


def _source(job: CheckJob) -> Source:
    """Return the model's file, and the options that it is read with, as the next command gives them."""
    file, options, python = job.model, [], ""
    for name, value in (("weights", file.weights), ("layers-from", file.layers_from), ("layout", file.layout)):
        options += [] if value is None else [f"--{name}", str(value)]
    options += ["--unsafe"] if file.unsafe else []
    options += [] if file.input is None else ["--input", file.input]
    options += [word for name, value in file.also for word in ("--also", f"{name}={value}")]
    options += [word for fold in file.folds for word in ("--fold", str(fold))]
    python += f", weights={str(file.weights)!r}" if file.weights else ""
    python += ", layers=..." if file.layers_from else ""
    python += ", unsafe=True" if file.unsafe else ""
    python += f", layout={file.layout!r}" if file.layout else ""
    sequences = "sequences.fa" if job.fasta is None else str(job.fasta)
    return Source(str(file.path), tuple(options), sequences, python)
