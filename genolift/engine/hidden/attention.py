"""Attention in a traced program, which is any softmax over positions whose result weighs values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from genolift.engine.operations.emit import emit
from genolift.engine.operations.steps import kind_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Step, Value, readers_of
from genolift.engine.running.run import constants, forward
from genolift.engine.target import Target, for_each
from genolift.engine.windows.reach import ROWS, Facts
from genolift.support.errors import UnsupportedModel
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()


@dataclass(eq=False)
class Attention:
    """An attention of a program.

    Parameters
    ----------
    name : str
        The layer's path, with a number if the layer has several.
    softmax : Step
        The softmax over the keys.
    values : Value
        What its result weighs.
    axis : int
        The axis of the values that has the keys.
    heads, queries, keys : int
        How many there are, for inputs of the shapes that the attention was found with.
    """

    name: str
    softmax: Step
    values: Value
    axis: int
    heads: int
    queries: int
    keys: int

    @property
    def square(self) -> bool:
        """Whether there are as many queries as keys."""
        return self.queries == self.keys


def find(program: Program, shapes: list[tuple[int, ...]], leading: Collection[Value], facts: Facts) -> list[Attention]:
    """Return the attentions of a program in running order.

    Parameters
    ----------
    program : Program
        The traced model.
    shapes : list of tuple of int
        The shapes of the inputs without the batch.
    leading : collection of Value
        The values that have the sequences' rows in front.
    facts : Facts
        The facts of the program for inputs of these shapes.

    Raises
    ------
    UnsupportedModel
        If there are attention layers whose weights cannot be read.
    """
    attentions: list[Attention] = []
    names: list[str] = []
    for softmax, product, place, tag in _tagged(program, shapes):
        varies = [axis for axis in range(tag.ndim) if tag.shape[axis] > 1 and np.ptp(tag, axis=axis).any()]
        read = _read(product, place, varies[0], facts, program) if len(varies) == 1 else None
        if read is not None and softmax not in [one.softmax for one in attentions]:
            path = softmax.layers[-1].path if softmax.layers else softmax.name
            names.append(path)
            name = path if names.count(path) == 1 else f"{path}:{names.count(path)}"
            attentions.append(Attention(name, softmax, *read, *_counts(softmax, facts, leading)))
    _check_seen(program, attentions)
    return attentions


@dataclass(eq=False)
class _Weighing:
    """A softmax that is factor number ``place`` of a product, directly or through ``views`` and the like."""

    softmax: Step
    views: list[Step]
    product: Step
    place: int


def _weighings(program: Program) -> list[_Weighing]:
    """Return every way from a softmax to a product, the shortest of each softmax first."""
    readers = readers_of(program.active_steps)
    weighings = []
    for softmax in program.active_steps:
        pending: list[tuple[Value, list[Step]]] = [(softmax.output, [])] if softmax.op == "Softmax" else []
        while pending:
            value, views = pending.pop(0)
            for step in readers.get(value, []):
                if kind_of(step) == "product":
                    weighings.append(_Weighing(softmax, views, step, step.inputs.index(value)))
                elif kind_of(step) == "passing" and step.active_inputs == [value] and len(step.outputs) == 1:
                    pending.append((step.output, [*views, step]))
    return weighings


def _tagged(program: Program, shapes: list[tuple[int, ...]]) -> list[tuple[Step, Step, int, np.ndarray]]:
    """Return every softmax that is a factor of a product, as (softmax, product, place, tag).

    The tag is the factor with the numbers of the keys in place of their weights, so that it varies along their axis.
    """
    weighings = _weighings(program)

    def look(*inputs: Tensor) -> list[Tensor]:
        values = forward(program, list(inputs), constants(program))
        tags: dict[Value, Tensor] = {}
        for one in weighings:
            value, weights = one.softmax.output, values[one.softmax.output]
            numbers = tf.cast(tf.range(1, tf.shape(weights)[-1] + 1), weights.dtype)
            tags[value] = tf.zeros_like(weights) + numbers
            for step in one.views:
                (tags[step.output],) = emit(step, [tags.get(read, values[read]) for read in step.inputs])
        return [tags[one.product.inputs[one.place]] for one in weighings]

    tags = compiled(look)(*[tf.zeros((ROWS, *shape)) for shape in shapes])
    return [(one.softmax, one.product, one.place, tag.numpy()) for one, tag in zip(weighings, tags, strict=True)]


def _read(product: Step, place: int, axis: int, facts: Facts, program: Program) -> tuple[Value, int] | None:
    """Return the values that a factor weighs and their axis of keys, if the product sums over the factor's ``axis``."""
    if len(product.inputs) != 2:
        return None
    values, rank = product.inputs[1 - place], [len(facts.shapes[value]) for value in product.inputs]
    names = operation(product.op).transposes
    if names is not None:
        summed = [rank[0] - 1 - product.node.attr[names[0]].b, rank[1] - 2 + product.node.attr[names[1]].b]
        return (values, summed[1 - place]) if summed[place] == axis else None
    if product.op == "Einsum":
        terms, out = product.node.attr["equation"].s.decode().replace(" ", "").split("->")
        terms = terms.split(",")
        if "." in terms[0] + terms[1]:
            return None
        label = terms[place][axis]
        return (values, terms[1 - place].index(label)) if label not in out and label in terms[1 - place] else None
    # In attention pooling, an elementwise product is summed afterwards.
    if product.op != "Mul":
        return None
    out, its_own = len(facts.shapes[product.output]), rank[1 - place]
    along = axis + out - rank[place]
    for step in program.steps:
        if operation(step.op).reduces in ("sum", "mean") and product.output in step.inputs[:1]:
            axes = np.ravel(facts.numbers.get(step.inputs[1], []))
            if along in {int(a) % out for a in axes}:
                return values, along - (out - its_own)
    return None


