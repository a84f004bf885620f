"""The page about several stores at once, in a real Chromium without a network."""

import re

import numpy as np
import pytest
from chromium import needs_chromium, opened
from tablekeys import check_keys, pressed

from genolift.plot.report import write_report
from genolift.plot.web.motifs import Motifs
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation

pytestmark = [pytest.mark.slow, needs_chromium]
N, LENGTH = 30, 60


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
        fields["residual"] = size * 1e-4 * rng.normal(size=(N, 2, 3))
        Explanation(fields, names=[f"seq{i}" for i in range(N)], target=[0, 1], method={"name": name}).save(
            found / f"{name}.zarr"
        )
    write_report([found / "deeplift.zarr", found / "ism.zarr"], found / "r.html", PageOptions(progress=False))
    return found


@pytest.fixture(params=[1200, 375])
def page(request, browser, folder):
    with opened(browser, folder / "r.html", request.param) as one:
        one.wait_for_selector("#logo path.base, #logo path.bars")
        yield one


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


def test_residuals_of_methods_share_an_axis(page):
    box = page.locator("#residuals svg").bounding_box()
    left = {}
    for number, curve in enumerate(page.locator("#residuals path").all()):
        steps = re.findall(r"[ML](\S+) (\S+?)(?=[ML]|$)", curve.get_attribute("d"))
        left[number] = float(max(steps, key=lambda step: -float(step[1]))[0])
    # The residuals of the second store are a thousand times as large, and lie three powers of ten farther right.
    assert len(left) == 4
    assert min(left[2], left[3]) - max(left[0], left[1]) > 0.15 * box["width"]
    assert "10⁻⁶" in page.locator("#residuals").text_content()
    assert page.locator("#residuals ~ div table tbody tr").count() >= 4


def test_the_spread_over_references_can_be_judged(page):
    page.locator("#rows tr").nth(2).click()
    about = page.locator("#about").inner_text().splitlines()
    assert len(about) == 4
    assert "± 10 % of the 10 largest contributions (median; at most 10 %), 10 of them more than two" in about[0]
    assert "standard error" not in about[2]  # ISM has no references.
    assert page.locator("#rows td.spread").first.inner_text() == "10 %"
    page.select_option("#track", "2")
    assert page.locator("#rows td.spread").first.inner_text() == ""
    button = page.locator("#logo button[data-do=errors]")
    assert page.locator("#logo path.error").count() > 0
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator("#logo path.error").count() == 0


def test_targets_of_one_method_share_their_limits(browser, folder):
    write_report(folder / "deeplift.zarr", folder / "one.html", PageOptions(progress=False))
    one = browser.new_page()
    one.goto(f"file://{folder / 'one.html'}")
    assert one.locator("#limits option").evaluate_all("all => all.map(one => one.value)") == ["shared", "free"]
    assert one.locator("#comparable").inner_text() == "All logos have the same limits, so heights can be compared."
    one.close()


def test_it_fits_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="module")
def searched(browser, tmp_path_factory):
    """Return a page about sequences of which some hold GATTACA, on one strand or the other, far from any score."""
    rng = np.random.default_rng(1)
    texts = [
        "".join(rng.choice(list("ACT"), 80)) for _ in range(40)
    ]  # no G, so GATTACA and TGTAATC are where they are put
    texts[7] = texts[7][:60] + "GATTACA" + texts[7][67:]
    texts[33] = texts[33][:60] + "TGTAATC" + texts[33][67:]
    X = np.eye(4, dtype=np.float32)[[["ACGT".index(base) for base in text] for text in texts]]
    scores = np.zeros((40, 80), np.float32)
    scores[:, 5:15] = 1
    folder = tmp_path_factory.mktemp("searched")
    Explanation(
        {"inputs": X, "scores": scores},
        names=[f"gatta{i}" if i == 20 else f"seq{i}" for i in range(40)],
        target=0,
        method={"name": "ism"},
        regions=[("chr1", 1000 * i, 1000 * i + 80, "+-"[i % 2]) for i in range(40)],
    ).save(folder / "s.zarr")
    (folder / "m.bed").write_text("seq11\t30\t36\tHNF4A\t0\t+\n")
    write_report(folder / "s.zarr", folder / "r.html", PageOptions(annotations=folder / "m.bed", progress=False))
    return folder


def names_found(page, text):
    page.fill("#search", text)
    page.wait_for_function("() => !document.getElementById('count').textContent.includes('being read')")
    return page.locator("#rows td.name").all_inner_texts()


def test_the_search_finds_bases_names_places_and_marks(browser, searched):
    one = browser.new_page(viewport={"width": 375, "height": 800})
    said = []
    one.on("console", lambda message: said.append(message.text))
    one.goto(f"file://{searched / 'r.html'}")
    assert names_found(one, "GATTACA") == ["seq7", "seq33"]
    assert names_found(one, "gatta20") == ["gatta20"]
    assert names_found(one, "GANNACA") == ["seq7", "seq33"]
    assert names_found(one, "gattaca chr1:33,050") == ["seq33"]
    assert names_found(one, "chr1:7,081") == []  # which is the base behind the region
    assert names_found(one, "chr1:6,950-7,001") == ["seq7"]
    assert names_found(one, "hnf4a") == ["seq11"]
    assert names_found(one, "GATTACA") == ["seq7", "seq33"]
    for row, arrow in ((0, "▸"), (1, "◂")):
        one.locator("#rows tr").nth(row).click()
        mark = one.locator("#logo g.annotation.found")
        assert mark.count() == 1
        assert arrow in mark.text_content()
    one.locator("#logo .frame").focus()
    for key in ["Home", *["ArrowRight"] * 61]:
        one.keyboard.press(key)
    assert "what was searched" in one.locator("#logo output").inner_text()
    names_found(one, "")
    assert one.locator("#logo g.annotation.found").count() == 0
    assert "GATA" in one.locator("#searched").inner_text()
    assert said == []
    one.close()


