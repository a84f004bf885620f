"""What made a result: the versions of everything that its numbers depend on, and when, where and how long it ran."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from genolift.version import __version__

_PACKAGES = ("tensorflow", "keras", "numpy")


def versions(*more: str) -> dict[str, str]:
    """Return the versions of genolift, Python, TensorFlow, Keras, NumPy and the packages named in ``more``."""
    packages = {package: version(package) for package in (*_PACKAGES, *more)}
    return {"genolift": __version__, "python": platform.python_version(), **packages}


def account(seconds: float) -> dict[str, Any]:
    """Return when a job finished, on which machine, and how many seconds its stages took in all."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        "seconds_in_all": round(seconds, 1),
    }
