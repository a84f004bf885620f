"""References: what a sequence is compared with. ``draw`` gives them as arrays; nothing here knows a model.

A reference object has ``count`` (R), ``shared`` (whether all sequences have the same ones), ``describe()`` for the
record, and ``draw(X, rows)`` for inputs (N, ...) that are the given rows of the whole: (R, ...) where shared, else
(N, R, ...). A random draw for a sequence depends on the seed and the sequence alone.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from typing_extensions import override

from genolift.sequence.alphabet import is_dna, one_hot, one_hot_codes
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import InputError
from genolift.support.numbers import whole_number
from genolift.support.seeds import stream


class Reference(ABC):
    """Base of all references."""

    #: How many references each sequence has (R).
    count = 1
    #: Whether all sequences have the same references.
    shared = True
    #: Whether each input is its own reference.
    is_own = False
    #: Relative standard error to draw until, for references that are drawn until they are enough.
    tolerance: float | None = None

    def prepare(self, X: np.ndarray) -> None:  # noqa: B027 - most need no preparation
        """Learn from all the inputs (N, ...) how many references there are, or refuse inputs that they do not suit."""

    @abstractmethod
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the references of some inputs.

        Parameters
        ----------
        X
            The inputs (n, ...).
        rows
            Which of all the inputs these are, (n,); by default they are the first ones.

        Returns
        -------
        np.ndarray
            (R, ...) where all inputs share their references, and otherwise (n, R, ...).
        """

    def first(self, n: int) -> Reference:
        """Return the first ``n`` references where they are drawn one after another, and otherwise all."""
        return self

    def held(self, X: np.ndarray, row: int) -> Reference:
        """Return the references of input number ``row``, which is ``X`` (1, ...), as references that all inputs share."""
        if self.shared or self.is_own:
            return self
        fixed = Fixed(self.draw(X, np.array([row]))[0])
        fixed.prepare(X)
        return fixed

    def describe(self) -> dict[str, Any]:
        """Return what the references are, for the result's record."""
        return {"kind": type(self).__name__.lower()}


class Zeros(Reference):
    """All zeros."""

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return np.zeros((1, *X.shape[1:]), np.float32)


class Background(Reference):
    """The same base frequencies (A, C, G, T) at every position."""

    def __init__(self, frequencies: Sequence[float] = (0.3, 0.2, 0.2, 0.3)):
        self.frequencies = np.asarray(frequencies, np.float64)
        if self.frequencies.ndim != 1 or (self.frequencies < 0).any() or abs(self.frequencies.sum() - 1) > 1e-6:
            raise InputError(f"background frequencies must be non-negative and sum to 1, not {list(frequencies)}")

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        if X.shape[-1] != len(self.frequencies):
            raise InputError(
                f"the background has {len(self.frequencies)} frequencies, but the input has {X.shape[-1]} channels"
            )
        return np.broadcast_to(self.frequencies.astype(np.float32), (1, *X.shape[1:])).copy()

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "background", "frequencies": [float(f) for f in self.frequencies]}


class Shuffled(Reference):
    """``n`` shuffles of each sequence that keep its k-mer counts: k = 1 mononucleotide, 2 dinucleotide, ...

    Uniform over all such shuffles; N positions stay where they are. ``n="auto"`` draws for each sequence until the
    largest standard error of its scores is at most ``tolerance`` of its largest score, or ``cap`` is reached.
    """

    shared = False

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
        return shuffle(X, self.count, self.k, self.seed)

    @override
    def describe(self) -> dict[str, Any]:
        if self.tolerance is None:
            return {"kind": "shuffled", "n": self.count, "k": self.k, "seed": self.seed}
        until = {"n": "auto", "tolerance": self.tolerance, "cap": self.count}
        return {"kind": "shuffled", **until, "k": self.k, "seed": self.seed}


class Sampled(Reference):
    """``n`` random sequences of independent bases, the same ones for all sequences of a length.

    ``frequencies`` are those of A, C, G and T.
    """

    def __init__(self, n: int = 100, frequencies: Sequence[float] = (0.25, 0.25, 0.25, 0.25), seed: int = 0):
        self.count = whole_number(n, "the number of sampled references")
        self.frequencies, self.seed = Background(frequencies).frequencies, seed

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        _check_dna(X, "Sampled")
        length = X.shape[1]
        # Sequence after sequence, so that the first ones do not depend on how many there are.
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


