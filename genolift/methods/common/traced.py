"""A user's model ready to be explained: it is traced, its inputs and outputs have names, and its targets are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from genolift.engine.program import Program
from genolift.engine.running.probe import Batch, Probe
from genolift.engine.target import Target
from genolift.engine.tracing.guarding import guard
from genolift.engine.tracing.links import recognise_links
from genolift.engine.tracing.lowering import lower
from genolift.engine.tracing.normalise import mean_normalise
from genolift.engine.tracing.tokens import read_tokens
from genolift.engine.tracing.trace import trace
from genolift.engine.tracing.whole_numbers import read_whole_numbers
from genolift.engine.windows.reach import Facts
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.refusals import tell_of_halves
from genolift.methods.common.resolve import counterpart, resolve
from genolift.methods.targets import TargetLike, is_function
from genolift.models.calling import Caller, Order
from genolift.models.declared import made_for, refuse_noise
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import GenoliftError, InputError, UnsupportedModel, reason_of
from genolift.support.memory import Recent
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()

# Facts are kept for at most this many shapes of inputs.
_LENGTHS = 16
# What was read inside :func:`traced_once`, by what it was read for. None outside of it.
_SHARED: ContextVar[dict[str, tuple[Any, Any, ModelProgram]] | None] = ContextVar("shared", default=None)


@contextmanager
def traced_once() -> Iterator[None]:
    """Let methods share one trace of each model for a while, whatever their targets are.

    The models must not change meanwhile.
    """
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


@dataclass(frozen=True)
class ModelProgram:
    """A model as a program, whatever is explained of its outputs.

    Parameters
    ----------
    program
        The steps and values. Its outputs are those of the model on each strand, one strand after the other.
    tokens
        How many different tokens each input has, None where an input is none of tokens.
    whole
        The type of each input of whole numbers that are no tokens, None for all others.
    kept
        Which inputs keep their own values, because the model's output has no derivative with respect to them.
    order
        The structure in which the model takes the inputs.
    strands
        How often the model ran.
    names
        The names of the outputs of one strand.
    probe
        What runs the program on a few random rows.
    """

    program: Program
    tokens: list[int | None]
    whole: list[str | None]
    kept: list[bool]
    order: Order
    strands: int
    names: list[str]
    probe: Probe
    _facts: Recent = field(default_factory=lambda: Recent(_LENGTHS))

    def facts(self, shapes: list[tuple]) -> Facts:
        """Return the facts of the program for inputs of these shapes, see :class:`genolift.engine.windows.reach.Facts`.

        Parameters
        ----------
        shapes
            The shape of each input of the program, without the batch axis.
        """
        key = tuple(map(tuple, shapes))
        if key not in self._facts:
            self._facts[key] = Facts(self.program, list(key))
        return self._facts[key]


class Traced:
    """The program of a model for inputs of certain shapes, and the targets on its outputs.

    Parameters
    ----------
    model
        The model: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors.
    target
        What is explained; see :mod:`genolift.methods.targets`.
    activation
        ``"logit"`` looks through a final sigmoid or softmax, ``"keep"`` does not.
    shapes
        The shape of each input without the batch axis, None where an axis is free.
    names
        The name of each input.
    rc_average
        Whether each target is averaged over both strands.
    normalise
        Whether the mean over bases is subtracted from the weights of the first convolution.
    order
        The structure in which the model takes the inputs. By default it is the model's own for so many.
    kinds
        The type of each input as the user gave it, where the model does not declare any.

    Attributes
    ----------
    tokens : list of int or None
        The number of different tokens of each input, None for an input that holds no tokens.
    whole : list of str or None
        The type of each input of whole numbers that are no tokens, None for all others.
    kept : list of bool
        Which inputs keep their own values, because the model's output has no derivative with respect to them.

    Raises
    ------
    InputError
        If the model does not run on such inputs, or has no such target.
    UnsupportedModel
        If the model does something that cannot be explained.
    """

    def __init__(
        self,
        model: Callable,
        target: TargetLike,
        activation: str,
        shapes: list[tuple],
        names: list[str],
        rc_average: bool = False,
        normalise: bool = False,
        order: Order | None = None,
        kinds: list[str] | None = None,
    ):
        made = program_of(model, shapes, names, target, rc_average, normalise, order, kinds)
        self.program, self.tokens, self._probe, self.facts = made.program, made.tokens, made.probe, made.facts
        self.whole, self.kept, self.order = made.whole, made.kept, made.order
        self._strands, self._output_names = made.strands, made.names
        self.targets, self.several = self.resolved(target, activation)
        self.shapes, self.names = shapes, names

    def resolved(self, target: TargetLike, activation: str) -> tuple[list[Target], bool]:
        """Return targets on the model's outputs, averaged over the strands, and whether there was a list of them.

        Of functions, only the one that the model was traced for is a target.
        """
        program, strands, names = self.program, self._strands, self._output_names
        by_strand: list[tuple[list[Target], bool]] = []
        count = len(program.outputs) // strands
        for strand in range(strands):
            outputs = program.outputs[strand * count : (strand + 1) * count]
            one = replace(program, outputs=outputs, output_names=names)
            if is_function(target):
                by_strand.append(_computed(one))
            else:
                what = counterpart(target, one) if strand else target
                by_strand.append(resolve(what, one, activation))
        if strands == 1:
            return by_strand[0]
        (forward, several), (reverse, _) = by_strand
        return [a.average(b) for a, b in zip(forward, reverse, strict=True)], several

    def probe(self, shapes: list[tuple[int, ...]]) -> Batch:
        """Return what a run on inputs of these shapes tells, see :class:`genolift.engine.running.probe.Probe`.

        Parameters
        ----------
        shapes
            The shape of each input of the program without the batch axis.

        Raises
        ------
        InputError
            If the model does not run on such inputs, or gives too little for a target.
        """
        batch = self._probe(shapes)
        for target in self.targets:
            target.check(batch.shapes)
        return batch

    def foreseen(self, shapes: list[tuple[int, ...]]) -> Batch:
        """Return the sizes of activations without a run where the program tells them, else what :meth:`probe` does.

        Parameters
        ----------
        shapes
            The shape of each input of the program without the batch axis.
        """
        return self._probe.foreseen(shapes) or self.probe(shapes)

    def check_targets(self, shapes: list[tuple[int, ...]]) -> None:
        """Refuse inputs for which the model gives too little for a target, as :meth:`probe` does."""
        if any(target.is_bound for target in self.targets):
            self.probe(shapes)

    def letters(self, shapes: list[tuple]) -> list[bool]:
        """Return which inputs have an axis of letters, because they are one-hot DNA or tokens.

        Parameters
        ----------
        shapes
            The shape of each input without the batch axis. Tokens are one-hot.
        """
        return [size is not None or is_dna(shape) for shape, size in zip(shapes, self.tokens, strict=True)]

    @property
    def fixed_shapes(self) -> list[tuple] | None:
        """The shapes of the program's inputs without the batch axis, or None where one of their axes is free."""
        shapes = [(value.shape or ())[1:] for value in self.program.inputs]
        return shapes if all(None not in shape for shape in shapes) else None

    def accepts(self, inputs: Inputs) -> bool:
        """Whether the model was traced for inputs of these shapes, in this order and structure."""
        return self.order == inputs.order and all(
            len(shape) == array.ndim - 1 and all(s in (None, d) for s, d in zip(shape, array.shape[1:], strict=True))
            for shape, array in zip(self.shapes, inputs.arrays, strict=True)
        )


