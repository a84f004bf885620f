"""The one place that imports TensorFlow, so that the messages of its start never reach the user."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeAlias

#: A TensorFlow tensor. TensorFlow has no types that a type checker could follow, so the name is for readers.
Tensor: TypeAlias = Any

_ours = False


def own_process() -> None:
    """Declare that this process does only genolift's work, so that its garbage collector may be tuned.

    A search for garbage among the objects of TensorFlow takes half a second. The tuned collector does not look at them,
    and it does not search when the process ends, because its memory is freed then anyway.
    """
    global _ours
    if not _ours:
        _ours = True
        atexit.register(gc.freeze)


@cache
def quiet_tensorflow() -> Any:
    """Return the module ``tensorflow``, with Keras imported too and nothing printed.

    What they write to the file descriptor of standard error is kept, and printed only if the import fails.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as aside, _uncollected():
        saved = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            import_module("keras")
            tensorflow = import_module("tensorflow")

            tensorflow.config.list_physical_devices()
            tensorflow.constant(0.0)  # This starts the runtime, which prints messages of its own.
        except Exception:  # An interruption by the user is not replayed.
            os.dup2(saved, 2)
            aside.seek(0)
            sys.stderr.write(aside.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


@contextmanager
def _uncollected() -> Iterator[None]:
    """Switch garbage collection off for a while.

    It takes a quarter of the time of an import, which leaves no garbage. In a process that is ours alone, later
    collections do not look at what was imported.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _ours:
            gc.freeze()
        if was:
            gc.enable()


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return a function as a ``tf.function``, without autograph and with further ``options`` of ``tf.function``.

    TensorFlow counts how often the code of a function is traced, and warns when many objects trace the same method once
    each. A partial function is counted by itself, so there is no such warning.
    """
    return quiet_tensorflow().function(partial(function), autograph=False, **options)
