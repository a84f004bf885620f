"""Targets: the quantities that are explained, each a linear function of one of a model's outputs or of its logits.

A target is described by an index, a tuple of indices (an output's name may come first), one of the classes below, a
function of the model's outputs, a text as the command line takes it, or a list of any of these. Nothing here knows a
model or loads TensorFlow; :mod:`genolift.methods.common.resolve` looks a description up in a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias, TypeGuard

from genolift.support.errors import InputError


@dataclass(frozen=True)
class Sum:
    """The sum over bins and tracks of an output (N, bins, tracks), or over bins of an output (N, bins).

    Parameters
    ----------
    bins : int, slice, range or list of int, optional
        The bins that are summed, each once; all of them by default. Numbers below zero count from the end.
    tracks : int, slice, range or list of int, optional
        The tracks that are summed, in the same way; all of them by default.
    output : str, optional
        The output's name, for models with several.
    """

    bins: int | slice | Iterable[int] | None = None
    tracks: int | slice | Iterable[int] | None = None
    output: str | None = None


@dataclass(frozen=True)
class Profile:
    """The profile of BPNet-like heads: Σ p_i (z_i − mean z), where z are the logits and p = softmax(z).

    The weights p are those of the sequence x, also where the target is evaluated at its references. The reference
    predictions therefore depend on x.

    Parameters
    ----------
    output : str, optional
        The output's name, for models with several.
    per_strand : bool, default False
        Whether the softmax runs over each strand alone, rather than over all positions and strands jointly.
    """

    output: str | None = None
    per_strand: bool = False


@dataclass(frozen=True)
class LogCounts:
    """The log-counts output of BPNet-like models, averaged where it has several numbers per sequence.

    Parameters
    ----------
    output : str, optional
        The output's name, for models with several.
    """

    output: str | None = None


@dataclass(frozen=True)
class MeanCentred:
    """The logit of a class less the mean logit of all classes.

    This is the mean-normalisation of a softmax in section 3.6 of the DeepLIFT paper (Shrikumar et al. 2017).

    Parameters
    ----------
    index : int
        The number of the class.
    output : str, optional
        The output's name, for models with several.
    """

    index: int
    output: str | None = None


@dataclass(frozen=True)
class Hidden:
    """One number of a hidden layer's output, or the sum of all of them.

    Parameters
    ----------
    layer : str
        The layer's name or path.
    index : int or tuple of int, optional
        The position of the number in the layer's output, without the batch axis. By default all numbers are summed.
    """

    layer: str
    index: int | tuple | None = None


#: Targets that have a class of their own.
Special: TypeAlias = Sum | Profile | LogCounts | MeanCentred | Hidden
#: Everything that describes a target; a list describes several, and None means the model's only output.
TargetLike: TypeAlias = int | tuple | str | Special | Callable | list | None


_RECORDED = re.compile(r"(Sum|Profile|LogCounts)\((.*)\)")
_OPTION = re.compile(r"(\w+)=('[^']*'|range\([^)]*\)|[^,\s]+)")
_SPAN = re.compile(r"range\((-?\d+), (-?\d+)\)")


def is_function(target: TargetLike) -> TypeGuard[Callable]:
    """Whether the target is a user's own function of the model's outputs.

    Parameters
    ----------
    target : TargetLike
        The description of a target.

    Returns
    -------
    bool
        True for a function, and False for everything else that describes a target.
    """
    return callable(target) and not isinstance(target, Special)


def describe(target: TargetLike) -> Any:
    """Return a target in the form in which a result records it.

    Parameters
    ----------
    target : TargetLike
        The description of a target.

    Returns
    -------
    int, str, list or None
        Indices are numbers, a function is its name, a target of a class is its ``repr``, and tuples and lists are lists
        of these.
    """
    if isinstance(target, (list, tuple)):
        return [describe(item) for item in target]
    if isinstance(target, Integral):
        return int(target)
    if is_function(target):
        return getattr(target, "__qualname__", repr(target))
    return target if target is None or isinstance(target, str) else repr(target)


def text_of(described: Any) -> str:
    """Return a target as it is written on the command line, from what :func:`describe` recorded of it.

    Parameters
    ----------
    described : int, str, list or None
        What a result has as its target.

    Returns
    -------
    str
        The text, which :func:`parse` understands. What the command line cannot say, such as a hidden layer or a
        function, is returned as it was recorded.
    """
    if isinstance(described, (list, tuple)):
        name, rest = (described[0], described[1:]) if described and isinstance(described[0], str) else ("", described)
        return f"{name}{':' if name else ''}{','.join(map(str, rest))}"
    recorded = _RECORDED.fullmatch(str(described))
    if recorded is None:
        return str(described)
    kind, given = recorded.group(1), dict(_OPTION.findall(recorded.group(2)))
    given = {name: _SPAN.sub(r"\1-\2", value).strip("'") for name, value in given.items() if value != "None"}
    if kind == "Sum":
        told = ",".join(f"{name}={given[name]}" for name in ("output", "bins", "tracks") if name in given)
        text = f"sum:{told}"
    elif given.pop("per_strand", "False") == "True":
        return str(described)
    else:
        text = ":".join([kind.lower(), *given.values()])
    try:
        return text if describe(parse(text)) == described else str(described)
    except InputError:
        return str(described)


def parse(text: str) -> int | tuple | Special:
    """Return the target that a text on the command line means.

    Parameters
    ----------
    text : str
        An index (``0``), several (``3,1``), an output's name with indices (``counts:0``), ``profile`` or ``logcounts``
        with or without an output's name (``profile:head``), or a sum (``sum:bins=10-20,tracks=3``, where bin 20 is not
        included; with several outputs ``sum:output=head,bins=10-20``).

    Returns
    -------
    int, tuple, Profile, LogCounts or Sum
        The description of the target.

    Raises
    ------
    InputError
        If the text is none of these.
    """
    kind, _, options = text.partition(":")
    if kind.lstrip("-").isdigit() or "," in kind:
        try:
            numbers = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise InputError(f"target {text!r} is not understood; write for example 0, or 3,1") from None
        return numbers[0] if len(numbers) == 1 else numbers
    if options and all(part.lstrip("-").isdigit() for part in options.split(",")):
        # An output may be called "profile", and none is called by a number.
        return (kind, *map(int, options.split(",")))
    if kind == "profile":
        return Profile(options or None)
    if kind == "logcounts":
        return LogCounts(options or None)
    if kind == "sum" and options:
        return _parse_sum(options, text)
    try:
        return (kind, *(int(part) for part in options.split(",") if part))
    except ValueError:
        raise InputError(
            f"target {text!r} is not understood; write 0, counts:0, profile, logcounts or sum:bins=10-20,tracks=3"
        ) from None


def parse_all(texts: Sequence[str]) -> TargetLike:
    """Return what several texts on the command line mean together.

    Parameters
    ----------
    texts : sequence of str
        A text for each target, see :func:`parse`.

    Returns
    -------
    TargetLike
        None for no text, one target for one text, and a list of targets for more.

    Raises
    ------
    InputError
        If a text is not understood, or two of them mean the same.
    """
    chosen = [parse(text) for text in texts]
    for i, one in enumerate(chosen):
        if one in chosen[:i]:
            raise InputError(f"target {texts[i]!r} is given twice, and results are found by their target; give it once")
    return None if not chosen else chosen[0] if len(chosen) == 1 else chosen


def _parse_sum(options: str, text: str) -> Sum:
    chosen: dict[str, Any] = {}
    for part in options.split(","):
        key, _, span = part.partition("=")
        if key == "output" and span:
            chosen[key] = span
            continue
        ends = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", span)
        if key not in ("bins", "tracks") or ends is None:
            raise InputError(f"target {text!r} is not understood; write sum:bins=10-20,tracks=3 (20 not included)")
        first, last = ends.groups()
        chosen[key] = int(first) if last is None else range(int(first), int(last))
    return Sum(**chosen)
