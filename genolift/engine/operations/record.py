"""The record of one operation: everything that the engine knows about it, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genolift.engine.operations.kinds import Kind

#: What a view changes while its numbers stay the same: the shape, axes of size one, the order of the axes, the type, or
#: nothing, where it only checks the shape.
View = Literal["reshape", "unit-axes", "transpose", "type", "check"]
#: What a reduction makes of the elements along the axes that its second input names.
Reduction = Literal["sum", "mean", "max", "min"]
#: What an operation makes of logits (the inverse of a link function).
Link = Literal["logistic", "softmax", "log-softmax"]
#: How an operation of a graph runs other functions.
Control = Literal["call", "branch", "while"]
#: The families of movement: how rows along the length travel through an operation. Those who follow windows of changed
#: rows (mutagenesis, receptive fields) have a function for each (:mod:`genolift.engine.windows.carry`).
Window = Literal[
    "elementwise",
    "last-axis",
    "batch-norm",
    "transpose",
    "reverse",
    "split",
    "tile",
    "concat",
    "matmul",
    "batch-matmul",
    "einsum",
    "reduction",
    "view",
    "slice",
    "pad",
    "convolution",
    "pool",
]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of TensorFlow's, or of the engine's own.

    A fact that is left out does not hold, so an operation that nobody described has none.
    """

    # What it is, and how importance goes back through it
    kind: Kind | None = None  # None: no importance flows through it
    rule: Callable | None = None  # (step, flows, back) -> {input value: Flow}; DeepLIFT's rule in place of the kind's
    difference: Callable | None = None  # f(b) − f(a) without cancellation, see operations.differences
    bounded_domain: bool = (
        False  # does not exist for every number, so RevealCancel must not look far away from its input
    )
    rectifier: bool = False  # a ReLU or one of its leaky and clipped kin, where guided backprop gates gradients
    relu: bool = False  # max(x, 0) itself
    part_of_rectifier: bool = (
        False  # may stand beside rectifiers in one that is spelled with several steps, as PReLU is
    )

    # How relevance goes back through it
    view: View | None = None  # the same numbers, one for one, under another shape or type
    moves: bool = False  # every element that comes out is one of those that went in (or padding)
    shift: bool = False  # adds a number to each element, as a bias does
    scale: bool = False  # multiplies each element by a number that may be negative
    adds: bool = False  # the sum of its inputs, element by element
    gate: bool = False  # as a factor of a product it says how much of the other factor passes
    non_negative: bool = False  # gives nothing below zero, whatever goes in
    keeps_sign: bool = False  # gives nothing below zero where nothing below zero goes in
    filters: bool = False  # a convolution with a unit for each channel that comes out
    transposes: tuple[str, str] | None = None  # a matrix product: the attributes that say which factor is transposed
    reduces: Reduction | None = None  # of a reduction along axes
    link: Link | None = None  # of what makes probabilities of logits

    # How rows along the length travel through it: a family of movement, or a function (step, layout) -> action. Where
    # there is none, elementwise operations go row by row, and others are run on whole sequences.
    window: Window | Callable | None = None

    # How a program is made of it
    spelling: Callable | None = None  # the operation as a formula of simpler ones, see operations.spellings
    reads: Callable | None = (
        None  # step -> the values that the spelling is given in place of the step's inputs, or None
    )
    reciprocal: str | None = None  # of a quotient: the operation that gives one over the divisor
    control: Control | None = None
    alias: bool = False  # hands its inputs on; some hide custom gradients, which have no say in a difference
    random: bool = False  # draws random numbers
    shape_only: bool = False  # looks at no more than the shape of what goes in
    of_shape: Callable | None = None  # (tensor, dtype) -> output, from any tensor of the input's shape
    variable: bool = False  # holds numbers of the model: a variable, or a tensor that its functions captured

    # How it is run
    implementation: Callable | None = None  # (step, tensors, precision) -> outputs, in place of the library's kernel
    substitute: Callable | None = (
        None  # (step, tensors, run) -> outputs, where the library's kernel, run, does not serve
    )

    @property
    def elementwise(self) -> bool:
        """Whether it treats each element by itself, so that it can be part of a fused function."""
        return self.kind is not None and self.kind.elementwise
