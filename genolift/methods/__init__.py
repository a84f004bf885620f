"""Explanation methods through one door: ``genolift.method(name, model, target=...)(X)`` gives an Explanation.

``catalog`` names the methods that come with genolift and ``registry`` holds all that there are; ``factory`` makes them.
The families (``deeplift``, ``gradients``, ``relevance``, ``perturbation``, ``surrogates``, ``subsets``, ``hidden``,
``prediction``) stand on ``common``. Nothing here imports from ``evaluate``, ``plot``, ``export``, ``pipeline`` or ``cli``.

The package itself can be called: ``genolift.methods()`` lists the methods there are, by name. Users add their own with
``genolift.methods.register``.
"""

import sys
from types import ModuleType

from genolift.methods.catalog import METHODS
from genolift.methods.registry import listing, register

__all__ = ["listing", "register"]


class _Listing(ModuleType):
    """Lets users write ``genolift.methods()`` although the package bears the same name."""

    def __call__(self) -> dict[str, str]:
        return listing()


sys.modules[__name__].__class__ = _Listing

for _name, (_where, _summary) in METHODS.items():
    register(_name, f"{__name__}.{_where}", _summary)
