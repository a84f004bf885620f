"""The rules of selections: max pools, and maxima and minima along axes."""

from __future__ import annotations

from dataclasses import dataclass

from genolift.engine.operations.kinds import Selection
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.engine.selection import shares
from genolift.engine.selection.shapley import shapley
from genolift.engine.selection.windows import Windows
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Flow, Flows
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(frozen=True)
class Pooling:
    """The rule of a selection, by the shares of the elements of each window.

    What comes back to an element from several windows adds up.

    Parameters
    ----------
    of_shares : Shares
        The function that gives the shares.
    """

    of_shares: shares.Shares

    def __call__(self, step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
        """Return what flows into a selection. Both parts of a difference are shared out alike."""
        pairs, (source,) = back.pairs, step.active_inputs
        windows = _windows(step, pairs)

        def passed(multiplier: Tensor) -> Tensor:
            weight = windows.opened(pairs.pair_side(multiplier))
            return pairs.flat(windows.joined(self.of_shares(windows.x, windows.r, weight, windows.axis)), source)

        flow, *_ = flows
        assert flow is not None
        return {source: Flow(passed(flow.mean), None if flow.half is None else passed(flow.half))}

    def mass(self, step: Step, value: Value, back: Backward) -> Tensor:
        """Return the mass of a selection, the sum of the elements' masses weighted by their shares."""
        pairs, (source,) = back.pairs, step.active_inputs
        windows = _windows(step, pairs)
        weight = windows.cut(pairs.pair_side(back.mass(source)))
        parts = self.of_shares(windows.x, windows.r, weight, windows.axis)
        like = pairs.pair_side(pairs.stand_in(value))
        return pairs.flat(tf.reshape(tf.reduce_sum(parts, windows.axis), tf.shape(like)), value)


#: The rules by name.
POOLING = {
    "shapley": Pooling(shapley),
    "rise-and-fall": Pooling(shares.rise_and_fall),
    "winner": Pooling(shares.winner),
}


def lays_out(step: Step) -> bool:
    """Return whether it is known which elements a selection selects among."""
    kind = operation(step.op).kind
    return isinstance(kind, Selection) and kind.over is not None


def _windows(step: Step, pairs: Pairs) -> Windows:
    (source,) = step.active_inputs
    sides = pairs.x_side(source), pairs.ref_side(source)
    return Windows.of(step, *sides, lambda value: tf.get_static_value(pairs.aux(value)), pairs.shared)
