"""The networks of a suite: architectures by name, or a file of the user's own that builds one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genolift.models.zoo import ARCHITECTURES, build
from genolift.pipeline.common.layers import own_layers, run_file
from genolift.pipeline.keeping.digest import digest_path
from genolift.support.errors import FileProblem, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

BUILDER = "build"


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
    """

    name: str
    architecture: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    digest: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return what tells this network from others."""
        return {name: value for name, value in asdict(self).items() if name != "file"}

    def build(self, length: int, tasks: int, output: str, seed: int) -> Any:
        """Return a new model.

        Parameters
        ----------
        length, tasks
            The length of the sequences, and the number of tasks.
        output
            The activation that it is to end in.
        seed
            The seed of its weights.

        Raises
        ------
        FileProblem, InputError, UnsupportedModel
            If the file cannot be run, or does not build a Keras model.
        """
        if self.architecture is not None:
            return build(self.architecture, seed=seed, length=length, tasks=tasks, output=output, **self.options)
        from genolift.models.seeding import seed_dropout, seed_weights

        quiet_tensorflow()
        import keras

        path = Path(str(self.file))
        builder = vars(run_file(path)).get(BUILDER)
        if not callable(builder):
            raise InputError(f"{path} defines no function {BUILDER}(length, tasks, output) that returns a Keras model")
        try:
            model = builder(length=length, tasks=tasks, output=output)
        except Exception as problem:  # A user's own code raises what it likes.
            raise FileProblem(f"{path}: {BUILDER} cannot be called: {type(problem).__name__}: {problem}") from problem
        if not isinstance(model, keras.Model):
            raise UnsupportedModel(f"{path}: {BUILDER} returned a {type(model).__name__}, not a Keras model")
        seed_weights(model, seed)
        seed_dropout(model, seed)
        return model

    def layers(self) -> dict[str, Any] | None:
        """Return the custom layers of its file, by name, which a saved model of it may need."""
        return None if self.file is None else own_layers(Path(self.file))


#: The networks that the suite compares, small enough to be trained for every grammar and seed.
NETWORKS: dict[str, Network] = {
    "tal_gata": Network("tal_gata", "tal_gata"),
    "basset": Network("basset", "basset", {"filters": 48}),
    "dilated": Network("dilated", "dilated"),
    "transformer": Network("transformer", "transformer"),
}


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
    if text in ARCHITECTURES and text != "bpnet":
        return Network(text, text)
    known = ", ".join(NETWORKS)
    raise InputError(f"there is no network {text!r}; there are {known}, or give a Python file that builds one")
