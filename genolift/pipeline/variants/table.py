"""The rows of a table of variants: predictions with either allele, their difference, and what chance would do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genolift.pipeline.variants.aligned import aligned
from genolift.pipeline.variants.corrections import CORRECTED, MISSING
from genolift.pipeline.variants.nulls import Null
from genolift.pipeline.variants.overlaps import Features, overlap_cells
from genolift.sequence.alphabet import one_hot
from genolift.sequence.variants import OK, Allele

if TYPE_CHECKING:
    from genolift.methods.prediction.predictor import Predictor

COLUMNS = {
    "chrom": "chromosome, as the VCF file calls it",
    "pos": "position of the first base of REF, 1-based, as in the VCF file; windows lie around the normalised variant",
    "id": "as in the VCF file",
    "ref": "reference allele",
    "alt": "alternative allele; records with several have a row for each",
    "target": "what about the model's output is scored",
    "status": "ok, or why the allele was not scored",
    "n_windows": "windows averaged, each read on both strands",
    "pred_ref": "mean prediction with the reference allele",
    "pred_alt": "mean prediction with the alternative allele",
    "delta": "pred_alt - pred_ref",
    "log2_fold_change": "base-2 logarithm of the alternative's prediction over the reference's: of the means for the "
    "scale output, where both are above 0, and delta / ln 2 for log_counts",
    "direction": "up, down or none, by the sign of delta",
    "scale": "of pred_ref, pred_alt and delta: logit (before the final sigmoid or softmax), output (as the model "
    "gives it), profile, log_counts",
    "js_distance": "Jensen-Shannon distance of the two profiles, base 2, the mean over windows and strands; with "
    "--align-profiles over the bases that both alleles have",
    "p_value": "share of null variants of the same kind whose |delta| is at least as large, (1 + count) / (1 + N); "
    "where --activation keep gives what a sigmoid or softmax gives, of the differences before it",
    "q_value": "false discovery rate by Benjamini and Hochberg, over the alleles of a target",
    "q_storey": "the same by Storey, with the share of alleles without effect that the p-values show",
    "effect_percentile": "percentage of null variants of the same kind whose |delta|, as for p_value, is smaller",
    "active_allele_quantile": "share of null windows, with their reference allele, that predict no more than the "
    "larger of pred_ref and pred_alt",
    "js_p_value": "the same as p_value for js_distance",
    "js_q_value": "the same as q_value for js_distance",
    "js_q_storey": "the same as q_storey for js_distance",
    "note": "the status in words",
}


@dataclass(frozen=True)
class Effects:
    """Predictions (N, T) with either allele, and distances (N, T) of their profiles, NaN where there are none.

    ``tested`` are the differences (N, T) of which p-values are taken.
    """

    ref: np.ndarray
    alt: np.ndarray
    distance: np.ndarray
    tested: np.ndarray


class VariantTable:
    """Makes rows of alleles. ``nulls`` are the null distributions by kind of variant, where there are p-values.

    ``linked`` predicts what is tested, where that is something else: effects on what a sigmoid or a softmax gives grow
    and shrink with the activity of the window, and so cannot be compared with those in shuffled windows.
    """

    def __init__(
        self,
        predictor: Predictor,
        labels: Sequence[str],
        unknown: str,
        has_null: bool,
        linked: Predictor | None = None,
        features: Mapping[str, Features] | None = None,
        align: bool = False,
    ):
        self._align = align
        self._features = features or {}
        self._linked = linked
        self._predictor, self._labels, self._unknown, self.scales = predictor, labels, unknown, predictor.scales
        self.nulls: dict[str, Null] = {}
        absent = set() if predictor.has_profiles else {"js_distance", "js_p_value"}
        absent |= set() if has_null else {"p_value", "js_p_value", "effect_percentile", "active_allele_quantile"}
        absent |= set().union(*CORRECTED.values())  # They are added once all p-values are there.
        absent |= set() if {"output", "log_counts"} & set(self.scales) else {"log2_fold_change"}
        self.columns = [name for name in COLUMNS if name not in absent]
        self.columns[-1:-1] = self._features  # before the note

    def differences(self, windows: Sequence[Sequence[tuple[str, str]]], kinds: Sequence[str]) -> Effects:
        """Return means over each allele's windows, which are given as pairs of texts, with the kinds of the alleles."""
        from genolift.methods.prediction.predictor import profile_distance  # loads TensorFlow

        rows = [np.full(len(pairs), i) for i, pairs in enumerate(windows)]
        texts = [[pair[side] for pairs in windows for pair in pairs] for side in (0, 1)]
        which: dict[str, int] = {}  # alleles of one record share the reference's windows
        sides = [[which.setdefault(text, len(which)) for text in some] for some in texts]
        X = one_hot(list(which), self._unknown)
        predicted = self._predictor(X)
        mean = _mean_over(np.concatenate(rows), len(windows))
        ref, alt = (mean(predicted.values[side].astype(np.float64)) for side in sides)
        distance = np.full(ref.shape, np.nan)
        for t, profiles in enumerate(predicted.profiles):
            if profiles is not None:
                both = [profiles[side] for side in sides]
                found = profile_distance(*both)
                if self._align:
                    every = [(pair, kind) for pairs, kind in zip(windows, kinds, strict=True) for pair in pairs]
                    for i, (pair, kind) in enumerate(every):
                        moved = aligned(both[0][i], both[1][i], pair, kind, self._predictor.tracks[t])
                        found[i] = profile_distance(*(each[None] for each in moved))[0]
                distance[:, t] = mean(found[:, None])[:, 0]
        tested = alt - ref
        if self._linked is not None:
            values = self._linked(X).values.astype(np.float64)
            tested = mean(values[sides[1]]) - mean(values[sides[0]])
        return Effects(ref, alt, distance, tested)

    def rows(self, block: Sequence[Allele]) -> list[str]:
        """Return a line for each allele and target."""
        scored = [allele for allele in block if allele.status == OK]
        effects = self._effects(scored)
        lines, i = [], 0
        for allele in block:
            is_scored = allele.status == OK
            null = self.nulls.get(allele.kind) if is_scored else None
            overlapping = overlap_cells(allele, self._features) if is_scored else {}
            for t, label in enumerate(self._labels):
                cells = self._cells(effects, null, i, t) if is_scored and effects is not None else {}
                cells |= overlapping | _described(allele, label, self.scales[t])
                lines.append("\t".join(cells.get(name, MISSING) for name in self.columns))
            i += is_scored
        return lines

    def _effects(self, scored: Sequence[Allele]) -> Effects | None:
        pairs, kinds = [allele.pairs() for allele in scored], [allele.kind for allele in scored]
        return self.differences(pairs, kinds) if scored else None

    def _cells(self, effects: Effects, null: Null | None, i: int, t: int) -> dict[str, str]:
        ref, alt, distance = effects.ref[i, t], effects.alt[i, t], effects.distance[i, t]
        cells = {"pred_ref": _number(ref), "pred_alt": _number(alt), "delta": _number(alt - ref)}
        if self.scales[t] != "profile":
            cells["direction"] = "up" if alt > ref else "down" if alt < ref else "none"
        fold = _log2_fold_change(ref, alt, self.scales[t])
        if fold is not None:
            cells["log2_fold_change"] = _number(fold)
        if not np.isnan(distance):
            cells["js_distance"] = _number(distance)
        if null is not None:
            cells["p_value"] = _number(null.p_value(effects.tested[i, t], t))
            cells["effect_percentile"] = _number(null.effect_percentile(effects.tested[i, t], t))
            cells["active_allele_quantile"] = _number(null.active_quantile(max(ref, alt), t))
            if not np.isnan(distance):
                cells["js_p_value"] = _number(null.p_of_distance(distance, t))
        return cells


def _described(allele: Allele, label: str, scale: str) -> dict[str, str]:
    record = allele.record
    told = {
        "chrom": record.chrom,
        "pos": str(record.pos) if record.pos >= 0 else MISSING,
        "id": record.id,
        "ref": record.ref,
        "alt": allele.alt,
    }
    told |= {"target": label, "status": allele.status, "n_windows": str(len(allele.starts)), "scale": scale}
    return told | {"note": allele.note or "."}


def _mean_over(rows: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from one value per window (W, ...) to their means per allele (count, ...)."""
    sizes = np.bincount(rows, minlength=count)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((count, values.shape[1]))
        np.add.at(sums, rows, values)
        return sums / sizes

    return mean


def _log2_fold_change(ref: float, alt: float, scale: str) -> float | None:
    """Return the logarithm of the ratio of two predictions, or ``None`` where there is none."""
    if scale == "log_counts":
        return (alt - ref) / math.log(2)
    return math.log2(alt / ref) if scale == "output" and ref > 0 and alt > 0 else None


def _number(value: float) -> str:
    """Return the shortest text that gives the same float32 again."""
    return str(np.float32(value))
