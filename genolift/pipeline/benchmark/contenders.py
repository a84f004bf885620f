"""The methods that the paper's figure compares, with the settings it compares them at."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from genolift.methods import references as refs
from genolift.results.explanation import Explanation
from genolift.simulate.dataset import Dataset


@dataclass(frozen=True)
class Contender:
    """A method and its options; ``shuffles`` of each sequence as references, or without them the background."""

    method: str
    options: dict = field(default_factory=dict)
    shuffles: int = 0

    def references(self, dataset: Dataset) -> refs.Reference:
        """Return what the sequences of a data set are compared with."""
        background: Any = dataset.background  # which every simulated data set has
        return refs.Shuffled(self.shuffles, k=2, seed=0) if self.shuffles else refs.Background(background)

    def describe(self) -> dict[str, Any]:
        """Return what tells this method and its settings from others."""
        where = {"kind": "shuffled", "n": self.shuffles, "k": 2, "seed": 0} if self.shuffles else "background"
        return {"method": self.method, **self.options, "references": where}


METHODS: dict[str, Contender] = {
    "guided-backprop-x-input": Contender("guided-backprop-x-input"),
    "gradient-x-input": Contender("gradient-x-input"),
    "integrated-gradients": Contender("integrated-gradients", {"steps": 10}),
    "deeplift-rescale": Contender("deeplift", {"rule": "rescale"}),
    "deeplift-revealcancel": Contender("deeplift", {"rule": "revealcancel"}),
    "deeplift-genomics": Contender("deeplift", {"rule": "genomics"}),
    "deeplift-genomics-shuffled": Contender("deeplift", {"rule": "genomics"}, shuffles=10),
}


def explain(model: Any, dataset: Dataset, name: str, progress: bool = True) -> Explanation:
    """Explain all tasks' logits by one of ``METHODS``.

    Only what recovery and figures need is kept: scores (N, T, L) and predictions (N, T). ``provenance["seconds"]`` is
    the time it took, tracing the model and compiling included.
    """
    from genolift.methods.factory import method  # This import loads TensorFlow.

    contender = METHODS[name]
    X = dataset.one_hot()
    began = time.perf_counter()
    explainer = method(
        contender.method,
        model,
        target=list(range(len(dataset.tasks))),
        references=contender.references(dataset),
        progress=progress,
        **contender.options,
    )
    full = explainer(X, names=dataset.names)
    seconds = time.perf_counter() - began
    kept = {"inputs": full.inputs, "scores": full.scores, "predictions": full.predictions}
    return Explanation(
        kept, names=full.names, target=full.target, method=full.method, provenance={"seconds": round(seconds, 3)}
    )
