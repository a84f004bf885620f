"""`genolift plot` draws the result of every method, and its map where there is one, or says why it does not."""

import re
from functools import lru_cache
from pathlib import Path

import method_models
import pytest

import genolift as gl
from genolift.cli.app import run
from genolift.pipeline.common.drawing import methods_with
from genolift.support.errors import GenoliftError

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning"),
]
DOCS = Path(__file__).parents[3] / "docs"
X = method_models.sequences(2)


@pytest.fixture(scope="module")
def models():
    return lru_cache(method_models.build)


def explained(models, name):
    """A result of the method, for the first kind of model that it takes."""
    for kind in ("conv", "pooled", "attention", "readable"):
        try:
            return method_models.make(name, models(kind), 1)(X, names=["a", "b"])
        except GenoliftError:
            pass
    raise AssertionError(f"{name} takes none of the models")


@pytest.mark.slow
@pytest.mark.parametrize("name", gl.methods())
def test_every_result_is_drawn_or_the_reason_given(models, name, tmp_path, capsys):
    store = str(tmp_path / "s.zarr")
    explained(models, name).save(store)
    assert run(["plot", store, "--sequence", "b", "--out", str(tmp_path / "logo.png")]) == 0, capsys.readouterr().err
    assert (tmp_path / "logo.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    code = run(["plot", store, "--sequence", "b", "--map", "--out", str(tmp_path / "map.png")])
    told = capsys.readouterr().err
    if name in methods_with("map"):
        assert code == 0, told
        assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert code == 2
        assert f"holds no map: {', '.join(methods_with('map'))} make them" in told


def test_the_docs_name_the_methods_that_have_maps():
    text = (DOCS / "how-to" / "scoring.md").read_text(encoding="utf-8")
    named = re.search(r"[Tt]here are maps of ([^.]*)\.", text)[1]
    assert re.findall(r"`([^`]+)`", named) == methods_with("map")


def test_methods_that_have_maps():
    assert {"attention", "attention-rollout", "pairwise-mutagenesis", "interaction-maps", "surrogate"} <= set(
        methods_with("map")
    )
    assert "gradient" not in methods_with("map")
