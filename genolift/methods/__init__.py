"""The methods that explain: ``genolift.method(name, model, target=...)(X)`` returns an Explanation.

``catalog`` names the methods that come with genolift, ``registry`` holds these and those that users add, and
``factory`` makes them. The families (``deeplift``, ``gradients``, ``relevance``, ``perturbation``, ``surrogates``,
``subsets``, ``hidden``, ``prediction``) build on ``common``. Nothing here imports from ``evaluate``, ``plot``,
``export``, ``pipeline`` or ``cli``.

The package itself can be called: ``genolift.methods()`` returns the summary of every method by its name. Users add
their own methods with ``genolift.methods.register``.
"""

import sys
from types import ModuleType

from genolift.methods.catalog import METHODS
from genolift.methods.registry import listing, register

__all__ = ["listing", "register"]


class _Listing(ModuleType):
    """A module that can be called, so that users can write ``genolift.methods()``."""

    def __call__(self) -> dict[str, str]:
        """Return the summary of every method by its name, see :func:`genolift.methods.registry.listing`."""
        return listing()


sys.modules[__name__].__class__ = _Listing

for _name, (_where, _summary) in METHODS.items():
    register(_name, f"{__name__}.{_where}", _summary)
