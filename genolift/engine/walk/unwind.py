"""The rule of loops: the body's walk, turn by turn from the last to the first.

Inside a loop nonlinearities follow Rescale also where the method is RevealCancel: the two parts of a difference end at
the loop's outputs, as they do at a product.
"""

from __future__ import annotations

from genolift.engine.program import Step, Value
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Flow
from genolift.engine.walk.reversal import Parts, Reversal
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def unwind(step: Step, flows: list[Flow | None], back: Backward) -> dict[Value, Flow]:
    """Return the flows of a loop's inputs; they are exact wherever the body's rules are, whatever the number of turns."""
    pairs, walk, reversal = back.pairs, step.payload.walk, Reversal(step, parts=1)
    audited: list[Step] = []

    def walk_back(inner: Pairs, seeds: dict[Value, Parts], worst: list[Tensor]) -> tuple[list[Parts], list[Tensor]]:
        audit: list | None = None if back.audit is None else []
        inside = Backward(inner, walk, back.rule_of, lambda step: False)
        multipliers = inside.run({value: m for value, (m,) in seeds.items()}, reversal.ways, audit)
        if audit:
            audited[:] = [one for one, _ in audit]
            worst = [_worse(worst[0], [imbalance for _, imbalance in audit])]
        return [[m] for m in multipliers], worst

    given = zip(step.outputs, flows, strict=True)
    received = {value: [back.collapsed(flow, value)] for value, flow in given if flow is not None}
    worst = [] if back.audit is None else [tf.zeros([_audits(walk), pairs.n * pairs.r], pairs.precision)]
    arriving, worst = reversal(received, pairs, walk_back, worst)
    if back.audit is not None:
        back.audit.extend((inner, worst[0][i]) for i, inner in enumerate(audited))
    return {value: Flow(m) for value, (m,) in arriving.items()}


def _worse(worst: Tensor, imbalances: list[Tensor]) -> Tensor:
    """The larger of each step's imbalance at this turn and at those before; fewer steps may be walked than there are."""
    missing = worst.shape[0] - len(imbalances)
    return tf.maximum(worst, tf.pad(tf.abs(tf.stack(imbalances)), [[0, missing], [0, 0]]))


def _audits(walk: list[Step]) -> int:
    """How many steps an audit of the walk can name."""
    return sum(1 + (_audits(step.payload.walk) if step.op == "Loop" else 0) for step in walk)
