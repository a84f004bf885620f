"""A digest of the numbers that a program reads, by which trained models are told apart."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from genolift.engine.operations.table import operation
from genolift.engine.program import Program
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def weights_digest(program: Program) -> str:
    """Return a digest of a program's weights.

    It is made from all variables and captured tensors as they are now, each once, and from floating-point constants in
    any order.
    """
    digest = hashlib.blake2b(digest_size=16)
    held: dict[int, Any] = {}
    constants: set[bytes] = set()
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
