"""What methods return, and that a store of it can be read without them."""

from importlib import import_module
from pkgutil import iter_modules

import numpy as np

import genolift.methods
from genolift.results import kinds
from genolift.results.explanation import Explanation


def test_classes_of_results_are_known_without_the_methods():
    """Else a store would come back as a plain explanation in a process that has not made any."""
    for module in iter_modules(genolift.methods.__path__):
        import_module(f"genolift.methods.{module.name}")
    ours = {name: one.__module__ for name, one in Explanation._types.items() if one.__module__.startswith("genolift.")}
    assert len(ours) > 10
    strays = {name for name, module in ours.items() if module != kinds.__name__}
    assert not strays, f"move them to {kinds.__name__}"
    assert all(Explanation.named(name).__name__ == name for name in ours)
    assert Explanation.named("nonesuch") is Explanation


def test_fields_are_those_of_explanations_and_more():
    for one in vars(kinds).values():
        if isinstance(one, type) and issubclass(one, Explanation):
            assert Explanation.FIELDS.items() <= one.FIELDS.items()
            assert one.__doc__


def test_how_large_a_sequence_is():
    inputs = np.zeros((3, 5, 4), np.float32)
    found = Explanation({"inputs": {"a": inputs, "b": inputs}, "predictions": np.zeros((3, 2), np.float64)})
    assert found.row_bytes == 2 * 5 * 4 * 4 + 2 * 8
