"""How much each embedded instance matters to each task: its exact Shapley value under the expression of the label.

The players are the instances of one sequence, and the worth of some of them is the value of the expression, without
noise, where only they are there. Instances that are redundant share what they bring about, a repressor's value is
negative, and that of a decoy is zero. The values of a sequence sum to the difference between all of its instances and
none (Shapley 1953). For a profile the worth is log(1 + the expected number of reads), and beside it stands that of the
profile target, Σ_i p_i (z_i - mean z), where z are the logarithms of the expected reads and p is the profile of all
instances.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.special import gammaln

from genolift.sequence.alphabet import codes_matrix
from genolift.simulate.dataset import Dataset
from genolift.simulate.drawing.words import matches
from genolift.simulate.expressions import Expression
from genolift.simulate.labels import Outcome
from genolift.simulate.profiles.rates import ProfileValue, Rates
from genolift.simulate.scenes import Scenes
from genolift.simulate.spec import Spec
from genolift.support.errors import InputError

#: Where it matters how strong instances are and where they lie, all of their 2^K subsets are looked at.
MOST = 16
_CELLS = 4_000_000  # How many subsets times instances are looked at in one go.


def importance(spec: Spec, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return what is expected of each sequence, (N, T), and the Shapley value of each instance, (K, T), float64.

    Parameters
    ----------
    spec
        The configuration.
    dataset
        The sequences with their instances, which are in the order of the sequences.

    Raises
    ------
    InputError
        If an expression is not finite, or if it needs the places of more than ``MOST`` instances.
    """
    expected = np.zeros((len(dataset), len(spec.outcomes)))
    values = np.zeros((len(dataset.embeddings), len(spec.outcomes)))
    for t, (outcome, scenes) in enumerate(scenes_of(spec, dataset)):
        expression = outcome.expression
        try:
            expected[:, t] = expression(scenes)[:, 0]
            if isinstance(expression, Expression) and expression.by_counts:
                found = _by_counts(expression, scenes)
            else:
                found = _by_subsets(expression, scenes)
        except InputError as problem:
            raise InputError(f"labels.{outcome.key}: {problem}") from None
        values[:, t] = _of_instances(dataset, expression.motifs, found)
    return expected, values


def profile_importance(spec: Spec, dataset: Dataset) -> np.ndarray | None:
    """Return the Shapley value of each instance for the profile of each task, (K, T); ``None`` without profiles.

    Parameters
    ----------
    spec
        The configuration.
    dataset
        The sequences with their instances, which are in the order of the sequences.

    Raises
    ------
    InputError
        If a sequence has more than ``MOST`` instances.
    """
    if spec.kind != "profile":
        return None
    values = np.zeros((len(dataset.embeddings), len(spec.outcomes)))
    for t, (outcome, scenes) in enumerate(scenes_of(spec, dataset)):
        assert isinstance(outcome.expression, Rates)
        worth = ProfileValue(outcome.expression)
        try:
            values[:, t] = _of_instances(dataset, worth.motifs, _by_subsets(worth, scenes))
        except InputError as problem:
            raise InputError(f"labels.{outcome.key}: {problem}") from None
    return values


def scenes_of(spec: Spec, dataset: Dataset) -> Iterator[tuple[Outcome, Scenes]]:
    """Yield each task with the instances that it depends on, all of them there."""
    found = spec.outcomes
    shares = None if all(outcome.expression.by_counts for outcome in found) else _matches(spec, dataset)
    for outcome in found:
        yield outcome, Scenes.of(len(dataset), dataset.embeddings, outcome.expression.motifs, shares)


def _of_instances(dataset: Dataset, motifs: Collection[str], found: np.ndarray) -> np.ndarray:
    """Return values by sequence and place among its instances of some motifs, (N, K'), as those of all instances."""
    rows = np.array([one.sequence_index for one in dataset.embeddings], dtype=np.int64)
    mine = np.array([one.motif in motifs for one in dataset.embeddings], dtype=bool)
    place = np.arange(mine.sum()) - np.searchsorted(rows[mine], rows[mine])
    values = np.zeros(len(rows))
    values[mine] = found[rows[mine], place]
    return values


