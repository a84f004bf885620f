"""The model of a check as a program, with the lengths that it takes and inputs to try it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from genolift.engine.running.run import constants, forward
from genolift.methods import references as refs
from genolift.methods.beside import Beside
from genolift.methods.common.inputs import as_inputs
from genolift.methods.common.tokens import encode, usual_reference
from genolift.methods.common.traced import ModelProgram, program_of
from genolift.models.calling import Caller
from genolift.models.layout import guess
from genolift.pipeline.checking.inputs import InputsFound, Sample, Taken
from genolift.results.fields import is_image, told_size
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

#: The lengths that a model of any length is tried on, until it takes one.
LENGTHS = (1024, 4096, 16384, 65536, 262144, 256, 64, 16)
_FAILURES = (tf.errors.OpError, TypeError, ValueError, LookupError)


class Subject:
    """A model with the inputs that it declares, or those that the user gave, as a program.

    Parameters
    ----------
    model
        The model.
    X
        Inputs that the user gave, or None.
    length
        How long sequences shall be, where the model takes any length; None where nobody said.
    likely
        A length that is tried first where nobody said.
    beside
        The inputs beside the sequence, where the user gave them. Otherwise they are random.

    Raises
    ------
    InputError
        If the model does not declare its inputs and the user gave none, or it takes no length that was tried.
    UnsupportedModel
        If the model cannot be traced.
    """

    def __init__(
        self,
        model: Callable,
        X: Any = None,
        length: int | None = None,
        likely: int | None = None,
        beside: Beside | None = None,
    ):
        self.caller, self.beside = Caller(model), beside
        given = None if X is None else as_inputs(X, self.caller)
        names, shapes = self.caller.names, self.caller.shapes
        if (names is None or shapes is None) and given is None:
            raise InputError(
                "the model does not declare its inputs, so nobody knows their shapes",
                Remedy(
                    "give some sequences too, as in genolift.check(model, X=X)",
                    "check it in Python with some sequences, as in genolift.check(model, X=X)",
                ),
            )
        self.model, self.given = model, given
        order, kinds = (None, None) if given is None else (given.order, given.kinds)
        if names is not None and shapes is not None:
            self.names, self.declared = names, shapes
        else:
            assert given is not None
            self.names = list(given.order.names)
            self.declared = [array.shape[1:] for array in given.arrays]
        self.made: ModelProgram = program_of(model, self.declared, self.names, order=order, kinds=kinds)
        self._run = compiled(self._outputs, reduce_retracing=True)
        self.length = self._first_length(likely) if length is None else self._fitting(length)

    # What it is

    @property
    def dna(self) -> list[int]:
        """The numbers of the inputs that have the shape of one-hot DNA, and what the user gave for them does too."""
        if self.beside is not None:
            return [self.beside.place]
        shaped = [i for i, one in enumerate(self.declared) if is_dna(one) and self.made.tokens[i] is None]
        return shaped if self.given is None else [i for i in shaped if _one_hot(self.given.arrays[i])]

    @property
    def is_free(self) -> bool:
        """Whether an input has an axis of any length."""
        return any(None in one for one in self.declared)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the program's inputs, with the length for every axis that is free, and tokens as one-hot."""
        return [
            one if tokens is None else (*one, tokens)
            for one, tokens in zip(self._sizes(self.length), self.made.tokens, strict=True)
        ]

    def found(self, layout: str | None) -> InputsFound:
        """Return what is said of the inputs. ``layout`` is the one that was guessed, if one was."""
        taken = tuple(
            Taken(name, tuple(one), self._reading(i))
            for i, (name, one) in enumerate(zip(self.names, self.declared, strict=True))
        )
        return InputsFound(taken, self.length if self.is_free and self.given is None else None, layout)

    def _reading(self, i: int) -> str:
        """Say what an input is taken for."""
        if self.beside is not None and i != self.beside.place:
            return "held at the number that was given" if self.beside.constant[i] else "held at what the file has"
        if (tokens := self.made.tokens[i]) is not None:
            return f"tokens from 0 to {tokens - 1}"
        if i in self.dna:
            return "taken for one-hot DNA (A, C, G, T) because of its shape"
        if is_dna(self.declared[i]):
            return "numbers in four columns, which are not one-hot DNA"
        layout = guess(self.declared[i])
        if layout is None and is_image(self.declared[i]):
            return f"images of {told_size(self.declared[i])}; references are to be zeros or images of your own"
        if layout is None:
            return "numbers that are not DNA"
        return f"numbers; if they are DNA, load the model with layout={str(layout)!r}, so that it takes (N, length, 4)"

    # Lengths

    def _sizes(self, length: int) -> list[tuple[int, ...]]:
        return [tuple(length if size is None else size for size in one) for one in self.declared]

    @property
    def sequences(self) -> list[int]:
        """The numbers of the inputs that are sequences of letters."""
        if self.beside is not None:
            return [self.beside.place]
        return [i for i, tokens in enumerate(self.made.tokens) if tokens is not None or i in self.dna]

    def _first_length(self, likely: int | None) -> int:
        """Return the length of the user's sequences, that which the model declares, or the first that it takes."""
        first = (self.sequences or [0])[0]
        if self.given is not None:
            return self.given.arrays[first].shape[1]
        if not self.is_free:
            return next(iter(self.declared[first]), None) or 1
        found = next((length for length in ([likely] if likely else []) + [*LENGTHS] if self._takes(length)), None)
        if found is None:
            raise InputError(
                f"the model declares no length, and takes none of {', '.join(map(str, LENGTHS))}",
                Remedy.naming("give {}", setting("length", "N")),
            )
        return found

    def _fitting(self, length: int) -> int:
        """Return the length that the user asked for, if the model takes it."""
        fixed = next((one[0] for one in self.declared if one and one[0] is not None), None)
        if self.is_free and not self._takes(length):
            raise InputError(f"the model does not take sequences of {length}")
        if not self.is_free and length != fixed:
            raise InputError(
                f"the model takes sequences of {fixed}, not {length}",
                Remedy.naming("leave {} out", setting("length")),
            )
        return length

    def _takes(self, length: int) -> bool:
        """Whether the model gives numbers for a sequence of some length."""
        try:
            outputs = self.predict(self.sample(self._random(1, length, np.random.default_rng(0)), "", []))
        except _FAILURES:  # too short for a layer, or longer than a table of positions
            return False
        return all(output.size > 0 and np.isfinite(output).all() for output in outputs)

    # Inputs and predictions

    def random(self, count: int, seed: int = 0) -> Sample:
        """Return random inputs: sequences of random bases, random tokens, and numbers from 0 to 1."""
        arrays = self._random(count, self.length, np.random.default_rng(seed))
        what = "a random sequence" if count == 1 else f"{count} random sequences"
        return self.sample(arrays, what if self.sequences else "random numbers", [f"random {i}" for i in range(count)])

    def own(self) -> Sample:
        """Return the inputs that the user gave."""
        assert self.given is not None
        count = len(self.given)
        names = self.given.names or [f"sequence {i}" for i in range(count)]
        return self.sample(self.given.arrays, "your sequence" if count == 1 else f"your {count} sequences", names)

    def with_sequences(self, X: np.ndarray, what: str, names: list[str]) -> Sample:
        """Return inputs in which every input of DNA is ``X`` (N, L, 4), and the others are random."""
        arrays = self._random(len(X), X.shape[1], np.random.default_rng(0))
        return self.sample([X if i in self.dna else array for i, array in enumerate(arrays)], what, names)

    def sample(self, arrays: list[np.ndarray], what: str, names: list[str]) -> Sample:
        """Return arrays, one per input, as a sample."""
        named = self.given.keys is not None if self.given is not None else len(arrays) > 1
        listed = self.given is not None and self.given.listed
        X: Any = dict(zip(self.names, arrays, strict=True)) if named else list(arrays) if listed else arrays[0]
        return Sample(X, what, names)

    def references(self, count: int) -> Any:
        """Return what inputs are compared with: shuffles of DNA, and what is neutral for others."""
        letters = self.sequences
        chosen: dict[str, refs.Reference | None] = {}
        for i, (name, tokens) in enumerate(zip(self.names, self.made.tokens, strict=True)):
            if self.beside is not None and i != self.beside.place:
                chosen[name] = None
            elif tokens is not None:
                chosen[name] = usual_reference(refs.Shuffled(count, k=2, seed=0), tokens)
            elif i in self.dna:
                chosen[name] = refs.Shuffled(count, k=2, seed=0)
            else:
                chosen[name] = None if letters or self.made.kept[i] else refs.Zeros()
        return chosen if len(self.names) > 1 else chosen[self.names[0]]

    @property
    def references_in_python(self) -> str | None:
        """The references that a user has to give in Python; None where the default will do."""
        if self.dna or (len(self.names) == 1 and self.made.tokens[0] is not None):
            return None
        each = [
            f"gl.references.Background([1 / {tokens}] * {tokens})" if tokens is not None else "gl.references.Zeros()"
            for tokens in self.made.tokens
        ]
        return each[0] if len(each) == 1 else f"[{', '.join(each)}]"

    def _random(self, count: int, length: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return random values of all inputs, as a user would give them."""
        arrays, held = [], None
        if self.beside is not None:
            records = np.arange(count) % (self.beside.rows or 1)
            held = self.beside.joined(np.zeros((count, length, 4), np.float32), records)
        for i, (sizes, tokens) in enumerate(zip(self._sizes(length), self.made.tokens, strict=True)):
            if held is not None and i not in self.dna:
                arrays.append(held[i])
            elif tokens is not None:
                arrays.append(rng.integers(0, tokens, (count, *sizes)).astype(np.float32))
            elif i in self.dna:
                arrays.append(np.eye(4, dtype=np.float32)[rng.integers(0, 4, (count, sizes[0]))])
            elif self.made.whole[i] is not None:
                arrays.append(rng.integers(0, 2, (count, *sizes)).astype(np.float32))
            else:
                arrays.append(rng.uniform(0, 1, (count, *sizes)).astype(np.float32))
        return arrays

    def predict(self, sample: Sample) -> list[np.ndarray]:
        """Return the model's outputs for a sample."""
        return [output.numpy() for output in self._run(*map(tf.constant, self._encoded(sample)))]

    def _encoded(self, sample: Sample) -> list[np.ndarray]:
        """Return a sample as arrays that the program takes, in which tokens are one-hot."""
        arrays = as_inputs(sample.X, self.caller).arrays
        return [
            array if tokens is None else encode(array, tokens, f"input {name!r}")
            for array, tokens, name in zip(arrays, self.made.tokens, self.names, strict=True)
        ]

    def _outputs(self, *tensors: Tensor) -> list[Tensor]:
        program = self.made.program
        values = forward(program, list(tensors), constants(program))
        return [values[output] for output in program.outputs]


def _one_hot(array: np.ndarray) -> bool:
    """Whether values can be DNA: shares of four bases that sum to at most 1."""
    return bool((array >= 0).all() and (array.sum(-1) <= 1 + 1e-5).all())
