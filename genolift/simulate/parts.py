"""The parts of the configuration of a simulated data set, as a TOML file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator


class Strict(BaseModel):
    """A table of a configuration, whose keys and types must be exactly these."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def told_apart(kinds: Mapping[str, type], plain: type | None, wanted: str) -> Discriminator:
    """Return what tells tables of different kinds apart, each by a key that it must have.

    Parameters
    ----------
    kinds
        The class of each kind, by its key. Their names are the tags.
    plain
        The type of what is no table; ``None`` if it must be one.
    wanted
        What an error message asks for.
    """

    def tag(value: Any) -> str | None:
        if not isinstance(value, dict):
            if isinstance(value, Strict):
                return type(value).__name__
            return plain.__name__ if plain else None
        return next((kind.__name__ for key, kind in kinds.items() if key in value), None)

    return Discriminator(tag, custom_error_type="kind", custom_error_message=f"give {wanted}")


class Count(Strict):
    """The distribution of how many instances a sequence gets.

    It is a fixed number, uniform from ``min`` to ``max``, or Poisson with mean ``mean`` and drawn again until the
    number lies from ``min`` to ``max``.
    """

    distribution: Literal["fixed", "uniform", "poisson"]
    min: int = Field(ge=0)
    max: int = Field(ge=0)
    mean: float | None = Field(default=None, gt=0, le=1000)

    @model_validator(mode="after")
    def _consistent(self) -> Count:
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        if (self.mean is None) == (self.distribution == "poisson"):
            raise ValueError("'mean' belongs to the poisson distribution, which needs it")
        return self

    def probabilities(self) -> np.ndarray:
        """Return the probabilities of min, min + 1, ..., max instances."""
        values = np.arange(self.min, self.max + 1)
        if self.mean is None:  # The distribution is not Poisson.
            return np.full(len(values), 1 / len(values))
        logs = values * np.log(self.mean) - np.cumsum(np.log(np.maximum(np.arange(self.max + 1), 1)))[values]
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()


