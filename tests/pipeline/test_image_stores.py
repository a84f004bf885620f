"""Jobs that read a store of images say what they have, and those that need DNA say what to do instead."""

import numpy as np
import pytest

from genolift.cli.app import run
from genolift.results.explanation import Explanation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "images.zarr"
    values = np.random.default_rng(0).random((3, 8, 9, 2)).astype(np.float32)
    Explanation({"inputs": values, "raw_contributions": values, "predictions": np.zeros(3, np.float32)}).save(path)
    return path


def test_info_counts_images_and_pixels(store, capsys):
    assert run(["info", str(store)]) == 0
    told = capsys.readouterr().out
    assert "3 images of 8 × 9 pixels and 2 channels" in told
    assert "bases" not in told


def test_plot_draws_an_image(store, tmp_path):
    assert run(["plot", str(store), "--sequence", "1", "--out", str(tmp_path / "image.png")]) == 0
    assert (tmp_path / "image.png").stat().st_size > 1000


def test_npz_takes_images_and_other_formats_name_it(store, tmp_path, capsys):
    out = tmp_path / "scores.npz"
    assert run(["export", str(store), "--to", "npz", "--out", str(out)]) == 0
    with np.load(out, allow_pickle=False) as held:
        np.testing.assert_array_equal(held["scores"], Explanation.load(store).scores)
    capsys.readouterr()
    for arguments in (["export", str(store), "--to", "tsv"], ["seqlets", str(store)]):
        assert run([*arguments, "--out", str(tmp_path / "other.tsv")]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert "these are of images of 8 × 9 pixels and 2 channels" in told
        assert "genolift export --to npz writes scores of any shape" in told


@pytest.mark.slow
def test_check_knows_images_and_counts_classes(tmp_path, capsys):
    from genolift.models.digits import digit_network

    digit_network(8, 8).save(tmp_path / "model.keras")
    assert run(["check", str(tmp_path / "model.keras")]) == 0
    told = capsys.readouterr().out
    assert "images of 8 × 8 pixels" in told
    assert "classes 0 and 9 at once" in told
