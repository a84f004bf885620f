"""What is positive is blue and what is negative is orange, in every picture and on every page."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

import genolift
from genolift.plot.epistasis import heat
from genolift.plot.images.digits import conversion_maps
from genolift.plot.images.pixels import draw_pixels
from genolift.plot.influence import influences
from genolift.plot.style import INK, LOWERS, RAISES, SIGNED, UNSIGNED, Picture, by_sign, ink_on
from genolift.plot.suites.pictures import heat_map

ROOT = Path(genolift.__file__).parent


def contrast(one, other):
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_map_goes_from_orange_through_white_to_blue():
    assert to_hex(SIGNED(0.0)) == LOWERS
    assert to_hex(SIGNED(1.0)) == RAISES
    np.testing.assert_allclose(SIGNED(0.5)[:3], 1, atol=0.01)
    assert to_hex(UNSIGNED(1.0)) == RAISES
    assert by_sign(np.array([-1.0, 0.0, 2.0])).tolist() == [LOWERS, RAISES, RAISES]


@pytest.mark.parametrize("place", np.linspace(0, 1, 21))
def test_numbers_on_colours_can_be_read(place):
    ink = ink_on(SIGNED(place))
    assert contrast(ink, SIGNED(place)) == max(contrast("white", SIGNED(place)), contrast(INK, SIGNED(place)))
    assert contrast(ink, SIGNED(place)) >= 3.9


def test_heat_maps_have_the_same_colours():
    pandas = pytest.importorskip("pandas")
    figure = Picture()
    ax = figure.subplots()
    values = np.array([[-2.0, 0.0], [0.0, 2.0]])
    heat(figure, ax, values, "change")
    pixels = draw_pixels(Picture().subplots(), values)
    suite = heat_map(pandas.DataFrame([[0.0, 0.5, 1.0]], index=["ism"]), "agreement", (0, 1), 0.5)
    digits = conversion_maps({"ism": np.array([[np.nan, -3.0], [3.0, np.nan]])})
    for image in (ax.images[0], pixels, suite.axes[0].images[0], digits.axes[0].images[0]):
        found = image.get_array().data
        colours = [to_hex(image.cmap(image.norm(one))) for one in (np.nanmin(found), np.nanmax(found))]
        assert colours == [LOWERS, RAISES]


def test_pages_have_the_colours_of_pictures():
    store, explore = ((ROOT / f"plot/web/{name}.js").read_text() for name in ("store", "explore"))
    above, below = re.findall(r'pen\.fillStyle = "(#\w+)"', store)
    assert (above, below) == (RAISES, LOWERS)
    assert f'value > 0 ? "{RAISES}" : "{LOWERS}"' in explore


def test_no_picture_has_a_map_of_its_own():
    for path in (ROOT / "plot").rglob("*.py"):
        if path.name != "style.py":
            assert not re.search(r"RdBu|PuOr|coolwarm|seismic|BrBG|PiYG|PRGn|RdYl", path.read_text()), path


def test_influences_that_raise_are_blue():
    assert influences._COLOURS == {"raises": RAISES, "lowers": LOWERS}
