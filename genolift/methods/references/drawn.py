"""References that are drawn at random: shuffles, random sequences, and windows of a genome."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from genolift.methods.references.base import Reference
from genolift.methods.references.constant import Background
from genolift.sequence.alphabet import axes_hint, is_dna, one_hot, one_hot_codes
from genolift.sequence.shuffle import listed, shuffle_and_fixed
from genolift.support.errors import GenoliftWarning, InputError, Remedy, Setting
from genolift.support.numbers import whole_number
from genolift.support.seeds import stream

if TYPE_CHECKING:
    from genolift.sequence.genome import Fasta


class Shuffled(Reference):
    """Shuffles of each sequence that keep its k-mer counts.

    They are uniform over all such shuffles, and N positions stay where they are.

    Parameters
    ----------
    n : int or "auto", default 20
        How many shuffles each sequence gets. ``"auto"`` draws 40 for each sequence, and then twice as many, until the
        largest standard error of its scores is at most ``tolerance`` times its largest score. Scores of a sequence
        without a motif are small and seldom get there, and a warning counts those that do not. Stopping when scores
        look sure leaves out some of what is rare: if one shuffle in ten changes a score by three times its size, the
        mean is about 5 % too large. A fixed number has no such bias.
    k : int, default 2
        The length of the k-mers whose counts are kept: 1 for mononucleotides, 2 for dinucleotides, and so on.
    seed : int, default 0
        The seed of the shuffles.
    tolerance : float, default 0.1
        The relative standard error at which ``"auto"`` stops.
    cap : int, default 320
        The largest number of shuffles that ``"auto"`` draws for a sequence.

    Raises
    ------
    InputError
        If ``n`` or ``k`` is not a positive whole number, or if ``"auto"`` is given a tolerance that is not positive or
        a cap below 2.
    """

    shared = False
    only_dna = True

    def __init__(self, n: int | str = 20, k: int = 2, seed: int = 0, tolerance: float = 0.1, cap: int = 320):
        self.tolerance = tolerance if n == "auto" else None
        if n == "auto" and (tolerance <= 0 or cap < 2):
            raise InputError(
                f"Shuffled('auto') needs tolerance above 0 and cap of at least 2, not {tolerance} and {cap}"
            )
        self.count = whole_number(cap if n == "auto" else n, "the number of shuffles")
        self.k, self.seed = whole_number(k, "k"), seed

    @override
    def first(self, n: int) -> Reference:
        fewer = copy(self)
        fewer.count, fewer.tolerance = min(n, self.count), None
        return fewer

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        _check_dna(X, "Shuffled")
        shuffled, fixed = shuffle_and_fixed(X, self.count, self.k, self.seed)
        if fixed:
            warnings.warn(_compared_with_themselves(fixed, len(X), self.k), stacklevel=2)
        return shuffled

    @override
    def describe(self) -> dict[str, Any]:
        if self.tolerance is None:
            return {"kind": "shuffled", "n": self.count, "k": self.k, "seed": self.seed}
        until = {"n": "auto", "tolerance": self.tolerance, "cap": self.count}
        return {"kind": "shuffled", **until, "k": self.k, "seed": self.seed}


class Sampled(Reference):
    """Random sequences of independent bases, the same ones for all sequences of a length.

    Parameters
    ----------
    n : int, default 100
        How many sequences there are.
    frequencies : sequence of float, default (0.25, 0.25, 0.25, 0.25)
        The probabilities of A, C, G and T.
    seed : int, default 0
        The seed of the draws.

    Raises
    ------
    InputError
        If ``n`` is not a positive whole number, or if the frequencies are negative or do not sum to 1.
    """

    only_dna = True

    def __init__(self, n: int = 100, frequencies: Sequence[float] = (0.25, 0.25, 0.25, 0.25), seed: int = 0):
        self.count = whole_number(n, "the number of sampled references")
        self.frequencies, self.seed = Background(frequencies).frequencies, seed

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        _check_dna(X, "Sampled")
        length = X.shape[1]
        # Each sequence is drawn from a stream of its own, so the first ones do not depend on how many there are.
        codes = [
            stream(self.seed, "sampled", length, i).choice(4, length, p=self.frequencies) for i in range(self.count)
        ]
        return np.eye(4, dtype=np.float32)[np.stack(codes)]

    @override
    def describe(self) -> dict[str, Any]:
        return {
            "kind": "sampled",
            "n": self.count,
            "frequencies": [float(f) for f in self.frequencies],
            "seed": self.seed,
        }


class Genomic(Reference):
    """Windows drawn from a genome for each sequence, as long as the sequence and free of N.

    Parameters
    ----------
    fasta : Fasta
        The genome.
    n : int, default 20
        How many windows each sequence gets.
    match_gc : bool, default True
        Whether to draw among the windows whose G+C content is nearest to that of the sequence.
    seed : int, default 0
        The seed of the draws.
    """

    shared = False
    only_dna = True
    _POOL = 2000

    def __init__(self, fasta: Fasta, n: int = 20, match_gc: bool = True, seed: int = 0):
        self.fasta, self.count, self.match_gc, self.seed = fasta, int(n), match_gc, seed
        self._pools: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def _pool(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return windows (P, L) as codes and their G+C content (P,), sorted by that content."""
        if length not in self._pools:
            lengths = {name: self.fasta.length(name) - length + 1 for name in self.fasta.names}
            usable = {name: room for name, room in lengths.items() if room > 0}
            if not usable:
                raise InputError(f"no sequence of the genome is {length} long, so there are no windows to draw from it")
            names, rng = list(usable), stream(self.seed, "genomic", length)
            share = np.array([usable[name] for name in names], float)
            windows: list[str] = []
            for _ in range(20 * self._POOL):
                name = names[rng.choice(len(names), p=share / share.sum())]
                start = int(rng.integers(usable[name]))
                text = self.fasta.fetch(name, start, start + length).upper()
                if not set(text) - set("ACGT"):
                    windows.append(text)
                if len(windows) == self._POOL:
                    break
            if len(windows) < self.count:
                raise InputError("the genome has too few windows free of N to draw references from")
            codes = one_hot_codes(one_hot(windows))
            gc = np.isin(codes, (1, 2)).mean(axis=1)
            order = np.argsort(gc, kind="stable")
            self._pools[length] = codes[order], gc[order]
        return self._pools[length]

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        _check_dna(X, "Genomic")
        codes, gc = self._pool(X.shape[1])
        out = np.empty((len(X), self.count, *X.shape[1:]), np.float32)
        for i, row in enumerate(one_hot_codes(X)):
            rng = stream(self.seed, "genomic-draw", row.tobytes())
            choice = np.arange(len(gc))
            if self.match_gc:
                known = row[row < 4]
                content = np.isin(known, (1, 2)).mean() if len(known) else 0.5
                nearest = np.argsort(np.abs(gc - content), kind="stable")
                choice = nearest[: max(5 * self.count, 50)]
            picked = rng.choice(choice, self.count, replace=len(choice) < self.count)
            out[i] = np.eye(4, dtype=np.float32)[codes[picked]]
        return out

    @override
    def describe(self) -> dict[str, Any]:
        return {
            "kind": "genomic",
            "fasta": str(getattr(self.fasta, "path", "")),
            "n": self.count,
            "match_gc": self.match_gc,
            "seed": self.seed,
        }


def _compared_with_themselves(fixed: list[int], count: int, k: int) -> GenoliftWarning:
    """Return the warning that some sequences have no other shuffle, with what follows from that."""
    which = f"{len(fixed)} of {count} sequences have" if count > 1 else "the sequence has"
    their, them = ("their", "they are compared with themselves") if count > 1 else ("its", "it is compared with itself")
    return GenoliftWarning(
        f"{which} no other shuffle that keeps {their} {k}-lets, so {them}, and the scores say nothing"
        + (f" (index {listed(fixed)})" if count > 1 else ""),
        Remedy.naming(
            "give other references, as in {}",
            Setting("references=genolift.references.Background()", "--references background:0.25,0.25,0.25,0.25"),
        ),
    )


def _check_dna(X: np.ndarray, name: str) -> None:
    """Refuse inputs that are not one-hot DNA, for the class of references called ``name``."""
    if not is_dna(X.shape[1:]):
        hint = axes_hint(X.shape)
        other = f"{hint}; or give other references" if hint else "give other references"
        raise InputError(f"{name} references need one-hot DNA of shape (N, L, 4), not {X.shape}; {other}")