def _matches(spec: Spec, dataset: Dataset) -> np.ndarray:
    """Return the share of the highest log-odds of each instance, (K,)."""
    shares = np.ones(len(dataset.embeddings))
    for motif in spec.matrices:
        some = [k for k, one in enumerate(dataset.embeddings) if one.motif == motif]
        if some:
            words = codes_matrix([dataset.embeddings[k].string for k in some])
            back = np.array([dataset.embeddings[k].strand == "-" for k in some])
            words[back] = 3 - words[back, ::-1]
            shares[some] = matches(spec, motif, words)
    return shares


def _by_counts(expression: Expression, scenes: Scenes) -> np.ndarray:
    """Return the values (N, K) where instances of one motif can stand for each other."""
    kinds = np.arange(len(scenes.names))
    counts = (scenes.motif[:, :, None] == kinds).sum(axis=1)
    found = np.zeros(scenes.motif.shape)
    for numbers in np.unique(counts, axis=0):
        of_kind = _of_counts(expression, scenes.names, numbers)
        rows = (counts == numbers).all(axis=1)
        there = scenes.motif[rows]
        found[rows] = np.where(there >= 0, of_kind[np.maximum(there, 0)], 0.0)
    return found


def _of_counts(expression: Expression, names: tuple[str, ...], numbers: np.ndarray) -> np.ndarray:
    """Return the value of an instance of each motif in a sequence with so many of each, (motifs,).

    Of the coalitions that a player of motif j joins, those with k_i of motif i are equal. There are as many of them as
    the product over i of the binomial coefficients of n_i (n_j - 1 for motif j) and k_i.
    """
    table = np.array(list(product(*(range(number + 1) for number in numbers))))
    worth = expression(Scenes.of_counts(dict(zip(names, table.T, strict=True))))[:, 0].reshape(numbers + 1)
    total = int(numbers.sum())
    of_kind = np.zeros(len(numbers))
    for j in np.flatnonzero(numbers):
        others = numbers.copy()
        others[j] -= 1
        joined = np.array(list(product(*(range(number + 1) for number in others))))
        size = joined.sum(axis=1)
        ways = _log_choose(others, joined).sum(axis=1)
        weight = np.exp(ways + gammaln(size + 1) + gammaln(total - size) - gammaln(total + 1))
        with_one = joined.copy()
        with_one[:, j] += 1
        of_kind[j] = weight @ (worth[tuple(with_one.T)] - worth[tuple(joined.T)])
    return of_kind


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    chosen: np.ndarray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen


def _by_subsets(expression: Expression | Rates | ProfileValue, scenes: Scenes) -> np.ndarray:
    """Return the values (N, K), where every subset of a sequence's instances is looked at."""
    numbers = (scenes.motif >= 0).sum(axis=1)
    most = int(numbers.max(initial=0))
    if most > MOST:
        raise InputError(
            f"{expression.text!r} depends on strength or place, and a sequence has {most} instances of its motifs; "
            f"importance is exact for up to {MOST}, so embed fewer, or use counts alone"
        )
    found = np.zeros(scenes.motif.shape)
    for k in range(1, most + 1):
        rows = np.flatnonzero(numbers == k)
        subsets = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        size = subsets.sum(axis=1)
        # The weight of a subset without a player is |S|! (k - |S| - 1)! / k!; what it is with the player counts the
        # other way.
        joined = np.exp(gammaln(np.maximum(size, 1)) + gammaln(k - size + 1) - gammaln(k + 1))
        left = np.exp(gammaln(size + 1) + gammaln(np.maximum(k - size, 1)) - gammaln(k + 1))
        weights = np.where(subsets == 1, joined[:, None], -left[:, None])
        step = max(1, _CELLS // (2**k * k))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            cut = {name: getattr(scenes, name)[some, :k] for name in ("motif", "start", "end", "reverse", "match")}
            worth = expression(replace(scenes, **cut, subsets=subsets.astype(float)))
            found[some, :k] = worth @ weights
    return found
