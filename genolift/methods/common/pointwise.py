"""Methods that compute values and slopes at a sequence itself, or at points that are made from it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.engine.walk.points import Points
from genolift.methods.common.base import Method
from genolift.methods.common.blocks import fields_of
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.predicting import Copies, batch_size
from genolift.methods.common.traced import Traced
from genolift.support.progress import bar

# How many batches a block of sequences fills. With more batches a smaller share of the work is padding of the last one.
_BATCHES = 4


class PointwiseMethod(Method):
    """A method that walks back at points: at each sequence itself, or at several points that are made from it."""

    @property
    def count(self) -> int:
        """How many points there are for each sequence."""
        return 1

    @abstractmethod
    def points(self, inputs: Inputs, traced: Traced) -> Points:
        """Return the engine's evaluation of values and slopes at points.

        Parameters
        ----------
        inputs
            All the sequences.
        traced
            The model.
        """

    @abstractmethod
    def block(self, copies: Copies, inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
        """Return the fields of some sequences.

        Parameters
        ----------
        copies
            The targets and slopes of copies of these sequences.
        inputs
            All the sequences.
        rows
            The numbers of these sequences among all of them, (n,).

        Returns
        -------
        dict
            A list with an array (n, T, ...) per input, or one such array for a field that does not follow the inputs.
        """

    @abstractmethod
    def undefined(self) -> dict[str, str]:
        """Return the reasons why fields are not defined, by name. A field that a block has is defined nonetheless."""

    @override
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        size, points = batch_size(traced, inputs, self.memory, backward=True), self.points(inputs, traced)
        at_once, total = max(1, _BATCHES * size // self.count), len(inputs) * self.count
        blocks = []
        with bar(total, self.name, "gradients", self.progress, long=total > size) as display:
            for start in range(0, len(inputs), at_once):
                rows = np.arange(start, min(start + at_once, len(inputs)))
                arrays = [array[rows] for array in inputs.arrays]
                blocks.append(self.block(Copies(points, arrays, size, display.update), inputs, rows))
        fields = fields_of(blocks, inputs, traced.several)
        return fields, {key: why for key, why in self.undefined().items() if key not in fields}
