"""The loss of networks that predict profiles: multinomial for where reads lie, squared for how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np

TITLE = "multinomial negative log-likelihood of the profile, and squared error of log(1 + counts)"
_SHARE = 0.1


def profile_loss(reads: Any, logits: Any) -> Any:
    """Return the multinomial negative log-likelihood of reads, (N,), without the term that no network changes.

    The softmax runs over the positions of each track, and the tracks are added (BPNet, Avsec et al. 2021, methods).

    Parameters
    ----------
    reads
        How many reads there are at each position, (N, positions, T).
    logits
        The logits of the profile, in the same shape.
    """
    import keras

    likely = keras.ops.log_softmax(logits, axis=1)
    return -keras.ops.sum(keras.ops.cast(reads, likely.dtype) * likely, axis=(1, 2))


def counts_weight(reads: np.ndarray) -> float:
    """Return what the squared error of the counts is multiplied by: a tenth of the median number of reads.

    The multinomial loss grows with the number of reads, and so does this weight. It is chrombpnet's (Pampari et al.
    2025) for one track; of several tracks it is the median over all.

    Parameters
    ----------
    reads
        The reads of the training sequences, (N, positions, T).
    """
    median = float(np.median(reads.sum(axis=1)))
    return _SHARE * max(median, 1.0)
