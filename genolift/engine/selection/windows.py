"""The windows of selections: which elements a pool, or a maximum or minimum along axes, selects among."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from genolift.engine.operations.kinds import Selection
from genolift.engine.operations.substitutes.running import sizes_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Step, Value
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

#: A function that lays out the elements of each window of a tensor along an axis of their own.
Cut: TypeAlias = Callable[[Tensor], Tensor]
#: A function that returns the numbers of a value, or None if they are not known before the program runs.
Numbers: TypeAlias = Callable[[Value], np.ndarray | None]

_BEFORE = 2  # The elementwise layout of pairs has so many axes more than a value, all of them first.


class Windows:
    """The elements of each window of a selection at the two ends.

    Parameters
    ----------
    x, r : Tensor
        The source's two sides in the layout for elementwise work.
    cut : callable
        A function that lays out the elements of each window of such a tensor along an axis.
    axis : int
        That axis, counted from the end.
    shared : bool
        Whether the reference side is not of the shape of the source, because all sequences share it.
    """

    def __init__(self, x: Tensor, r: Tensor, cut: Callable[[Tensor], Tensor], axis: int, shared: bool):
        self.cut, self.axis = cut, axis
        self.x, self.r = cut(x), cut(r)
        self._sides, self._shared = (x, r), shared

    @classmethod
    def of(cls, step: Step, x: Tensor, r: Tensor, numbers: Numbers, shared: bool) -> Windows:
        """Return the windows of a step. The elements of a minimum are turned into those of a maximum.

        Parameters
        ----------
        step : Step
            The step.
        x, r : Tensor
            The two sides of its source in the layout for elementwise work.
        numbers : callable
            A function that returns the numbers of the step's other inputs.
        shared : bool
            Whether all sequences share the references.
        """
        kind, rank = operation(step.op).kind, x.shape.rank
        assert isinstance(kind, Selection)
        if rank is None:
            raise NotImplementedError("its input has no known number of axes")
        cut, axis = (_along if kind.over == "axes" else _pooled)(step, rank, numbers)
        sides = (x, r) if kind.sign == 1 else (-x, -r)
        return cls(*sides, cut, axis, shared)

    def opened(self, tensor: Tensor) -> Tensor:
        """Return a tensor with one number for each window with an axis for the window's elements, of size one."""
        shape = tf.unstack(tf.broadcast_dynamic_shape(tf.shape(self.x), tf.shape(self.r)), num=self.x.shape.rank)
        known = tf.broadcast_static_shape(self.x.shape, self.r.shape).as_list()
        known[:_BEFORE] = [None] * _BEFORE
        shape[self.axis] = known[self.axis] = 1
        opened = tf.reshape(tensor, shape)
        opened.set_shape(known)
        return opened

    def joined(self, parts: Tensor) -> Tensor:
        """Return what comes back to the source from the elements of all windows."""
        x, r = self._sides
        if not self._shared:
            return tf.gradients(self.r, r, parts)[0]
        source = tf.zeros(tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(r)), parts.dtype)
        source.set_shape(tf.broadcast_static_shape(x.shape, r.shape))
        return tf.gradients(self.cut(source), source, parts)[0]


def _along(step: Step, rank: int, numbers: Numbers) -> tuple[Cut, int]:
    """Return how the elements of a reduction are laid out, and along which axis."""
    given = numbers(step.inputs[1])
    if given is None:
        raise NotImplementedError("its axes are not known before it runs")
    axes = sorted({int(axis) % (rank - _BEFORE) + _BEFORE for axis in np.ravel(given)})
    if len(axes) == 1:
        return tf.identity, axes[0] - rank
    return lambda tensor: _merged(tensor, axes), -1


def _merged(tensor: Tensor, axes: list[int]) -> Tensor:
    """Return a tensor whose last axis takes the place of some axes."""
    rest = [axis for axis in range(tensor.shape.rank) if axis not in axes]
    sizes = sizes_of(tensor)
    known = [sizes[axis] for axis in axes]
    size = -1 if any(tf.is_tensor(one) for one in known) else _product(known)
    return tf.reshape(tf.transpose(tensor, rest + axes), [*(sizes[axis] for axis in rest), size])


