"""The DNA alphabet: text to one-hot arrays and back, and reverse complements.

The bases are always in the order A, C, G, T. Lower case means the same as upper case. N and the other IUPAC codes,
which stand for several bases, are *unknown* bases. Anything else (gaps, protein letters, the U of RNA) is refused
with an error that says where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import DTypeLike

from genolift.support.errors import InputError

BASES = "ACGT"
UNKNOWN = 4  # the code of every base that is not exactly one of the four
AMBIGUOUS = "RYSWKMBDHVN"
#: The bases that each letter stands for.
STANDS_FOR = dict(
    zip(
        BASES + AMBIGUOUS,
        ("A", "C", "G", "T", "AG", "CT", "CG", "AT", "GT", "AC", "CGT", "AGT", "ACT", "ACG", "ACGT"),
        strict=True,
    )
)
_IUPAC = BASES + AMBIGUOUS + (BASES + AMBIGUOUS).lower()
_COMPLEMENT = str.maketrans(_IUPAC, "TGCAYRSWMKVHDBN" + "tgcayrswmkvhdbn")
_INVALID = 255

_CODES = np.full(256, _INVALID, dtype=np.uint8)
for _letters in (BASES + AMBIGUOUS, (BASES + AMBIGUOUS).lower()):
    for _position, _letter in enumerate(_letters):
        _CODES[ord(_letter)] = min(_position, UNKNOWN)
_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_VALID_BYTES = _IUPAC.encode()


def is_dna(shape: Sequence[int | None]) -> bool:
    """Return whether arrays of this shape, without the axis of sequences, hold one-hot DNA: (length, 4)."""
    return len(shape) == 2 and shape[1] == 4


def axes_hint(shape: Sequence[int]) -> str:
    """Return what to do if an array looks like DNA whose axes are not those of (N, L, 4); empty if it does not.

    Parameters
    ----------
    shape
        The shape of the whole array.
    """
    if len(shape) == 2 and shape[1] == 4:
        return "the axis of the sequences is missing: for one sequence, give X[None]"
    if len(shape) == 2 and shape[0] == 4:
        return "the axis of the sequences is missing, and the bases come first: for one sequence, give X.T[None]"
    layouts = {1: "NCL"} if len(shape) == 3 else {}
    layouts |= {2: "N1CL", 3: "N1LC"} if len(shape) == 4 and shape[1] == 1 else {}
    layouts |= {3: "NL1C"} if len(shape) == 4 and shape[2] == 1 else {}
    layouts |= {1: "NCL1"} if len(shape) == 4 and shape[3] == 1 else {}
    layout = next((layout for axis, layout in layouts.items() if shape[axis] == 4), None)
    if layout is None:
        return ""
    return (
        f"this is the layout {layout}: load the model with genolift.load_model(path, layout={layout!r}) and give "
        "sequences (N, L, 4), or explain a function that takes (N, L, 4) and arranges the axes for the model"
    )


def check_letters(sequence: str, where: str = "sequence") -> None:
    """Raise :class:`InputError` for the first letter that is not DNA. The check is cheap when there is none.

    Parameters
    ----------
    sequence
        The text to check.
    where
        What the error message calls the sequence.
    """
    # Characters outside ASCII become "?", which is not a DNA letter, so they are caught here too.
    rest = sequence.encode("ascii", errors="replace").translate(None, _VALID_BYTES)
    if not rest:
        return
    position, letter = next((i, c) for i, c in enumerate(sequence) if not c.isascii() or c.encode() not in _VALID_BYTES)
    if letter in "Uu" and not set(rest.upper()) - set(b"U"):
        remedy = "it looks like RNA: write T for U"
    elif letter in "-.*":
        remedy = "gaps and stops have no place in a sequence to score: remove them"
    elif letter.isascii() and letter.isalpha():
        remedy = "it looks like protein; DNA is written with A, C, G, T, N and the IUPAC codes"
    else:
        remedy = "DNA is written with A, C, G, T, N and the IUPAC codes"
    raise InputError(f"{where}: {letter!r} at position {position + 1} is not a DNA letter ({remedy})")


def encode(sequence: str) -> np.ndarray:
    """Return the codes of one sequence.

    Returns
    -------
    np.ndarray
        (L,) uint8: A, C, G, T are 0 to 3, and any other IUPAC code is 4.

    Raises
    ------
    InputError
        If a letter is not DNA.
    """
    codes = _CODES[np.frombuffer(sequence.encode("ascii", errors="replace"), dtype=np.uint8)]
    if codes.size and codes.max() == _INVALID:
        check_letters(sequence)
    return codes


def letters(codes: np.ndarray) -> str:
    """Return the text of an array of codes. Every code that is not one of the four bases becomes N."""
    return _LETTERS[np.minimum(codes, UNKNOWN)].tobytes().decode("ascii")


def codes_matrix(sequences: Sequence[str]) -> np.ndarray:
    """Return the codes of N sequences of one length.

    Returns
    -------
    np.ndarray
        (N, L) uint8: A, C, G, T are 0 to 3, and any other IUPAC code is 4.

    Raises
    ------
    InputError
        If there are no sequences, if they differ in length, or if a letter is not DNA.
    """
    if len(sequences) == 0:
        raise InputError("no sequences given: at least one is needed")
    length = len(sequences[0])
    for index, sequence in enumerate(sequences):
        if not isinstance(sequence, str):
            raise InputError(f"sequence {index} is a {type(sequence).__name__}; sequences are given as text")
        if len(sequence) != length:
            raise InputError(
                f"sequence {index} has {len(sequence)} bases and sequence 0 has {length}: "
                "one array holds one length; encode each length by itself"
            )
    raw = np.frombuffer("".join(sequences).encode("ascii", errors="replace"), dtype=np.uint8)
    codes = _CODES[raw].reshape(len(sequences), length)
    if codes.size and codes.max() == _INVALID:
        row = int((codes == _INVALID).any(axis=1).argmax())
        check_letters(sequences[row], f"sequence {row}")
    return codes


def unknown_row(unknown: str = "uniform", dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return the four channel values that encode an unknown base.

    Parameters
    ----------
    unknown
        ``"uniform"`` (the default) is 1/4 in each channel, ``"zero"`` is 0 in each channel.
    dtype
        The type of the result.

    Returns
    -------
    np.ndarray
        (4,) of ``dtype``.

    Raises
    ------
    InputError
        If ``unknown`` is neither of the two.
    """
    if unknown not in ("uniform", "zero"):
        raise InputError(f"unknown={unknown!r} is not a way to encode N; choose 'uniform' (1/4 each) or 'zero'")
    return np.full(4, 0.25 if unknown == "uniform" else 0.0, dtype=dtype)


