"""A model as the command line names it: its file, what reading it takes, and what tells it from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolift.models.loading import load_model
from genolift.models.signature import Port, describe
from genolift.pipeline.common.folds import check_alike, check_folds
from genolift.pipeline.common.layers import layers_from
from genolift.pipeline.common.sides import check_file, described, inputs_beside, sequence_place, told
from genolift.pipeline.keeping.digest import digest_path
from genolift.sequence.files import check_regular
from genolift.support.errors import UnsupportedModel
from genolift.support.files import absent

if TYPE_CHECKING:
    from genolift.methods.beside import Beside


@dataclass(frozen=True)
class ModelFile:
    """A model's file, and what reading it takes.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file, an architecture in JSON, the directory of a SavedModel, or a frozen graph.
    weights
        The weights' file of an architecture in JSON.
    layers_from
        A Python file with custom layers.
    unsafe
        Whether Lambda layers, which are code, may run.
    layout
        How the model takes DNA, if not as (N, length, 4): see :mod:`genolift.models.layout`.
    signature
        The signature of a SavedModel that is called, if not its usual one.
    graph_input, graph_output
        The names of the inputs and outputs of a frozen graph, where they cannot be found in it.
    folds
        The files of further models of the same inputs and outputs, such as the other folds of a cross-validation; where
        ``path`` is an architecture in JSON, their weights.
    input
        The name of the input that is the sequence, where several have the shape of DNA.
    also
        The other inputs: the name of each, and a number, or a file of NumPy's with a row for each record.
    """

    path: Path
    weights: Path | None = None
    layers_from: Path | None = None
    unsafe: bool = False
    layout: str | None = None
    signature: str | None = None
    graph_input: tuple[str, ...] = ()
    graph_output: tuple[str, ...] = ()
    folds: tuple[Path, ...] = ()
    input: str | None = None
    also: tuple[tuple[str, float | Path], ...] = ()

    def absolute(self) -> ModelFile:
        """Return the same for processes that work in another directory."""
        weights, layers = (None if path is None else path.absolute() for path in (self.weights, self.layers_from))
        folds = tuple(fold.absolute() for fold in self.folds)
        also = tuple((name, value.absolute() if isinstance(value, Path) else value) for name, value in self.also)
        return replace(self, path=self.path.absolute(), weights=weights, layers_from=layers, folds=folds, also=also)

    @property
    def files(self) -> list[Path]:
        """The files that reading it takes."""
        beside = [value for _, value in self.also if isinstance(value, Path)]
        paths = (self.path, self.weights, self.layers_from, *self.folds, *beside)
        return [path for path in paths if path is not None]

    @property
    def each(self) -> list[ModelFile]:
        """The models one by one, as files without folds."""
        alone = replace(self, folds=())
        if self.weights is None:
            return [alone, *(replace(alone, path=fold) for fold in self.folds)]
        return [alone, *(replace(alone, weights=fold) for fold in self.folds)]

    @property
    def called(self) -> Path:
        """The file that tells this model from its folds."""
        return self.path if self.weights is None else self.weights

    def check_exists(self) -> None:
        """Raise :class:`FileProblem` at once, before TensorFlow is loaded."""
        if not self.path.exists():
            raise absent(self.path, "; a model is a .keras or .h5 file, a SavedModel directory or a frozen graph")
        check_regular(self.path)
        check_folds([one.called for one in self.each])
        for _, value in self.also:
            if isinstance(value, Path):
                check_file(value)

    def load(self) -> Any:
        """Return the model, ready to be called with (N, length, 4), or a list of models where there are folds.

        Raises
        ------
        InputError
            If folds are not models of the same inputs and outputs, or two of them are the same.
        """
        self.check_exists()
        if self.folds:
            models = [one.load() for one in self.each]
            check_alike([one.called for one in self.each], models)
            return models
        layers = layers_from(self.layers_from) if self.layers_from else {}
        own = self.signature, self.graph_input, self.graph_output
        return load_model(self.path, self.weights, layers, self.unsafe, self.layout, *own)

    def describe(self) -> dict[str, Any]:
        """Return what tells this model from others, by content."""
        facts: dict[str, Any] = {"sha256": digest_path(self.path)}
        for part, path in (("weights", self.weights), ("layers", self.layers_from)):
            if path is not None:
                facts[part] = digest_path(path)
        texts = {
            "layout": self.layout,
            "signature": self.signature,
            "graph_input": ",".join(self.graph_input),
            "graph_output": ",".join(self.graph_output),
            "input": self.input,
        }
        facts |= {name: text for name, text in texts.items() if text}
        if self.folds:
            facts["folds"] = [digest_path(fold) for fold in self.folds]
        if self.also:
            facts["also"] = described(self.also)
        return facts

    def sequence_length(self, model: Any, alone: bool = False) -> int | None:
        """Return how long the model's sequences are; ``None`` for any length.

        Parameters
        ----------
        model
            What :meth:`load` returned.
        alone
            Whether a model that takes more than the sequence is refused.

        Raises
        ------
        InputError
            If several inputs are DNA, and none is named.
        UnsupportedModel
            If no input is DNA, or there are others that may not be.
        """
        ports = describe(_first(model)).inputs
        if alone and len(ports) > 1:
            raise UnsupportedModel(
                f"{self.path} takes {told(ports)}; this command is for models that take a sequence and nothing else"
            )
        return ports[self._place(ports)].shape[0]

    def beside(self, model: Any) -> Beside | None:
        """Return the inputs beside the sequence; ``None`` for a model that takes nothing else.

        Parameters
        ----------
        model
            What :meth:`load` returned.

        Raises
        ------
        InputError, FileProblem
            If they are not given as the model takes them, or a file cannot be read.
        """
        first = _first(model)
        return inputs_beside(self.path, first, self._place(describe(first).inputs), self.also)

    def _place(self, ports: Sequence[Port]) -> int:
        return sequence_place(self.path, ports, self.input, self.layout)


def of_sequences(model: Any, beside: Beside | None) -> Any:
    """Return a model, or a list of folds, as functions of sequences alone, to try which lengths they take."""
    if beside is None:
        return model
    return [beside.bound(one) for one in model] if isinstance(model, list) else beside.bound(model)


def _first(model: Any) -> Any:
    return model[0] if isinstance(model, list) else model
