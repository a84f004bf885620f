"""How much each embedded instance matters to a network: its Shapley value, measured by taking instances away.

A network may not have learnt what the label depends on, or may use what merely goes along with it. An explanation is to
say what the network does. So beside the truth of the label stands that of the network: the players are the instances
of a sequence, and the worth of some of them is the prediction where all others are filled with shuffles of their own
bases, averaged over several fills.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from scipy.special import softmax

from genolift.sequence.alphabet import codes_matrix, one_hot
from genolift.simulate.dataset import Dataset
from genolift.support import progress as display
from genolift.support.errors import InputError
from genolift.support.seeds import stream

#: Up to so many instances all subsets are looked at. Beyond that the values are means over random orders.
EXACT = 6
_ORDERS = 32
_TOGETHER = 4096  # So many edited sequences are predicted in one go.

Predict = Callable[[np.ndarray], np.ndarray]
# The function from predictions (..., P), and those of the whole sequences (n, 1, 1, P), to the values of T tasks.
Value = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Worth:
    """What K instances are worth to a network, for T tasks.

    Attributes
    ----------
    values : np.ndarray
        (K, T), the Shapley values on the scale of the predictions.
    error : np.ndarray
        (K, T), their standard errors over fills or orders.
    response : np.ndarray
        (K, T), what the prediction loses when this instance alone is filled.
    """

    values: np.ndarray
    error: np.ndarray
    response: np.ndarray

    def learnt(self, share: float = 0.05) -> np.ndarray:
        """Return the values, with 0 where an instance is worth nothing that can be told from chance, (K, T).

        Parameters
        ----------
        share
            Values below this share of the largest of a task are nothing, too, as are those below two standard errors.
        """
        size = np.abs(self.values)
        limit = np.maximum(2 * self.error, share * size.max(axis=0, initial=0.0))
        return np.where(size > limit, self.values, 0.0)


def worth(
    dataset: Dataset,
    predict: Predict,
    fills: int = 4,
    seed: int = 0,
    unknown: str = "uniform",
    progress: bool | None = True,
    value: Value | None = None,
) -> Worth:
    """Measure what the embedded instances of a data set are worth to a network.

    Parameters
    ----------
    dataset
        The sequences, all of one length, with their instances.
    predict
        The function from one-hot sequences (n, L, 4) to predictions (n, T).
    fills
        How many shuffles fill the place of an instance, at least 2.
    seed
        The seed of the fills and of the orders.
    unknown
        How N is encoded, ``"uniform"`` or ``"zero"``.
    progress
        Whether to show the progress.
    value
        What the tasks are, if not the predictions themselves: a function from predictions (..., P) and those of the
        whole sequences (n, 1, 1, P) to values (..., T), such as :func:`profile_value`.

    Raises
    ------
    InputError
        If the sequences differ in length, or there are fewer than two fills.
    """
    if fills < 2:
        raise InputError(f"what a network loses has an error only over two fills or more, not {fills}")
    if len({len(sequence) for sequence in dataset.sequences}) > 1:
        raise InputError("the worth of instances is measured in sequences of one length")
    codes = codes_matrix(dataset.sequences)
    table = one_hot("ACGTN", unknown)[0]
    value = value or _as_predicted
    first = np.asarray(predict(table[codes[:1]]))[None, None]
    tasks = value(first, first).shape[-1]

    def predict_codes(edited: np.ndarray) -> np.ndarray:
        return predict(table[edited])

    shape = (len(dataset.embeddings), tasks)
    found = Worth(np.zeros(shape), np.zeros(shape), np.zeros(shape))
    of_sequence: dict[int, list[int]] = {}
    for number, one in enumerate(dataset.embeddings):
        of_sequence.setdefault(one.sequence_index, []).append(number)
    by_number: dict[int, list[int]] = {}
    for row, numbers in of_sequence.items():
        by_number.setdefault(len(numbers), []).append(row)
    with display.bar(len(of_sequence), "taking instances away", "sequences", show=progress) as bar:
        for k, rows in sorted(by_number.items()):
            coalitions = 2**k * fills if k <= EXACT else _ORDERS * (k + 1)
            step = max(1, _TOGETHER // coalitions)
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                places = np.array([of_sequence[row] for row in some])
                _measure(dataset, codes[some], places, predict_codes, value, fills, seed, found)
                bar.update(len(some))
    return found


def profile_value(logits: np.ndarray, whole: np.ndarray, tasks: int = 1) -> np.ndarray:
    """Return what the profile target explains, Σ_i p_i (z_i - mean z), with the p of the whole sequences.

    Parameters
    ----------
    logits
        (..., positions · tasks), the logits of the profiles of all tasks.
    whole
        Those of the whole sequences, in a shape that broadcasts to this.
    tasks
        The number of tasks. The softmax runs over the positions of each, and the values are added over tasks.

    Returns
    -------
    np.ndarray
        (..., 1).
    """
    z, z_whole = (array.reshape(*array.shape[:-1], -1, tasks) for array in (logits, whole))
    p = softmax(z_whole, axis=-2)
    value: np.ndarray = ((p - 1 / p.shape[-2]) * z).sum(axis=(-2, -1))[..., None]
    return value


def _as_predicted(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return values


def _measure(
    dataset: Dataset,
    codes: np.ndarray,
    places: np.ndarray,
    predict: Predict,
    value: Value,
    fills: int,
    seed: int,
    found: Worth,
) -> None:
    """Measure sequences (n, L) of k instances each, whose numbers are ``places`` (n, k); ``predict`` takes codes."""
    n, k = places.shape
    exact = k <= EXACT
    replicas = fills if exact else _ORDERS
    owner = np.full(codes.shape, -1)  # Which instance a base lies in.
    filled = np.repeat(codes[:, None], replicas, axis=1)
    orders = np.zeros((n, replicas, k), dtype=np.int64)
    for i in range(n):
        name = dataset.names[dataset.embeddings[places[i, 0]].sequence_index]
        random = stream(seed, "worth", name)
        for j, number in enumerate(places[i].tolist()):
            start, end = dataset.embeddings[number].start, dataset.embeddings[number].end
            owner[i, start:end] = j
            stretch = np.broadcast_to(codes[i, start:end], (replicas, end - start))
            filled[i, :, start:end] = random.permuted(stretch, axis=1)
        if not exact:  # Each order and its reverse, whose errors partly cancel.
            half = random.permuted(np.broadcast_to(np.arange(k), (replicas // 2, k)), axis=1)
            orders[i] = np.concatenate([half, half[:, ::-1]])
    if exact:
        there = np.broadcast_to(((np.arange(2**k)[:, None] >> np.arange(k)) & 1).astype(bool), (n, replicas, 2**k, k))
    else:
        rank = np.argsort(orders, axis=2)
        there = rank[:, :, None, :] < np.arange(k + 1)[:, None]
    predicted = _worths(codes, filled, owner, there, predict)  # (n, replicas, coalitions, P)
    whole = predicted[:, :1, -1:]  # The last coalition is everybody.
    values = value(predicted, whole)  # (n, replicas, coalitions, T)
    gains = values_of_all(values, k) if exact else _along_orders(values, orders)  # (n, replicas, k, T)
    found.values[places] = gains.mean(axis=1)
    # An order and its reverse are one draw.
    draws = gains if exact else (gains[:, : replicas // 2] + gains[:, replicas // 2 :]) / 2
    found.error[places] = draws.std(axis=1, ddof=1) / np.sqrt(draws.shape[1])
    if exact:
        full = 2**k - 1
        alone = np.stack([values[:, :, full] - values[:, :, full & ~(1 << j)] for j in range(k)], axis=2)
    else:
        without = np.repeat(~np.eye(k, dtype=bool)[None, None], n, axis=0)
        emptied = _worths(codes, filled[:, :fills], owner, np.repeat(without, fills, axis=1), predict)
        alone = value(whole, whole) - value(emptied, whole)
    found.response[places] = alone.mean(axis=1)


def _worths(
    codes: np.ndarray, filled: np.ndarray, owner: np.ndarray, there: np.ndarray, predict: Predict
) -> np.ndarray:
    """Return predictions where some instances are there and others filled, (n, replicas, coalitions, T)."""
    n, replicas, coalitions, k = there.shape
    # The last column is for bases of no instance, which are always there.
    kept = np.concatenate([there, np.ones((n, replicas, coalitions, 1), dtype=bool)], axis=-1)
    own = np.where(owner < 0, k, owner)[:, None, None, :]
    mask = np.take_along_axis(kept, np.broadcast_to(own, (n, replicas, coalitions, codes.shape[1])), axis=-1)
    edited = np.where(mask, codes[:, None, None, :], filled[:, :, None, :]).reshape(-1, codes.shape[1])
    parts = [np.asarray(predict(edited[start : start + _TOGETHER])) for start in range(0, len(edited), _TOGETHER)]
    return np.concatenate(parts).astype(float).reshape(n, replicas, coalitions, -1)


def values_of_all(worths: np.ndarray, k: int) -> np.ndarray:
    """Return Shapley values from the worth of every subset of k players.

    Parameters
    ----------
    worths
        (..., 2^k, T), where bit j of a subset's number tells whether player j is in it.
    k
        The number of players.

    Returns
    -------
    np.ndarray
        (..., k, T).
    """
    subsets = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
    size = subsets.sum(axis=1)
    weight = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in range(k)] + [0.0])
    table = np.where(subsets == 1, weight[np.maximum(size - 1, 0)][:, None], -weight[size][:, None])
    values: np.ndarray = np.einsum("sk,...st->...kt", table, worths)
    return values


def _along_orders(worths: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return what each player adds when it comes, (n, replicas, k, T)."""
    added = np.diff(worths, axis=2)  # By place in the order.
    rank = np.argsort(orders, axis=2)
    gains: np.ndarray = np.take_along_axis(added, rank[..., None], axis=2)
    return gains
