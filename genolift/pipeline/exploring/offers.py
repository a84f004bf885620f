"""What a page offers to choose from: targets on the outputs of a model, and methods by their kinds."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from genolift.methods.common.traced import traced_once
from genolift.methods.registry import listing
from genolift.methods.targets import parse
from genolift.pipeline.checking.inputs import Sample
from genolift.pipeline.checking.kinds import KINDS, kinds
from genolift.pipeline.checking.outputs import outputs_found
from genolift.pipeline.checking.subject import Subject
from genolift.support.errors import GenoliftError
from genolift.support.stopping import check_stop

_FITTED = KINDS["fitted patterns"]
_OTHERS = "of your own"
_TASKS = 100  # of an output that are offered one by one


def methods_by_kind() -> list[list[Any]]:
    """Return the kinds of methods, each with the names of its methods."""
    known = listing()
    found: list[list[Any]] = [[kind, [name for name in names if name in known]] for kind, names in KINDS.items()]
    others = [name for name in known if not any(name in names for names in KINDS.values())]
    return [*found, *([[_OTHERS, others]] if others else [])]


def summaries() -> dict[str, str]:
    """Return what each method shows, without what is said of options that a page does not have."""
    return {name: summary.partition("; --")[0] for name, summary in listing().items()}


def outputs_of(model: Callable) -> list[dict[str, Any]]:
    """Return the outputs of a model, each with its count of numbers and targets that make sense on it.

    A model that cannot be looked at like this has none. What is wrong with it is told where it is explained.
    """
    try:
        subject = Subject(model)
        sizes = [output.shape[1:] for output in subject.predict(subject.random(1))]
        found, _ = outputs_found(subject, sizes, None)
    except GenoliftError:
        return []
    told = []
    for output, size in zip(found.outputs, sizes, strict=True):
        targets = [[one.text, one.meaning] for one in output.targets if " " not in one.text]
        if len(size) == 1 and 1 < size[0] <= _TASKS and targets[:1] and isinstance(parse(targets[0][0]), int | tuple):
            start, what = targets[0][0].removesuffix("0"), targets[0][1].partition(" ")[0]
            targets = [[f"{start}{number}", f"{what} {number}"] for number in range(size[0])]
        told.append({"name": output.name, "size": prod(size), "targets": targets})
    return told


def refused(model: Callable, target: str | None, X: np.ndarray, memory: str | None = None) -> list[str]:
    """Return the names of the methods that cannot explain a target of a model here.

    They refuse the model, or have to be fitted on sequences first. The methods are made, and not run.
    """
    what = None if target is None else parse(target)
    with traced_once():
        found = kinds(model, what, Sample(X, "the sequence", ["sequence"]), lambda name: check_stop(), memory=memory)
    return list(dict.fromkeys([*_FITTED, *(name for kind in found.kinds for name in kind.refuses)]))
