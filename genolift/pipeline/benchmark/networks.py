"""The networks of a suite: architectures by name, or a file of the user's own that builds one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from genolift.models.recipe.hyperparameters import HYPERPARAMETERS, Hyperparameters
from genolift.models.zoo import ARCHITECTURES, OF_PROFILES, build
from genolift.pipeline.common.layers import own_layers, run_file
from genolift.pipeline.keeping.digest import digest_path
from genolift.support.errors import FileProblem, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

BUILDER, PROFILE_BUILDER = "build", "build_profile"
BATCH = 64  # Of networks that say how many sequences they see; twice the usual, for speed.


@dataclass(frozen=True)
class Network:
    """A network of a suite.

    Attributes
    ----------
    name : str
        What it is called in tables and files.
    architecture : str or None
        The architecture, by name.
    options : dict
        Its options.
    file : str or None
        The Python file that builds it, instead of an architecture.
    digest : str or None
        The digest of that file.
    sees : int or None
        How many sequences it sees in training, each as often as that takes; ``None`` for the epochs of its recipe.
    learning_rate : float or None
        The peak of the learning rate, instead of that of its recipe.
    """

    name: str
    architecture: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    digest: str | None = None
    sees: int | None = None
    learning_rate: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return what tells this network from others."""
        return {name: value for name, value in asdict(self).items() if name != "file"}

    def hyperparameters(self, sequences: int, epochs: int | None = None) -> dict[str, Any]:
        """Return how it is trained on so many sequences, as :func:`genolift.models.training.train` takes it.

        Parameters
        ----------
        sequences
            The number of training sequences.
        epochs
            The largest number of epochs that the user wants, or ``None``.
        """
        recipe = HYPERPARAMETERS.get(self.architecture or "", Hyperparameters())
        if self.sees is not None:
            # Rounded up, so that training sees no less; the patience is that of the architecture.
            recipe = replace(recipe, epochs=-(-self.sees // max(1, sequences)), batch_size=BATCH)
        rate = self.learning_rate or recipe.learning_rate
        return {"epochs": epochs or recipe.epochs, "batch_size": recipe.batch_size, "learning_rate": rate}

    def misfit(self, kind: str) -> str | None:
        """Return why this network cannot learn labels of a kind, or ``None`` if it can.

        Whether a network of a Python file fits labels other than profiles shows when it is built.
        """
        profiles = kind == "profile"
        if self.architecture is not None and profiles != (self.architecture in OF_PROFILES):
            heads = "a profile and its counts" if self.architecture in OF_PROFILES else "one number for each task"
            return f"the labels are {_SAID[kind]}, and {self.name} predicts {heads}"
        if self.file is not None and profiles and not callable(vars(run_file(Path(self.file))).get(PROFILE_BUILDER)):
            return f"the labels are profiles, and {self.name} defines no {PROFILE_BUILDER}(length, tasks, positions)"
        return None

    def build(self, length: int, tasks: int, output: str, seed: int, positions: int | None = None) -> Any:
        """Return a new model.

        Parameters
        ----------
        length, tasks
            The length of the sequences, and the number of tasks.
        output
            The activation that it is to end in.
        seed
            The seed of its weights.
        positions
            The number of positions of profiles, in the place of ``output``, for networks of profiles.

        Raises
        ------
        FileProblem, InputError, UnsupportedModel
            If the file cannot be run, or does not build a Keras model.
        """
        ends: dict[str, Any] = {"output": output} if positions is None else {"positions": positions}
        if self.architecture is not None:
            ends |= {} if positions is None else {"dilations": None}
            return build(self.architecture, seed=seed, length=length, tasks=tasks, **{**ends, **self.options})
        from genolift.models.seeding import seed_dropout, seed_weights

        quiet_tensorflow()
        import keras

        path = Path(str(self.file))
        name = BUILDER if positions is None else PROFILE_BUILDER
        builder = vars(run_file(path)).get(name)
        if not callable(builder):
            takes = ", ".join(("length", "tasks", *ends))
            raise InputError(f"{path} defines no function {name}({takes}) that returns a Keras model")
        try:
            model = builder(length=length, tasks=tasks, **ends)
        except Exception as problem:  # A user's own code raises what it likes.
            raise FileProblem(f"{path}: {name} cannot be called: {type(problem).__name__}: {problem}") from problem
        if not isinstance(model, keras.Model):
            raise UnsupportedModel(f"{path}: {name} returned a {type(model).__name__}, not a Keras model")
        seed_weights(model, seed)
        seed_dropout(model, seed)
        return model

    def layers(self) -> dict[str, Any] | None:
        """Return the custom layers of its file, by name, which a saved model of it may need."""
        return None if self.file is None else own_layers(Path(self.file))


#: The networks that the suite compares, small enough to be trained for every grammar and seed in about a minute.
NETWORKS: dict[str, Network] = {
    "tal_gata": Network("tal_gata", "tal_gata", sees=100_000, learning_rate=5e-3),
    "basset": Network("basset", "basset", {"filters": 48}, sees=140_000, learning_rate=3e-3),
    "dilated": Network("dilated", "dilated", {"filters": 32}, sees=120_000, learning_rate=5e-3),
    "transformer": Network("transformer", "transformer", sees=60_000, learning_rate=2e-3),
    "bpnet": Network("bpnet", "bpnet", {"filters": 32}),
}
_SAID = {"binary": "0 or 1", "real": "real values", "classes": "classes", "profile": "profiles"}


def network(text: str) -> Network:
    """Return the network that a user names: one of the suite, another architecture, or a Python file.

    Raises
    ------
    InputError
        If there is none of this name.
    FileProblem
        If the file is not there.
    """
    if text.endswith(".py"):
        path = Path(text)
        if not path.is_file():
            raise FileProblem(f"{path} does not exist")
        return Network(path.stem, file=str(path.absolute()), digest=digest_path(path))
    if text in NETWORKS:
        return NETWORKS[text]
    if text in ARCHITECTURES:
        return Network(text, text)
    known = ", ".join(NETWORKS)
    raise InputError(f"there is no network {text!r}; there are {known}, or give a Python file that builds one")
