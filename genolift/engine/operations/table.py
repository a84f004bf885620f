"""What each operation is, mathematically: the one place to add an operation.

A *linear* operation may have inputs that multiply (``factors``): with one of them active the others are weights, with
several active the step is a *product*. ``mixes`` marks the weighted steps (convolutions, matrix products) after which
the positive and negative parts of a difference are formed anew (Shrikumar et al. 2017, section 3.5.1); the others pass
the two parts through side by side. Inactive floating inputs of a linear step that are neither weights nor ``kept`` are
offsets, and drop out of differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genolift.engine.operations.emit import absolute_resize
from genolift.engine.program import Dependence, Step, Value
from genolift.support.errors import Remedy, Setting, UnsupportedModel, reason_of, setting


@dataclass(frozen=True)
class Linear:
    """Linear in each of ``factors``, or in all its active inputs together where there are none."""

    factors: tuple[int, ...] | None = ()  # None: every input is a factor
    keep: tuple[int, ...] = ()
    mixes: bool = False
    convolves: bool = False
    absolute: Callable | None = None  # (step, tensors, precision): with |weights| where these are not an input

    def factors_of(self, step: Step) -> tuple[int, ...]:
        return tuple(range(len(step.inputs))) if self.factors is None else self.factors


@dataclass(frozen=True)
class Unary:
    """A nonlinearity applied to each element, or to the elements of several tensors."""


@dataclass(frozen=True)
class Selection:
    """One of several elements passes: pooling and reductions by maximum, or minimum (``sign`` −1)."""

    sign: int = 1


@dataclass(frozen=True)
class Extremum:
    """The elementwise maximum or minimum of two tensors."""


@dataclass(frozen=True)
class Sort:
    """The largest elements of each row, in order, by a network of comparators in so many turns."""

    LONGEST = 24  # two to this power is the longest row

    @classmethod
    def turns(cls, length: int | None) -> int:
        power = cls.LONGEST if length is None else (length - 1).bit_length()
        return power * (power + 1) // 2


@dataclass(frozen=True)
class Softmax:
    """Exponentials over their sum along the last axis, or the logarithm of it."""

    log: bool = False


@dataclass(frozen=True)
class Loop:
    """A program of its own, run turn by turn (recurrent layers)."""


def _sum(step, tensors, precision):
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return [total]


def _all(names: str, operation) -> dict[str, object]:
    return dict.fromkeys(names.split(), operation)


OPERATIONS: dict[str, object] = {
    # Weighted sums. Gradient operations run forward in transposed convolutions.
    **_all("Conv2D Conv3D DepthwiseConv2dNative", Linear((0, 1), mixes=True, convolves=True)),
    **_all(
        "Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput",
        Linear((1, 2), mixes=True, convolves=True),
    ),
    **_all("MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3", Linear((0, 1), mixes=True)),
    "Einsum": Linear(None, mixes=True),
    "SparseTensorDenseMatMul": Linear((1, 3), mixes=True),
    **_all("ResizeBicubic ScaleAndTranslate", Linear(keep=(2, 3), mixes=True, absolute=absolute_resize)),
    # Complex numbers: linear in real and imaginary part
    **_all("RFFT RFFT2D RFFT3D RFFTND IRFFT IRFFT2D IRFFT3D FFT FFT2D FFT3D FFTND IFFT IFFT2D IFFT3D", Linear()),
    **_all("Real Imag Conj Complex", Linear()),
    # Scales. Quotients with an active denominator are rewritten as products by regions.lower.
    **_all("Mul MulNoNan RealDiv Div DivNoNan", Linear((0, 1))),
    **_all("FusedBatchNormV2 FusedBatchNormV3", Linear((0, 1), keep=(4,))),
    # Sums and averages
    **_all("Sub Neg", Linear(absolute=_sum)),
    **_all("Add AddV2 AddN BiasAdd Sum Mean AvgPool AvgPool3D Cumsum", Linear()),
    **_all("SegmentSum SegmentMean UnsortedSegmentSum", Linear()),
    # Views, moves and copies
    **_all(
        "Reshape Squeeze ExpandDims Transpose ConcatV2 Concat Pack Unpack Split SplitV Slice StridedSlice", Linear()
    ),
    **_all("Pad PadV2 MirrorPad Tile BroadcastTo Reverse ReverseV2 ReverseSequence Roll EnsureShape Cast", Linear()),
    **_all("GatherV2 Gather GatherNd ScatterNd TensorScatterUpdate TensorScatterAdd", Linear()),
    **_all("DynamicStitch ParallelDynamicStitch DynamicPartition", Linear()),
    **_all("SpaceToBatchND BatchToSpaceND SpaceToDepth DepthToSpace ResizeNearestNeighbor ResizeBilinear", Linear()),
    **_all("Diag DiagPart MatrixDiagV3 MatrixDiagPartV3 MatrixSetDiagV3 MatrixBandPart ExtractImagePatches", Linear()),
    **_all("Select SelectV2 TensorListGetItem TensorListSetItem", Linear()),
    # Nonlinearities of each element
    **_all("Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign Erf Erfc Erfinv", Unary()),
    **_all("Exp Expm1 Log Log1p Sqrt Rsqrt Square Abs Reciprocal ReciprocalNoNan Inv Pow ClipByValue", Unary()),
    **_all("Sin Cos Tan Sinh Cosh Asinh Acosh Atanh Asin Acos Atan Lgamma Digamma", Unary()),
    **_all("Xlogy Xlog1py Xdivy Floor Ceil Round Rint Sign FloorMod Mod FloorDiv TruncateMod Ndtri", Unary()),
    **_all("Atan2 Igamma Igammac Betainc Polygamma Zeta Dawsn Expint FresnelSin FresnelCos Spence", Unary()),
    **_all("BesselI0 BesselI1 BesselI0e BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK1 BesselK0e BesselK1e", Unary()),
    **_all("FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars QuantizeAndDequantizeV2 QuantizeAndDequantizeV4", Unary()),
    # One of several passes
    **_all("MaxPool MaxPoolV2 MaxPool3D MaxPoolWithArgmax Max SegmentMax UnsortedSegmentMax", Selection()),
    **_all("Min SegmentMin UnsortedSegmentMin", Selection(-1)),
    **_all("Maximum Minimum", Extremum()),
    "TopKV2": Sort(),
    "Softmax": Softmax(),
    "LogSoftmax": Softmax(log=True),
    "Loop": Loop(),
}

#: Operations that treat each element by itself (where shapes agree), so that they can be part of a fused function.
ELEMENTWISE = {
    *(op for op, kind in OPERATIONS.items() if isinstance(kind, (Unary, Extremum))),
    *("Add", "AddV2", "AddN", "Sub", "Neg", "Mul", "RealDiv", "Div", "DivNoNan", "BiasAdd", "Cast"),
    *("SelectV2", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"),
    *("LogicalAnd", "LogicalOr", "LogicalNot", "IsNan", "IsInf", "IsFinite"),
}


def active_factors(step: Step) -> list[int]:
    """Which of a linear operation's factors are active."""
    return [i for i in OPERATIONS[step.op].factors_of(step) if step.inputs[i].active]


