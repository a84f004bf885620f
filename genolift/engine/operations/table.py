"""The table of operations, with one record for each. To add an operation, add a row here; nothing else is needed.

All other modules look facts up through :func:`operation` at the moment when they need them, so that whatever
``genolift.rules.register`` adds holds everywhere at once.
"""

from __future__ import annotations

from typing import Any

from genolift.engine.operations import differences, implementations, spellings
from genolift.engine.operations.differences import of_one
from genolift.engine.operations.kinds import (
    Comparison,
    Extremum,
    Kind,
    Linear,
    Loop,
    Selection,
    Softmax,
    Sort,
    Unary,
)
from genolift.engine.operations.record import Operation
from genolift.engine.operations.substitutes import convolutions, images, softmax
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def _rows(names: str, kind: Kind | None = None, **facts: Any) -> dict[str, Operation]:
    """Return the same record for several operations, whose names are separated by spaces."""
    return dict.fromkeys(names.split(), Operation(kind=kind, **facts))


def _table(*rows: dict[str, Operation]) -> dict[str, Operation]:
    """Return all rows as one table, in which each operation has one record."""
    names = [name for row in rows for name in row]
    if len(set(names)) < len(names):
        raise ValueError(f"operations with two records: {sorted({name for name in names if names.count(name) > 1})}")
    return {name: record for row in rows for name, record in row.items()}


_CONVOLUTION = Linear((0, 1), mixes=True, convolves=True)
# A transposed convolution runs the operation that is the gradient of a convolution.
_TRANSPOSED = Linear((1, 2), mixes=True, convolves=True)
_MATRICES = Linear((0, 1), mixes=True)
_RESIZE = Linear(keep=(2, 3), mixes=True, absolute=implementations.absolute_resize)
_SUM = Linear(elementwise=True)
_DIFFERENCE = Linear(elementwise=True, absolute=implementations.added)
_PRODUCT = Linear((0, 1), elementwise=True)

