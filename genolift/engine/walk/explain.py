"""The Explainer, which runs both sides forward, walks back from each target and averages over the references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from genolift.engine.operations import kernels
from genolift.engine.operations.steps import switch_refusal
from genolift.engine.program import Program, Step, Value
from genolift.engine.target import Target, for_each
from genolift.engine.walk.multipliers import Multipliers, Walked
from genolift.engine.walk.pairs import Pairs
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

#: A target at the sequences and at the references, and the difference.
Ends: TypeAlias = tuple[Tensor, Tensor, Tensor]

# A graph for mostly small activations is rewritten by TensorFlow if it has no more operations than this.
_REWRITTEN = 2000


@dataclass(frozen=True)
class BySteps:
    """Tensors that each belong to a step.

    TensorFlow asks ``__tf_flatten__`` which parts of the object are tensors, so a compiled function can return it. The
    steps are those of the trace that ran, whichever thread made it.
    """

    steps: tuple[Step, ...]
    tensors: tuple[Tensor, ...]

    def __iter__(self) -> Iterator[tuple[Step, Tensor]]:
        return iter(zip(self.steps, self.tensors, strict=True))

    def __tf_flatten__(self) -> tuple[tuple, tuple]:
        return (self.steps,), (self.tensors,)

    @classmethod
    def __tf_unflatten__(cls, metadata: tuple, components: tuple) -> BySteps:
        (steps,), (tensors,) = metadata, components
        return cls(steps, tuple(tensors))


class Explainer:
    """An explainer of blocks of sequences against their references.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are explained.
    multipliers : Multipliers
        The way to compute multipliers, which also names the sources that are explained.
    dna : list of bool
        Whether each source is one-hot DNA.
    precision : DType
        The floating-point type to compute in, by default float32.
    """

    def __init__(
        self,
        program: Program,
        targets: list[Target],
        multipliers: Multipliers,
        dna: list[bool],
        precision: Any = tf.float32,
    ):
        self.program, self.targets, self.multipliers, self.dna = program, targets, multipliers, dna
        self.precision = precision
        self._exact: dict[int, Explainer] = {}
        self._runs: dict[tuple[bool, bool, frozenset[Value] | None], Callable] = {}
        self._making = Lock()  # blocks come from several threads
        self._audit = compiled(self._audited, reduce_retracing=True)

    def __call__(
        self,
        xs: list[np.ndarray],
        refs: list[np.ndarray],
        shared: bool,
        leading: bool,
        small: frozenset[Value] | None = frozenset(),
    ) -> dict:
        """Explain a block of n sequences with r references each.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequences (n, ...) for each input.
        refs : list of np.ndarray
            The references for each input: (n, r, ...), or (r, ...) if all sequences share them.
        shared : bool
            Whether all sequences share the references.
        leading : bool
            Whether every activation keeps the batch as its first axis.
        small : frozenset of Value, or None
            The activations that are too small in this block to compile kernels for, and None if all are. By default
            none is known to be.

        Returns
        -------
        dict
            NumPy arrays for T targets. The first eight entries are lists with one array for each source.

            ``points`` (n, T, ...) are the activations of a hidden layer at x, if attributions are to a layer.
            ``shares`` (n, T, r) are the sums of a source's contributions, ``sizes`` (n, T, r) those of their absolute
            values. ``raw`` and ``multipliers`` (n, T, ...) are means over the block's references. ``hypothetical``
            (n, T, L, 4) are hypothetical contributions, or None for a source that is not DNA. ``mean`` and ``squares``
            (n, T, ...) are the mean of the position scores over references and the sum of their squared deviations from
            it.

            ``predictions`` (n, T) and ``reference_predictions`` (n, T, r) are the targets, ``residual`` (n, T, r) is
            what the contributions exceed their difference by, and ``left`` (n, T) is the largest relative error of
            local integrals.

        Raises
        ------
        UnsupportedModel
            If a comparison of the input switches differently for a sequence and its reference, so that no rule holds.
        """
        with exact_float32:
            block, switches = self._run(shared, leading, small)(self._tensors(xs), self._tensors(refs))
        refuse_switched(switches)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), block)

    def _run(self, shared: bool, leading: bool, small: frozenset[Value] | None) -> Callable:
        """Return the compiled block. It is traced once for any number of sequences, references and free lengths.

        A graph of small activations does not serve for large ones, nor the other way round, because results must not
        depend on the calls before.
        """
        with self._making:
            if (shared, leading, small) not in self._runs:
                shapes = [tuple(value.shape or ())[1:] for value in self.program.inputs]
                xs = [tf.TensorSpec([None, *shape], self.precision) for shape in shapes]
                refs = [tf.TensorSpec([None, *([] if shared else [None]), *shape], self.precision) for shape in shapes]

                def block(xs, refs):
                    with kernels.small_activations(small):
                        return self._block(xs, refs, shared, leading)

                mostly_small = small is None or 2 * len(small) > len(self.program.active_steps)
                rewritten = _REWRITTEN if mostly_small else None
                self._runs[shared, leading, small] = compiled(block, rewritten, input_signature=[xs, refs])
            return self._runs[shared, leading, small]

    def in_float64(self, target: int) -> Explainer:
        """Return an explainer of one target in double precision, which tells rounding from a breach of completeness.

        Parameters
        ----------
        target : int
            The place of the target in the list of targets.
        """
        if target not in self._exact:
            targets = [self.targets[target]]
            self._exact[target] = Explainer(self.program, targets, self.multipliers, self.dna, tf.float64)
        return self._exact[target]

    def audit(self, xs: list[np.ndarray], refs: list[np.ndarray], target: int = 0) -> list[tuple[Step, float]]:
        """Return every step that was walked for one pair, and what entered the step less what left it.

        Parameters
        ----------
        xs : list of np.ndarray
            The sequence (1, ...) for each input.
        refs : list of np.ndarray
            Its reference (1, 1, ...) for each input.
        target : int
            The place of the target in the list of targets.
        """
        with exact_float32:
            imbalances = self._audit(self._tensors(xs), self._tensors(refs), target)
        return [(step, float(imbalance[0])) for step, imbalance in imbalances]

    def begin(self, xs: list[np.ndarray], leading: bool) -> Any:
        """Return sequences ready for several calls with different references, see :meth:`__call__`."""
        return xs

    def _tensors(self, arrays: list) -> list:
        return [tf.cast(tf.convert_to_tensor(array), self.precision) for array in arrays]

    def _pairs(self, xs, refs, shared, leading) -> Pairs:
        if shared:
            return Pairs(self.program, xs, refs, tf.shape(refs[0])[0], True, leading, self.precision)
        flat = [merge(ref) for ref in refs]
        return Pairs(self.program, xs, flat, tf.shape(refs[0])[1], False, leading, self.precision)

    def _block(self, xs, refs, shared, leading):
        pairs = self._pairs(xs, refs, shared, leading)
        switched: dict[Step, list[Value]] = {}

        def of_target(target: Target) -> dict:
            inside = pairs.inside()
            seeds = target.seeds(inside.x)
            walked = self.multipliers(inside, target, seeds)
            switched.update(walked.switched)
            return self._of_target(inside, seeds, walked)

        block = for_each(self.targets, of_target)
        return block, BySteps(tuple(switched), differing(pairs, switched))

    def _of_target(self, pairs: Pairs, seeds: dict[Value, Tensor], walked: Walked) -> dict:
        return self.summarised(pairs, walked.reached, totals(pairs, seeds), walked.left)

    def summarised(self, pairs: Pairs, reached: list[Tensor], ends: Ends, left: list[Tensor]) -> dict:
        """Return what is kept of a walk.

        Parameters
        ----------
        pairs : Pairs
            Both sides, of which the sources are read.
        reached : list of Tensor
            The multipliers of each source, one row per pair.
        ends : tuple of Tensor
            What :func:`totals` returns.
        left : list of Tensor
            The share that each local integral did not account for.
        """
        kept = ("raw", "multipliers", "hypothetical", "mean", "squares", "shares", "sizes")
        block: dict = {key: [] for key in (*kept, "points")}
        for value, m, dna in zip(self.multipliers.sources, reached, self.dna, strict=True):
            # Broadcasting replaces copies where the two sides are shared among pairs.
            x = pairs.x_alone(value)[:, tf.newaxis] if pairs.leading else _by_pair(pairs, pairs.x(value))
            ref = pairs.ref_alone(value)[tf.newaxis] if pairs.shared else _by_pair(pairs, pairs.ref(value))
            if value not in self.program.inputs:
                block["points"].append(x[:, 0])
            for key, tensor in kernels.summary(_by_pair(pairs, m), x, ref, dna).items():
                block[key].append(tensor)
        at_x, at_ref, difference = ends
        block["left"] = tf.fill([pairs.n], tf.reduce_max(tf.stack(left)) if left else tf.zeros([], pairs.precision))
        block["predictions"] = at_x[:, 0]
        block["reference_predictions"] = at_ref
        block["residual"] = tf.add_n(block["shares"]) - difference
        return block

    def _audited(self, xs, refs, place: int) -> BySteps:
        pairs, target = self._pairs(xs, refs, False, False), self.targets[place]
        audit = self.multipliers(pairs, target, target.seeds(pairs.x), audit=True).audit
        return BySteps(tuple(step for step, _ in audit), tuple(imbalance for _, imbalance in audit))


def refuse_switched(switches: BySteps) -> None:
    """Refuse steps that comparisons of the input switch differently for a sequence and its reference."""
    for step, differs in switches:
        if differs:
            raise switch_refusal(step)


def differing(pairs: Pairs, switched: dict[Step, list[Value]]) -> tuple[Tensor, ...]:
    """Return for each step whether a comparison that switches it differs between the two sides."""
    return tuple(tf.reduce_any(tf.stack([pairs.differ(value) for value in by])) for by in switched.values())


def totals(pairs: Pairs, seeds: dict[Value, Tensor]) -> Ends:
    """Return a target at the sequences and at the references, and the difference, each (n, r).

    Parameters
    ----------
    pairs : Pairs
        Both sides.
    seeds : dict of Value to Tensor
        The weights of the target's values, one row per pair.
    """

    def total(at: Callable) -> Tensor:
        sums = [
            tf.reduce_sum(tf.reshape(seed * at(value), [pairs.n, pairs.r, -1]), -1) for value, seed in seeds.items()
        ]
        return tf.add_n(sums)

    return total(pairs.x), total(pairs.ref), total(pairs.delta)


def _by_pair(pairs: Pairs, tensor: Tensor) -> Tensor:
    shaped = tf.reshape(tensor, tf.concat([[pairs.n, pairs.r], tf.shape(tensor)[1:]], 0))
    shaped.set_shape([None, None, *tensor.shape[1:]])
    return shaped


def merge(ref: Tensor) -> Tensor:
    """Return references (n, r, ...) as (n·r, ...)."""
    flat = tf.reshape(ref, tf.concat([[-1], tf.shape(ref)[2:]], 0))
    flat.set_shape([None, *ref.shape[2:]])
    return flat
