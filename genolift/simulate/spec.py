"""The configuration of a simulated data set: a TOML file that determines all of the data set."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError

from genolift.sequence.files import check_regular
from genolift.simulate import motif_sources
from genolift.simulate.background import background as background_of
from genolift.simulate.labels import Kind, LabelSource, Outcome, outcomes
from genolift.simulate.parts import (
    Around,
    BackgroundSource,
    Centre,
    Embed,
    Fitted,
    Group,
    Length,
    MotifSource,
    Real,
    Splits,
    Strict,
    range_of,
)
from genolift.support.errors import ConfigError, FileProblem, InputError, file_problems
from genolift.support.files import check_no_address

_RESERVED = ("name", "split", "sequence", "seqName", "embeddings")
_FILLED_IN = ("matrices", "words", "backgrounds", "digests")
_UNION_MEMBERS = (
    *("Around", "Centre", "Chance", "Classes", "Fitted", "Flipped", "Profile", "Real", "Value"),
    *("int", "float", "str", "list"),
)  # Pydantic puts the names of a union's members into the path of a key.


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
    background : list of float, Fitted or Real
        What lies outside motifs: the probabilities of A, C, G, T, or what is fitted to a file or taken from it.
    motifs : dict of str to MotifSource
        The motifs as the file gives them, by name.
    groups : list of Group
        The sequences, by how they are drawn.
    labels : dict of str to str, Flipped, Chance, Value, Classes or Profile
        What is to be predicted, by the name of the task; see :mod:`genolift.simulate.labels`.
    splits : Splits
        How many sequences are for validation and test.
    matrices : dict of str to np.ndarray
        The probabilities (width, 4) of each motif, by name. :func:`parse_spec` fills in this and what follows.
    words : dict of str to Words
        The words of those motifs that are lists of words.
    backgrounds : dict of str to Background
        The background of each group that has its own, by the group's name, and ``""`` for all others.
    digests : dict of str to str
        A digest of what was read from each file, by the key that names the file.
    """

    name: str = Field(min_length=1)
    description: str = ""
    seed: int = Field(default=0, ge=0)
    length: Annotated[Length, BeforeValidator(range_of)]
    background: BackgroundSource
    motifs: dict[str, MotifSource] = Field(default={})
    groups: list[Group] = Field(min_length=1)
    labels: dict[str, LabelSource] = Field(min_length=1)
    splits: Splits = Splits()
    matrices: dict[str, Any] = Field(default={}, exclude=True, repr=False)
    words: dict[str, Any] = Field(default={}, exclude=True, repr=False)
    backgrounds: dict[str, Any] = Field(default={}, exclude=True, repr=False)
    digests: dict[str, str] = Field(default={}, exclude=True, repr=False)

    @property
    def outcomes(self) -> list[Outcome]:
        """The tasks, in the file's order."""
        return outcomes(self.labels, self.matrices, self.length.max)

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks, in the file's order. Each class is a task."""
        return [outcome.task for outcome in self.outcomes]

    @property
    def kind(self) -> Kind:
        """What the labels are: ``"binary"``, ``"real"``, ``"classes"`` or ``"profile"``."""
        return self.outcomes[0].kind

    @property
    def total(self) -> int:
        """The number of sequences in all groups together."""
        return sum(group.sequences for group in self.groups)

    @property
    def composition(self) -> np.ndarray:
        """The probabilities of A, C, G, T outside motifs, (4,), where a group has no background of its own."""
        composition: np.ndarray = self.backgrounds[""].composition
        return composition

    def describe(self) -> dict[str, Any]:
        """Return what tells this configuration and its files from others, in values that JSON has."""
        return {**self.model_dump(mode="json"), "read": self.digests}

    def outcome(self, task: str) -> Outcome:
        """Return what is predicted under the name of a task."""
        return next(outcome for outcome in self.outcomes if outcome.task == task)


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
    check_no_address(text)
    check_regular(path)
    if not path.is_file():
        if path.is_dir():
            raise FileProblem(f"{text} is a directory, not a configuration file")
        shipped = shipped_specs()
        if text.removesuffix(".toml") not in shipped:
            raise FileProblem(
                f"{text} does not exist, nor is it the name of a simulation; there are {', '.join(shipped)}"
            )
        path = _shipped_folder() / (text.removesuffix(".toml") + ".toml")
        data = path.read_bytes()
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


def shipped_motifs() -> Path:
    """Return the file of the motifs that the configurations use which come with the package."""
    return _shipped_folder() / "motifs.meme"


def _shipped_folder() -> Path:
    beside = Path(__file__).parents[2] / "simulations"
    if (beside / "tal_gata.toml").is_file():  # The package is imported from a checkout, whose own they are.
        return beside
    return Path(str(resources.files("genolift.simulations")))


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
    for key in _FILLED_IN:
        if key in table:
            raise ConfigError(f"{source}: {key}: unknown key; see the tables of motifs, groups and labels")
    try:
        spec = Spec.model_validate(dict(table))
    except ValidationError as problem:
        raise ConfigError(f"{source}: {_first(problem)}") from None
    try:
        matrices, words = motif_sources.resolve(spec.motifs, folder or Path())
        spec = spec.model_copy(update={"matrices": matrices, "words": words})
        spec = spec.model_copy(update=_backgrounds(spec, folder or Path()))
        spec = spec.model_copy(update={"digests": _digests(spec, folder or Path())})
        _check_names(spec, source)
        _check_groups(spec, source)
        if spec.kind == "profile" and spec.length.min != spec.length.max:
            raise InputError("length: profiles need sequences of one length; give one number")
    except (InputError, FileProblem) as problem:
        if isinstance(problem, ConfigError):
            raise
        raise ConfigError(f"{source}: {problem}") from None
    _check_tasks(spec, source)
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


