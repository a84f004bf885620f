"""Sequences that several stores have, found by their regions or their names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genolift.pipeline.stores.gather import Opened, Piece
from genolift.results.fields import leaves
from genolift.support.errors import InputError, Remedy, setting
from genolift.support.texts import Texts, Words

#: What becomes of sequences that are there twice.
CHOICES = ("fail", "skip", "rename")
_AT_ONCE = 256


def without_repeats(stores: Sequence[Opened], choice: str) -> tuple[list[Piece], int]:
    """Return the sequences of all stores, and how many were left out because they are there before.

    Two sequences are the same if they have the same region and strand, or, where a store knows no regions, the same
    name.

    Parameters
    ----------
    stores
        The stores.
    choice
        ``"fail"`` refuses sequences that are the same, and different ones of one name. ``"skip"`` keeps the first of
        those that are the same, after comparing their bases. ``"rename"`` keeps all, and gives names that were there
        before a number.

    Raises
    ------
    InputError
        For what is refused, naming the first, and for sequences that should be the same and have other bases.
    """
    if choice not in CHOICES:
        raise InputError(f"on_repeated is one of {', '.join(CHOICES)}, not {choice!r}")
    places = _Places(stores)
    names = Texts(name for store in stores for name in store.explanation.name_texts)
    same_name = _of_names(names)
    located = all(store.explanation.region_table is not None for store in stores)
    same = first_of(*_columns(stores)) if located else same_name
    again = np.flatnonzero(same != np.arange(len(names)))
    keep = np.ones(len(names), bool)
    if len(again) and choice == "fail":
        i, first = int(again[0]), int(same[again[0]])
        what = f"the region {_region(places, i)}" if located else f"the name {names[i]!r}"
        raise InputError(
            f"{places.store(i).path} has {what}, which {places.store(first).path} has already"
            + (f", and so have {len(again) - 1:,} more sequences" if len(again) > 1 else ""),
            Remedy.naming(
                "{} keeps the first of them, and {} keeps all",
                setting("on_repeated", "skip"),
                setting("on_repeated", "rename"),
            ),
        )
    if choice == "skip":
        _check_bases(places, again, same[again])
        keep[again] = False
    told: Sequence[str] = names
    if choice == "rename":
        told = _numbered(names)
    else:
        clash = np.flatnonzero(keep & (same_name != np.arange(len(names))) & keep[same_name])
        if len(clash):
            i, first = int(clash[0]), int(same_name[clash[0]])
            raise InputError(
                f"{places.store(i).path} has the name {names[i]!r} for another region than {places.store(first).path}",
                Remedy.naming("{} gives such names a number", setting("on_repeated", "rename")),
            )
    pieces = []
    for store, start in zip(stores, places.starts, strict=True):
        rows = np.flatnonzero(keep[start : start + len(store.explanation)])
        if len(rows):
            pieces.append(Piece(store, rows, Texts(told[int(start + row)] for row in rows)))
    return pieces, int((~keep).sum())


class _Places:
    """Which store, and which row of it, a number of all sequences together means."""

    def __init__(self, stores: Sequence[Opened]):
        self.stores = stores
        self.starts = np.cumsum([0, *(len(store.explanation) for store in stores)])[:-1]

    def number(self, i: int) -> int:
        return int(np.searchsorted(self.starts, i, "right")) - 1

    def store(self, i: int) -> Opened:
        return self.stores[self.number(i)]

    def row(self, i: int) -> int:
        return i - int(self.starts[self.number(i)])


def first_of(*columns: np.ndarray) -> np.ndarray:
    """Return, for each row of some columns (N,), the number of the first row that is the same, (N,)."""
    order = np.lexsort(columns[::-1])  # It is stable, so that of equal rows the first stays first.
    new = np.ones(len(order), bool)
    new[1:] = np.any([column[order[1:]] != column[order[:-1]] for column in columns], axis=0)
    first = np.empty(len(order), np.int64)
    first[order] = order[new][np.cumsum(new) - 1]
    return first


def _of_names(names: Texts) -> np.ndarray:
    """Return the number of the first of the names (N,) that is the same as each."""
    first = first_of(np.fromiter(map(hash, names), np.int64, len(names)))  # A million hashes are not a million texts.
    for i in np.flatnonzero(first != np.arange(len(names))).tolist():
        if names[i] != names[int(first[i])]:
            first[i] = i
    return first


def _columns(stores: Sequence[Opened]) -> list[np.ndarray]:
    tables = [table for table in (store.explanation.region_table for store in stores) if table is not None]
    chroms, strands = (
        Words(text for table in tables for text in getattr(table, name)).codes for name in ("chroms", "strands")
    )
    starts, ends = (np.concatenate([getattr(table, name) for table in tables]) for name in ("starts", "ends"))
    return [chroms, starts, ends, strands]


def _region(places: _Places, i: int) -> str:
    table = places.store(i).explanation.region_table
    assert table is not None
    chrom, start, end, strand = table[places.row(i)]
    return f"{chrom}:{start}-{end} ({strand})"


def _check_bases(places: _Places, again: np.ndarray, first: np.ndarray) -> None:
    """Raise :class:`InputError` where what should be the same sequence has other bases."""
    for start in range(0, len(again), _AT_ONCE):
        some = range(start, min(len(again), start + _AT_ONCE))
        for pair in {(places.number(int(again[k])), places.number(int(first[k]))) for k in some}:
            here = [k for k in some if (places.number(int(again[k])), places.number(int(first[k]))) == pair]
            ours, theirs = (
                places.stores[store].explanation[np.array([places.row(int(which[k])) for k in here])]
                for store, which in zip(pair, (again, first), strict=True)
            )
            for a, b in zip(leaves(ours.inputs), leaves(theirs.inputs), strict=True):
                a, b = np.asarray(a), np.asarray(b)
                width = min(a.shape[1], b.shape[1]) if a.ndim > 1 else None
                same = a.shape[2:] == b.shape[2:] and _alike(a, b, width)
                if not np.all(same):
                    k = here[int(np.argmin(same))]
                    i, j = int(again[k]), int(first[k])
                    name = places.store(i).explanation.name_texts[places.row(i)]
                    raise InputError(
                        f"{name!r} of {places.store(i).path} has other bases than the sequence of the same name or "
                        f"region in {places.store(j).path}; they are not of the same genome or file"
                    )


def _alike(a: np.ndarray, b: np.ndarray, width: int | None) -> np.ndarray:
    """Return for each row whether the inputs are the same; what one is longer is padding, which is zero."""
    if width is None:
        return a == b
    head = (a[:, :width] == b[:, :width]).reshape(len(a), -1).all(1)
    rest = [array[:, width:].reshape(len(array), -1) for array in (a, b)]
    return head & ~rest[0].any(1) & ~rest[1].any(1)


def _numbered(names: Texts) -> Texts:
    """Return the names, of which one that was there before gets the next number that makes a new name of it."""
    counts: dict[str, int] = {}
    taken, told = set(names), Texts()
    for name in names:
        again = counts.get(name, 0) + 1
        label = name
        if again > 1:
            while (label := f"{name}#{again}") in taken:
                again += 1
            taken.add(label)
        counts[name] = again
        told.append(label)
    return told
