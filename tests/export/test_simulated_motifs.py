"""From a network trained on the simulated benchmark to its motifs, by what is exported and by genolift's own search."""

import subprocess
import sys
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import genolift as gl
from genolift.sequence.shuffle import shuffle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning"),
]
SEQUENCES = 4000


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """``data`` (the test split), ``store`` of its scores for all tasks, ``null`` of its shuffles'."""
    from genolift.models.training import train
    from genolift.simulate.generate import simulate
    from genolift.simulate.spec import load_spec

    folder = tmp_path_factory.mktemp("motifs")
    dataset = simulate(load_spec("tal_gata"), seed=3, n=SEQUENCES)
    model, _ = train("tal_gata", dataset, seed=1, progress=False)
    data = dataset.subset("test")
    X = data.one_hot()
    explain = gl.DeepLift(model, target=[0, 1, 2], references=gl.references.Shuffled(5, seed=1), progress=False)
    regions = [("chr1", 300 * i, 300 * i + 200, "+-"[i % 2]) for i in range(len(X))]
    explain(X, names=data.names, regions=regions).save(folder / "s.zarr")
    explain(shuffle(X, 1, seed=3)[:, 0]).save(folder / "null.zarr")
    return SimpleNamespace(folder=folder, data=data, store=folder / "s.zarr", null=folder / "null.zarr")


@pytest.fixture(scope="module")
def modisco_result(scored):
    """What TF-MoDISco finds in our files for the task of both motifs."""
    pytest.importorskip("modiscolite", reason="pip install modisco-lite")
    files = gl.export(scored.store, to="modisco", target=0, out=scored.folder / "peaks")
    out = scored.folder / "modisco.h5"
    command = "from modiscolite.cli import cli; cli()"
    arguments = ["motifs", "-s", files[0], "-a", files[1], "-n", "2000", "-w", "200", "-l", "2", "-o", out]
    subprocess.run([sys.executable, "-c", command, *map(str, arguments)], check=True, capture_output=True)
    return out


def likeness(matrix, motif):
    """The best cosine of two matrices of probabilities, less 1/4 each, over offsets and strands."""
    best, matrix, motif = -1.0, matrix - 0.25, motif - 0.25
    for one in (motif, motif[::-1, ::-1]):
        for start in range(len(matrix) - len(one) + 1):
            part = matrix[start : start + len(one)]
            best = max(best, (part * one).sum() / np.sqrt((part**2).sum() * (one**2).sum()))
    return best


def test_modisco_finds_the_embedded_motifs(scored, modisco_result):
    with h5py.File(modisco_result) as file:
        found = [pattern["sequence"][:] for pattern in file["pos_patterns"].values()]
    for name, motif in scored.data.motifs.items():
        assert max(likeness(matrix, motif) for matrix in found) > 0.9, name


def test_modisco_reads_the_h5_alike(scored, modisco_result):
    (path,) = gl.export(scored.store, to="modisco", target=0, out=scored.folder / "peaks.h5")
    pair = [np.load(scored.folder / f"peaks.{part}.npz")["arr_0"] for part in ("ohe", "shap")]
    with h5py.File(path) as file:
        for name, other in zip(("input_seqs", "hyp_scores"), pair, strict=True):
            np.testing.assert_array_equal(file[name][:].transpose(0, 2, 1), other)
