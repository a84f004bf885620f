"""What methods add to an explanation: fields of their own.

They stand here, apart from the methods, so that a store is read as what it is without loading what made it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genolift.results.explanation import Explanation
from genolift.results.fields import INPUT, OUTPUT, PAIR, POSITION, REFERENCE
from genolift.support.errors import InputError, Remedy, method_option

_STRETCH = "of the stretch"


class LayerExplanation(Explanation):
    """Contributions of a hidden layer: ``inputs`` are its activations at x (a list where it is called several times).

    ``bypass`` (N, R) is the part of f(x) − f(reference) that reaches the output without passing through the layer.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "bypass": REFERENCE}


class EnsembleExplanation(Explanation):
    """Means over the models; ``spread`` is the standard deviation of ``scores`` over them (ddof = 1)."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "spread": POSITION}


class RelevanceExplanation(Explanation):
    """``absorbed`` (N,): f(x) less the sum of all relevance, which biases and stabilisers took."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "absorbed": OUTPUT}


class SignalExplanation(Explanation):
    """``signal`` (as the inputs): what the inputs hold of what the network looks at, by PatternNet."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "signal": INPUT}


class LimeExplanation(Explanation):
    """``r_squared`` (N,): the share of the predictions' weighted variance that the surrogate explains."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "r_squared": OUTPUT, "intercept": OUTPUT}


class MaskExplanation(Explanation):
    """``masked_predictions`` (N,) are f of the masked sequence, ``objective`` (N,) what the mask reached."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "masked_predictions": OUTPUT, "objective": OUTPUT}


class MutagenesisExplanation(Explanation):
    """``effects[n, l, b]`` is f(x with base b at position l) − f(x), zero for the base that is there."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "effects": INPUT}


class IndelExplanation(Explanation):
    """``insertions[n, l, b]`` is f(x with base b put in before position l) − f(x); ``deletions[n, l]`` is
    f(x without the bases from l on) − f(x)."""

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "insertions": INPUT, "deletions": POSITION}


class EpistasisExplanation(Explanation):
    """Of a stretch of W bases from ``stretch`` (N,) on: ``effects[n, i, a]`` is f(x with a at i) − f(x), and
    ``interactions[n, i, a, j, b]`` is f(ab) − f(a) − f(b) + f(x), zero for the bases that are there and for i = j."""

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["stretch", "effects", "interactions"], _STRETCH),
    }


class InteractionExplanation(Explanation):
    """How the importance of every position changes when a source is mutated (deep feature interaction maps).

    ``interactions[n, s, l]`` is the score of position l in x less its score with source s mutated: positive where the
    source supports what l does. It is 0 inside the source, whose bases are others then. Source s is the stretch
    ``source_start[n, s]`` to ``source_end[n, s]`` (0-based, half-open). ``importance`` (N, L) are the scores in x.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        "interactions": POSITION,
        "importance": POSITION,
        **dict.fromkeys(["source_start", "source_end"], "(N, S)"),
    }


class PositionInteractions(InteractionExplanation):
    """The same where every position of the sequence is a source."""

    FIELDS: ClassVar[dict[str, str]] = {
        **InteractionExplanation.FIELDS,
        "interactions": PAIR,
        **dict.fromkeys(["source_start", "source_end"], POSITION),
    }


class SurrogateExplanation(Explanation):
    """Linear models of the prediction near x, of a stretch of W bases from ``stretch`` (N,) on.

    ``hypothetical`` are the weights of the additive model, 0 outside the stretch, and ``constant`` (N,) its constant;
    ``r_squared`` (N,) the share of variance that it explains among copies which it was not fitted to. The pairwise model
    is ``pairwise_constant`` + Σ_i ``additive[n, i, a_i]`` + Σ_{i<j} ``pairwise[n, i, a_i, j, a_j]``, with
    ``pairwise_r_squared``. Weights sum to zero over the bases of each position (of pairs, in the gauge "zero-sum").
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["constant", "r_squared", "pairwise_constant", "pairwise_r_squared"], OUTPUT),
        **dict.fromkeys(["stretch", "additive", "pairwise"], _STRETCH),
    }


class SubsetExplanation(Explanation):
    """``subsets`` (N, L): each position's subset, numbered from 1 in the order found; 0 for positions in none.

    ``subset_count`` (N,) of them; ``subset_predictions`` (N, most): f with all but that subset masked, NaN beyond the
    last; ``threshold`` (N,) which it reaches, and ``masked_predictions`` (N,), f with everything masked.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        "subsets": POSITION,
        "subset_count": OUTPUT,
        "subset_predictions": REFERENCE,
        "threshold": OUTPUT,
        "masked_predictions": OUTPUT,
    }

    def members(self, i: int | str, k: int, target=None) -> np.ndarray:
        """The positions of subset number ``k`` of sequence ``i``."""
        one = self[i].for_target(target) if self.target_axis else self[i]
        return np.flatnonzero(np.asarray(one.subsets[0]) == k)


class SampleExplanation(Explanation):
    """``samples`` (N, S, L): codes of the sequences drawn, A C G T = 0 to 3 and 4 for what stays unknown.

    Chain after chain. ``frequencies`` (N, L, 4) are those of bases among them, ``sample_predictions`` (N, S) f of them,
    ``distance`` (N,) their mean distance from x. ``acceptance`` (N,) is the share of proposed changes that were accepted;
    ``r_hat`` and ``effective_size`` (N,) tell how well the chains mixed, by their distances: near 1, and hundreds, are good.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        "samples": POSITION,
        "frequencies": INPUT,
        "sample_predictions": REFERENCE,
        "distance": OUTPUT,
        "acceptance": OUTPUT,
        "r_hat": OUTPUT,
        "effective_size": OUTPUT,
    }


class AttentionExplanation(Explanation):
    """``weights`` (N, layers, heads, queries, keys): how much each query reads each key, NaN where a layer has fewer.

    What the model reads, not what its output owes to it. Keys see the positions from ``key_positions`` (N, layers, keys,
    2): first and the one after the last, both −1 for keys that see none. ``rollout`` (N, queries, keys), where the method
    makes one, is through all layers.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["weights", "key_positions", "rollout"], "of tokens"),
    }

    @classmethod
    def concatenate(cls, parts):
        parts = list(parts)
        if len({part._fields["weights"].shape[1:] for part in parts if "weights" in part._fields}) > 1:
            raise InputError(
                "maps of sequences of different lengths do not fit into one result",
                Remedy.naming(
                    "explain each length by itself, or make the method with {}", method_option("maps", False)
                ),
            )
        return super().concatenate(parts)
