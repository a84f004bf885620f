"""The motifs of a configuration: from a matrix, a motif file, a list of words, or as near misses of another motif."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genolift.sequence.alphabet import BASES, encode
from genolift.simulate.motifs import MotifFile, check_probabilities
from genolift.simulate.parts import MotifSource
from genolift.support.errors import FileProblem, InputError

_EQUAL = 1e-9  # Probabilities this close are the same.


class Words(NamedTuple):
    """The words of a motif that is a list of them: their codes (K, width), and how probable each is, (K,)."""

    codes: np.ndarray
    weights: np.ndarray


def resolve(sources: Mapping[str, MotifSource], folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Words]]:
    """Return the probabilities (width, 4) of each motif by its name, and the words of those that are lists of words.

    Parameters
    ----------
    sources
        The motifs as the configuration gives them.
    folder
        The folder that the names of files are relative to.

    Raises
    ------
    InputError
        If a motif is none. The message begins with its key.
    """
    words = {name: _words(name, source) for name, source in sources.items() if source.kmers is not None}
    matrices: dict[str, np.ndarray] = {}
    for name, source in sources.items():
        if name in words:
            codes, weights = words[name]
            matrices[name] = np.einsum("kwb,k->wb", np.eye(4)[codes], weights)
        elif source.like is None:
            matrices[name] = _given(name, source, folder)
    for name, source in sources.items():
        if source.like is not None:
            matrices[name] = _near_miss(name, source, matrices)
    return {name: matrices[name] for name in sources}, words


def _given(name: str, source: MotifSource, folder: Path) -> np.ndarray:
    try:
        if source.file is None:
            matrix = check_probabilities(source.matrix, f"motif {name!r}")
            if matrix.ndim != 2:
                raise InputError(f"motif {name!r} must be a matrix (width, 4), not the shape {matrix.shape}")
            return matrix
        collection = MotifFile.read(folder / source.file, source.motif_format)
        wanted = source.name or name
        if wanted in collection:
            return collection.get(wanted).matrix
    except (InputError, FileProblem) as problem:
        raise InputError(f"motifs.{name}.{'matrix' if source.file is None else 'file'}: {problem}") from None
    some = ", ".join(list(collection.motifs)[:5])
    raise InputError(f"motifs.{name}.name: {folder / source.file} has no motif {wanted!r}; it has {some}")


def _words(name: str, source: MotifSource) -> Words:
    key, kmers = f"motifs.{name}.kmers", source.kmers or []
    if not kmers or len({len(word) for word in kmers}) != 1 or not kmers[0]:
        raise InputError(f"{key}: give one word or more, all of the same length")
    codes = np.stack([encode(word) for word in kmers])
    if (codes > 3).any():
        raise InputError(f"{key}: words consist of {', '.join(BASES)}")
    if source.weights is None:
        return Words(codes, np.full(len(kmers), 1 / len(kmers)))
    weights = np.array(source.weights)
    if len(weights) != len(kmers) or (weights <= 0).any() or not np.isfinite(weights).all():
        raise InputError(f"motifs.{name}.weights: give a number above 0 for each of the {len(kmers)} words")
    return Words(codes, weights / weights.sum())


def _near_miss(name: str, source: MotifSource, matrices: Mapping[str, np.ndarray]) -> np.ndarray:
    parent = matrices.get(str(source.like))
    if parent is None:
        known = ", ".join(matrices) or "none"
        raise InputError(f"motifs.{name}.like: there is no motif {source.like!r} that is not itself like another; "
                         f"there are {known}")  # fmt: skip
    mismatches = source.mismatches or 0
    if mismatches > len(parent):
        raise InputError(f"motifs.{name}.mismatches: {source.like!r} has only {len(parent)} positions")
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.nansum(parent * np.log2(parent), axis=1)
    matrix = parent.copy()
    for position in np.argsort(-information, kind="stable")[:mismatches]:
        least = parent[position] <= parent[position].min() + _EQUAL
        matrix[position] = least / least.sum()
    return matrix
