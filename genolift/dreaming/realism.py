"""How like real sequences dreams are, under a density that the search never saw, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genolift.dreaming.densities import MarkovDensity
from genolift.sequence.alphabet import encode
from genolift.simulate.background import known_stretches
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: The length of the words that tell how far dreams are apart, whatever place the words are at.
WORD = 6
_LEAST = 20  # Fewer sequences say little about where another one lies among them.


@dataclass(frozen=True, eq=False)
class Parts:
    """Real sequences as codes, in three parts that share none: to fit the expert and the judge, and to compare with.

    Parameters
    ----------
    expert, judge, compared
        Half, a quarter and a quarter of the different sequences.
    """

    expert: list[np.ndarray]
    judge: list[np.ndarray]
    compared: list[np.ndarray]

    @classmethod
    def of(cls, sequences: Sequence[str], seed: int = 0) -> Parts:
        """Divide sequences at random.

        Parameters
        ----------
        sequences
            The sequences as texts. One that is given several times counts once.
        seed
            The seed of the division.

        Raises
        ------
        InputError
            If there are too few to be divided.
        """
        different = sorted({one.upper() for one in sequences})
        least = 4 * _LEAST
        if len(different) < least:
            raise InputError(
                f"{len(different)} different real sequences were given; {least} or more are needed to fit densities "
                "and to compare with"
            )
        order = stream(seed, "parts of real sequences").permutation(len(different))
        codes = [encode(different[i]) for i in order]
        half, quarter = len(codes) // 2, len(codes) // 4
        return cls(codes[:half], codes[half : half + quarter], codes[half + quarter :])


@dataclass(frozen=True, eq=False)
class Realism:
    """Where dreams lie among real sequences.

    Parameters
    ----------
    judge
        What the density is that judges.
    log_density
        log p of each dream per base under the judge, (S,), in nats.
    compared
        The same of real sequences that neither the expert nor the judge was fitted to, (R,).
    """

    judge: str
    log_density: np.ndarray
    compared: np.ndarray

    @property
    def percentile(self) -> np.ndarray:
        """The percentage of real sequences that are less probable than each dream, equal ones counted half, (S,)."""
        below = (self.compared < self.log_density[:, None]).mean(1)
        equal = (self.compared == self.log_density[:, None]).mean(1)
        return 100 * (below + equal / 2)

    @property
    def p(self) -> np.ndarray:
        """The probability that a real sequence would lie so far out among real ones, on either side, (S,).

        It is a rank: twice the smaller of the shares of real sequences, each dream itself counted among them, that are
        at most and at least as probable. It holds whatever the judge is like, if the sequences are independent.
        """
        count = len(self.compared) + 1
        at_most = 1 + (self.compared <= self.log_density[:, None]).sum(1)
        at_least = 1 + (self.compared >= self.log_density[:, None]).sum(1)
        return np.minimum(1, 2 * np.minimum(at_most, at_least) / count)


def judge_realism(parts: Parts, codes: np.ndarray, seed: int = 0) -> Realism:
    """Return where sequences lie among real ones.

    Parameters
    ----------
    parts
        The real sequences.
    codes
        The sequences to judge, as codes (S, L).
    seed
        The seed of the places at which longer real sequences are cut to the same length.

    Raises
    ------
    InputError
        If too few real sequences are so long.
    """
    judge = MarkovDensity(parts.judge)
    length = codes.shape[1]
    judge.check(length)
    compared = windows_of(parts.compared, length, seed)
    return Realism(judge.name, judge.score(codes) / length, judge.score(compared) / length)


def windows_of(sequences: Sequence[np.ndarray], length: int, seed: int) -> np.ndarray:
    """Return a stretch of known bases of each sequence that has one so long, at a random place, as codes (R, length).

    Parameters
    ----------
    sequences
        The sequences as codes, where 4 is an unknown base.
    length
        The length of the stretches.
    seed
        The seed of the places.

    Raises
    ------
    InputError
        If too few sequences are so long.
    """
    windows = []
    for number, one in enumerate(sequences):
        places = [stretch for stretch in known_stretches([one]) if len(stretch) >= length]
        if places:
            random = stream(seed, "window of a real sequence", number)
            stretch = places[int(random.integers(len(places)))]
            start = int(random.integers(len(stretch) - length + 1))
            windows.append(stretch[start : start + length])
    if len(windows) < _LEAST:
        raise InputError(
            f"only {len(windows)} of {len(sequences)} real sequences to compare with have {length} known bases in a "
            f"row; {_LEAST} or more are needed"
        )
    return np.stack(windows)


def position_distances(codes: np.ndarray) -> np.ndarray:
    """Return the share of positions at which each two of S sequences (S, L) differ, (S, S)."""
    distances: np.ndarray = (codes[:, None] != codes[None]).mean(-1)
    return distances


def word_distances(codes: np.ndarray, width: int = WORD) -> np.ndarray:
    """Return 1 less the Jaccard index of the words of each two of S sequences (S, L), (S, S).

    It says how far sequences are apart that have the same words at other places. Sequences that are shorter than a word
    are one word each.
    """
    width = min(width, codes.shape[1])
    words = np.lib.stride_tricks.sliding_window_view(codes.astype(np.int64), width, axis=1) @ 4 ** np.arange(width)
    sets = [set(row.tolist()) for row in words]
    return np.array([[1 - len(a & b) / len(a | b) for b in sets] for a in sets])
