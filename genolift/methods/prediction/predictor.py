"""What a model says of many sequences, forward only: the targets' values, and the profiles behind profile targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from genolift.engine.running.run import constants, forward
from genolift.engine.walk.points import totals
from genolift.methods import targets
from genolift.methods.common.blocks import pad
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import batch_size
from genolift.methods.common.traced import Traced, ports
from genolift.support.memory import parse_bytes
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import compiled, quiet_tensorflow

tf = quiet_tensorflow()

# Sequences a batch should hold at most: beyond, batches only cost memory.
_MOST = 512


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for N sequences and T targets.

    Parameters
    ----------
    values
        The targets, (N, T).
    profiles
        For each target that is a profile its probabilities (N, strands, positions), and None for the others.
    """

    values: np.ndarray
    profiles: list[np.ndarray | None]


class Predictor:
    """The targets that :mod:`genolift.methods.targets` describes, each of them averaged over both strands.

    A prediction of both strands is half of what the model says of a sequence and half of what it says of its reverse
    complement. ``scales`` tells what each target's values are: ``logit`` where a final sigmoid or softmax was looked
    through, ``output`` for the model's own output, ``profile`` and ``log_counts`` for those heads.
    """

    def __init__(self, model, chosen: list, activation: str = "logit", memory=None, both_strands: bool = True):
        names, shapes = ports(model)
        target = chosen or None
        self._traced = Traced(model, target, activation, shapes, names, rc_average=both_strands)
        self.program, self.targets = self._traced.program, self._traced.targets
        self._memory = parse_bytes(memory)
        kinds = chosen or [None]
        self._per_strand = [one.per_strand if isinstance(one, targets.Profile) else None for one in kinds]
        self.scales = [self._scale(one, found) for one, found in zip(kinds, self.targets, strict=True)]
        self._run = compiled(self._outputs, reduce_retracing=True)
        self._rows: dict[int, int] = {}

    def _scale(self, chosen, found) -> str:
        if isinstance(chosen, targets.Profile):
            return "profile"
        if isinstance(chosen, targets.LogCounts):
            return "log_counts"
        return "output" if all(value in self.program.outputs for value in found.values) else "logit"

    @property
    def has_profiles(self) -> bool:
        """Whether any of the targets is a profile."""
        return any(each is not None for each in self._per_strand)

    def __call__(self, X: np.ndarray) -> Predictions:
        """Of one-hot sequences (N, L, 4)."""
        size = self._batch_size(X)
        parts = []
        with exact_float32:
            for start in range(0, len(X), size):
                batch = X[start : start + size]
                values, profiles = self._run(tf.constant(pad(batch, size)))
                parts.append((values.numpy()[: len(batch)], [p.numpy()[: len(batch)] for p in profiles]))
        values = np.concatenate([values for values, _ in parts])
        found = iter([np.concatenate(each) for each in zip(*(profiles for _, profiles in parts), strict=True)])
        return Predictions(values, [None if each is None else next(found) for each in self._per_strand])

    def _batch_size(self, X: np.ndarray) -> int:
        """Return one size for all sequences of a length, a power of two, so that its batch is compiled once."""
        length = X.shape[1]
        if length not in self._rows:
            fitting = min(batch_size(self._traced, Inputs([X]), self._memory), _MOST)
            self._rows[length] = 1 << (fitting.bit_length() - 1)
        return self._rows[length]

    def _outputs(self, x):
        known = forward(self.program, [x], constants(self.program))
        seeds = [list(target.seeds(known.__getitem__).items()) for target in self.targets]
        profiles = [
            tf.concat([_profile(known[value], per_strand) for value, _ in target.terms], axis=1)
            for target, per_strand in zip(self.targets, self._per_strand, strict=True)
            if per_strand is not None
        ]
        return totals(seeds, known.__getitem__, tf.shape(x)[0]), profiles


def _flat(tensor):
    return tf.reshape(tensor, [tf.shape(tensor)[0], -1])


def _profile(logits, per_strand: bool):
    """Probabilities (N, strands, positions): of all positions and strands jointly (strands = 1), or of each strand."""
    if not per_strand or logits.shape.rank == 2:
        return tf.nn.softmax(_flat(logits), axis=-1)[:, tf.newaxis]
    by_strand = tf.reshape(logits, [tf.shape(logits)[0], tf.shape(logits)[1], -1])
    return tf.transpose(tf.nn.softmax(by_strand, axis=1), [0, 2, 1])


def profile_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen–Shannon distance of profiles (N, strands, positions), the mean over strands, (N,): 0 equal, 1 disjoint.

    The square root of the divergence with logarithms to base 2 (Endres & Schindelin 2003).
    """
    p, q = (each.astype(np.float64) / each.sum(-1, keepdims=True, dtype=np.float64) for each in (p, q))
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(-1) / (2 * np.log(2))
    return np.sqrt(np.clip(divergence, 0, 1)).mean(-1)
