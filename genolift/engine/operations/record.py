"""The record of one operation: everything that the engine knows about it, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genolift.engine.operations.kinds import Kind

#: What a view changes while its numbers stay the same: the shape, axes of size one, the order of the axes, or the type.
#: A check changes nothing.
View = Literal["reshape", "unit-axes", "transpose", "type", "check"]
#: What a reduction computes from the elements along the axes that its second input names.
Reduction = Literal["sum", "mean", "max", "min"]
#: How an operation turns logits into probabilities (the inverse of a link function).
Link = Literal["logistic", "softmax", "log-softmax"]
#: How an operation of a graph runs other functions.
Control = Literal["call", "branch", "while"]
#: The families of movement, which say how rows along the length travel through an operation. The modules that follow
#: windows of changed rows (mutagenesis, receptive fields) have a function for each family, see
#: :mod:`genolift.engine.windows.carry`.
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

    # What the operation is, and how importance goes back through it

    #: What the operation is mathematically. No importance flows through an operation without a kind.
    kind: Kind | None = None
    #: (step, flows, back) -> {input value: Flow}. DeepLIFT follows this rule in place of the kind's rule.
    rule: Callable | None = None
    #: The difference f(b) − f(a) without cancellation, see :mod:`genolift.engine.operations.differences`.
    difference: Callable | None = None
    #: Whether it is undefined for some numbers, so that RevealCancel must not look far away from its input.
    bounded_domain: bool = False
    #: Whether its slope may overflow, or be infinite or undefined at some number, though its value is finite there or
    #: does not count.
    overflows: bool = False
    #: Whether guided backprop gates gradients there as at a ReLU. It is for operations that users register; others are
    #: known by their function, see :mod:`genolift.support.piecewise`.
    rectifier: bool = False

    # How relevance goes back through it

    #: What changes while the numbers stay the same, for a view of its input.
    view: View | None = None
    #: Whether every element of the output is an element of an input, or padding.
    moves: bool = False
    #: Whether it adds a number to each element, as a bias does.
    shift: bool = False
    #: Whether it multiplies each element by a number that may be negative.
    scale: bool = False
    #: Whether it is the sum of its inputs, element by element.
    adds: bool = False
    #: Whether it says, as a factor of a product, how much of the other factor passes.
    gate: bool = False
    #: Whether its output is never negative.
    non_negative: bool = False
    #: Whether its output is never negative where its inputs are not.
    keeps_sign: bool = False
    #: Whether it is a convolution with a unit for each output channel.
    filters: bool = False
    #: The attributes of a matrix product that say which factor is transposed.
    transposes: tuple[str, str] | None = None
    #: What a reduction along axes computes.
    reduces: Reduction | None = None
    #: How it turns logits into probabilities.
    link: Link | None = None

    # How rows along the length travel through it

    #: A family of movement, or a function (step, layout) -> action. Where there is none, elementwise operations go row
    #: by row, and others are run on whole sequences.
    window: Window | Callable | None = None

    # How a program is made of it

    #: The operation as a formula of simpler ones, see :mod:`genolift.engine.operations.spellings`.
    spelling: Callable | None = None
    #: step -> the values that the spelling takes in place of the step's inputs, or None.
    reads: Callable | None = None
    #: The operation that computes one over the divisor, for a quotient.
    reciprocal: str | None = None
    #: How it runs other functions.
    control: Control | None = None
    #: Whether it hands its inputs on unchanged. Some aliases hide custom gradients, which a difference ignores.
    alias: bool = False
    #: Whether it draws random numbers.
    random: bool = False
    #: Whether it reads only the shape of its inputs.
    shape_only: bool = False
    #: (tensor, dtype) -> output, computed from any tensor that has the input's shape.
    of_shape: Callable | None = None
    #: Whether it holds numbers of the model: a variable, or a tensor that its functions captured.
    variable: bool = False

    # How it is run

    #: (step, tensors, precision) -> outputs. It is run in place of the library's kernel.
    implementation: Callable | None = None
    #: (step, tensors, run) -> outputs, where ``run`` is the library's kernel, which does not serve in every case.
    substitute: Callable | None = None

    @property
    def steep(self) -> bool:
        """Whether its slope may be infinite or undefined, so that a zero that it is multiplied with makes NaN."""
        return self.overflows or self.bounded_domain

    @property
    def elementwise(self) -> bool:
        """Whether the operation treats each element by itself, so that it can be part of a fused function."""
        return self.kind is not None and self.kind.elementwise
