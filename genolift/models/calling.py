"""How a model is called: which inputs it takes, and in which order and structure they go to it.

A model either declares its inputs (a functional or Sequential Keras model, a graph) or it does not (a function, a
subclassed Keras model). In the second case the parameters of the function say how it is called.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

from genolift.models.graphs import as_model
from genolift.models.signature import Signature, UndeclaredInputs, describe
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor

# Parameters that are no inputs, though they have no default or None as theirs.
_SETTINGS = {"training", "mask", "verbose"}
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Form(Enum):
    """The structure in which a model takes its inputs."""

    SEPARATE = auto()  # f(a, b)
    NAMED = auto()  # f(left=a, right=b)
    LIST = auto()  # f([a, b])
    DICT = auto()  # f({"left": a, "right": b})
    DECLARED = auto()  # The structure that a Keras model declares.


@dataclass(frozen=True)
class Order:
    """The inputs of a model in order.

    Parameters
    ----------
    names
        The name of each input.
    form
        The structure in which the model takes them.
    """

    names: tuple[str, ...]
    form: Form


#: One input without a name.
ALONE = Order(("input_0",), Form.SEPARATE)


class Caller:
    """What calls a model with one tensor for each input, as at inference.

    Parameters
    ----------
    model
        A Keras 3 or tf_keras model, a model that :func:`genolift.models.loading.load_model` returned, a concrete
        function of TensorFlow, or a function of tensors.

    Attributes
    ----------
    signature : Signature or None
        The inputs and outputs that the model declares. A plain function declares none, nor does a subclassed model.

    Raises
    ------
    InputError
        If this is not a model.
    """

    def __init__(self, model: Any):
        model = as_model(model)
        if not callable(model):
            raise InputError(
                f"a model is a Keras model or a function of tensors, not {type(model).__name__}; load a file or "
                "directory with genolift.load_model"
            )
        self.model = model
        self.signature: Signature | None = None
        with suppress(UndeclaredInputs):
            self.signature = describe(model)

    @property
    def names(self) -> list[str] | None:
        """The names of the declared inputs, or None."""
        return None if self.signature is None else [port.name for port in self.signature.inputs]

    @property
    def shapes(self) -> list[tuple] | None:
        """The shapes of the declared inputs without the batch axis, with None where an axis is free; or None."""
        return None if self.signature is None else [tuple(port.shape) for port in self.signature.inputs]

    @property
    def takes_one(self) -> bool:
        """Whether the model takes one thing, which may be a list or a dict."""
        return len(self.names) == 1 if self.names is not None else self._places(required=True) <= 1

    def order(self, given: Sequence[str] | int) -> Order:
        """Return the order and form of inputs.

        Parameters
        ----------
        given
            The names of the inputs in any order, or how many there are if they have no names but stand in the model's
            own order.

        Raises
        ------
        InputError
            If these are not the model's inputs.
        """
        if self.names is not None:
            return self._declared(self.names, given)
        return self._numbered(given) if isinstance(given, int) else self._named(list(given))

    def function(self, order: Order) -> Callable[..., Any]:
        """Return the model as a function of one tensor for each input."""
        settings = {"training": False} if is_layer(self.model) else {}

        def call(*tensors: Tensor) -> Any:
            named = dict(zip(order.names, tensors, strict=True))
            if order.form is Form.NAMED and self._parameters is not None:
                bound = self._parameters.bind(**named)
                return self.model(*bound.args, **bound.kwargs, **settings)
            if order.form is Form.NAMED:
                return self.model(**named, **settings)
            if order.form is Form.DECLARED:
                return self.model(filled(self.model.input, iter(tensors)), **settings)
            arguments = {Form.SEPARATE: tensors, Form.LIST: (list(tensors),), Form.DICT: (named,)}[order.form]
            return self.model(*arguments, **settings)

        return call

    # Models that declare their inputs

    def _declared(self, names: list[str], given: Sequence[str] | int) -> Order:
        told = ", ".join(names)
        if isinstance(given, int) and given != len(names):
            raise InputError(f"the model has {len(names)} inputs ({told}), but {given} were given")
        if not isinstance(given, int) and set(given) != set(names):
            raise InputError(f"the model's inputs are {told}; X has {', '.join(map(str, given))}")
        if is_layer(self.model) and isinstance(getattr(self.model, "input", None), dict | list | tuple):
            return Order(tuple(names), Form.DECLARED)
        return Order(tuple(names), Form.SEPARATE if len(names) == 1 else Form.LIST)

    # Models that do not

    @cached_property
    def _parameters(self) -> inspect.Signature | None:
        """The parameters of the model's call, or None where Python does not know them."""
        try:
            return inspect.signature(self.model.call if is_layer(self.model) else self.model)
        except (ValueError, TypeError):
            return None

    def _inputs(self) -> list[inspect.Parameter]:
        """Return the parameters that take inputs: those without a default, or with None as theirs."""
        every = [] if self._parameters is None else self._parameters.parameters.values()
        return [p for p in every if p.name not in _SETTINGS and (p.default is p.empty or p.default is None)]

    def _places(self, required: bool = False) -> int:
        """Return how many inputs can be given by position, or how many must be."""
        return sum(p.kind in _BY_POSITION and not (required and p.default is None) for p in self._inputs())

    def _has(self, kind: Any) -> bool:
        return self._parameters is None or any(p.kind is kind for p in self._inputs())

    def _numbered(self, count: int) -> Order:
        inputs = [p for p in self._inputs() if p.kind in _BY_POSITION]
        least, most = self._places(required=True), len(inputs)
        others = [p for p in self._inputs() if p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is not None]
        plain = tuple(f"input_{i}" for i in range(count))
        as_list = is_layer(self.model) and least <= 1 < count
        if not others and not as_list and least <= count and self._has(inspect.Parameter.VAR_POSITIONAL):
            return Order(plain, Form.SEPARATE)
        if not others and not as_list and least <= count <= most:
            return Order(plain if count == 1 else tuple(p.name for p in inputs[:count]), Form.SEPARATE)
        if not others and least <= 1 <= most and count > 1:
            return Order(plain, Form.LIST)
        raise InputError(f"the model takes {self._told()}, but X has {count} input{'s' * (count != 1)} without names")

    def _named(self, keys: list[str]) -> Order:
        inputs = [p for p in self._inputs() if p.kind in _BY_NAME]
        known = [p.name for p in inputs]
        required = {p.name for p in inputs if p.default is not None}
        extra = sorted(set(keys) - set(known), key=str)
        if required <= set(keys) and (not extra or self._has(inspect.Parameter.VAR_KEYWORD)):
            return Order((*(name for name in known if name in keys), *extra), Form.NAMED)
        first = next((p.name for p in self._inputs() if p.kind in _BY_POSITION), None)
        if first is not None and self._places(required=True) <= 1 and required <= {first}:
            return Order(tuple(sorted(keys, key=str)), Form.DICT)
        raise InputError(
            f"the model takes {self._told()}, but X has the keys {', '.join(map(str, keys))}; give a dict whose keys "
            "are the names of the model's arguments, or a list in their order"
        )

    def _told(self) -> str:
        """Return the arguments as a message tells them."""
        marks: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        names = [marks.get(p.kind, "") + p.name for p in self._inputs()]
        return f"the argument{'s' * (len(names) != 1)} {', '.join(names)}" if names else "no arguments"


def is_layer(model: Any) -> bool:
    """Whether the model is a Keras 3 or tf_keras layer (every Keras model is one)."""
    libraries = [sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules]
    return isinstance(model, tuple(library.layers.Layer for library in libraries))


def filled(structure: Any, leaves: Iterator[Any]) -> Any:
    """Return a structure of dicts and lists with other leaves, in the order that ``signature.flat`` yields them in."""
    if isinstance(structure, dict):
        made = {key: filled(structure[key], leaves) for key in sorted(structure)}
        return {key: made[key] for key in structure}
    if isinstance(structure, list | tuple):
        return [filled(one, leaves) for one in structure]
    return next(leaves)
