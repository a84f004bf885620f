"""Activation maximisation: sequences that a model's target, hidden unit or filter answers to most strongly.

``dreaming`` holds the function ``genolift.dream``. What is maximised is a ``subject``, where it is searched is one of
the ``spaces``, what is plausible is said by ``densities``, and ``climbing`` is the search itself. ``realism`` judges
what was found by sequences that the search never saw, and ``result`` holds it. Nothing here imports from ``plot``,
``export``, ``pipeline`` or ``cli``.
"""

from genolift.dreaming.densities import MarkovDensity
from genolift.dreaming.result import Dream
from genolift.dreaming.units import Unit

__all__ = ["Dream", "MarkovDensity", "Unit"]
