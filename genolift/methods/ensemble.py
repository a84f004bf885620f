"""Several models explained as one: the mean of their explanations, and how far these disagree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from genolift.methods.common.base import Method
from genolift.results.explanation import Explanation
from genolift.results.fields import REFERENCE, each, leaves
from genolift.results.kinds import LayerExplanation
from genolift.support.errors import GenoliftWarning, InputError, Remedy, setting


class Ensemble:
    """One method on several models of the same inputs, whose explanations are averaged.

    Every field of the result is the mean over the models, and ``spread`` is the standard deviation of their scores
    (ddof = 1). ``residual`` is not a mean, in which those of two models could cancel: of every pair it is that of the
    model where it is largest. The models share their references, so their errors are taken as fully dependent: the mean
    of their standard errors, which ``standard_error`` holds, is an upper bound of the true one.

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

    Attributes
    ----------
    members : list of Method
        The method on each of the models.

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
        check_scales(self.members)
        if issubclass(self.result_type, LayerExplanation):
            raise InputError(
                "the units of a hidden layer of one model are not those of another, so their scores are not averaged; "
                "explain the layer of each model by itself"
            )

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.members[0].name

    @property
    def target(self) -> Any:
        """What is explained of each model's outputs."""
        return self.members[0].target

    @property
    def result_type(self) -> type[Explanation]:
        """The class of the results, which is that of the method."""
        return self.members[0].result_type

    def describe(self) -> dict[str, Any]:
        """Return the method's name, its parameters, and the number of models, as a result records them."""
        return {**self.members[0].describe(), "models": len(self.members)}

    def fit(self, X: Any, **options: Any) -> Ensemble:
        """Fit the method on each of the models.

        Parameters
        ----------
        X
            The sequences, in any form in which they can be explained.
        **options
            The options of the method's own ``fit``.

        Returns
        -------
        Ensemble
            The ensemble itself.

        Raises
        ------
        InputError
            If the method is not fitted on data.
        """
        for member in self.members:
            if not hasattr(member, "fit"):
                raise InputError(f"the method {self.name} is not fitted on data")
            member.fit(X, **options)
        return self

    def __call__(self, X: Any, names: Sequence[str] | None = None, regions: Any = None) -> Explanation:
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
        Explanation
            The mean of the explanations, with the fields that all of them define, and their ``spread``.
        """
        made = []
        for k, member in enumerate(self.members):
            with telling(k, len(self.members)):
                made.append(member(X, names=names, regions=regions))
        first = made[0]
        # What is computed from others, such as the scores of raw contributions, is computed from their means.
        shared = [name for name in first.fields if all(name in other.fields for other in made)]
        fields = {name: _joined(first, name, [one.fields[name] for one in made]) for name in shared}
        if all("scores" in one.defined for one in made):
            fields["spread"] = each(lambda *scores: np.std(scores, axis=0, ddof=1), *[one.scores for one in made])
        return self.result_type(
            fields,
            undefined=first.undefined,
            names=first.names,
            regions=first.regions,
            target=first.target,
            method={**first.method, "models": len(made)},
            provenance={"members": [one.provenance for one in made]},
        )


def check_scales(members: Sequence[Method]) -> None:
    """Refuse models whose values have no mean, because a final sigmoid or softmax is looked through in some only.

    Raises
    ------
    InputError
        If models that declare their inputs, and so are traced already, differ in that.
    """
    traced = [member.traced for member in members if member.is_traced]
    scales = [
        [all(value in one.program.outputs for value in target.values) for target in one.targets] for one in traced
    ]
    for k, scale in enumerate(scales):
        if scale != scales[0]:
            raise InputError(
                f"of models 1 and {k + 1}, one ends in a sigmoid or softmax that is looked through and the other does "
                "not, so that logits would be averaged with outputs",
                Remedy.naming("explain each by itself, or what they give, by {}", setting("activation", "keep")),
            )


@contextmanager
def telling(k: int, count: int) -> Iterator[None]:
    """Let warnings of the block say which of the models they are about.

    Parameters
    ----------
    k
        The number of the model, from 0.
    count
        How many models there are; warnings about the only one stay as they are.
    """
    if count == 1:
        yield
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GenoliftWarning)
        yield
    for one in caught:
        message: Any = one.message
        if isinstance(message, GenoliftWarning):
            message = GenoliftWarning(f"model {k + 1} of {count}: {message.message}", message.remedy)
        # What shows few warnings of a kind takes each model's for a kind of its own.
        warnings.warn_explicit(message, one.category, f"{one.filename} (model {k + 1})", one.lineno)


def _joined(like: Explanation, name: str, values: list) -> Any:
    """Return one field of all models."""
    if name == "inputs":
        return values[0]
    if name == "reference_count":  # Where references are drawn until they are enough, models may need more or fewer.
        return np.min(values, axis=0)
    if any(leaf.dtype.kind in "iu" for leaf in leaves(values[0])):
        return _same(name, values)
    if like.kind(name) == REFERENCE:
        values = _of_one_width(values)
    return _worst(values) if name == "residual" else _mean(values)


def _same(name: str, values: list) -> Any:
    """Return whole numbers, which are places that others stand at and so must be the same for all models."""
    for other in values[1:]:
        for one, two in zip(leaves(values[0]), leaves(other), strict=True):
            if not np.array_equal(one, two):
                raise InputError(
                    f"the models differ in {name.replace('_', ' ')}, so that what stands there is not averaged; choose "
                    "the same for all by the options of the method, or explain each by itself"
                )
    return values[0]


def _of_one_width(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return arrays (..., R) with NaN in the place of references that only other models needed."""
    width = max(array.shape[-1] for array in arrays)
    return [
        array
        if array.shape[-1] == width
        else np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])], constant_values=np.nan)
        for array in arrays
    ]


def _worst(values: list[np.ndarray]) -> np.ndarray:
    """Return the value of largest magnitude at every place; NaN where none of the models has one."""
    stacked = np.stack(values)
    size = np.where(np.isnan(stacked), -1, np.abs(stacked))
    return np.take_along_axis(stacked, size.argmax(0)[None], axis=0)[0]


def _mean(values: list) -> Any:
    return each(lambda *arrays: np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype), *values)
