"""``genolift.diagnose``, which shows step by step whether the contributions at a model balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from genolift.methods.factory import method as make
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame


def diagnose(
    model: Callable,
    X: Any,
    target: TargetLike = None,
    *,
    method: str = "deeplift",
    index: int = 0,
    reference: int = 0,
    **options: Any,
) -> DataFrame:
    """Return a table of how well the contributions balance at each step of a model.

    The steps are those that importance passes through for one sequence and one of its references. The imbalance of a
    step is the importance that it received less the importance that it handed on. An imbalance that stays in float64 is
    a fault; one that vanishes there was rounding.

    Parameters
    ----------
    model : callable
        The model: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors.
    X : array, regions, dict or list
        The sequences, as a method takes them, such as one-hot sequences of shape (N, L, 4).
    target : int, tuple, str, target, callable or list of these, optional
        What is explained of the model's outputs; see :mod:`genolift.methods.targets`. Of several targets, the first is
        diagnosed.
    method : str, default "deeplift"
        The name of a method whose contributions sum to f(x) − f(reference).
    index : int, default 0
        The number of the sequence in ``X``.
    reference : int, default 0
        The number of its reference.
    **options
        The options of the method, such as ``rule`` and ``references``.

    Returns
    -------
    pandas.DataFrame
        One row per step, from the output to the input, with the columns ``layer``, ``operation``, ``kind``, ``rule``
        (for nonlinearities), ``imbalance`` and ``imbalance_float64`` (NaN where the model does not run in float64).

    Raises
    ------
    InputError
        If the method does not promise that its contributions sum to the difference, or if there is no such pair.
    """
    import pandas as pd

    made = make(method, model, target, **options)
    if not hasattr(made, "diagnose") or not getattr(made, "sums", False):
        raise InputError(f"{method} does not promise to sum to f(x) − f(reference); diagnose deeplift instead")
    return pd.DataFrame(made.diagnose(X, index, reference))
