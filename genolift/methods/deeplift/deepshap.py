"""DeepSHAP: DeepLIFT averaged over one background set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import override

from genolift.methods.common.inputs import Inputs
from genolift.methods.deeplift.deeplift import DeepLift
from genolift.methods.references import Reference, Sampled
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError


class DeepShap(DeepLift):
    """DeepLIFT with the Rescale rule, averaged over a background set (Lundberg & Lee 2017; Chen et al. 2022).

    The mean of ``reference_predictions`` is the base value, and contributions sum to f(x) less that value.
    ``hypothetical`` is the mean over the background set of m_b − Σ_c m_c·r_c.

    Parameters
    ----------
    references
        The background set, the same for all sequences: an array of shape (R, L, 4), best of sequences like those that
        the model was trained on. The default is 100 random sequences.
    """

    name = "deep-shap"

    @staticmethod
    @override
    def default_references() -> Reference:
        return Sampled(100, seed=0)

    def __init__(
        self, model: Callable, target: TargetLike = None, *, rule: str | Mapping[str, str] = "rescale", **options: Any
    ):
        super().__init__(model, target, rule=rule, **options)

    @override
    def references_for(self, inputs: Inputs) -> list[Reference]:
        chosen = super().references_for(inputs)
        letters = zip(chosen, inputs.one_hot, strict=True)
        if any(has_letters and not one.shared for one, has_letters in letters):
            raise InputError(
                "deep-shap compares all sequences with one background set; give an array of shape (R, L, 4) or "
                "references.Sampled (sampled:100), or use deeplift for references of each sequence's own"
            )
        return chosen
