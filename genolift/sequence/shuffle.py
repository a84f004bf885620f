"""Shuffles that keep the counts of all k-lets, each equally likely, for many sequences at once.

A sequence is a walk over its (k-1)-mers (the vertices) along its k-lets (the edges), so every shuffle with the same
k-lets is an Eulerian path with the same ends. To draw one uniformly, an arborescence towards the last vertex is drawn
(Wilson 1996). Each vertex keeps its edge of the arborescence for its last exit and uses up its other edges in random
order before (Kandel et al. 1996). A lane is one draw for one sequence, and all lanes take their steps together in
NumPy.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from typing import overload

import numpy as np

from genolift.sequence.alphabet import UNKNOWN, encode, letters, one_hot_codes
from genolift.sequence.walks import Graphs, draw
from genolift.support.errors import GenoliftWarning, InputError

MAX_K = 16  # 4^15 vertices still fit the arithmetic below, and real uses need far fewer.
_BLOCK = 1 << 20  # Positions drawn at a time, to bound memory. The draws do not depend on it.


@overload
def shuffle(X: str, n: int, k: int = 2, seed: int = 0) -> list[str]: ...
@overload
def shuffle(X: list[str] | tuple[str, ...], n: int, k: int = 2, seed: int = 0) -> list[list[str]]: ...
@overload
def shuffle(X: np.ndarray, n: int, k: int = 2, seed: int = 0) -> np.ndarray: ...
def shuffle(
    X: str | list[str] | tuple[str, ...] | np.ndarray, n: int, k: int = 2, seed: int = 0
) -> list[str] | list[list[str]] | np.ndarray:
    """Draw shuffles of each sequence, uniformly among all that keep its counts of k-lets.

    Positions that are not exactly one base stay where they are, and each run of bases between them is shuffled by
    itself. Sequences that have no other shuffle come back unchanged, and one :class:`GenoliftWarning` counts them.

    Parameters
    ----------
    X
        One-hot sequences (N, L, 4), or a list of N texts of any lengths, or a single text or one-hot array (L, 4).
    n
        Number of shuffles of each sequence.
    k
        The length of the words whose counts are kept: 1 keeps single bases, 2 (the default) dinucleotides, and so on
        up to 16.
    seed
        The seed. Shuffle j of a sequence depends on ``seed``, ``k``, the sequence and j alone.

    Returns
    -------
    np.ndarray or list
        (N, n, L, 4) of the type of ``X`` for arrays, and N lists of n texts for texts. A single sequence has no axis N.

    Raises
    ------
    InputError
        If ``n`` is below 1, ``k`` is not within 1 to 16, or an array does not have the shape of one-hot DNA.
    """
    single = isinstance(X, str)
    shuffled: list[list[str]] | np.ndarray
    if isinstance(X, str | list | tuple):
        _check(n, k)
        shuffled, fixed = _shuffle_text([X] if isinstance(X, str) else X, n, k, seed)
    else:
        single = np.ndim(X) == 2
        shuffled, fixed = shuffle_and_fixed(X[None] if single else X, n, k, seed)
    _warn_of(fixed, len(shuffled), k)
    return shuffled[0] if single else shuffled


def shuffle_and_fixed(X: np.ndarray, n: int, k: int = 2, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    """Return shuffles of one-hot sequences (N, L, 4), and the indices of those that have no other shuffle.

    The shuffles are those of :func:`shuffle`. It is for callers who say themselves what follows for these sequences.
    """
    _check(n, k)
    X = np.asarray(X)
    if X.ndim != 3:
        raise InputError(f"expected one-hot DNA of shape (N, length, 4), not {X.shape}")
    return _shuffle_arrays(X, n, k, seed)


def shuffle_stretches(X: np.ndarray, starts: np.ndarray, width: int, n: int, k: int = 2, seed: int = 0) -> np.ndarray:
    """Draw shuffles of one stretch of each sequence, as :func:`shuffle` does.

    The draws of a stretch depend on its whole sequence and on its place. Equal stretches of different sequences, such
    as a motif that all of them hold, are therefore shuffled independently of each other, and what is averaged over
    sequences averages over the shuffles too.

    Parameters
    ----------
    X
        One-hot sequences (N, L, 4).
    starts
        Where the stretch of each sequence begins, (N,).
    width
        The width of the stretches.
    n
        Number of shuffles of each stretch.
    k
        The length of the words whose counts are kept.
    seed
        The seed.

    Returns
    -------
    np.ndarray
        The shuffled stretches, (N, n, width, 4), of the type of ``X``.
    """
    codes = one_hot_codes(X)
    tokens = [np.int64(start).tobytes() + row.tobytes() for start, row in zip(starts.tolist(), codes, strict=True)]
    stretches = X[np.arange(len(X))[:, None], starts[:, None] + np.arange(width)]
    shuffled, fixed = _shuffle_arrays(stretches, n, k, seed, tokens)
    _warn_of(fixed, len(X), k)
    return shuffled


def listed(indices: list[int]) -> str:
    """Return the first of some indices as a warning tells them."""
    return ", ".join(map(str, indices[:5])) + (", ..." if len(indices) > 5 else "")


def _check(n: int, k: int) -> None:
    if not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"the number of shuffles must be a whole number of at least 1, not {n!r}")
    if not isinstance(k, int | np.integer) or not 1 <= k <= MAX_K:
        raise InputError(f"k must be a whole number from 1 to {MAX_K}, not {k!r}")


def _warn_of(fixed: list[int], count: int, k: int) -> None:
    if fixed:
        warnings.warn(
            f"{len(fixed)} of {count} sequences have no other shuffle that keeps their {k}-lets and "
            f"come back unchanged (index {listed(fixed)})",
            GenoliftWarning,
            stacklevel=3,
        )


def _shuffle_arrays(
    X: np.ndarray, n: int, k: int, seed: int, tokens: list[bytes] | None = None
) -> tuple[np.ndarray, list[int]]:
    codes = one_hot_codes(X)
    shuffled = np.repeat(codes[:, None], n, axis=1)
    unmoved = _shuffle_codes(list(codes), list(shuffled), k, seed, tokens)
    rows = np.zeros((UNKNOWN + 1, 4), dtype=X.dtype)
    rows[:4] = np.eye(4, dtype=X.dtype)
    out = rows.take(shuffled, axis=0)
    fixed, where = np.nonzero(codes == UNKNOWN)
    out[fixed, :, where] = X[fixed, where][:, None]
    return out, unmoved


def _shuffle_text(texts: Sequence[str], n: int, k: int, seed: int) -> tuple[list[list[str]], list[int]]:
    codes = [encode(text) for text in texts]
    drawn = [np.repeat(sequence[None], n, axis=0) for sequence in codes]
    unmoved = _shuffle_codes(codes, drawn, k, seed)
    out = []
    for text, sequence, shuffled in zip(texts, codes, drawn, strict=True):
        fixed = np.flatnonzero(sequence == UNKNOWN)
        raw = np.frombuffer(letters(shuffled.ravel()).encode(), np.uint8).reshape(shuffled.shape).copy()
        raw[:, fixed] = np.frombuffer(text.upper().encode(), np.uint8)[fixed]
        out.append([row.tobytes().decode() for row in raw])
    return out, unmoved


def _shuffle_codes(
    codes: list[np.ndarray], out: list[np.ndarray], k: int, seed: int, tokens: list[bytes] | None = None
) -> list[int]:
    """Shuffle ``codes`` into ``out``, which holds n copies (n, L) of each; return which have no other shuffle.

    The draws of a sequence depend on its token, which is the sequence itself by default.
    """
    keys = [_key(seed, k, token) for token in ([one.tobytes() for one in codes] if tokens is None else tokens)]
    fixed: list[int] = []
    first = 0
    while first < len(codes):
        last, size = first + 1, out[first].size
        while last < len(codes) and size + out[last].size <= _BLOCK:
            size += out[last].size
            last += 1
        fixed += [first + i for i in _shuffle_block(codes[first:last], out[first:last], k, keys[first:last])]
        first = last
    return fixed


def _shuffle_block(codes: list[np.ndarray], out: list[np.ndarray], k: int, keys: list[int]) -> list[int]:
    """Shuffle one block and return the indices of the sequences that have no other shuffle."""
    runs = [(i, start, end) for i, sequence in enumerate(codes) for start, end in _known_runs(sequence)]
    runs = [run for run in runs if run[2] - run[1] > k]  # A shorter run is at most one k-let.
    if not runs:
        return list(range(len(codes)))
    runs.sort(key=lambda run: run[1] - run[2])  # longest first, so that the lanes that walk longest are the first ones
    graphs = Graphs([codes[i][start:end] for i, start, end in runs], k)
    # The key of a run includes its place in the sequence, or else equal runs would be shuffled alike.
    run_keys = np.array([keys[i] for i, _, _ in runs], np.uint64) + np.array([s for _, s, _ in runs], np.uint64)
    unique = draw(graphs, run_keys, [out[i][:, start:end] for i, start, end in runs])
    movable = {run[0] for run, alone in zip(runs, unique, strict=True) if not alone}
    return [i for i in range(len(codes)) if i not in movable]


def _known_runs(codes: np.ndarray) -> list[tuple[int, int]]:
    """Return start and end of every run of known bases."""
    known = np.concatenate([[False], codes < UNKNOWN, [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _key(seed: int, k: int, token: bytes) -> int:
    """Return 64 bits that depend on seed, k and token."""
    digest = hashlib.blake2b(token, digest_size=8, key=f"{int(seed)}/{int(k)}".encode()[:64])
    return int.from_bytes(digest.digest(), "little")
