"""What formats are written from: one target of one DNA input, read in blocks of sequences."""

from collections.abc import Iterator

import numpy as np

from genolift.methods import targets
from genolift.results.explanation import Explanation
from genolift.results.regions import RegionTable
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Remedy, Setting, Undefined, setting
from genolift.support.progress import bar

_BLOCK_BYTES, _LARGEST_BLOCK = 2**25, 256
_MAY_BE_NAN = ("standard_error",)  # of a single reference


class Scores:
    """One target of one DNA input of an explanation.

    ``names``, ``regions`` (or ``None``) and ``lengths`` (N,) are of the sequences; ``width`` is the longest. Raises
    :class:`InputError` if the target or input is not there, has to be chosen, or is no DNA.
    """

    def __init__(self, explanation: Explanation, target=None, input=None, progress: bool = False):
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

    def field(self, name: str):
        """A field of the chosen target and input, unread where it is on disk."""
        value = getattr(self.explanation, name)
        return value if self._input is None else value[self._input]

    def has(self, name: str) -> bool:
        """Whether a field is defined."""
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
        """The regions, one base of them for each base of the sequences, or :class:`InputError`."""
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
            raise InputError(
                f"{who} needs sequences of one length, and these have {self.lengths.min()} to {self.lengths.max()} bases",
                Remedy.naming(
                    "score windows of one length, as with {}", Setting("Fasta.regions(BED, width)", "--regions")
                ),
            )

    def blocks(self, *fields: str, label: str = "exporting") -> Iterator[tuple]:
        """(numbers of the sequences as a slice, then an array for each of the fields), in order.

        Raises :class:`InputError` at a score that is not a number.
        """
        sources = [self.field(name) for name in fields]
        row = sum(4 * int(np.prod(source.shape[1:])) for source in sources) * self._targets
        size = int(np.clip(_BLOCK_BYTES // max(1, row), 1, _LARGEST_BLOCK))
        size = 1 << (size.bit_length() - 1)  # stores have chunks of such sizes, which are then read once
        with bar(len(self), label, "sequences", show=self._progress) as display:
            for start in range(0, len(self), size):
                rows = slice(start, min(len(self), start + size))
                arrays = [np.asarray(source[rows]) for source in sources]
                for name, array in zip(fields, arrays, strict=True):
                    if name not in _MAY_BE_NAN:
                        self._check_finite(name, array, start)
                yield rows, *arrays
                display.update(rows.stop - start)

    def _check_finite(self, name: str, array: np.ndarray, start: int) -> None:
        good = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not good.all():
            raise InputError(f"{name} of {self.names[start + int(good.argmin())]!r} hold values that are not numbers")


def choose_target(explanation: Explanation, target=None) -> Explanation:
    """The explanation of one of its targets: as it was asked for, as text, or by place where targets have no numbers.

    Raises :class:`InputError` if there are several and none is given, or if it is not there.
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


def _understood(explanation: Explanation, text: str):
    """Return a target typed as text as it is kept with a result."""
    if text.lstrip("-").isdigit():
        return int(text)
    known = explanation.target if isinstance(explanation.target, list) else [explanation.target]
    if text in map(str, known):
        return text
    return targets.describe(targets.parse(text))


def _dna_input(explanation: Explanation, input):
    """The key of the input to export where there are several, else ``None``."""
    inputs = explanation.inputs
    if not explanation.several_inputs:
        if not is_dna(inputs.shape[1:]):
            raise InputError(f"only scores of DNA, inputs (N, L, 4), can be exported; these have shape {inputs.shape}")
        return None
    items = dict(inputs.items() if isinstance(inputs, dict) else enumerate(inputs))
    dna = [key for key, leaf in items.items() if is_dna(leaf.shape[1:])]
    if input is None and len(dna) == 1:
        return dna[0]
    if input not in dna:
        raise InputError(f"name the input to export: those that are DNA are {', '.join(map(str, dna)) or 'none'}")
    return input
