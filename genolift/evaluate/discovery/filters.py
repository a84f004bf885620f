"""What a layer's units look for: a motif for each from the stretches of sequence that excite it.

A stretch is a site of a unit where it is at least ``threshold`` × the unit's largest activation over the data, as for the
first-layer filters of Basset (Kelley et al. 2016). In deeper layers a site is as long as what a unit sees, and its neighbours
often see the same motif shifted by some bases: there only peaks are sites, no other being larger within half their length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.sparse import csr_matrix

from genolift.evaluate.discovery.matching import MotifMatches, match_matrices
from genolift.methods.common.inputs import Inputs
from genolift.methods.hidden.activations import LayerReader
from genolift.sequence.alphabet import BASES, one_hot_codes
from genolift.simulate.motifs import Motif, meme_text
from genolift.support import drawings
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.progress import bar

WEIGHTS = ("sites", "activation")
# Sites cut out at a time, in bytes; and sequences run at a time where they are all at hand.
_BYTES, _AT_ONCE = 64e6, 1024


@dataclass(frozen=True, eq=False)
class Filter:
    """Unit ``number`` and its ``matrix`` (w, 4) of probabilities, from so many ``sites``.

    ``information`` are bits against the background; ``largest`` is its largest activation, ``share`` that of the sequences
    that have a site. A unit that is never above 0 has no site, and the background for a matrix.
    """

    number: int
    matrix: np.ndarray
    sites: int
    information: float
    largest: float
    share: float

    @property
    def name(self) -> str:
        return f"filter_{self.number}"

    @property
    def consensus(self) -> str:
        """The likeliest base of each position, in lower case where it has less than half of the probability."""
        likeliest = self.matrix.argmax(1)
        letters = (
            BASES[b] if row[b] >= 0.5 else BASES[b].lower() for b, row in zip(likeliest, self.matrix, strict=True)
        )
        return "".join(letters)


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of a ``layer``, in the order of its units; ``background`` (4,) is the composition of the ``sequences``."""

    layer: str
    filters: list[Filter]
    background: np.ndarray
    sequences: int
    threshold: float
    weights: str
    peaks: bool

    def __len__(self) -> int:
        return len(self.filters)

    def __getitem__(self, number: int) -> Filter:
        return self.filters[number]

    @property
    def excited(self) -> list[Filter]:
        """Those that have sites."""
        return [one for one in self.filters if one.sites]

    def to_meme(self) -> str:
        """The filters that have sites in MEME's motif format."""
        motifs = [(Motif(one.name, one.matrix), one.sites) for one in self.excited]
        return meme_text(motifs, self.background)

    def match(self, motifs: Mapping[str, np.ndarray]) -> MotifMatches:
        """The known motif (matrices by name) that each of the ``excited`` looks most like, on either strand, by Tomtom."""
        return match_matrices([one.matrix for one in self.excited], motifs)

    def to_tsv(self, matches: MotifMatches | None = None, names: list[str] | None = None) -> str:
        """A row per filter; with ``matches`` the best motif (of ``names``), its strand, p- and q-value."""
        head = ["filter", "sites", "information", "consensus", "max_activation", "sequence_share"]
        head += ["motif", "strand", "p", "q"] if matches is not None else []
        rows, place = [], 0
        for one in self.filters:
            row = [one.name, str(one.sites), f"{one.information:.4g}", one.consensus if one.sites else ""]
            row += [f"{one.largest:.6g}", f"{one.share:.4g}"]
            if matches is not None:
                row += _match(matches, names, place) if one.sites else [""] * 4
                place += one.sites > 0
            rows.append(row)
        return "".join("\t".join(row) + "\n" for row in [head, *rows])

    def plot(self, **options: Any) -> Any:
        """Return a grid of logos as a Matplotlib figure; options as in :func:`genolift.plot.filters.plot_filters`."""
        return drawings.draw(self, drawings.PLOT, **options)


def _match(matches: MotifMatches, names: list[str], place: int) -> list[str]:
    motif, strand, p, q = (column[place] for column in matches)
    return [names[motif], str(strand), f"{p:.3g}", f"{q:.3g}"]


def filters(
    model,
    X,
    layer: str | None = None,
    *,
    threshold: float = 0.5,
    weights: str = "sites",
    peaks: bool | None = None,
    pseudocount: float = 1.0,
    memory=None,
    progress: bool | None = None,
) -> Filters:
    """A motif for each unit of ``layer`` (default: the first convolution) from the sequences ``X`` that excite it.

    ``threshold``: the share of a unit's largest activation from which a stretch is a site. ``weights``: every site counts the
    same (``"sites"``), or by its ``"activation"`` over the largest. ``peaks``: whether a site must be larger than others within
    half its length (default: in layers behind the first convolution). ``pseudocount`` is added to each position in proportion to
    the composition of ``X``. Sequences are read on the strand that is given; give reverse complements, too, for sites on both.
    A base that is unknown, or beyond the sequence's end, is not counted.
    """
    reader = LayerReader(model, layer, memory, first=True)
    inputs = reader.inputs(X)

    def batches():
        for start in range(0, len(inputs), _AT_ONCE):
            yield reader.part(inputs, slice(start, start + _AT_ONCE))

    show = len(inputs) > _AT_ONCE if progress is None else progress
    return collect(reader, batches, len(inputs), threshold, weights, peaks, pseudocount, show)


