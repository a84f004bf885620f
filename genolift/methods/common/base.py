"""The one calling convention: ``method = Method(model, target=...)``, ``explanation = method(X)``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from genolift.methods import targets
from genolift.methods.common.inputs import Inputs, as_inputs
from genolift.methods.common.tokens import fit
from genolift.methods.common.traced import Traced, ports
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes
from genolift.version import __version__


class Method(ABC):
    """Explains a model's ``target``.

    ``model``: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors. ``target``: see
    :mod:`genolift.methods.targets`. ``activation``: ``"logit"`` looks through a final sigmoid or softmax, ``"keep"``
    does not. ``progress`` shows a bar (default: when there is more than one block). ``memory``: budget for
    activations, as "4GB". ``rc_average`` explains the mean of the target over both strands: half of what the model says
    of the sequence and half of what it says of its reverse complement. ``mean_normalise`` subtracts the mean over bases
    from the first convolution's weights (and adds it as an offset), which leaves outputs on one-hot input as they are
    and changes gradients.
    """

    name = ""
    result_type = Explanation
    #: Options of its bases that a method does not take.
    lacks: tuple[str, ...] = ()
    #: Whether explanations of several models can be averaged.
    averages = True

    @classmethod
    def hands_on_to(cls, options: Mapping) -> tuple[type[Method], ...]:
        """Methods that take what is left of the options."""
        return ()

    def __init__(
        self,
        model,
        target=None,
        *,
        activation="logit",
        progress=None,
        memory=None,
        seed: int = 0,
        rc_average: bool = False,
        mean_normalise: bool = False,
    ):
        if isinstance(model, (list, tuple)):
            raise InputError(
                f"{type(self).__name__} explains one model; for an ensemble of several write "
                f"genolift.method({self.name!r}, [models...], target)"
            )
        declared = ports(model)
        self.rc_average, self.mean_normalise = rc_average, mean_normalise
        self.model, self.target, self.activation = model, target, activation
        self.progress, self.memory, self.seed = progress, parse_bytes(memory), seed
        self._traced: Traced | None = None
        self._names = None
        if declared is not None:
            self._names, shapes = declared
            self._trace(shapes, self._names)

    def __call__(self, X, names=None, regions=None) -> Explanation:
        """Explain ``X``: (N, L, 4), or any shape the model takes; regions; or several inputs as dict or list."""
        inputs = as_inputs(X, self._names)
        traced = self._fitting(inputs)
        fields, undefined = self.explain(inputs, traced)
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
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict, dict]:
        """The explanation's fields, and the reasons for those that are not defined."""

    def describe(self) -> dict:
        """The method and every parameter, enough to run it again."""
        tokens = [] if self._traced is None else zip(self._traced.names, self._traced.tokens, strict=True)
        alphabets = {
            name: f"tokens 0 to {size - 1}, rows of the embedding" for name, size in tokens if size is not None
        }
        return {
            "name": self.name,
            **({"alphabet": alphabets} if alphabets else {}),
            "activation": self.activation,
            "rc_average": self.rc_average,
            "mean_normalise": self.mean_normalise,
            "seed": self.seed,
            "genolift": __version__,
        }

    def findings(self) -> dict:
        """What the last call found out beside the fields, for the result's record."""
        return {}

    def described_target(self, traced: Traced):
        described = targets.describe(self.target)
        if traced.several and not isinstance(described, list):
            return [[described, i] for i in range(len(traced.targets))]
        return described

    def _trace(self, shapes, names) -> Traced:
        self._traced = Traced(
            self.model, self.target, self.activation, shapes, names, self.rc_average, self.mean_normalise
        )
        self.prepare(self._traced)
        return self._traced

    def prepare(self, traced: Traced) -> None:  # noqa: B027 - not every method has something to prepare
        """What can be made, or refused, as soon as the model is known."""

    def _fitting(self, inputs: Inputs) -> Traced:
        if self._traced is None or (self._names is None and not self._traced.accepts(inputs.arrays)):
            names = inputs.keys or [f"input_{i}" for i in range(len(inputs.arrays))]
            self._trace([array.shape[1:] for array in inputs.arrays], names)
        traced = self._traced
        fit(inputs, traced)
        return traced
