"""Parts of a comparison as one: other training seeds, simulations, networks or methods, run one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from genolift.pipeline.benchmark.comparing.tables import Tables
from genolift.pipeline.keeping.folder import RUN, Folder
from genolift.pipeline.keeping.resumable import read_json
from genolift.pipeline.keeping.versions import account, versions
from genolift.results.provenance import first_difference
from genolift.support.errors import FileProblem, InputError

_PARTS = ("suite", "networks", "methods")  # These parts of a request are lists of what has a name.
_SEEDS = ("seeds", "first_seed")


def is_suite(path: Path) -> bool:
    """Whether a directory holds a comparison that is complete."""
    return bool(_requests(read_json(path / RUN) or {}))


def _requests(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the requests of a comparison: its own, or those of the parts that it was put together from."""
    request = run.get("request")
    if not isinstance(request, dict):
        return []
    several = request.get("merged", [request])
    return [one for one in several if isinstance(one, dict) and "suite" in one] if isinstance(several, list) else []


def merge_suites(parts: Sequence[Path], out: Path, force: bool = False) -> bool:
    """Write the tables of several comparisons as those of one; return whether that was there already.

    Parameters
    ----------
    parts
        The directories of the comparisons.
    out
        The directory to write.
    force
        Whether an earlier result gives way.

    Raises
    ------
    InputError
        If they were made in different ways, or hold the same twice.
    FileProblem
        If one is not the directory of a complete comparison.
    """
    runs = [read_json(path / RUN) or {} for path in parts]
    asked = [(path, request) for path, run in zip(parts, runs, strict=True) for request in _requests(run)]
    complete = {path for path, _ in asked}
    for path in parts:
        if path not in complete:
            raise FileProblem(f"{path} is not the directory of a complete comparison; finish it first")
    for one, other in combinations(asked, 2):
        _check_alike(*one, *other)
    request = {"merged": _joined([one for _, one in asked])}
    folder = Folder(out, request, versions("matplotlib", "scikit-learn"), force)
    if folder.is_complete:
        folder.clear()
        return True
    folder.begin()
    tables = _together([Tables.read(path) for path in parts])
    folder.record(tables.write(folder.work), account(sum(run.get("seconds_in_all", 0.0) for run in runs)))
    folder.publish()
    folder.clear()
    return False


def _joined(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return requests, those as one that differ in their simulations alone."""
    joined: list[dict[str, Any]] = []
    for request in requests:
        rest = _without(request, ("suite",))
        same = next((one for one in joined if _without(one, ("suite",)) == rest), None)
        if same is None:
            joined.append({**request, "suite": list(request["suite"])})
        else:
            same["suite"] += [one for one in request["suite"] if one not in same["suite"]]
    return joined


def _check_alike(first: Path, one: dict[str, Any], second: Path, other: dict[str, Any]) -> None:
    """Raise :class:`InputError` where what bears the same name is not the same."""
    parts = (*_PARTS, *_SEEDS)
    difference = first_difference(_without(one, parts), _without(other, parts))
    for key in _PARTS:
        left, right = ({entry["name"]: entry for entry in request[key]} for request in (one, other))
        both = left.keys() & right.keys()
        apart = first_difference(_without(left, left.keys() - both), _without(right, right.keys() - both))
        difference = difference or apart
    if difference:
        raise InputError(f"{second} cannot be merged with {first}: {difference}")


def _without(entries: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if key not in set(names)}


def _together(parts: list[Tables]) -> Tables:
    results = pd.concat([one.results for one in parts], ignore_index=True)
    refused = pd.concat([one.refused for one in parts], ignore_index=True)
    keys = ["simulation", "network", "seed", "method"]
    twice = results.duplicated([*keys, "task", "truth", "metric"])
    if twice.any():
        told = ", ".join(map(str, results.loc[twice.idxmax(), keys]))
        raise InputError(f"the same is in two of them: {told}; give each part once")
    trained = pd.concat([one.trained for one in parts], ignore_index=True)
    of_network = ["simulation", "network", "seed", "task", "metric"]
    trained = trained.drop_duplicates([*of_network, "value"], ignore_index=True)
    differing = trained.duplicated(of_network)
    if differing.any():
        told = ", ".join(map(str, trained.loc[differing.idxmax(), of_network[:3]]))
        raise InputError(
            f"the network of {told} has other metrics in two of them, so it was not trained to the same weights; run "
            "all methods on one machine"
        )
    shown: dict[str, dict[str, Any]] = {}
    for failure in (failure for one in parts for failure in one.failures):
        shown.setdefault(failure["simulation"], failure)
    return Tables(results, refused.drop_duplicates(ignore_index=True), trained, list(shown.values()))
