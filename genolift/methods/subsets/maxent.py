"""Maximum-entropy samples: other sequences that look the same to the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.hidden.representation import Representation, read_from
from genolift.engine.layers import layer_outputs
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies
from genolift.methods.common.refusals import lacking, only_dna
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.references import Background
from genolift.methods.subsets.mixing import effective_size, split_r_hat
from genolift.methods.targets import TargetLike
from genolift.results.kinds import SampleExplanation
from genolift.sequence.alphabet import one_hot_codes
from genolift.support.errors import InputError, Remedy, method_option
from genolift.support.numbers import whole_number

_BASES = np.eye(4, dtype=np.float32)
# The number of background sequences whose mean distance is the unit of distances.
_UNIT = 32


class MaximumEntropy(ChangingMethod):
    """Samples of the distribution of greatest entropy over sequences that look to the network as x does.

    A sequence x' has probability ∝ q(x')·exp(−``beta``·d(x', x)) (Finnegan & Song 2017). Here q draws each base
    independently, and d is the Euclidean distance of activations, in units of the mean distance of random sequences.
    Samples are drawn by chains of Metropolis steps. The first chain starts from x, the others from random sequences. A
    step proposes a base from q at a random position. ``scores`` are the information in bits by which a position's bases
    among the samples differ from q. ``hypothetical`` and ``raw_contributions`` are not defined, because information is
    nobody's share of a prediction.

    Parameters
    ----------
    layer
        The layer whose activations are compared, by name or path. The default are the activations that the target is
        read from.
    beta
        How closely samples resemble x to the network. It is at least 0, at which they do not resemble x at all.
    chains
        The number of chains.
    sweeps
        The number of sweeps of a chain from which samples are kept. A sweep has as many steps as the sequence has
        positions.
    burn
        The number of sweeps before these, whose samples are dropped.
    samples
        The number of samples that are kept of each chain, at least 4.
    frequencies
        The frequencies of A, C, G and T in q.
    """

    name = "maxent"
    averages = False
    result_type = SampleExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        layer: str | None = None,
        beta: float = 50.0,
        chains: int = 4,
        sweeps: int = 20,
        burn: int = 5,
        samples: int = 100,
        frequencies: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25),
        **options: Any,
    ):
        if not beta >= 0:
            raise InputError(f"beta must be at least 0, not {beta}")
        self.layer, self.beta, self.chains = layer, float(beta), whole_number(chains, "chains")
        self.sweeps, self.burn = whole_number(sweeps, "sweeps"), whole_number(burn, "burn", 0)
        self.samples, self.frequencies = whole_number(samples, "samples", 4), Background(frequencies).frequencies
        if len(self.frequencies) != 4 or not self.frequencies.all():
            raise InputError("frequencies are four numbers above 0, those of A, C, G and T")
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("layer", "beta", "chains", "sweeps", "burn", "samples")}
        return {**super().describe(), **own, "frequencies": self.frequencies.tolist()}

    @override
    def prepare(self, traced: Traced) -> None:
        super().prepare(traced)
        if self.layer is not None:
            values = [layer_outputs(traced.program, self.layer)] * len(traced.targets)
        else:
            values = [read_from(target.values) for target in traced.targets]
        if not all(values):
            raise lacking(
                self.name,
                "needs a hidden representation",
                "the target is read from the input itself",
                Remedy.naming("give {}, or use gradient-x-input", method_option("layer", "name")),
            )
        # Targets that are read from the same activations have the same samples.
        made: dict[tuple, Representation] = {}
        self._hidden = [made.setdefault(tuple(v), Representation(traced.program, v)) for v in map(list, values)]

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        return [only_dna(self.name, "samples", inputs, "use occlusion")]

    @override
    def count(self, lengths: list[int]) -> int:
        (length,) = lengths
        drawn = len(set(self._hidden)) * (self.chains * (self._steps(length) + 1) + _UNIT)
        return drawn + (self.chains * self.samples) * len(self._hidden)

    @override
    def at_once(self, count: int, size: int) -> int:
        return max(1, size // self.chains)  # A step of all chains fills a batch.

    def _steps(self, length: int) -> int:
        """Return how many steps a chain makes, those of the sweeps that are dropped included."""
        steps = length * self.sweeps
        if steps < self.samples:
            raise InputError(
                f"{self.sweeps} sweeps of {length} are fewer steps than {self.samples} samples; give more sweeps"
            )
        return length * self.burn + steps

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        draws = [_Draws(self, rng, block.lengths[0]) for rng in self.streams(block)]
        chains = {hidden: self._chains(hidden, copies, block, draws) for hidden in dict.fromkeys(self._hidden)}
        codes, distance, accepted = (
            np.stack([chains[hidden][i] for hidden in self._hidden], axis=1) for i in range(3)
        )  # (n, T, chains, samples, L), (n, T, chains, samples), (n, T)
        n, targets = codes.shape[:2]
        samples = codes.reshape(n, targets, -1, codes.shape[-1])
        place = block.changed[0]
        predictions = copies.grid(
            samples.shape[:3],
            lambda row, t, s: _with(block, place, row, _encoded(block.xs[place][row], samples[row, t, s])),
        )
        frequencies = np.stack([(samples == base).mean(2) for base in range(4)], axis=-1)
        return {
            "samples": [samples],
            "frequencies": [frequencies.astype(np.float32)],
            "scores": [self._information(frequencies, samples.shape[2]).astype(np.float32)],
            "sample_predictions": np.stack([predictions[:, t, :, t] for t in range(targets)], axis=1),
            "distance": distance.mean((2, 3)).astype(np.float32),
            "acceptance": accepted.astype(np.float32),
            "r_hat": split_r_hat(distance).astype(np.float32),
            "effective_size": effective_size(distance).astype(np.float32),
            "predictions": copies.predictions(),
        }

    def _information(self, frequencies: np.ndarray, samples: int) -> np.ndarray:
        """Return Σ p·log2(p/q) for positions, with one base of q added to the samples, and 0 where x is unknown."""
        known = frequencies.sum(-1) > 0
        p = (frequencies * samples + self.frequencies) / (samples + 1)
        return np.where(known, (p * np.log2(p / self.frequencies)).sum(-1), 0)

    def _chains(
        self, hidden: Representation, copies: Copies, block: Block, draws: list[_Draws]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run the chains for one representation of the sequences.

        Return the codes (n, chains, samples, L) and the distances (n, chains, samples) of the samples, and the share
        (n,) of proposed changes that were accepted.
        """
        place = block.changed[0]
        x = block.xs[place]
        # A representation gives values as points do; it has no slopes, and none are asked for.
        own = Copies(hidden, block.xs, copies.size, copies.tick)  # type: ignore[arg-type]
        centre = own.values(len(x), own.themselves)

        def distances(codes):
            """Return the distances (n, k) of the codes (n, k, L) from their sequences."""
            flat = codes.reshape(-1, codes.shape[-1])

            def make(which):
                row = which // codes.shape[1]
                return row, _with(block, place, row, _encoded(x[row], flat[which]))

            vectors = own.values(len(flat), make).reshape(*codes.shape[:2], -1)
            return np.linalg.norm(vectors - centre[:, None], axis=-1).astype(np.float64)

        unit = distances(np.stack([one.random for one in draws])).mean(1)
        unit = np.where(unit > 0, unit, 1.0)[:, None]
        codes = np.stack([one.start(own_codes) for one, own_codes in zip(draws, one_hot_codes(x), strict=True)])
        now = distances(codes) / unit
        kept_codes = np.empty((*codes.shape[:2], self.samples, x.shape[1]), np.uint8)
        kept = np.empty((*codes.shape[:2], self.samples))
        accepted, proposed = np.zeros(len(x)), np.zeros(len(x))
        rows, chains = np.indices(codes.shape[:2])
        for step, places, bases, chance in _Draws.steps(draws):
            changed = codes.copy()
            unknown = codes[rows, chains, places] > 3
            changed[rows, chains, places] = np.where(unknown, codes[rows, chains, places], bases)
            then = distances(changed) / unit
            moved = changed[rows, chains, places] != codes[rows, chains, places]
            taken = moved & (np.log(chance) < self.beta * (now - then))
            codes, now = np.where(taken[..., None], changed, codes), np.where(taken, then, now)
            accepted += taken.sum(1)
            proposed += moved.sum(1)
            for sample in draws[0].kept_at(step):
                kept_codes[:, :, sample], kept[:, :, sample] = codes, now
        return kept_codes, kept, accepted / np.maximum(proposed, 1)

    @override
    def undefined(self) -> dict[str, str]:
        what = (
            "maxent tells the information of positions, which is nobody's share of a prediction; deeplift gives shares"
        )
        none = "maxent compares with no reference"
        return {
            **super().undefined(),
            "hypothetical": what,
            "raw_contributions": what,
            **dict.fromkeys(["reference_predictions", "reference_count", "standard_error"], none),
        }


class _Draws:
    """All random numbers for one sequence, drawn in advance.

    Parameters
    ----------
    method
        The method, whose options say how many are needed.
    rng
        The sequence's source of random numbers.
    length
        The length of the sequence.
    """

    def __init__(self, method: MaximumEntropy, rng: np.random.Generator, length: int):
        def bases(*shape: int) -> np.ndarray:
            return rng.choice(4, shape, p=method.frequencies).astype(np.uint8)

        steps = method._steps(length)
        self.random, self.starts = bases(_UNIT, length), bases(method.chains - 1, length)
        self.places = rng.integers(0, length, (steps, method.chains))
        self.bases, self.chance = bases(steps, method.chains), rng.random((steps, method.chains))
        # The step after which each sample is taken.
        burnt = length * method.burn
        self.taken = burnt - 1 + np.arange(1, method.samples + 1) * (steps - burnt) // method.samples

    def start(self, codes: np.ndarray) -> np.ndarray:
        """Return the codes (chains, L) that the chains start from. Unknown bases stay unknown."""
        return np.concatenate([codes[None], np.where(codes > 3, codes, self.starts)]).astype(np.uint8)

    def kept_at(self, step: int) -> np.ndarray:
        """Return the numbers of the samples that are taken after a step."""
        return np.flatnonzero(self.taken == step)

    @staticmethod
    def steps(draws: list[_Draws]) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the number of each step, and its places, bases and chances (n, chains) for all sequences."""
        for step in range(len(draws[0].places)):
            places, bases, chance = (
                np.stack([getattr(one, name)[step] for one in draws]) for name in ("places", "bases", "chance")
            )
            yield step, places, bases, chance


def _encoded(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return codes (b, L) as one-hot (b, L, 4), with unknown bases as they are in ``x`` (b, L, 4)."""
    return np.where((codes > 3)[..., None], x, _BASES[np.minimum(codes, 3)])


def _with(block: Block, place: int, rows: np.ndarray, changed: np.ndarray) -> list[np.ndarray]:
    """Return copies of the sequences ``rows`` in which one input is ``changed``."""
    return [changed if i == place else x[rows] for i, x in enumerate(block.xs)]
