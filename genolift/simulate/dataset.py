"""A labelled data set together with its truth: what was embedded where."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta, write_fasta
from genolift.sequence.files import open_text, write_text
from genolift.support.errors import FileProblem, InputError, file_problems

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

    @classmethod
    def load(cls, path, spec=None, test_ids=None) -> "Dataset":
        """Load a saved directory or a ``.simdata[.gz]`` file.

        ``spec`` (a :class:`Spec`, path or name) supplies what the files do not hold: motifs, background and,
        for a ``.simdata`` file, the validation split and (without ``test_ids``) the test split. ``test_ids``:
        names of the test sequences, or a text file of them, one per line; without both, all of a ``.simdata``
        file is ``"train"``. Raises :class:`FileProblem` or :class:`InputError` naming file and line.
        """
        from genolift.simulate.simdata import read_simdata
        from genolift.simulate.spec import Spec, load_spec

        path = Path(path)
        if spec is not None and not isinstance(spec, Spec):
            spec = load_spec(spec)
        if path.is_dir():
            dataset = _load_folder(path)
        elif path.name.removesuffix(".gz").endswith(".simdata"):
            dataset = read_simdata(path)
            dataset.splits = _simdata_splits(dataset, spec, test_ids)
        elif path.exists():
            raise InputError(f"{path} is neither the directory of a data set nor a .simdata file")
        else:
            raise FileProblem(f"{path} does not exist")
        if spec is not None:
            dataset.motifs, dataset.background = dict(spec.matrices), np.array(spec.background)
            unknown = {embedding.motif for embedding in dataset.embeddings} - set(dataset.motifs)
            if unknown:
                raise InputError(
                    f"{path} holds embedded motifs that {spec.name!r} does not define: " + ", ".join(sorted(unknown))
                )
        return dataset


def _simdata_splits(dataset: Dataset, spec, test_ids) -> np.ndarray:
    from genolift.simulate.generate import draw_splits

    drawn = np.full(len(dataset), "train", dtype="<U5")
    if spec is not None:
        drawn = draw_splits(spec, len(dataset), spec.seed)
    if test_ids is None:
        return drawn
    wanted = set(_ids(test_ids))
    test = np.array([name in wanted for name in dataset.names])
    if test.sum() != len(wanted):
        missing = sorted(wanted - set(dataset.names))
        raise InputError(f"{len(missing)} test ids are not in the data set, for example {missing[0]!r}")
    splits = np.where(test, "test", "train").astype("<U5")
    if spec is not None:  # the drawn order fills the validation split from what is not for testing
        rest = np.flatnonzero(~test)
        rest = rest[np.argsort(drawn[rest] != "valid", kind="stable")]
        splits[rest[: min(int((drawn == "valid").sum()), len(rest))]] = "valid"
    return splits


def _ids(test_ids: str | Path | Iterable[str]) -> list[str]:
    if isinstance(test_ids, str | Path):
        with open_text(test_ids) as handle:
            return [line.strip() for line in handle if line.strip()]
    return list(test_ids)


def _load_folder(folder: Path) -> Dataset:
    for name in FILES:
        if not (folder / name).is_file():
            raise FileProblem(f"{folder} is not a data set: it has no {name}")
    names, sequences = map(list, zip(*read_fasta(folder / FILES[0]), strict=True))
    table = folder / FILES[1]
    with open_text(table) as handle:
        header, *rows = [line.rstrip("\r\n").split("\t") for line in handle if line.strip()] or [[]]
    if len(header) < 3 or header[0] != "name" or header[-1] != "split":
        raise InputError(f"{table}: the first line must be name, the tasks, split, separated by tabs")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(f"{table}, line {number}: {len(row)} columns where the header has {len(header)}")
        if row[-1] not in SPLITS:
            raise InputError(f"{table}, line {number}: split {row[-1]!r} is none of {', '.join(SPLITS)}")
    if [row[0] for row in rows] != names:
        raise InputError(f"{table} does not list the sequences of {FILES[0]} in their order")
    return Dataset(
        names,
        sequences,
        parse_labels([row[1:-1] for row in rows], table),
        header[1:-1],
        np.array([row[-1] for row in rows], dtype="<U5"),
        _load_embeddings(folder / FILES[2], names, sequences),
    )


def _load_embeddings(path: Path, names: list[str], sequences: list[str]) -> list[Embedding]:
    index = {name: i for i, name in enumerate(names)}
    embeddings = []
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) < 6 or fields[0] not in index or not (fields[1] + fields[2]).isdigit():
                raise InputError(
                    f"{path}, line {number}: expected the name of a sequence, start, end, motif, 0, strand"
                )
            i, start, end = index[fields[0]], int(fields[1]), int(fields[2])
            string = sequences[i][start:end]
            if len(string) != end - start or not string or (len(fields) > 6 and fields[6] != string):
                raise InputError(
                    f"{path}, line {number}: this instance is not what the sequence holds at {start}-{end}"
                )
            embeddings.append(Embedding(i, fields[3], start, end, fields[5], string))
    return embeddings


def parse_labels(rows: list[list[str]], path) -> np.ndarray:
    """Label texts as (N, T) int8; they must be 0 or 1."""
    for number, row in enumerate(rows, start=2):
        for text in row:
            if text not in ("0", "1"):
                raise InputError(f"{path}, line {number}: label {text!r} is not 0 or 1")
    return np.array(rows, dtype=np.int8).reshape(len(rows), -1)
