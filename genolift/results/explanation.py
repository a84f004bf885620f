"""Explanation: what every method returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from genolift.results.fields import (
    INPUT,
    OUTPUT,
    PAIR,
    POSITION,
    REFERENCE,
    as_array,
    concatenate,
    cut_or_pad,
    each,
    leaves,
    project,
    sum_channels,
)
from genolift.results.lazy import LazyArray, rowwise
from genolift.results.regions import Region, as_regions
from genolift.sequence.alphabet import is_dna
from genolift.support import drawings
from genolift.support.errors import InputError, Remedy, Undefined, setting
from genolift.support.texts import Listed


class Explanation:
    """What a method says about N sequences; the fields are listed in ``FIELDS``.

    ``fields`` maps names to arrays whose first axis is N; fields that follow the inputs are a dict or list of
    arrays when the model has several inputs. ``undefined`` maps the names of fields the method does not
    define to reasons. ``lengths`` (N,) are the true lengths when sequences of mixed length are padded at the
    right with zeros. ``provenance`` is whatever else is worth keeping with the result, such as versions.
    """

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
    }
    _types: ClassVar[dict[str, type[Explanation]]] = {}  # by name, as a store keeps it

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        Explanation._types[cls.__name__] = cls

    def __init__(
        self,
        fields: dict[str, Any],
        *,
        undefined: dict[str, str] | None = None,
        names: Sequence[str] | None = None,
        regions=None,
        target=None,
        method: dict | None = None,
        lengths=None,
        provenance: dict | None = None,
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
        self.names, self.regions = range(n) if names is None else names, regions
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
        """What the shape of a field follows; a field no class knows is taken to be one value per sequence."""
        return cls.FIELDS.get(name, OUTPUT)

    @classmethod
    def _as_field(cls, name: str, value):
        if cls.kind(name) in (INPUT, POSITION):
            if isinstance(value, dict):
                return {key: None if leaf is None else as_array(leaf) for key, leaf in value.items()}
            if isinstance(value, list | tuple):
                return [None if leaf is None else as_array(leaf) for leaf in value]
        return as_array(value)

    # -- what, where -----------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The sequences' names; until they are asked for, ``name_texts`` has them as they come from a store, in little memory."""
        if not isinstance(self.name_texts, list):
            self.name_texts = list(self.name_texts)
        return self.name_texts

    @names.setter
    def names(self, names: Iterable[str]) -> None:
        self.name_texts = names if isinstance(names, Listed) else [str(name) for name in names]

    @property
    def regions(self) -> list[Region] | None:
        """Where the sequences come from; ``region_table`` has the same as columns."""
        if self._regions is None and self.region_table is not None:
            self._regions = list(self.region_table)
        return self._regions

    @regions.setter
    def regions(self, regions) -> None:
        self._regions, self.region_table = None, as_regions(regions)

    # -- fields ----------------------------------------------------------------------------------------------

    def __getattr__(self, name: str):
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

    def _derive_scores(self):
        """For DNA the sum of raw contributions over the four channels; else raw contributions as they are."""
        if "raw_contributions" not in self._fields:
            return None
        return each(
            lambda x, raw: rowwise(sum_channels, raw) if is_dna(x.shape[1:]) else raw,
            self._fields["inputs"],
            self._fields["raw_contributions"],
        )

    def _derive_contributions(self):
        if "hypothetical" not in self._fields:
            return None
        return each(lambda x, h: rowwise(project, x, h), self._fields["inputs"], self._fields["hypothetical"])

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that the method gave, without those that follow from them, such as ``scores``."""
        return dict(self._fields)

    @property
    def defined(self) -> list[str]:
        """The names of the fields this explanation has, derived ones included."""
        sources = {"scores": "raw_contributions", "contributions": "hypothetical"}
        known = [name for name in self.FIELDS if name in self._fields or sources.get(name) in self._fields]
        return known + [name for name in self._fields if name not in self.FIELDS]

    def __dir__(self):
        return [*super().__dir__(), *self.defined]

    def __repr__(self) -> str:
        method = self.method.get("name", "?")
        return f"<{type(self).__name__} of {len(self)} sequences by {method}: {', '.join(self.defined)}>"

    @property
    def several_inputs(self) -> bool:
        return isinstance(self._fields["inputs"], dict | list)

    # -- sequences and targets -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(leaves(self._fields["inputs"])[0])

    def __getitem__(self, key) -> Explanation:
        """Some sequences (slice, mask, list of numbers), or one, by number or name, at its true length."""
        if isinstance(key, tuple):
            raise InputError("an explanation is indexed by sequence alone; index one of its fields for more")
        if isinstance(key, str):
            key = self.index(key)
        if isinstance(key, int | np.integer):
            if not -len(self) <= key < len(self):
                raise IndexError(f"there is no sequence {key}: there are {len(self)}")
            key = int(key) % len(self)
            one = self._take(slice(key, key + 1))
            return one if one.lengths is None else one._cut(int(one.lengths[0]))
        return self._take(key if isinstance(key, slice) else np.asarray(key) if len(key) else np.zeros(0, int))

    def index(self, name: str) -> int:
        """The number of the sequence called ``name``."""
        found = [i for i, known in enumerate(self.name_texts) if known == name]
        if len(found) != 1:
            problem = f"{len(found)} sequences are called" if found else "no sequence is called"
            raise InputError(f"{problem} {name!r}; names begin {', '.join(self.name_texts[:5])}")
        return found[0]

    def _take(self, key) -> Explanation:
        rows = np.arange(len(self))[key]
        return self._with(
            {
                name: each(lambda leaf: leaf.select(key) if isinstance(leaf, LazyArray) else leaf[key], value)
                for name, value in self._fields.items()
            },
            names=[self.name_texts[i] for i in rows],
            regions=None if self.region_table is None else self.region_table.take(rows),
            lengths=None if self.lengths is None else self.lengths[key],
        )

    def _with(self, fields: dict, **changes) -> Explanation:
        """Another explanation that differs in these things only."""
        same = {key: getattr(self, key) for key in ("undefined", "target", "method", "lengths", "provenance")}
        same |= {"names": self.name_texts, "regions": self.region_table}
        return type(self)(fields, **(same | changes))

    def length_axes(self, name: str) -> tuple[int, ...]:
        """Which axes of a field run along the sequence."""
        kind = self.kind(name)
        if kind not in (INPUT, POSITION, PAIR) or self.several_inputs:
            return ()
        inputs, ndim = self._fields["inputs"], self._fields[name].ndim
        if kind == PAIR:
            return (ndim - 2, ndim - 1)
        return (1 + ndim - (2 if kind == POSITION and is_dna(inputs.shape[1:]) else inputs.ndim),)

    def _cut(self, length: int) -> Explanation:
        return self._with({name: self._resized(name, length) for name in self._fields}, lengths=None)

    def _resized(self, name: str, length: int):
        """A field cut, or padded with zeros, at the right to ``length``."""
        value = self._fields[name]
        for axis in self.length_axes(name):
            if value.shape[axis] != length:
                value = rowwise(partial(cut_or_pad, axis=axis, length=length), value)
        return value

    @property
    def target_axis(self) -> bool:
        """Whether the fields have an axis of targets after N."""
        if "predictions" in self._fields:
            return self._fields["predictions"].ndim == 2
        return isinstance(self.target, list)

    def for_target(self, target=None) -> Explanation:
        """The same explanation of one of its targets, given as it was asked for, or as text, or by its place.

        Without targets to choose from this is the explanation itself, and ``target`` may only repeat what it
        explains.
        """
        given = self.target if isinstance(self.target, list) else None
        if not self.target_axis:
            if target is None or target == self.target or str(target) == str(self.target):
                return self
            raise InputError(f"this explanation has the target {self.target!r} only, not {target!r}")
        count = self.target_count
        choices = given or list(range(count))
        place = [i for i, known in enumerate(choices) if known == target] or [
            i for i, known in enumerate(choices) if str(known) == str(target)
        ]
        if not place and count == 1 and target is None:
            place = [0]
        if not place and target is None:
            known = ", ".join(map(str, choices))
            choose = Remedy.naming("choose one of them by {}", setting("target"))
            raise InputError(f"{count} targets were explained ({known})", choose)
        if not place:
            raise InputError(f"target {target!r} is not among those explained: {', '.join(map(str, choices))}")
        pick = place[0]
        fields = {
            name: value if name == "inputs" else each(lambda leaf: rowwise(lambda x: x[:, pick], leaf), value)
            for name, value in self._fields.items()
        }
        return self._with(fields, target=choices[pick])

    @property
    def target_count(self) -> int:
        """How many targets were explained."""
        return leaves(self._first(INPUT, POSITION, OUTPUT))[0].shape[1] if self.target_axis else 1

    def _first(self, *kinds: str):
        return next(v for k, v in self._fields.items() if k != "inputs" and self.kind(k) in kinds)

    @property
    def row_bytes(self) -> int:
        """How large the fields of one sequence are."""
        return sum(leaf[:1].nbytes for value in self._fields.values() for leaf in leaves(value))

    def in_memory(self) -> Explanation:
        """The same explanation with every field read into a NumPy array."""
        return self._with({name: each(np.asarray, value) for name, value in self._fields.items()})

    @classmethod
    def concatenate(cls, parts: Iterable[Explanation]) -> Explanation:
        """One explanation of the sequences of all parts; shorter ones are padded at the right with zeros.

        What is not per sequence (target, method, provenance) is the first part's.
        """
        parts = list(parts)
        if not parts:
            raise InputError("nothing to concatenate: no explanations were given")
        first = parts[0]
        if any(set(part._fields) != set(first._fields) for part in parts):
            raise InputError("explanations with different fields cannot be concatenated")
        changes: dict[str, Any] = {"names": [name for part in parts for name in part.name_texts]}
        if not first.several_inputs and first._fields["inputs"].ndim > 1:
            widths = [part._fields["inputs"].shape[1] for part in parts]
            if any(part.lengths is not None for part in parts) or len(set(widths)) > 1:
                true = zip(parts, widths, strict=True)
                changes["lengths"] = np.concatenate(
                    [np.full(len(part), width) if part.lengths is None else part.lengths for part, width in true]
                )
                parts = [part._with({k: part._resized(k, max(widths)) for k in part._fields}) for part in parts]
        known = all(part.region_table is not None for part in parts)
        changes["regions"] = [region for part in parts for region in part.region_table] if known else None
        fields = {name: each(concatenate, *(part._fields[name] for part in parts)) for name in first._fields}
        return first._with(fields, **changes)

    # -- pictures and files ----------------------------------------------------------------------------------

    def plot(self, i: int | str = 0, **options: Any) -> Any:
        """Return the picture of one sequence, by number or name, as a Matplotlib figure.

        It is the logo, with the options of :func:`genolift.plot.logo.plot_logo`, unless something else is registered for the
        type of the explanation (see :mod:`genolift.support.drawings`).
        """
        return drawings.draw(self, drawings.PLOT, i, **options)

    def plot_map(self, i: int | str = 0, **options: Any) -> Any:
        """Return the map of what depends on what in one sequence, by number or name, as a Matplotlib figure.

        Attention, pairs of substitutions, interactions and pairwise surrogates have one; the modules of that name in
        :mod:`genolift.plot` say which options they take. :class:`InputError` for an explanation without a map.
        """
        return drawings.draw(self, drawings.MAP, i, **options)

    def save(self, path: str | Path, *, dtype: str | None = None, force: bool = False) -> None:
        """Write the explanation into a Zarr directory.

        Parameters
        ----------
        path
            The directory, such as ``scores.zarr``.
        dtype
            ``"float16"`` keeps what runs along the sequence in half the space, and loses digits.
        force
            Whether to replace a store that is there.
        """
        from genolift.results import store  # loads Zarr

        store.save(self, path, dtype=dtype, force=force)

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Open what :meth:`save` wrote, as the type that was saved; fields are read from disk where they are indexed."""
        from genolift.results import store  # loads Zarr

        stored = store.load(path)
        kind = cls.named(stored.type_name) if cls is Explanation else cls
        return kind(stored.fields, **stored.details)

    @staticmethod
    def named(name: str) -> type[Explanation]:
        """Return the type of this name; plain :class:`Explanation` for one that is not known here."""
        return Explanation._types.get(name, Explanation)
