"""The recipe of a method, made again from what a store says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genolift.methods import targets
from genolift.methods.common.options import options_of
from genolift.methods.registry import method_class
from genolift.pipeline.common.recipe import Recipe
from genolift.results.provenance import encode, first_difference
from genolift.support.errors import InputError, Remedy

_AGAIN = Remedy.naming("explain the sequences anew with this genolift, and judge that store")
# What a record says of a method beside its options.
_BESIDE = ("name", "genolift", "models", "alphabet")


def recorded_recipe(store: Path, method: Mapping[str, Any], target: Any, provenance: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a store's method for one of its targets.

    What was asked for is taken as it was. Stores that were put together of others do not say what was asked for, so
    their recipe is made of the description of the method.

    Parameters
    ----------
    store
        The store, as errors name it.
    method
        The description of the method.
    target
        The target, as the store records it.
    provenance
        What else the store says of how it was made.

    Raises
    ------
    InputError
        If the recipe does not follow from the record.
    """
    asked = provenance.get("asked")
    if asked is None:
        return _of_description(store, method, target)
    told = dict(asked["recipe"])
    told["fit_on"] = None if told["fit_on"] is None else Path(told["fit_on"])
    texts = tuple(told.pop("targets"))
    recipe = Recipe(**told, targets=texts)
    one = [text for text in texts if targets.describe(targets.parse(text)) == target]
    return replace(recipe, targets=tuple(one[:1]) if len(texts) > 1 else texts)


def check_same_method(store: Path, recorded: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Raise :class:`InputError` unless a method that was made again is the one that a store records."""
    old, new = ({k: v for k, v in one.items() if k != "genolift"} for one in (recorded, made))
    if difference := first_difference(encode(old), encode(new), "method"):
        raise InputError(f"{store} cannot be explained again as it was: {difference}", _AGAIN)


def _of_description(store: Path, method: Mapping[str, Any], target: Any) -> Recipe:
    name = method["name"]
    known = options_of(method_class(name), {k: v for k, v in method.items() if k not in _BESIDE and v is not None})
    options = {key: value for key, value in method.items() if key in known and value is not None}
    recipe = Recipe(name, (), _references(store, method.get("references")), options, method.get("seed", 0))
    return recipe if target is None else replace(recipe, targets=(_target(store, target),))


def _references(store: Path, told: Mapping[str, Any] | None) -> str | None:
    """Return the text of references that a record describes."""
    if told is None:
        return None
    match told["kind"]:
        case "shuffled" if told["k"] in (1, 2):
            return f"shuffled{told['k']}:{told['n']}"
        case "sampled":
            return f"sampled:{told['n']}"
        case "background":
            return "background:" + ",".join(map(str, told["frequencies"]))
        case "zeros":
            return "zeros"
    raise InputError(f"{store} was made with references ({told['kind']}) that cannot be made again from its record")


def _target(store: Path, target: Any) -> str:
    """Return the text of a target that a record names."""
    if isinstance(target, list):
        name, numbers = (target[0], target[1:]) if isinstance(target[0], str) else ("", target)
        text = (f"{name}:" if name else "") + ",".join(map(str, numbers))
    else:
        text = str(target)
        for word, kind in (("profile", targets.Profile), ("logcounts", targets.LogCounts)):
            for output in (None, text.partition("output='")[2].partition("'")[0]):
                if targets.describe(kind(output or None)) == target:
                    text = f"{word}:{output}" if output else word
    try:
        if targets.describe(targets.parse(text)) == target:
            return text
    except InputError:
        pass
    raise InputError(f"{store} was made for the target {target}, which cannot be made again from its record", _AGAIN)