def one_hot(sequences: str | Sequence[str], unknown: str = "uniform", dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return sequences of one length as a one-hot array.

    Parameters
    ----------
    sequences
        N texts, or a single text, for which N is 1.
    unknown
        How N and the other IUPAC codes are encoded: ``"uniform"`` (the default) is 1/4 in each channel, ``"zero"`` is
        0 in each channel.
    dtype
        The type of the result, by default float32.

    Returns
    -------
    np.ndarray
        (N, L, 4) of ``dtype``, with the channels A, C, G, T.

    Raises
    ------
    InputError
        If there is no sequence, if the sequences differ in length, if a letter is not DNA, or if ``dtype`` cannot
        hold 1/4 and ``unknown`` needs it.
    """
    if isinstance(sequences, str):
        sequences = [sequences]
    neutral = unknown_row(unknown, dtype)
    if unknown == "uniform" and not np.issubdtype(np.dtype(dtype), np.floating):
        raise InputError(f"dtype {np.dtype(dtype)} cannot hold 1/4; use a floating type or unknown='zero'")
    return np.concatenate([np.eye(4, dtype=dtype), neutral[None]])[codes_matrix(sequences)]


def one_hot_codes(X: np.ndarray) -> np.ndarray:
    """Return the codes of one-hot sequences.

    Parameters
    ----------
    X
        (..., L, 4).

    Returns
    -------
    np.ndarray
        (..., L) uint8: A, C, G, T are 0 to 3, and a position that is not exactly one base is 4.

    Raises
    ------
    InputError
        If the last axis does not have size 4.
    """
    X = np.asarray(X)
    if X.ndim < 2 or X.shape[-1] != 4:
        raise InputError(f"expected one-hot DNA of shape (..., length, 4), not {X.shape}")
    pure = ((X == 1).sum(axis=-1) == 1) & ((X != 0).sum(axis=-1) == 1)
    return np.where(pure, X.argmax(axis=-1), UNKNOWN).astype(np.uint8)


def decode(X: np.ndarray) -> list[str]:
    """Return the texts of one-hot sequences (N, L, 4), or of a single one (L, 4).

    A position that is not exactly one base becomes N.
    """
    codes = one_hot_codes(X)
    return [letters(row) for row in codes.reshape(-1, codes.shape[-1])]


@overload
def reverse_complement(X: str) -> str: ...
@overload
def reverse_complement(X: list[str] | tuple[str, ...]) -> list[str]: ...
@overload
def reverse_complement(X: np.ndarray) -> np.ndarray: ...
def reverse_complement(X: str | list[str] | tuple[str, ...] | np.ndarray) -> str | list[str] | np.ndarray:
    """Return sequences as the other strand shows them.

    Parameters
    ----------
    X
        A text, a list of texts, or a one-hot array (..., L, 4). In texts, IUPAC codes are complemented too and the
        case is kept.

    Returns
    -------
    str or list of str or np.ndarray
        A text for a text, a list for a list or tuple, and a new array for an array.

    Raises
    ------
    InputError
        If a letter is not DNA, or if the last axis of an array does not have size 4.
    """
    if isinstance(X, str):
        check_letters(X)
        return X.translate(_COMPLEMENT)[::-1]
    if isinstance(X, list | tuple):
        return [reverse_complement(sequence) for sequence in X]
    X = np.asarray(X)
    if X.ndim < 2 or X.shape[-1] != 4:
        raise InputError(f"expected text or one-hot DNA of shape (..., length, 4), not an array of shape {X.shape}")
    return X[..., ::-1, ::-1].copy()


def count_unknown(sequence: str) -> int:
    """Return how many positions of ``sequence`` are not exactly one of the four bases."""
    return int((encode(sequence) == UNKNOWN).sum())


def gc_content(X: str | list[str] | tuple[str, ...] | np.ndarray) -> float | np.ndarray:
    """Return the share of G and C among the known bases of each sequence.

    Parameters
    ----------
    X
        A text, a list of texts, or a one-hot array (..., L, 4).

    Returns
    -------
    float or np.ndarray
        A number from 0 to 1 for a text, (N,) for a list and (...) for an array. It is NaN where no base is known.
    """
    if isinstance(X, str):
        return float(_gc(encode(X)))
    if isinstance(X, list | tuple):
        return np.array([gc_content(sequence) for sequence in X])
    return _gc(one_hot_codes(X))


def _gc(codes: np.ndarray) -> np.ndarray:
    known = (codes < UNKNOWN).sum(axis=-1)
    strong = ((codes == 1) | (codes == 2)).sum(axis=-1)
    return np.where(known > 0, strong / np.maximum(known, 1), np.nan)
