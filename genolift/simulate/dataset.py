"""A labelled data set together with its truth: which motifs were embedded where."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import write_fasta
from genolift.sequence.files import write_text
from genolift.simulate import profile_file
from genolift.support.errors import InputError, file_problems

SPLITS = ("train", "valid", "test")
NUMBERS = ("real", "profile")  # The kinds whose labels are numbers.
FILES = ("sequences.fa", "dataset.tsv", "embeddings.bed")
BED_COLUMNS = ("name", "start", "end", "motif", "score", "strand", "bases")
IMPORTANCE = "importance:"  # The columns of importance in embeddings.bed are named so, followed by the task.
PROFILE_IMPORTANCE = "profile-importance:"  # Those of the importance to a profile.


class Embedding(NamedTuple):
    """One instance of a motif in a sequence.

    ``start`` and ``end`` are 0-based and half-open. ``strand`` is ``"+"`` or ``"-"``. ``string`` holds the bases as the
    forward strand shows them.
    """

    sequence_index: int
    motif: str
    start: int
    end: int
    strand: str
    string: str


@dataclass
class Dataset:
    """N sequences with labels for T tasks, their splits, and the truth.

    Attributes
    ----------
    names, sequences : list of str
        The name and the bases of each sequence.
    labels : np.ndarray
        (N, T): 0 or 1 as int8, or real values as float32. Of profiles they are log(1 + the number of reads).
    tasks : list of str
        The names of the T tasks.
    splits : np.ndarray
        (N,), each ``"train"``, ``"valid"`` or ``"test"``.
    embeddings : list of Embedding
        Every embedded instance of a motif, in the order of the sequences.
    motifs : dict of str to np.ndarray
        The probabilities (width, 4) of each motif by its name. Empty for a data set that was loaded without a
        configuration, because its files do not hold them.
    background : np.ndarray or None
        (4,), the probabilities of A, C, G, T outside motifs. ``None`` in the same case.
    kind : str
        What the labels are: ``"binary"``, ``"real"``, ``"classes"``, of which each sequence has exactly one, or
        ``"profile"``.
    importance : np.ndarray or None
        (K, T), how much each of the K embedded instances matters to each task: its Shapley value under the expression
        of the label; see :mod:`genolift.simulate.drawing.importance`. ``None`` where it is not known.
    profiles : np.ndarray or None
        (N, positions, T) int32, the reads at each position in the middle of a sequence, for labels that are profiles.
    expected : np.ndarray or None
        (N, positions, T) float32, how many reads were expected there.
    profile_importance : np.ndarray or None
        (K, T), how much each instance matters to each profile: its Shapley value for Σ_i p_i (z_i - mean z), where z
        are the logarithms of the expected reads and p is the profile of the whole sequence.
    """

    names: list[str]
    sequences: list[str]
    labels: np.ndarray
    tasks: list[str]
    splits: np.ndarray
    embeddings: list[Embedding] = field(repr=False)
    motifs: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    background: np.ndarray | None = None
    kind: str = "binary"
    importance: np.ndarray | None = field(default=None, repr=False)
    profiles: np.ndarray | None = field(default=None, repr=False)
    expected: np.ndarray | None = field(default=None, repr=False)
    profile_importance: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.sequences)

    def one_hot(self, unknown: str = "uniform") -> np.ndarray:
        """Return the sequences as a one-hot array (N, L, 4) float32.

        Parameters
        ----------
        unknown
            How N and the other IUPAC codes are encoded: ``"uniform"`` (the default) is 1/4 in each channel, ``"zero"``
            is 0 in each channel.
        """
        return one_hot(self.sequences, unknown)

    def counts(self) -> dict[str, np.ndarray]:
        """Return how often each motif was embedded in each sequence: (N,) int64 by the motif's name."""
        names = dict.fromkeys([*self.motifs, *(embedding.motif for embedding in self.embeddings)])
        counts = {name: np.zeros(len(self), dtype=np.int64) for name in names}
        for embedding in self.embeddings:
            counts[embedding.motif][embedding.sequence_index] += 1
        return counts

    def subset(self, rows: Any) -> Dataset:
        """Return the data set of some of the sequences.

        Parameters
        ----------
        rows
            A split (``"train"``, ``"valid"`` or ``"test"``), a boolean mask (N,), a slice, an index or indices.

        Raises
        ------
        InputError
            If a text is not the name of a split.
        """
        if isinstance(rows, str):
            if rows not in SPLITS:
                raise InputError(f"{rows!r} is not a split; there are {', '.join(SPLITS)}")
            rows = self.splits == rows
        index = np.atleast_1d(np.arange(len(self))[rows])
        by_sequence: list[list[int]] = [[] for _ in range(len(self))]
        for number, embedding in enumerate(self.embeddings):
            by_sequence[embedding.sequence_index].append(number)
        kept = [(new, number) for new, old in enumerate(index) for number in by_sequence[old]]
        numbers = [number for _, number in kept]
        return replace(
            self,
            names=[self.names[i] for i in index],
            sequences=[self.sequences[i] for i in index],
            labels=self.labels[index],
            splits=self.splits[index],
            embeddings=[self.embeddings[number]._replace(sequence_index=new) for new, number in kept],
            importance=None if self.importance is None else self.importance[numbers],
            profiles=None if self.profiles is None else self.profiles[index],
            expected=None if self.expected is None else self.expected[index],
            profile_importance=None if self.profile_importance is None else self.profile_importance[numbers],
        )

    def save(self, folder: str | os.PathLike) -> None:
        """Write the data set into a folder, which is made if it is not there.

        The files are ``sequences.fa``, ``dataset.tsv`` (name, labels, split) and ``embeddings.bed`` (the six columns of
        BED, the bases, and the importance for each task where it is known). Profiles are in ``profiles.npz``.

        Raises
        ------
        FileProblem
            If a file or the folder cannot be written.
        """
        folder = Path(folder)
        with file_problems(folder, "made a directory"):
            folder.mkdir(parents=True, exist_ok=True)
        write_fasta(folder / FILES[0], self.names, self.sequences)
        rows = ["\t".join(["name", *self.tasks, "split"])]
        for name, labels, split in zip(self.names, self.labels.tolist(), self.splits.tolist(), strict=True):
            rows.append("\t".join([name, *map(_written, labels), split]))
        write_text(folder / FILES[1], "\n".join(rows) + "\n")
        known: list[list[float]] = []
        header: list[str] = []
        if self.importance is not None:
            tables = [self.importance, *([] if self.profile_importance is None else [self.profile_importance])]
            known = np.round(np.concatenate(tables, axis=1), 6).tolist()
            header = [*BED_COLUMNS, *importance_columns(self.tasks, len(tables) == 2)]
        lines = ["#" + "\t".join(header)] if header else []
        for number, (index, motif, start, end, strand, string) in enumerate(self.embeddings):
            line = f"{self.names[index]}\t{start}\t{end}\t{motif}\t0\t{strand}\t{string}"
            lines.append("\t".join([line, *map(_written, known[number])]) if known else line)
        write_text(folder / FILES[2], "".join(line + "\n" for line in lines))
        if self.profiles is not None:
            profile_file.save_profiles(folder / profile_file.FILE, self.tasks, self.profiles, self.expected)
        else:
            with file_problems(folder / profile_file.FILE, "removed"):
                (folder / profile_file.FILE).unlink(missing_ok=True)