def test_motifs_stand_in_a_column_and_in_the_logo(browser, tmp_path):
    codes = np.random.default_rng(2).integers(0, 4, (20, 60))
    codes[:8, 20:27] = [0, 2, 0, 3, 0, 0, 2]
    scores = np.zeros((20, 60), np.float32)
    scores[:, 20:27] = 1
    X = np.eye(4, dtype=np.float32)[codes]
    fields, names = {"inputs": X, "scores": scores}, [f"seq{i}" for i in range(20)]
    Explanation(fields, names=names, target=0, method={"name": "ism"}).save(tmp_path / "s.zarr")
    label = "gata<img src=x onerror=\"document.title='taken'\">"
    matrix = 0.96 * np.eye(4)[[0, 2, 0, 3, 0, 0, 2]] + 0.01
    options = PageOptions(progress=False, motifs=Motifs("<i>m</i>.meme", {label: matrix}))
    write_report(tmp_path / "s.zarr", tmp_path / "r.html", options)
    one = browser.new_page(viewport={"width": 375, "height": 800})
    said = []
    one.on("console", lambda message: said.append(message.text))
    one.goto(f"file://{tmp_path / 'r.html'}")
    one.wait_for_selector("#logo path.base, #logo path.bars")
    assert one.locator("#rows td.motif").all_inner_texts()[:8] == [label] * 8
    assert one.locator("#logo g.annotation.motif").count() == 1
    one.locator("th button[data-sort=motif]").click()
    assert one.locator("#rows td.motif").all_inner_texts()[:8] == [label] * 8
    assert one.locator("#rows td.motif").all_inner_texts()[-1] == ""
    assert "seq0" in names_found(one, "gata<img")
    assert "seq15" not in names_found(one, "gata<img")
    assert one.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert one.title() == "Scores s.zarr"
    assert "<i>m</i>.meme" in one.locator("body").inner_text()
    assert said == []
    one.close()


def test_bases_beside_the_page_are_searched(browser, searched, monkeypatch):
    from genolift.plot.web import page as module

    monkeypatch.setattr(module, "_ONE_FILE", 1000)
    write_report(searched / "s.zarr", searched / "large.html", PageOptions(progress=False))
    one = browser.new_page()
    one.goto(f"file://{searched / 'large.html'}")
    assert names_found(one, "GATTACA") == ["seq7", "seq33"]
    one.locator("#rows tr").nth(1).click()
    one.wait_for_function("() => document.getElementById('chosen').textContent === 'seq33'")
    (searched / "large_data" / "block-1.js").rename(searched / "large_data" / "gone.js")
    one.reload()
    one.fill("#search", "GATTACA")
    one.wait_for_function(
        "() => document.getElementById('count').textContent.includes('is missing; keep the directory')"
    )
    assert one.locator("#rows td.name").all_inner_texts() == ["seq7"]  # of the blocks that could be read
    one.close()


def test_many_lines_come_as_they_are_needed(browser, tmp_path):
    X = np.eye(4, dtype=np.float32)[np.zeros((450, 12), int)]
    Explanation({"inputs": X, "scores": X.sum(-1)}, names=[f"s{i}" for i in range(450)], target=0).save(
        tmp_path / "s.zarr"
    )
    write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False))
    one = browser.new_page()
    one.goto(f"file://{tmp_path / 'r.html'}")
    assert one.locator("#count").inner_text() == "450 of 450 sequences"
    assert one.locator("#rows tr").count() == 200
    one.locator("#rows tr").nth(199).focus()
    one.keyboard.press("ArrowDown")
    one.wait_for_function("() => document.getElementById('chosen').textContent === 's200'")
    one.evaluate("() => { const list = document.getElementById('list'); list.scrollTop = list.scrollHeight; }")
    one.wait_for_function("() => document.getElementById('rows').children.length === 450")
    one.fill("#search", "s4")
    assert one.locator("#rows tr").count() == 61  # s4, s40 to s49 and s400 to s449
    one.close()


@pytest.mark.parametrize("width", [1200, 375])
def test_the_keys_of_a_long_table(browser, tmp_path, width):
    X = np.eye(4, dtype=np.float32)[np.zeros((450, 12), int)]
    store = tmp_path / "s.zarr"
    Explanation({"inputs": X, "scores": X.sum(-1)}, names=[f"s{i}" for i in range(450)], target=0).save(store)
    write_report(store, tmp_path / "r.html", PageOptions(progress=False))
    with opened(browser, tmp_path / "r.html", width) as page:
        check_keys(page, [f"s{i}" for i in range(450)])
        page.fill("#search", "s44")
        page.locator("#rows tr[tabindex='0']").focus()
        assert pressed(page, "End") == "s449"
        page.keyboard.press("Control+Home")  # belongs to the browser
        assert page.locator("#rows tr:focus td.name").inner_text() == "s449"
