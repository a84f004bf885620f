"""``diagnose``: where a model's explanation balances, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genolift.methods.factory import method as make
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError


def diagnose(
    model: Callable,
    X: Any,
    target: TargetLike = None,
    *,
    method: str = "deeplift",
    index: int = 0,
    reference: int = 0,
    **options: Any,
):
    """A table (pandas DataFrame) of every step that importance walks for one (sequence, reference) pair, output first.

    Columns: layer, operation, kind, rule, and the step's imbalance (what flowed into it less what it handed on) in
    float32 and float64. An imbalance that stays in float64 is a breach; one that vanishes was rounding.
    """
    import pandas as pd

    made = make(method, model, target, **options)
    if not hasattr(made, "diagnose") or not getattr(made, "sums", False):
        raise InputError(f"{method} does not promise to sum to f(x) − f(reference); diagnose deeplift instead")
    return pd.DataFrame(made.diagnose(X, index, reference))
