"""The reads that are expected along sequences, for all of their instances or for some of them only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from scipy.special import ndtr

from genolift.simulate.expressions import Expression
from genolift.simulate.profiles.tables import Profile, Term
from genolift.simulate.scenes import Scenes
from genolift.support.errors import InputError

_CELLS = 4_000_000  # How many numbers are computed in one go.
_MOST_READS = 1e9


class Rates:
    """The reads that are expected of sequences, a function of their instances.

    With base rate b, total c, weights w and shapes g, position i of a sequence with instances S gets
    b + c Σ_terms w(S) Σ_{k in S} g(i - centre of k). A shape sums to 1 over all positions, of which those outside the
    profile are lost. Called with scenes, it returns log(1 + the sum over positions), which is the label of the counts.

    Parameters
    ----------
    label
        The profile as the configuration says it.
    motifs
        The names of the motifs that it may use.
    length
        The length of the sequences.

    Attributes
    ----------
    label : Profile
        The profile as the configuration says it.
    text : str
        What messages call it.
    motifs : list of str
        The motifs that the profile depends on.
    by_counts : bool
        False: it matters where instances lie.
    positions : int
        The number of positions that have reads.
    first : int
        The position of the sequence that is the first of them.

    Raises
    ------
    InputError
        If the sequences are shorter than the profile, or a weight is no expression.
    """

    by_counts = False
    is_condition = False

    def __init__(self, label: Profile, motifs: Collection[str], length: int):
        self.label = label
        self.text = "the profile"
        self.positions = length if label.positions is None else label.positions
        if self.positions > length:
            raise InputError(f"{self.positions} positions are more than the {length} bases of a sequence")
        self.first = (length - self.positions) // 2
        self.motifs: list[str] = []
        self._weights: list[float | Expression] = []
        for number, term in enumerate(label.profile):
            if term.at not in motifs:
                known = ", ".join(map(repr, motifs)) or "none"
                raise InputError(f"profile[{number}].at: unknown motif {term.at!r}; there are {known}")
            try:
                weight = Expression(term.weight, list(motifs)) if isinstance(term.weight, str) else term.weight
            except InputError as problem:
                raise InputError(f"profile[{number}].weight: {problem}") from None
            self._weights.append(weight)
            self.motifs += [term.at, *(weight.motifs if isinstance(weight, Expression) else [])]
        self.motifs = list(dict.fromkeys(self.motifs))

    def __call__(self, scenes: Scenes) -> np.ndarray:
        """Return log(1 + the expected number of reads), (N, S) float64, for N sequences and S subsets of instances.

        Raises
        ------
        InputError
            If not more than zero reads are expected, or more than 1e9.
        """
        total = np.full((len(scenes), len(scenes.subsets)), self.label.base * self.positions)
        for weight, shape in self._terms(scenes):
            total += self.label.total * weight * (shape.sum(axis=2) @ scenes.subsets.T)
        self._check(total, "number of reads")
        if total.max(initial=0.0) > _MOST_READS:
            raise InputError(f"{total.max():.4g} reads are expected of a sequence; write a smaller total or weight")
        logarithm: np.ndarray = np.log1p(total)
        return logarithm

    def along(self, scenes: Scenes) -> np.ndarray:
        """Return the reads that are expected at each position, (N, S, positions) float64, all above zero.

        Raises
        ------
        InputError
            If they are not above zero.
        """
        rates = np.full((len(scenes), len(scenes.subsets), self.positions), self.label.base)
        for weight, shape in self._terms(scenes):
            rates += self.label.total * weight[:, :, None] * np.einsum("sk,nkp->nsp", scenes.subsets, shape)
        self._check(rates, "reads at a position")
        return rates

    def _check(self, values: np.ndarray, what: str) -> None:
        if values.size and values.min() <= 0:
            raise InputError(
                f"the expected {what} goes down to {values.min():.4g} where some instances are there, and must be "
                "above zero; take weights that are not negative, or a larger base"
            )

    def _terms(self, scenes: Scenes) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the weights (N, S) and the shapes (N, K, positions) of each term."""
        shape = (len(scenes), len(scenes.subsets))
        found = []
        for term, weight in zip(self.label.profile, self._weights, strict=True):
            number = weight(scenes) if isinstance(weight, Expression) else np.full(shape, float(weight))
            found.append((number, self._shape(term, scenes)))
        return found

    def _shape(self, term: Term, scenes: Scenes) -> np.ndarray:
        """Return what each instance adds at each position if its weight is 1, (N, K, positions); 0 for other motifs."""
        centre = (scenes.start + scenes.end - 1) / 2
        downstream = np.where(scenes.reverse, -1.0, 1.0)
        edges = self.first + np.arange(self.positions + 1) - 0.5
        shape = np.zeros((*scenes.motif.shape, self.positions))
        for share, offset in term.peaks:
            middle = centre + downstream * offset
            # The area above each position, so that the peak sums to 1 however narrow it is.
            shape += share * np.diff(ndtr((edges - middle[:, :, None]) / term.spread), axis=2)
        there = scenes.motif == scenes.names.index(term.at)
        return shape * (there * np.maximum(scenes.match, 0.0) if term.graded else there)[:, :, None]


class ProfileValue:
    """The value that the profile target explains, as a function of the instances: Σ_i p_i (z_i - mean z).

    z are the logarithms of the expected reads. p is the profile of all instances, which stays as it is when some are
    taken away, as in :class:`genolift.methods.targets.Profile`.

    Parameters
    ----------
    rates
        The expected reads.
    """

    by_counts = False

    def __init__(self, rates: Rates):
        self.rates, self.text, self.motifs = rates, rates.text, rates.motifs

    def __call__(self, scenes: Scenes) -> np.ndarray:
        """Return the values (N, S) for N sequences and S subsets of their instances."""
        values = np.zeros((len(scenes), len(scenes.subsets)))
        step = max(1, _CELLS // (len(scenes.subsets) * self.rates.positions))
        for start in range(0, len(scenes), step):
            rows = slice(start, start + step)
            some = scenes.rows(rows)
            everything = self.rates.along(replace(some, subsets=np.ones((1, some.motif.shape[1]))))[:, 0]
            p = everything / everything.sum(axis=1, keepdims=True)
            # Σ p_i (z_i - mean z) = Σ (p_i - mean p) z_i, because the p_i sum to one.
            values[rows] = np.einsum("np,nsp->ns", p - 1 / self.rates.positions, np.log(self.rates.along(some)))
        return values


def expected_reads(rates: Rates, scenes: Scenes) -> np.ndarray:
    """Return the reads that are expected of sequences with all of their instances, (N, positions) float64."""
    step = max(1, _CELLS // (rates.positions * max(1, scenes.motif.shape[1])))
    parts = [rates.along(scenes.rows(slice(start, start + step)))[:, 0] for start in range(0, len(scenes), step)]
    return np.concatenate(parts) if parts else np.zeros((0, rates.positions))


def draw_reads(rates: Rates, expected: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return reads (N, positions) int32 that are drawn from what is expected, (N, positions)."""
    if rates.label.sampling == "poisson":
        return random.poisson(expected).astype(np.int32)
    total = expected.sum(axis=1)
    shares = expected / total[:, None]
    return random.multinomial(np.round(total).astype(np.int64), shares).astype(np.int32)
