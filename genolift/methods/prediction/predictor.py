"""Predictions of many sequences: the targets' values, and the profiles behind profile targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target, for_each
from genolift.methods import targets
from genolift.methods.common.blocks import pad
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import batch_size
from genolift.methods.common.tokens import encode
from genolift.methods.common.traced import Traced
from genolift.methods.targets import TargetLike
from genolift.models.calling import Caller
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

# The largest number of sequences in a batch. Larger batches only cost memory.
_MOST = 512


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for N sequences and T targets.

    Parameters
    ----------
    values
        The value of each target (N, T).
    profiles
        For each target the probabilities (N, strands, positions), or None for a target that is no profile.
    """

    values: np.ndarray
    profiles: list[np.ndarray | None]


class Predictor:
    """Predicts targets of a model for sequences, by default as the mean over both strands.

    ``scales`` says what each target's values are: ``logit`` if a final sigmoid or softmax was looked through,
    ``output`` for the model's own output, ``profile`` and ``log_counts`` for those heads. ``tracks`` says for each how
    many numbers a position of its profile has.

    Parameters
    ----------
    model
        The model, which declares the names and shapes of its inputs.
    chosen
        The targets, see :mod:`genolift.methods.targets`. The list is empty for a model with a single number as output.
    activation
        ``"logit"`` looks through a final sigmoid or softmax. ``"keep"`` predicts the output itself.
    memory
        The budget for the network's activations, as ``"4GB"`` or a number of bytes. The default is 1 GB.
    both_strands
        Whether to predict the mean of a target over a sequence and its reverse complement.

    Raises
    ------
    InputError
        If the model does not declare its inputs, or has no such targets.
    """

    def __init__(
        self,
        model: Callable,
        chosen: list,
        activation: str = "logit",
        memory: str | int | float | None = None,
        both_strands: bool = True,
    ):
        caller = Caller(model)
        names, shapes = caller.names, caller.shapes
        if names is None or shapes is None:
            raise InputError(
                "the model does not declare its inputs, so sequences cannot be checked against them; build it by a "
                "call before it is saved"
            )
        target = chosen or None
        self._traced = Traced(model, target, activation, shapes, names, rc_average=both_strands)
        self.program, self.targets = self._traced.program, self._traced.targets
        self._memory = parse_bytes(memory)
        kinds = chosen or [None]
        self._per_strand = [one.per_strand if isinstance(one, targets.Profile) else None for one in kinds]
        self.scales = [self._scale(*pair) for pair in zip(kinds, self.targets, strict=True)]
        self.tracks = [
            _tracks(target.values[0].shape) if per_strand is False else 1
            for target, per_strand in zip(self.targets, self._per_strand, strict=True)
        ]
        self._run = compiled(self._outputs, reduce_retracing=True)
        self._rows: dict[tuple, int] = {}

    def _scale(self, chosen: TargetLike, target: Target) -> str:
        """Return the scale of the values of a target that was chosen, and resolved in the program."""
        if isinstance(chosen, targets.Profile):
            return "profile"
        if isinstance(chosen, targets.LogCounts):
            return "log_counts"
        return "output" if all(value in self.program.outputs for value in target.values) else "logit"

    @property
    def has_profiles(self) -> bool:
        """Whether any target is a profile."""
        return any(each is not None for each in self._per_strand)

    def __call__(self, X: np.ndarray | list[np.ndarray]) -> Predictions:
        """Return the predictions for sequences.

        Parameters
        ----------
        X
            One-hot sequences (N, L, 4), or a list of all inputs (N, ...) in the model's order.
        """
        arrays = [
            array if tokens is None else encode(array, tokens, f"input {name!r}")
            for array, tokens, name in zip(
                X if isinstance(X, list) else [X], self._traced.tokens, self._traced.names, strict=True
            )
        ]
        size = self._batch_size(arrays)
        parts = []
        with exact_float32:
            for start in range(0, len(arrays[0]), size):
                batch = [array[start : start + size] for array in arrays]
                kept = len(batch[0])
                values, profiles = self._run(*(tf.constant(pad(one, size), tf.float32) for one in batch))
                parts.append((values.numpy()[:kept], [p.numpy()[:kept] for p in profiles]))
        values = np.concatenate([values for values, _ in parts])
        profiles = iter([np.concatenate(each) for each in zip(*(some for _, some in parts), strict=True)])
        return Predictions(values, [None if each is None else next(profiles) for each in self._per_strand])

    def _batch_size(self, arrays: list[np.ndarray]) -> int:
        """Return a power of two within the budget, the same for all sequences of a length.

        The batch is then compiled once for each length.
        """
        shapes = tuple(array.shape[1:] for array in arrays)
        if shapes not in self._rows:
            fitting = min(batch_size(self._traced, Inputs(arrays), self._memory), _MOST)
            self._rows[shapes] = 1 << (fitting.bit_length() - 1)
        return self._rows[shapes]

    def _outputs(self, *tensors: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the targets (N, T) of inputs, and the probabilities of those that are profiles."""
        known = forward(self.program, list(tensors), constants(self.program))
        profiles = [
            tf.concat([_profile(known[value], per_strand) for value, _ in target.terms], axis=1)
            for target, per_strand in zip(self.targets, self._per_strand, strict=True)
            if per_strand is not None
        ]
        count = tf.shape(tensors[0])[0]
        return for_each(self.targets, lambda target: target.total(known.__getitem__, count)), profiles


def _tracks(shape: tuple | None) -> int:
    """Return the number of values at each position of an output (N, positions, ...)."""
    return int(np.prod([size or 1 for size in (shape or ())[2:]], dtype=int))


def _flat(tensor: Tensor) -> Tensor:
    return tf.reshape(tensor, [tf.shape(tensor)[0], -1])


def _profile(logits: Tensor, per_strand: bool) -> Tensor:
    """Return probabilities (N, strands, positions).

    They sum to 1 over each strand, or over all positions and strands jointly. The latter count as one strand.
    """
    if not per_strand or logits.shape.rank == 2:
        return tf.nn.softmax(_flat(logits), axis=-1)[:, tf.newaxis]
    by_strand = tf.reshape(logits, [tf.shape(logits)[0], tf.shape(logits)[1], -1])
    return tf.transpose(tf.nn.softmax(by_strand, axis=1), [0, 2, 1])


def profile_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the Jensen–Shannon distance of profiles, as a mean over strands.

    It is the square root of the divergence with logarithms to base 2 (Endres & Schindelin 2003).

    Parameters
    ----------
    p, q
        The profiles (N, strands, positions). They need not sum to 1.

    Returns
    -------
    np.ndarray
        The distance (N,), from 0 for equal profiles to 1 for profiles without a common position.
    """
    p, q = (each.astype(np.float64) / each.sum(-1, keepdims=True, dtype=np.float64) for each in (p, q))
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(-1) / (2 * np.log(2))
    return np.sqrt(np.clip(divergence, 0, 1)).mean(-1)
