"""What users register by name, as ``"package.module"`` or ``"package.module:Class"``, and what is imported of it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from genolift.support.errors import InputError


def imported(where: str, what: str) -> Any:
    """Return the module, or the part of a module, that something is registered as.

    Parameters
    ----------
    where
        ``"package.module"`` or ``"package.module:Name"``.
    what
        What it is, for messages, as in "the method counts".

    Raises
    ------
    InputError
        If there is no such module, or if nothing in it has that name.
    """
    module, _, attribute = where.partition(":")
    try:
        # The name comes from genolift's own lists, or from whoever registered it.
        found = import_module(module)
    except ModuleNotFoundError as problem:
        if problem.name is None or not f"{module}.".startswith(f"{problem.name}."):
            raise  # The module is there, and lacks one that it needs.
        raise InputError(f"{what} is registered as {where}, but there is no module {problem.name}") from None
    if not attribute:
        return found
    if not hasattr(found, attribute):
        raise InputError(f"{what} is registered as {where}, but {module} has no class {attribute}")
    return getattr(found, attribute)
