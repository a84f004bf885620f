"""Motif recovery: whether importance scores find the embedded motifs, as in figure 5 of the DeepLIFT paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from genolift.evaluate.truth import truth
from genolift.evaluate.truth.matches import STRONG, Matches, find_matches, window_sums
from genolift.evaluate.truth.standing import Standing
from genolift.simulate.dataset import Dataset
from genolift.support.errors import InputError

MEASURES = ("false_negative_rate", "false_positive_rate", "auroc", "auprc", "spearman")
COLUMNS = ("method", "task", "motif", *MEASURES, "seconds")
PAPER_MEASURES = ("paper_false_negative_rate", "paper_false_positive_rate")
PER_SEED = "false_negative_rate_seed_"  # A benchmark of several training seeds adds columns that begin so.


@dataclass(frozen=True)
class Recovery:
    """How well methods recover the motifs of a data set.

    Attributes
    ----------
    table : pandas.DataFrame
        The rows of ``recovery.csv``, one for each method, task and motif.
    scatter : pandas.DataFrame
        A row for each match, method and task, with the columns ``method, task, motif, sequence, start, strand,
        log_odds, importance, label, counted``. ``label`` names the tasks of the sequence, and ``counted`` is whether
        the match can be a false negative.
    """

    table: pd.DataFrame
    scatter: pd.DataFrame


def recover(
    dataset: Dataset,
    scores: Mapping[str, Any],
    predictions: npt.ArrayLike | None = None,
    seconds: Mapping[str, float] | None = None,
) -> Recovery:
    """Judge the scores of each method by the motif instances of a data set.

    These are the measures. A measure that is not defined is NaN.

    A match *stands out* if its importance is higher than the windows of its own sequence that overlap no motif lead one
    to expect; see :class:`genolift.evaluate.truth.standing.Standing`. Chance lets one in twenty stand out.

    - ``false_negative_rate``: the share of the strong matches (log-odds at least 7), in sequences of the task that
      contain the motif, that do not stand out. It is defined for motifs that matter to the task
      (:func:`truth.relevant`).
    - ``false_positive_rate``: the share of the strong matches that stand out. It is defined for the other motifs.
    - ``paper_false_negative_rate``: as in the paper, a match is missed if its importance is at most 0. Any score that
      is positive everywhere misses nothing.
    - ``paper_false_positive_rate``: a match counts if its importance exceeds, in absolute value, the 95th percentile
      over all windows of that width in sequences without any motif. Where scores of sequences with motifs are larger
      throughout, this counts the network's share too.
    - ``auroc`` and ``auprc``: how well scores separate bases of the motif's instances from bases of no instance, in
      sequences with the motif.
    - ``spearman``: the correlation of log-odds and importance over matches of positive log-odds.

    Parameters
    ----------
    dataset
        The data set.
    scores
        For each method by its name, scores (N, T, L) or an explanation of all tasks, in the order of the data set.
    predictions
        The logits (N, T). The default is those of the first explanation. With them the measures are computed again over
        the sequences whose task the model gets right, in columns that end in ``_correct``, which are NaN otherwise.
    seconds
        The time that each method took, by its name.

    Returns
    -------
    Recovery
        The measures, and the importance of every match.

    Raises
    ------
    InputError
        If the data set does not say what its motifs and background are, or a shape does not suit it.
    """
    arrays = {name: _score_array(name, value, dataset) for name, value in scores.items()}
    if predictions is None:
        predictions = next((v.predictions for v in scores.values() if hasattr(v, "predictions")), None)
    right = _correct(dataset, predictions)
    case = _Case(dataset)
    seconds = seconds or {}
    rows, clouds = [], []
    for method, array in arrays.items():
        for t, task in enumerate(dataset.tasks):
            for motif in case.motifs:
                everything = np.ones(len(array), dtype=bool)
                importance, measures = case.judge(array[:, t], t, motif, everything)
                _, correct = case.judge(array[:, t], t, motif, right[:, t] if right is not None else ~everything)
                rows.append(
                    {"method": method, "task": task, "motif": motif}
                    | {name: measures[name] for name in MEASURES}
                    | {"seconds": seconds.get(method, np.nan), "strong_matches": measures["strong_matches"]}
                    | {name: measures[name] for name in PAPER_MEASURES}
                    | {f"{name}_correct": correct[name] for name in (*MEASURES, *PAPER_MEASURES, "strong_matches")}
                )
                clouds.append(case.cloud(method, task, t, motif, importance))
    scatter = pd.concat(clouds, ignore_index=True)
    for column in ("method", "task", "motif", "strand", "label"):
        scatter[column] = scatter[column].astype("category")
    return Recovery(pd.DataFrame(rows), scatter)


class _Case:
    """The part of the analysis that does not depend on the scores: matches, true bases, and which motifs matter."""

    def __init__(self, dataset: Dataset):
        if not dataset.motifs or dataset.background is None:
            raise InputError("motif recovery needs the motifs and the background the data set was made with")
        self.labels = np.asarray(dataset.labels).astype(bool)
        self.motifs = list(dataset.motifs)
        self.contains = truth.presence(dataset)
        self.matters = truth.relevant(dataset)
        bases = truth.instance_bases(dataset)
        self.real = truth.base_exists(dataset)
        self.empty = ~np.any(list(bases.values()), axis=0) & self.real
        self.without_motif = ~np.any(list(bases.values()), axis=(0, 2))
        self.bases = bases
        strands = "both" if any(one.strand == "-" for one in dataset.embeddings) else "+"
        self.widths = {name: len(np.asarray(dataset.motifs[name])) for name in self.motifs}
        self.matches = {
            name: find_matches(dataset.sequences, dataset.motifs[name], dataset.background, strands=strands)
            for name in self.motifs
        }
        tasks = [str(task) for task in dataset.tasks]
        self.label_names = np.array(
            [" + ".join(t for t, on in zip(tasks, row, strict=True) if on) or "none" for row in self.labels]
        )

    def counted(self, t: int, motif: str) -> np.ndarray:
        """Return which matches of a motif can be false negatives of task ``t``."""
        matches: Matches = self.matches[motif]
        j = self.motifs.index(motif)
        positive = (self.labels[:, t] & self.contains[:, j])[matches.sequence]
        return positive & (matches.log_odds >= STRONG) & self.matters[t, j]

    def judge(self, score: np.ndarray, t: int, motif: str, among: np.ndarray) -> tuple[np.ndarray, dict]:
        """Return the importance of every match of a motif, and the measures over some of the sequences.

        Parameters
        ----------
        score
            The scores of one task, (N, L).
        t
            The number of the task.
        motif
            The name of the motif.
        among
            Which sequences count, (N,) bool.
        """
        matches, width, j = self.matches[motif], self.widths[motif], self.motifs.index(motif)
        sums = window_sums(score, width)
        importance = sums[matches.sequence, matches.start]
        here = among[matches.sequence]
        strong = here & (matches.log_odds >= STRONG)
        measures = dict.fromkeys((*MEASURES, *PAPER_MEASURES), np.nan)
        if self.matters[t, j]:
            strong = here & self.counted(t, motif)
            measures["paper_false_negative_rate"] = _share(importance[strong] <= 0)
            measures["false_negative_rate"] = _share(~self._stands_out(score, width, matches, strong))
        else:
            measures["false_positive_rate"] = _share(self._stands_out(score, width, matches, strong))
            whole = self.real[:, width - 1 :]
            null = np.abs(sums)[whole & (among & self.without_motif)[:, None]]
            if len(null):
                measures["paper_false_positive_rate"] = _share(np.abs(importance[strong]) > np.percentile(null, 95))
        measures["strong_matches"] = int(strong.sum())
        chosen = (among & self.contains[:, j])[:, None] & (self.bases[motif] | self.empty)
        inside = self.bases[motif][chosen]
        if inside.any() and not inside.all():
            measures["auroc"] = roc_auc_score(inside, score[chosen])
            measures["auprc"] = average_precision_score(inside, score[chosen])
        positive = here & (matches.log_odds > 0)
        if positive.sum() > 1 and np.ptp(importance[positive]) > 0 and np.ptp(matches.log_odds[positive]) > 0:
            measures["spearman"] = float(spearmanr(matches.log_odds[positive], importance[positive]).statistic)
        return importance, measures

    def _stands_out(self, score: np.ndarray, width: int, matches: Matches, some: np.ndarray) -> np.ndarray:
        """Return whether some matches stand out from their own sequence.

        Matches in sequences that have no window without motif are left out.
        """
        out = Standing(score, self.empty, width).out(matches.sequence[some], matches.start[some])
        judged: np.ndarray = out[~np.isnan(out)] > 0
        return judged

    def cloud(self, method: str, task: str, t: int, motif: str, importance: np.ndarray) -> pd.DataFrame:
        """Return the matches of a motif with their importance, as rows of the scatter table."""
        matches = self.matches[motif]
        return pd.DataFrame(
            {
                "method": method,
                "task": str(task),
                "motif": motif,
                "sequence": matches.sequence,
                "start": matches.start,
                "strand": matches.strand,
                "log_odds": matches.log_odds,
                "importance": importance,
                "label": self.label_names[matches.sequence],
                "counted": self.counted(t, motif),
            }
        )


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else np.nan


def _score_array(name: str, value: Any, dataset: Dataset) -> np.ndarray:
    """Return the scores of a method as an array (N, T, L)."""
    array = np.asarray(getattr(value, "scores", value))
    if array.ndim == 2 and len(dataset.tasks) == 1:
        array = array[:, None]
    shape = (len(dataset.sequences), len(dataset.tasks), max(map(len, dataset.sequences)))
    if array.shape != shape:
        raise InputError(f"scores of {name} have shape {array.shape}; sequences, tasks and length make {shape}")
    inside = np.arange(shape[2]) < np.array([len(sequence) for sequence in dataset.sequences])[:, None]
    _check_finite(f"scores of {name}", (np.isfinite(array) | ~inside[:, None]).all(axis=(1, 2)))
    return array


def _check_finite(what: str, good: np.ndarray) -> None:
    """Raise :class:`InputError` for a sequence that is not ``good``, because nothing not finite can be ranked."""
    if not good.all():
        raise InputError(
            f"{what} are NaN or infinite for {int((~good).sum())} of {len(good)} sequences (the first is number "
            f"{int(good.argmin())}); mend the model, or leave these sequences out of all"
        )


def _correct(dataset: Dataset, predictions: npt.ArrayLike | None) -> np.ndarray | None:
    """Return whether the model is right about each sequence and task, (N, T): a logit above 0 means a label of 1."""
    if predictions is None:
        return None
    labels = np.asarray(dataset.labels)
    predictions = np.asarray(predictions)
    if predictions.ndim == 1:
        predictions = predictions[:, None]
    if predictions.shape != labels.shape:
        raise InputError(f"predictions have shape {predictions.shape}, the labels {labels.shape}")
    _check_finite("predictions", np.isfinite(predictions).all(axis=1))
    return (predictions > 0) == (labels > 0)