def kind_of(step: Step) -> str:
    """What a walked step is, which says what rule it follows.

    ``weighted``, ``passing``, ``product``; ``unary`` (a fused region of one source), ``elementwise`` (a nonlinearity of
    several tensors' elements), ``selection``, ``extremum``, ``sort``, ``softmax``, ``loop``; ``complex``: a linear step on complex
    numbers; ``unknown``: what is not in the table.
    """
    if step.body:
        return "unary"
    operation = OPERATIONS.get(step.op)
    of_complex = any(value.dtype.startswith("complex") for value in (*step.inputs, *step.outputs))
    if isinstance(operation, Linear):
        if len(active_factors(step)) > 1:
            return "product"
        return "complex" if of_complex else "weighted" if operation.mixes else "passing"
    several = isinstance(operation, Selection) and len(step.active_inputs) > 1
    if operation is None or of_complex or several:
        return "unknown"
    return "elementwise" if isinstance(operation, Unary) else type(operation).__name__.lower()


def switches(step: Step) -> list[Value]:
    """What a walked step reads that depends on the explained input through a comparison or rounding only."""
    return [value for value in dict.fromkeys(step.inputs) if value.dependence == Dependence.DISCRETE]


def refusal(step: Step) -> UnsupportedModel:
    """Why an unknown step cannot be explained, and what would help."""
    of_complex = any(value.dtype.startswith("complex") for value in step.inputs)
    what = "complex numbers" if of_complex else "several active inputs"
    why = f"has no rule for {what}" if step.op in OPERATIONS else "has no rule"
    return UnsupportedModel(
        f"{step.where} {why}",
        Remedy.naming(
            "allow the local integral with {}, or register a rule for it with {}",
            setting("fallback", "integrated-gradients"),
            Setting("genolift.rules.register", "genolift.rules.register in Python"),
        ),
    )


def switch_refusal(step: Step) -> UnsupportedModel:
    """Why a step cannot be explained whose comparisons of the input come out differently for the two sides."""
    return UnsupportedModel(
        f"{step.where} is switched by a comparison or rounding of the explained input (a mask, perhaps) that is not the "
        "same for a sequence and its reference, which has no derivative and no linear rule; give references that are "
        "masked where the sequence is, pass the mask as an input of its own, or explain a layer after it"
    )


def unwalked(step: Step, problem: BaseException) -> UnsupportedModel:
    """What TensorFlow will not do of a step's rule, its derivative most of all."""
    return UnsupportedModel(
        f"{step.where} cannot be walked back through ({reason_of(problem)})",
        Remedy.naming(
            "register a rule for it with {}, or explain a layer after it",
            Setting("genolift.rules.register", "genolift.rules.register in Python"),
        ),
    )