def _counts(softmax: Step, facts: Facts, leading: Collection[Value]) -> tuple[int, int, int]:
    """Return the numbers of heads, queries and keys.

    The weights are (N, keys), (N, queries, keys), (N, heads, queries, keys) or (N·heads, ...).
    """
    shape = facts.shapes[softmax.output]
    if softmax.output not in leading or len(shape) > 4:
        raise UnsupportedModel(
            f"{softmax.where} has weights of shape {('N', *shape[1:])}, and which axes are heads and queries cannot be "
            "told; use deeplift or integrated-gradients"
        )
    rest = shape[1:] if shape[0] == ROWS else (shape[0] // ROWS, *shape[1:])
    heads, queries, keys = [1] * (3 - len(rest)) + list(rest)
    return heads, queries, keys


def _check_seen(program: Program, attentions: list[Attention]) -> None:
    """Raise UnsupportedModel for layers that say they are attention and whose weights were not found."""
    seen = {layer.path for one in attentions for layer in one.softmax.layers}
    for step in program.active_steps:
        for layer in step.layers:
            inner = any(layer.path.startswith(f"{path}/") for path in seen)
            if "attention" in layer.type.lower() and layer.path not in seen and not inner:
                raise UnsupportedModel(
                    f"layer {layer.path!r} ({layer.type}) has no softmax over positions whose result weighs values, so "
                    "its weights cannot be read (a fused or kernel form of attention, or weights that are mixed "
                    "further); use deeplift or integrated-gradients"
                )


class Readings:
    """A reader of the targets of sequences and of the weights of each attention.

    Parameters
    ----------
    program : Program
        The traced model.
    targets : list of Target
        The scalars that are evaluated.
    attentions : list of Attention
        The attentions.
    """

    def __init__(self, program: Program, targets: list[Target], attentions: list[Attention]):
        self.program, self.targets, self.attentions = program, targets, attentions
        self._run = compiled(self._compute, reduce_retracing=True)

    def __call__(self, arrays: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the targets (N, T), and the weights (N, heads, queries, keys) of each attention.

        Parameters
        ----------
        arrays : list of np.ndarray
            The sequences (N, ...) for each input.
        """
        with exact_float32:
            predictions, weights = self._run([tf.constant(array) for array in arrays])
        return predictions.numpy(), [tensor.numpy() for tensor in weights]

    def _compute(self, arrays):
        values = forward(self.program, arrays, constants(self.program))
        count = tf.shape(arrays[0])[0]
        totals = for_each(self.targets, lambda target: target.total(values.__getitem__, count))
        weights = [
            tf.reshape(values[one.softmax.output], [count, one.heads, one.queries, one.keys]) for one in self.attentions
        ]
        return totals, weights
