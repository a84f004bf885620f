"""What made a result: the versions of everything that its numbers depend on."""

import platform
from importlib.metadata import version

from genolift.version import __version__

_PACKAGES = ("tensorflow", "keras", "numpy")


def versions(*more: str) -> dict[str, str]:
    """Return the versions of genolift, Python, TensorFlow, Keras, NumPy and the packages named in ``more``."""
    packages = {package: version(package) for package in (*_PACKAGES, *more)}
    return {"genolift": __version__, "python": platform.python_version(), **packages}
