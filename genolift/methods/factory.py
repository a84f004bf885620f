"""``genolift.method``, which makes a method by its name, for one model or for an ensemble of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genolift.methods.common.base import Method
from genolift.methods.ensemble import Ensemble
from genolift.methods.registry import method_class


def method(
    name: str, model: Callable | list[Callable] | tuple[Callable, ...], target: Any = None, **options: Any
) -> Method | Ensemble:
    """Make a method by name, as in ``method("integrated-gradients", model, target=0, steps=50)``.

    Parameters
    ----------
    name : str
        One of the names that ``genolift.methods()`` lists, such as ``"deeplift"``.
    model : callable or list of callables
        The model to explain. A list of models makes an ensemble: the mean of their explanations, with the spread over
        models.
    target : int, tuple, str, target, callable or list of these, optional
        What is explained of the model's outputs; see :mod:`genolift.methods.targets`. A model with a single number as
        output needs none.
    **options
        The method's own options. ``help`` of its class and ``genolift methods NAME`` list them.

    Returns
    -------
    Method or Ensemble
        An object that is called with sequences and returns their explanation.

    Raises
    ------
    InputError
        If there is no method of that name, or if the method refuses an option or the target.
    UnsupportedModel
        If the model lacks what the method needs, or has an operation that the method has no rule for.
    """
    kind = method_class(name)
    if isinstance(model, (list, tuple)):
        return Ensemble(kind, model, target, **options)
    return kind(model, target, **options)
