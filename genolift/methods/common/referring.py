"""What methods that compare sequences with references have in common: the references of each input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from typing_extensions import override

from genolift.methods import references as refs
from genolift.methods.common.base import Method
from genolift.methods.common.blocks import repeat_to
from genolift.methods.common.inputs import Inputs
from genolift.methods.common.tokens import token_reference, usual_reference
from genolift.methods.references import ReferencesLike
from genolift.methods.targets import TargetLike
from genolift.sequence.alphabet import axes_hint, is_dna
from genolift.support.errors import InputError


class TakesReferences(Method):
    """A method that compares sequences with references.

    Parameters
    ----------
    references
        What each sequence is compared with: one of ``genolift.references``, an array of shape (R, L, 4) for all
        sequences or (N, R, L, 4) with each sequence's own, a function from (N, L, 4) to (N, R, L, 4), or a text as the
        command line takes it, such as ``"shuffled:20"``. For a model with several inputs give a dict by input name, or
        a list; an input without references keeps its own value. The method says what the default is. Inputs of tokens,
        for which that is not defined, are compared with the even mixture of all tokens.
    """

    @staticmethod
    def default_references() -> refs.Reference:
        """Return the references that are used where none are given."""
        return refs.Zeros()

    #: References that take the place of what the user gave for a while.
    _held: list[refs.Reference] | None = None

    def __init__(
        self, model: Callable, target: TargetLike = None, *, references: ReferencesLike = None, **options: Any
    ):
        self.references = references
        super().__init__(model, target, **options)

    @override
    def describe(self) -> dict[str, Any]:
        described = super().describe()
        described["references"] = _each(self._given(), lambda given: refs.as_reference(given).describe())
        return described

    def _given(self) -> ReferencesLike:
        """Return what the user gave, or what takes its place for the model's only input that can be compared."""
        if self.references is not None:
            return self.references
        usual = self.default_references()
        free = [i for i, kept in enumerate(self.traced.kept) if not kept] if self.is_traced else []
        size = self.traced.tokens[free[0]] if len(free) == 1 else None
        return usual if size is None else usual_reference(usual, size)

    @contextmanager
    def comparing_with(self, held: list[refs.Reference]) -> Iterator[None]:
        """Compare all sequences with given references for a while, whatever the user gave.

        Parameters
        ----------
        held
            The references of each input, ready to be drawn from.
        """
        self._held = held
        try:
            yield
        finally:
            self._held = None

    def references_for(self, inputs: Inputs) -> list[refs.Reference]:
        """Return the references of each input, ready to be drawn from.

        Parameters
        ----------
        inputs
            All the sequences.

        Raises
        ------
        InputError
            If the references do not suit the inputs, or each other.
        """
        if self._held is not None:
            return self._held
        chosen = [
            one if size is None else token_reference(one, size)
            for one, size in zip(self._chosen_for(inputs), inputs.tokens, strict=True)
        ]
        for one, kept, name in zip(chosen, inputs.kept, self.traced.names, strict=True):
            if kept and not one.is_own:
                raise InputError(
                    f"input {name!r} holds whole numbers that the model does not calculate with, so no importance can "
                    "flow to it and it keeps its own value; give references for the other inputs only"
                )
        for one, letters, name in zip(chosen, inputs.letters, self.traced.names, strict=True):
            if not (letters or one.is_own):
                self._refuse_bases(one, name, inputs)
        for reference, array in zip(chosen, inputs.arrays, strict=True):
            reference.prepare(array)
        counts = {reference.count for reference in chosen if reference.count > 1}
        if len(counts) > 1:
            raise InputError(f"the inputs have different numbers of references: {sorted(counts)}")
        return chosen

    def _refuse_bases(self, chosen: refs.Reference, name: str, inputs: Inputs) -> None:
        """Refuse references of bases for an input that holds other numbers, where they would be no references."""
        default = self.references is None
        if not chosen.only_dna and not (default and isinstance(chosen, refs.Background)):
            return
        array = inputs.arrays[self.traced.names.index(name)]
        kind = f"{type(chosen).__name__}()"
        which = f"the default references of {self.name}, {kind}," if default else f"{kind} references"
        ways = [
            axes_hint(array.shape),
            "give references='zeros' if zeros mean nothing there, an array (R, ...), or a function from (N, ...) to "
            "(N, R, ...)",
            "say dna=True if they are bases" if is_dna(array.shape[1:]) else "",
        ]
        raise InputError(
            f"{which} need one-hot DNA of shape (N, L, 4), and input {name!r} of shape {array.shape} holds other "
            f"numbers; {'; or '.join(filter(None, ways))}"
        )

    def _chosen_for(self, inputs: Inputs) -> list[refs.Reference]:
        """Return what the user chose for each input."""
        given = self._given()
        if isinstance(given, dict):
            unknown = set(given) - set(self.traced.names)
            if unknown:
                raise InputError(
                    f"references for unknown inputs {sorted(unknown)}; there are {', '.join(self.traced.names)}"
                )
            return [refs.as_reference(given.get(name)) for name in self.traced.names]
        if isinstance(given, list):
            if len(given) != len(inputs.arrays):
                raise InputError(
                    f"{len(given)} references are given for {len(inputs.arrays)} inputs; give one each, or None"
                )
            return [refs.as_reference(one) for one in given]
        if self.references is None and len(inputs.arrays) > 1:
            # The default applies to sequences. An input that is not DNA keeps its own value unless the user says more.
            compared = [dna and not kept for dna, kept in zip(inputs.dna, inputs.kept, strict=True)]
            if any(compared):
                return [refs.as_reference(given if one else None) for one in compared]
            if inputs.kept.count(False) > 1:
                raise InputError(
                    f"{self.name} compares sequences (N, L, 4) with a default reference, and none of the inputs "
                    f"{', '.join(self.traced.names)} is one, so each would be compared with itself; give references as "
                    "a dict by input name, such as Zeros()"
                )
        if inputs.kept.count(False) == 1:
            return [refs.as_reference(None if kept else given) for kept in inputs.kept]
        raise InputError("the model has several inputs; give references as a dict by input name, or a list")

    @staticmethod
    def _drawn_for(chosen: list[refs.Reference], arrays: list[np.ndarray], rows: np.ndarray | None) -> list[np.ndarray]:
        """Return the references (n, R, ...) of each sequence for each input, also where all sequences share them."""
        count = max(one.count for one in chosen)
        drawn = []
        for one, array in zip(chosen, arrays, strict=True):
            references = one.draw(array, rows)
            own = np.broadcast_to(references, (len(array), *references.shape)) if one.shared else references
            drawn.append(repeat_to(own, count, 1))
        return drawn


def refuse_until_enough(chosen: list[refs.Reference], name: str) -> None:
    """Refuse references without a fixed number, for a method called ``name`` that cannot say when they are enough."""
    if any(one.tolerance is not None for one in chosen):
        raise InputError(f"{name} takes a number of references, not Shuffled('auto'); give Shuffled(20), for example")


def _each(given: Any, function: Callable[[Any], Any]) -> Any:
    """Return what a function makes of the references of each input, in the structure that the user gave."""
    if isinstance(given, dict):
        return {key: function(one) for key, one in given.items()}
    return [function(one) for one in given] if isinstance(given, list) else function(given)
