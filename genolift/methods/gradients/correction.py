"""The correction of gradients for one-hot sequences, an option of all methods that are made of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from genolift.methods.common.base import Method
from genolift.methods.targets import TargetLike
from genolift.support.errors import InputError


class CorrectsGradients(Method):
    """A method that is made of gradients, which it can correct for one-hot sequences.

    Parameters
    ----------
    gradient_correction
        Whether to subtract from a gradient its mean over the letters of a position. That is the part of the gradient
        that leaves the simplex on which one-hot sequences lie (Majdandzic et al. 2022). Contributions then sum to what
        they should only where a reference's letters sum to what the sequence's do.
    """

    def __init__(
        self, model: Callable, target: TargetLike = None, *, gradient_correction: bool = False, **options: Any
    ):
        self.gradient_correction = gradient_correction
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "gradient_correction": self.gradient_correction}


def check_letters(letters: bool) -> None:
    """Refuse the gradient correction for inputs without letters.

    Parameters
    ----------
    letters
        Whether an input has an axis of letters.
    """
    if not letters:
        raise InputError(
            "gradient_correction is for one-hot inputs such as DNA of shape (N, L, 4), and there is none here; leave "
            "it off"
        )
