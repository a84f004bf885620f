"""The rule of loops, which walks back through the body turn by turn from the last to the first.

Inside a loop nonlinearities follow Rescale even if the method is RevealCancel. The two parts of a difference end at the
loop's outputs, as they do at a product.
"""

from __future__ import annotations

from genolift.engine.program import Step, Value
from genolift.engine.walk.integral import integrate
from genolift.engine.walk.pairs import Pairs
from genolift.engine.walk.propagate import Backward, Flow, Flows, every_step
from genolift.engine.walk.reversal import Noted, Parts, Reversal
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def unwind(step: Step, flows: Flows, back: Backward) -> dict[Value, Flow]:
    """Return what flows into a loop's inputs, which is exact if the body's rules are, whatever the number of turns."""
    walk, reversal = step.payload.walk, Reversal(step, parts=1)
    audited: list[Step] = []

    def walk_back(pairs: Pairs, seeds: dict[Value, Parts], noted: Noted) -> tuple[list[Parts], Noted]:
        audit: list[tuple[Step, Tensor]] | None = None if back.audit is None else []
        inside = Backward(pairs, walk, back.rule_of, lambda step: False)
        multipliers = inside.run({value: m for value, (m,) in seeds.items()}, reversal.ways, audit)
        noted = dict(noted)
        if audit:
            audited[:] = [one for one, _ in audit]
            noted["imbalance"] = _worse(noted["imbalance"], [imbalance for _, imbalance in audit])
        if inside.left:
            noted["left"] = tf.reduce_max(tf.stack([noted["left"], *inside.left]))
        return [[m] for m in multipliers], noted

    given = zip(step.outputs, flows, strict=True)
    received = {value: [back.collapsed(flow, value)] for value, flow in given if flow is not None}
    arriving, noted = reversal(received, back.pairs, walk_back, _nothing_noted(walk, back))
    if "left" in noted:
        back.left.append(noted["left"])
    if back.audit is not None:
        back.audit.extend((inner, noted["imbalance"][i]) for i, inner in enumerate(audited))
    return {value: Flow(m) for value, (m,) in arriving.items()}


def _nothing_noted(walk: list[Step], back: Backward) -> Noted:
    """Return the first notes of a walk back: each step's worst imbalance, and the most that an integral left."""
    noted: Noted = {}
    pairs = back.pairs
    if back.audit is not None:
        noted["imbalance"] = tf.zeros([sum(1 for _ in every_step(walk)), pairs.n * pairs.r], pairs.precision)
    if any(back.rule_of(inner) is integrate for inner in every_step(walk)):
        noted["left"] = tf.zeros([], pairs.precision)
    return noted


def _worse(worst: Tensor, imbalances: list[Tensor]) -> Tensor:
    """Return the larger of each step's imbalance at this turn and before. Fewer steps may be walked than there are."""
    missing = worst.shape[0] - len(imbalances)
    return tf.maximum(worst, tf.pad(tf.abs(tf.stack(imbalances)), [[0, missing], [0, 0]]))