def collect(
    reader: LayerReader,
    batches: Callable[[], Iterable[Inputs]],
    total: int | None = None,
    threshold: float = 0.5,
    weights: str = "sites",
    peaks: bool | None = None,
    pseudocount: float = 1.0,
    progress: bool = False,
) -> Filters:
    """The same from ``batches()``, which are read twice, each of sequences of one length; ``total`` of them for the bar."""
    if not 0 < threshold <= 1:
        raise InputError(
            f"threshold is a share of a filter's largest activation, above 0 and at most 1, not {threshold}"
        )
    if weights not in WEIGHTS:
        raise InputError(f"weights is 'sites' or 'activation', not {weights!r}")
    if not pseudocount >= 0:
        raise InputError(f"pseudocount must be 0 or more, not {pseudocount}")
    largest, bases, count = None, np.zeros(4), 0
    with bar(None if total is None else 2 * total, "filters", "sequences", progress) as display:
        for inputs in batches():
            bases += _known(reader, inputs).sum((0, 1), dtype=np.float64)
            count += len(inputs)
            for values in reader.batches(inputs):
                top = values.max((0, 1))
                largest = top if largest is None else np.maximum(largest, top)
                display.update(len(values))
        if largest is None:
            raise InputError("there are no sequences that could excite a filter")
        background = (bases + 1) / (bases + 1).sum()
        sums = _Sums(largest, threshold, weights == "activation")
        for inputs in batches():
            opened, known, done = reader.open(inputs), _known(reader, inputs), 0
            only_peaks = opened.behind if peaks is None else peaks
            for values in reader.batches(inputs):
                sums.add(values, known[done : done + len(values)], opened.fields.windows, opened.layer, only_peaks)
                done += len(values)
                display.update(len(values))
    found = sums.filters(background, pseudocount, count)
    return Filters(opened.layer, found, background, count, threshold, weights, only_peaks)


def _known(reader: LayerReader, inputs: Inputs) -> np.ndarray:
    """The sequences (n, L, 4) that the layer sees, with nothing where a position is not exactly one base."""
    x = inputs.arrays[reader.open(inputs).place]
    if x.shape[-1] != len(BASES):
        raise UnsupportedModel(
            f"filters are motifs of four bases, and the model's sequences have {x.shape[-1]} letters"
        )
    return x * (one_hot_codes(x) < len(BASES))[..., None]


class _Sums:
    """Bases at the sites of each unit, added up batch by batch."""

    def __init__(self, largest: np.ndarray, threshold: float, by_activation: bool):
        self.largest, self.by_activation = largest, by_activation
        self.least = np.where(largest > 0, threshold * largest, np.inf).astype(np.float32)
        self.divisor = np.where(largest > 0, largest, 1)
        self.sites, self.sequences = np.zeros(len(largest), np.int64), np.zeros(len(largest), np.int64)
        self.bases: np.ndarray | None = None  # (units, w · 4)

    def add(self, values: np.ndarray, known: np.ndarray, windows: np.ndarray, layer: str, peaks: bool) -> None:
        """Activations (n, J, C) of rows with ``windows`` (J, 2) in the sequences ``known`` (n, L, 4)."""
        width = int(windows[0, 1] - windows[0, 0])
        if (windows[:, 1] - windows[:, 0] != width).any() or (
            self.bases is not None and self.bases.shape[1] != 4 * width
        ):
            raise UnsupportedModel(
                f"the positions of layer {layer!r} see stretches of different lengths, which make no motif"
            )
        if self.bases is None:
            self.bases = np.zeros((len(self.sites), 4 * width))
        sites = values >= self.least
        if peaks and len(windows) > 1:
            reach = int(width / 2 / max(1, np.abs(np.diff(windows[:, 0])).min()))
            sites &= values == maximum_filter1d(values, 2 * reach + 1, axis=1, mode="nearest")
        self.sites += sites.sum((0, 1))
        self.sequences += sites.any(1).sum(0)
        before, after = max(0, -int(windows[:, 0].min())), max(0, int(windows[:, 1].max()) - known.shape[1])
        padded = np.pad(known, [(0, 0), (before, after), (0, 0)])
        stretches = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)  # (n, places, 4, w)
        where = np.argwhere(sites.any(2))
        at_once = max(1, int(_BYTES // (16 * width)))
        for start in range(0, len(where), at_once):
            n, j = where[start : start + at_once].T
            cut = stretches[n, windows[j, 0] + before].transpose(0, 2, 1).reshape(len(n), -1)
            count = sites[n, j] * (values[n, j] / self.divisor if self.by_activation else 1.0)
            self.bases += csr_matrix(count.T) @ cut.astype(np.float64)

    def filters(self, background: np.ndarray, pseudocount: float, sequences: int) -> list[Filter]:
        counts = self.bases.reshape(len(self.sites), -1, 4) + pseudocount * background
        totals = counts.sum(-1, keepdims=True)
        matrices = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), background)
        found = zip(matrices, self.sites, self.sequences, self.largest, strict=True)
        return [
            Filter(
                number, matrix, int(sites), information(matrix, background).sum(), float(top), float(some / sequences)
            )
            for number, (matrix, sites, some, top) in enumerate(found)
        ]


def information(matrix: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Σ_b p_b log2(p_b / background_b) of each position of a matrix (w, 4), in bits (Kullback & Leibler 1951)."""
    ratio = np.where(matrix > 0, matrix, background) / background
    return (matrix * np.log2(ratio)).sum(-1)
