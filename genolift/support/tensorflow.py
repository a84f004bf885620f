"""The one door through which TensorFlow is imported, so that its start-up chatter never reaches the user."""

import os
import sys
import tempfile
from functools import cache, partial
from importlib import import_module


@cache
def quiet_tensorflow():
    """Import TensorFlow and Keras with file descriptor 2 set aside; what was said is replayed if the import fails."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as aside:
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


def compiled(function, **options):
    """``tf.function`` of what one object computes.

    TensorFlow counts tracings by the function's code, and warns when many objects trace the same code once each; a
    partial function counts for itself.
    """
    return quiet_tensorflow().function(partial(function), autograph=False, **options)
