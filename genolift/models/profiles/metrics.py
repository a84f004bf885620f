"""How well profiles and counts are predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import rel_entr, softmax

from genolift.models.metrics import value_metrics
from genolift.support.errors import InputError


def profile_metrics(
    reads: np.ndarray, logits: np.ndarray, counts: np.ndarray, tasks: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the metrics of each track.

    Parameters
    ----------
    reads
        (N, positions, T), the reads.
    logits
        (N, positions, T), the logits of the profile that are predicted.
    counts
        (N, T), the logarithms of 1 + the number of reads that are predicted.
    tasks
        The names of the T tracks.

    Returns
    -------
    dict of str to dict
        By the name of the track: those of :func:`genolift.models.metrics.value_metrics` for the log-counts, and the
        mean Jensen-Shannon distance (to base 2; from 0, best, to 1) between observed and predicted profiles, ``jsd``,
        beside ``jsd_mean_profile``, which is that of the mean observed profile in the place of the predictions.
        Sequences without a read count for neither, and are ``None`` with a ``note`` where there are no others.

    Raises
    ------
    InputError
        If the shapes do not agree, or a value is not a finite number.
    """
    reads, logits = np.asarray(reads, dtype=np.float64), np.asarray(logits, dtype=np.float64)
    if reads.shape != logits.shape or reads.ndim != 3:
        raise InputError(f"reads {reads.shape} and logits {logits.shape} must both be (sequences, positions, tracks)")
    if not np.isfinite(logits).all():
        raise InputError("some logits are not finite numbers; the model's training probably diverged")
    metrics = value_metrics(np.log1p(reads.sum(axis=1)), counts, tasks)
    predicted = softmax(logits, axis=1)
    for t, task in enumerate(tasks):
        some = reads[:, :, t].sum(axis=1) > 0
        metrics[task] |= {"jsd": None, "jsd_mean_profile": None}
        if not some.any():
            metrics[task].setdefault("note", "no sequence has a read")
            continue
        observed = reads[some, :, t] / reads[some, :, t].sum(axis=1, keepdims=True)
        mean = np.broadcast_to(reads[some, :, t].sum(axis=0) / reads[some, :, t].sum(), observed.shape)
        metrics[task]["jsd"] = float(_distance(observed, predicted[some, :, t]).mean())
        metrics[task]["jsd_mean_profile"] = float(_distance(observed, mean).mean())
    return metrics


def _distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the Jensen-Shannon distance of profiles (N, positions), to base 2, (N,) (Endres & Schindelin 2003)."""
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    distance: np.ndarray = np.sqrt(np.clip(divergence, 0, 1))
    return distance
