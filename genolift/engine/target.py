"""The quantity that is explained, as a linear function of values of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genolift.engine.program import Value
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(frozen=True)
class Weights:
    """The weights of one term of a target, computed from the term's value at x.

    Targets that differ in nothing but ``numbers`` are walked back from by one program. So ``function`` should be the
    same object for all targets of a kind, with all that tells them apart among the numbers.

    Parameters
    ----------
    function : callable
        A function of the value at x, one row per pair, and of the numbers. It returns the weights in the value's shape
        or in one that broadcasts to it.
    numbers : tuple of np.ndarray or Tensor
        What tells targets of a kind apart, such as an index.
    share : float
        The factor of the weights. By default 1.
    follow : bool
        Whether the weights depend on what the value is, and not only on its shape. By default they do not.
    least : tuple of int
        How long each axis of the value behind the first must be, for the weights to mean what they say. Axes that are
        not mentioned may have any length.
    """

    function: Callable[..., Tensor]
    numbers: tuple[Any, ...] = ()
    share: float = 1.0
    follow: bool = False
    least: tuple[int, ...] = ()

    def __call__(self, at_x: Tensor) -> Tensor:
        """Return the weights, from the value at x."""
        weights = self.function(at_x, *self.numbers)
        return weights if self.share == 1 else self.share * weights

    @property
    def kind(self) -> tuple:
        """What must agree with other weights for one program to serve both."""
        numbers = [(tuple(number.shape), tf.as_dtype(number.dtype).name) for number in self.numbers]
        return self.function, self.share, *numbers

    def given(self, weights: Tensor) -> Weights:
        """Return weights that were computed before, in the place of these."""
        return Weights(_given, (weights,))


def _given(at_x: Tensor, weights: Tensor) -> Tensor:
    return weights


@dataclass(frozen=True)
class Target:
    """A linear function of values of the program: f = Σ weights(value at x) · value, summed over the terms.

    Parameters
    ----------
    terms : tuple of (Value, Weights)
        Each value with its weights. They are the same for x and its references, so they never carry importance
        themselves.
    name : str
        The name by which messages and results refer to the target.
    """

    terms: tuple[tuple[Value, Weights], ...]
    name: str

    @property
    def values(self) -> list[Value]:
        """The distinct values that the function reads."""
        return list(dict.fromkeys(value for value, _ in self.terms))

    @property
    def is_bound(self) -> bool:
        """Whether the target needs a value to have some length, which is not known before a program runs."""
        return any(
            least > 0 and size is None
            for value, weights in self.terms
            for least, size in zip(weights.least, (value.shape or ())[1:], strict=False)
        )

    def check(self, sizes: Mapping[Value, tuple[int, ...]]) -> None:
        """Refuse the target where a value is too short for it.

        Parameters
        ----------
        sizes : mapping of Value to tuple of int
            The lengths of the axes of values behind the first, for the sequences to explain.

        Raises
        ------
        InputError
            If the target names a place that is not there. Weights would count nothing there, or something else.
        """
        for value, weights in self.terms:
            for axis, (size, least) in enumerate(zip(sizes.get(value, ()), weights.least, strict=False), start=1):
                if size < least:
                    raise InputError(
                        f"target {self.name} is out of range: for sequences of this length, axis {axis} of "
                        f"what it is taken from has {size} (0 to {size - 1}, or {-size} to -1 from the end)"
                    )

    @property
    def kind(self) -> tuple:
        """What must agree with another target for one program to serve both."""
        return tuple((value, weights.kind) for value, weights in self.terms)

    @property
    def numbers(self) -> list[Any]:
        """The numbers of all terms, in order."""
        return [number for _, weights in self.terms for number in weights.numbers]

    def seeds(self, at_x: Callable[[Value], Tensor]) -> dict[Value, Tensor]:
        """Return the weights of each value, in its shape; ``at_x(value)`` returns the value at x."""
        seeds: dict[Value, Tensor] = {}
        for value, weights in self.terms:
            tensor = at_x(value)
            seed = tf.broadcast_to(tf.cast(weights(tensor), tensor.dtype), tf.shape(tensor))
            seeds[value] = seeds[value] + seed if value in seeds else seed
        return seeds

    def total(self, at: Callable[[Value], Tensor], count: Tensor) -> Tensor:
        """Return the target (B,) of ``count`` points, where ``at(value)`` returns the value (B, ...) at the points."""
        terms = [(at(value), weights) for value, weights in self.terms]
        # Numbers that do not count do not matter, where they are infinite either.
        sums = [tf.math.multiply_no_nan(tensor, tf.cast(weights(tensor), tensor.dtype)) for tensor, weights in terms]
        return tf.add_n([tf.reduce_sum(tf.reshape(one, [count, -1]), -1) for one in sums])

    def average(self, other: Target) -> Target:
        """Return the mean of this function and another one, under the name of this one."""
        terms = [(value, replace(weights, share=weights.share / 2)) for value, weights in (*self.terms, *other.terms)]
        return Target(tuple(terms), self.name)

    def with_numbers(self, numbers: list[Any]) -> Target:
        """Return the target of this kind that has other numbers."""
        given = iter(numbers)
        terms = [
            (value, replace(weights, numbers=tuple(next(given) for _ in weights.numbers)))
            for value, weights in self.terms
        ]
        return Target(tuple(terms), self.name)


def for_each(targets: list[Target], function: Callable[[Target], Any]) -> Any:
    """Return what a function computes for each target, with an axis of targets behind the first one.

    Inside a compiled function, ``function`` is traced once for each kind of target, and the targets of a kind are
    served one after the other.

    Parameters
    ----------
    targets : list of Target
        The targets, T of them.
    function : callable
        A function from a target to a nested structure of tensors (n, ...). It is the same structure for all targets.

    Returns
    -------
    structure
        The structure with tensors (n, T, ...).
    """
    if len(targets) == 1:
        return tf.nest.map_structure(lambda tensor: tf.expand_dims(tensor, 1), function(targets[0]))
    parts, places = [], []
    for members in _kinds(targets):
        places += members
        some = [targets[place] for place in members]
        if len(some) == 1:
            parts.append(tf.nest.map_structure(lambda tensor: tensor[tf.newaxis], function(some[0])))
        else:
            parts.append(_one_by_one(some, function))
    whole = parts[0] if len(parts) == 1 else tf.nest.map_structure(lambda *tensors: tf.concat(tensors, 0), *parts)
    if places != sorted(places):
        order = np.argsort(places)
        whole = tf.nest.map_structure(lambda tensor: tf.gather(tensor, order), whole)
    return tf.nest.map_structure(_behind_first, whole)


def _kinds(targets: list[Target]) -> list[list[int]]:
    """Return the places of the targets of each kind."""
    kinds: dict[tuple, list[int]] = {}
    for place, target in enumerate(targets):
        kinds.setdefault(target.kind, []).append(place)
    return list(kinds.values())


def _one_by_one(targets: list[Target], function: Callable[[Target], Any]) -> Any:
    """Return what a function computes for each of several targets of a kind, with the axis of targets in front."""
    columns = [tf.stack(column) for column in zip(*[target.numbers for target in targets], strict=True)]

    def of_one(place: Tensor) -> Any:
        return function(targets[0].with_numbers([tf.gather(column, place) for column in columns]))

    traced = tf.function(of_one, autograph=False).get_concrete_function(tf.TensorSpec([], tf.int32))
    outputs = tf.nest.flatten(traced.structured_outputs)
    arrays = [tf.TensorArray(one.dtype, len(targets), element_shape=one.shape) for one in outputs]

    def step(place: Tensor, arrays: list) -> tuple[Tensor, list]:
        results = tf.nest.flatten(traced(place))
        return place + 1, [array.write(place, result) for array, result in zip(arrays, results, strict=True)]

    _, arrays = tf.while_loop(
        lambda place, _: place < len(targets), step, (tf.constant(0), arrays), parallel_iterations=1
    )
    return tf.nest.pack_sequence_as(traced.structured_outputs, [array.stack() for array in arrays])


def _behind_first(tensor: Tensor) -> Tensor:
    """Return a tensor (T, n, ...) as (n, T, ...)."""
    rank = tensor.shape.rank
    return tf.transpose(tensor, [1, 0, *range(2, rank)])
