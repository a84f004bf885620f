"""The relevance of the inputs at any points, for several targets at once."""

from __future__ import annotations

import numpy as np

from genolift.engine.program import Program
from genolift.engine.relevance.propagation import InputRelevance, RelevancePropagation
from genolift.engine.target import Target
from genolift.engine.walk.points import Points
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


class RelevancePoints(Points):
    """An evaluator whose targets are shared out among the inputs rather than differentiated.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are evaluated.
    share_out : RelevancePropagation
        The walk back that shares them out.
    """

    def __init__(self, program: Program, targets: list[Target], share_out: RelevancePropagation):
        super().__init__(program, targets)
        self._share_out = share_out
        self._run = compiled(self._shared_out, reduce_retracing=True)

    def relevance(
        self, points: list[np.ndarray], weights: list[Tensor], rows: np.ndarray
    ) -> tuple[np.ndarray, InputRelevance]:
        """Return the targets (B, T) at ``points`` (B, ...), and their relevance with targets (T) as the second axis.

        The other arguments are those of :meth:`Points.slopes`. They have no effect, because relevance follows the
        point's own weights.
        """
        with exact_float32:
            results = self._run([tf.constant(point) for point in points])
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), results)

    def _shared_out(self, points: list[Tensor]) -> tuple[Tensor, InputRelevance]:
        return self._walked_back(points, self._share_out)
