"""Metrics of predictions: AUROC, AUPRC and accuracy of labels of 0 or 1, correlations of real values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from genolift.support.errors import InputError


def class_metrics(
    labels: np.ndarray, probabilities: np.ndarray, tasks: Sequence[str], threshold: float = 0.5
) -> dict[str, dict[str, Any]]:
    """Return the metrics of each task.

    Parameters
    ----------
    labels
        (N, T), 0 or 1.
    probabilities
        (N, T), what the classifier predicts.
    tasks
        The names of the T tasks.
    threshold
        The probability above which a prediction counts as 1, for the accuracy.

    Returns
    -------
    dict of str to dict
        By the name of the task: ``auroc``, ``auprc`` (average precision), ``accuracy``, ``positives`` and ``negatives``
        (numbers of sequences). If there is only one class, ``auroc`` and ``auprc`` are ``None`` and ``note`` says why.

    Raises
    ------
    InputError
        If the shapes do not agree, a label is neither 0 nor 1, or a probability is not a finite number.
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
    metrics = {}
    for task, truth, probability in zip(tasks, labels.T, probabilities.T, strict=True):
        positives = int(truth.sum())
        scores: dict[str, Any] = {
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
        metrics[task] = scores
    return metrics


def value_metrics(values: np.ndarray, predictions: np.ndarray, tasks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the metrics of each task whose labels are real values.

    Parameters
    ----------
    values
        (N, T), the labels.
    predictions
        (N, T), what the network predicts.
    tasks
        The names of the T tasks.

    Returns
    -------
    dict of str to dict
        By the name of the task: ``pearson`` and ``spearman`` correlation, ``mse`` (the mean squared error) and
        ``explained`` (1 less that over the variance of the labels). Where labels or predictions are constant, those
        that are not defined are ``None`` and ``note`` says why.

    Raises
    ------
    InputError
        If the shapes do not agree, or a value is not a finite number.
    """
    from scipy.stats import pearsonr, spearmanr

    values, predictions = (np.asarray(array, dtype=np.float64) for array in (values, predictions))
    if values.shape != predictions.shape or values.ndim != 2 or values.shape[1] != len(tasks) or not len(values):
        raise InputError(
            f"labels {values.shape} and predictions {predictions.shape} must both be (sequences, {len(tasks)} tasks)"
        )
    if not (np.isfinite(values).all() and np.isfinite(predictions).all()):
        raise InputError("some values are not finite numbers; the model's training probably diverged")
    metrics = {}
    for task, truth, predicted in zip(tasks, values.T, predictions.T, strict=True):
        error = float(np.mean((truth - predicted) ** 2))
        scores: dict[str, Any] = {"pearson": None, "spearman": None, "mse": error, "explained": None}
        constant = [name for name, array in (("labels", truth), ("predictions", predicted)) if np.ptp(array) == 0]
        if constant:
            scores["note"] = f"all {' and all '.join(constant)} are equal"
        else:
            scores["pearson"] = float(pearsonr(truth, predicted).statistic)
            scores["spearman"] = float(spearmanr(truth, predicted).statistic)
        if np.ptp(truth) > 0:
            scores["explained"] = 1 - error / float(truth.var())
        metrics[task] = scores
    return metrics
