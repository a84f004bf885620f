"""genolift: why a neural network on DNA said what it said, and whether the answer can be believed."""

from importlib import import_module
from typing import Any

from genolift.support import drawings
from genolift.version import __version__

# Names load on first use, so that `import genolift` costs nothing.
_NAMES = {
    "DeepLift": "genolift.methods.deeplift.deeplift",
    "Explanation": "genolift.results.explanation",
    "ablate": "genolift.evaluate.experiments.experiments",
    "activations": "genolift.methods.hidden.activations",
    "diagnose": "genolift.methods.diagnosis",
    "Fasta": "genolift.sequence.genome",
    "Undefined": "genolift.support.errors",
    "filters": "genolift.evaluate.discovery.filters",
    "load_model": "genolift.models.loading",
    "load_spec": "genolift.simulate.spec",
    "marginalize": "genolift.evaluate.experiments.experiments",
    "method": "genolift.methods.factory",
    "one_hot": "genolift.sequence.alphabet",
    "reverse_complement": "genolift.sequence.alphabet",
    "space": "genolift.evaluate.experiments.experiments",
}
_MODULES = {
    "export": "genolift.export",
    "methods": "genolift.methods",
    "references": "genolift.methods.references",
    "rules": "genolift.engine.walk.rules",
    "subsets": "genolift.evaluate.discovery.subsets",
    "targets": "genolift.methods.targets",
}

__all__ = ["__version__", *sorted(["drawings", *_NAMES, *_MODULES])]


def _own_drawings() -> drawings.Table:
    from genolift.plot.drawers import DRAWINGS  # loads Matplotlib

    return DRAWINGS


# This is the one module above all rooms: it tells results, which know nothing of pictures, who draws them.
drawings.provide(_own_drawings)


def __getattr__(name: str) -> Any:
    if name in _NAMES:  # the names of modules stand in the tables above
        return getattr(import_module(_NAMES[name]), name)
    if name in _MODULES:  # likewise
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'genolift' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
