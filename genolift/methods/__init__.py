"""Explanation methods through one door: ``method(name, model, target=...)(X)`` gives an Explanation.

The package itself can be called: ``genolift.methods()`` lists the methods there are, by name.
"""

import sys
from types import ModuleType

from genolift.methods.registry import listing, method

__all__ = ["listing", "method"]


class _Listing(ModuleType):
    """Lets users write ``genolift.methods()`` although the package bears the same name."""

    def __call__(self) -> dict[str, str]:
        return listing()


sys.modules[__name__].__class__ = _Listing
