"""``genolift.design``: designs of sequences, as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from genolift.methods.editing.minimal_change import MinimalChange
from genolift.methods.targets import TargetLike
from genolift.results.kinds import DesignExplanation


def design(
    model: Callable,
    X: Any,
    target: TargetLike = None,
    *,
    names: Sequence[str] | None = None,
    activation: str = "keep",
    **options: Any,
) -> DesignExplanation:
    """Find the fewest edits of sequences that bring a prediction to a goal.

    This is the method ``minimal-change``, with goals on the scale of the model's output.

    Parameters
    ----------
    model : callable
        The model: a Keras model, a loaded SavedModel, or a function of tensors.
    X : array, regions, dict or list
        One-hot sequences (N, L, 4), or what else the method takes.
    target : int, tuple, str, target or list of these, optional
        What is brought to the goal; see :mod:`genolift.methods.targets`. Each of a list has designs of its own.
    names : sequence of str, optional
        The names of the sequences.
    activation : str, default "keep"
        ``"logit"`` looks through a final sigmoid or softmax.
    **options
        The goal, constraints and search, such as ``to=0.9``, ``hold={1: 0.1}`` or ``algorithm="beam"``. ``genolift
        methods minimal-change`` lists them.

    Returns
    -------
    DesignExplanation
        The designs; ``edits(i)`` and ``sequence(i)`` are those of sequence i.

    Raises
    ------
    InputError
        If an option or a sequence cannot be used.
    UnsupportedModel
        If the model takes no sequence of DNA, or several.

    Examples
    --------
    >>> found = gl.design(model, X, target=0, to=0.9, hold={1: 0.1})
    >>> found.edits(0)
    """
    method = MinimalChange(model, target, activation=activation, **options)
    return method(X, names)  # type: ignore[return-value]
