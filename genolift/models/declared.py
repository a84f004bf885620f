"""What a Keras model declares that decides how it can be traced: layers that draw, and the size of its batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genolift.models.calling import is_layer
from genolift.support.errors import UnsupportedModel


def refuse_noise(model: Callable) -> None:
    """Refuse a functional model that draws random numbers because a layer was put into it with ``training=True``.

    Keras 3 lets ``training=False`` overrule this, so a trace would show another model than the one that is called.
    """
    for node in (node for depth in getattr(model, "_nodes_by_depth", {}).values() for node in depth):
        layer: Any = getattr(node, "operation", None)
        given = getattr(node, "arguments", None)
        on = given is not None and (given.kwargs.get("training") or any(one is True for one in given.args))
        if on and layer is not None and _draws(layer):
            raise UnsupportedModel(
                f"layer {layer.name!r} ({type(layer).__name__}) was put into the model with training=True and draws "
                "random numbers at inference, so the output is not a function of the input; make the model without it"
            )
    for inner in getattr(model, "layers", []):
        refuse_noise(inner)


def _draws(layer: Any) -> bool:
    """Whether a layer, or one inside it, has a generator of random numbers."""
    inner = [*getattr(layer, "layers", []), *([layer.layer] if hasattr(layer, "layer") else [])]
    return hasattr(layer, "seed_generator") or any(_draws(one) for one in inner)


def made_for(model: Callable) -> int | None:
    """Return the number of sequences that a Keras model takes at a time, where it declares one."""
    declared = (getattr(model, "inputs", None) or []) if is_layer(model) else []
    return next((tensor.shape[0] for tensor in declared if tensor.shape[0] is not None), None)
