"""What the units of a layer respond to: a motif for each unit, made of the stretches of sequence that excite it.

A stretch is a site of a unit if the activation there is at least ``threshold`` times the unit's largest activation over
the data, as for the first-layer filters of Basset (Kelley et al. 2016). In deeper layers a site is as long as the
unit's receptive field, and neighbouring stretches often hold the same motif shifted by some bases. Only peaks are sites
there: stretches with the largest activation within half their length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.evaluate.discovery.matching import MotifMatches, match_matrices
from genolift.evaluate.discovery.sites import SiteCounts
from genolift.methods.common.inputs import Inputs
from genolift.methods.hidden.activations import LayerReader
from genolift.sequence.alphabet import BASES, one_hot_codes
from genolift.simulate.motifs import Motif, meme_text
from genolift.support import drawings
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.progress import bar

WEIGHTS = ("sites", "activation")
# How many sequences are read at a time if all are in memory.
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Filter:
    """The motif of one unit. A unit that is never above 0 has no site, and its matrix is the background.

    Attributes
    ----------
    number : int
        The number of the unit in its layer.
    matrix : np.ndarray
        Probabilities of the bases, (w, 4).
    sites : int
        The number of sites that the matrix is made of.
    information : float
        The information of the matrix against the background, in bits.
    largest : float
        The largest activation of the unit.
    share : float
        The share of the sequences that have a site.
    """

    number: int
    matrix: np.ndarray
    sites: int
    information: float
    largest: float
    share: float

    @property
    def name(self) -> str:
        """The name in files, such as ``filter_3``."""
        return f"filter_{self.number}"

    @property
    def consensus(self) -> str:
        """The likeliest base of each position, in lower case if its probability is less than one half."""
        return consensus(self.matrix)


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of a layer, in the order of its units.

    Attributes
    ----------
    layer : str
        The name of the layer.
    filters : list of Filter
        The filter of each unit.
    background : np.ndarray
        The composition of the sequences, (4,).
    sequences : int
        The number of sequences.
    threshold : float
        The share of a unit's largest activation from which a stretch is a site.
    weights : str
        How sites are weighted: ``"sites"`` or ``"activation"``.
    peaks : bool
        Whether only peaks are sites.
    """

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
        """The filters that have sites."""
        return [one for one in self.filters if one.sites]

    def to_meme(self) -> str:
        """Return the filters that have sites in MEME's motif format.

        Returns
        -------
        str
            The content of the file.
        """
        motifs = [(Motif(one.name, one.matrix), one.sites) for one in self.excited]
        return meme_text(motifs, self.background)

    def match(self, motifs: Mapping[str, np.ndarray]) -> MotifMatches:
        """Compare the filters that have sites with known motifs by Tomtom, on either strand.

        Parameters
        ----------
        motifs
            Probabilities (width, 4) by the name of the motif.

        Returns
        -------
        MotifMatches
            The most similar motif of each filter in ``excited``.

        Raises
        ------
        InputError
            If there are no motifs, or memelite is not installed.
        """
        return match_matrices([one.matrix for one in self.excited], motifs)

    def to_tsv(self, matches: MotifMatches | None = None, names: list[str] | None = None) -> str:
        """Return a table with a row for each filter.

        Parameters
        ----------
        matches
            What :meth:`match` returned. With it the table has the best motif, its strand, its p-value and its q-value.
        names
            The names of the motifs, in the order in which they were given to :meth:`match`. They are needed with
            ``matches``.

        Returns
        -------
        str
            The table, with columns separated by tabs.
        """
        head = ["filter", "sites", "information", "consensus", "max_activation", "sequence_share"]
        head += ["motif", "strand", "p", "q"] if matches is not None else []
        rows, place = [], 0
        for one in self.filters:
            row = [one.name, str(one.sites), f"{one.information:.4g}", one.consensus if one.sites else ""]
            row += [f"{one.largest:.6g}", f"{one.share:.4g}"]
            if matches is not None:
                row += _match(matches, names or [], place) if one.sites else [""] * 4
                place += one.sites > 0
            rows.append(row)
        return "".join("\t".join(row) + "\n" for row in [head, *rows])

    def plot(self, **options: Any) -> Any:
        """Return a grid of logos.

        Parameters
        ----------
        **options
            Options of :func:`genolift.plot.filters.plot_filters`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            If none of the filters has a site.
        """
        return drawings.draw(self, drawings.PLOT, **options)


def _match(matches: MotifMatches, names: list[str], place: int) -> list[str]:
    motif, strand, p, q = (column[place] for column in matches)
    return [names[motif], str(strand), f"{p:.3g}", f"{q:.3g}"]


