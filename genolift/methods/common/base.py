"""The base of all methods: ``method = Method(model, target=...)`` makes one, and ``method(X)`` explains sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from genolift.engine.running.origins import Origins
from genolift.methods.common import finiteness
from genolift.methods.common.documented import MergedSignature, merged_docstring
from genolift.methods.common.inputs import Inputs, as_inputs
from genolift.methods.common.options import refuse_unknown
from genolift.methods.common.tokens import adapt
from genolift.methods.common.traced import Traced
from genolift.methods.targets import TargetLike
from genolift.methods.targets import describe as describe_target
from genolift.models.calling import Caller, Order
from genolift.results.explanation import Explanation
from genolift.results.fields import leaves
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes
from genolift.support.tensorflow import require_eager
from genolift.version import __version__


class Method(ABC):
    """An explanation of what a model predicts for sequences.

    A method is made for a model and a target, and then called with sequences. Classes derived from this one define
    :meth:`explain`. They write their own options as keyword-only parameters of ``__init__``, hand all others on to
    their base, and say under ``Parameters`` in their docstring what their own options mean. Signature and docstring of
    every class then show all the options that it takes.

    Parameters
    ----------
    model
        The model to explain: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors.
    target
        What is explained of the model's outputs: an index, a tuple of indices that may begin with an output's name, one
        of ``genolift.targets``, a function of the outputs, or a list of these. A model with a single number as output
        needs none.
    activation
        ``"logit"`` looks through a final sigmoid or softmax and explains the logit. ``"keep"`` explains the output
        itself.
    progress
        Whether to show a progress bar. By default there is one where the work takes more than one block.
    memory
        The budget for the network's activations, as ``"4GB"`` or a number of bytes. The default is 1 GB.
    seed
        The seed of the method's own random draws. In Python, references have a seed of their own.
    rc_average
        Whether to explain the mean of the target over both strands: half of what the model says of a sequence, and half
        of what it says of its reverse complement.
    mean_normalise
        Whether to subtract the mean over bases from the weights of the first convolution and add it as an offset. This
        leaves outputs on one-hot inputs as they are, and changes gradients.
    dna
        Whether inputs of shape (N, L, 4) are one-hot DNA. False is for four tracks of signals, which have no bases
        that could be exchanged. By default their numbers tell: those of a base are not negative and sum to at most 1.
        For a model with several inputs give a dict by input name, or a list; of those that are missing, or None, the
        numbers tell.
    """

    #: What users call the method; the registry knows it by the same name.
    name = ""
    #: The class of the results.
    result_type: type[Explanation] = Explanation
    #: Options of its bases that a method does not take.
    lacks: tuple[str, ...] = ()
    #: Fields in which NaN says that there is nothing, such as the standard error of a single reference.
    gaps: tuple[str, ...] = ("standard_error",)
    #: Whether explanations of several models can be averaged.
    averages = True
    #: The most sequences that a job explains before it keeps them. Fewer where one takes long, so that less is lost.
    kept_after = 256
    #: What a progress bar says while it is done.
    doing = "explaining"

    __signature__ = MergedSignature()

    _made_of: tuple[tuple, dict[str, Any]]
    #: The attributes that hold what a call of ``fit`` learned. A pickle of the method keeps them.
    learned: tuple[str, ...] = ()

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Return a method that knows what it is made of, so that it can be copied and pickled."""
        refuse_unknown(cls, options)
        method = super().__new__(cls)
        method._made_of = arguments, options
        return method

    def __reduce__(self) -> tuple:
        """Return how the method is made again: of its model and options, and of what it learned.

        The model is traced anew, so the model itself has to allow pickling. Keras models do. Of a function, only its
        name is kept, so the other process must be able to import it.
        """
        arguments, options = self._made_of
        return _made_again, (type(self), arguments, options), {name: getattr(self, name) for name in self.learned}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__doc__ = merged_docstring(cls)

    @classmethod
    def hands_on_to(cls, options: Mapping) -> tuple[type[Method], ...]:
        """Return the classes of other methods to which a method hands on the options that are not its own.

        Parameters
        ----------
        options
            The options that a user gives, some of which may name such a method.
        """
        return ()

    def __init__(
        self,
        model: Callable,
        target: TargetLike = None,
        *,
        activation: str = "logit",
        progress: bool | None = None,
        memory: str | int | float | None = None,
        seed: int = 0,
        rc_average: bool = False,
        mean_normalise: bool = False,
        dna: bool | dict | list | None = None,
    ):
        if isinstance(model, (list, tuple)):
            raise InputError(
                f"{type(self).__name__} explains one model; for an ensemble of several write "
                f"genolift.method({self.name!r}, [models...], target)"
            )
        require_eager()
        self._caller = Caller(model)
        self.rc_average, self.mean_normalise, self.dna = rc_average, mean_normalise, dna
        self.model, self.target, self.activation = model, target, activation
        self.progress, self.memory, self.seed = progress, parse_bytes(memory), seed
        self._traced: Traced | None = None
        if self._caller.names is not None and self._caller.shapes is not None:
            self.trace(self._caller.shapes, self._caller.names)

    def __call__(self, X: Any, names: Sequence[str] | None = None, regions: Any = None) -> Explanation:
        """Explain sequences.

        Parameters
        ----------
        X
            One-hot sequences of shape (N, L, 4), or an array of any shape that the model takes; regions of a genome; or
            several inputs as a dict by input name or as a list.
        names
            The names of the sequences in the result. By default they are those of the regions, if regions are given.
        regions
            The regions of a genome that the sequences come from.

        Returns
        -------
        Explanation
            The scores and whatever else the method defines.

        Raises
        ------
        InputError
            If ``X`` is not what the model or the method takes.
        """
        inputs, traced = self.adapted(X)
        fields, undefined = self.explain(inputs, traced)
        self._check_axes(fields, inputs, traced)
        _without_bases(fields, undefined, inputs)
        self.check_finite(fields, inputs, traced)
        return self.result_type(
            {"inputs": inputs.pack(inputs.arrays), **fields},
            undefined=undefined,
            names=inputs.names if names is None else names,
            regions=inputs.regions if regions is None else regions,
            target=self.described_target(traced),
            method=self.describe(),
            provenance=self.findings(),
        )

    @abstractmethod
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict[str, Any], dict[str, str]]:
        """Explain inputs with the traced model.

        Parameters
        ----------
        inputs
            The sequences, in the form in which the model takes them.
        traced
            The model.

        Returns
        -------
        fields : dict
            The fields of the explanation by name.
        undefined : dict
            For each field that the method does not define, the reason.
        """

    def _check_axes(self, fields: dict[str, Any], inputs: Inputs, traced: Traced) -> None:
        """Refuse fields of a method from outside that lack the axis of sequences or of targets.

        Nothing would notice it later: four targets of a sequence of four positions look like its scores. Tests hold our
        own methods to it.
        """
        if type(self).__module__.partition(".")[0] == "genolift":
            return
        first = (len(inputs), len(traced.targets)) if traced.several else (len(inputs),)
        for name, value in fields.items():
            for array in leaves(value):
                if name != "inputs" and np.shape(array)[: len(first)] != first:
                    axes = f"{len(inputs)} sequences" + (
                        f" and {len(traced.targets)} targets" if traced.several else ""
                    )
                    raise InputError(
                        f"the method {self.name} returned {name} of shape {np.shape(array)}, where the first axes must "
                        f"be those of {axes}"
                    )

    def check_finite(self, fields: dict[str, Any], inputs: Inputs, traced: Traced) -> None:
        """Warn where a field is not finite, and name the step that makes it so where it can be found.

        Parameters
        ----------
        fields
            The fields of the explanation by name.
        inputs
            The sequences.
        traced
            The model.
        """
        found = finiteness.lost(fields, self.gaps)
        if found:
            row = int(found[finiteness.first(found)][0])
            origin = Origins(traced.program, traced.targets)([array[row : row + 1] for array in inputs.arrays])
            finiteness.warn(found, len(inputs), origin)

    def describe(self) -> dict[str, Any]:
        """Return the method's name and all its parameters, with which it can be run again.

        Returns
        -------
        dict
            Numbers, texts and lists of them, as a result records them.
        """
        tokens = zip(self.traced.names, self.traced.tokens, strict=True) if self.is_traced else []
        alphabets = {
            name: f"tokens 0 to {size - 1}, rows of the embedding" for name, size in tokens if size is not None
        }
        return {
            "name": self.name,
            **({"alphabet": alphabets} if alphabets else {}),
            "activation": self.activation,
            "rc_average": self.rc_average,
            "mean_normalise": self.mean_normalise,
            "dna": self.dna,
            "seed": self.seed,
            "genolift": __version__,
        }

    def findings(self) -> dict[str, Any]:
        """Return what the last call found out beside the fields.

        Returns
        -------
        dict
            What the result records as its provenance.
        """
        return {}

    def described_target(self, traced: Traced) -> Any:
        """Return the target as the result records it, with an entry for each number that a function returns."""
        described = describe_target(self.target)
        if traced.several and not isinstance(described, list):
            return [[described, i] for i in range(len(traced.targets))]
        return described

    @property
    def is_traced(self) -> bool:
        """Whether the model is traced yet. One that does not declare its inputs is traced when it is first called."""
        return self._traced is not None

    @property
    def traced(self) -> Traced:
        """The model as it was traced."""
        if self._traced is None:
            raise RuntimeError(
                "this model does not declare its inputs, so it is traced when the method is first called"
            )
        return self._traced

    def trace(
        self, shapes: list[tuple], names: list[str], order: Order | None = None, kinds: list[str] | None = None
    ) -> Traced:
        """Trace the model, and prepare what depends on it.

        Parameters
        ----------
        shapes
            The shape of each input without the batch axis, None where an axis is free.
        names
            The name of each input.
        order, kinds
            How the model takes the inputs, and their types, where the model does not declare them.
        """
        self._traced = Traced(
            self.model, self.target, self.activation, shapes, names, self.rc_average, self.mean_normalise, order, kinds
        )
        self.prepare(self._traced)
        return self._traced

    def accept(self, inputs: Inputs, traced: Traced) -> None:  # noqa: B027 - most methods accept all that the model does
        """Refuse inputs that the method cannot explain, where that shows before anything is computed.

        Parameters
        ----------
        inputs
            The sequences, in the form in which the model takes them.
        traced
            The model.

        Raises
        ------
        UnsupportedModel
            If the method is not for inputs of this kind.
        """

    def prepare(self, traced: Traced) -> None:  # noqa: B027 - not every method has something to prepare
        """Make what can be made as soon as the model is known.

        Parameters
        ----------
        traced
            The model.

        Raises
        ------
        UnsupportedModel
            If the model lacks what the method needs.
        """

    def adapted(self, X: Any) -> tuple[Inputs, Traced]:
        """Return the sequences that a user gave in the form in which the model takes them, and the traced model."""
        require_eager()
        inputs = as_inputs(X, self._caller)
        if not self.is_traced or (self._caller.names is None and not self.traced.accepts(inputs)):
            shapes = [array.shape[1:] for array in inputs.arrays]
            self.trace(shapes, list(inputs.order.names), inputs.order, inputs.kinds)
        adapted = adapt(inputs, self.traced)
        adapted.tell_signals(self.dna)
        self.traced.check_targets([array.shape[1:] for array in adapted.arrays])
        return adapted, self.traced


def _without_bases(fields: dict[str, Any], undefined: dict[str, str], inputs: Inputs) -> None:
    """Leave out what another base would be worth, for inputs that hold no bases."""
    found = fields.get("hypothetical")
    if found is None or inputs.letters == inputs.one_hot:
        return
    kept = [one if letters else None for one, letters in zip(_parts_of(found), inputs.letters, strict=True)]
    if any(one is not None for one in kept):
        fields["hypothetical"] = inputs.pack(kept)
    else:
        del fields["hypothetical"]
        undefined["hypothetical"] = "the inputs hold numbers that are no bases; say dna=True if they are"


def _parts_of(field: Any) -> list[Any]:
    """Return a field's part of each input, None where it has none."""
    return list(field.values()) if isinstance(field, dict) else field if isinstance(field, list) else [field]


def _made_again(kind: type[Method], arguments: tuple, options: dict[str, Any]) -> Method:
    return kind(*arguments, **options)
