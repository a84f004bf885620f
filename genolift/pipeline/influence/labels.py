"""Labelled training sequences read from files: a FASTA file, streamed, and a table of labels by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genolift.influence.data import TrainingSet
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.sources import Source
from genolift.sequence.files import open_text
from genolift.simulate.dataset import FILES, SPLITS, parse_number
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.texts import Texts

_SPLIT = "split"
_TRAIN = SPLITS[0]


class Labels(NamedTuple):
    """A table of labels.

    Attributes
    ----------
    path : Path
        The file.
    tasks : list of str
        The names of its T tasks.
    rows : dict of str to (list of float, bool)
        For each name its T labels, and whether it is a training sequence.
    """

    path: Path
    tasks: list[str]
    rows: dict[str, tuple[list[float], bool]]


def read_labels(path: Path) -> Labels:
    """Return the labels of a table whose first line is name, the tasks and perhaps split, separated by tabs.

    Raises
    ------
    InputError, FileProblem
        If the file cannot be used; the message names the line.
    """
    rows: dict[str, tuple[list[float], bool]] = {}
    with open_text(path) as handle:
        header = handle.readline().rstrip("\r\n").split("\t")
        has_split = header[-1] == _SPLIT
        tasks = header[1 : len(header) - has_split]
        if header[0] != "name" or not tasks:
            raise InputError(f"{path}: the first line must be name, the tasks and perhaps split, separated by tabs")
        for number, line in enumerate(handle, start=2):
            fields = line.rstrip("\r\n").split("\t")
            if fields == [""]:
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {number}: the line has {len(fields)} columns and the header {len(header)}"
                )
            if fields[0] in rows:
                raise InputError(f"{path}, line {number}: {fields[0]!r} has labels already")
            if has_split and fields[-1] not in SPLITS:
                raise InputError(f"{path}, line {number}: split {fields[-1]!r} is not one of {', '.join(SPLITS)}")
            labels = [parse_number(text, f"{path}, line {number}: label") for text in fields[1 : 1 + len(tasks)]]
            rows[fields[0]] = labels, not has_split or fields[-1] == _TRAIN
    if not rows:
        raise InputError(f"{path} holds no labels")
    return Labels(path, tasks, rows)


def places_of(training: Path, labels: Path | None) -> tuple[Path, Path]:
    """Return the FASTA file and the table of labels: those of a data set, or the table beside the FASTA file.

    Raises
    ------
    FileProblem
        If there is no such file.
    """
    if training.is_dir():
        for name in FILES[:2]:
            if not (training / name).is_file():
                raise FileProblem(f"{training} is not a data set: it has no {name}")
        return training / FILES[0], labels or training / FILES[1]
    if labels is None:
        labels = training.parent / FILES[1]
        if not labels.is_file():
            raise FileProblem(
                f"{training} has no {FILES[1]} beside it", Remedy.naming("give its labels by {}", setting("labels"))
            )
    return training, labels


class FileSet(TrainingSet):
    """Training sequences of a FASTA file, which is read anew for each pass and never held in memory.

    Where the table of labels has a split, the training sequences are those of the split "train".

    Parameters
    ----------
    reading
        The FASTA file.
    source
        Its records.
    labels
        Their labels.

    Raises
    ------
    InputError
        If a record has no labels, or a label no record, or if training sequences differ in length.
    """

    def __init__(self, reading: Reading, source: Source, labels: Labels):
        chosen, values, names, missing = [], [], Texts(), set(labels.rows)
        for number, name in enumerate(source.names):
            if name not in labels.rows:
                raise InputError(f"{reading.sequences}: {name!r} has no labels in {labels.path}")
            missing.discard(name)
            row, trained = labels.rows[name]
            if trained:
                chosen.append(number)
                values.append(row)
                names.append(name)
        if missing:
            raise InputError(f"{labels.path}: {min(missing)!r} is not in {reading.sequences}")
        if not chosen:
            raise InputError(f"{labels.path}: no sequence is in the split {_TRAIN!r}")
        lengths = source.lengths[chosen]
        if (lengths != lengths[0]).any():
            other = int(np.flatnonzero(lengths != lengths[0])[0])
            raise InputError(
                f"{reading.sequences}: {names[0]!r} is {lengths[0]} long and {names[other]!r} {lengths[other]}; "
                "influence needs training sequences of one length"
            )
        self._reading, self._source, self._chosen = reading, source, chosen
        self.names, self.tasks, self.length = names, labels.tasks, int(lengths[0])
        self.labels = np.array(values, dtype=np.float32)

    def encoded(self, wanted: list[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield the sequences (B, L, 4) of half-open ranges, which come in order."""
        numbers = [self._chosen[row] for start, stop in wanted for row in range(start, stop)]
        texts = self._source.blocks([(number, number + 1) for number in numbers])
        for start, stop in wanted:
            yield self._reading.encode([next(texts)[0] for _ in range(start, stop)])


def labels_for(labels: Labels, names: list[str], tasks: list[str], where: Path) -> np.ndarray:
    """Return the labels (Q, T) of queries by name; raise :class:`InputError` for another table."""
    if labels.tasks != tasks:
        raise InputError(f"{labels.path} has the tasks {', '.join(labels.tasks)}, and training {', '.join(tasks)}")
    for name in names:
        if name not in labels.rows:
            raise InputError(f"{where}: {name!r} has no labels in {labels.path}")
    return np.array([labels.rows[name][0] for name in names])
