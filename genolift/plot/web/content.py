"""What a page or a widget knows of explained sequences: their bases, their scores in few bytes, and what is marked."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.plot.logo import target_text
from genolift.plot.logos.stacked import scale_of
from genolift.plot.style import method_label
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import is_dna, letters, one_hot_codes
from genolift.support.errors import InputError

_MOST, _MISSING = 32767, -32768  # Scores are kept as 16-bit whole numbers: 1/32,767 of the largest of a sequence.
WIDTH = 10  # bases of the strongest stretch
_STRONG, _SHARE = 3, 0.5  # strong stretches of a sequence at most, and how strong they are beside the strongest


@dataclass(frozen=True)
class Track:
    """The scores of one target in one store.

    Attributes
    ----------
    result : Explanation
        All the sequences, without an axis of targets.
    label : str
        What the page calls it.
    """

    result: Explanation
    label: str

    @property
    def scale(self) -> str:
        """The method and the units, as one text; heights of tracks of the same scale can be compared."""
        return ", ".join(scale_of(self.result))


def tracks_of(results: Sequence[Explanation], labels: Sequence[str] | None = None) -> list[Track]:
    """Return the tracks of several explanations of the same sequences.

    Parameters
    ----------
    results
        The explanations.
    labels
        What they are called. By default that is their method.

    Raises
    ------
    InputError
        If they are not of DNA, of several inputs, or not of the same sequences.
    """
    first = results[0]
    for result in results:
        if result.several_inputs or not is_dna(result.inputs.shape[1:]):
            raise InputError("only explanations of one input of DNA, (N, L, 4), can be shown")
        if list(result.name_texts) != list(first.name_texts):
            raise InputError(
                "the stores are not of the same sequences in the same order; explain the same file by each"
            )
    found = []
    for number, result in enumerate(results):
        method = labels[number] if labels else method_label(str(result.method.get("name", "scores")))
        targets: list[Any] = [None]
        if result.target_axis:
            targets = result.target if isinstance(result.target, list) else list(range(result.target_count))
        for target in targets:
            one = result.for_target(target) if result.target_axis else result
            words = target_text(one.target)
            found.append(Track(one, f"{method}, {words}" if len(results) > 1 or not result.target_axis else words))
    return found


def packed(values: np.ndarray) -> dict[str, Any]:
    """Return numbers as whole numbers of 16 bits in base64, with the scale that they are to be multiplied by."""
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values)
    scale = float(np.abs(values[known]).max(initial=0.0)) / _MOST or 1.0
    whole = np.where(known, np.round(np.where(known, values, 0.0) / scale), _MISSING).astype("<i2")
    return {"data": base64.b64encode(whole.tobytes()).decode(), "scale": scale}


def text_of(x: np.ndarray) -> str:
    """Return the bases of a one-hot sequence (L, 4)."""
    return letters(one_hot_codes(x[None])[0])


def sequence_of(tracks: Sequence[Track], row: int) -> dict[str, Any]:
    """Return what is drawn of a sequence: its bases, and its scores in every track.

    Scores that stand among the hypothetical contributions are not repeated.

    Raises
    ------
    InputError
        If the tracks are of other bases under the same name.
    """
    told, first = [], tracks[0].result[row]
    sequence = text_of(np.asarray(first.inputs)[0])
    for track in tracks:
        one = first if track is tracks[0] else track.result[row]
        if one is not first and not np.array_equal(one.inputs, first.inputs):
            raise InputError(
                f"{first.names[0]!r} is another sequence in {track.label} than in {tracks[0].label}; explain the same "
                "file by each"
            )
        scores, part = np.asarray(one.scores)[0], {}
        if "hypothetical" in one.defined:
            hypothetical = np.asarray(one.hypothetical)[0]
            part["hypothetical"] = packed(hypothetical.reshape(-1))
        if "hypothetical" not in part or not _holds(hypothetical, np.asarray(one.inputs)[0], scores):
            part["scores"] = packed(scores)
        if "standard_error" in one.defined and np.isfinite(np.asarray(one.standard_error)).any():
            part["error"] = packed(np.asarray(one.standard_error)[0])
        told.append(part)
    return {"sequence": sequence, "tracks": told}


def _holds(hypothetical: np.ndarray, x: np.ndarray, scores: np.ndarray) -> bool:
    """Whether the scores are what the base that is there has among the hypothetical contributions (L, 4)."""
    if not np.isfinite(hypothetical).all() or not ((x == 1).sum(axis=1) == 1).all() or (x != 0).sum() != len(x):
        return False
    return np.allclose((hypothetical * x).sum(axis=1), scores, rtol=1e-4, atol=1e-6 * np.abs(scores).max(initial=0.0))


def strongest(scores: np.ndarray, sequence: str, marks: Sequence[Sequence[Any]] = ()) -> dict[str, Any] | None:
    """Return the stretch of ten bases whose scores sum to most in size, with the name of what is marked there.

    Parameters
    ----------
    scores
        (L,); NaN counts as nothing, and where all are NaN or 0 no stretch is strongest.
    sequence
        The bases.
    marks
        Annotations (start, end, label, strand).
    """
    width = min(WIDTH, len(sequence))
    sums = _sums(scores[: len(sequence)], width)
    if sums is None:
        return None
    start = int(np.abs(sums).argmax())
    over = [(min(end, start + width) - max(begin, start), label) for begin, end, label, _ in marks]
    shared, label = max(over, default=(0, ""), key=lambda one: one[0])
    return {
        "start": start,
        "bases": sequence[start : start + width],
        "sum": float(f"{sums[start]:.5g}"),
        "label": label if 2 * shared >= width else "",
    }


def strong_stretches(scores: np.ndarray, length: int) -> list[int]:
    """Return where the strong stretches of ten bases begin that do not overlap, the strongest first.

    These are up to three stretches, whose scores sum to at least half as much in size as those of the strongest.
    """
    found = _sums(scores[:length], WIDTH) if length >= WIDTH else None
    if found is None:
        return []
    sums, starts = np.abs(found), list[int]()
    largest = sums.max()
    while len(starts) < _STRONG and sums.max() > 0 and sums.max() >= _SHARE * largest:
        starts.append(int(sums.argmax()))
        sums[max(0, starts[-1] - WIDTH + 1) : starts[-1] + WIDTH] = -1.0
    return starts


def _sums(scores: np.ndarray, width: int) -> np.ndarray | None:
    """Return the sum of each stretch of so many scores; ``None`` where there is nothing but NaN and 0."""
    known = np.nan_to_num(scores, posinf=0.0, neginf=0.0)
    return np.convolve(known, np.ones(width), "valid") if known.any() else None


def spread(scores: np.ndarray, error: np.ndarray) -> float:
    """Return the median of standard error over contribution of the ten largest contributions (L,), or NaN.

    It is the share of a contribution that its mean over references may be wrong by.
    """
    known = np.flatnonzero(np.isfinite(scores) & np.isfinite(error) & (scores != 0))
    if not len(known):
        return float("nan")
    largest = known[np.argsort(-np.abs(scores[known]), kind="stable")[:WIDTH]]
    return float(np.median(error[largest] / np.abs(scores[largest])))


def rounded(values: Any) -> list[float | None]:
    """Return numbers as JSON can hold them, of six digits; ``None`` for what is not finite."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in np.asarray(values, float).reshape(-1)]


def content_of(chosen: Sequence[Explanation], annotations: Sequence[tuple] = ()) -> dict[str, Any]:
    """Return what the script draws of explanations of one sequence.

    Parameters
    ----------
    chosen
        The explanations, of one sequence each.
    annotations
        Stretches to mark, (start, end, label) or (start, end, label, strand).
    """
    tracks = tracks_of(chosen)
    told = sequence_of(tracks, 0)
    first = chosen[0]
    place: dict[str, Any] = {}
    if first.region_table is not None:
        region = first.region_table[0]
        place = {"chrom": str(region.chrom), "start": int(region.start), "strand": str(region.strand)}
    labelled = [
        {"label": track.label, "scale": track.scale, "sequence": told["sequence"], **part}
        for track, part in zip(tracks, told["tracks"], strict=True)
    ]
    marks = [
        {"start": int(a), "end": int(b), "label": str(label), "strand": str(rest[0]) if rest else ""}
        for a, b, label, *rest in annotations
    ]
    return {"name": first.names[0], **place, "tracks": labelled, "annotations": marks}
