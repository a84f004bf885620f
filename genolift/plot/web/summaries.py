"""What a page tells of all sequences together: averages, residuals, agreement, and what is marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from genolift.plot.web.content import Track, rounded
from genolift.results.explanation import Explanation

_BINS_OF_DECADE = 8  # bins of residuals for each power of ten
_DECADES = 16  # powers of ten, beyond which a float64 tells nothing
MOST_LISTED = 50  # names in a table of what is marked
#: What is marked in a sequence: start, end (0-based, half-open), label, strand.
Mark = tuple[int, int, str, str]


class Listing(NamedTuple):
    """A table below the logo: its title, a sentence about it, its head and its rows."""

    title: str
    text: str
    head: list[str]
    rows: list[list[str]]


def average(tracks: Sequence[Track], scores: np.ndarray) -> dict[str, Any] | None:
    """Return the mean size of scores by position, where all sequences have the same length.

    Where tracks are in several units, each curve is divided by its own mean.
    """
    lengths = tracks[0].result.lengths
    if lengths is not None and len(set(np.asarray(lengths).tolist())) > 1:
        return None
    known = np.isfinite(scores)
    sums, counts = np.abs(scores).sum(axis=1, where=known), known.sum(axis=1)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    words = "mean of |score| by bases from the start of the sequence (from 0)"
    if len({track.scale for track in tracks}) > 1:
        level = np.nansum(mean, axis=1) / np.maximum(np.isfinite(mean).sum(axis=1), 1)
        mean = mean / np.where(level > 0, level, 1)[:, None]
        words += ", each curve divided by its own mean, because units differ"
    series = [{"label": track.label, "values": rounded(values)} for track, values in zip(tracks, mean, strict=True)]
    return {"series": series, "words": words}


def residuals(tracks: Sequence[Track]) -> dict[str, Any] | None:
    """Return how many pairs have a residual of which size, in bins that all tracks share; ``None`` without residuals.

    The bins are of the logarithm, because residuals of methods lie powers of ten apart. What is 0, or smaller than a
    float64 can tell from the largest, is counted in the first one.
    """
    sizes = []
    for track in tracks:
        if "residual" in track.result.defined:
            found = np.abs(np.asarray(track.result.residual, dtype=float).reshape(-1))
            if np.isfinite(found).any():
                sizes.append((track, found[np.isfinite(found)]))
    if not sizes:
        return None
    above = np.concatenate([found[found > 0] for _, found in sizes])
    high = math.ceil(np.log10(above.max())) if len(above) else 0
    low = max(high - _DECADES, math.floor(np.log10(above.min()))) if len(above) else high
    low = min(low, high - 1)
    edges = np.linspace(low, high, _BINS_OF_DECADE * (high - low) + 1)
    series, rows = [], []
    for track, found in sizes:
        logarithms = np.clip(np.log10(np.maximum(found, 10.0**low)), low, high)
        series.append({"label": track.label, "values": np.histogram(logarithms, edges)[0].tolist()})
        sums = np.median(found), np.percentile(found, 99), found.max()
        rows.append([track.label, *(f"{value:.2g}" for value in sums), _change(track.result)])
    head = ["", "median", "99th percentile", "largest", "median |f(x) − f(reference)|"]
    zero = any((found == 0).any() for _, found in sizes)
    return {"series": series, "range": [low, high], "head": head, "rows": rows, "zero": bool(zero)}


def _change(result: Explanation) -> str:
    """Return the median size of f(x) − f(reference), or nothing where it is not known."""
    if not {"predictions", "reference_predictions"} <= set(result.defined):
        return ""
    references = np.asarray(result.reference_predictions, dtype=float)
    change = np.abs(np.asarray(result.predictions, dtype=float)[..., None] - references)
    return f"{np.median(change[np.isfinite(change)]):.2g}" if np.isfinite(change).any() else ""


def tables(tracks: Sequence[Track], scores: np.ndarray, marks: Mapping[int, list[Mark]]) -> list[Listing]:
    """Return tables of how well the tracks agree, and of what is marked.

    Parameters
    ----------
    tracks
        The tracks.
    scores
        Their scores (tracks, N, L), NaN where they are not known.
    marks
        What is marked in each sequence, by its number.
    """
    found = []
    if len(tracks) > 1:
        rows = [
            [one.label, *(f"{_agreement(a, b):.3f}" for b in scores)] for one, a in zip(tracks, scores, strict=True)
        ]
        text = "The mean over sequences of the correlation between their scores, where both are known."
        found.append(Listing("Agreement", text, ["", *(track.label for track in tracks)], rows))
    if marks:
        sums: dict[str, list[list[float]]] = {}
        for row, some in marks.items():
            for start, end, label, _ in some:
                inside = scores[:, row, start:end]
                sums.setdefault(label, []).append(inside.sum(axis=1, where=np.isfinite(inside)).tolist())
        rows = [
            [label, f"{len(values):,}", *(f"{value:.4g}" for value in np.mean(values, axis=0))]
            for label, values in sorted(sums.items(), key=lambda item: -len(item[1]))[:MOST_LISTED]
        ]
        text = "How often each is marked, and the mean over its places of the sum of the scores."
        if len(sums) > len(rows):  # Peaks, unlike motifs, each have a name of their own.
            text += f" These are the {len(rows)} that are marked most often of {len(sums):,}."
        found.append(Listing("What is marked", text, ["", "places", *(track.label for track in tracks)], rows))
    return found


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    counts = np.maximum(both.sum(axis=1, keepdims=True), 1)
    a, b = (np.where(both, x - x.sum(axis=1, keepdims=True, where=both) / counts, 0.0) for x in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean((a * b).sum(axis=1)[norms > 0] / norms[norms > 0])) if (norms > 0).any() else float("nan")