def _backgrounds(spec: Spec, folder: Path) -> dict[str, Any]:
    """Return the backgrounds, and the background of the file with probabilities that sum to 1."""
    found = {}
    for key, name, given in (
        ("background", "", spec.background),
        *((f"groups[{i}].background", group.name, group.background) for i, group in enumerate(spec.groups)),
    ):
        if given is None:
            continue
        try:
            found[name] = background_of(given, folder, spec.matrices)
        except (InputError, FileProblem) as problem:
            raise InputError(f"{key}: {problem}") from None
    exact = found[""].composition.tolist() if isinstance(spec.background, list) else spec.background
    return {"backgrounds": found, "background": exact}


def _digests(spec: Spec, folder: Path) -> dict[str, str]:
    """Return digests of what the files of a configuration hold: of a motif file, the motif that is taken from it."""
    read = {
        f"motifs.{name}.file": hashlib.sha256(np.ascontiguousarray(spec.matrices[name], "<f8").tobytes()).hexdigest()
        for name, source in spec.motifs.items()
        if source.file is not None
    }
    sources: dict[str, Any] = {"background": spec.background}
    sources |= {f"groups[{i}].background": group.background for i, group in enumerate(spec.groups)}
    for key, source in sources.items():
        if isinstance(source, Fitted | Real):
            path = folder / (source.fasta if isinstance(source, Fitted) else source.sequences)
            with file_problems(path, "read"), path.open("rb") as handle:
                read[key] = hashlib.file_digest(handle, "sha256").hexdigest()
    return read


def _usable(name: str) -> bool:
    """Return whether a name can stand in the files of a data set: each kind of space would divide it there."""
    return bool(name) and name.isprintable() and not any(letter == "," or letter.isspace() for letter in name)


def _check_names(spec: Spec, source: str) -> None:
    for kind, names in (
        ("motifs", spec.motifs),
        ("groups", [group.name for group in spec.groups]),
        ("labels", spec.labels),
    ):
        seen = set()
        for index, name in enumerate(names):
            key = f"{source}: groups[{index}].name" if kind == "groups" else f"{source}: {kind}.{name}"
            if not _usable(name):
                raise ConfigError(f"{key}: a name must not be empty or hold spaces, control characters or commas")
            if name in seen:
                raise ConfigError(f"{key}: two groups are named {name!r}")
            seen.add(name)


def _check_tasks(spec: Spec, source: str) -> None:
    for task in spec.tasks:
        key = f"{source}: labels.{task}"
        if task in _RESERVED:
            raise ConfigError(f"{key}: {task!r} is a column of the data set already; choose another name")
        if not _usable(task):
            raise ConfigError(f"{key}: a name must not be empty or hold spaces, control characters or commas")


def _check_groups(spec: Spec, source: str) -> None:
    for index, group in enumerate(spec.groups):
        key = f"{source}: groups[{index}]"
        room = spec.length.min
        if isinstance(group.placement, Centre):
            if group.placement.centre > room:
                raise ConfigError(f"{key}.placement.centre: {group.placement.centre} exceeds the length {room}")
            room = group.placement.centre
        if isinstance(group.placement, Around) and group.placement.around >= room:
            raise ConfigError(f"{key}.placement.around: {group.placement.around} lies beyond the length {room}")
        needed = 0
        for number, embed in enumerate(group.embed):
            width = _widest(spec, embed, f"{key}.embed[{number}]")
            if width > room:
                raise ConfigError(
                    f"{key}.embed[{number}].{'motif' if embed.motif else 'motifs'}: "
                    f"{' and '.join(map(repr, embed.members))} {'is' if embed.motif else 'are'} {width} long and "
                    f"{'does' if embed.motif else 'do'} not fit into {room} positions"
                )
            needed += width * embed.count.max
        if needed > room:
            raise ConfigError(f"{key}.embed: up to {needed} positions are to be embedded into {room}")


def _widest(spec: Spec, embed: Embed, key: str) -> int:
    """Return how many positions an instance takes at most."""
    for place, motif in enumerate(embed.members):
        if motif not in spec.matrices:
            known = ", ".join(spec.matrices) or "none"
            where = "motif" if embed.motif else f"motifs[{place}]"
            raise ConfigError(f"{key}.{where}: unknown motif {motif!r}; there are {known}")
        if motif in spec.words and embed.temperature != 1:
            raise ConfigError(f"{key}.temperature: {motif!r} is a list of words, which are drawn as they are")
    widths = [len(spec.matrices[motif]) for motif in embed.members]
    return sum(widths) + embed.gaps.max * (len(widths) - 1)
