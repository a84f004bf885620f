"""Figures 5 and 6: what each panel shows."""

import numpy as np
import pytest

from genolift.evaluate.truth.recovery import recover
from genolift.plot.figures import figure5, figure6, label_colours
from genolift.plot.style import QUIET, method_label, render
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.simulate.dataset import Dataset, Embedding
from genolift.support.errors import InputError

MOTIF = 0.97 * np.eye(4)[[2, 0, 3, 0, 0, 2]] + 0.0075
METHODS = ["deeplift-revealcancel", "gradient-x-input"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), size=40)) for _ in range(30)]
    texts = [text[:8] + "GATAAG" + text[14:] if i % 2 else text for i, text in enumerate(texts)]
    return Dataset(
        [f"s{i}" for i in range(30)],
        texts,
        (np.arange(30) % 2)[:, None].astype(np.int8),
        ["GATA"],
        np.full(30, "test"),
        [Embedding(i, "GATA1", 8, 14, "+", "GATAAG") for i in range(1, 30, 2)],
        {"GATA1": MOTIF},
        np.full(4, 0.25),
    )


@pytest.fixture(scope="module")
def explanations(data):
    X = one_hot(data.sequences)
    rng = np.random.default_rng(1)
    return {
        name: Explanation(
            {
                "inputs": X,
                "raw_contributions": X * rng.normal(size=(30, 40, 1)).astype(np.float32),
                "predictions": np.ones(30),
            },
            names=data.names,
            method={"name": name, "units": "logit"},
        )
        for name in METHODS
    }


@pytest.fixture(scope="module")
def recovery(data, explanations):
    return recover(data, {name: np.asarray(e.scores) for name, e in explanations.items()})


def test_figure5_has_a_panel_per_method_and_task_with_every_match(recovery):
    figure = figure5(recovery, "GATA1")
    panels, bars = figure.axes[: len(METHODS)], figure.axes[-1]
    for ax, method in zip(panels, METHODS, strict=True):
        points = recovery.scatter[recovery.scatter.method == method]
        drawn = ax.collections[0].get_offsets()
        expected = points[["log_odds", "importance"]].to_numpy()
        np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0))
        rate = recovery.table.set_index("method").paper_false_negative_rate[method]
        assert ax.texts[0].get_text() == f"false negatives {rate:.1%}"
        assert ax.get_title().replace("\n", " ") == method_label(method)
    heights = [bar.get_height() for bar in bars.patches]
    np.testing.assert_allclose(heights, recovery.table.paper_false_negative_rate)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["none", "GATA"]


def test_figure5_knows_the_motifs_there_are(recovery):
    with pytest.raises(InputError, match="no motif 'CTCF'; there are GATA1"):
        figure5(recovery, "CTCF")


def test_figure6_has_a_logo_per_method_with_the_motifs_marked(explanations):
    figure = figure6(explanations, "s1", highlight=[(8, 14, "GATA1", "+")])
    assert len(figure.axes) == len(METHODS)
    assert [text.get_text() for text in figure.axes[0].texts] == ["GATA1 ▶"]
    for ax in figure.axes:
        assert any(np.isclose(patch.get_x(), 7.5) for patch in ax.patches if hasattr(patch, "get_x"))
    assert "s1" in figure.get_suptitle()
    assert "logit" in figure.get_suptitle()
    with pytest.raises(InputError, match="at least one"):
        figure6({}, 0)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_pictures_are_the_same_bytes_each_time(recovery, explanations, kind):
    for make in (lambda: figure5(recovery, "GATA1"), lambda: figure6(explanations, 1)):
        assert render(make(), kind) == render(make(), kind)


def test_svg_embeds_points_as_an_image(recovery):
    svg = render(figure5(recovery, "GATA1"), "svg").decode()
    assert svg.count("<image") == len(METHODS)
    assert "<dc:date>" not in svg


def test_colours_go_from_quiet_to_strong():
    colours = label_colours(["a + b", "none", "b", "a"], ["a", "b"])
    assert list(colours) == ["none", "a", "b", "a + b"]
    assert colours["none"] == QUIET
    assert len(set(colours.values())) == 4


def test_method_labels():
    assert method_label("deeplift-revealcancel") == "DeepLIFT RevealCancel"
    assert method_label("guided-backprop-x-input") == "Guided backprop × input"
    assert method_label("guided-grad-cam") == "Guided Grad-CAM"
    assert [method_label(name) for name in ("cam", "smoothgrad-squared")] == ["CAM", "SmoothGrad squared"]
