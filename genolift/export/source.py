"""The scores that formats are written from: one target of one DNA input, read in blocks of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from genolift.methods import targets
from genolift.results.explanation import Explanation
from genolift.results.fields import told_size
from genolift.results.regions import RegionTable
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Remedy, Setting, Undefined, setting
from genolift.support.progress import bar

_BLOCK_BYTES, _LARGEST_BLOCK = 2**25, 256
_MAY_BE_NAN = ("standard_error",)  # It is NaN for a single reference.


class Scores:
    """One target of one DNA input of an explanation.

    Parameters
    ----------
    explanation
        The explanation.
    target
        Which of several targets, as :func:`choose_target` takes it.
    input
        Which of several DNA inputs: its name or number.
    progress
        Whether :meth:`blocks` shows a progress bar.

    Attributes
    ----------
    names : list of str or Listed
        The names of the sequences.
    regions : RegionTable or None
        Where they come from, if that is known.
    lengths : np.ndarray
        Their true lengths, (N,) int64.
    width : int
        The length of the longest.

    Raises
    ------
    InputError
        If the target or input does not exist, has to be chosen, or is not DNA.
    """

    def __init__(self, explanation: Explanation, target: Any = None, input: Any = None, progress: bool = False):
        several = explanation.target_count
        self.explanation = choose_target(explanation, target)
        self._targets, self._progress = several, progress
        self._input = _dna_input(self.explanation, input)
        self.names, self.regions = explanation.name_texts, explanation.region_table
        self.width = self.field("inputs").shape[1]
        n = len(explanation)
        self.lengths = np.full(n, self.width) if explanation.lengths is None else explanation.lengths

    def __len__(self) -> int:
        return len(self.names)

    def field(self, name: str) -> Any:
        """Return a field of the chosen target and input, as a lazy array if it is on disk."""
        value = getattr(self.explanation, name)
        return value if self._input is None else value[self._input]

    def has(self, name: str) -> bool:
        """Return whether a field is defined."""
        return name in self.explanation.defined and self.field(name) is not None

    def require(self, name: str, who: str) -> None:
        """Raise :class:`Undefined`, with the reason and a remedy, unless a field is defined."""
        try:
            if self.field(name) is not None:
                return
            problem = f"{name} is not defined for this input"
        except Undefined as undefined:
            problem = str(undefined)
        raise Undefined(f"{who} needs {name.replace('_', ' ')} scores: {problem}; explain with deeplift, for example")

    def located(self, who: str) -> RegionTable:
        """Return the regions of the sequences.

        Parameters
        ----------
        who
            What needs them, as the error names it.

        Raises
        ------
        InputError
            If there are no regions, or one has another length than its sequence.
        """
        if self.regions is None:
            raise InputError(
                f"{who} needs genome coordinates, and these scores have none",
                Remedy(
                    "score regions of a genome, which Fasta.regions(BED, width) gives",
                    "score regions of a genome, `genolift explain MODEL GENOME.fa --regions PEAKS.bed`",
                ),
            )
        spans = self.regions.ends - self.regions.starts
        for i in np.flatnonzero(spans != self.lengths)[:1]:
            raise InputError(f"the region of {self.names[i]!r} has {spans[i]} bases, but {self.lengths[i]} were scored")
        return self.regions

    def one_length(self, who: str) -> None:
        """Raise :class:`InputError` unless all sequences have the same length."""
        if len(set(self.lengths.tolist())) > 1:
            shortest, longest = self.lengths.min(), self.lengths.max()
            raise InputError(
                f"{who} needs sequences of one length, and these have {shortest} to {longest} bases",
                Remedy.naming(
                    "score windows of one length, as with {}", Setting("Fasta.regions(BED, width)", "--regions")
                ),
            )

    def blocks(self, *fields: str, label: str = "exporting") -> Iterator[tuple]:
        """Yield blocks of sequences, in order.

        Parameters
        ----------
        *fields
            The names of the fields to read.
        label
            What the progress bar says.

        Yields
        ------
        tuple
            The numbers of the sequences as a slice, then an array for each of the fields.

        Raises
        ------
        InputError
            For a score that is not a finite number.
        """
        sources = [self.field(name) for name in fields]
        row = sum(4 * int(np.prod(source.shape[1:])) for source in sources) * self._targets
        size = int(np.clip(_BLOCK_BYTES // max(1, row), 1, _LARGEST_BLOCK))
        size = 1 << (size.bit_length() - 1)  # Chunks of stores have such sizes, and are read once then.
        with bar(len(self), label, "sequences", show=self._progress) as display:
            for start in range(0, len(self), size):
                rows = slice(start, min(len(self), start + size))
                yield rows, *self.read(rows, *fields)
                display.update(rows.stop - start)

    def read(self, rows: slice, *fields: str) -> list[np.ndarray]:
        """Return fields of some sequences; raise :class:`InputError` for a score that is not a finite number."""
        arrays = [np.asarray(self.field(name)[rows]) for name in fields]
        for name, array in zip(fields, arrays, strict=True):
            if name not in _MAY_BE_NAN:
                self._check_finite(name, array, rows.start)
        return arrays

    def _check_finite(self, name: str, array: np.ndarray, start: int) -> None:
        good = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not good.all():
            raise InputError(
                f"{name} of {self.names[start + int(good.argmin())]!r} hold NaN or infinite values",
                Remedy(
                    "mend the model, or explain the other sequences alone",
                    "mend the model, or leave the sequence out with genolift subset --names",
                ),
            )


def choose_target(explanation: Explanation, target: Any = None) -> Explanation:
    """Return the explanation of one of its targets.

    Parameters
    ----------
    explanation
        The explanation.
    target
        The target in the form in which it was asked for, or as text, or by its place if the targets are not numbers.

    Raises
    ------
    InputError
        If there are several targets and none is given, or if the target was not explained.
    """
    if isinstance(target, str):
        target = _understood(explanation, target)
    if not explanation.target_axis:
        return explanation.for_target(target)
    given = explanation.target if isinstance(explanation.target, list) else []
    if target is None and len(given) != 1:
        known = ", ".join(map(str, given)) or "by their places"
        choose = Remedy.naming("choose one of them by {}", setting("target"))
        raise InputError(f"several targets were explained ({known})", choose)
    by_place = given and not any(isinstance(known, int) for known in given)
    if by_place and isinstance(target, int) and 0 <= target < len(given):
        target = given[target]
    return explanation.for_target(target)


def _understood(explanation: Explanation, text: str) -> Any:
    """Return a target that was typed as text in the form in which it is kept with a result."""
    if text.lstrip("-").isdigit():
        return int(text)
    known = explanation.target if isinstance(explanation.target, list) else [explanation.target]
    if text in map(str, known):
        return text
    return targets.describe(targets.parse(text))


def _dna_input(explanation: Explanation, input: Any) -> Any:
    """Return the key of the input to export if there are several, else ``None``."""
    inputs = explanation.inputs
    if not explanation.several_inputs:
        if not is_dna(inputs.shape[1:]):
            shape = inputs.shape
            what = f"of images of {told_size(shape[1:])}" if explanation.of_images else f"of inputs of shape {shape}"
            raise InputError(
                f"only scores of DNA, inputs (N, L, 4), can be taken here, and these are {what}",
                Remedy(
                    "take the arrays from the explanation, or export them as npz",
                    "genolift export --to npz writes scores of any shape",
                ),
            )
        return None
    items = dict(inputs.items() if isinstance(inputs, dict) else enumerate(inputs))
    dna = [key for key, leaf in items.items() if is_dna(leaf.shape[1:])]
    if input is None and len(dna) == 1:
        return dna[0]
    if input not in dna:
        raise InputError(f"name the input to export: those that are DNA are {', '.join(map(str, dna)) or 'none'}")
    return input
