"""The page about several stores at once, in a real Chromium without a network."""

import re
import shutil

import numpy as np
import pytest

from genolift.plot.report import write_report
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra [browser]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"),
]
N, LENGTH = 30, 60


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        one = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a directory with the page of two methods, whose scores are a thousand times larger in one."""
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (N, LENGTH))]
    found = tmp_path_factory.mktemp("stores")
    for name, size in (("deeplift", 0.01), ("ism", 10.0)):
        scores = size * rng.normal(size=(N, 2, LENGTH)).astype(np.float32)
        fields = {"inputs": X, "scores": scores, "predictions": rng.normal(size=(N, 2))}
        if name == "deeplift":
            fields["standard_error"] = 0.1 * np.abs(scores)
        Explanation(fields, names=[f"seq{i}" for i in range(N)], target=[0, 1], method={"name": name}).save(
            found / f"{name}.zarr"
        )
    write_report([found / "deeplift.zarr", found / "ism.zarr"], found / "r.html", PageOptions(progress=False))
    return found


@pytest.fixture(params=[1200, 375])
def page(request, browser, folder):
    context = browser.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    one = context.new_page()
    said = []
    one.on("console", lambda message: said.append(message.text))
    one.on("pageerror", lambda problem: said.append(str(problem)))
    one.goto(f"file://{folder / 'r.html'}")
    one.wait_for_selector("#logo path.base, #logo path.bars")
    yield one
    assert said == []
    context.close()


def highest(page):
    """Return the height in pixels of the largest letter of each track."""
    page.locator("#logo .frame").focus()
    for _ in range(2):
        page.keyboard.press("+")
    page.wait_for_timeout(200)
    found = {}
    for track, how in page.locator("#logo path.base").evaluate_all(
        "all => all.map(p => [p.dataset.track, p.getAttribute('transform')])"
    ):
        height = abs(float(re.search(r"scale\(\S+ (\S+)\)", how)[1]))
        found[int(track)] = max(found.get(int(track), 0), height)
    return [found.get(track, 0) for track in range(4)]


def test_methods_on_other_scales_are_not_flat(page):
    assert page.locator("#limits").input_value() == "method"
    assert "within a method" in page.locator("#comparable").inner_text()
    assert min(highest(page)) > 20
    page.select_option("#limits", "shared")
    assert "look flat" in page.locator("#comparable").inner_text()
    found = highest(page)
    assert max(found[:2]) < 1 < min(found[2:])
    page.select_option("#limits", "free")
    assert "cannot be compared" in page.locator("#comparable").inner_text()
    page.uncheck("#every")
    assert page.locator("#comparable").inner_text() == ""


def test_targets_of_one_method_share_their_limits(browser, folder):
    write_report(folder / "deeplift.zarr", folder / "one.html", PageOptions(progress=False))
    one = browser.new_page()
    one.goto(f"file://{folder / 'one.html'}")
    assert one.locator("#limits option").evaluate_all("all => all.map(one => one.value)") == ["shared", "free"]
    assert one.locator("#comparable").inner_text() == "All logos have the same limits, so heights can be compared."
    one.close()


def test_it_fits_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
