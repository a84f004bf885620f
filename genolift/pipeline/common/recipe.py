"""A method as a job asks for it: its name, targets, references and options as text and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolift.methods import references as refs
from genolift.methods import targets
from genolift.methods.common.options import parsed
from genolift.methods.registry import method_class
from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import InputError, Remedy, setting

if TYPE_CHECKING:
    from genolift.methods.beside import Beside

# Options that say what is predicted, which need no method.
_OF_PREDICTIONS = {"activation", "rc_average"}


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a method, but for the model and what it is computed with.

    Parameters
    ----------
    method
        The method's name. ``None`` where a job measures what the model predicts, and explains nothing.
    targets
        What is explained, as :func:`genolift.methods.targets.parse` reads it. Several make an axis of targets, and none
        is the model's only output.
    references
        What sequences are compared with, as :func:`genolift.methods.references.parse` reads it. ``None`` is the
        method's default.
    options
        The method's own options. A text stands for the value that it means, and ``None`` for an option that is not
        given.
    seed
        The seed of the method and of its shuffles.
    fit_on
        The FASTA file that the method is fitted on.
    """

    method: str | None = "deeplift"
    targets: tuple[str, ...] = ()
    references: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    fit_on: Path | None = None

    def absolute(self) -> Recipe:
        """Return the same recipe for processes that work in another directory."""
        return self if self.fit_on is None else replace(self, fit_on=self.fit_on.absolute())

    def make(
        self, model: Any, unknown: str = "uniform", memory: str | None = None, beside: Beside | None = None
    ) -> Any:
        """Return the method for a model, fitted if there are data to fit it on.

        Parameters
        ----------
        model
            A callable that takes (N, length, 4), or a list of them, whose mean is explained.
        unknown
            How N in the data to fit on are encoded.
        memory
            The budget for the network's activations.
        beside
            The inputs that the model takes beside sequences.
        """
        from genolift.methods.factory import method as make_method  # loads TensorFlow

        target = targets.parse_all(self.targets)
        options = self.keywords() if beside is None else beside.keywords(self.keywords())
        method: Any = make_method(self._named, model, target, memory=memory, seed=self.seed, progress=False, **options)
        if self.fit_on is not None:
            _fit(method, self.fit_on, unknown, beside)
        return method

    def keywords(self) -> dict[str, Any]:
        """Return the method's options as Python takes them, its references among them.

        Raises
        ------
        InputError
            If the method does not take an option, or a text means nothing.
        """
        given = {name: value for name, value in self.options.items() if value is not None}
        if self.method is None:
            self._check_predictions_only(given)
            return given
        kind: Any = method_class(self.method)
        values = parsed(kind, given)
        comparing = [one for one in (kind, *kind.hands_on_to(given)) if hasattr(one, "default_references")]
        if comparing:
            chosen = comparing[0].default_references() if self.references is None else refs.parse(self.references)
            if hasattr(chosen, "seed"):
                chosen.seed = self.seed
            values["references"] = chosen
        elif self.references is not None:
            raise InputError(f"the method {self.method} takes no references")
        return values

    @property
    def _named(self) -> str:
        if self.method is None:
            raise InputError("nothing can be explained without a method")
        return self.method

    def _check_predictions_only(self, given: Mapping[str, object]) -> None:
        explaining = [*(given.keys() - _OF_PREDICTIONS), *([] if self.references is None else ["references"])]
        for name in explaining:
            give = Remedy.naming("give {} too", setting("method"))
            raise InputError(f"the option {name!r} is a method's, and what the model predicts is measured", give)


def members_of(method: Any) -> list[Any]:
    """Return the method on each of several models, or the method itself on the only one."""
    return getattr(method, "members", [method])


def _fit(method: Any, path: Path, unknown: str, beside: Beside | None) -> None:
    """Fit a method on the sequences of a FASTA file, which are all of one length."""
    if not hasattr(members_of(method)[0], "fit"):
        leave = Remedy.naming("leave out {}", setting("fit_on"))
        raise InputError(f"the method {method.name} is not fitted on data", leave)
    sequences = [sequence for _, sequence in read_fasta(path)]
    lengths = sorted({len(sequence) for sequence in sequences})
    if len(lengths) > 1:
        raise InputError(
            f"{path} has sequences of {lengths[0]} to {lengths[-1]} bases; a method is fitted on sequences of one "
            "length"
        )
    try:
        X = one_hot(sequences, unknown)
        method.fit(X if beside is None else beside.joined(X, None))
    except InputError as problem:
        raise InputError(f"{method.name} cannot be fitted on {path}: {problem.message}", problem.remedy) from None
