"""The method ``prediction``, with which experiments compare predictions in the way they compare explanations."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from genolift.methods.common.predicting import Copies
from genolift.methods.perturbation.perturbed import Block, ChangingMethod


class Prediction(ChangingMethod):
    """The predictions of the target, without the importance of anything."""

    name = "prediction"

    @override
    def count(self, lengths: list[int]) -> int:
        return 1

    @override
    def block(self, copies: Copies, block: Block) -> dict[str, Any]:
        return {"predictions": copies.predictions()}

    @override
    def undefined(self) -> dict[str, str]:
        return {**super().undefined(), "scores": "a prediction alone says nothing of positions"}
