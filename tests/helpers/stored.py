"""Explanations with every kind of field, and what it is to come back the same."""

import numpy as np

from genolift.results.explanation import Explanation

RNG = np.random.default_rng(2)


def dna(n, length):
    X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (n, length))]
    X[0, :2] = 0.25
    X[-1, 3] = 0
    return X


def full(n=10, length=8, targets=(), **options):
    """An explanation with every kind of field."""
    normal = lambda *shape: RNG.normal(size=(n, *targets, *shape)).astype(np.float32)  # noqa: E731
    standard_error = normal(length)
    standard_error[0] = np.nan
    return Explanation(
        {
            "inputs": dna(n, length),
            "raw_contributions": normal(length, 4),
            "hypothetical": normal(length, 4),
            "multipliers": normal(length, 4),
            "predictions": normal(),
            "reference_predictions": normal(3),
            "residual": normal(3),
            "standard_error": standard_error,
            "reference_count": RNG.integers(1, 4, (n, *targets)),
        },
        **options,
    )


def assert_same(a, b):
    assert set(a.defined) == set(b.defined)
    for name in a.defined:
        one, two = getattr(a, name), getattr(b, name)
        forms = [one, two] if isinstance(one, dict | list) else [[one], [two]]
        pairs = [x.values() if isinstance(x, dict) else x for x in forms]
        assert type(one) is type(two) or not isinstance(one, dict | list)
        for x, y in zip(*pairs, strict=True):
            if x is None:
                assert y is None
                continue
            x, y = np.asarray(x), np.asarray(y)
            assert x.dtype == y.dtype
            assert np.ascontiguousarray(x).tobytes() == np.ascontiguousarray(y).tobytes()
    for name in ("names", "regions", "target", "method", "undefined"):
        assert getattr(a, name) == getattr(b, name)
