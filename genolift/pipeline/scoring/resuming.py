"""Whether a job would continue the store at its place: found out without writing, and mostly without the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genolift.methods import targets
from genolift.pipeline.common.modelfile import of_sequences
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.sides import check_rows
from genolift.pipeline.common.sources import Source
from genolift.pipeline.scoring.scoring import Scoring, asked, check_job, check_places, made_of
from genolift.results import layout as disk
from genolift.results import request
from genolift.results.kinds import LayerExplanation
from genolift.results.lock import NAME as LOCK
from genolift.results.lock import is_abandoned
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import START_AFRESH, FileProblem, InputError
from genolift.support.threads import threads
from genolift.version import __version__


@dataclass(frozen=True)
class Resumption:
    """What a job would find at its place: ``done`` of so many ``blocks``, and of so many ``sequences``.

    ``is_new`` says that there is nothing to continue, because no store is there or because it would be replaced.
    """

    is_new: bool = False
    done_blocks: int = 0
    blocks: int = 0
    done: int = 0
    sequences: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.is_new and self.done_blocks == self.blocks

    def record(self, out: Path) -> dict[str, Any]:
        """Return what was found as a dict of texts and numbers, with the store."""
        return {"out": out, "is_new": self.is_new, "is_complete": self.is_complete} | {
            name: getattr(self, name) for name in ("done_blocks", "blocks", "done", "sequences")
        }


def check_resume(job: Scoring) -> Resumption:
    """Return what the job would continue, without writing anything.

    The input is read. The model is loaded only if the store does not tell that it was asked for in the same words.

    Raises
    ------
    InputError
        If the store holds another result, naming the first difference.
    FileProblem
        If something else is there, or another process is writing the store.
    """
    check_places(job)
    header = disk.read_header(job.out)
    if header is None or job.execution.force:
        return Resumption(is_new=True)
    disk.check_format(job.out, header)
    told = header["provenance"]
    with job.reading.at_hand() as here:
        if difference := first_difference(told.get("model"), encode(job.model.describe()), "model"):
            raise InputError(f"{job.out} holds another result: {difference}", START_AFRESH)
        request.check_same(job.out, header, *_known(job, here, header) or _made(job, here))
    done = disk.done_blocks(job.out)
    blocks = disk.blocks(header)
    if len(done) < len(blocks) and (job.out / LOCK).exists() and not is_abandoned(job.out):
        raise FileProblem(f"{job.out} is being written by another process; wait until it has finished")
    finished = sum(blocks[k][1] - blocks[k][0] for k in done)
    return Resumption(False, len(done), len(blocks), finished, header["n"])


def _known(job: Scoring, here: Reading, header: dict[str, Any]) -> Any:
    """Return the job's request without loading the model; ``None`` where the store was asked for in other words.

    The same model and recipe make the same method. What a method is fitted on is known by its name only, so a method
    that is fitted has to be made.
    """
    told = header["provenance"]
    words = told.get("asked")
    if words is None or job.recipe.fit_on is not None:
        return None
    source = here.source(words["length"], words["least"])
    if asked(job, source, words["length"]) != words:
        return None
    job.reading.tell(source)
    method = told["method"] | {"genolift": __version__}
    count = job.execution.threads or told.get("threads")
    made = made_of(job, source, method, told["target"], count)
    return _header(job, source, made, header["one_hot"], header["type"])


def _made(job: Scoring, here: Reading) -> Any:
    check_job(job)
    model = job.model.load()
    beside = job.model.beside(model)
    source = here.source_for(of_sequences(model, beside), job.model.sequence_length(model))
    check_rows(beside, source.screening.read, job.reading.listing)
    job.reading.tell(source)
    method = job.recipe.make(model, job.reading.unknown, job.execution.memory, beside)
    made = made_of(job, source, method.describe(), targets.describe(method.target), threads())
    kind = method.result_type
    return _header(job, source, made, not issubclass(kind, LayerExplanation), kind.__name__)


def _header(job: Scoring, source: Source, made: dict[str, Any], one_hot: bool, type_name: str) -> Any:
    return request.header_of(made, len(source), 1, one_hot, job.dtype, type_name)
