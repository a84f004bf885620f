"""Random streams that depend on a seed and on what they are for, never on order or batch."""

import hashlib

import numpy as np


def stream(seed: int, *keys) -> np.random.Generator:
    """A generator determined by ``seed`` and ``keys`` (integers, strings or bytes) alone.

    Streams of different keys are independent, so a sequence's draw is the same in any batch.
    """
    digest = hashlib.blake2b(digest_size=16)
    for key in keys:
        part = key if isinstance(key, bytes) else str(key).encode()
        digest.update(len(part).to_bytes(8, "little") + part)
    words = np.frombuffer(digest.digest(), dtype=np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), *map(int, words)])))