class Fixed(Reference):
    """Ready-made references: (R, ...) for all sequences, or (N, R, ...) with each sequence's own."""

    def __init__(self, array):
        # A copy of its own, so that what the result says of them stays true.
        self.array = np.array(array, np.float32)
        self.array.setflags(write=False)
        if self.array.ndim < 2:
            raise InputError(f"fixed references have shape (R, L, 4) or (N, R, L, 4), not {self.array.shape}")
        if 0 in self.array.shape:
            raise InputError(f"fixed references of shape {self.array.shape} are none at all; give at least one")
        _check_finite(self.array, "fixed references hold")

    def prepare(self, X: np.ndarray) -> None:
        """Check the shape against all the inputs (N, ...)."""
        shape, expected = self.array.shape, X.shape[1:]
        self.shared = len(shape) == len(expected) + 1
        if shape[-len(expected) :] != expected or len(shape) - len(expected) not in (1, 2):
            raise InputError(f"fixed references of shape {shape} do not fit inputs of shape {X.shape}")
        if not self.shared and shape[0] != len(X):
            raise InputError(f"fixed references are given for {shape[0]} sequences, but there are {len(X)}")
        self.count = shape[0] if self.shared else shape[1]

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return self.array if self.shared else self.array[: len(X)] if rows is None else self.array[rows]

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "fixed", "shape": list(self.array.shape), "digest": self._digest}

    @cached_property
    def _digest(self) -> str:
        return hashlib.blake2b(self.array.tobytes(), digest_size=16).hexdigest()


class Genomic(Reference):
    """``n`` windows drawn from a genome for each sequence, free of N and of like G+C content where ``match_gc``."""

    shared = False
    _POOL = 2000

    def __init__(self, fasta, n: int = 20, match_gc: bool = True, seed: int = 0):
        self.fasta, self.count, self.match_gc, self.seed = fasta, int(n), match_gc, seed
        self._pools: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def _pool(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows (P, L) as codes and their G+C content, sorted by it."""
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


class Computed(Reference):
    """A user's own function from inputs (N, ...) to references (N, R, ...), acting row by row (called on blocks)."""

    shared = False

    def __init__(self, function: Callable):
        self.function = function

    @override
    def prepare(self, X: np.ndarray) -> None:
        self.count = self.draw(X[:1]).shape[1]

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        found = np.asarray(self.function(X), np.float32)
        if found.ndim != X.ndim + 1 or found.shape[0] != len(X) or found.shape[2:] != X.shape[1:]:
            raise InputError(
                f"the reference function gave shape {found.shape} for inputs of shape {X.shape}; "
                f"it should give ({len(X)}, R, {', '.join(map(str, X.shape[1:]))})"
            )
        _check_finite(found, "the reference function gave")
        return found

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "computed", "function": getattr(self.function, "__qualname__", repr(self.function))}


class Own(Reference):
    """Each input as its own reference: its difference is nothing, so it gets no contribution."""

    shared = False
    is_own = True

    @override
    def draw(self, X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return X[:, None]

    @override
    def describe(self) -> dict[str, Any]:
        return {"kind": "own value"}


#: What a user may give as references of one input, or as a dict or list of those of several.
ReferencesLike: TypeAlias = Reference | np.ndarray | Callable | str | dict | list | None


def parse(text: str) -> Reference:
    """A reference as the command line writes it: ``shuffled:20``, ``sampled:100``, ``background:0.3,0.2,0.2,0.3`` or ``zeros``."""
    kind, _, options = text.partition(":")
    try:
        if kind == "zeros" and not options:
            return Zeros()
        if kind == "background":
            return Background([float(f) for f in options.split(",")]) if options else Background()
        if kind in ("shuffled", "shuffled1", "shuffled2"):
            return Shuffled("auto" if options == "auto" else int(options or 20), k=int(kind[8:] or 2))
        if kind == "sampled":
            return Sampled(int(options or 100))
    except ValueError as problem:
        if isinstance(problem, InputError):
            raise
    raise InputError(
        f"references {text!r} are not understood; write shuffled:20, shuffled:auto, shuffled1:20 (mononucleotide), "
        "sampled:100, background:0.3,0.2,0.2,0.3 or zeros"
    )


def as_reference(given: Any) -> Reference:
    """A reference object from what a user may give: one, an array, a callable, or text."""
    if given is None:
        return Own()
    if isinstance(given, Reference):
        return given
    if isinstance(given, str):
        return parse(given)
    if callable(given):
        return Computed(given)
    return Fixed(given)


def _check_finite(array: np.ndarray, what: str) -> None:
    if not np.isfinite(array).all():
        raise InputError(f"{what} NaN or infinite values; references are numbers like the inputs'")


def _check_dna(X: np.ndarray, name: str) -> None:
    if not is_dna(X.shape[1:]):
        raise InputError(f"{name} references need one-hot DNA of shape (N, L, 4), not {X.shape}; give other references")
