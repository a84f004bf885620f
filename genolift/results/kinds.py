"""The types of explanations whose methods add fields of their own.

They are defined here and not beside the methods, so that a store can be read as its own type without loading the method
that made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from genolift.results.explanation import Explanation
from genolift.results.fields import INPUT, OUTPUT, PAIR, POSITION, REFERENCE
from genolift.sequence.alphabet import letters, one_hot_codes
from genolift.sequence.edits import Edit, edits_of, spelled, unedited
from genolift.support.errors import InputError, Remedy, method_option

_STRETCH = "of the stretch"


class LayerExplanation(Explanation):
    """Contributions of a hidden layer.

    Its ``inputs`` are the activations of the layer at x, a list of them if the layer is called several times.
    ``bypass`` (N, R) is the part of f(x) − f(reference) that reaches the output without passing through the layer.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "bypass": REFERENCE}


class RelevanceExplanation(Explanation):
    """Relevance that is propagated from the output to the inputs.

    ``absorbed`` (N,) is f(x) minus the sum of all relevance: the part that biases and stabilisers took.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "absorbed": OUTPUT}


class SignalExplanation(Explanation):
    """The signal in the inputs by PatternNet.

    ``signal``, in the shape of the inputs, is the part of the inputs that the network responds to.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "signal": INPUT}


class LimeExplanation(Explanation):
    """The weights of a surrogate that was fitted around each sequence.

    ``r_squared`` (N,) is the share of the weighted variance of the predictions that the surrogate explains, and
    ``intercept`` (N,) is its constant term.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "r_squared": OUTPUT, "intercept": OUTPUT}


class MaskExplanation(Explanation):
    """A mask that was optimised for each sequence.

    ``masked_predictions`` (N,) are the predictions for the masked sequences, and ``objective`` (N,) is the value of the
    objective that the mask reached.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "masked_predictions": OUTPUT, "objective": OUTPUT}


class MutagenesisExplanation(Explanation):
    """The effects of single substitutions.

    ``effects[n, l, b]`` is f(x with base b at position l) − f(x). It is zero for the base that is there.
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "effects": INPUT}


class IndelExplanation(Explanation):
    """The effects of insertions and deletions.

    ``insertions[n, l, b]`` is f(x with base b inserted before position l) − f(x). ``deletions[n, l]`` is f(x without
    the deleted bases, the first of which is at position l) − f(x).
    """

    FIELDS: ClassVar[dict[str, str]] = {**Explanation.FIELDS, "insertions": INPUT, "deletions": POSITION}


class EpistasisExplanation(Explanation):
    """The effects of pairs of substitutions in a stretch of W bases.

    ``stretch`` (N,) is where the stretch starts. ``effects[n, i, a]`` is f(x with a at i) − f(x). ``interactions[n, i,
    a, j, b]`` is f(ab) − f(a) − f(b) + f(x), where f(ab) is the prediction with a at i and b at j. Both are zero for
    the bases that are there, and interactions are zero for i = j.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["stretch", "effects", "interactions"], _STRETCH),
    }


class InteractionExplanation(Explanation):
    """How the importance of every position changes when a source is mutated (deep feature interaction maps).

    ``interactions[n, s, l]`` is the score of position l in x minus its score with source s mutated. It is positive
    where the source supports the contribution of l, and 0 inside the source, whose bases are different ones then.
    Source s is the stretch from ``source_start[n, s]`` to ``source_end[n, s]`` (0-based, half-open). ``importance`` (N,
    L) are the scores in x.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        "interactions": POSITION,
        "importance": POSITION,
        **dict.fromkeys(["source_start", "source_end"], "(N, S)"),
    }


class PositionInteractions(InteractionExplanation):
    """Interaction maps in which every position of the sequence is a source."""

    FIELDS: ClassVar[dict[str, str]] = {
        **InteractionExplanation.FIELDS,
        "interactions": PAIR,
        **dict.fromkeys(["source_start", "source_end"], POSITION),
    }


class OutputInteractions(Explanation):
    """Which position of the input moves which position of an output.

    ``interactions[n, s, p]`` is the output at position p for x minus that with source s mutated. Source s is the
    stretch from ``source_start[n, s]`` to ``source_end[n, s]`` (0-based, half-open). ``outputs`` (N, P) is the output
    for x, summed over the chosen tracks.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["interactions", "outputs"], "per position of an output"),
        **dict.fromkeys(["source_start", "source_end"], "(N, S)"),
    }


