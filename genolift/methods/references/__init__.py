"""References: the sequences with which a sequence is compared.

``base`` says what a reference object does, and has the ready-made references of :class:`Fixed`. ``constant`` holds the
references that need no random draw, ``drawn`` those that are drawn at random, and ``given`` makes a reference object
from whatever a user gives. Nothing here knows a model. A random draw for a sequence depends on the seed and the
sequence alone.

Imports from ``sequence`` and ``support``, and from nothing else of the methods.
"""

from genolift.methods.references.base import Fixed, Reference
from genolift.methods.references.constant import Background, Computed, Own, Zeros
from genolift.methods.references.drawn import Genomic, Sampled, Shuffled
from genolift.methods.references.given import ReferencesLike, as_reference, parse

__all__ = [
    "Background",
    "Computed",
    "Fixed",
    "Genomic",
    "Own",
    "Reference",
    "ReferencesLike",
    "Sampled",
    "Shuffled",
    "Zeros",
    "as_reference",
    "parse",
]
