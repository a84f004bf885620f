"""The type of result that every method returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from genolift.results.contents import Contents
from genolift.results.fields import concatenate, cut_or_pad, each
from genolift.results.lazy import LazyArray, rowwise
from genolift.support import drawings
from genolift.support.errors import InputError, Remedy, setting


class Explanation(Contents):
    """What a method says about N sequences.

    Every field is an attribute, such as ``scores``. The names in ``FIELDS`` are those that this type may have.
    ``result[10:20]`` is the explanation of some sequences, and ``result["name"]`` that of one.

    Where several models were explained, fields are means over them. ``spread``, in the shape of ``scores``, is the
    standard deviation of the scores over the models (ddof = 1), and ``residual`` is that of the model where it is
    largest.

    Parameters
    ----------
    fields
        Arrays by the name of the field, each with N as its first axis. A field in the shape of the inputs or per
        position is a dict or list of arrays if the model has several inputs. ``inputs`` must be among them.
    undefined
        For fields that the method does not define, the reason why, by the name of the field.
    names
        The names of the sequences; by default their numbers.
    regions
        Where the sequences come from: rows (chrom, start, end) or (chrom, start, end, strand), or an object with the
        columns ``chroms``, ``starts``, ``ends`` and ``strands``. The default is that this is not known.
    target
        The target that was explained, or a list of them, in the form in which the user gave it.
    method
        The name of the method and its options.
    lengths
        The true lengths (N,) in bases, if sequences of different lengths are padded at the right with zeros.
    provenance
        Whatever else is kept with the result, such as versions.

    Attributes
    ----------
    name_texts : list of str or Listed
        The names in the form in which they came, which takes little memory if they came from a store.
    region_table : RegionTable or None
        The regions as columns.

    Raises
    ------
    InputError
        If ``inputs`` are missing, or something is not given once for each sequence.
    """

    _types: ClassVar[dict[str, type[Explanation]]] = {}  # A store keeps the name of the type.

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        Explanation._types[cls.__name__] = cls

    # -- sequences and targets -------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Explanation:
        """Return the explanation of some sequences.

        Parameters
        ----------
        key
            A slice, mask or list of numbers, or the number or name of one sequence.

        Returns
        -------
        Explanation
            An explanation of the same type. Its fields keep the axis N. One sequence comes at its true length.

        Raises
        ------
        InputError
            If no sequence has this name, or several have.
        IndexError
            If there is no sequence with this number.
        """
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
        """Return the number of the sequence with a name.

        Parameters
        ----------
        name
            The name.

        Returns
        -------
        int
            The number, from 0.

        Raises
        ------
        InputError
            If no sequence has this name, or several have.
        """
        numbers = [i for i, known in enumerate(self.name_texts) if known == name]
        if len(numbers) != 1:
            problem = f"{len(numbers)} sequences are called" if numbers else "no sequence is called"
            raise InputError(f"{problem} {name!r}; names begin {', '.join(self.name_texts[:5])}")
        return numbers[0]

    def _take(self, key: Any) -> Explanation:
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

    def _with(self, fields: dict[str, Any], **changes: Any) -> Explanation:
        """Return an explanation that differs from this one only in the things given."""
        same = {key: getattr(self, key) for key in ("undefined", "target", "method", "lengths", "provenance")}
        same |= {"names": self.name_texts, "regions": self.region_table}
        return type(self)(fields, **(same | changes))

    def _cut(self, length: int) -> Explanation:
        return self._with({name: self._resized(name, length) for name in self._fields}, lengths=None)

    def _resized(self, name: str, length: int) -> Any:
        """Return a field that is cut, or padded with zeros, at the right to ``length``."""
        value = self._fields[name]
        for axis in self.length_axes(name):
            if value.shape[axis] != length:
                value = rowwise(partial(cut_or_pad, axis=axis, length=length), value)
        return value

    def for_target(self, target: Any = None) -> Explanation:
        """Return the explanation of one of several targets.

        Parameters
        ----------
        target
            The target, in the form in which it was given to the method, or as the text of that form. It can be left out
            if only one target was explained.

        Returns
        -------
        Explanation
            An explanation whose fields have no axis of targets; this explanation itself if it has none.

        Raises
        ------
        InputError
            If the target was not explained, or none is given and there are several.
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
            name: value if name == "inputs" else each(lambda leaf: rowwise(partial(_of_target, pick), leaf), value)
            for name, value in self._fields.items()
        }
        return self._with(fields, target=choices[pick])

    def in_memory(self) -> Explanation:
        """Return the same explanation with every field read into memory.

        Returns
        -------
        Explanation
            An explanation of the same type, whose fields are NumPy arrays.
        """
        return self._with({name: each(np.asarray, value) for name, value in self._fields.items()})

    @classmethod
    def concatenate(cls, parts: Iterable[Explanation]) -> Explanation:
        """Return one explanation of the sequences of all parts.

        Shorter sequences are padded at the right with zeros. Target, method and provenance are those of the first part.

        Parameters
        ----------
        parts
            Explanations with the same fields.

        Returns
        -------
        Explanation
            An explanation of the type of the first part.

        Raises
        ------
        InputError
            If there are no parts, or if their fields differ.
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
        tables = [part.region_table for part in parts if part.region_table is not None]
        known = len(tables) == len(parts)
        changes["regions"] = [region for table in tables for region in table] if known else None
        fields = {name: each(concatenate, *(part._fields[name] for part in parts)) for name in first._fields}
        return first._with(fields, **changes)

    # -- pictures and files ----------------------------------------------------------------------------------

    def plot(self, i: int | str = 0, **options: Any) -> Any:
        """Return the picture of one sequence.

        The picture is a logo, or of images (N, height, width, channels) the image with its scores beside it, unless
        another one is registered for the type of the explanation (see :mod:`genolift.support.drawings`).

        Parameters
        ----------
        i
            The sequence, by number or name. The default is the first.
        **options
            Options of the picture; for a logo those of :func:`genolift.plot.logo.plot_logo`, and for an image those of
            :func:`genolift.plot.images.picture.plot_image`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            If there is no such sequence, or an option does not suit it.
        """
        return drawings.draw(self, drawings.PLOT, i, **options)

    def plot_map(self, i: int | str = 0, **options: Any) -> Any:
        """Return the map of which positions depend on which in one sequence.

        Attention, pairs of substitutions, interactions and pairwise surrogates have a map. Designs show their edits.

        Parameters
        ----------
        i
            The sequence, by number or name. The default is the first.
        **options
            Options of the map, as the modules of :mod:`genolift.plot` with the names above list them.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            If the explanation has no map, or there is no such sequence.
        """
        return drawings.draw(self, drawings.MAP, i, **options)

    def save(self, path: str | Path, *, dtype: str | None = None, force: bool = False) -> None:
        """Write the explanation into a Zarr directory.

        Parameters
        ----------
        path
            The directory, such as ``scores.zarr``.
        dtype
            ``"float16"`` keeps the fields that run along the sequence in half the space, and loses digits. The default
            is ``"float32"``.
        force
            Whether to replace a store that is there. The default is to refuse.

        Raises
        ------
        InputError
            If a field cannot be stored, or the explanation itself is read from this path.
        FileProblem
            If something is there already, or the directory cannot be written.
        """
        from genolift.results import store  # This loads Zarr, which takes time.

        store.save(self, self.__getitem__, path, dtype=dtype, force=force)

    def to_anndata(self, fields: Sequence[str] = ("scores",)) -> Any:
        """Return the explanation as AnnData: targets are observations and sequences are variables, as in CREsted.

        Parameters
        ----------
        fields
            The fields that ``varm`` gets, which are read into memory: ``"scores"`` (the default), ``"hypothetical"``,
            ``"contributions"``, ``"inputs"`` and others that run along the sequence.

        Returns
        -------
        anndata.AnnData
            T targets × N sequences. ``X`` are the predictions, if there are any. ``obs_names`` are the targets, and
            ``var_names`` are the regions, such as ``chr1:100-300``, or else the names of the sequences. ``var`` has the
            columns ``name``, and ``chr``, ``start``, ``end`` (0-based, half-open) and ``strand`` if regions are known.
            ``layers`` has the fields with one number for each sequence and target, and ``largest_residual``. ``varm``
            has the ``fields``: scores (N, T, L), contributions (N, T, L, 4), inputs (N, L, 4). ``uns["genolift"]`` is a
            JSON text with the method and the targets.

        Raises
        ------
        InputError
            If anndata is not installed, there are several inputs, or a field does not run along the sequence.
        """
        from genolift.results.annotated import to_anndata

        return to_anndata(self, fields)

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Open an explanation that :meth:`save` or ``genolift explain`` has written.

        Parameters
        ----------
        path
            The directory.

        Returns
        -------
        Explanation
            An explanation of the type that was saved. Its fields are read from disk when they are indexed.

        Raises
        ------
        FileProblem
            If there is no complete store at this path, or it is damaged.
        """
        from genolift.results import reading  # This loads Zarr, which takes time.

        stored = reading.load(path)
        kind = cls.named(stored.type_name) if cls is Explanation else cls
        return kind(stored.fields, **stored.details)

    @staticmethod
    def named(name: str) -> type[Explanation]:
        """Return the type of explanation with a name; :class:`Explanation` for a name that is not known."""
        return Explanation._types.get(name, Explanation)


def _of_target(pick: int, values: np.ndarray) -> np.ndarray:
    return values[:, pick]
