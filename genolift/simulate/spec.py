"""The configuration of a simulated data set: a TOML file that determines all of the data set."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError

from genolift.simulate.expressions import Label
from genolift.simulate.motifs import MotifFile, check_probabilities
from genolift.simulate.parts import Centre, Group, Length, MotifSource, Splits, Strict, length_of
from genolift.support.errors import ConfigError, FileProblem, InputError, file_problems

_RESERVED = ("name", "split", "sequence", "seqName", "embeddings")
_BAD_IN_NAMES = set(" \t\r\n,")
_UNION_MEMBERS = ("Centre", "int", "float")  # Pydantic puts the names of a union's members into the path of a key.


class Spec(Strict):
    """The configuration of a simulated data set.

    Attributes
    ----------
    name, description : str
        What the data set is called, and what it is.
    seed : int
        The seed of all draws.
    length : Length
        The lengths of the sequences.
    background : list of float
        The probabilities of A, C, G, T outside motifs.
    motifs : dict of str to MotifSource
        The motifs as the file gives them, by name.
    groups : list of Group
        The sequences, by how they are drawn.
    labels : dict of str to str
        The expression of each label, by the name of its task; see :mod:`genolift.simulate.expressions`.
    splits : Splits
        How many sequences are for validation and test.
    matrices : dict of str to np.ndarray
        The probabilities (width, 4) of each motif, by name. :func:`parse_spec` fills them in.
    """

    name: str = Field(min_length=1)
    description: str = ""
    seed: int = Field(default=0, ge=0)
    length: Annotated[Length, BeforeValidator(length_of)]
    background: list[float]
    motifs: dict[str, MotifSource] = Field(default={})
    groups: list[Group] = Field(min_length=1)
    labels: dict[str, str] = Field(min_length=1)
    splits: Splits = Splits()
    matrices: dict[str, Any] = Field(default={}, exclude=True, repr=False)

    @property
    def tasks(self) -> list[str]:
        """The names of the labels, in the file's order."""
        return list(self.labels)

    @property
    def total(self) -> int:
        """The number of sequences in all groups together."""
        return sum(group.sequences for group in self.groups)

    def label(self, task: str) -> Label:
        """Return the parsed expression of the label of a task.

        Parameters
        ----------
        task
            The task's name.

        Returns
        -------
        Label
            The expression. Calling it with counts of motifs gives the labels.
        """
        return Label(self.labels[task], list(self.matrices))


def load_spec(path_or_name: str | os.PathLike) -> Spec:
    """Return the configuration of a simulated data set.

    Parameters
    ----------
    path_or_name
        A TOML file, or the name of a configuration that comes with the package, such as ``"tal_gata"``.

    Returns
    -------
    Spec
        The configuration, checked and with the motifs that it uses.

    Raises
    ------
    FileProblem
        If there is no such file or name, or if the file cannot be read.
    ConfigError
        If a key is unknown or a value is impossible. The message names file and key.
    """
    text = str(path_or_name)
    path = Path(text)
    if not path.is_file():
        if path.is_dir():
            raise FileProblem(f"{text} is a directory, not a configuration file")
        shipped = shipped_specs()
        if text.removesuffix(".toml") not in shipped:
            raise FileProblem(
                f"{text} does not exist, nor is it the name of a simulation; there are {', '.join(shipped)}"
            )
        data = _shipped_folder().joinpath(text.removesuffix(".toml") + ".toml").read_bytes()
    else:
        with file_problems(text, "read"):
            data = path.read_bytes()
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{text} is not a TOML file: {problem}") from None
    return parse_spec(table, text, path.parent)


def shipped_specs() -> list[str]:
    """Return the names of the configurations that come with the package."""
    return sorted(
        file.name.removesuffix(".toml") for file in _shipped_folder().iterdir() if file.name.endswith(".toml")
    )


def _shipped_folder() -> Traversable:
    try:
        return resources.files("genolift.simulations")
    except ModuleNotFoundError:  # The package is not installed but imported from a checkout.
        return Path(__file__).parents[2] / "simulations"


