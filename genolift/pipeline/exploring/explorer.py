"""What the explorer asks of a model: predictions and logos of one sequence, effects of substitutions, shuffles."""

from __future__ import annotations

import io
import re
import tempfile
import threading
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.exploring.choices import Choices
from genolift.pipeline.exploring.offers import methods_by_kind, outputs_of, refused, summaries
from genolift.pipeline.exploring.wording import for_page
from genolift.plot.web.content import content_of, rounded
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import check_letters, one_hot
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import GenoliftWarning, InputError

_MADE = 4  # Methods that are kept ready; each holds a traced model.
_LISTED = 1000  # sequences that a page lists at once
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Asked:
    """What a page asks: a sequence, and how it is explained.

    Attributes
    ----------
    sequence : str
        The bases, as a user typed them.
    name : str
        What the sequence is called.
    method : str
        The method's name.
    references : str or None
        What it is compared with; ``None`` is the method's default.
    target : str or None
        What is explained; ``None`` is the model's only output.
    """

    sequence: str
    name: str = "sequence"
    method: str = "deeplift"
    references: str | None = None
    target: str | None = None

    @classmethod
    def read(cls, told: Any) -> Asked:
        """Return what a request holds, and raise :class:`InputError` for anything else."""
        if not isinstance(told, Mapping) or not isinstance(told.get("sequence"), str):
            raise InputError("a request is an object with a text 'sequence'")
        known = {}
        for name in ("sequence", "name", "method", "references", "target"):
            value = told.get(name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name!r} is a text")
            if value:
                known[name] = value
        return cls(**{"sequence": "", **known})


