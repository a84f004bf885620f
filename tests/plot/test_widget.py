"""The logo in a notebook: what the widget hands to its script."""

import base64

import numpy as np
import pytest

from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

pytest.importorskip("anywidget")


@pytest.fixture
def explained():
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (3, 30))]
    return Explanation(
        {"inputs": X, "scores": rng.normal(size=(3, 2, 30)), "hypothetical": rng.normal(size=(3, 2, 30, 4))},
        target=[0, 5], method={"name": "deeplift"}, names=list("abc"), regions=[("chr1", 10, 40, "-")] * 3,
    )  # fmt: skip


def unpacked(part):
    return np.frombuffer(base64.b64decode(part["data"]), "<i2") * part["scale"]


def test_what_is_drawn(explained):
    from genolift.plot.web.widget import LogoWidget

    widget = LogoWidget(explained, "b", annotations=[(3, 9, "GATA", "+"), (1, 2, "x")], limits=(-1, 1))
    told = widget.content
    assert (told["name"], told["chrom"], told["start"], told["strand"]) == ("b", "chr1", 10, "-")
    assert [track["label"] for track in told["tracks"]] == ["output 0", "output 5"]
    np.testing.assert_allclose(unpacked(told["tracks"][1]["scores"]), explained.scores[1, 1], atol=1e-4)
    assert told["annotations"][1] == {"start": 1, "end": 2, "label": "x", "strand": ""}
    assert widget.limits == [-1.0, 1.0]
    assert widget.chosen is None
    assert "export default { render }" in widget._esm
    one = LogoWidget([explained, explained], 0, target=5)
    assert len(one.content["tracks"]) == 2
    assert one.limits is None  # The tracks of one method share theirs.
    assert {track["scale"] for track in one.content["tracks"]} == {"deeplift, None"}


def test_what_is_not_dna():
    from genolift.plot.web.widget import LogoWidget

    with pytest.raises(InputError, match="only explanations of one input of DNA"):
        LogoWidget(Explanation({"inputs": np.ones((2, 3)), "scores": np.ones((2, 3))}))


@pytest.mark.parametrize("limits", [None, "free", (-1.5, 2.5)])
def test_a_still_picture_stands_beside_the_widget(explained, limits):
    from genolift.plot.web.widget import LogoWidget

    widget = LogoWidget(explained, "b", annotations=[(3, 9, "GATA", "+")], limits=limits)
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_many_tracks_have_no_still_picture(explained):
    from genolift.plot.web.widget import LogoWidget

    data, _ = LogoWidget([explained] * 7, 0)._repr_mimebundle_()
    assert "image/png" not in data
    assert "application/vnd.jupyter.widget-view+json" in data
