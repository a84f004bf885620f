"""What lies between the motifs: independent bases, a Markov chain fitted to a file, or stretches of real sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from genolift.sequence.alphabet import BASES, encode
from genolift.sequence.fasta import read_fasta
from genolift.simulate.motifs import Motif, check_probabilities, scan
from genolift.simulate.parts import Fitted, Real
from genolift.support.errors import InputError

#: From this share of its highest log-odds on, a place of a real sequence is a match that is taken away.
MATCH = 0.6
#: Where no order is asked for, a chain has the largest up to this one that the sequences suffice for.
LARGEST_ORDER = 5
_OFTEN = 20  # So often is each word to be expected, on average, by a chain whose order is chosen.
_ROUNDS = 200
#: A chain is fitted to so many times as many words as it has transitions, of which each gets one count more.
_SEEN = 4


class Background(Protocol):
    """A background. ``composition`` holds the probabilities of A, C, G, T in it."""

    composition: np.ndarray

    def draw(self, random: np.random.Generator, n: int, length: int) -> np.ndarray:
        """Return the codes of ``n`` sequences, (n, length) uint8."""
        ...


def background(source: list[float] | Fitted | Real, folder: Path, motifs: Mapping[str, np.ndarray]) -> Background:
    """Return the background that a configuration describes.

    Parameters
    ----------
    source
        The probabilities of the bases, or what is fitted or taken.
    folder
        The folder that the names of files are relative to.
    motifs
        The probabilities of the configuration's own motifs, by name, which are kept out of real sequences.

    Raises
    ------
    InputError, FileProblem
        If the probabilities are none, or a file cannot be read or is too small.
    """
    if isinstance(source, list):
        return Independent(source)
    if isinstance(source, Fitted):
        return MarkovChain(_codes(folder / source.fasta), source.order)
    return Stretches(_codes(folder / source.sequences), source.motifs, motifs)


class Independent:
    """Bases that are drawn one by one."""

    def __init__(self, probabilities: list[float]):
        self.composition = check_probabilities(probabilities, "background")
        if self.composition.ndim != 1:
            raise InputError("background must be four numbers, not a matrix")

    def draw(self, random: np.random.Generator, n: int, length: int) -> np.ndarray:
        """Return the codes of ``n`` sequences, (n, length) uint8."""
        return categorical(self.composition, random.random((n, length), dtype=np.float32))


class MarkovChain:
    """A chain of any order, whose transitions were counted in sequences; one is added to every count.

    ``words`` holds the probabilities of words of order + 1 bases, (4 ** (order + 1),), and ``transitions`` those of a
    base after each word of so many bases as the order, (4 ** order, 4). The first base of a word counts most.
    """

    def __init__(self, codes: list[np.ndarray], order: int):
        counts = np.ones(4 ** (order + 1))
        for stretch in codes:
            counts += np.bincount(_words(stretch, order + 1), minlength=counts.size)
        _check_fitted(int(counts.sum()) - counts.size, order)
        table = counts.reshape(-1, 4)
        self._order = order
        self.words = counts / counts.sum()
        self.transitions = table / table.sum(axis=1, keepdims=True)
        self.composition = _composition(codes)

    def draw(self, random: np.random.Generator, n: int, length: int) -> np.ndarray:
        """Return the codes of ``n`` sequences, (n, length) uint8."""
        width = self._order + 1
        codes = np.empty((n, max(length, width)), dtype=np.uint8)
        word = np.searchsorted(np.cumsum(self.words)[:-1], random.random(n), "right")
        for place in range(width):
            codes[:, place] = (word // 4 ** (width - 1 - place)) % 4
        state = word % 4**self._order
        for place in range(width, codes.shape[1]):
            codes[:, place] = categorical(self.transitions[state], random.random(n, dtype=np.float32))
            state = (state * 4 + codes[:, place]) % 4**self._order
        return codes[:, :length]

    def log_prob(self, codes: np.ndarray) -> np.ndarray:
        """Return ln p (N,) of sequences of more bases than the order, given as codes (N, L)."""
        width = self._order + 1
        windows = np.lib.stride_tricks.sliding_window_view(codes.astype(np.int64), width, axis=1)
        words = windows @ 4 ** np.arange(width)[::-1]
        after = np.log(self.transitions).ravel()[words[:, 1:]].sum(axis=1)
        scores: np.ndarray = np.log(self.words)[words[:, 0]] + after
        return scores


class Stretches:
    """Stretches of known bases, each place of the sequences alike, from which own motifs are taken away."""

    def __init__(self, codes: list[np.ndarray], own: str, motifs: Mapping[str, np.ndarray]):
        self._codes, self._own, self._motifs = codes, own, motifs
        self.composition = _composition(codes)

    def draw(self, random: np.random.Generator, n: int, length: int) -> np.ndarray:
        """Return the codes of ``n`` sequences, (n, length) uint8.

        Raises
        ------
        InputError
            If no stretch is so long, or the motifs cannot be taken away.
        """
        places = np.array([max(0, len(stretch) - length + 1) for stretch in self._codes])
        if not places.sum():
            longest = max((len(stretch) for stretch in self._codes), default=0)
            raise InputError(f"no stretch of known bases has {length} positions; the longest has {longest}")
        chosen = random.integers(places.sum(), size=n)
        ends = np.cumsum(places)
        which = np.searchsorted(ends, chosen, "right")
        starts = chosen - (ends - places)[which]
        taken = [self._codes[k][start : start + length] for k, start in zip(which, starts, strict=True)]
        codes = np.stack(taken).astype(np.uint8)
        return codes if self._own == "keep" else self._without_motifs(codes, random)

    def _without_motifs(self, codes: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return the sequences, in which matches of the motifs are shuffled or drawn anew until none is left."""
        rows = np.arange(len(codes))
        for _ in range(_ROUNDS):
            again = set()
            for name, matrix in self._motifs.items():
                width = len(matrix)
                forward = Motif(name, matrix).log_odds(self.composition)
                limit = MATCH * forward.max(axis=1).sum()
                for scores in (forward, forward[::-1, ::-1]):
                    for row, start in np.argwhere(scan(codes[rows], scores) >= limit).tolist():
                        stretch = codes[rows[row], start : start + width]
                        if self._own == "shuffle":
                            stretch[:] = random.permutation(stretch)
                        else:
                            stretch[:] = categorical(self.composition, random.random(width, dtype=np.float32))
                        again.add(int(rows[row]))
            if not again:
                return codes
            rows = np.array(sorted(again))
        raise InputError(
            f"matches of the motifs remain in {len(rows)} stretches of real sequence; "
            'write motifs = "redraw" there, or leave out motifs that almost anything matches'
        )


