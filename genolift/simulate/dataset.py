"""A labelled data set together with its truth: what was embedded where."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import write_fasta
from genolift.sequence.files import write_text
from genolift.support.errors import InputError, file_problems

SPLITS = ("train", "valid", "test")
FILES = ("sequences.fa", "dataset.tsv", "embeddings.bed")


class Embedding(NamedTuple):
    """One instance of a motif: 0-based half-open position, and the bases as the forward strand shows them."""

    sequence_index: int
    motif: str
    start: int
    end: int
    strand: str
    string: str


@dataclass
class Dataset:
    """N sequences with labels for T tasks, a split for each, and the truth.

    ``labels`` (N, T) int8; ``splits`` (N,) of ``"train"``, ``"valid"``, ``"test"``; ``embeddings`` in the
    order of the sequences; ``motifs`` by name, (width, 4) probabilities each, and ``background`` (4,): empty
    and ``None`` when a file without them was loaded and no configuration supplied them.
    """

    names: list[str]
    sequences: list[str]
    labels: np.ndarray
    tasks: list[str]
    splits: np.ndarray
    embeddings: list[Embedding] = field(repr=False)
    motifs: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    background: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    def one_hot(self, unknown: str = "uniform") -> np.ndarray:
        """The sequences as (N, L, 4) float32."""
        return one_hot(self.sequences, unknown)

    def counts(self) -> dict[str, np.ndarray]:
        """How often each motif was embedded in each sequence: name -> (N,)."""
        names = dict.fromkeys([*self.motifs, *(embedding.motif for embedding in self.embeddings)])
        counts = {name: np.zeros(len(self), dtype=np.int64) for name in names}
        for embedding in self.embeddings:
            counts[embedding.motif][embedding.sequence_index] += 1
        return counts

    def subset(self, rows) -> "Dataset":
        """The sequences of a split (``"train"``, ``"valid"``, ``"test"``), of a mask, or of indices."""
        if isinstance(rows, str):
            if rows not in SPLITS:
                raise InputError(f"{rows!r} is no split; there are {', '.join(SPLITS)}")
            rows = self.splits == rows
        index = np.atleast_1d(np.arange(len(self))[rows])
        found: list[list[Embedding]] = [[] for _ in range(len(self))]
        for embedding in self.embeddings:
            found[embedding.sequence_index].append(embedding)
        return replace(
            self,
            names=[self.names[i] for i in index],
            sequences=[self.sequences[i] for i in index],
            labels=self.labels[index],
            splits=self.splits[index],
            embeddings=[one._replace(sequence_index=new) for new, old in enumerate(index) for one in found[old]],
        )

    def save(self, folder) -> None:
        """Write ``sequences.fa``, ``dataset.tsv`` (name, labels, split), ``embeddings.bed`` (BED6, bases)."""
        folder = Path(folder)
        with file_problems(folder, "made a directory"):
            folder.mkdir(parents=True, exist_ok=True)
        write_fasta(folder / FILES[0], self.names, self.sequences)
        rows = ["\t".join(["name", *self.tasks, "split"])]
        for name, labels, split in zip(self.names, self.labels.tolist(), self.splits.tolist(), strict=True):
            rows.append("\t".join([name, *map(str, labels), split]))
        write_text(folder / FILES[1], "\n".join(rows) + "\n")
        write_text(
            folder / FILES[2],
            "".join(
                f"{self.names[index]}\t{start}\t{end}\t{motif}\t0\t{strand}\t{string}\n"
                for index, motif, start, end, strand, string in self.embeddings
            ),
        )


def parse_labels(rows: list[list[str]], path) -> np.ndarray:
    """Label texts as (N, T) int8; they must be 0 or 1."""
    for number, row in enumerate(rows, start=2):
        for text in row:
            if text not in ("0", "1"):
                raise InputError(f"{path}, line {number}: label {text!r} is not 0 or 1")
    return np.array(rows, dtype=np.int8).reshape(len(rows), -1)
