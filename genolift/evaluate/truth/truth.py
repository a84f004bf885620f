"""Where the motifs of a simulated data set really are, and which of them matter to which task."""

from __future__ import annotations

import numpy as np

from genolift.simulate.dataset import Dataset


def presence(dataset: Dataset) -> np.ndarray:
    """Return which sequences contain which motifs, (N, M) bool, with motifs in the order of the data set."""
    column = {name: j for j, name in enumerate(dataset.motifs)}
    contains = np.zeros((len(dataset.sequences), len(column)), dtype=bool)
    for one in dataset.embeddings:
        if one.motif in column:
            contains[one.sequence_index, column[one.motif]] = True
    return contains


def instance_bases(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return, by motif, which bases are inside its instances, (N, L) bool, where L is the longest sequence."""
    shape = (len(dataset.sequences), max(map(len, dataset.sequences)))
    masks = {name: np.zeros(shape, dtype=bool) for name in dataset.motifs}
    for one in dataset.embeddings:
        mask = masks.setdefault(one.motif, np.zeros(shape, dtype=bool))
        mask[one.sequence_index, one.start : one.end] = True
    return masks


def base_exists(dataset: Dataset) -> np.ndarray:
    """Return which positions are inside each sequence, (N, L) bool, where L is the longest sequence."""
    lengths = np.array([len(sequence) for sequence in dataset.sequences])
    return np.arange(lengths.max()) < lengths[:, None]


def relevant(dataset: Dataset) -> np.ndarray:
    """Return which motifs matter to which tasks, (T, M) bool, as the data show it.

    A motif matters to a task if there are two sets of motifs that differ in this motif only, and the majority of their
    sequences have different labels. For example, each of two motifs matters to the label "both", and only GATA matters
    to the label "GATA".
    """
    contains = presence(dataset)
    labels = np.asarray(dataset.labels)
    sets, member = np.unique(contains, axis=0, return_inverse=True)
    member = member.reshape(-1)
    majority = {tuple(s): labels[member == k].mean(axis=0) > 0.5 for k, s in enumerate(sets)}
    matters = np.zeros((labels.shape[1], contains.shape[1]), dtype=bool)
    for motifs, label in majority.items():
        for j in range(len(motifs)):
            without = (*motifs[:j], np.False_, *motifs[j + 1 :])
            if motifs[j] and without in majority:
                matters[:, j] |= label != majority[without]
    return matters


def instances_of(dataset: Dataset, i: int) -> list[tuple[int, int, str, str]]:
    """Return the motif instances in sequence ``i`` as (start, end, motif, strand), as logos take them."""
    return sorted((one.start, one.end, one.motif, one.strand) for one in dataset.embeddings if one.sequence_index == i)
