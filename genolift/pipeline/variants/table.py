"""The rows of a table of variants: predictions with either allele, their difference, and what chance would do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from genolift.pipeline.variants.corrections import CORRECTED, MISSING, NOT_FINITE
from genolift.pipeline.variants.effects import Effects
from genolift.pipeline.variants.nulls import Null
from genolift.pipeline.variants.overlaps import Features, overlap_cells
from genolift.sequence.variants import OK, Allele
from genolift.sequence.vcf import OnBad
from genolift.support.errors import InputError, Remedy, setting

COLUMNS = {
    "chrom": "chromosome, as the VCF file calls it",
    "pos": "position of the first base of REF, 1-based, as in the VCF file; windows lie around the normalised variant",
    "id": "name of the variant, as in the VCF file",
    "ref": "reference allele",
    "alt": "alternative allele; records with several have a row for each",
    "target": "what about the model's output is scored",
    "status": "ok, or why the allele was not scored",
    "n_windows": "windows averaged, each read on both strands",
    "pred_ref": "mean prediction with the reference allele",
    "pred_alt": "mean prediction with the alternative allele",
    "delta": "effect, pred_alt - pred_ref: positive where the alternative allele raises the prediction",
    "delta_spread": "standard deviation of delta over the models, of which all predictions are means",
    "log2_fold_change": "base-2 logarithm of the alternative's prediction over the reference's: of the means for the "
    "scale output, and delta / ln 2 for log_counts; NA where a prediction is 0 or less, of which there is no ratio",
    "direction": "up, down or none, by the sign of delta",
    "scale": "scale of pred_ref, pred_alt and delta: logit (before the final sigmoid or softmax), output (as the model "
    "gives it), profile, log_counts",
    "js_distance": "Jensen-Shannon distance of the two profiles, base 2, the mean over windows and strands; with "
    "--align-profiles over the bases that both alleles have, and NA where they have none",
    "js_distance_spread": "standard deviation of js_distance over the models, of which js_distance is the mean",
    "p_value": "share of null variants of the same kind whose |delta| is at least as large, (1 + count) / (1 + N); "
    "where --activation keep gives what a sigmoid or softmax gives, of the differences before it",
    "q_value": "false discovery rate by Benjamini and Hochberg, over the alleles of a target",
    "q_storey": "false discovery rate by Storey, over the alleles of a target, with the share of those without effect "
    "that the p-values show",
    "effect_percentile": "percentage of null variants of the same kind whose |delta|, as for p_value, is smaller",
    "active_allele_quantile": "share of null windows, with their reference allele, that predict no more than the "
    "larger of pred_ref and pred_alt",
    "js_p_value": "share of null variants of the same kind whose js_distance is at least as large, "
    "(1 + count) / (1 + N)",
    "js_q_value": "false discovery rate by Benjamini and Hochberg of js_distance, over the alleles of a target",
    "js_q_storey": "false discovery rate by Storey of js_distance, over the alleles of a target",
    "note": "the status in words",
}


class VariantTable:
    """Makes rows of alleles. ``nulls`` are the null distributions by kind of variant, where there are p-values.

    Parameters
    ----------
    path
        The file of the variants, for errors.
    labels, scales
        What the targets are called, and what their values are.
    has_profiles, has_null
        Whether there are profiles, and p-values.
    on_bad
        Whether a prediction that is not finite stops the job, ``fail``, or becomes a row that says so, ``skip``.
    features
        The features that variants may overlap, by column.
    models
        The number of models, whose spread is told where there are several.
    """

    def __init__(
        self,
        path: Path,
        labels: Sequence[str],
        scales: Sequence[str],
        has_profiles: bool,
        has_null: bool,
        on_bad: OnBad = "fail",
        features: Mapping[str, Features] | None = None,
        models: int = 1,
    ):
        self._path, self._features = path, features or {}
        self._labels, self.scales, self._on_bad = labels, scales, on_bad
        self.nulls: dict[str, Null] = {}
        absent = set() if has_profiles else {"js_distance", "js_distance_spread", "js_p_value"}
        absent |= set() if models > 1 else {"delta_spread", "js_distance_spread"}
        absent |= set() if has_null else {"p_value", "js_p_value", "effect_percentile", "active_allele_quantile"}
        absent |= set().union(*CORRECTED.values())  # They are added once all p-values are there.
        absent |= set() if {"output", "log_counts"} & set(self.scales) else {"log2_fold_change"}
        self.columns = [name for name in COLUMNS if name not in absent]
        self.columns[-1:-1] = self._features  # before the note

    def rows(self, block: Sequence[Allele], effects: Effects | None) -> list[str]:
        """Return a line for each allele and target, given the effects of those that can be scored.

        Raises
        ------
        InputError
            If a prediction is not finite, unless such records are to be skipped.
        """
        lines, i = [], 0
        for allele in block:
            is_scored = allele.status == OK
            overlapping = overlap_cells(allele, self._features) if is_scored else {}
            for t, label in enumerate(self._labels):
                cells = _described(allele, label, self.scales[t])
                if is_scored and effects is not None:
                    cells |= overlapping | self._judged(allele, effects, i, t)
                lines.append("\t".join(cells.get(name, MISSING) for name in self.columns))
            i += is_scored
        return lines

    def _judged(self, allele: Allele, effects: Effects, i: int, t: int) -> dict[str, str]:
        """Return the cells of an allele's effect, or those that say why there is none."""
        lost = effects.lost(i, t)
        if lost is None:
            return self._cells(effects, self.nulls.get(allele.kind), i, t)
        if self._on_bad == "fail":
            skip = Remedy.naming("{} gives such records a row that says so", setting("on_bad", "skip"))
            where = f"{self._path}, line {allele.record.line}, {allele.name}, target {self._labels[t]}"
            raise InputError(f"{where}: {lost}", skip)
        return {"status": NOT_FINITE, "note": "; ".join(part for part in (lost, allele.note) if part)}

    def _cells(self, effects: Effects, null: Null | None, i: int, t: int) -> dict[str, str]:
        ref, alt, distance = effects.ref[i, t], effects.alt[i, t], effects.distance[i, t]
        cells = {"pred_ref": _number(ref), "pred_alt": _number(alt), "delta": _number(alt - ref)}
        if self.scales[t] != "profile":
            cells["direction"] = "up" if alt > ref else "down" if alt < ref else "none"
        fold = _log2_fold_change(ref, alt, self.scales[t])
        if fold is not None:
            cells["log2_fold_change"] = _number(fold)
        if effects.spread is not None:
            cells["delta_spread"] = _number(effects.spread[i, t])
        if not np.isnan(distance):
            cells["js_distance"] = _number(distance)
            if effects.distance_spread is not None:
                cells["js_distance_spread"] = _number(effects.distance_spread[i, t])
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


def _log2_fold_change(ref: float, alt: float, scale: str) -> float | None:
    """Return the logarithm of the ratio of two predictions, or ``None`` where there is none."""
    if scale == "log_counts":
        return (alt - ref) / math.log(2)
    return math.log2(alt) - math.log2(ref) if scale == "output" and ref > 0 and alt > 0 else None


def _number(value: float) -> str:
    """Return the shortest text that gives the same float32 again."""
    return str(np.float32(value))
