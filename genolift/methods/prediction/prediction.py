"""The prediction alone, for experiments that compare predictions as they compare explanations."""

from __future__ import annotations

from genolift.methods.perturbation.perturbed import ChangingMethod


class Prediction(ChangingMethod):
    """``predictions`` of the target, and no importance of anything."""

    name = "prediction"

    def count(self, lengths):
        return 1

    def block(self, copies, block):
        return {"predictions": copies.predictions()}

    def undefined(self):
        return {**super().undefined(), "scores": "a prediction alone says nothing of positions"}
