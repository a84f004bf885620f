"""The number of threads that TensorFlow computes with. Results agree to the last bit only if it is the same.

On a CPU some sums (in a matrix product of few rows and many columns, say) are divided among the threads, so another
number of threads rounds them differently.
"""

from __future__ import annotations

import os
import sys

from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def use_threads(count: int | None) -> None:
    """Have TensorFlow compute with a number of threads.

    Parameters
    ----------
    count
        The number; ``None`` leaves the choice to TensorFlow.

    Raises
    ------
    InputError
        If TensorFlow was started with another number, which cannot be changed.
    """
    if count is None:
        return
    if "tensorflow" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    elif threads() != count:
        raise InputError(
            f"TensorFlow already computes with {threads()} threads in this process, but {count} are needed (the last "
            f"bits of a result depend on the number); set {VARIABLES[0]}={count} before it is started"
        )


def threads() -> int:
    """Return the number of threads that TensorFlow computes with."""
    chosen = quiet_tensorflow().config.threading.get_intra_op_parallelism_threads()
    asked = os.environ.get(VARIABLES[0], "")
    return chosen or (int(asked) if asked.isdigit() else 0) or available()


def available() -> int:
    """Return the number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
