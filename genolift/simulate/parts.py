"""The parts of the configuration of a simulated data set, as a TOML file holds them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A table of a configuration, whose keys and types must be exactly these."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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


class Length(Strict):
    """The lengths of the sequences, drawn uniformly from ``min`` to ``max``."""

    min: int = Field(ge=1)
    max: int = Field(ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Length:
        if self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


def length_of(value: Any) -> Any:
    """Return a length as the table of its range: a plain number is the length of every sequence."""
    return {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value


class MotifSource(Strict):
    """A motif, given as a matrix or by its name in a motif file."""

    matrix: list[list[float]] | None = None
    file: str | None = None
    name: str | None = None
    motif_format: Literal["meme", "jaspar", "transfac", "homer"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> MotifSource:
        if (self.matrix is None) == (self.file is None):
            raise ValueError("give either 'matrix' or 'file', not both")
        if self.matrix is not None and self.name is not None:
            raise ValueError("'name' says which motif of a 'file' is meant; a matrix does not have one")
        return self


class Embed(Strict):
    """The instances of one motif in the sequences of a group."""

    motif: str
    count: Annotated[Count, BeforeValidator(count_of)]
    strand: Literal["forward", "reverse", "both"] = "forward"


class Centre(Strict):
    """The placement of instances within the ``centre`` middle positions of a sequence."""

    centre: int = Field(ge=1)


class Group(Strict):
    """Sequences that are drawn in the same way.

    Instances never overlap, and every arrangement of them is equally likely.
    """

    name: str = Field(min_length=1)
    sequences: int = Field(ge=1)
    embed: list[Embed] = []
    placement: Literal["uniform"] | Centre = "uniform"


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
