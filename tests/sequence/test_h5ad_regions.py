"""Regions of an AnnData file, by columns of .var or by the names of its variables."""

import h5py
import numpy as np
import pandas as pd
import pytest

from genolift.sequence.genome import Fasta
from genolift.sequence.regions import Malformed, read_intervals, scan_intervals
from genolift.support.errors import FileProblem, InputError

anndata = pytest.importorskip("anndata")


def written(path, var):
    anndata.AnnData(X=np.zeros((2, len(var)), np.float32), var=var).write_h5ad(path)
    return path


def read(path, width=None):
    return [(one.chrom, one.start, one.end, one.name, one.strand) for one in read_intervals(path, width)]


def test_names_as_crested_has_them(tmp_path):
    path = written(tmp_path / "a.h5ad", pd.DataFrame(index=["chr1:100-200", "chrX_alt:5-10", "chr2:7-9:-"]))
    assert read(path) == [
        ("chr1", 100, 200, "chr1:100-200", "."),
        ("chrX_alt", 5, 10, "chrX_alt:5-10", "."),
        ("chr2", 7, 9, "chr2:7-9:-", "-"),
    ]
    assert read(path, width=20)[0] == ("chr1", 140, 160, "chr1:100-200", ".")


@pytest.mark.parametrize("chrom", ["chr", "chrom", "seqnames"])
def test_columns_come_before_names(tmp_path, chrom):
    var = pd.DataFrame({chrom: ["chr1", "chr1"], "start": [3, 4], "end": [8.0, 9.0], "strand": ["+", "-"]})
    var.index = ["chr9:1-2", "peak"]
    assert read(written(tmp_path / "a.h5ad", var)) == [("chr1", 3, 8, "chr9:1-2", "+"), ("chr1", 4, 9, "peak", "-")]


def test_a_genome_is_cut_by_it(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTTT\n")
    path = written(tmp_path / "a.h5ad", pd.DataFrame(index=["chr1:2-6"]))
    assert Fasta(tmp_path / "g.fa").regions(path).sequences == ["GTAC"]


def test_what_is_no_region(tmp_path):
    with pytest.raises(InputError, match="its first name is 'GATA1'"):
        read(written(tmp_path / "genes.h5ad", pd.DataFrame(index=["GATA1", "TAL1"])))
    mixed = written(tmp_path / "mixed.h5ad", pd.DataFrame(index=["chr1:1-2", "GATA1"]))
    assert [type(one) is Malformed for one in scan_intervals(mixed)] == [False, True]
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.zeros(3)
    with pytest.raises(FileProblem, match="is an HDF5 file but no AnnData"):
        read(tmp_path / "other.h5")


def test_without_the_library(tmp_path, monkeypatch):
    path = written(tmp_path / "a.h5ad", pd.DataFrame(index=["chr1:1-2"]))
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)
    with pytest.raises(InputError, match=r"genolift\[anndata\]"):
        read(path)