def program_of(
    model: Callable,
    shapes: list[tuple],
    names: list[str],
    target: TargetLike = None,
    rc_average: bool = False,
    normalise: bool = False,
    order: Order | None = None,
    kinds: list[str] | None = None,
) -> ModelProgram:
    """Return a model as a program, inside :func:`traced_once` the one that there is.

    Parameters and errors are those of :class:`Traced`. Of targets, only a function is part of the program.
    """
    shared = _SHARED.get()
    caller = Caller(model)
    order = order or caller.order(len(names))
    if shared is None:
        return _trace(caller, target, shapes, names, rc_average, normalise, order, kinds or [])
    function = id(target) if is_function(target) else None
    key = repr((id(model), function, [*map(tuple, shapes)], names, rc_average, normalise, order, kinds))
    if key not in shared:
        # The model and the function are kept, so that no others have the same identity meanwhile.
        shared[key] = model, target, _trace(caller, target, shapes, names, rc_average, normalise, order, kinds or [])
    return shared[key][-1]


def _trace(
    caller: Caller,
    target: TargetLike,
    shapes: list[tuple],
    names: list[str],
    rc_average: bool,
    normalise: bool,
    order: Order,
    kinds: list[str],
) -> ModelProgram:
    refuse_noise(caller.model)
    strands = [caller.function(order)]
    if rc_average:
        strands.append(_other_strand(strands[0], shapes))
    functions = _on_outputs(strands, target)
    keys: list[str] = []  # The keys of the dict that the model returns, if it returns one.

    def run(*tensors: Tensor) -> list:
        outputs = [function(*tensors) for function in functions]
        keys[:] = [str(key) for key in sorted(outputs[0])] if isinstance(outputs[0], dict) else []
        return outputs

    program = _traced(run, shapes, names, _types(caller, names, kinds))
    if not program.outputs:
        raise InputError("the model returns no tensor, so there is nothing to explain; return the output")
    program, tokens = read_tokens(program)
    whole, kept = read_whole_numbers(program)
    if all(kept):
        raise UnsupportedModel(
            f"input {names[0]!r} takes integers and does not look them up in an embedding, make a one-hot of them or "
            "calculate with them, so there is nothing that importance could go to; explain a hidden layer, or the rest "
            "of the model"
        )
    program = lower(recognise_links(program))
    if normalise:
        program = mean_normalise(program)
    guard(program)
    count, named = len(program.outputs) // len(functions), _port_names(caller) or keys
    if len(named) != count:
        named = [f"output_{i}" for i in range(count)]
    probe = Probe(program, made_for(caller.model))
    tell_of_halves(program)
    return ModelProgram(program, tokens, whole, kept, order, len(functions), named, probe)