def parse_spec(table: Mapping[str, Any], source: str = "configuration", folder: Path | None = None) -> Spec:
    """Return the configuration that a table holds.

    Parameters
    ----------
    table
        The content of a configuration file.
    source
        What an error message calls the configuration.
    folder
        The folder that the names of motif files are relative to. The default is the current folder.

    Returns
    -------
    Spec
        The configuration, checked and with the motifs that it uses.

    Raises
    ------
    ConfigError
        If a key is unknown or a value is impossible.
    """
    if "matrices" in table:
        raise ConfigError(f"{source}: matrices: unknown key; motifs belong in [motifs.NAME]")
    try:
        spec = Spec.model_validate(dict(table))
    except ValidationError as problem:
        raise ConfigError(f"{source}: {_first(problem)}") from None
    try:
        background = check_probabilities(spec.background, "background")
    except InputError as problem:
        raise ConfigError(f"{source}: background: {problem}") from None
    if background.ndim != 1:
        raise ConfigError(f"{source}: background: must be four numbers, not a matrix")
    matrices = {name: _matrix(name, motif, source, folder) for name, motif in spec.motifs.items()}
    spec = spec.model_copy(update={"background": background.tolist(), "matrices": matrices})
    _check_names(spec, source)
    _check_groups(spec, source)
    for task in spec.labels:
        try:
            spec.label(task)
        except InputError as problem:
            raise ConfigError(f"{source}: labels.{task}: {problem}") from None
    sizes = spec.splits.sizes(spec.total, spec.total)
    for split, size in sizes.items():
        value = getattr(spec.splits, split)
        if isinstance(value, float) and value >= 1:
            raise ConfigError(
                f"{source}: splits.{split}: {value} is not a fraction below 1; write a count without a decimal point"
            )
        if size > spec.total:
            raise ConfigError(f"{source}: splits.{split}: {size} exceeds the {spec.total} sequences")
    if sum(sizes.values()) > spec.total:
        raise ConfigError(
            f"{source}: splits: {sum(sizes.values())} sequences of {spec.total} are too many to keep back"
        )
    return spec


def _first(problem: ValidationError) -> str:
    """Return the first error in one line, with its key as one would write it, and the number of further errors."""
    errors = problem.errors(include_url=False)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    error = (unknown or errors)[0]
    key = ""
    for part in error["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif not part.startswith("literal[") and part not in _UNION_MEMBERS:
            key += f".{part}" if key else part
    text = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(
        error["type"], error["msg"].removeprefix("Value error, ")
    )
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{key or 'the file'}: {text}{more}"


def _matrix(name: str, motif: MotifSource, source: str, folder: Path | None) -> np.ndarray:
    """Return the probabilities (width, 4) of a motif."""
    key = f"{source}: motifs.{name}"
    try:
        if motif.file is None:
            return check_probabilities(motif.matrix, f"motif {name!r}")
        path = (folder or Path()) / motif.file
        collection = MotifFile.read(path, motif.motif_format)
        wanted = motif.name or name
        if wanted in collection:
            return collection.get(wanted).matrix
    except (InputError, FileProblem) as problem:
        raise ConfigError(f"{key}.{'matrix' if motif.matrix is not None else 'file'}: {problem}") from None
    some = ", ".join(list(collection.motifs)[:5])
    raise ConfigError(f"{key}.name: {path} has no motif {wanted!r}; it has {some}")


def _check_names(spec: Spec, source: str) -> None:
    for kind, names in (
        ("motifs", spec.motifs),
        ("groups", [group.name for group in spec.groups]),
        ("labels", spec.labels),
    ):
        seen = set()
        for index, name in enumerate(names):
            key = f"{source}: groups[{index}].name" if kind == "groups" else f"{source}: {kind}.{name}"
            if not name or _BAD_IN_NAMES & set(name):
                raise ConfigError(f"{key}: a name must not be empty or hold spaces or commas")
            if kind == "labels" and name in _RESERVED:
                raise ConfigError(f"{key}: {name!r} is a column of the data set already; choose another name")
            if name in seen:
                raise ConfigError(f"{key}: two groups are named {name!r}")
            seen.add(name)


def _check_groups(spec: Spec, source: str) -> None:
    for index, group in enumerate(spec.groups):
        key = f"{source}: groups[{index}]"
        room = spec.length.min
        if isinstance(group.placement, Centre):
            if group.placement.centre > room:
                raise ConfigError(f"{key}.placement.centre: {group.placement.centre} exceeds the length {room}")
            room = group.placement.centre
        needed = 0
        for number, embed in enumerate(group.embed):
            if embed.motif not in spec.matrices:
                known = ", ".join(spec.matrices) or "none"
                raise ConfigError(f"{key}.embed[{number}].motif: unknown motif {embed.motif!r}; there are {known}")
            width = len(spec.matrices[embed.motif])
            if width > room:
                raise ConfigError(
                    f"{key}.embed[{number}].motif: {embed.motif!r} is {width} long and does "
                    f"not fit into {room} positions"
                )
            needed += width * embed.count.max
        if needed > room:
            raise ConfigError(f"{key}.embed: up to {needed} positions are to be embedded into {room}")
