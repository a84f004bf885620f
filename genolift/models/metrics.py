"""How well a classifier does: AUROC, AUPRC and accuracy per task, by scikit-learn."""

from collections.abc import Sequence

import numpy as np

from genolift.support.errors import InputError


def class_metrics(labels, probabilities, tasks: Sequence[str], threshold: float = 0.5) -> dict[str, dict]:
    """Metrics of each task by its name.

    ``labels``: (N, T), 0 or 1. ``probabilities``: (N, T). Returns per task ``auroc``, ``auprc`` (average
    precision), ``accuracy`` at ``threshold`` (a probability above it is a 1), ``positives``, ``negatives``.
    With one class only, ``auroc`` and ``auprc`` are ``None`` and ``note`` says why. Raises
    :class:`InputError` for shapes that do not agree, labels other than 0 and 1, or probabilities that are not
    numbers.
    """
    from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if labels.shape != probabilities.shape or labels.ndim != 2 or labels.shape[1] != len(tasks) or not len(labels):
        raise InputError(
            f"labels {labels.shape} and probabilities {probabilities.shape} "
            f"must both be (sequences, {len(tasks)} tasks)"
        )
    if not np.isin(labels, (0, 1)).all():
        raise InputError("class metrics need labels that are 0 or 1")
    if not np.isfinite(probabilities).all():
        raise InputError("some probabilities are not finite numbers; the model's training probably diverged")
    result = {}
    for task, truth, probability in zip(tasks, labels.T, probabilities.T, strict=True):
        positives = int(truth.sum())
        scores = {
            "auroc": None,
            "auprc": None,
            "accuracy": float(accuracy_score(truth, probability > threshold)),
            "positives": positives,
            "negatives": len(truth) - positives,
        }
        if 0 < positives < len(truth):
            scores["auroc"] = float(roc_auc_score(truth, probability))
            scores["auprc"] = float(average_precision_score(truth, probability))
        else:
            scores["note"] = (
                f"all {len(truth)} sequences are {'positive' if positives else 'negative'}: "
                "AUROC and AUPRC need both classes"
            )
        result[task] = scores
    return result
