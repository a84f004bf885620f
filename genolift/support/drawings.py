"""The table of which function draws which result.

The room of pictures is above the room of results, so results cannot import the functions that draw them. They look them
up here: ``result.plot(...)`` and ``result.plot_map(...)`` call the function that is registered for the type of the
result, or for the nearest type that it extends. To draw results of your own type with your own function::

    @genolift.drawings.register(MyExplanation)         # result.plot(i) and `genolift plot`
    def draw(result, i=0, **options): ...

    @genolift.drawings.register(MyExplanation, "map")  # result.plot_map(i) and `genolift plot --map`
    def draw_map(result, i=0, target=None): ...

The function returns a Matplotlib figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from genolift.support.errors import InputError

PLOT, MAP = "plot", "map"

#: A function that takes a result and whatever else its caller gives, and returns a Matplotlib figure.
Drawing: TypeAlias = Callable[..., Any]
#: Drawings by the type of the result (or the full name of the type) and the kind of picture.
Table: TypeAlias = Mapping[tuple[type | str, str], Drawing]

_registered: dict[tuple[type | str, str], Drawing] = {}
_providers: list[Callable[[], Table]] = []


def register(kind: type | str, what: str = PLOT) -> Callable[[Drawing], Drawing]:
    """Register the decorated function as the one that draws the results of a type.

    Parameters
    ----------
    kind
        The type, or its full name, such as ``"package.module.Type"``. With a name the type need not be imported here.
    what
        The kind of picture: ``"plot"`` (the default) for ``result.plot``, or ``"map"`` for ``result.plot_map``.

    Returns
    -------
    Callable
        A decorator that returns the function as it is.
    """

    def keep(drawing: Drawing) -> Drawing:
        _registered[_full_name(kind), what] = drawing
        return drawing

    return keep


def provide(load: Callable[[], Table]) -> None:
    """Add a table of drawings that is loaded when something is drawn for the first time.

    A drawing that is registered with :func:`register` is preferred.

    Parameters
    ----------
    load
        A function that returns the table.
    """
    _providers.append(load)


def find(kind: type, what: str = PLOT) -> Drawing | None:
    """Return the function that draws results of a type.

    Parameters
    ----------
    kind
        The type of the result. The types that it extends are tried too, the nearest first.
    what
        The kind of picture: ``"plot"`` (the default) or ``"map"``.

    Returns
    -------
    Callable or None
        The function; ``None`` if nothing draws such results.
    """
    tables: list[Table] = [_registered, *(_provided(load) for load in _providers)]
    for one in map(_full_name, kind.__mro__):
        for table in tables:
            if (one, what) in table:
                return table[one, what]
    return None


def draw(result: Any, what: str, *arguments: Any, **options: Any) -> Any:
    """Return the figure of a result.

    Parameters
    ----------
    result
        The result.
    what
        The kind of picture: ``"plot"`` or ``"map"``.
    *arguments, **options
        What the function that draws it takes besides the result.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    InputError
        If nothing draws results of this type.
    """
    drawing = find(type(result), what)
    if drawing is None:
        raise InputError(f"a result of the type {type(result).__name__} has no {what}")
    return drawing(result, *arguments, **options)


@cache
def _provided(load: Callable[[], Table]) -> Table:
    return {(_full_name(kind), what): drawing for (kind, what), drawing in load().items()}


def _full_name(kind: type | str) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
