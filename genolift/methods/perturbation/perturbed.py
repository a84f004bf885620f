"""The bases of methods that change a sequence and see what the prediction becomes."""

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
from genolift.methods.common.refusals import sequences, with_bases
from genolift.methods.common.traced import Traced
from genolift.support.errors import InputError
from genolift.support.progress import bar

# A block has at most this many copies of its sequences. This bounds their predictions, not the size of batches.
_BLOCK_COPIES = 1 << 18


@dataclass
class Block:
    """Some of the sequences, and what they are mixed with.

    Parameters
    ----------
    xs
        The sequences (n, L, ...), an array per input.
    refs
        Their references (n, R, L, ...), an array per input. The list is empty for methods without references.
    changed
        The inputs whose bases are changed, by number. The others stay as they are.
    """

    xs: list[np.ndarray]
    refs: list[np.ndarray]
    changed: list[int]

    def __len__(self) -> int:
        return len(self.xs[0])

    @property
    def references(self) -> int:
        """The number of references of each sequence."""
        return self.refs[0].shape[1]

    @property
    def lengths(self) -> list[int]:
        """The lengths of the changed inputs."""
        return [self.xs[i].shape[1] for i in self.changed]

    def mixed(self, rows: np.ndarray, references: np.ndarray, keep: list[np.ndarray]) -> list[np.ndarray]:
        """Return copies of sequences in which some bases are those of a reference.

        Parameters
        ----------
        rows
            The sequences (b,) that the copies are made from, by number.
        references
            The reference (b,) that each copy is mixed with, by number.
        keep
            Which bases (b, L) of each changed input are kept. Numbers from 0 to 1 mix x and the reference in that
            proportion.

        Returns
        -------
        list of np.ndarray
            The copies (b, L, ...), an array per input.
        """
        copies = [x[rows] for x in self.xs]
        for i, mask in zip(self.changed, keep, strict=True):
            other, mask = self.refs[i][rows, references], mask[..., None]
            if mask.dtype == bool:
                copies[i] = np.where(mask, copies[i], other)
            else:
                copies[i] = other + mask * (copies[i] - other)
        return copies


class ChangingMethod(Method):
    """A method that changes bases and predicts the changed sequences.

    It gives ``scores`` to positions, and by default nothing to each base that could be there. Classes derived from this
    one define :meth:`count` and :meth:`block`.
    """

    #: Whether slopes are computed, which takes more memory.
    backward = False

    @override
    def prepare(self, traced: Traced) -> None:
        self._points = Points(traced.program, traced.targets)

    @override
    def accept(self, inputs: Inputs, traced: Traced) -> None:
        self.changed(inputs)

    @abstractmethod
    def count(self, lengths: list[int]) -> int | None:
        """Return the number of predictions for each sequence with changed inputs of these ``lengths``.

        It is None where that is not known in advance.
        """

    @abstractmethod
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        """Explain the sequences of a block.

        Parameters
        ----------
        copies
            The predictions of the block's sequences, and of changed copies of them.
        block
            The sequences.

        Returns
        -------
        dict
            The fields (n, T, ...) by name: a list with an array per changed input for fields that follow the inputs,
            and one array for any other.
        """

    def at_once(self, count: int, size: int) -> int:
        """Return how many sequences make a block, where each has ``count`` copies and ``size`` copies make a batch."""
        return max(1, _BLOCK_COPIES // count)

    def changed(self, inputs: Inputs) -> list[int]:
        """Return the numbers of the inputs whose bases are changed: those with an axis of letters."""
        return with_bases(self.name, "exchanges bases of", inputs)

    def drawn(self, xs: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        """Return the references (n, R, ...), an array per input, that the sequences ``xs`` are mixed with.

        ``rows`` (n,) are the numbers of the sequences in the call. The list is empty for methods without references.
        """
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
        """Return why fields that no block has are not defined, by name."""
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
    """A method that exchanges bases for those of references.

    References say what stands there instead. The default is 10 shuffles of the sequence that keep its dinucleotides.
    N is ``Zeros()`` or ``Background([.25] * 4)``, as the model was trained.
    """

    @staticmethod
    @override
    def default_references() -> refs.Reference:
        return refs.Shuffled(10, k=2, seed=0)

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        letters = sequences(self.name, "exchanges bases of", inputs)
        self._chosen = self.references_for(inputs)
        refuse_until_enough(self._chosen, self.name)
        changed = [i for i in letters if not self._chosen[i].is_own]
        if not changed:
            raise InputError(f"{self.name} has no input to change: give references for one that is a sequence")
        return changed

    @property
    def reference_count(self) -> int:
        """The number of references of each sequence, the largest over the inputs."""
        return max(one.count for one in self._chosen)

    @override
    def drawn(self, xs: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        return self._drawn_for(self._chosen, xs, rows)