#: The record of each operation, by TensorFlow's name of it, or by the engine's name for operations of its own.
OPERATIONS: dict[str, Operation] = _table(
    # Weighted sums
    _rows("Conv2D", _CONVOLUTION, filters=True, substitute=convolutions.convolution, window="convolution"),
    _rows("Conv3D", _CONVOLUTION, filters=True, substitute=convolutions.convolution),
    _rows(
        "DepthwiseConv2dNative",
        _CONVOLUTION,
        filters=True,
        substitute=convolutions.depthwise_convolution,
        window="convolution",
    ),
    _rows("Conv2DBackpropInput Conv3DBackpropInputV2", _TRANSPOSED, substitute=convolutions.transposed_convolution),
    _rows("DepthwiseConv2dNativeBackpropInput", _TRANSPOSED),
    _rows("MatMul", _MATRICES, transposes=("transpose_a", "transpose_b"), window="matmul"),
    _rows("BatchMatMul BatchMatMulV2 BatchMatMulV3", _MATRICES, transposes=("adj_x", "adj_y"), window="batch-matmul"),
    _rows("Einsum", Linear(None, mixes=True), window="einsum"),
    _rows("SparseTensorDenseMatMul", Linear((1, 3), mixes=True)),
    _rows("ResizeBicubic ScaleAndTranslate", _RESIZE, substitute=images.resize),
    # Complex numbers. These operations are linear in the real and the imaginary part.
    _rows("RFFT RFFT2D RFFT3D RFFTND IRFFT IRFFT2D IRFFT3D FFT FFT2D FFT3D FFTND IFFT IFFT2D IFFT3D", Linear()),
    _rows("Real Imag Conj Complex", Linear()),
    _rows("ComplexAbs", spelling=spellings.of_complex(spellings.modulus)),
    _rows("Angle", spelling=spellings.of_complex(spellings.angle)),
    # Scales. A quotient whose denominator is active is rewritten as a product.
    _rows("Mul", _PRODUCT, scale=True, difference=differences.multiplied),
    _rows("MulNoNan", Linear((0, 1))),
    _rows(
        "RealDiv Div",
        _PRODUCT,
        overflows=True,
        scale=True,
        reciprocal="Reciprocal",
        difference=differences.divided,
    ),
    _rows("DivNoNan", _PRODUCT, scale=True, reciprocal="ReciprocalNoNan", difference=differences.divided_if_possible),
    _rows(
        "FusedBatchNormV2 FusedBatchNormV3",
        Linear((0, 1), keep=(4,)),
        scale=True,
        window="batch-norm",
        spelling=spellings.standardised,
        implementation=implementations.batch_norm,
    ),
    # Sums and averages
    _rows("Sub", _DIFFERENCE, scale=True, difference=differences.subtracted),
    _rows("Neg", _DIFFERENCE, scale=True, difference=of_one(differences.negated)),
    _rows(
        "Add AddV2",
        _SUM,
        adds=True,
        shift=True,
        keeps_sign=True,
        difference=differences.added,
    ),
    _rows("AddN", _SUM, adds=True, difference=differences.added),
    _rows("BiasAdd", _SUM, shift=True, difference=differences.added),
    _rows("Sum", Linear(), reduces="sum", keeps_sign=True, window="reduction"),
    _rows("Mean", Linear(), reduces="mean", keeps_sign=True, window="reduction"),
    _rows("AvgPool", Linear(), keeps_sign=True, window="pool"),
    _rows("AvgPool3D", Linear(), keeps_sign=True, substitute=images.pool3d),
    _rows("Cumsum SegmentSum SegmentMean UnsortedSegmentSum", Linear()),
    # Views, moves and copies
    _rows("Reshape", Linear(), view="reshape", moves=True, keeps_sign=True, window="view"),
    _rows("Squeeze ExpandDims", Linear(), view="unit-axes", moves=True, keeps_sign=True, window="view"),
    _rows("Transpose", Linear(), view="transpose", moves=True, keeps_sign=True, window="transpose"),
    _rows("EnsureShape", Linear(), view="check", moves=True, keeps_sign=True, window="view"),
    _rows("Cast", _SUM, view="type", moves=True, keeps_sign=True, difference=differences.cast),
    _rows("ConcatV2", Linear(), moves=True, keeps_sign=True, window="concat"),
    _rows("Concat Pack Unpack", Linear(), moves=True),
    _rows("Split SplitV", Linear(), moves=True, window="split"),
    _rows("Slice StridedSlice", Linear(), moves=True, window="slice"),
    _rows("Pad", Linear(), moves=True, keeps_sign=True, window="pad"),
    _rows("PadV2", Linear(), moves=True, window="pad"),
    _rows("Tile", Linear(), moves=True, window="tile"),
    _rows("ReverseV2", Linear(), moves=True, window="reverse"),
    _rows("MirrorPad BroadcastTo Reverse ReverseSequence Roll", Linear(), moves=True),
    _rows("GatherV2 Gather GatherNd ScatterNd DynamicStitch", Linear(), moves=True),
    _rows("SpaceToBatchND SpaceToDepth DepthToSpace ResizeNearestNeighbor ExtractImagePatches", Linear(), moves=True),
    _rows("BatchToSpaceND", Linear(), moves=True, spelling=spellings.dilated, reads=spellings.around_dilation),
    _rows("Diag DiagPart MatrixDiagV3 MatrixDiagPartV3 Select", Linear(), moves=True),
    _rows("SelectV2", _SUM, moves=True, difference=differences.selected),
    _rows("TensorScatterUpdate TensorScatterAdd ParallelDynamicStitch DynamicPartition", Linear()),
    _rows("MatrixSetDiagV3 MatrixBandPart", Linear()),
    _rows("ResizeBilinear", Linear(), substitute=images.resize),
    _rows("TensorListGetItem", Linear(), implementation=implementations.read_list),
    _rows("TensorListSetItem", Linear(), implementation=implementations.write_list),
    _rows("ResourceGather", implementation=implementations.gather_variable),
    # Nonlinearities of each element: rectifiers and their kin
    _rows("Relu", Unary(), non_negative=True, difference=of_one(differences.relu)),
    _rows("Relu6", Unary(), non_negative=True, difference=of_one(differences.relu6)),
    _rows("LeakyRelu", Unary(), difference=differences.leaky_relu),
    _rows("Elu", Unary(), difference=of_one(differences.elu)),
    _rows("Selu", Unary(), difference=of_one(differences.selu)),
    _rows("Softplus", Unary(), non_negative=True, difference=of_one(differences.softplus)),
    # ... that saturate
    _rows("Sigmoid", Unary(), gate=True, link="logistic", non_negative=True, difference=of_one(differences.sigmoid)),
    _rows("Tanh", Unary(), difference=of_one(differences.tanh)),
    _rows("Softsign", Unary(), difference=of_one(differences.softsign)),
    _rows("Erf", Unary(), difference=of_one(differences.erf)),
    _rows("Erfc", Unary(), difference=of_one(differences.erfc)),
    # ... powers, exponentials and logarithms
    _rows(
        "Exp",
        Unary(),
        overflows=True,
        non_negative=True,
        difference=of_one(differences.exp),
        spelling=spellings.of_complex(spellings.exponential),
    ),
    _rows("Expm1", Unary(), overflows=True, difference=of_one(differences.exp)),
    _rows("Log", Unary(), bounded_domain=True, difference=of_one(differences.log)),
    _rows("Log1p", Unary(), bounded_domain=True, difference=of_one(differences.log1p)),
    _rows("Sqrt", Unary(), bounded_domain=True, difference=of_one(differences.sqrt)),
    _rows("Rsqrt", Unary(), bounded_domain=True, gate=True, difference=of_one(differences.rsqrt)),
    _rows(
        "Square",
        Unary(),
        non_negative=True,
        difference=of_one(differences.square),
        spelling=spellings.of_complex(spellings.square),
    ),
    _rows("Pow", Unary(), bounded_domain=True, difference=differences.power),
    _rows(
        "Reciprocal Inv",
        Unary(),
        bounded_domain=True,
        gate=True,
        difference=of_one(differences.reciprocal),
        spelling=spellings.of_complex(spellings.reciprocal),
    ),
    _rows(
        "ReciprocalNoNan",
        Unary(),
        bounded_domain=True,
        gate=True,
        difference=differences.guarded_reciprocal,
        implementation=implementations.guarded_reciprocal,
    ),
    _rows("Abs", Unary(), non_negative=True, difference=of_one(differences.absolute)),
    _rows("ClipByValue", Unary(), difference=differences.clipped, spelling=spellings.clipped),
    # ... of angles
    _rows("Sin", Unary(), difference=of_one(differences.sin)),
    _rows("Cos", Unary(), difference=of_one(differences.cos)),
    _rows("Asinh Atan", Unary()),
    _rows("Tan Sinh Cosh Atan2", Unary(), overflows=True),
    _rows("Acosh Atanh Asin Acos", Unary(), bounded_domain=True),
    # ... special functions
    _rows("Erfinv Lgamma Digamma Xlogy Xlog1py Xdivy Ndtri", Unary(), overflows=True),
    _rows("Igamma Igammac Betainc Polygamma Zeta Dawsn Expint FresnelSin FresnelCos Spence", Unary(), overflows=True),
    _rows(
        "BesselI0 BesselI1 BesselI0e BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK1 BesselK0e BesselK1e",
        Unary(),
        overflows=True,
    ),
    # ... with jumps
    _rows("Floor Ceil Round Rint Sign FloorDiv", Unary(), difference=differences.stepwise),
    _rows("FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars", Unary(), difference=differences.stepwise),
    _rows("QuantizeAndDequantizeV2 QuantizeAndDequantizeV4", Unary(), difference=differences.stepwise),
    _rows("FloorMod Mod TruncateMod", Unary(), difference=differences.remainder),
    # One of several passes
    _rows("MaxPool", Selection(over="windows"), keeps_sign=True, window="pool"),
    _rows("MaxPoolV2", Selection(over="windows"), keeps_sign=True),
    _rows("MaxPool3D", Selection(over="windows"), keeps_sign=True, substitute=images.pool3d),
    _rows("MaxPoolWithArgmax", Selection(over="windows")),
    _rows("Max", Selection(over="axes"), reduces="max", keeps_sign=True, window="reduction"),
    _rows("Min", Selection(-1, over="axes"), reduces="min", window="reduction"),
    _rows("SegmentMax UnsortedSegmentMax", Selection()),
    _rows("SegmentMin UnsortedSegmentMin", Selection(-1)),
    _rows("Maximum", Extremum(), difference=differences.maximum),
    _rows("Minimum", Extremum(-1), difference=differences.minimum),
    _rows("TopKV2", Sort()),
    # Along the last axis
    _rows(
        "Softmax",
        Softmax(),
        gate=True,
        link="softmax",
        non_negative=True,
        window="last-axis",
        substitute=softmax.softmax,
    ),
    _rows("LogSoftmax", Softmax(log=True), link="log-softmax", window="last-axis"),
    # Formulas of others
    _rows("Prod", spelling=spellings.product, window="reduction"),
    _rows("Cumprod", spelling=spellings.running(tf.multiply, unit=1)),
    _rows("CumulativeLogsumexp", spelling=spellings.running(spellings.log_add)),
    _rows("XlaDynamicUpdateSlice", spelling=spellings.written),
    _rows("EuclideanNorm", spelling=spellings.length),
    _rows("L2Loss", spelling=spellings.half_of_squares),
    _rows("Cross", spelling=spellings.cross_product),
    _rows("LRN", spelling=spellings.response_normalisation),
    _rows("AdjustContrastv2", spelling=spellings.contrasted),
    _rows("SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits", spelling=spellings.cross_entropy),
    # Truth values
    _rows("Greater GreaterEqual Less LessEqual Equal NotEqual IsNan IsInf IsFinite", Comparison()),
    _rows("LogicalAnd LogicalOr LogicalNot", Comparison()),
    _rows("All Any", window="reduction"),
    # Shapes
    _rows("Shape ShapeN", shape_only=True, of_shape=implementations.shape),
    _rows("Size", shape_only=True, of_shape=implementations.size),
    _rows("Rank", shape_only=True, of_shape=implementations.rank),
    _rows("ZerosLike", shape_only=True, of_shape=implementations.zeros),
    _rows("OnesLike", shape_only=True, of_shape=implementations.ones),
    _rows("TensorListLength", shape_only=True, implementation=implementations.length_of_list),
    # What a graph is put together with
    _rows("Identity IdentityN StopGradient PreventGradient CheckNumerics Snapshot", alias=True),
    _rows("PartitionedCall StatefulPartitionedCall", control="call"),
    _rows("If StatelessIf Case StatelessCase", control="branch"),
    _rows("While StatelessWhile", control="while"),
    # The engine's own
    _rows("Loop", Loop(), implementation=implementations.loop),
    _rows("Tokens", implementation=implementations.tokens),
    _rows("WholeNumbers", implementation=implementations.whole_numbers),
    _rows("TokenTable", implementation=implementations.token_table),
    _rows("Variable", variable=True, implementation=implementations.variable),
    _rows("Captured", variable=True, implementation=implementations.captured),
)

_NOTHING_KNOWN = Operation()
# TensorFlow has dozens of operations that draw random numbers. Their names begin with one of these words.
_DRAWS = (
    "Random",
    "Multinomial",
    "StatelessRandom",
    "TruncatedNormal",
    "ParameterizedTruncatedNormal",
    "StatelessTruncatedNormal",
)


def operation(name: str) -> Operation:
    """Return the record of an operation. For an operation that nobody described, the record holds no facts."""
    return OPERATIONS.get(name, _NOTHING_KNOWN)


def draws(name: str) -> bool:
    """Whether an operation draws random numbers."""
    return operation(name).random or name.startswith(_DRAWS)
