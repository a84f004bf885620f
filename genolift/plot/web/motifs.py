"""The known motifs under the strongest stretches of the sequences of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from genolift.evaluate.discovery.labelling import label_stretches
from genolift.plot.web.content import WIDTH, Track, strong_stretches
from genolift.plot.web.summaries import MOST_LISTED, Listing
from genolift.sequence.alphabet import encode

_UNKNOWN = 4


class Motifs(NamedTuple):
    """Known motifs that name the strongest stretches.

    Attributes
    ----------
    source : str
        What they come from, such as the name of a file.
    matrices : mapping
        Probabilities (w, 4) by the name of the motif.
    """

    source: str
    matrices: Mapping[str, np.ndarray]


class Naming:
    """Gathers the strongest stretches of all tracks, and then names them together.

    Tracks are named together so that of motifs that are alike, the same one is named in all of them.
    """

    def __init__(self, motifs: Motifs, tracks: Sequence[Track]):
        self.motifs, self.tracks = motifs, tracks
        self._flank = max((len(matrix) for matrix in motifs.matrices.values()), default=0)
        self._composition = np.zeros(5)
        self._number: dict[tuple[int, int], int] = {}  # of a stretch, by its row and start
        self._windows: list[np.ndarray] = []
        self._judged: list[bool] = []
        self._stretches: list[dict[int, list[int]]] = [{} for _ in tracks]  # by row, the strongest first

    def add(self, row: int, sequence: str, scores: Sequence[np.ndarray]) -> None:
        """Add a sequence, and its scores (L,) in every track."""
        codes = encode(sequence)
        self._composition += np.bincount(codes, minlength=5)
        padded = np.pad(codes, self._flank, constant_values=_UNKNOWN)
        counted: list[int] = []
        for stretches, values in zip(self._stretches, scores, strict=True):
            starts = strong_stretches(values, len(sequence))
            for start in starts:
                if (row, start) not in self._number:
                    self._number[row, start] = len(self._windows)
                    self._windows.append(padded[start : start + WIDTH + 2 * self._flank])
                    # Stretches that lie on or beside each other share a match, and are counted once in the test.
                    self._judged.append(all(abs(start - other) >= 2 * WIDTH for other in counted))
                    if self._judged[-1]:
                        counted.append(start)
            stretches[row] = [self._number[row, start] for start in starts]

    def name(self, progress: bool | None) -> None:
        """Name the stretches that were added."""
        windows = np.array(self._windows, np.uint8).reshape(len(self._windows), WIDTH + 2 * self._flank)
        matrices = self.motifs.matrices
        self._labels = label_stretches(
            windows, WIDTH, matrices, self._composition[:4], np.array(self._judged, bool), progress
        )
        self._names = list(matrices)

    def _motif(self, stretch: int) -> str | None:
        number = int(self._labels.motif[stretch])
        return None if number < 0 else self._names[number]

    def strongest(self, track: int, row: int) -> str | None:
        """Return the motif under the strongest stretch of a sequence in a track, or ``None``."""
        stretches = self._stretches[track].get(row)
        return self._motif(stretches[0]) if stretches else None

    def marks(self) -> dict[int, list[dict[str, Any]]]:
        """Return where motifs stand under strong stretches, as the script marks them, by the number of the sequence."""
        found: dict[int, dict[tuple, dict[str, Any]]] = {}
        for (row, start), number in self._number.items():
            if (label := self._motif(number)) is not None:
                first = start + int(self._labels.start[number])
                place = first, first + len(self.motifs.matrices[label]), label, str(self._labels.strand[number])
                # Stretches of several tracks may lie on the same match.
                one = dict(zip(("start", "end", "label", "strand"), place, strict=True)) | {"tone": "motif"}
                found.setdefault(row, {})[place] = one
        return {row: list(marks.values()) for row, marks in found.items()}

    def listing(self) -> Listing:
        """Return how often each motif stands under strong stretches."""
        counts: dict[str | None, list[list[int]]] = {}
        for track, stretches in enumerate(self._stretches):
            for numbers in stretches.values():
                for rank, number in enumerate(numbers):
                    cells = counts.setdefault(self._motif(number), [[0, 0] for _ in self.tracks])
                    cells[track][0] += rank == 0
                    cells[track][1] += 1
        none = counts.pop(None, [[0, 0] for _ in self.tracks])
        order = sorted(counts.items(), key=lambda item: -sum(every for _, every in item[1]))
        rows = [[str(name), *_cells(cells)] for name, cells in order[:MOST_LISTED]]
        text = (
            f"How many sequences have each motif of {self.motifs.source} under their strongest stretch of {WIDTH} "
            "bases. Behind the stroke is how often it stands under any strong stretch: the strongest of each sequence, "
            "and up to two more that are at least half as strong. A motif is named where it resembles the bases more "
            "than all but 1 in 100 random stretches of this composition, and only if it does so in more stretches than "
            "chance explains. Of motifs that are alike, such as those of a family, the one that fits best is named. A "
            "name says what the bases resemble, and not which factor binds."
        )
        if len(order) > len(rows):
            text += f" These are the {len(rows)} commonest of {len(order):,}."
        rows.append(["none of them", *_cells(none)])
        head = ["", *(track.label for track in self.tracks)]
        return Listing("Motifs under the strongest stretches", text, head, rows)


def _cells(counts: list[list[int]]) -> list[str]:
    return [f"{first:,} / {every:,}" for first, every in counts]
