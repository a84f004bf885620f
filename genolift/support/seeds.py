"""Random numbers that depend on a seed and on what they are for, but never on the order of work or the batch size."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *keys: int | str | bytes) -> np.random.Generator:
    """Return a random generator that depends on ``seed`` and ``keys`` alone.

    Generators of different keys are independent. With a key for each sequence, the draw for a sequence is the same
    in any batch.
    """
    digest = hashlib.blake2b(digest_size=16)
    for key in keys:
        part = key if isinstance(key, bytes) else str(key).encode()
        digest.update(len(part).to_bytes(8, "little") + part)
    words = np.frombuffer(digest.digest(), dtype=np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), *map(int, words)])))