class SurrogateExplanation(Explanation):
    """Linear models of the prediction near x, for a stretch of W bases.

    ``stretch`` (N,) is where the stretch starts. ``hypothetical`` are the weights of the additive model, 0 outside the
    stretch, and ``constant`` (N,) is its constant. ``r_squared`` (N,) is the share of variance that it explains among
    copies which it was not fitted to. The pairwise model is ``pairwise_constant`` + Σ_i ``additive[n, i, a_i]`` +
    Σ_{i<j} ``pairwise[n, i, a_i, j, a_j]``, and ``pairwise_r_squared`` (N,) belongs to it. Weights sum to zero over the
    bases of each position; those of pairs do so in the gauge "zero-sum".
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["constant", "r_squared", "pairwise_constant", "pairwise_r_squared"], OUTPUT),
        **dict.fromkeys(["stretch", "additive", "pairwise"], _STRETCH),
    }


class SubsetExplanation(Explanation):
    """Sufficient input subsets.

    ``subsets`` (N, L) is the subset that each position belongs to. Subsets are numbered from 1 in the order in which
    they were found, and 0 means that a position is in none. ``subset_count`` (N,) is the number of subsets.
    ``subset_predictions`` (N, most) are the predictions with all but one subset masked, NaN beyond the last subset.
    They reach ``threshold`` (N,). ``masked_predictions`` (N,) are the predictions with everything masked.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        "subsets": POSITION,
        "subset_count": OUTPUT,
        "subset_predictions": REFERENCE,
        "threshold": OUTPUT,
        "masked_predictions": OUTPUT,
    }

    def members(self, i: int | str, k: int, target: Any = None) -> np.ndarray:
        """Return the positions of one subset.

        Parameters
        ----------
        i
            The sequence, by number or name.
        k
            The number of the subset, from 1.
        target
            One of several targets, as :meth:`for_target` takes it. It is not needed if one target was explained.

        Returns
        -------
        np.ndarray
            The positions in increasing order, (M,) int64; none if there is no such subset.
        """
        one = self[i].for_target(target) if self.target_axis else self[i]
        return np.flatnonzero(np.asarray(one.subsets[0]) == k)


class SampleExplanation(Explanation):
    """Sequences that were sampled around each x.

    ``samples`` (N, S, L) are codes of the sequences, chain after chain: 0 to 3 for A, C, G and T, and 4 for a base that
    stays unknown. ``frequencies`` (N, L, 4) are the frequencies of the bases among the samples, ``sample_predictions``
    (N, S) are their predictions, and ``distance`` (N,) is their mean distance from x. ``acceptance`` (N,) is the share
    of proposed changes that were accepted. ``r_hat`` and ``effective_size`` (N,) are computed from the distances and
    tell how well the chains mixed: an ``r_hat`` near 1 and an ``effective_size`` of hundreds are good.
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
    """Attention maps: what the model reads, which is not the same as what its output depends on.

    ``weights`` (N, layers, heads, queries, keys) is how much each query reads each key, NaN where a layer has fewer.
    ``key_positions`` (N, layers, keys, 2) are the positions that each key sees: the first and the one after the last,
    both −1 for a key that sees none. ``rollout`` (N, queries, keys) combines all layers, if the method computes it.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["weights", "key_positions", "rollout"], "of tokens"),
    }

    @classmethod
    def concatenate(cls, parts: Iterable[Explanation]) -> Explanation:
        """Return one explanation of the sequences of all parts.

        Parameters
        ----------
        parts
            Explanations with the same fields.

        Returns
        -------
        Explanation
            An explanation of the type of the first part.

        Raises
        ------
        InputError
            If there are no parts, if their fields differ, or if their maps differ in shape.
        """
        parts = list(parts)
        if len({part._fields["weights"].shape[1:] for part in parts if "weights" in part._fields}) > 1:
            raise InputError(
                "maps of sequences of different lengths do not fit into one result",
                Remedy.naming(
                    "explain each length by itself, or make the method with {}", method_option("maps", False)
                ),
            )
        return super().concatenate(parts)


