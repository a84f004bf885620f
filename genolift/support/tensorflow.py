"""The one door through which TensorFlow is imported, so that its start-up chatter never reaches the user."""

import atexit
import gc
import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeAlias

#: A TensorFlow tensor. TensorFlow ships no types that a checker could follow, so the name is for readers.
Tensor: TypeAlias = Any

_ours = False


def own_process() -> None:
    """Say that this process does genolift's work only, so that its garbage collector may be tuned.

    To look for garbage in all of TensorFlow takes half a second each time, and at the end for memory that goes anyway.
    """
    global _ours
    if not _ours:
        _ours = True
        atexit.register(gc.freeze)


@cache
def quiet_tensorflow() -> Any:
    """Import TensorFlow and Keras with file descriptor 2 set aside; what was said is replayed if the import fails."""
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
            tensorflow.constant(0.0)  # starts the runtime, which has its own things to say
        except Exception:  # not when the user interrupts it
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
def _uncollected():
    """Without garbage collection, which takes a quarter of the time of an import that leaves no garbage; where the process
    is ours, later ones pass over what was imported."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _ours:
            gc.freeze()
        if was:
            gc.enable()


def compiled(function, **options):
    """``tf.function`` of what one object computes.

    TensorFlow counts tracings by the function's code, and warns when many objects trace the same code once each; a
    partial function counts for itself.
    """
    return quiet_tensorflow().function(partial(function), autograph=False, **options)
