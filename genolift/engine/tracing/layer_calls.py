"""The calls of Keras layers that run while a model is traced."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from genolift.engine.program import LayerCall
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

_TRACING = threading.RLock()

#: A layer's call, with the graph that it ran in and the range of that graph's operations that it created.
Interval: TypeAlias = tuple[object, int, int, LayerCall]


@contextmanager
def record_layers() -> Iterator[list[Interval]]:
    """Record which operations of the graph under construction each call of a Keras layer creates.

    The names of scopes do not say this, because they are made unique by the same suffixes that names of layers carry.
    The two base classes of Keras therefore report their calls while the trace lasts, and are put back whatever happens.
    One thread traces at a time, and calls in other threads are not recorded.

    Raises
    ------
    UnsupportedModel
        If a recurrent layer that is called keeps its state from one call to the next.
    """
    with _TRACING:
        yield from _recorded()


def _recorded() -> Iterator[list[Interval]]:
    tracing = threading.get_ident()
    bases = [sys.modules["keras"].layers.Layer] if "keras" in sys.modules else []
    if "tf_keras" in sys.modules:
        bases.append(sys.modules["tf_keras"].layers.Layer)
    originals = [base.__call__ for base in bases]
    intervals: list[Interval] = []
    stack: list[str] = []
    refused: list[UnsupportedModel] = []  # Keras rewrites errors that pass through a layer.

    def reporting(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != tracing:
                return original(layer, *args, **kwargs)
            if getattr(layer, "stateful", False) is True and hasattr(layer, "return_sequences"):
                refused.append(_stateful(layer))
                raise refused[0]
            graph = tf.compat.v1.get_default_graph()
            start = len(graph.get_operations())
            stack.append(layer.name)
            path = "/".join(stack)
            try:
                return original(layer, *args, **kwargs)
            finally:
                stack.pop()
                end = len(graph.get_operations())
                intervals.append((graph, start, end, LayerCall(path, layer.name, type(layer).__name__)))

        return call

    try:
        for base, original in zip(bases, originals, strict=True):
            base.__call__ = reporting(original)
        yield intervals
    except Exception:
        if refused:
            raise refused[0] from None
        raise
    finally:
        for base, original in zip(bases, originals, strict=True):
            base.__call__ = original


def _stateful(layer: Any) -> UnsupportedModel:
    return UnsupportedModel(
        f"layer {layer.name!r} ({type(layer).__name__}) is stateful and goes on from where its last call ended, "
        "so the output is not a function of the input; make the model again with stateful=False and any number of "
        "sequences (keras.Input without batch_shape), and give it the same weights with set_weights"
    )
