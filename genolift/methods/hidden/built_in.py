"""The method ``built-in``: what a network that can be read says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods.common.base import Method
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.refusals import lacking
from genolift.methods.common.traced import Traced
from genolift.methods.targets import TargetLike
from genolift.models.readable.reading import Reading, reading_of
from genolift.models.zoo import READABLE
from genolift.support.errors import InputError


class BuiltIn(Method):
    """The network's own reading: its logit is a sum over places of filters, and these are its terms.

    It is for networks that are built to be read, such as those that ``genolift train --network additive`` makes. The
    score of a position is its share of what the filters that see it add to the logit: a filter's term at a place is
    shared among the bases there in proportion to how much more the filter gives for each than for the mean base. The
    scores of a sequence sum to its logit, less that of a sequence in which no filter is active. Nothing is compared
    with a reference. docs/explanation/readable.md says what the terms of each network are.
    """

    name = "built-in"
    lacks = ("rc_average",)

    def __init__(self, model: Callable, target: TargetLike = None, **options: Any):
        self._reading: Reading | None = None
        self._tasks: list[int] = []
        super().__init__(model, target, **options)

    @override
    def prepare(self, traced: Traced) -> None:
        reading = reading_of(self.model)
        if reading is None:
            raise lacking(
                self.name,
                "asks a network for its own reading",
                "this model has none",
                f"use deeplift or ism, or train a network that has one ({', '.join(READABLE)})",
            )
        if self.rc_average or self.activation == "keep":
            what = "the mean over both strands" if self.rc_average else "the output behind its activation"
            raise InputError(f"built-in reads a logit, and not {what}; use deeplift, or leave that option out")
        self._reading = reading
        wanted = self.target if isinstance(self.target, list) else [self.target]
        self._tasks = [self._task(one, reading.head.tasks) for one in wanted]

    def _task(self, target: Any, tasks: int) -> int:
        """Return the number of the logit that a target is."""
        number = target[-1] if isinstance(target, tuple) and target else target
        if number is None and tasks == 1:
            return 0
        if isinstance(number, int | np.integer) and not isinstance(number, bool) and -tasks <= number < tasks:
            return int(number) % tasks
        raise InputError(
            f"built-in reads the logit of one task, and not {target!r}; use deeplift, or give a task's number"
        )

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        assert self._reading is not None
        x = np.asarray(inputs.arrays[0], dtype=np.float32)
        scores, predictions = self._reading.by_base(x), self._reading.logits(x)
        chosen = {"scores": scores[:, self._tasks], "predictions": predictions[:, self._tasks].astype(np.float32)}
        if not traced.several:
            chosen = {name: values[:, 0] for name, values in chosen.items()}
        what = (
            "built-in tells what the network adds up at each position, not what each base that could be there would add"
        )
        fields = {"scores": inputs.pack([chosen["scores"]]), "predictions": chosen["predictions"]}
        return fields, {
            "hypothetical": f"{what}; ism and deeplift do",
            "raw_contributions": what,
            "multipliers": "built-in reads the activations of filters, and has no weights of single bases",
            **dict.fromkeys(
                ["reference_predictions", "reference_count", "standard_error"],
                "built-in compares a sequence with no reference, so there is none to report",
            ),
            "residual": "built-in sums to the logit less that of no active filter; a reference has no part in it",
        }

    @override
    def findings(self) -> dict[str, Any]:
        """Return the logits of a sequence in which no filter is active."""
        assert self._reading is not None
        silent = self._reading.silent()
        return {"reading": {"silent": [float(silent[task]) for task in self._tasks]}}