def _product(sizes: list[int]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product


def _pooled(step: Step, rank: int, numbers: Numbers) -> tuple[Cut, int]:
    """Return how the elements of a pool's windows are laid out, and along which axis."""
    attributes = step.node.attr
    sizes: Any
    strides: Any
    if step.op == "MaxPoolV2":
        sizes, strides = (numbers(value) for value in step.inputs[1:])
        if sizes is None or strides is None:
            raise NotImplementedError("its windows are not known before it runs")
    else:
        sizes, strides = (attributes[name].list.i for name in ("ksize", "strides"))
    padding = attributes["padding"].s.decode()
    explicit = list(attributes["explicit_paddings"].list.i) if padding == "EXPLICIT" else None
    slides = []
    for i, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        if size > 1 or stride > 1:
            around = padding if explicit is None else tuple(explicit[2 * i : 2 * i + 2])
            slides.append(_Slide(i, int(size), int(stride), around))
    if len(slides) == 1:
        slide = replace(slides[0], axis=slides[0].axis + _BEFORE)
        return slide.cut, slide.axis - rank

    def cut(tensor: Tensor) -> Tensor:
        # The rows of pairs are one axis meanwhile, because kernels take eight axes at most.
        rows, inner = sizes_of(tensor)[: _BEFORE + 1], sizes_of(tensor)[_BEFORE + 1 :]
        flat = tf.reshape(tensor, [tf.reduce_prod(tf.stack(rows)), *inner])
        for slide in reversed(slides):  # So the axes of those that follow stay where they are.
            flat = slide.cut(flat)
        merged = _merged(flat, [slide.axis + 1 + i for i, slide in enumerate(slides)])
        return tf.reshape(merged, [*rows, *sizes_of(merged)[1:]])

    return cut, -1


@dataclass(frozen=True)
class _Slide:
    """Windows that slide along one axis.

    Parameters
    ----------
    axis : int
        The axis.
    size, stride : int
        The number of elements of a window, and the way from one window to the next.
    padding : str or tuple of int
        ``"VALID"``, ``"SAME"``, or how many elements are added before and behind.
    """

    axis: int
    size: int
    stride: int
    padding: str | tuple[int, ...]

    def cut(self, tensor: Tensor) -> Tensor:
        """Return a tensor whose axis holds the windows, and the axis after it the elements of each.

        The axis is cut into rows as long as a stride, and a window is put together from whole rows and a part of one.
        In this way, what comes back from the windows is added up by padding, which is faster than by strided slices.
        """
        count, tensor = self._padded(tensor)
        before, behind = sizes_of(tensor)[: self.axis], sizes_of(tensor)[self.axis + 1 :]
        rows = tf.reshape(tensor, [*before, count + self._whole - 1, self.stride, *behind])
        pieces = []
        for row in range(self._whole):
            elements = min(self.stride, self.size - row * self.stride)
            begin, size = [0] * rows.shape.rank, [-1] * rows.shape.rank
            begin[self.axis], size[self.axis], size[self.axis + 1] = row, count, elements
            alone = self._whole == 1 and elements == self.stride
            pieces.append(rows if alone else tf.slice(rows, begin, size))
        return pieces[0] if len(pieces) == 1 else tf.concat(pieces, self.axis + 1)

    @property
    def _whole(self) -> int:
        """How many rows a window takes elements from."""
        return -(-self.size // self.stride)

    def _padded(self, tensor: Tensor) -> tuple[Any, Tensor]:
        """Return the number of windows, and the rows that they are cut from, as a tensor of whole rows.

        Elements around the tensor are never the largest.
        """
        length = sizes_of(tensor)[self.axis]
        if self.padding == "VALID":
            before, count = 0, (length - self.size) // self.stride + 1
        elif self.padding == "SAME":
            count = -(-length // self.stride)
            missing = (count - 1) * self.stride + self.size - length
            before = (tf.maximum(missing, 0) if tf.is_tensor(missing) else max(missing, 0)) // 2
        else:
            before, after = (int(size) for size in self.padding)
            count = (length + before + after - self.size) // self.stride + 1
        # Of the last rows, no window may need all. What is added there is in no window.
        needed = (count + self._whole - 1) * self.stride
        behind = needed - before - length
        known = not (tf.is_tensor(before) or tf.is_tensor(behind))
        if not known or before > 0 or behind > 0:
            around: list[Any] = [[0, 0]] * tensor.shape.rank
            around[self.axis] = [before, max(behind, 0) if known else tf.maximum(behind, 0)]
            tensor = tf.pad(tensor, around, constant_values=tensor.dtype.min)
        if not known or behind < 0:
            size = [-1] * tensor.shape.rank
            size[self.axis] = needed
            tensor = tf.slice(tensor, [0] * tensor.shape.rank, size)
        return count, tensor
