"""Inputs beside the sequence: what else a model takes, held as it is while the sequence is explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.methods.common.inputs import check_shapes
from genolift.models.calling import Caller
from genolift.results.explanation import Explanation
from genolift.results.kinds import LayerExplanation
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError
from genolift.support.tensorflow import Tensor, quiet_tensorflow


@dataclass(frozen=True)
class Beside:
    """The inputs of a model that are not the sequence.

    A method is given all inputs as a list. References are of the sequence only, so that the other inputs are the same
    on both sides, and importance is that of the sequence in the presence of these values.

    Parameters
    ----------
    names
        The names of all inputs of the model, in its order.
    place
        The number of the input that is the sequence.
    values
        The other inputs: an array (n, ...) with a row for each record, or (...) for a constant; None for the sequence.
    constant
        Which of them are constants.
    positions
        The sizes of axes that run along the sequence, or may do so.
    """

    names: tuple[str, ...]
    place: int
    values: tuple[np.ndarray | None, ...]
    constant: tuple[bool, ...]
    positions: frozenset[int | None] = frozenset()

    @classmethod
    def of(cls, model: Any, others: dict[str, Any]) -> Beside:
        """Return the inputs of a model, given all but the sequence by name; a single number is a constant.

        Parameters
        ----------
        model
            A model that declares its inputs.
        others
            An array with a row for each record, or a number, by the name of the input.

        Raises
        ------
        InputError
            If these are not all the other inputs, or arrays have wrong shapes or different numbers of rows.
        """
        caller = Caller(model)
        if caller.names is None or caller.shapes is None:
            raise InputError("the model does not declare its inputs, so others cannot be given beside the sequence")
        names, shapes = caller.names, caller.shapes
        told = ", ".join(f"{name} {_shape(shape)}" for name, shape in zip(names, shapes, strict=True))
        left = [i for i, name in enumerate(names) if name not in others]
        unknown = sorted(set(others) - set(names))
        if unknown or len(left) != 1:
            wrong = f"there is no input {unknown[0]!r}" if unknown else f"{len(left)} of them are not given"
            raise InputError(f"the model takes {told}, and all but the sequence are given beside it; {wrong}")
        (place,) = left
        if not is_dna(shapes[place]):
            raise InputError(f"input {names[place]!r} {_shape(shapes[place])} is no DNA of shape (length, 4): {told}")
        values: list[np.ndarray | None] = []
        for name, shape in zip(names, shapes, strict=True):
            values.append(None if name not in others else _filled(others[name], shape, name))
        constant = [np.ndim(others.get(name, 0)) == 0 for name in names]
        outputs = () if caller.signature is None else caller.signature.outputs
        positions = frozenset([shapes[place][0], *(size for port in outputs for size in port.shape)])
        made = cls(tuple(names), place, tuple(values), tuple(constant), positions)
        rows = {name: len(made.values[i]) for i, name in made.by_record}  # type: ignore[arg-type]
        if len(set(rows.values())) > 1:
            counts = ", ".join(f"{name} {count:,}" for name, count in rows.items())
            raise InputError(f"the inputs have different numbers of rows: {counts}")
        return made

    def keys(self, count: int) -> np.ndarray:
        """Return what is given for each of so many records as one row of numbers, (count, K), to tell them apart."""
        parts = [np.asarray(self.values[i], np.float32).reshape(count, -1) for i, _ in self.by_record]
        return np.concatenate(parts, axis=1) if parts else np.zeros((count, 0), np.float32)

    @property
    def by_record(self) -> list[tuple[int, str]]:
        """The number and the name of each input that has a row for each record."""
        return [(i, name) for i, name in enumerate(self.names) if i != self.place and not self.constant[i]]

    @property
    def rows(self) -> int | None:
        """For how many records there are rows; ``None`` if all other inputs are constants."""
        return next((len(self.values[i]) for i, _ in self.by_record), None)  # type: ignore[arg-type]

    def joined(self, X: np.ndarray, rows: np.ndarray | None) -> list[np.ndarray]:
        """Return all inputs of the model, in its order.

        Parameters
        ----------
        X
            Sequences, (N, L, 4).
        rows
            The record (N,) that each of them belongs to, by number; ``None`` for sequences of no record.

        Raises
        ------
        InputError
            If there are no records, and some inputs are given by record.
        """
        if rows is None and self.by_record:
            raise InputError(
                f"input {self.by_record[0][1]!r} is given for the records that are scored, and these are other "
                "sequences; give a number or zeros"
            )
        each = []
        for value, constant in zip(self.values, self.constant, strict=True):
            if value is None:
                each.append(X)
            elif constant:
                each.append(np.broadcast_to(value, (len(X), *value.shape)))
            else:
                each.append(np.asarray(value[rows], np.float32))
        return each

    def keywords(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a method, with references of the sequence alone and nothing else taken for DNA.

        Raises
        ------
        InputError
            As :meth:`check_other_strand`, where the options ask for both strands.
        """
        own = dict(given)
        if own.get("rc_average"):
            self.check_other_strand()
        if "references" in own:
            own["references"] = [own["references"] if i == self.place else None for i in range(len(self.names))]
        others = [
            value is not None and is_dna(value.shape[0 if self.constant[i] else 1 :])
            for i, value in enumerate(self.values)
        ]
        if any(others):
            own.setdefault("dna", [False if other else None for other in others])
        return own

    def of_sequence(self, explanation: Explanation) -> Explanation:
        """Return the explanation of the sequence alone, without the other inputs.

        Parameters
        ----------
        explanation
            What a method says of inputs that :meth:`joined` made.
        """
        if isinstance(explanation, LayerExplanation):  # Its inputs are activations, which belong to no input.
            return explanation
        fields = {
            name: value[self.place] if isinstance(value, list) else value for name, value in explanation.fields.items()
        }
        return type(explanation)(
            {name: value for name, value in fields.items() if value is not None},
            undefined=explanation.undefined,
            names=explanation.names,
            regions=explanation.regions,
            target=explanation.target,
            method=explanation.method,
            provenance=explanation.provenance,
        )

    def bound(self, model: Any) -> Callable[[Tensor], Any]:
        """Return the model as a function of sequences, with zeros for what is given by record.

        It takes the same lengths as the model, and gives outputs of the same shapes.
        """
        tf = quiet_tensorflow()
        caller = Caller(model)
        function, kinds = caller.function(caller.order(len(self.names))), self._kinds(caller)

        def call(x: Tensor) -> Any:
            each = []
            for value, constant, kind in zip(self.values, self.constant, kinds, strict=True):
                if value is None:
                    each.append(x)
                    continue
                one = value if constant else np.zeros(value.shape[1:], np.float32)
                tensor = tf.cast(tf.constant(one, tf.float32), kind)
                each.append(tf.broadcast_to(tensor, tf.concat([tf.shape(x)[:1], np.array(one.shape, np.int32)], 0)))
            return function(*each)

        return call

    @staticmethod
    def _kinds(caller: Caller) -> list[str]:
        assert caller.signature is not None
        return [port.dtype for port in caller.signature.inputs]

    def check_other_strand(self) -> None:
        """Refuse inputs that may run along the sequence, where predictions are averaged over both strands.

        The sequence is then turned, and nobody knows how the other inputs would have to be. Constants are the same on
        both strands. So are a few numbers for each record, as long as they are not as many as there are positions.

        Raises
        ------
        InputError
            If an input that is given by record has positions.
        """
        for i, name in self.by_record:
            shape = self.values[i].shape[1:]  # type: ignore[union-attr]
            if len(shape) > 1 or (len(shape) == 1 and shape[0] > 1 and shape[0] in self.positions):
                raise InputError(
                    f"input {name!r} {_shape(shape)} may run along the sequence, and both strands are predicted: "
                    "nobody knows how it would be on the other strand; give a number or zeros for it, or explain one "
                    "strand"
                )


def _filled(given: Any, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    """Return an array of rows as it is, or a number as an array of an input's shape."""
    if np.ndim(given) == 0:
        sizes = tuple(size for size in shape if size is not None)
        if len(sizes) < len(shape):
            raise InputError(
                f"input {name!r} {_shape(shape)} takes any size, so a number does not say how large it is; give an "
                "array with a row for each record"
            )
        return np.full(sizes, given, np.float32)
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise InputError(f"input {name!r} holds {array.dtype}, not numbers")
    check_shapes([array], [shape], [name])
    if not np.isfinite(array).all():
        raise InputError(f"input {name!r} holds NaN or infinite values")
    return array


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
