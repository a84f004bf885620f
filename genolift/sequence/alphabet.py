"""The DNA alphabet: text to one-hot arrays and back, reverse complements, what stands for an unknown base.

Order of the bases is A, C, G, T everywhere. Lower case means the same as upper case. N and the other IUPAC
codes for several bases are *unknown*; anything else (gaps, protein letters, U of RNA) is an error that says
where it is.
"""

from collections.abc import Sequence

import numpy as np

from genolift.support.errors import InputError

BASES = "ACGT"
UNKNOWN = 4  # the code of every base that is not exactly one of the four
AMBIGUOUS = "RYSWKMBDHVN"
_IUPAC = BASES + AMBIGUOUS + (BASES + AMBIGUOUS).lower()
_COMPLEMENT = str.maketrans(_IUPAC, "TGCAYRSWMKVHDBN" + "tgcayrswmkvhdbn")
_INVALID = 255

_CODES = np.full(256, _INVALID, dtype=np.uint8)
for _letters in (BASES + AMBIGUOUS, (BASES + AMBIGUOUS).lower()):
    for _position, _letter in enumerate(_letters):
        _CODES[ord(_letter)] = min(_position, UNKNOWN)
_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_VALID_BYTES = _IUPAC.encode()


def check_letters(sequence: str, where: str = "sequence") -> None:
    """Raise an :class:`InputError` that names the first letter that is not DNA; cheap when all are."""
    # "?" is no DNA letter either, so whatever is not ASCII is caught here too
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
    """Codes of one sequence, (L,) uint8: A, C, G, T are 0 to 3, any other IUPAC code is 4.

    Raises :class:`InputError` at a letter that is not DNA.
    """
    codes = _CODES[np.frombuffer(sequence.encode("ascii", errors="replace"), dtype=np.uint8)]
    if codes.size and codes.max() == _INVALID:
        check_letters(sequence)
    return codes


def letters(codes: np.ndarray) -> str:
    """The text of an array of codes; everything that is not one of the four bases becomes N."""
    return _LETTERS[np.minimum(codes, UNKNOWN)].tobytes().decode("ascii")


def codes_matrix(sequences: Sequence[str]) -> np.ndarray:
    """Codes of N sequences of one length, (N, L) uint8.

    Raises :class:`InputError` if there are none, if they differ in length, or at a letter that is not DNA.
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


def unknown_row(unknown: str = "uniform", dtype=np.float32) -> np.ndarray:
    """What stands for an unknown base, (4,): ``"uniform"`` is 1/4 each, ``"zero"`` is nothing at all."""
    if unknown not in ("uniform", "zero"):
        raise InputError(f"unknown={unknown!r} is not a way to encode N; choose 'uniform' (1/4 each) or 'zero'")
    return np.full(4, 0.25 if unknown == "uniform" else 0.0, dtype=dtype)


def one_hot(sequences: str | Sequence[str], unknown: str = "uniform", dtype=np.float32) -> np.ndarray:
    """One-hot encode sequences of one length.

    ``sequences``: N texts, or one (then N = 1). ``unknown``: how N and other IUPAC codes are encoded,
    ``"uniform"`` (1/4 each) or ``"zero"``. Returns (N, L, 4) of ``dtype``. Raises :class:`InputError` for
    letters that are not DNA, unequal lengths, or no sequence at all.
    """
    if isinstance(sequences, str):
        sequences = [sequences]
    neutral = unknown_row(unknown, dtype)
    if unknown == "uniform" and not np.issubdtype(np.dtype(dtype), np.floating):
        raise InputError(f"dtype {np.dtype(dtype)} cannot hold 1/4; use a floating type or unknown='zero'")
    return np.concatenate([np.eye(4, dtype=dtype), neutral[None]])[codes_matrix(sequences)]


def one_hot_codes(X: np.ndarray) -> np.ndarray:
    """Codes of (..., L, 4) arrays, (..., L) uint8; 4 wherever a position is not exactly one base."""
    X = np.asarray(X)
    if X.ndim < 2 or X.shape[-1] != 4:
        raise InputError(f"expected one-hot DNA of shape (..., length, 4), not {X.shape}")
    pure = ((X == 1).sum(axis=-1) == 1) & ((X != 0).sum(axis=-1) == 1)
    return np.where(pure, X.argmax(axis=-1), UNKNOWN).astype(np.uint8)


def decode(X: np.ndarray) -> list[str]:
    """Texts of an (N, L, 4) array, or of one (L, 4) array; N wherever a position is not exactly one base."""
    codes = one_hot_codes(X)
    return [letters(row) for row in codes.reshape(-1, codes.shape[-1])]


def reverse_complement(X):
    """The other strand, of text, of a list of texts, or of an array (..., L, 4); the type stays.

    IUPAC codes are complemented too and case is kept. Raises :class:`InputError` at a letter that is not DNA.
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
    """How many positions of ``sequence`` are not exactly one of the four bases."""
    return int((encode(sequence) == UNKNOWN).sum())


def gc_content(X):
    """Share of G and C among the known bases; a number for text, an array for a list or for (..., L, 4).

    NaN where no base is known.
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
