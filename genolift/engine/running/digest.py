"""What tells one trained model from another: a digest of the numbers that its program reads."""

from __future__ import annotations

import hashlib

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def weights_digest(program: Program) -> str:
    """Of all variables and captured tensors as they are now, each once, and of constants in any order."""
    digest = hashlib.blake2b(digest_size=16)
    held, constants = {}, set()
    for step in program.steps:
        if operation(step.op).variable:
            held.setdefault(id(step.payload), step.payload)
        elif step.op == "Const" and step.output.dtype.startswith(("float", "bfloat")):
            constants.add(step.node.attr["value"].tensor.SerializeToString(deterministic=True))
    for value in held.values():
        array = np.ascontiguousarray(tf.convert_to_tensor(value).numpy())
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    for constant in sorted(constants):
        digest.update(constant)
    return digest.hexdigest()
