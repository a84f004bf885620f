"""Blocks of (sequence, reference) pairs: their size, and how their results are put together.

The result of a block is a dict. ``raw``, ``multipliers``, ``hypothetical``, ``mean`` and ``squares`` are lists with an
array (n, T, ...) for each source; ``predictions`` is (n, T), and ``reference_predictions``, ``residual`` and each of
``shares`` are (n, T, R); see :class:`genolift.engine.walk.explain.Explainer`. ``count`` is the number of references.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.engine.operations import kernels
from genolift.engine.program import Value
from genolift.engine.running.overlap import lanes
from genolift.engine.running.probe import Batch
from genolift.engine.staged.stages import Cutting, Layout
from genolift.engine.walk.multipliers import Multipliers, Propagation
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.traced import Traced
from genolift.support.memory import Recent, check_fits


@dataclass(frozen=True)
class Plan:
    """The size of the blocks in which pairs are explained.

    Parameters
    ----------
    sequences
        How many sequences a block has.
    references
        How many references of each sequence a block has.
    leading
        Whether a sequence runs forward once for all its references, rather than once for each.
    lanes
        How many blocks run at the same time.
    small
        The activations that are too small in a block to compile kernels for. None if all are.
    """

    sequences: int
    references: int
    leading: bool
    lanes: int
    small: frozenset[Value] | None


# The most bytes that a block should take. A smaller block reads the weights, and takes the turns of loops, for fewer
# pairs: with 160 MB, DeepLIFT of 32 x 5 pairs took 1.6 times as long on LegNet and 1.25 times on Basset.
_BLOCK_BYTES = 1e9
# For each target a sequence's results take so many times its size: at most five arrays, in two copies while a block is
# put together.
_KEPT = 10
# In a model of one length, an activation of a block that has fewer elements than this on average takes as long for a
# sequence as for all its references, and ready-made pairs spare the operations that lay out the two sides. A call on an
# unrolled LSTM of 36 turns has 4,200 operations instead of 8,400. Models of any length share one graph instead.
_WORTH_SHARING = 4096
# Whether and where a model is cut into stages is kept for at most this many lengths.
_LENGTHS = 16


class Planner:
    """What pairs of sequences and references take of memory, and the blocks in which they are explained.

    Parameters
    ----------
    traced
        The model.
    rule
        The way in which multipliers are computed.
    memory
        The budget in bytes.
    """

    def __init__(self, traced: Traced, rule: Multipliers, memory: int):
        self.traced, self.rule, self.memory = traced, rule, memory
        self._layouts: dict[tuple, tuple[Cutting, Layout] | None] = Recent(_LENGTHS)
        self._smalls: dict[int, frozenset[Value]] = {}  # of the one length that the model has

    def kept_bytes(self, inputs: Inputs) -> int:
        """Return what the results of one sequence take, in bytes."""
        return _KEPT * len(self.traced.targets) * sum(array[0].nbytes for array in inputs.arrays)

    def pair_bytes(self, inputs: Inputs) -> int:
        """Return how much memory one pair takes with the targets' results, in bytes, where it is walked as a whole."""
        return self._whole(inputs, self.traced.probe(list(inputs.shapes)))

    def stages(self, inputs: Inputs) -> tuple[Cutting, Layout] | None:
        """Return where the model is cut into stages, or None where one pair fits into memory as a whole.

        Only rules are walked stage by stage, and only from the outputs to the inputs.

        Raises
        ------
        InputError
            If not even a stage of the model fits. Where that is known before the model runs, it does not run.
        """
        if inputs.shapes not in self._layouts:
            found = self._cut(inputs, self.traced.foreseen(list(inputs.shapes)))
            if found is not None:
                found = self._cut(inputs, self.traced.probe(list(inputs.shapes)))
                assert found is not None
            self._layouts[inputs.shapes] = found
        return self._layouts[inputs.shapes]

    def plan(self, inputs: Inputs, sequences: int, count: int) -> Plan:
        """Return the size of the blocks for so many sequences with ``count`` references each."""
        stages = self.stages(inputs)
        batch, kept = self.traced.probe(list(inputs.shapes)), self.kept_bytes(inputs)
        leading = self.rule.compared <= batch.leading
        if stages is not None:  # What stands between the stages of the sequence is kept for all its references.
            layout = stages[1]
            more = (self.memory - layout.pair_bytes - kept) // (layout.pair_bytes - layout.kept)
            return Plan(1, min(count, 1 + more) if leading else 1, leading, 1, frozenset())
        whole = self._whole(inputs, batch)
        need = whole - kept
        # Splitting a sequence's references runs the sequence forward again for each part, so a lane has room for all.
        at_once = int(max(1, min(lanes(self.traced.program), self.memory // (count * need + kept))))
        budget = self.memory // at_once
        rows = int(max(1, min(_BLOCK_BYTES // need // count, budget // (count * need + kept))))
        references = int(min(count, (budget - kept) // need))
        if sequences > rows:  # There are as many blocks as are needed, and all of them are about full.
            rows = -(-sequences // -(-sequences // rows))
        else:  # A power of two keeps the number of different shapes small, for each of which something is compiled.
            rows = min(rows, 1 << (sequences - 1).bit_length())
        once = leading and (self._of_any_length or rows * references * batch.mean >= _WORTH_SHARING)
        return Plan(rows, references, once, at_once, self._small(batch, rows * references))

    @property
    def _of_any_length(self) -> bool:
        """Whether one graph is to serve for inputs of several lengths."""
        return any(size is None for value in self.traced.program.inputs for size in (value.shape or (None, None))[1:])

    def _small(self, batch: Batch, pairs: int) -> frozenset[Value] | None:
        """Return the activations that are too small in a block of so many pairs, see :class:`Plan`.

        They are those of the next power of 16, so that blocks of about as many pairs have the same graph.
        """
        if pairs * batch.widest < kernels.WORTH_COMPILING:
            return None
        if self._of_any_length:
            return frozenset()  # The graph serves for other lengths, too.
        most = 16 ** math.ceil(math.log(pairs, 16))
        if most not in self._smalls:
            limit = kernels.WORTH_COMPILING * np.dtype(np.float32).itemsize / most
            self._smalls[most] = frozenset(v for v, size in batch.sizes.items() if size < limit)
        return self._smalls[most]

    def _whole(self, inputs: Inputs, batch: Batch) -> int:
        return int(batch.pair_bytes(self.rule.held, len(self.traced.targets))) + self.kept_bytes(inputs)

    def _cut(self, inputs: Inputs, batch: Batch) -> tuple[Cutting, Layout] | None:
        """Return where the model is cut if its activations have these sizes, see :meth:`stages`."""
        least, found, rule, traced = self._whole(inputs, batch), None, self.rule, self.traced
        if least <= self.memory:
            return None
        if isinstance(rule, Propagation) and rule.sources == traced.program.inputs:
            kept = self.kept_bytes(inputs)
            cutting = Cutting(traced.program, rule, traced.targets, batch.sizes)
            layout = cutting.fit(self.memory - kept)
            least, found = min(least, layout.pair_bytes + kept), (cutting, layout)
        pair, count = "(sequence, reference) pair", len(traced.targets)
        check_fits(least, self.memory, pair if count == 1 else f"{pair} with {count} targets")
        return found


def repeat_to(array: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Return an array with ``count`` entries along an axis, of which it has ``count`` already or one to be repeated."""
    return array if array.shape[axis] == count else np.repeat(array, count, axis)


def pad(array: np.ndarray, rows: int) -> np.ndarray:
    """Return an array with ``rows`` rows, the last of its own repeated as often as needed."""
    if len(array) == rows:
        return array
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def head(block: dict, rows: int) -> dict[str, Any]:
    """Return the first rows of a block, without those that only pad it."""
    return {
        key: value if key == "count" else [a[:rows] for a in value] if isinstance(value, list) else value[:rows]
        for key, value in block.items()
    }


def merged(parts: list[tuple[int, dict]]) -> dict[str, Any]:
    """Return one block of several that hold the same sequences with different references.

    Means and sums of squared deviations are combined as by Chan, Golub and LeVeque (1983).

    Parameters
    ----------
    parts
        The number of references of each block, and the block without its ``count``.
    """
    count, total = parts[0][0], dict(parts[0][1])
    for more, part in parts[1:]:
        share = more / (count + more)
        gaps = [new - old for old, new in zip(total["mean"], part["mean"], strict=True)]
        total["squares"] = [
            old + new + gap**2 * count * share
            for old, new, gap in zip(total["squares"], part["squares"], gaps, strict=True)
        ]
        for key in ("raw", "multipliers", "hypothetical", "mean"):
            total[key] = [old + (new - old) * share for old, new in zip(total[key], part[key], strict=True)]
        for key in ("reference_predictions", "residual"):
            total[key] = np.concatenate([total[key], part[key]], axis=2)
        for key in ("shares", "sizes"):
            total[key] = [np.concatenate(both, axis=2) for both in zip(total[key], part[key], strict=True)]
        count += more
    return {**total, "count": count}


def standard_error(squares: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the standard error of means over references (ddof = 1).

    Parameters
    ----------
    squares
        The sums of squared deviations from the means, (N, ...).
    count
        How many references each mean is taken over, (N,).

    Returns
    -------
    np.ndarray
        The standard errors (N, ...) as float32, NaN where there is one reference.
    """
    count = count.reshape(-1, *[1] * (squares.ndim - 1)).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan).astype(np.float32)


def widened(block: dict, rows: np.ndarray, more: dict) -> dict[str, Any]:
    """Return a block with further references for some of its rows.

    Parameters
    ----------
    block
        The block, whose ``count`` (n,) is the number of references of each row.
    rows
        The numbers of the rows that get further references. All of them have the same number so far.
    more
        The results of these rows with the further references.

    Returns
    -------
    dict
        The block, in which the other rows have NaN in the places that were added.
    """
    part = {key: [a[rows] for a in v] if isinstance(v, list) else v[rows] for key, v in block.items() if key != "count"}
    seen = int(block["count"][rows[0]])
    added = merged([(seen, part), (int(more["count"][0]), {k: v for k, v in more.items() if k != "count"})])
    wider = {
        key: _spread(value, rows, added[key], key in _BY_REFERENCE) for key, value in block.items() if key != "count"
    }
    counts = block["count"].copy()
    counts[rows] = added["count"]
    return {**wider, "count": counts}


def padded(block: dict, count: int) -> dict[str, Any]:
    """Return a block with NaN for the references up to ``count`` that were not needed.

    So the shape of a result does not depend on how many references were drawn.
    """
    none = np.arange(0)

    def widen(value: Any) -> Any:
        if isinstance(value, list):
            return [widen(one) for one in value]
        return _spread(value, none, np.empty((0, value.shape[1], count), value.dtype), True)

    return {key: widen(value) if key in _BY_REFERENCE else value for key, value in block.items()}


_BY_REFERENCE = ("reference_predictions", "residual", "shares", "sizes")


def _spread(old: Any, rows: np.ndarray, new: Any, by_reference: bool) -> Any:
    """Return ``old`` with ``new`` in some rows, first widened with NaN to as many references if it has that axis."""
    if isinstance(old, list):
        return [_spread(a, rows, b, by_reference) for a, b in zip(old, new, strict=True)]
    if by_reference:
        missing = np.full((*old.shape[:2], new.shape[2] - old.shape[2]), np.nan, old.dtype)
        old = np.concatenate([old, missing], axis=2)
    else:
        old = old.copy()
    old[rows] = new
    return old


def fields_of(blocks: list[dict], inputs: Inputs, several: bool) -> dict[str, Any]:
    """Return the fields of a result from those of its blocks.

    Parameters
    ----------
    blocks
        The fields of each block: an array (n, T, ...), or for fields that follow the inputs a list with such an array
        for each input (None for an input without), or a dict of them by the number of the input.
    inputs
        The inputs of the method.
    several
        Whether the axis T stays, because there is a list of targets.
    """

    def whole(parts: list[np.ndarray]) -> np.ndarray:
        array = np.concatenate(parts)
        return array if several else array[:, 0]

    fields: dict[str, Any] = {}
    for key, value in blocks[0].items():
        if isinstance(value, np.ndarray):
            fields[key] = whole([block[key] for block in blocks])
            continue
        numbered = value if isinstance(value, dict) else dict(zip(range(len(inputs.arrays)), value, strict=True))
        given = [numbered.get(i) is not None for i in range(len(inputs.arrays))]
        fields[key] = inputs.pack(
            [whole([block[key][i] for block in blocks]) if g else None for i, g in enumerate(given)]
        )
    return fields


def joined(blocks: list[dict]) -> dict[str, Any]:
    """Return one block of several that hold different sequences; its ``count`` (N,) has an entry for each sequence."""
    rows = [len(block["predictions"]) for block in blocks]
    whole: dict[str, Any] = {"count": np.repeat([block["count"] for block in blocks], rows)}
    for key, value in blocks[0].items():
        if key == "count":
            continue
        if isinstance(value, list):
            whole[key] = [np.concatenate([block[key][i] for block in blocks]) for i in range(len(value))]
        else:
            whole[key] = np.concatenate([block[key] for block in blocks])
    return whole
