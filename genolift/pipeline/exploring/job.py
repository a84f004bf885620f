"""The job of ``genolift explore``: check what is given, load the model, and serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.memory import parse_bytes

if TYPE_CHECKING:
    from genolift.pipeline.exploring.serving import End


@dataclass(frozen=True)
class Exploring:
    """What is explored.

    Parameters
    ----------
    model
        The model's file.
    method, target, references
        How sequences are explained at first.
    fasta, regions
        Sequences to choose from.
    motifs, motif_format
        A file of motifs that can be written into a sequence, and its format.
    unknown
        How N are encoded.
    seed
        The seed of the method and its shuffles.
    memory
        The budget for the network's activations.
    port
        The port; 0 takes a free one.
    """

    model: ModelFile
    method: str = "deeplift"
    target: str | None = None
    references: str | None = None
    fasta: Path | None = None
    regions: Path | None = None
    motifs: Path | None = None
    motif_format: str | None = None
    unknown: str = "uniform"
    seed: int = 0
    memory: str | None = None
    port: int = 0


def explore(job: Exploring, tell: Callable[[str], None]) -> End:
    """Serve the page until the process is told to end; ``tell`` is called with its address."""
    from genolift.pipeline.exploring.serving import bound_to, serve  # They need what only explorers need.

    if job.regions is not None and job.fasta is None:
        raise InputError("regions are of a FASTA file", Remedy.naming("give {} too", setting("fasta")))
    job.model.check_exists()
    words = {} if job.motifs is None else best_words(job.motifs, job.motif_format)
    recipe = Recipe(job.method, () if job.target is None else (job.target,), job.references, seed=job.seed)
    recipe.keywords()  # Its mistakes are told before the model is loaded.
    parse_bytes(job.memory)
    reading = None if job.fasta is None else Reading(job.fasta, job.regions, unknown=job.unknown, on_bad="skip")
    with bound_to(job.port) as bound:
        from genolift.pipeline.exploring.explorer import Explorer

        explorer = Explorer(job.model, recipe, reading, job.memory)
        try:
            explorer.make_ready()
            return serve(explorer, bound, tell, words)
        finally:
            explorer.close()


def best_words(path: Path, motif_format: str | None = None) -> dict[str, str]:
    """Return the best word of each motif of a file, by its accession and name as one word."""
    motifs = known_motifs(path, motif_format)
    return {name: "".join("ACGT"[k] for k in matrix.argmax(axis=1)) for name, matrix in motifs.items()}
