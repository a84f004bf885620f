"""Every field of the scores as an array of one ``.npz`` file, with names, coordinates, target and method.

The keys are the names of the fields. If there are several inputs, the keys are ``field.0``, ``field.1`` and so on, in
the order of ``input_names``. Regions are the arrays ``chroms``, ``starts``, ``ends`` and ``strands``. ``about`` is a
JSON text with target and method.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genolift.export.arrays import add, archive, member
from genolift.export.options import FormatOption, Options
from genolift.export.source import choose_target
from genolift.results.explanation import Explanation
from genolift.results.provenance import encode
from genolift.support.progress import bar

OPTIONS: tuple[FormatOption, ...] = ()
_BLOCK_BYTES = 2**25
_COLUMNS = ("chroms", "starts", "ends", "strands")


def files(out: Path, options: Options) -> list[Path]:
    """Return ``out`` itself."""
    return [out]


def write(explanation: Explanation, paths: list[Path], options: Options) -> None:
    """Write every field, of all targets unless one is given."""
    if options.target is not None:
        explanation = choose_target(explanation, options.target)
    arrays = {name: array for field in explanation.defined for name, array in _arrays(explanation, field)}
    with archive(paths[0]) as file:
        with bar(len(explanation) * len(arrays), "exporting", "rows", show=options.progress) as display:
            for name, array in arrays.items():
                size = max(1, _BLOCK_BYTES // max(1, array.dtype.itemsize * int(np.prod(array.shape[1:]))))
                with member(file, name, array.shape, array.dtype) as append:
                    for start in range(0, len(array), size):
                        append(np.asarray(array[start : start + size]))
                        display.update(min(size, len(array) - start))
        for name, values in _facts(explanation).items():
            add(file, name, values)


def _arrays(explanation: Explanation, field: str) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a field with their keys."""
    value = getattr(explanation, field)
    if not isinstance(value, dict | list):
        yield field, value
        return
    for i, leaf in enumerate(value.values() if isinstance(value, dict) else value):
        if leaf is not None:
            yield f"{field}.{i}", leaf


def _facts(explanation: Explanation) -> dict[str, np.ndarray]:
    """Return what is known of the sequences and the method, as arrays by key."""
    about = {"target": explanation.target, "method": explanation.method, "undefined": explanation.undefined}
    facts = {"names": np.array(explanation.names), "about": np.array(json.dumps(encode(about)))}
    if explanation.region_table is not None:
        facts |= {name: np.array(getattr(explanation.region_table, name)) for name in _COLUMNS}
    if explanation.lengths is not None:
        facts["lengths"] = explanation.lengths
    if isinstance(explanation.inputs, dict):
        facts["input_names"] = np.array([str(key) for key in explanation.inputs])
    return facts
