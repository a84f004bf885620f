"""Surrogates: additive and pairwise linear models of the prediction, fitted to mutated copies of a sequence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata
from typing_extensions import override

from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies
from genolift.methods.common.refusals import only_dna
from genolift.methods.common.traced import Traced
from genolift.methods.perturbation.perturbed import Block, ChangingMethod
from genolift.methods.surrogates import linear
from genolift.methods.targets import TargetLike
from genolift.results.kinds import SurrogateExplanation
from genolift.support.errors import GenoliftWarning, InputError, Remedy, method_option
from genolift.support.numbers import whole_number

TRANSFORMS = ("none", "log", "rank")
# The share of the copies that are held out from the fit, to tell how good it is.
_HELD_OUT = 0.2
_BASES = np.eye(4, dtype=np.float32)


class Surrogate(ChangingMethod):
    """Linear models of the prediction near a sequence, fitted to mutated copies of it (as SQUID; Seitz et al. 2024).

    An additive model has a weight for each base at each position. A pairwise model has weights for pairs as well. Both
    are fitted to x and four fifths of the copies, by ridge regression in the zero-sum gauge: the weights of a position
    sum to zero over its bases. Their R² is computed on the other copies. ``hypothetical`` are the additive model's
    weights, and 0 where nothing is mutated. ``scores`` are the weights of the bases that are there.

    Parameters
    ----------
    samples
        The number of mutated copies that are predicted, at least 10.
    rate
        The probability that a position of a copy is mutated. Each other base is equally probable.
    pairwise
        Whether to fit the pairwise model too.
    start
        The first position that is mutated, counted from 0. By default all are.
    end
        The position after the last one that is mutated.
    alpha
        The penalty of the ridge regressions, on all weights except the constant.
    transform
        The transformation of predictions before the fit: ``"none"``, ``"log"``, or ``"rank"``. The rank among the
        copies becomes a normal deviate, so that only the order of predictions counts.
    gauge
        The mean effect of a pair over one of its bases is part of the other base's weight. ``"zero-sum"`` takes the
        mean over all four bases alike: weights are then those among any sequences, mostly extrapolated from copies
        near x. ``"copies"`` takes it over the bases with their frequencies in the copies.
    """

    name = "surrogate"
    result_type = SurrogateExplanation

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        samples: int = 5000,
        rate: float = 0.1,
        pairwise: bool = True,
        start: int | None = None,
        end: int | None = None,
        alpha: float = 0.1,
        transform: str = "none",
        gauge: str = "zero-sum",
        **options: Any,
    ):
        self.samples, self.pairwise = whole_number(samples, "samples", 10), bool(pairwise)
        if not 0 < rate <= 1:
            raise InputError(f"rate must be above 0 and at most 1, not {rate}")
        if not alpha >= 0:
            raise InputError(f"alpha must be at least 0, not {alpha}")
        if transform not in TRANSFORMS:
            raise InputError(f"transform must be one of {', '.join(TRANSFORMS)}, not {transform!r}")
        whole = start is None and end is None
        if not whole and (start is None or end is None or not 0 <= start < end):
            raise InputError(
                f"a stretch has a start and an end after it (0-based, end not included), not {start} and {end}"
            )
        self.rate, self.alpha, self.transform = float(rate), float(alpha), transform
        if gauge not in ("zero-sum", "copies"):
            raise InputError(f"gauge must be 'zero-sum' or 'copies', not {gauge!r}")
        self.start, self.end, self.gauge = start, end, gauge
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        own = ("samples", "rate", "pairwise", "start", "end", "alpha", "transform", "gauge")
        return {**super().describe(), **{name: getattr(self, name) for name in own}}

    @override
    def changed(self, inputs: Inputs) -> list[int]:
        place = only_dna(self.name, "mutates", inputs, "use lime, or give a function of one sequence")
        length = inputs.arrays[place].shape[1]
        if (self.end or 0) > length:
            raise InputError(f"the stretch ends at {self.end}, but the sequences are {length} long")
        return [place]

    @override
    def count(self, lengths: list[int]) -> int:
        return self.samples + 1

    @override
    def at_once(self, count: int, size: int) -> int:
        # Each sequence has a matrix of pairs for each target.
        return max(1, min(super().at_once(count, size), int(self.memory // max(1, self._pair_bytes))))

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        (place,) = self.changed(inputs)
        start, end = self._stretch(inputs.arrays[place].shape[1])
        self._pair_bytes = 2 * 4 * (4 * (end - start)) ** 2 * len(traced.targets) if self.pairwise else 0
        if self.pairwise:
            linear.check(end - start, len(self._fitted_rows), len(traced.targets), self.alpha, self.memory)
        return super().explain(inputs, traced)

    @property
    def _fitted_rows(self) -> range:
        """The numbers of the copies that models are fitted to. Number 0 is the sequence itself."""
        return range(self.samples + 1 - int(self.samples * _HELD_OUT))

    def _stretch(self, length: int) -> tuple[int, int]:
        return (0, length) if self.start is None or self.end is None else (self.start, self.end)

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        (place,) = block.changed
        x = block.xs[place]
        start, end = self._stretch(x.shape[1])
        codes = np.stack(
            [self._copies(one, rng) for one, rng in zip(x[:, start:end], self.streams(block), strict=True)]
        )

        def make(row, number):
            arrays = [array[row] for array in block.xs]
            # Unknown bases stay as they are, unless they are mutated.
            known = codes[row, number] < 4
            arrays[place][:, start:end][known] = _BASES[codes[row, number][known]]
            return arrays

        f = copies.grid(codes.shape[:2], make)
        fits = [self._fits(codes[n], f[n].astype(np.float64)) for n in range(len(block))]
        columns = {name: np.stack([one[name] for one in fits]) for name in fits[0]}
        self._tell_of_poor(columns)
        weights = np.zeros((len(x), f.shape[-1], *x.shape[1:]), np.float32)
        weights[:, :, start:end] = columns.pop("weights")
        return {
            "hypothetical": [weights],
            "raw_contributions": [x[:, None] * weights],
            "predictions": f[:, 0],
            "stretch": np.full(f[:, 0].shape, start),
            **columns,
        }

    def _tell_of_poor(self, columns: dict) -> None:
        """Warn where a model predicts held-out copies no better than a simpler one does."""
        additive = columns["r_squared"]
        if self.pairwise:
            quality, simpler = columns["pairwise_r_squared"], np.maximum(additive, 0)
            than = "the additive ones"
            advice = Remedy.naming("give more samples, a shorter stretch, or {}", method_option("pairwise", False))
        else:
            quality, simpler, than = additive, np.zeros_like(additive), "a constant"
            advice = Remedy.naming("give more samples, another rate or transform")
        # Where the additive model leaves nothing to explain, pairs have nothing to add.
        poor = int(((quality <= simpler) & (additive < 0.999)).sum())
        if poor:
            warnings.warn(
                GenoliftWarning(
                    f"{poor:,} of {quality.size:,} {'pairwise' if self.pairwise else 'additive'} surrogates predict "
                    f"held-out copies no better than {than}, so their weights mean little",
                    advice,
                ),
                stacklevel=2,
            )

    def _copies(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return codes (samples + 1, W) of the sequence x (W, 4) and its mutated copies, 4 where x is not one base."""
        own = np.where((x == 1).any(-1) & (x.sum(-1) == 1), x.argmax(-1), 4)
        mutated = rng.random((self.samples, len(x))) < self.rate
        other = (own + rng.integers(1, 4, mutated.shape)) % 4
        other = np.where(own == 4, rng.integers(0, 4, mutated.shape), other)
        return np.concatenate([own[None], np.where(mutated, other, own)]).astype(np.uint8)

    def _shares(self, codes: np.ndarray) -> np.ndarray:
        """Return the frequency (W, 4) of each base in the copies of a sequence (W,)."""
        own = _BASES[np.minimum(codes, 3)].astype(np.float64)
        shares = (1 - self.rate) * own + self.rate / 3 * (1 - own)
        return np.where(codes[:, None] == 4, 0.25, shares)

    def _fits(self, codes: np.ndarray, f: np.ndarray) -> dict:
        """Return fields (T, ...) of one sequence, from its copies' codes (S, W) and predictions (S, T)."""
        y, fitted = self._transformed(f), len(self._fitted_rows)
        additive = linear.regress(codes[:fitted], y[:fitted], self.alpha, pairs=False)
        fields: dict[str, Any] = {
            "weights": additive.weights,
            "constant": additive.constant,
            "r_squared": linear.r_squared(additive.predict(codes[fitted:]), y[fitted:]),
        }
        if self.pairwise:
            both = linear.regress(codes[:fitted], y[:fitted], self.alpha, pairs=True)
            if self.gauge == "copies":
                both = linear.averaged(both, self._shares(codes[0]))
            fields |= {
                "additive": both.weights,
                "pairwise": both.pairs,
                "pairwise_constant": both.constant,
                "pairwise_r_squared": linear.r_squared(both.predict(codes[fitted:]), y[fitted:]),
            }
        return {name: value.astype(np.float32) for name, value in fields.items()}

    def _transformed(self, f: np.ndarray) -> np.ndarray:
        if self.transform == "log":
            if not (f > 0).all():
                raise InputError(
                    f"the transform 'log' is for outputs above zero, and there are copies with {f.min():.3g}",
                    Remedy.naming("give {}, or 'none'", method_option("transform", "rank")),
                )
            return np.log(f)
        if self.transform == "rank":
            return ndtri((rankdata(f, axis=0) - 0.5) / len(f))
        return f

    @override
    def undefined(self) -> dict[str, str]:
        off = dict.fromkeys(
            ["additive", "pairwise", "pairwise_constant", "pairwise_r_squared"], "the pairwise model was not asked for"
        )
        return {
            **super().undefined(),
            "standard_error": f"{self.name} fits one model; r_squared tells how well it fits",
            **({} if self.pairwise else off),
        }
