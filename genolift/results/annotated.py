"""Explanations as AnnData, in the form in which CREsted keeps models' targets and regions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from genolift.results.contents import Contents
from genolift.results.fields import INPUT, OUTPUT, POSITION
from genolift.results.provenance import encode
from genolift.support.errors import InputError


def to_anndata(explanation: Contents, fields: Sequence[str] = ("scores",)) -> Any:
    """Return an explanation as AnnData. See :meth:`genolift.results.explanation.Explanation.to_anndata`."""
    library, pandas = _library()
    if isinstance(fields, str):
        fields = (fields,)
    if explanation.several_inputs:
        raise InputError("an AnnData holds one input, and this explanation has several")
    known = [name for name in explanation.defined if explanation.kind(name) in (INPUT, POSITION)]
    for name in fields:
        if name not in known:
            raise InputError(f"an AnnData can hold {', '.join(known)} of this explanation, not {name!r}")
    n, axis = len(explanation), explanation.target_axis
    count = explanation.target_count
    var = pandas.DataFrame({"name": np.array(list(explanation.name_texts), dtype=object)})
    var.index = _index(explanation)
    if explanation.region_table is not None:
        where = explanation.region_table
        var = var.assign(chr=list(where.chroms), start=where.starts, end=where.ends, strand=list(where.strands))
    if explanation.lengths is not None:
        var["length"] = explanation.lengths
    layers = {}
    for name in explanation.defined:
        values = getattr(explanation, name)
        if explanation.kind(name) == OUTPUT and values.shape in ((n,), (n, count)):
            layers[name] = np.asarray(values).reshape(n, count).T
    if "residual" in explanation.defined:
        residual = np.abs(np.asarray(explanation.residual, dtype=np.float32)).reshape(n, count, -1)
        layers["largest_residual"] = np.nan_to_num(residual, nan=0).max(-1).T
    varm = {}
    for name in fields:
        values = np.asarray(getattr(explanation, name))
        varm[name] = values if axis or name == "inputs" else values[:, None]
    about = {"target": explanation.target, "method": explanation.method, "undefined": explanation.undefined}
    return library.AnnData(
        X=layers.get("predictions"),
        obs=pandas.DataFrame(index=_targets(explanation, count)),
        var=var,
        layers=layers,
        varm=varm,
        uns={"genolift": json.dumps(encode(about))},
    )


def _index(explanation: Contents) -> list[str]:
    """Return a different name for each region: its coordinates, with the strand where others have the same."""
    if explanation.region_table is None:
        names = list(explanation.name_texts)
    else:
        names = [f"{chrom}:{start}-{end}" for chrom, start, end, _ in explanation.region_table]
        if len(set(names)) < len(names):
            names = [f"{name}:{one.strand}" for name, one in zip(names, explanation.region_table, strict=True)]
    again, taken, told = Counter[str](), set(names), []
    for name in names:
        again[name] += 1
        label = name
        while again[name] > 1 and (label := f"{name}#{again[name]}") in taken:
            again[name] += 1
        taken.add(label)
        told.append(label)
    return told


def _targets(explanation: Contents, count: int) -> list[str]:
    """Return the targets as names of observations."""
    given = explanation.target if explanation.target_axis and isinstance(explanation.target, list) else None
    if given is None:
        only = "output" if explanation.target is None else str(explanation.target)
        return [only] if count == 1 else [str(i) for i in range(count)]
    return [str(one) for one in given]


def _library() -> tuple[Any, Any]:
    try:
        import anndata
    except ImportError:
        raise InputError("AnnData needs another package: pip install 'genolift[anndata]'") from None
    import pandas

    return anndata, pandas
