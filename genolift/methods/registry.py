"""Every method by name, with a line each; nothing heavy is imported until one is made."""

from __future__ import annotations

from importlib import import_module

from genolift.support.errors import InputError

_METHODS = {
    "deeplift": (
        "deeplift",
        "DeepLift",
        "differences from references by DeepLIFT's rules; --rule chooses them",
    ),
    "gradient-x-input": ("gradients", "GradientTimesInput", "gradient × (x − reference)"),
    "guided-backprop-x-input": (
        "gradients",
        "GuidedBackpropTimesInput",
        "guided backprop × (x − reference); for networks of ReLUs",
    ),
    "deconvnet": (
        "gradients",
        "Deconvnet",
        "deconvnet's gated gradient × (x − reference); for networks of ReLUs",
    ),
    "integrated-gradients": (
        "gradients",
        "IntegratedGradients",
        "gradients averaged along the path from the reference, × (x − reference)",
    ),
}


def listing() -> dict[str, str]:
    """The methods there are: name → one line."""
    return {name: summary for name, (_, _, summary) in _METHODS.items()}


def method_class(name: str) -> type:
    """The class behind a name; :class:`InputError` lists what there is."""
    if name not in _METHODS:
        raise InputError(f"there is no method {name!r}; choose among {', '.join(_METHODS)}")
    module, attribute, _ = _METHODS[name]
    return getattr(import_module(f"genolift.methods.{module}"), attribute)


def method(name: str, model, target=None, **options):
    """Make a method by name, as in ``method("integrated-gradients", model, target=0, steps=50)``.

    A list of models makes an ensemble: the mean of their explanations, with the spread over models.
    """
    if isinstance(model, (list, tuple)):
        return import_module("genolift.methods.ensemble").Ensemble(name, list(model), target, **options)
    return method_class(name)(model, target, **options)