class Explorer:
    """A model that answers questions about one sequence at a time.

    Parameters
    ----------
    model
        The model's file.
    recipe
        How sequences are explained where a page says nothing else.
    reading
        Sequences to choose from, if there are any.
    memory
        The budget for the network's activations.
    """

    def __init__(self, model: ModelFile, recipe: Recipe, reading: Reading | None = None, memory: str | None = None):
        self.recipe, self._memory = recipe, memory
        self._unknown = "uniform" if reading is None else reading.unknown
        self.path = model.called
        self.model = model.load()
        self.length = model.sequence_length(self.model, alone=True)
        self._made: OrderedDict[tuple, Any] = OrderedDict()
        self._open = ExitStack()
        self._source = None
        if reading is not None:
            reading.check()
            at_hand = self._open.enter_context(reading.at_hand())
            self._source = at_hand.source_for(self.model, self.length)
            at_hand.tell(self._source)
        self._reading = threading.Lock()  # A file is read at one place at a time.
        self._refused: dict[str | None, list[str]] = {}
        self._outputs = outputs_of(self.model)
        self._choices = Choices([] if self._source is None else self._source.names, _LISTED)

    def make_ready(self) -> None:
        """Make what explains at first, so that a mistake in it is told before a page is opened.

        Without a target that is the first number of the only output. Of a model with several outputs the page offers
        those that make sense.
        """
        if self.recipe.targets:
            self._made_for(self.recipe.method, self.recipe.references, self.recipe.targets[0])
            return
        for target in ("0", "0,0", "0,0,0"):
            with suppress(InputError):
                self._made_for(self.recipe.method, self.recipe.references, target)
                self.recipe = replace(self.recipe, targets=(target,))
                return

    def close(self) -> None:
        """Let go of the files."""
        self._open.close()

    def about(self) -> dict[str, Any]:
        """Return what a page is told when it opens."""
        return {
            "model": self.path.name,
            "length": self.length,
            "method": self.recipe.method,
            "references": self.recipe.references,
            "target": self.recipe.targets[0] if self.recipe.targets else None,
            "choose": self._must_choose(),
            "outputs": self._outputs,
            "methods": methods_by_kind(),
            "summaries": summaries(),
            "sequences": self.found(),
        }

    def found(self, text: str = "") -> dict[str, Any]:
        """Return numbers and names of the first sequences that have a text in their names, and the count of all."""
        found = self._choices.find(text)
        return {"listed": [[number, self._choices.names[number]] for number in found.numbers], "count": found.total}

    def sequence(self, number: int) -> str:
        """Return one of the sequences to choose from."""
        if self._source is None or not 0 <= number < len(self._source):
            raise InputError(f"there is no sequence {number}")
        with self._reading:
            ((text,),) = self._source.blocks([(number, number + 1)])
        return text

    def read(self, text: str) -> str:
        """Return the bases of a text as a user pastes it, or raise :class:`InputError` with a sentence for the page."""
        records = [line for line in text.splitlines() if line.startswith(">")]
        if len(records) > 1:
            raise InputError(f"the text holds {len(records)} sequences; paste one of them")
        lines = [line for line in text.splitlines() if not line.startswith((">", ";"))]
        bases = re.sub(r"\s+", "", "".join(lines)).upper().replace("U", "T")
        if not bases:
            raise InputError("there is no sequence; paste one, or choose one from the list")
        if len(bases) > _LONGEST:
            raise InputError(f"the sequence has {len(bases):,} bases, and a page shows {_LONGEST:,} at most")
        check_letters(bases, "the sequence")
        if self.length is not None and len(bases) != self.length:
            difference = len(bases) - self.length
            raise InputError(
                f"the sequence has {len(bases):,} bases, and the model takes {self.length:,}; "
                f"{'remove' if difference > 0 else 'add'} {abs(difference):,}"
            )
        return bases

    def explain(self, asked: Asked) -> dict[str, Any]:
        """Return the prediction and the logo of a sequence."""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", GenoliftWarning)
            result = self._explanation(asked)
        remarks = [for_page(one.message) for one in warned if isinstance(one.message, GenoliftWarning)]
        told = content_of([result])
        known = "predictions" in result.defined
        predictions = np.asarray(result.predictions, dtype=float).reshape(-1) if known else np.zeros(0)
        residual = np.abs(np.asarray(result.residual, dtype=float)) if "residual" in result.defined else np.zeros(0)
        residual = residual[np.isfinite(residual)]
        return {
            "content": told,
            "predictions": [float(value) if np.isfinite(value) else None for value in predictions],
            "residual": float(residual.max()) if residual.size else None,
            "scale": "logit" if self._is_logit(asked) else None,
            "remarks": list(dict.fromkeys(remarks)),
        }

    def effects(self, asked: Asked) -> dict[str, Any]:
        """Return what each substitution changes, (L, 4) row by row: f(with the base) − f(as it is)."""
        result = self._explanation(replace(asked, method="ism", references=None))
        values = np.asarray(result.hypothetical, dtype=float)[0]
        values = values.reshape(-1, *values.shape[-2:])[0]
        x = np.asarray(result.inputs)[0]
        changes = values - (values * x).sum(axis=1, keepdims=True)
        return {"changes": rounded(changes)}

    def refusals(self, asked: Asked) -> list[str]:
        """Return the names of the methods that cannot be used: those that refuse the model, or need to be fitted."""
        if asked.target not in self._refused:
            X = one_hot([self.read(asked.sequence)], self._unknown)
            self._refused[asked.target] = refused(self.model, asked.target, X, self._memory)
        return self._refused[asked.target]

    def shuffled(self, sequence: str, start: int, end: int, seed: int) -> str:
        """Return a sequence of which a stretch is shuffled, with its dinucleotides kept."""
        bases = self.read(sequence)
        if not 0 <= start < end <= len(bases):
            raise InputError(f"the stretch {start} to {end} does not lie in 0 to {len(bases)}, or holds no base")
        return bases[:start] + shuffle(bases[start:end], 1, seed=seed)[0] + bases[end:]

    def store(self, asked: Asked) -> bytes:
        """Return the explanation as a zip file that holds its store."""
        explanation = self._explanation(asked)  # If the explorer is stopped meanwhile, no directory is left behind.
        with tempfile.TemporaryDirectory() as aside:
            path = Path(aside) / "scores.zarr"
            explanation.save(path)
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                for one in sorted(path.rglob("*")):
                    if one.is_file():
                        archive.write(one, one.relative_to(aside))
        return out.getvalue()

    def _must_choose(self) -> bool:
        """Whether nothing is explained without a target, because the model has several numbers."""
        return len(self._outputs) > 1 or any(one["size"] != 1 for one in self._outputs)

    def _explanation(self, asked: Asked) -> Explanation:
        bases = self.read(asked.sequence)
        return self._method(asked)(one_hot([bases], self._unknown), names=[asked.name])

    def _is_logit(self, asked: Asked) -> bool:
        """Whether predictions are what the model has before its final sigmoid or softmax, and no output of it."""
        traced = self._method(asked).traced
        return not all(value in traced.program.outputs for target in traced.targets for value in target.values)

    def _method(self, asked: Asked) -> Any:
        return self._made_for(asked.method, asked.references, asked.target)

    def _made_for(self, method: str | None, references: str | None, target: str | None) -> Any:
        key = (method, references, target)
        if key not in self._made:
            recipe = replace(
                self.recipe,
                method=method,
                references=references,
                targets=(target,) if target else (),
                options=self.recipe.options if method == self.recipe.method else {},
            )
            self._made[key] = recipe.make(self.model, self._unknown, self._memory)
            while len(self._made) > _MADE:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]
