"""Which function draws which result. Pictures stand above the results that they show, so a result finds its own here.

``result.plot(...)`` and ``result.plot_map(...)`` call the function that is registered for the type of the result, or for the
nearest type that it extends. To have results of a type of your own drawn by a function of your own::

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

#: What draws: a function of a result and whatever else its caller gives, which returns a Matplotlib figure.
Drawing: TypeAlias = Callable[..., Any]
#: Drawings by type, which may be given by its full name, and by what they show of it.
Table: TypeAlias = Mapping[tuple[type | str, str], Drawing]

_registered: dict[tuple[str, str], Drawing] = {}
_providers: list[Callable[[], Table]] = []


def register(kind: type | str, what: str = PLOT) -> Callable[[Drawing], Drawing]:
    """Have a function draw the results of a type; to be used as a decorator.

    Parameters
    ----------
    kind
        The type, or its full name, such as ``"package.module.Type"``, where the type itself need not be loaded for this.
    what
        ``"plot"``, the picture of a result, or ``"map"``, that of what depends on what.
    """

    def keep(drawing: Drawing) -> Drawing:
        _registered[_full_name(kind), what] = drawing
        return drawing

    return keep


def provide(load: Callable[[], Table]) -> None:
    """Have ``load`` called when something is drawn for the first time, for drawings that nobody has registered otherwise."""
    _providers.append(load)


def find(kind: type, what: str = PLOT) -> Drawing | None:
    """Return the function that draws results of a type; ``None`` where there is none."""
    for one in map(_full_name, kind.__mro__):
        for table in (_registered, *(_provided(load) for load in _providers)):
            if (one, what) in table:
                return table[one, what]
    return None


def draw(result: Any, what: str, *arguments: Any, **options: Any) -> Any:
    """Return the figure of a result; raise :class:`InputError` where nothing draws its type."""
    drawing = find(type(result), what)
    if drawing is None:
        raise InputError(f"a result of the type {type(result).__name__} has no {what}")
    return drawing(result, *arguments, **options)


@cache
def _provided(load: Callable[[], Table]) -> Table:
    return {(_full_name(kind), what): drawing for (kind, what), drawing in load().items()}


def _full_name(kind: type | str) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
