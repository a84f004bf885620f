"""genolift explains what neural networks see in DNA, and measures how far the explanations can be believed.

It scores each base of a sequence by its contribution to a prediction of a TensorFlow or Keras model::

    import genolift as gl

    genome = gl.Fasta("hg38.fa.gz")
    regions = genome.regions("peaks.narrowPeak", width=2114)
    model = gl.load_model("model.keras")
    gl.check(model)  # which targets and methods suit it
    method = gl.DeepLift(model, target=0)
    result = method(regions)
    result.scores  # importance of each position, (N, L)
    result.plot(0)  # the first sequence as a logo
    result.save("scores.zarr")

Each name below has a docstring: ``help(gl.DeepLift)``. Modules are loaded when a name of theirs is used first, so
``import genolift`` takes no time.

**Sequences and models**

- ``Fasta``: random access to a genome in a FASTA file, and the sequences of its regions.
- ``one_hot``, ``reverse_complement``: texts to one-hot arrays, and either of them to the other strand.
- ``load_model``: the model of a Keras file, of an architecture with weights, or of a SavedModel directory.
- ``load_spec``: the configuration of a simulated data set.

- ``check``: what a model is, what can be explained of it, by which methods, and what that costs. Begin here.

**Explanations**

- ``DeepLift``: the main method. ``methods()`` lists all methods, ``method(name, model, ...)`` makes any of them, and
  ``methods.register`` adds one of yours.
- ``references``: what a sequence is compared with, such as ``references.Shuffled(20)``.
- ``targets``: which part of the outputs is explained, such as ``targets.Profile("profile")``.
- ``rules``: the rules of DeepLIFT for the operations of a model; ``rules.register`` adds one of yours.
- ``Explanation``: the result of every method. ``Explanation.load`` reads a saved one.
- ``Undefined``: the error for a field that a method does not define.
- ``diagnose``: a table of how well the contributions balance at each step of a model.

**What it looks like**

- ``LogoWidget``: the logo of a sequence in a notebook, to zoom and ask. ``result.plot(0)`` draws a still one.
- ``plot_logos``: several sequences, targets and methods one above the other, by scores, hypothetical contributions or
  substitutions. ``plot_alleles``: both alleles of a variant, aligned.

**What a model has learned**

- ``marginalize``, ``ablate``, ``space``: the change of a prediction when motifs are inserted, when stretches are
  replaced, or with the distance of two motifs.
- ``Influence``: the training sequences that taught a prediction.
- ``design``: the fewest edits of sequences that bring a prediction to a goal.
- ``activations``, ``filters``: the activations of a hidden layer, and the motifs that its units recognise.
- ``dream``: sequences that a target, a hidden unit or a filter answers to most strongly. ``dreaming`` holds what it can
  be given besides.
- ``subsets``: the sufficient subsets of many sequences, clustered into patterns.

**Files and pictures**

- ``export``: files for other programs, such as ``export(result, to="modisco", out="scores")``. The formats are listed
  by ``export.listing()``.
- ``drawings``: which function draws which result; ``drawings.register`` adds one of yours.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genolift.support import drawings
from genolift.version import __version__

if TYPE_CHECKING:  # what editors and type checkers see of the names below
    from genolift import dreaming as dreaming
    from genolift import export as export
    from genolift import methods as methods
    from genolift.dreaming.dreaming import dream as dream
    from genolift.engine.walk import registration as rules  # noqa: F401 - a name of ours, though not the module's
    from genolift.evaluate.discovery import subsets as subsets
    from genolift.evaluate.discovery.filters import filters as filters
    from genolift.evaluate.experiments.ablation import ablate as ablate
    from genolift.evaluate.experiments.experiments import marginalize as marginalize
    from genolift.evaluate.experiments.spacing import space as space
    from genolift.influence.influence import Influence as Influence
    from genolift.methods import references as references
    from genolift.methods import targets as targets
    from genolift.methods.deeplift.deeplift import DeepLift as DeepLift
    from genolift.methods.diagnosis import diagnose as diagnose
    from genolift.methods.editing.minimal_change import design as design
    from genolift.methods.factory import method as method
    from genolift.methods.hidden.activations import activations as activations
    from genolift.models.loading import load_model as load_model
    from genolift.pipeline.checking.check import check as check
    from genolift.plot.logos.alleles import plot_alleles as plot_alleles
    from genolift.plot.logos.stacked import plot_logos as plot_logos
    from genolift.plot.web.widget import LogoWidget as LogoWidget
    from genolift.results.explanation import Explanation as Explanation
    from genolift.sequence.alphabet import one_hot as one_hot
    from genolift.sequence.alphabet import reverse_complement as reverse_complement
    from genolift.sequence.genome import Fasta as Fasta
    from genolift.simulate.spec import load_spec as load_spec
    from genolift.support.errors import Undefined as Undefined

# Names load on first use, so that `import genolift` costs nothing.
_NAMES = {
    "DeepLift": "genolift.methods.deeplift.deeplift",
    "Explanation": "genolift.results.explanation",
    "ablate": "genolift.evaluate.experiments.ablation",
    "activations": "genolift.methods.hidden.activations",
    "check": "genolift.pipeline.checking.check",
    "design": "genolift.methods.editing.minimal_change",
    "diagnose": "genolift.methods.diagnosis",
    "dream": "genolift.dreaming.dreaming",
    "Fasta": "genolift.sequence.genome",
    "Undefined": "genolift.support.errors",
    "filters": "genolift.evaluate.discovery.filters",
    "Influence": "genolift.influence.influence",
    "LogoWidget": "genolift.plot.web.widget",
    "load_model": "genolift.models.loading",
    "load_spec": "genolift.simulate.spec",
    "marginalize": "genolift.evaluate.experiments.experiments",
    "method": "genolift.methods.factory",
    "one_hot": "genolift.sequence.alphabet",
    "plot_alleles": "genolift.plot.logos.alleles",
    "plot_logos": "genolift.plot.logos.stacked",
    "reverse_complement": "genolift.sequence.alphabet",
    "space": "genolift.evaluate.experiments.spacing",
}
_MODULES = {
    "dreaming": "genolift.dreaming",
    "export": "genolift.export",
    "methods": "genolift.methods",
    "references": "genolift.methods.references",
    "rules": "genolift.engine.walk.registration",
    "subsets": "genolift.evaluate.discovery.subsets",
    "targets": "genolift.methods.targets",
}

__all__ = ["__version__", *sorted(["drawings", *_NAMES, *_MODULES])]


def _own_drawings() -> drawings.Table:
    from genolift.plot.drawers import DRAWINGS  # This import loads Matplotlib.

    return DRAWINGS


# The room of results must not import the room of pictures. This module is above both, so it says who draws results.
drawings.provide(_own_drawings)


def __getattr__(name: str) -> Any:
    if name in _NAMES:  # The table names the module.
        return getattr(import_module(_NAMES[name]), name)
    if name in _MODULES:  # The table names the module.
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'genolift' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
