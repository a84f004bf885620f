"""Methods that change a sequence and look at what becomes of the prediction."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.walk.points import Points
from genolift.methods import references as refs
from genolift.methods.common.base import Method
from genolift.methods.common.blocks import fields_of
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, batch_size, streams
from genolift.methods.common.referring import TakesReferences, refuse_until_enough
from genolift.methods.common.refusals import sequences
from genolift.methods.common.traced import Traced
from genolift.support.errors import InputError
from genolift.support.progress import bar

# Copies of the sequences of a block at most: it bounds their predictions, not the batches they are made in.
_BLOCK_COPIES = 1 << 18


@dataclass
class Block:
    """Some of the sequences: ``xs`` (n, L, ...) and their references ``refs`` (n, R, L, ...), an array per input.

    ``changed`` are the inputs whose bases are exchanged for the references'; the others stay as they are.
    """

    xs: list[np.ndarray]
    refs: list[np.ndarray]
    changed: list[int]

    def __len__(self) -> int:
        return len(self.xs[0])

    @property
    def references(self) -> int:
        """How many references each sequence has."""
        return self.refs[0].shape[1]

    @property
    def lengths(self) -> list[int]:
        """The lengths of the changed inputs."""
        return [self.xs[i].shape[1] for i in self.changed]

    def mixed(self, rows: np.ndarray, references: np.ndarray, keep: list[np.ndarray]) -> list[np.ndarray]:
        """Return copies (b, L, ...) of sequences in which some bases are a reference's.

        Parameters
        ----------
        rows
            Which sequences are copied, (b,).
        references
            The number of each copy's reference, (b,).
        keep
            Which bases stay, (b, L) for each changed input; with numbers from 0 to 1 bases are mixed in that
            proportion.
        """
        found = [x[rows] for x in self.xs]
        for i, mask in zip(self.changed, keep, strict=True):
            other, mask = self.refs[i][rows, references], mask[..., None]
            if mask.dtype == bool:
                found[i] = np.where(mask, found[i], other)
            else:
                found[i] = other + mask * (found[i] - other)
        return found


class ChangingMethod(Method):
    """What the prediction does when bases are changed; positions get ``scores``, single bases nothing."""

    #: Whether slopes are computed, which take more memory.
    backward = False

    @override
    def prepare(self, traced: Traced) -> None:
        self._points = Points(traced.program, traced.targets)

    @abstractmethod
    def count(self, lengths: list[int]) -> int | None:
        """Predictions for each sequence with changed inputs of these ``lengths``; None where that is not known."""

    @abstractmethod
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        """Fields (n, T, ...): a list with an array per changed input, or one array for what does not follow inputs."""

    def at_once(self, count: int, size: int) -> int:
        """How many sequences make a block, where each has ``count`` copies and ``size`` copies make a batch."""
        return max(1, _BLOCK_COPIES // count)

    def changed(self, inputs: Inputs) -> list[int]:
        """Return the inputs whose bases are changed: those with an axis of letters."""
        return sequences(self.name, "exchanges bases of", inputs)

    def drawn(self, xs: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        """Return what the sequences ``rows`` are mixed with, (n, R, ...) per input."""
        return []

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        changed = self.changed(inputs)
        lengths = [inputs.arrays[i].shape[1] for i in changed]
        count, size = self.count(lengths), batch_size(traced, inputs, self.memory, self.backward)
        at_once = self.at_once(count or sum(lengths), size)
        total = None if count is None else count * len(inputs)
        blocks = []
        with bar(total, self.name, "predictions", self.progress, long=total is None or total > size) as display:
            for start in range(0, len(inputs), at_once):
                rows = np.arange(start, min(start + at_once, len(inputs)))
                xs = [array[rows] for array in inputs.arrays]
                block = Block(xs, self.drawn(xs, rows), changed)
                blocks.append(self.block(Copies(self._points, xs, size, display.update), block))
        return self._fields(blocks, inputs, traced, changed)

    def streams(self, block: Block) -> list[np.random.Generator]:
        """Return a random stream for each sequence."""
        return streams(self.seed, self.name, block.xs)

    def _fields(self, blocks: list[dict], inputs: Inputs, traced: Traced, changed: list[int]) -> tuple[dict, dict]:
        by_number = [
            {key: dict(zip(changed, one, strict=True)) if isinstance(one, list) else one for key, one in block.items()}
            for block in blocks
        ]
        fields = fields_of(by_number, inputs, traced.several)
        return fields, {key: why for key, why in self.undefined().items() if key not in fields}

    def undefined(self) -> dict[str, str]:
        """Why fields are not defined that no block has."""
        what = f"{self.name} tells the importance of positions, not of each base that could be there"
        return {
            "hypothetical": f"{what}; ism and deeplift do",
            "raw_contributions": what,
            "multipliers": f"{self.name} has none: it predicts changed sequences",
            **dict.fromkeys(["reference_predictions", "reference_count"], f"{self.name} exchanges parts of a sequence"),
            "residual": f"{self.name} does not promise to sum to the difference from the reference",
            "standard_error": f"{self.name} takes no mean over references",
        }


class PerturbationMethod(TakesReferences, ChangingMethod):
    """Bases are exchanged for those of references.

    References say what is there instead. The default is 10 shuffles of the sequence that keep its dinucleotides. N is
    ``Zeros()`` or ``Background([.25] * 4)``, as the model was trained.
    """

    @staticmethod
    @override
    def default_references() -> refs.Reference:
        return refs.Shuffled(10, k=2, seed=0)

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        letters = super().changed(inputs)
        self._chosen = self.references_for(inputs)
        refuse_until_enough(self._chosen, self.name)
        changed = [i for i in letters if not self._chosen[i].is_own]
        if not changed:
            raise InputError(f"{self.name} has no input to change: give references for one that is a sequence")
        return changed

    @property
    def reference_count(self) -> int:
        """How many references each sequence has."""
        return max(one.count for one in self._chosen)

    @override
    def drawn(self, xs: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        return self._drawn_for(self._chosen, xs, rows)