def filters(
    model: Any,
    X: Any,
    layer: str | None = None,
    *,
    threshold: float = 0.5,
    weights: str = "sites",
    peaks: bool | None = None,
    pseudocount: float = 1.0,
    memory: int | float | str | None = None,
    progress: bool | None = None,
) -> Filters:
    """Return a motif for each unit of a layer, made of the stretches of sequence that excite it.

    Sequences are read on the strand that is given. Give their reverse complements too for sites on both strands. A base
    that is unknown or beyond the end of the sequence is not counted.

    Parameters
    ----------
    model
        The Keras model.
    X
        The sequences: one-hot DNA (N, L, 4), regions, or a dict or list of arrays for a model of several inputs.
    layer
        The name of the layer. The default is the first convolution.
    threshold
        The share of a unit's largest activation from which a stretch is a site; 0.5 by default.
    weights
        ``"sites"`` (the default) counts every site the same. ``"activation"`` counts it by its activation divided by
        the largest.
    peaks
        Whether a site must have the largest activation within half its length. The default is to require that in layers
        behind the first convolution.
    pseudocount
        How many bases, in the composition of ``X``, are added to each position; 1 by default.
    memory
        The memory that a batch may take, such as ``"4GB"`` or a number of bytes. The default is a share of what is
        free.
    progress
        Whether to show a progress bar. The default is to show it for many sequences.

    Returns
    -------
    Filters
        The filters.

    Raises
    ------
    InputError
        If an option has an impossible value, there are no sequences, or there is no such layer.
    UnsupportedModel
        If the inputs are not DNA, or the positions of the layer see stretches of different lengths.
    """
    reader = LayerReader(model, layer, memory, first=True)
    inputs = reader.inputs(X)

    def batches() -> Iterator[Inputs]:
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
    """Return the filters of a layer from batches of sequences. See :func:`filters`.

    Parameters
    ----------
    reader
        The reader of the layer.
    batches
        A function that returns batches, each of sequences of one length. It is called twice.
    total
        The number of sequences, for the progress bar; ``None`` if it is not known.
    threshold, weights, peaks, pseudocount
        As in :func:`filters`.
    progress
        Whether to show a progress bar.
    """
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
                _check_finite(top)
                largest = top if largest is None else np.maximum(largest, top)
                display.update(len(values))
        if largest is None:
            raise InputError("there are no sequences that could excite a filter")
        background = (bases + 1) / (bases + 1).sum()
        sites = SiteCounts(largest, threshold, weights == "activation")
        for inputs in batches():
            opened, known, done = reader.open(inputs), _known(reader, inputs), 0
            only_peaks = opened.behind if peaks is None else peaks
            for values in reader.batches(inputs):
                sites.add(values, known[done : done + len(values)], opened.fields.windows, opened.layer, only_peaks)
                done += len(values)
                display.update(len(values))
    columns = (sites.matrices(background, pseudocount), sites.sites, sites.sequences, largest)
    units = [
        Filter(number, matrix, int(own), information(matrix, background).sum(), float(top), float(some / count))
        for number, (matrix, own, some, top) in enumerate(zip(*columns, strict=True))
    ]
    return Filters(opened.layer, units, background, count, threshold, weights, only_peaks)


def _check_finite(top: np.ndarray) -> None:
    """Raise :class:`InputError` for a unit whose largest activation is no number, of which nothing is a share."""
    if not np.isfinite(top).all():
        raise InputError(
            f"unit {int(np.isfinite(top).argmin())} of the layer is NaN or infinite for some of the sequences, so that "
            "its largest activation is no number; mend the model, or leave these sequences out"
        )


def _known(reader: LayerReader, inputs: Inputs) -> np.ndarray:
    """Return the sequences (n, L, 4) that the layer sees, with zeros at positions that are not exactly one base."""
    x = inputs.arrays[reader.open(inputs).place]
    if x.shape[-1] != len(BASES):
        raise UnsupportedModel(
            f"filters are motifs of four bases, and the model's sequences have {x.shape[-1]} letters"
        )
    return x * (one_hot_codes(x) < len(BASES))[..., None]


def information(matrix: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return the information of each position of a matrix, in bits (Kullback & Leibler 1951).

    It is Σ_b p_b log2(p_b / background_b).

    Parameters
    ----------
    matrix
        Probabilities of the bases, (w, 4).
    background
        Their probabilities in the background, (4,).

    Returns
    -------
    np.ndarray
        The information, (w,).
    """
    ratio = np.where(matrix > 0, matrix, background) / background
    return (matrix * np.log2(ratio)).sum(-1)


def consensus(matrix: np.ndarray) -> str:
    """Return the likeliest base of each position (w, 4), in lower case if its probability is less than one half."""
    likeliest = matrix.argmax(1)
    letters = (BASES[b] if row[b] >= 0.5 else BASES[b].lower() for b, row in zip(likeliest, matrix, strict=True))
    return "".join(letters)