def _port_names(caller: Caller) -> list[str]:
    """Return the names of the outputs that a model declares. A plain function declares none."""
    return [] if caller.signature is None else [port.name for port in caller.signature.outputs]


def _types(caller: Caller, names: list[str], given: list[str]) -> list[list]:
    """Return the types of the inputs; where the model does not declare them, there may be others to try.

    Integers of a type that is wide enough stay exact, and Keras casts its inputs to what a layer needs.
    """
    if caller.signature is None:
        plain = [tf.float32] * len(names)
        as_given = [tf.as_dtype(kind) if _is_whole(kind) else tf.float32 for kind in given]
        return [plain] if as_given in ([], plain) else [plain, as_given]
    kinds = [port.dtype for port in caller.signature.inputs]
    if "string" in kinds:
        raise UnsupportedModel(
            f"input {names[kinds.index('string')]!r} takes strings, which have no differences; explain the model "
            "after its string or vocabulary layer, on one-hot sequences or tokens"
        )
    return [[tf.as_dtype(kind) if _is_whole(kind) else tf.float32 for kind in kinds]]


# What models raise while they are traced. An AssertionError is TensorFlow's where a function's variables are gone.
_FAILURES = (TypeError, ValueError, LookupError, NotImplementedError, AssertionError, tf.errors.OpError)


def _is_whole(kind: str) -> bool:
    return kind.startswith(("int", "uint", "bool"))


def _traced(run: Callable, shapes: list[tuple], names: list[str], types: list[list]) -> Program:
    """Return the program of a function for inputs of the first of several lists of types with which it runs."""
    takes = " and ".join(str(tf.TensorShape((None, *shape))).replace("None", "N", 1) for shape in shapes)
    failed = None
    for kinds in types:
        specs = [tf.TensorSpec((None, *shape), kind) for shape, kind in zip(shapes, kinds, strict=True)]
        try:
            return trace(run, specs, names)
        except GenoliftError:
            raise
        except _FAILURES as problem:
            failed = failed or problem
    assert failed is not None
    raise InputError(f"the model cannot be traced on inputs of shape {takes}: {reason_of(failed)}") from failed


def _on_outputs(strands: list[Callable], target: TargetLike) -> list[Callable]:
    """Return each strand's function of the inputs, followed by the target if that is a function of the outputs."""
    if not is_function(target):
        return strands
    applied: list[Any] = [target, getattr(target, "reverse_complement", None)][: len(strands)]
    if applied[-1] is None:
        raise InputError(
            "a function target needs an attribute reverse_complement, the function for the other strand's outputs, to "
            "be averaged over both strands"
        )
    return [_composed(function, strand) for function, strand in zip(applied, strands, strict=True)]


def _composed(outer: Callable, inner: Callable) -> Callable:
    return lambda *tensors: outer(inner(*tensors))


def _other_strand(function: Callable, shapes: list[tuple]) -> Callable:
    """Return the function of the reverse complements: inputs that are DNA (L, 4) are reversed along both axes."""
    dna = [is_dna(shape) for shape in shapes]
    if not any(dna):
        raise InputError("rc_average needs an input of one-hot DNA with channels A, C, G, T")

    def reverse(tensor: Tensor, reversible: bool) -> Tensor:
        return tf.reverse(tensor, [1, 2]) if reversible else tensor

    return lambda *tensors: function(*[reverse(*pair) for pair in zip(tensors, dna, strict=True)])


def _computed(program: Program) -> tuple[list[Target], bool]:
    """Return the targets of a user's function of the outputs, which returns (N,) or (N, T)."""
    (value,) = program.outputs[:1]
    if len(program.outputs) != 1 or value.shape is None or len(value.shape) not in (1, 2):
        raise InputError(f"a target function returns one tensor of shape (N,) or (N, T), not {value.shape}")
    if len(value.shape) == 1:
        return resolve((), program, "keep")
    if value.shape[1] is None:
        raise InputError("a target function's number of targets must be known; it returned shape (N, ?)")
    return resolve(list(range(value.shape[1])), program, "keep")
