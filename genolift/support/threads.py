"""How many threads TensorFlow computes with, which must be the same wherever a result is to be the same to the bit.

On a CPU some sums (a matrix product of few rows and many columns, say) are divided among the threads, so that another
number of threads rounds them otherwise.
"""

import os
import sys

from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def use_threads(count: int | None) -> None:
    """Have TensorFlow compute with ``count`` threads, ``None`` for as many as it likes.

    Raises :class:`InputError` where it was started with another number, which cannot be changed.
    """
    if count is None:
        return
    if "tensorflow" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    elif threads() != count:
        raise InputError(
            f"TensorFlow computes with {threads()} threads in this process already, but {count} are wanted (which decide "
            f"on the last bits of a result); set {VARIABLES[0]}={count} before it is started"
        )


def threads() -> int:
    """How many threads TensorFlow computes with."""
    chosen = quiet_tensorflow().config.threading.get_intra_op_parallelism_threads()
    asked = os.environ.get(VARIABLES[0], "")
    return chosen or (int(asked) if asked.isdigit() else 0) or available()


def available() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