def count_of(value: Any) -> Any:
    """Return a count as the table of its distribution: a plain number is a fixed count."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"distribution": "fixed", "min": value, "max": value}
    if isinstance(value, dict) and value.get("distribution") == "fixed":
        raise ValueError("a fixed count is written as a plain number, for example count = 2")
    return value


class Fitted(Strict):
    """A background in which each base depends on the ``order`` bases before it, as in the sequences of a FASTA file."""

    fasta: str
    order: int = Field(ge=0, le=8)


class Real(Strict):
    """Stretches of real sequences as background.

    The matches of the configuration's own motifs are shuffled away (``"shuffle"``), drawn anew from the file's
    frequencies (``"redraw"``) or kept (``"keep"``).
    """

    sequences: str
    motifs: Literal["shuffle", "redraw", "keep"] = "shuffle"


class Range(Strict):
    """Whole numbers from ``min`` to ``max``, each alike."""

    min: int = Field(ge=0)
    max: int = Field(ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Range:
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


class Length(Range):
    """The lengths of the sequences, drawn uniformly from ``min`` to ``max``."""

    min: int = Field(ge=1)


def range_of(value: Any) -> Any:
    """Return a range as the table of its ends: a plain number is the only one in it."""
    return {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value


#: What lies outside motifs, as a file says it.
BackgroundSource: TypeAlias = Annotated[
    Annotated[list[float], Tag("list")] | Annotated[Fitted, Tag("Fitted")] | Annotated[Real, Tag("Real")],
    told_apart(
        {"fasta": Fitted, "sequences": Real},
        list,
        "four probabilities, or a table with 'fasta' and 'order', or one with 'sequences'",
    ),
]


class MotifSource(Strict):
    """A motif: a matrix, one of a motif file, a list of words, or a near miss of another motif.

    ``kmers`` are drawn in proportion to their ``weights``, which are equal by default. A motif that is ``like`` another
    has its ``mismatches`` most informative positions taken by the bases that are least probable there.
    """

    matrix: list[list[float]] | None = None
    file: str | None = None
    name: str | None = None
    motif_format: Literal["meme", "jaspar", "transfac", "homer"] | None = None
    kmers: list[str] | None = None
    weights: list[float] | None = None
    like: str | None = None
    mismatches: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> MotifSource:
        given = [key for key in ("matrix", "file", "kmers", "like") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError("give one of 'matrix', 'file', 'kmers' and 'like', and only one")
        if self.file is None and (self.name is not None or self.motif_format is not None):
            raise ValueError("'name' and 'motif_format' say which motif of a 'file' is meant")
        if self.kmers is None and self.weights is not None:
            raise ValueError("'weights' belong to 'kmers'")
        if (self.like is None) != (self.mismatches is None):
            raise ValueError("'like' and 'mismatches' belong together")
        return self


class Match(Strict):
    """Log-odds of an instance, as a share of the highest that its motif can have, from ``min`` to ``max``."""

    min: float = Field(le=1)
    max: float = Field(default=1.0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> Match:
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


class Embed(Strict):
    """The instances of a motif, or of several motifs side by side, in the sequences of a group.

    Several ``motifs`` stand ``gap`` bases from each other, in the ``order`` in which they are given or in any. Each
    lies on the strand that ``strands`` says, or on any; by default all lie on the forward strand. ``strand`` then turns
    the whole.

    The bases of an instance are drawn from its motif (``sample`` is ``"pwm"``), or are those of its best match
    (``"best"``). A ``temperature`` above 1 makes weak instances more frequent: probabilities are taken to the power of
    1 / temperature. With ``match``, instances are drawn again until they are so strong.
    """

    motif: str | None = None
    motifs: list[str] | None = Field(default=None, min_length=2)
    count: Annotated[Count, BeforeValidator(count_of)]
    strand: Literal["forward", "reverse", "both"] = "forward"
    gap: Annotated[Range, BeforeValidator(range_of)] | None = None
    order: Literal["given", "any"] | None = None
    strands: list[Literal["+", "-"]] | Literal["any"] | None = None
    sample: Literal["pwm", "best"] = "pwm"
    temperature: float = Field(default=1.0, gt=0, le=100)
    match: Match | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Embed:
        if (self.motif is None) == (self.motifs is None):
            raise ValueError("give either 'motif', or 'motifs' that stand side by side")
        if self.motifs is None and (self.gap or self.order or self.strands):
            raise ValueError("'gap', 'order' and 'strands' belong to 'motifs' that stand side by side")
        if isinstance(self.strands, list) and len(self.strands) != len(self.motifs or []):
            raise ValueError(f"there are {len(self.strands)} strands for {len(self.motifs or [])} motifs")
        if self.sample == "best" and (self.temperature != 1 or self.match is not None):
            raise ValueError("'temperature' and 'match' say how instances are drawn, and the best match is not drawn")
        return self

    @property
    def members(self) -> list[str]:
        """The motifs of one instance, in the order of the file."""
        return [self.motif] if self.motif is not None else list(self.motifs or [])

    @property
    def gaps(self) -> Range:
        """The numbers of bases between neighbours."""
        return self.gap or Range(min=0, max=0)


class Centre(Strict):
    """The placement of instances within the ``centre`` middle positions of a sequence."""

    centre: int = Field(ge=1)


class Around(Strict):
    """The placement of instances whose middles are normally distributed around a position."""

    around: int = Field(ge=0)
    spread: float = Field(gt=0)


#: Where instances lie.
Placement: TypeAlias = Annotated[
    Annotated[Literal["uniform"], Tag("str")] | Annotated[Centre, Tag("Centre")] | Annotated[Around, Tag("Around")],
    told_apart(
        {"centre": Centre, "around": Around},
        str,
        "\"uniform\", or a table with 'centre', or one with 'around' and 'spread'",
    ),
]


class Group(Strict):
    """Sequences that are drawn in the same way.

    Instances never overlap, and every arrangement of them is equally likely, unless they lie ``around`` a position. A
    group may have a ``background`` of its own.
    """

    name: str = Field(min_length=1)
    sequences: int = Field(ge=1)
    embed: list[Embed] = []
    placement: Placement = "uniform"
    background: BackgroundSource | None = None


class Splits(Strict):
    """The numbers of sequences, or fractions below 1, for validation and test. All others are for training."""

    valid: int | float = Field(default=0, ge=0)
    test: int | float = Field(default=0, ge=0)

    def sizes(self, total: int, of: int) -> dict[str, int]:
        """Return the number of sequences in each split.

        Parameters
        ----------
        total
            The number of sequences.
        of
            The number of sequences that counts in the configuration refer to.

        Returns
        -------
        dict of str to int
            The sizes of ``"valid"`` and ``"test"``.
        """
        sizes = {}
        for split in ("valid", "test"):
            size = getattr(self, split)
            share = size if isinstance(size, float) else size / of
            sizes[split] = round(share * total)
        return sizes