def files_of(kind: str) -> tuple[str, ...]:
    """Return the names of the files of a data set whose labels are of a kind."""
    return (*FILES, profile_file.FILE) if kind == "profile" else FILES


def importance_columns(tasks: list[str], of_profiles: bool) -> list[str]:
    """Return the names of the columns of importance in ``embeddings.bed``."""
    return [f"{start}{task}" for start in (IMPORTANCE, PROFILE_IMPORTANCE)[: 1 + of_profiles] for task in tasks]


def _written(number: float) -> str:
    """Return a number as it stands in the files: whole numbers without a decimal point."""
    return f"{number:.7g}" if number else "0"


def parse_labels(rows: list[list[str]], path: Path, kind: str = "binary") -> np.ndarray:
    """Return the labels that the lines of a file hold.

    Parameters
    ----------
    rows
        The T labels of each sequence as texts. The first sequence is on the second line of the file.
    path
        The file, for messages.
    kind
        What the labels are.

    Returns
    -------
    np.ndarray
        (N, T) int8, or float32 for real values.

    Raises
    ------
    InputError
        If a label is neither 0 nor 1, or not a finite number where real values are wanted.
    """
    for number, row in enumerate(rows, start=2):
        for text in row:
            if kind in NUMBERS:
                parse_number(text, f"{path}, line {number}: label")
            elif text not in ("0", "1"):
                raise InputError(
                    f"{path}, line {number}: label {text!r} is not 0 or 1 (a configuration can say that labels are "
                    "real values)"
                )
    return np.array(rows, dtype=np.float32 if kind in NUMBERS else np.int8).reshape(len(rows), -1)


def parse_number(text: str, where: str) -> float:
    """Return the finite number that a text is.

    Raises
    ------
    InputError
        If it is none. The message begins with ``where``.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where} {text!r} is not a finite number")
    return number