class DesignExplanation(Explanation):
    """Edited copies of each sequence that bring the prediction to a goal with few edits.

    Each sequence has S solutions, of which no two edit the same position. ``bases`` (N, S, L) is what stands at each
    position of the sequence in each solution: 0 to 3 for A, C, G and T, 4 for an unknown base, and −1 for a base that
    is deleted. ``inserted`` (N, S, L) is the base that is inserted before each position, −1 for none. ``designs`` (N,
    S, L) are the codes of the solutions as the model reads them. ``edit_count`` (N, S) is their number of edits,
    ``design_predictions`` (N, S) are their predictions, and ``reached`` (N, S) is 1 where all that was asked for is
    reached and 0 elsewhere. ``goal`` (N,) is the value that the prediction must reach, and ``at_least`` (N,) is the
    number of edits that any solution needs for certain. ``held_predictions`` and ``held_at_x`` (N, H) are those of the
    targets that must stay, in the first solution and in the sequence itself.
    """

    FIELDS: ClassVar[dict[str, str]] = {
        **Explanation.FIELDS,
        **dict.fromkeys(["bases", "inserted", "designs"], POSITION),
        **dict.fromkeys(["edit_count", "design_predictions", "reached"], "(N, S)"),
        **dict.fromkeys(["goal", "at_least"], OUTPUT),
        **dict.fromkeys(["held_predictions", "held_at_x"], "(N, H)"),
    }

    def edits(self, i: int | str = 0, k: int = 0, target: Any = None) -> list[Edit]:
        """Return the edits of one solution.

        Parameters
        ----------
        i
            The sequence, by number or name.
        k
            The number of the solution, from 0.
        target
            One of several targets, as :meth:`for_target` takes it. It is not needed if one target was explained.

        Returns
        -------
        list of Edit
            The edits in the order of positions. ``str`` of an edit is ``A57G``, ``57insT`` or ``A57del``, all 0-based.
        """
        own, slots = self._slots(i, k, target)
        return edits_of(slots, unedited(own[None])[0])

    def origins(self, i: int | str = 0, k: int = 0, target: Any = None) -> np.ndarray:
        """Return the position in the sequence that each base of one solution comes from, (L,).

        It is −1 for a base that is inserted, or missing at the end. The parameters are those of :meth:`edits`.
        """
        _, slots = self._slots(i, k, target)
        _, slot_of = spelled(slots[None], (self.method or {}).get("moves", "right"))
        return np.where(slot_of[0] % 2 == 1, slot_of[0] // 2, -1)

    def _slots(self, i: int | str, k: int, target: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes (L,) of a sequence, and one of its solutions as a draft (2L,)."""
        one = self[i].for_target(target) if self.target_axis else self[i]
        length = None if one.lengths is None else int(one.lengths[0])
        own = one_hot_codes(np.asarray(one.inputs)[0, :length])
        slots = np.stack([np.asarray(one.inserted)[0, k, :length], np.asarray(one.bases)[0, k, :length]], -1)
        return own.astype(np.int8), slots.reshape(-1)

    def sequence(self, i: int | str = 0, k: int = 0, target: Any = None) -> str:
        """Return one solution as a text; the parameters are those of :meth:`edits`."""
        one = self[i].for_target(target) if self.target_axis else self[i]
        return letters(np.asarray(one.designs)[0, k].astype(np.uint8))
