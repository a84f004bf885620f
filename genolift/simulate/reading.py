"""Data sets read from files: the directory that :meth:`Dataset.save` writes, or a ``.simdata`` file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from genolift.sequence.fasta import read_fasta
from genolift.sequence.files import open_text
from genolift.simulate import profile_file
from genolift.simulate.dataset import (
    FILES,
    SPLITS,
    Dataset,
    Embedding,
    importance_columns,
    parse_labels,
    parse_number,
)
from genolift.simulate.drawing.generate import draw_splits
from genolift.simulate.drawing.importance import importance, profile_importance
from genolift.simulate.simdata import read_simdata
from genolift.simulate.spec import Spec, load_spec
from genolift.support.errors import FileProblem, InputError
from genolift.support.files import absent

_ROUNDING = 1e-5  # The labels are written with seven digits.


def load_dataset(
    path: str | os.PathLike,
    spec: Spec | str | os.PathLike | None = None,
    test_ids: str | os.PathLike | Iterable[str] | None = None,
) -> Dataset:
    """Return the data set of a saved directory or of a ``.simdata[.gz]`` file.

    Parameters
    ----------
    path
        The directory or file.
    spec
        A configuration, its path or its name. It supplies what the files do not hold: motifs, background and, for a
        ``.simdata`` file, the validation split and (without ``test_ids``) the test split.
    test_ids
        The names of the test sequences, or a text file with one name per line. Without it and ``spec``, every sequence
        of a ``.simdata`` file is in the split ``"train"``.

    Returns
    -------
    Dataset
        The sequences with their labels, splits and embedded motifs.

    Raises
    ------
    FileProblem
        If a file is missing or cannot be read.
    InputError
        If a file is malformed (the message names file and line), or if it does not agree with ``spec`` or ``test_ids``.
    """
    path = Path(path)
    if spec is not None and not isinstance(spec, Spec):
        spec = load_spec(spec)
    if path.is_dir():
        dataset = _load_folder(path, spec.kind if spec else None)
    elif path.name.removesuffix(".gz").endswith(".simdata"):
        dataset = read_simdata(path)
        dataset.splits = _simdata_splits(dataset, spec, test_ids)
    elif path.exists():
        raise InputError(f"{path} is neither the directory of a data set nor a .simdata file")
    else:
        raise absent(path)
    if spec is not None:
        dataset.motifs, dataset.background = dict(spec.matrices), spec.composition
        unknown = {embedding.motif for embedding in dataset.embeddings} - set(dataset.motifs)
        if unknown:
            raise InputError(
                f"{path} holds embedded motifs that {spec.name!r} does not define: " + ", ".join(sorted(unknown))
            )
        dataset.kind = spec.kind
        if spec.kind == "profile" and dataset.profiles is None:
            raise InputError(f"{path} has no profiles, which {spec.name!r} wants; draw the data set into a directory")
        if dataset.importance is None and dataset.tasks == spec.tasks:
            dataset.importance = importance(spec, dataset)[1]
        if dataset.profile_importance is None and dataset.tasks == spec.tasks:
            dataset.profile_importance = profile_importance(spec, dataset)
    return dataset


def _simdata_splits(
    dataset: Dataset, spec: Spec | None, test_ids: str | os.PathLike | Iterable[str] | None
) -> np.ndarray:
    """Return the split of each sequence, which a ``.simdata`` file does not hold."""
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
    if spec is not None:
        # The validation split keeps the size that was drawn. It takes the sequences that were drawn for it and are not
        # for testing, and then others in their order.
        rest = np.flatnonzero(~test)
        rest = rest[np.argsort(drawn[rest] != "valid", kind="stable")]
        splits[rest[: min(int((drawn == "valid").sum()), len(rest))]] = "valid"
    return splits


def _ids(test_ids: str | os.PathLike | Iterable[str]) -> list[str]:
    if isinstance(test_ids, str | os.PathLike):
        with open_text(test_ids) as handle:
            return [line.strip() for line in handle if line.strip()]
    return list(test_ids)


def _load_folder(folder: Path, kind: str | None) -> Dataset:
    """Return the data set of a directory; without a kind it has profiles if it has their file, or labels of 0 or 1."""
    if kind is None:
        kind = "profile" if (folder / profile_file.FILE).is_file() else "binary"
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
            raise InputError(f"{table}, line {number}: the line has {len(row)} columns and the header {len(header)}")
        if row[-1] not in SPLITS:
            raise InputError(f"{table}, line {number}: split {row[-1]!r} is not one of {', '.join(SPLITS)}")
    if [row[0] for row in rows] != names:
        raise InputError(f"{table} does not list the sequences of {FILES[0]} in their order")
    labels = parse_labels([row[1:-1] for row in rows], table, kind)
    tasks = header[1:-1]
    embeddings, known, of_profiles = _load_embeddings(folder / FILES[2], names, sequences, tasks)
    splits = np.array([row[-1] for row in rows], dtype="<U5")
    found = Dataset(names, sequences, labels, tasks, splits, embeddings, kind=kind, importance=known)
    if kind == "profile" and (folder / profile_file.FILE).is_file():
        found.profile_importance = of_profiles
        found.profiles, found.expected = profile_file.load_profiles(folder / profile_file.FILE, tasks, len(names))
        counted = np.log1p(found.profiles.sum(axis=1))
        wrong = np.flatnonzero((np.abs(counted - labels) > _ROUNDING * (1 + counted)).any(axis=1))
        if len(wrong):
            raise InputError(
                f"{table}, line {wrong[0] + 2}: the labels are not the logarithms of the reads in {profile_file.FILE}; "
                "draw the data set again"
            )
    return found


def _load_embeddings(
    path: Path, names: list[str], sequences: list[str], tasks: list[str]
) -> tuple[list[Embedding], np.ndarray | None, np.ndarray | None]:
    """Return the instances, their importance for each task if the file holds it, and that for each profile."""
    index = {name: i for i, name in enumerate(names)}
    embeddings = []
    known: list[list[float]] | None = None
    columns: list[str] = []
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            if line.startswith("#") and number == 1:
                header = line.rstrip("\r\n").split("\t")
                columns = header[7:]
                known = [] if columns in (importance_columns(tasks, False), importance_columns(tasks, True)) else None
                continue
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
            if known is not None:
                if len(fields) != 7 + len(columns):
                    raise InputError(f"{path}, line {number}: the line has not one importance for each task")
                known.append([parse_number(text, f"{path}, line {number}: importance") for text in fields[7:]])
    if known is None:
        return embeddings, None, None
    values = np.array(known, dtype=float).reshape(len(embeddings), len(columns))
    more = values[:, len(tasks) :]
    return embeddings, values[:, : len(tasks)], more if more.shape[1] else None