def categorical(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return codes drawn from ``probabilities`` (..., 4) by inverting their distribution at ``uniform`` in [0, 1)."""
    cumulative = np.cumsum(probabilities, axis=-1).astype(np.float32)
    codes = (uniform >= cumulative[..., 0]).view(np.uint8)
    for base in (1, 2):
        codes += uniform >= cumulative[..., base]
    return codes


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return ``probabilities`` (..., 4) to the power of 1 / ``temperature``, which sum to 1 again."""
    # The highest power of each position is 1, so that the coldest draw is the best match and not 0 divided by 0.
    powers: np.ndarray = (probabilities / probabilities.max(axis=-1, keepdims=True)) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def _codes(path: Path) -> list[np.ndarray]:
    """Return the stretches of known bases of a FASTA file, as codes."""
    stretches = known_stretches(encode(sequence) for _, sequence in read_fasta(path))
    if not stretches:
        raise InputError(f"{path} holds no known bases ({', '.join(BASES)})")
    return stretches


def known_stretches(sequences: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return the stretches of known bases of sequences that are given as codes, where 4 is an unknown base."""
    stretches: list[np.ndarray] = []
    for codes in sequences:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], codes < 4, [False]]).astype(np.int8)))
        stretches += [codes[a:b] for a, b in edges.reshape(-1, 2)]
    return stretches


def order_for(stretches: Sequence[np.ndarray], largest: int = LARGEST_ORDER) -> int:
    """Return the largest order up to ``largest`` that stretches of codes suffice for; at least 0."""
    orders = [
        order
        for order in range(largest + 1)
        if sum(max(0, len(one) - order) for one in stretches) >= _OFTEN * 4 ** (order + 1)
    ]
    return max(orders, default=0)


def _check_fitted(words: int, order: int) -> None:
    """Refuse a chain whose transitions would be those of the added counts, and not those of the sequences."""
    needed = _SEEN * 4 ** (order + 1)
    if words < needed:
        best = max((one for one in range(order) if words >= _SEEN * 4 ** (one + 1)), default=None)
        remedy = "give longer sequences" + ("" if best is None else f", or order = {best}")
        raise InputError(
            f"a chain of order {order} is fitted to {needed:,} words of {order + 1} known bases or more, and the file "
            f"has {words:,}; {remedy}"
        )


def _composition(stretches: list[np.ndarray]) -> np.ndarray:
    counts = np.sum([np.bincount(stretch, minlength=4) for stretch in stretches], axis=0)
    if (counts == 0).any():
        raise InputError("the sequences of the background lack a base altogether; give others")
    return counts / counts.sum()


def _words(codes: np.ndarray, width: int) -> np.ndarray:
    """Return the number of every word of ``width`` bases, its first base counting most."""
    words = np.zeros(max(0, len(codes) - width + 1), dtype=np.int64)
    for place in range(width):
        words = words * 4 + codes[place : place + len(words)]
    return words
