"""Folds: several models of the same inputs and outputs, whose mean is scored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from genolift.models.signature import Port, describe
from genolift.pipeline.keeping.digest import digest_path
from genolift.sequence.files import check_regular
from genolift.support.errors import InputError
from genolift.support.files import absent


def check_folds(paths: Sequence[Path]) -> None:
    """Raise at once for folds that are not there or given twice, before TensorFlow is loaded."""
    for path in paths[1:]:
        if not path.exists():
            raise absent(path, "; a fold is a file as MODEL is")
        check_regular(path)
    for one, other in combinations(paths, 2):
        if one.resolve() == other.resolve():
            raise InputError(f"{other} is given twice, and would count twice in means over folds")


def check_alike(paths: Sequence[Path], models: Sequence[Any]) -> None:
    """Raise :class:`InputError` unless the models are different ones of the same inputs and outputs.

    Parameters
    ----------
    paths
        Their files.
    models
        The models, in the same order.
    """
    digests = [digest_path(path) for path in paths]
    for (one, its), (other, own) in combinations(zip(paths, digests, strict=True), 2):
        if its == own:
            raise InputError(f"{other} is a copy of {one}, and would count twice in means over folds")
    first, *others = [describe(model) for model in models]
    for path, signature in zip(paths[1:], others, strict=True):
        for what in ("inputs", "outputs"):
            mine, its = getattr(first, what), getattr(signature, what)
            if [_alike(port, len(mine)) for port in mine] != [_alike(port, len(its)) for port in its]:
                raise InputError(
                    f"{path} and {paths[0]} are no folds of one model: the {what} of the one are {_told(its)}, and "
                    f"those of the other {_told(mine)}"
                )


def _alike(port: Port, count: int) -> tuple:
    """Return what must be the same in all folds.

    The names of several inputs or outputs tell them apart. Keras numbers the names of layers as they are made, so that
    the same layer is ``dense_3`` in one model and ``dense_7`` in the next.
    """
    return port.shape, port.dtype, re.sub(r"_\d+$", "", port.name) if count > 1 else ""


def _told(ports: Sequence[Port]) -> str:
    return ", ".join(
        f"{port.name} ({', '.join('any' if size is None else str(size) for size in port.shape)})" for port in ports
    )
