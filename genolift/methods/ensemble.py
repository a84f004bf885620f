"""Several models explained as one: the mean of their explanations, and how far these disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genolift.methods.common.base import Method
from genolift.results.fields import each
from genolift.results.kinds import EnsembleExplanation
from genolift.support.errors import InputError


class Ensemble:
    """One method on several models of the same inputs, whose explanations are averaged.

    Every field of the result is the mean over the models, and ``spread`` is the standard deviation of their scores
    (ddof = 1). The models share their references, so their errors are taken as fully dependent: the mean of their
    standard errors, which ``standard_error`` holds, is an upper bound of the true one.

    Parameters
    ----------
    kind
        The class of the method.
    models
        The models, at least two.
    target
        What is explained of each model's outputs; see :mod:`genolift.methods.targets`.
    **options
        The options of the method.

    Raises
    ------
    InputError
        If there are fewer than two models, or if the method's results cannot be averaged.
    """

    def __init__(self, kind: type[Method], models: Sequence[Callable], target: Any = None, **options: Any):
        if len(models) < 2:
            raise InputError("an ensemble needs at least two models")
        if not kind.averages:
            raise InputError(
                f"what {kind.name} finds is not averaged over models; explain each by itself, or their mean as one "
                "function"
            )
        self.members = [kind(model, target, **options) for model in models]

    def __call__(self, X: Any, names: Sequence[str] | None = None, regions: Any = None) -> EnsembleExplanation:
        """Explain sequences with every model, and return the mean of the explanations.

        Parameters
        ----------
        X
            The sequences, as one of the methods takes them; see :class:`genolift.methods.common.base.Method`.
        names
            The names of the sequences in the result.
        regions
            The regions of a genome that the sequences come from.

        Returns
        -------
        EnsembleExplanation
            The mean of the explanations, with the fields that all of them define.
        """
        members = [member(X, names=names, regions=regions) for member in self.members]
        first = members[0]
        shared = [name for name in first.defined if all(name in other.defined for other in members)]
        fields = {name: _mean([getattr(one, name) for one in members]) for name in shared if name != "inputs"}
        fields["inputs"] = first.inputs
        fields["spread"] = each(lambda *scores: np.std(scores, axis=0, ddof=1), *[one.scores for one in members])
        return EnsembleExplanation(
            fields,
            undefined=first.undefined,
            names=first.names,
            regions=first.regions,
            target=first.target,
            method={**first.method, "models": len(members)},
            provenance={"members": [one.provenance for one in members]},
        )


def _mean(values: list) -> Any:
    return each(lambda *arrays: np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype), *values)
