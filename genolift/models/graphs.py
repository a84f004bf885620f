"""TensorFlow's own functions as models: concrete functions and the signatures of SavedModels.

A graph runs without the Python code that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genolift.models.signature import Port, Signature
from genolift.support.errors import InputError, Remedy
from genolift.support.tensorflow import Tensor, quiet_tensorflow


class GraphModel:
    """A function of TensorFlow as a model.

    Parameters
    ----------
    name
        The model's name.
    inputs
        The shape and type of each input by name, in order.
    outputs
        Those of each output by name, in order.
    run
        The function: it takes a dict of tensors by input name, and returns a dict of tensors by output name.
    keep
        What must stay alive as long as the model, such as the owner of its variables.

    Attributes
    ----------
    signature : Signature
        The inputs and outputs.
    made_by : tuple or None
        The function and its arguments that make the model again from its file, so that it can be pickled.

    Raises
    ------
    InputError
        If an input or output does not tell its shape, or is made for a fixed number of sequences.
    """

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        run: Callable[[dict], dict],
        keep: Any = None,
    ):
        self.name = name
        self.signature = Signature(_ports(name, inputs), _ports(name, outputs))
        self._dtypes = {key: spec.dtype for key, spec in inputs.items()}
        self._run, self._keep = run, keep

    made_by: tuple[Callable, tuple] | None = None

    def __reduce__(self) -> tuple:
        if self.made_by is None:
            raise TypeError(
                f"the graph {self.name!r} belongs to this process and cannot be pickled or copied; save it as a "
                "SavedModel and load that with genolift.load_model"
            )
        return self.made_by

    def __call__(self, inputs: Any) -> Any:
        """Return the model's outputs.

        Parameters
        ----------
        inputs
            One tensor, a list in the order of ``signature``, or a dict by input name.

        Returns
        -------
        Tensor or dict of str to Tensor
            The output, or several outputs by name.

        Raises
        ------
        InputError
            If the number or the names of the inputs are not those of the model.
        """
        tf = quiet_tensorflow()
        names = [port.name for port in self.signature.inputs]
        if not isinstance(inputs, dict):
            values = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
            if len(values) != len(names):
                raise InputError(
                    f"model {self.name!r} takes {len(names)} inputs ({', '.join(names)}), not {len(values)}"
                )
            inputs = dict(zip(names, values, strict=True))
        if set(inputs) != set(names):
            raise InputError(f"model {self.name!r} takes the inputs {', '.join(names)}, not {', '.join(inputs)}")
        outputs = self._run({name: tf.cast(inputs[name], self._dtypes[name]) for name in names})
        return next(iter(outputs.values())) if len(outputs) == 1 else {name: outputs[name] for name in sorted(outputs)}


def _ports(model: str, specs: Mapping[str, Any]) -> tuple[Port, ...]:
    ports = []
    for name, spec in specs.items():
        if spec.shape.rank is None:
            raise InputError(f"model {model!r} does not tell the shape of {name!r}; save it with an input signature")
        ports.append(Port(name, tuple(spec.shape)[1:], spec.dtype.name))
    return tuple(ports)


def of_function(
    function: Any, name: str | None = None, keep: Any = None, kind: type[GraphModel] = GraphModel
) -> GraphModel:
    """Return a concrete function as a model.

    Parameters
    ----------
    function : ConcreteFunction
        The function, such as a signature of a SavedModel, the result of ``get_concrete_function``, or what
        ``tf.compat.v1.wrap_function`` returned.
    name
        The model's name, by default the function's.
    keep
        What must stay alive as long as the model.
    kind
        The class of the model.

    Raises
    ------
    InputError
        If the function does not take tensors with a first axis of any number of sequences.
    """
    tf = quiet_tensorflow()
    own: Any = getattr(function, "name", "graph")
    named = name or (own.decode() if isinstance(own, bytes) else str(own))
    variables = _variables(function, named)
    free = len(function.inputs) - len(function.captured_inputs)
    placeholders = function.inputs[:free]
    structure = function.structured_input_signature
    specs = [one for one in tf.nest.flatten(structure) if isinstance(one, tf.TypeSpec)]
    names = [getattr(spec, "name", None) or tensor.op.name for spec, tensor in zip(specs, placeholders, strict=False)]
    if len(specs) != free:  # Functions of TensorFlow 1 have no structure; they take their tensors one after the other.
        structure, names = None, [tensor.op.name for tensor in placeholders]
    fixed = [str(tensor.shape) for tensor in placeholders if tensor.shape.rank and tensor.shape[0] is not None]
    if fixed:
        raise InputError(
            f"the function {named!r} takes inputs of shape {' and '.join(fixed)}, that is a fixed number of sequences; "
            "make it again with None as the size of the first axis"
        )
    inputs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in zip(names, placeholders, strict=True)}
    if structure is not None and not structure[0]:  # The order of keyword arguments has no meaning.
        inputs = {name: inputs[name] for name in sorted(inputs)}
    given = function.structured_outputs
    outputs = given if isinstance(given, dict) else dict(zip(_numbered(given), tf.nest.flatten(given), strict=True))

    def run(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        values = [tensors[name] for name in names]
        if structure is None:
            result = function(*values)
        else:
            remaining = iter(values)
            arguments, keywords = tf.nest.map_structure(
                lambda one: next(remaining) if isinstance(one, tf.TypeSpec) else one, structure
            )
            result = function(*arguments, **keywords)
        return result if isinstance(result, dict) else dict(zip(outputs, tf.nest.flatten(result), strict=True))

    return kind(named, inputs, {key: outputs[key] for key in sorted(outputs)}, run, keep=(function, variables, keep))


def _variables(function: Any, name: str) -> tuple:
    """Return the variables of a concrete function, which holds none of them itself.

    Raises
    ------
    InputError
        If they are gone.
    """
    try:
        return tuple(function.graph.variables)
    except AssertionError:
        raise InputError(
            f"the variables of the function {name!r} are gone, because the object that they belong to is: keep it, as "
            "in loaded = tf.saved_model.load(path), as long as its functions, or give the path to genolift.load_model"
        ) from None


def _numbered(outputs: Any) -> list[str]:
    return [f"output_{i}" for i in range(len(quiet_tensorflow().nest.flatten(outputs)))]


def as_model(model: Any) -> Any:
    """Return a model that is given as a concrete function, or as the object of a SavedModel, as a callable model.

    All other models are returned as they are.

    Raises
    ------
    InputError
        If a SavedModel has several signatures, of which none is the one for serving.
    """
    from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

    if isinstance(model, ConcreteFunction):
        return of_function(model)
    signatures = getattr(model, "signatures", None)
    if isinstance(signatures, Mapping) and signatures and not hasattr(model, "layers"):
        return of_function(chosen_signature(signatures, None, "the SavedModel"), keep=model)
    return model


def chosen_signature(signatures: Mapping[str, Any], name: str | None, where: str) -> Any:
    """Return one of the signatures of a SavedModel.

    Parameters
    ----------
    signatures
        The functions by name.
    name
        The name of one of them; None for the only one, or the one called "serving_default".
    where
        What the error message calls the SavedModel.
    """
    if name is None and len(signatures) == 1:
        return next(iter(signatures.values()))
    if (name or "serving_default") in signatures:
        return signatures[name or "serving_default"]
    told = "; ".join(f"{key} takes {_told(signatures[key])}" for key in sorted(signatures))
    missing = "'serving_default'" if name is None else repr(name)
    raise InputError(
        f"{where} has no signature {missing}: {told}",
        Remedy(
            "choose one with load_model(..., signature=NAME), or give loaded.signatures[NAME]",
            "choose one with --signature NAME",
        ),
    )


def _told(function: Any) -> str:
    _, specs = function.structured_input_signature
    return " and ".join(f"{name} {spec.shape} ({spec.dtype.name})" for name, spec in sorted(specs.items()))
