"""The configuration of a simulated data set: a TOML file that says everything the data set is."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from genolift.simulate.expressions import Label
from genolift.simulate.motifs import Motif, check_probabilities, read_motifs
from genolift.support.errors import ConfigError, FileProblem, InputError, file_problems

_RESERVED = ("name", "split", "sequence", "seqName", "embeddings")
_BAD_IN_NAMES = set(" \t\r\n,")
_UNION_MEMBERS = ("Centre", "int", "float")  # pydantic puts the names of a union's members into a key's path


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Count(_Strict):
    """How many instances a sequence gets: fixed, uniform in min..max, or Poisson redrawn until in it."""

    distribution: Literal["fixed", "uniform", "poisson"]
    min: int = Field(ge=0)
    max: int = Field(ge=0)
    mean: float | None = Field(default=None, gt=0, le=1000)

    @model_validator(mode="after")
    def _consistent(self):
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        if (self.mean is None) == (self.distribution == "poisson"):
            raise ValueError("'mean' belongs to the poisson distribution, which needs it")
        return self

    def probabilities(self) -> np.ndarray:
        """Probability of min, min + 1, ..., max instances."""
        values = np.arange(self.min, self.max + 1)
        if self.distribution != "poisson":
            return np.full(len(values), 1 / len(values))
        logs = values * np.log(self.mean) - np.cumsum(np.log(np.maximum(np.arange(self.max + 1), 1)))[values]
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()


def _count(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"distribution": "fixed", "min": value, "max": value}
    if isinstance(value, dict) and value.get("distribution") == "fixed":
        raise ValueError("a fixed count is written as a plain number, for example count = 2")
    return value


class Length(_Strict):
    """Lengths drawn uniformly from min..max."""

    min: int = Field(ge=1)
    max: int = Field(ge=1)

    @model_validator(mode="after")
    def _consistent(self):
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


def _length(value: Any) -> Any:
    return {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value


class MotifSource(_Strict):
    """A motif given as a matrix, or by its name in a motif file."""

    matrix: list[list[float]] | None = None
    file: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _one_source(self):
        if (self.matrix is None) == (self.file is None):
            raise ValueError("give either 'matrix' or 'file', not both")
        if self.matrix is not None and self.name is not None:
            raise ValueError("'name' says which motif of a 'file' is meant; a matrix takes none")
        return self


class Embed(_Strict):
    """Instances of one motif in the sequences of a group."""

    motif: str
    count: Annotated[Count, BeforeValidator(_count)]
    strand: Literal["forward", "reverse", "both"] = "forward"


class Centre(_Strict):
    """Placement within the ``centre`` middle positions of a sequence."""

    centre: int = Field(ge=1)


class Group(_Strict):
    """Sequences made alike; instances never overlap and every arrangement of them is equally likely."""

    name: str = Field(min_length=1)
    sequences: int = Field(ge=1)
    embed: list[Embed] = []
    placement: Literal["uniform"] | Centre = "uniform"


class Splits(_Strict):
    """Numbers of sequences, or fractions below 1, for validation and test; all others are for training."""

    valid: int | float = Field(default=0, ge=0)
    test: int | float = Field(default=0, ge=0)

    def sizes(self, total: int, of: int) -> dict[str, int]:
        """Numbers for ``total`` sequences when counts were stated for ``of`` sequences."""
        sizes = {}
        for split in ("valid", "test"):
            size = getattr(self, split)
            share = size if isinstance(size, float) else size / of
            sizes[split] = round(share * total)
        return sizes


class Spec(_Strict):
    """A simulated data set; ``matrices`` holds the motifs ready to use (:func:`parse_spec` fills it)."""

    name: str = Field(min_length=1)
    description: str = ""
    seed: int = Field(default=0, ge=0)
    length: Annotated[Length, BeforeValidator(_length)]
    background: list[float]
    motifs: dict[str, MotifSource] = {}
    groups: list[Group] = Field(min_length=1)
    labels: dict[str, str] = Field(min_length=1)
    splits: Splits = Splits()
    matrices: dict[str, Any] = Field(default={}, exclude=True, repr=False)

    @property
    def tasks(self) -> list[str]:
        """Names of the labels, in the file's order."""
        return list(self.labels)

    @property
    def total(self) -> int:
        """Number of sequences over all groups."""
        return sum(group.sequences for group in self.groups)

    def label(self, task: str) -> Label:
        """The parsed expression of one label."""
        return Label(self.labels[task], list(self.matrices))


def load_spec(path_or_name) -> Spec:
    """Read a configuration: a TOML file, or the name of one that is shipped (``"tal_gata"``).

    Raises :class:`FileProblem` if there is no such file or name and :class:`ConfigError`, naming file and
    key, for unknown keys and impossible values.
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
    """Names of the configurations that come with the package."""
    return sorted(
        file.name.removesuffix(".toml") for file in _shipped_folder().iterdir() if file.name.endswith(".toml")
    )


def _shipped_folder():
    try:
        return resources.files("genolift.simulations")
    except ModuleNotFoundError:  # a checkout on the path, not installed
        return Path(__file__).parents[2] / "simulations"


def parse_spec(table: Mapping[str, Any], source: str = "configuration", folder: Path | None = None) -> Spec:
    """Check a configuration given as a table; ``source`` names it in errors, ``folder`` has its files."""
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
                f"{source}: splits.{split}: {value} is no fraction below 1; write a count without a point"
            )
        if size > spec.total:
            raise ConfigError(f"{source}: splits.{split}: {size} exceeds the {spec.total} sequences")
    if sum(sizes.values()) > spec.total:
        raise ConfigError(
            f"{source}: splits: {sum(sizes.values())} sequences of {spec.total} are too many to keep back"
        )
    return spec


def _first(problem: ValidationError) -> str:
    """The first trouble in one line, with the key as it would be written, and how many more there are."""
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
    key = f"{source}: motifs.{name}"
    try:
        if motif.matrix is not None:
            return Motif(name, motif.matrix).matrix
        path = (folder or Path()) / motif.file
        collection = read_motifs(path)
    except (InputError, FileProblem) as problem:
        raise ConfigError(f"{key}.{'matrix' if motif.matrix is not None else 'file'}: {problem}") from None
    wanted = motif.name or name
    if wanted not in collection:
        some = ", ".join(list(collection)[:5])
        raise ConfigError(f"{key}.name: {path} has no motif {wanted!r}; it has {some}")
    return collection[wanted].matrix


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
