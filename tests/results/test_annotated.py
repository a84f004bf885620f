"""Explanations as AnnData: targets × regions, as CREsted keeps them, whole after a way through a file."""

import json

import numpy as np
import pytest
from stored import full

from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

anndata = pytest.importorskip("anndata")
WHERE = [("chr1", 10 * i, 10 * i + 8, "+-"[i % 2]) for i in range(5)]


def test_several_targets_of_regions(tmp_path):
    one = full(5, targets=(2,), target=[0, ("counts", 1)], regions=WHERE, names=[f"p{i}" for i in range(5)])
    one.save(tmp_path / "s.zarr")
    made = Explanation.load(tmp_path / "s.zarr").to_anndata(["scores", "contributions", "inputs"])
    made.write_h5ad(tmp_path / "a.h5ad")
    found = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert found.shape == (2, 5)
    assert list(found.obs_names) == ["0", "('counts', 1)"]
    assert list(found.var_names) == [f"chr1:{10 * i}-{10 * i + 8}" for i in range(5)]
    assert list(found.var["name"]) == one.names
    assert list(found.var["strand"]) == [region[3] for region in WHERE]
    np.testing.assert_array_equal(found.var[["start", "end"]], [region[1:3] for region in WHERE])
    np.testing.assert_array_equal(found.X, one.predictions.T)
    np.testing.assert_array_equal(found.layers["reference_count"], one.reference_count.T)
    np.testing.assert_array_equal(found.layers["largest_residual"], np.abs(one.residual).max(-1).T)
    for name in ("scores", "contributions", "inputs"):
        np.testing.assert_array_equal(found.varm[name], getattr(one, name))
    assert found[:, 3].varm["scores"].shape == (1, 2, 8)
    assert json.loads(found.uns["genolift"])["target"] == [0, {"tuple": ["counts", 1]}]


def test_one_target_has_the_axis_too_and_names_differ():
    same = [("chr1", 0, 8, "+"), ("chr1", 0, 8, "-"), ("chr1", 0, 8, "-"), *WHERE[3:]]
    found = full(5, target=3, regions=same).to_anndata("scores")
    assert list(found.obs_names) == ["3"]
    assert found.varm["scores"].shape == (5, 1, 8)
    assert list(found.var_names)[:3] == ["chr1:0-8:+", "chr1:0-8:-", "chr1:0-8:-#2"]
    plain = full(3, names=["a", "b", "a"], lengths=[8, 7, 8]).to_anndata()
    assert list(plain.var_names) == ["a", "b", "a#2"]
    assert list(plain.obs_names) == ["output"]
    assert list(plain.var["length"]) == [8, 7, 8]


def test_fields_of_other_types_do_not_stand_in_the_way():
    one = full(3)
    fields = {name: np.asarray(value) for name, value in one.fields.items()} | {"of_a_plugin": np.zeros((3, 8))}
    assert "of_a_plugin" not in Explanation(fields).to_anndata().layers


def test_what_cannot_be_held():
    with pytest.raises(InputError, match=r"can hold inputs, scores, .* not 'residual'"):
        full(2).to_anndata(["residual"])
    several = Explanation({"inputs": {"a": np.zeros((2, 8, 4)), "b": np.zeros((2, 3))}})
    with pytest.raises(InputError, match="one input"):
        several.to_anndata()


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)
    with pytest.raises(InputError, match=r"genolift\[anndata\]"):
        full(2).to_anndata()
