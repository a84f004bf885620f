"""Models and methods of stores, made again as functions of sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from genolift.evaluate.faithfulness.subject import Function
from genolift.methods import targets
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.recipe import Recipe, members_of
from genolift.pipeline.common.recorded import check_same_method
from genolift.pipeline.judging.stores import JudgedStore
from genolift.pipeline.judging.weights import Weights
from genolift.support.errors import GenoliftError

# A method that follows shuffled weights gives the same scores as one that is made anew, but for rounding.
_SAME = 1e-3


class Network:
    """One of the models, loaded when it is needed, with what predicts and measures its outputs."""

    def __init__(self, file: ModelFile, memory: str | None, seed: int):
        self.file, self.memory, self._seed = file, memory, seed
        self._predictors: dict[tuple, Function] = {}
        self._mutagenesis: dict[tuple, Function | None] = {}

    @cached_property
    def model(self) -> Any:
        """The model, or a list of them where there are folds."""
        return self.file.load()

    @property
    def models(self) -> list[Any]:
        """The models one by one."""
        return self.model if isinstance(self.model, list) else [self.model]

    @cached_property
    def weights(self) -> Weights:
        """The weights of the models."""
        return Weights(self.models, self._seed)

    def predict(self, store: JudgedStore) -> Function:
        """Return what predicts the output that a store explains, as a mean over folds."""
        from genolift.methods.prediction.predictor import Predictor  # loads TensorFlow

        _, activation, both = key = store.subject
        if key not in self._predictors:
            chosen = [targets.parse(text) for text in store.recipe.targets]
            each = [Predictor(model, chosen, activation, self.memory, both) for model in self.models]
            self._predictors[key] = partial(_mean, each)
        return self._predictors[key]

    def mutagenesis(self, store: JudgedStore) -> Function | None:
        """Return in-silico mutagenesis of the output that a store explains; None where it is not defined."""
        _, activation, both = key = store.subject
        if key not in self._mutagenesis:
            recipe = Recipe("ism", store.recipe.targets, options={"activation": activation, "rc_average": both})
            try:
                method = recipe.make(self.model, store.unknown, self.memory)
            except GenoliftError:
                method = None
            self._mutagenesis[key] = None if method is None else partial(_scores, method)
        return self._mutagenesis[key]

    def explain(self, store: JudgedStore) -> Function:
        """Return a store's method on this model, for other sequences.

        Raises
        ------
        InputError
            If the method that is made from the store's record is not the one that the record describes.
        """
        return partial(_scores, self.made(store))

    def relabelled(self, store: JudgedStore) -> Function:
        """Return a store's method on this model, which is not the one that made the store."""
        return partial(_scores, store.recipe.make(self.model, store.unknown, self.memory))

    def stages(self, store: JudgedStore) -> Sequence[Function] | None:
        """Return a store's method under shuffled weights, for each stage; None where weights cannot be changed."""
        if not self.weights.can_change:
            return None
        return [Shuffled(self, store, share) for share in self.weights.stages]

    def made(self, store: JudgedStore) -> Any:
        """Return a store's method on this model."""
        if (store.path, store.target) not in self._methods:
            method = store.recipe.make(self.model, store.unknown, self.memory)
            settled(method, store)
            check_same_method(store.path, store.method, method.describe())
            self._methods[store.path, store.target] = method
        return self._methods[store.path, store.target]

    @cached_property
    def _methods(self) -> dict[tuple, Any]:
        return {}


class Shuffled:
    """A method under weights that are shuffled while it explains.

    A method reads the weights anew for every call, unless it has computed something from them when it was made. So the
    first call compares it with one that is made under the shuffled weights, and where they differ, all calls make one.
    """

    def __init__(self, network: Network, store: JudgedStore, share: float):
        self._network, self._store, self._share = network, store, share
        self._follows: bool | None = None

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return the scores (M, L) of sequences (M, L, 4)."""
        with self._network.weights.shuffled(self._share):
            method = self._network.made(self._store)
            if self._follows is None:
                kept, fresh = _scores(method, X[:1]), _scores(self._fresh(), X[:1])
                self._follows = bool(np.abs(kept - fresh).max() <= _SAME * np.abs(fresh).max())
            return _scores(method if self._follows else self._fresh(), X)

    def _fresh(self) -> Any:
        return self._store.recipe.make(self._network.model, self._store.unknown, self._network.memory)


def _mean(each: Sequence[Any], X: np.ndarray) -> np.ndarray:
    return np.stack([one(X).values[:, 0] for one in each]).mean(0, dtype=np.float64)


def settled(method: Any, store: JudgedStore) -> None:
    """Explain a sequence where the method's description is not complete before its model is traced."""
    if not all(member.is_traced for member in members_of(method)):
        method(store.read("inputs", np.array([0]), int(store.scores.lengths[0])))


def _scores(method: Callable[[np.ndarray], Any], X: np.ndarray) -> np.ndarray:
    return np.asarray(method(X).scores, np.float64)
