"""Motif recovery, the analysis of the paper's figure 5: do importance scores find the embedded motifs?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from genolift.evaluate.truth import truth
from genolift.evaluate.truth.matches import STRONG, Matches, find_matches, window_sums
from genolift.simulate.dataset import Dataset
from genolift.support.errors import InputError

MEASURES = ("false_negative_rate", "false_positive_rate", "auroc", "auprc", "spearman")
COLUMNS = ("method", "task", "motif", *MEASURES, "seconds")
PER_SEED = "false_negative_rate_seed_"  # columns that a benchmark of several training seeds adds


@dataclass(frozen=True)
class Recovery:
    """What :func:`recover` returns.

    ``table`` is recovery.csv. ``scatter`` has a row per match and, for every (method, task), the importance
    of it: columns ``method, task, motif, sequence, start, strand, log_odds, importance, label, counted``;
    ``label`` names the sequence's tasks and ``counted`` tells the matches of which false negatives are
    counted.
    """

    table: pd.DataFrame
    scatter: pd.DataFrame


def recover(
    dataset: Dataset,
    scores: Mapping[str, object],
    predictions=None,
    seconds: Mapping[str, float] | None = None,
) -> Recovery:
    """Judge each method's scores by the motif instances of a data set.

    ``scores`` maps a method's name to an array (N, T, L) or an explanation of all tasks, in the data set's
    order; ``predictions`` (N, T) are logits, by default those of the first explanation. With them the
    measures are given again over the sequences whose task the model gets right (``..._correct``), NaN
    without. ``false_negative_rate``: of the strong matches (log-odds at least 7) in sequences of a task that
    contain the motif, the share of importance at most 0; for motifs that matter to the task
    (:func:`truth.relevant`). ``false_positive_rate``: for the other motifs, of the strong matches the share
    whose importance exceeds in absolute value the 95th percentile over all windows of that width in sequences
    without any motif. ``auroc``, ``auprc``: bases of the motif's instances against bases of no instance, in
    sequences with the motif. ``spearman``: of log-odds and importance, over matches of positive log-odds.
    Undefined measures are NaN.
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
                    | {f"{name}_correct": correct[name] for name in (*MEASURES, "strong_matches")}
                )
                clouds.append(case.cloud(method, task, t, motif, importance))
    scatter = pd.concat(clouds, ignore_index=True)
    for column in ("method", "task", "motif", "strand", "label"):
        scatter[column] = scatter[column].astype("category")
    return Recovery(pd.DataFrame(rows), scatter)


class _Case:
    """What does not depend on the scores, worked out once: matches, true bases, which motifs matter."""

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
        """The matches whose false negatives are counted."""
        found: Matches = self.matches[motif]
        j = self.motifs.index(motif)
        positive = (self.labels[:, t] & self.contains[:, j])[found.sequence]
        return positive & (found.log_odds >= STRONG) & self.matters[t, j]

    def judge(self, score: np.ndarray, t: int, motif: str, among: np.ndarray) -> tuple[np.ndarray, dict]:
        """Importance of every match, and the measures over the sequences ``among`` which (N,) is true."""
        found, width, j = self.matches[motif], self.widths[motif], self.motifs.index(motif)
        sums = window_sums(score, width)
        importance = sums[found.sequence, found.start]
        here = among[found.sequence]
        strong = here & (found.log_odds >= STRONG)
        measures = dict.fromkeys(MEASURES, np.nan)
        if self.matters[t, j]:
            strong = here & self.counted(t, motif)
            measures["false_negative_rate"] = _share(importance[strong] <= 0)
        else:
            whole = self.real[:, width - 1 :]
            null = np.abs(sums)[whole & (among & self.without_motif)[:, None]]
            if len(null):
                measures["false_positive_rate"] = _share(np.abs(importance[strong]) > np.percentile(null, 95))
        measures["strong_matches"] = int(strong.sum())
        chosen = (among & self.contains[:, j])[:, None] & (self.bases[motif] | self.empty)
        inside = self.bases[motif][chosen]
        if inside.any() and not inside.all():
            measures["auroc"] = roc_auc_score(inside, score[chosen])
            measures["auprc"] = average_precision_score(inside, score[chosen])
        positive = here & (found.log_odds > 0)
        if positive.sum() > 1 and np.ptp(importance[positive]) > 0 and np.ptp(found.log_odds[positive]) > 0:
            measures["spearman"] = float(spearmanr(found.log_odds[positive], importance[positive]).statistic)
        return importance, measures

    def cloud(self, method: str, task: str, t: int, motif: str, importance: np.ndarray) -> pd.DataFrame:
        found = self.matches[motif]
        return pd.DataFrame(
            {
                "method": method,
                "task": str(task),
                "motif": motif,
                "sequence": found.sequence,
                "start": found.start,
                "strand": found.strand,
                "log_odds": found.log_odds,
                "importance": importance,
                "label": self.label_names[found.sequence],
                "counted": self.counted(t, motif),
            }
        )


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else np.nan


def _score_array(name: str, value, dataset: Dataset) -> np.ndarray:
    array = np.asarray(getattr(value, "scores", value))
    if array.ndim == 2 and len(dataset.tasks) == 1:
        array = array[:, None]
    shape = (len(dataset.sequences), len(dataset.tasks), max(map(len, dataset.sequences)))
    if array.shape != shape:
        raise InputError(f"scores of {name} have shape {array.shape}; sequences, tasks and length make {shape}")
    return array


def _correct(dataset: Dataset, predictions) -> np.ndarray | None:
    """Whether the model gets each (sequence, task) right: a logit above 0 where the label is 1."""
    if predictions is None:
        return None
    labels = np.asarray(dataset.labels)
    predictions = np.asarray(predictions)
    if predictions.ndim == 1:
        predictions = predictions[:, None]
    if predictions.shape != labels.shape:
        raise InputError(f"predictions have shape {predictions.shape}, the labels {labels.shape}")
    return (predictions > 0) == (labels > 0)
