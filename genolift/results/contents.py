"""The fields of an explanation by name: those that are given, and those that are computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genolift.results.fields import (
    INPUT,
    OUTPUT,
    PAIR,
    POSITION,
    REFERENCE,
    as_array,
    each,
    is_image,
    leaves,
    project,
    sum_channels,
)
from genolift.results.lazy import rowwise
from genolift.results.regions import Region, RegionTable, as_regions
from genolift.sequence.alphabet import is_dna
from genolift.support.errors import InputError, Undefined
from genolift.support.texts import Listed


class Contents:
    """The fields of an explanation of N sequences, and what is known of the sequences.

    Every field is an attribute. :class:`Explanation` says what the arguments are.
    """

    name_texts: list[str] | Listed
    region_table: RegionTable | None
    _regions: list[Region] | None

    FIELDS: ClassVar[dict[str, str]] = {
        "inputs": INPUT,
        "scores": POSITION,
        "raw_contributions": INPUT,
        "hypothetical": INPUT,
        "contributions": INPUT,
        "multipliers": INPUT,
        "predictions": OUTPUT,
        "reference_predictions": REFERENCE,
        "residual": REFERENCE,
        "standard_error": POSITION,
        "reference_count": OUTPUT,
        "spread": POSITION,
    }

    def __init__(
        self,
        fields: dict[str, Any],
        *,
        undefined: dict[str, str] | None = None,
        names: Sequence[str] | None = None,
        regions: Any = None,
        target: Any = None,
        method: dict[str, Any] | None = None,
        lengths: npt.ArrayLike | None = None,
        provenance: dict[str, Any] | None = None,
    ):
        if "inputs" not in fields:
            raise InputError("an explanation needs the field 'inputs'")
        self._fields = {name: self._as_field(name, value) for name, value in fields.items()}
        self._derived: dict[str, Any] = {}
        self.undefined = dict(undefined or {})
        n = len(leaves(self._fields["inputs"])[0])
        for name, value in self._fields.items():
            for leaf in leaves(value):
                if not leaf.shape or leaf.shape[0] != n:
                    raise InputError(f"field {name!r} has shape {leaf.shape}, but there are {n} sequences in 'inputs'")
        self._name(map(str, range(n)) if names is None else names)
        self._regions, self.region_table = None, as_regions(regions)
        self.lengths = None if lengths is None else np.asarray(lengths, dtype=np.int64)
        for name, value in (("names", self.name_texts), ("regions", self.region_table), ("lengths", self.lengths)):
            if value is not None and len(value) != n:
                raise InputError(f"{len(value)} {name} were given for {n} sequences")
        if self.lengths is not None and (self.lengths.ndim > 1 or (self.lengths < 0).any()):
            raise InputError("lengths are a number for each sequence, of at least 0")
        self.target = target
        self.method = dict(method or {})
        self.provenance = dict(provenance or {})

    @classmethod
    def kind(cls, name: str) -> str:
        """Return what determines the shape of a field.

        Parameters
        ----------
        name
            The name of the field.

        Returns
        -------
        str
            One of the constants in :mod:`genolift.results.fields`, or an axis in words. A field that this type does not
            know counts as one value per sequence.
        """
        return cls.FIELDS.get(name, OUTPUT)

    @classmethod
    def _as_field(cls, name: str, value: Any) -> Any:
        if cls.kind(name) in (INPUT, POSITION):
            if isinstance(value, dict):
                return {key: None if leaf is None else as_array(leaf) for key, leaf in value.items()}
            if isinstance(value, list | tuple):
                return [None if leaf is None else as_array(leaf) for leaf in value]
        return as_array(value)

    # -- what, where -----------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names of the sequences, N texts."""
        if not isinstance(self.name_texts, list):
            self.name_texts = list(self.name_texts)
        return self.name_texts

    @names.setter
    def names(self, names: Iterable[str]) -> None:
        self._name(names)

    def _name(self, names: Iterable[str]) -> None:
        self.name_texts = names if isinstance(names, Listed) else [str(name) for name in names]

    @property
    def regions(self) -> list[Region] | None:
        """Where the sequences come from, N regions (0-based, half-open); ``None`` if that is not known."""
        if self._regions is None and self.region_table is not None:
            self._regions = list(self.region_table)
        return self._regions

    @regions.setter
    def regions(self, regions: Any) -> None:
        self._regions, self.region_table = None, as_regions(regions)

    # -- fields ----------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._fields:
            return self._fields[name]
        if name not in self._derived:
            derive = {"scores": self._derive_scores, "contributions": self._derive_contributions}.get(name)
            value = derive() if derive else None
            if value is None:
                raise self._undefined(name)
            self._derived[name] = value
        return self._derived[name]

    def _undefined(self, name: str) -> AttributeError:
        if name in self.undefined:
            return Undefined(f"{name} is not defined: {self.undefined[name]}")
        source = {"scores": "raw_contributions", "contributions": "hypothetical"}.get(name)
        if source in self.undefined:
            return Undefined(f"{name} is not defined: it follows from {source}, and {self.undefined[source]}")
        if name in self.FIELDS:
            return Undefined(f"{name} is not defined by the method {self.method.get('name', 'used')}")
        return AttributeError(f"an explanation has no field {name!r}; this one has {', '.join(self.defined)}")

    def _derive_scores(self) -> Any:
        """Return raw contributions, summed over the four channels if the inputs are DNA."""
        if "raw_contributions" not in self._fields:
            return None
        return each(
            lambda x, raw: rowwise(sum_channels, raw) if is_dna(x.shape[1:]) else raw,
            self._fields["inputs"],
            self._fields["raw_contributions"],
        )

    def _derive_contributions(self) -> Any:
        if "hypothetical" not in self._fields:
            return None
        return each(lambda x, h: rowwise(project, x, h), self._fields["inputs"], self._fields["hypothetical"])

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that the method gave, by name, without those that are computed from them, such as ``scores``."""
        return dict(self._fields)

    @property
    def defined(self) -> list[str]:
        """The names of the fields that this explanation has, including those that are computed from others."""
        sources = {"scores": "raw_contributions", "contributions": "hypothetical"}
        known = [name for name in self.FIELDS if name in self._fields or sources.get(name) in self._fields]
        return known + [name for name in self._fields if name not in self.FIELDS]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.defined]

    def __repr__(self) -> str:
        method = self.method.get("name", "?")
        what = "images" if self.of_images else "sequences"
        return f"<{type(self).__name__} of {len(self)} {what} by {method}: {', '.join(self.defined)}>"

    @property
    def several_inputs(self) -> bool:
        """Whether the model has several inputs."""
        return isinstance(self._fields["inputs"], dict | list)

    @property
    def of_images(self) -> bool:
        """Whether the only input holds images, (N, height, width, channels)."""
        return not self.several_inputs and is_image(self._fields["inputs"].shape[1:])

    # -- shapes ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(leaves(self._fields["inputs"])[0])

    def length_axes(self, name: str) -> tuple[int, ...]:
        """Return which axes of a field run along the sequence.

        Parameters
        ----------
        name
            The name of the field.

        Returns
        -------
        tuple of int
            The numbers of the axes; none if the model has several inputs, or takes images.
        """
        kind = self.kind(name)
        if kind not in (INPUT, POSITION, PAIR) or self.several_inputs or self.of_images:
            return ()
        inputs, ndim = self._fields["inputs"], self._fields[name].ndim
        if kind == PAIR:
            return (ndim - 2, ndim - 1)
        return (1 + ndim - (2 if kind == POSITION and is_dna(inputs.shape[1:]) else inputs.ndim),)

    @property
    def target_axis(self) -> bool:
        """Whether the fields have an axis of targets after N."""
        if "predictions" in self._fields:
            return self._fields["predictions"].ndim == 2
        return isinstance(self.target, list)

    @property
    def target_count(self) -> int:
        """The number of targets that were explained."""
        return leaves(self._first(INPUT, POSITION, OUTPUT))[0].shape[1] if self.target_axis else 1

    def _first(self, *kinds: str) -> Any:
        return next(v for k, v in self._fields.items() if k != "inputs" and self.kind(k) in kinds)

    @property
    def row_bytes(self) -> int:
        """The size of all fields of one sequence, in bytes."""
        return sum(leaf[:1].nbytes for value in self._fields.values() for leaf in leaves(value))
