"""The page about stores and the logo, in a real Chromium without a network."""

import json
import re

import numpy as np
import pytest
from chromium import needs_chromium, opened

from genolift.plot.report import write_report
from genolift.plot.style import LOWERS, RAISES
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode

pytestmark = [pytest.mark.slow, needs_chromium]
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
N, LENGTH = 60, 120


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (N, LENGTH))]
    hypothetical = rng.normal(0, 0.1, (N, 2, LENGTH, 4)).astype(np.float32)
    hypothetical[:, :, 40:50] *= 6
    names = [HOSTILE if i == 3 else f"seq{i}" for i in range(N)]
    e = Explanation(
        {"inputs": X, "hypothetical": hypothetical, "scores": (hypothetical * X[:, None]).sum(-1),
         "predictions": rng.normal(size=(N, 2)), "residual": 1e-6 * rng.normal(size=(N, 2, 3))},
        names=names, target=[0, 1], method={"name": "deeplift"},
        regions=[("chr1", 1000 * i, 1000 * i + LENGTH, "+-"[i % 2]) for i in range(N)],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("page")
    e.save(folder / "s.zarr")
    (folder / "m.bed").write_text(f"seq0\t40\t50\t{HOSTILE}\t0\t+\nseq0\t114\t118\tnear_the_end\t0\t-\n")
    write_report(folder / "s.zarr", folder / "r.html", PageOptions(annotations=folder / "m.bed", progress=False))
    return e, folder


@pytest.fixture(params=[1200, 375])
def page(request, browser, explained):
    with opened(browser, explained[1] / "r.html", request.param) as one:
        one.wait_for_selector("#logo path.base, #logo path.bars")
        yield one


def column(page, name):
    return page.locator(f"#rows td.{name}").all_inner_texts()


def drawn(page, track=0):
    """Return what is drawn of a track: the base and the signed height in pixels of each position."""
    paths = page.locator(f"#logo path.base[data-track='{track}']").evaluate_all(
        "all => all.map(p => [p.dataset.position, p.dataset.base, p.getAttribute('transform')])"
    )
    return {int(a): (base, float(re.search(r"scale\(\S+ (\S+)\)", how)[1])) for a, base, how in paths}


def test_nothing_of_a_file_runs(page):
    assert page.title() == "Scores s.zarr"
    page.locator("#rows tr").nth(3).click()
    assert page.locator("#chosen").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.title() == "Scores s.zarr"


def test_it_fits_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_rows_are_sorted_filtered_and_searched(page, explained):
    e, _ = explained
    page.locator("th button[data-sort=prediction]").click()
    shown = [e.names.index(name) for name in column(page, "name")]
    np.testing.assert_array_equal(shown, np.argsort(-e.predictions[:, 0], kind="stable"))
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("prediction")
    page.select_option("#track", "1")
    shown = [e.names.index(name) for name in column(page, "name")]
    np.testing.assert_array_equal(shown, np.argsort(-e.predictions[:, 1], kind="stable"))
    page.fill("#low", "0.5")
    assert page.locator("#rows tr").count() == (e.predictions[:, 1] >= 0.5).sum()
    page.fill("#low", "")
    page.fill("#search", "seq7 chr1:7,001")
    assert column(page, "name") == ["seq7"]
    page.fill("#search", "seq99")
    assert page.locator("#count").inner_text() == "0 of 60 sequences"


def test_the_letters_are_the_scores(page, explained):
    e, _ = explained
    row = 5
    page.locator("#rows tr").nth(row).click()
    page.locator("#logo .frame").focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_timeout(200)
    sequence = decode(np.asarray(e.inputs[row])[None])[0]
    for track in (0, 1):
        letters = drawn(page, track)
        assert len(letters) >= 4
        assert 0 in letters
        scores = np.asarray(e.scores[row, track])
        heights = np.array([letters[k][1] for k in letters])
        per_unit = heights / scores[list(letters)]
        np.testing.assert_allclose(per_unit, per_unit[0], rtol=0.2)  # Heights have a hundredth of a pixel.
        assert per_unit[0] > 0  # Letters below the axis are upside down.
        assert all(letters[k][0] == sequence[k] for k in letters)


def test_stacks_of_hypothetical_letters_stay_in_their_rows(page):
    page.locator("#rows tr").nth(1).click()
    page.locator("#logo .frame").focus()
    for key in ["Home", *["ArrowRight"] * 45, *["+"] * 4]:  # to the largest contributions
        page.keyboard.press(key)
    page.locator("#logo button[data-do=hypothetical]").click()
    page.wait_for_timeout(200)
    heights = page.locator("#logo path.base").evaluate_all(
        "all => all.map(p => [p.dataset.track, p.getAttribute('transform')])"
    )
    reach = {}
    for track, how in heights:
        top, high = (
            float(re.search(pattern, how)[1]) for pattern in (r"translate\(\S+ (\S+)\)", r"scale\(\S+ (\S+)\)")
        )
        low, up = reach.get(track, (0, 1e9))
        reach[track] = (max(low, top, top + high), min(up, top, top + high))
    assert reach["0"][0] < reach["1"][1]  # The lowest letter of the first track ends above the highest of the second.
    for low, up in reach.values():
        assert low - up <= 110.1


def test_letters_do_not_run_over_the_numbers_of_the_axis(page):
    page.locator("#logo .frame").focus()
    for key in ["+", "+", "+", "Shift+ArrowRight"]:
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    for group in page.locator("#logo g.track").all():
        name = re.fullmatch(r"url\(#(\S+)\)", group.get_attribute("clip-path"))[1]
        clip = page.locator("#logo clipPath rect")
        assert page.locator("#logo clipPath").get_attribute("id") == name
        width = float(page.locator("#logo svg").get_attribute("width"))
        assert (clip.get_attribute("x"), float(clip.get_attribute("width"))) == ("56", width - 68)


def test_words_of_charts_stay_in_the_picture_and_off_the_curves(page):
    for name in ("average", "residuals"):
        box = page.locator(f"#{name} svg").bounding_box()
        for one in page.locator(f"#{name} text").all():
            words = one.bounding_box()
            assert words["x"] >= box["x"] - 1
            assert words["x"] + words["width"] <= box["x"] + box["width"] + 1
        top = min(curve.bounding_box()["y"] for curve in page.locator(f"#{name} path").all())
        for key in page.locator(f"#{name} text[fill]").all():
            assert key.bounding_box()["y"] + key.bounding_box()["height"] <= top + 1


def test_a_base_says_what_the_others_would_be_worth(page, explained):
    e, _ = explained
    page.locator("#rows tr").nth(1).click()
    page.locator("#logo .frame").focus()
    page.keyboard.press("Home")
    for key in ["ArrowRight"] * 3 + ["Enter"]:
        page.keyboard.press(key)
    panel = page.locator("#logo .panel")
    cells = panel.locator("tr").nth(0).locator("td").all_inner_texts()
    values = [float(cell.split()[1].replace("−", "-")) for cell in cells]
    np.testing.assert_allclose(values, e.hypothetical[1, 0, 3], atol=1e-3)
    # A base on the reverse strand is counted from the right end.
    assert f"chr1:{1000 + LENGTH - 3:,} -" in panel.inner_text()
    assert "position 3" in page.locator("#logo output").inner_text()
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_by_the_keyboard_alone(page):
    page.locator("#rows tr[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.getElementById('chosen').textContent === 'seq2'")
    page.keyboard.press("Enter")
    assert page.locator("#rows tr[aria-selected=true] td.name").inner_text() == "seq2"


def test_far_away_it_is_bars_and_near_it_is_letters(page):
    frame = page.locator("#logo .frame")
    frame.focus()
    for _ in range(6):
        page.keyboard.press("+")
    page.wait_for_timeout(200)
    near = page.locator("#logo path.base").count()
    assert near > 0
    assert page.locator("#logo path.bars").count() == 0
    box = frame.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    assert "position" in page.locator("#logo .tip").inner_text()
    page.keyboard.press("0")
    page.wait_for_timeout(200)
    assert page.locator("#logo path.base").count() != near


def test_what_is_saved_stands_for_itself(page, tmp_path):
    with page.expect_download() as waiting:
        page.locator("#logo button[data-do=svg]").click()
    waiting.value.save_as(tmp_path / "logo.svg")
    text = (tmp_path / "logo.svg").read_text()
    assert text.startswith("<svg xmlns")
    assert "<script" not in text
    assert "onerror" not in re.sub(r"&lt;.*?(&gt;|…)", "", text)
    with page.expect_download() as waiting:
        page.locator("#logo button[data-do=png]").click()
    waiting.value.save_as(tmp_path / "logo.png")
    assert (tmp_path / "logo.png").read_bytes().startswith(b"\x89PNG")


def test_the_name_of_a_mark_stays_in_the_picture(page):
    page.locator("#rows tr").nth(0).click()
    for label in page.locator("#logo g.annotation text").all():
        box, picture = label.bounding_box(), page.locator("#logo svg").bounding_box()
        assert box["x"] + box["width"] <= picture["x"] + picture["width"] + 1


def test_data_beside_the_page(browser, explained, monkeypatch):
    from genolift.plot.web import page as module

    monkeypatch.setattr(module, "_ONE_FILE", 1000)
    _, folder = explained
    write_report(folder / "s.zarr", folder / "large.html", PageOptions(progress=False))
    one = browser.new_page()
    said = []
    one.on("console", lambda message: said.append(message.text))
    one.goto(f"file://{folder / 'large.html'}")
    one.locator("#rows tr").nth(40).click()
    one.wait_for_function("() => document.getElementById('chosen').textContent === 'seq40'")
    assert said == []
    (folder / "large_data" / "block-0.js").rename(folder / "large_data" / "gone.js")
    one.reload()
    one.wait_for_function(
        "() => document.getElementById('about').textContent.includes('is missing; keep the directory')"
    )
    one.close()


def test_the_widget_of_a_notebook(browser, explained, tmp_path):
    pytest.importorskip("anywidget")
    from genolift.plot.web.widget import LogoWidget

    e, _ = explained
    widget = LogoWidget(e, 2, target=1)
    values = {"content": widget.content, "limits": widget.limits, "chosen": None}
    (tmp_path / "w.js").write_text(widget._esm)
    (tmp_path / "w.html").write_text(
        f"""<div id=here style="width: 900px"></div><script type=module>{widget._esm.replace("export default { render };", "")}
        const values = {json.dumps(values).replace("<", chr(92) + "u003c")}, heard = {{}};
        globalThis.model = {{ get: (k) => values[k], set: (k, v) => {{ values[k] = v; }}, save_changes() {{}},
          on: (name, f) => {{ heard[name] = f; }}, values, heard }};
        globalThis.undo = render({{ model, el: document.getElementById("here") }});</script>"""
    )
    page = browser.new_page()
    said = []
    page.on("pageerror", lambda problem: said.append(str(problem)))
    page.goto(f"file://{tmp_path / 'w.html'}")
    page.wait_for_selector("path.base")
    page.locator(".frame").focus()
    page.keyboard.press("Home")
    assert page.evaluate("model.values.chosen") == 0
    page.evaluate("model.values.chosen = 7; model.heard['change:chosen']()")
    page.wait_for_function(
        "document.querySelector('#here > div').shadowRoot.querySelector('output').textContent.includes('position 7')"
    )
    page.evaluate("undo()")
    assert page.locator("path.base").count() == 0
    assert said == []
    page.close()


def test_long_sequences_and_what_is_not_known(browser, tmp_path):
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 200_000))]
    scores = np.ones((2, 200_000), np.float32)
    e = Explanation(
        {"inputs": X, "scores": scores, "standard_error": scores, "predictions": np.array([1.0, np.nan])},
        names=["known", "unknown"], target=0, method={"name": "ism"},
    )  # fmt: skip
    e.save(tmp_path / "s.zarr")
    write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False))
    one = browser.new_page(viewport={"width": 375, "height": 800})
    said = []
    one.on("pageerror", lambda problem: said.append(str(problem)))
    one.goto(f"file://{tmp_path / 'r.html'}")
    one.wait_for_selector("#logo path.bars")
    drawn = one.locator("#logo path.bars").evaluate_all(
        "paths => paths.slice(0, 2).map((path) => path.getAttribute('fill'))"
    )
    assert drawn == [RAISES, LOWERS]  # as in all pictures
    assert "± 100 % of the 10 largest contributions" in one.locator("#about").inner_text()
    assert column(one, "name") == ["known", "unknown"]
    one.fill("#low", "0")
    assert column(one, "name") == ["known"]
    # Words of a chart keep their size where the window is narrow, and its axis has numbers.
    chart = one.locator("#average svg")
    assert chart.bounding_box()["width"] == pytest.approx(int(chart.get_attribute("viewBox").split()[2]), abs=2)
    assert "100000" in chart.text_content()
    assert said == []
    one.close()


def test_no_digits_are_told_that_the_page_does_not_know(browser, tmp_path):
    X = np.eye(4, dtype=np.float32)[[[0, 1, 2, 3] * 10]]
    scores = np.full((1, 40), 0.0012345, np.float32)
    scores[0, 20], scores[0, 21] = 1, 0.12345
    Explanation({"inputs": X, "scores": scores}, names=["a"], target=0, method={"name": "ism"}).save(
        tmp_path / "s.zarr"
    )
    write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False))
    one = browser.new_page()
    one.goto(f"file://{tmp_path / 'r.html'}")
    one.locator("#logo .frame").focus()
    said = []
    for key in ["Home"] + ["ArrowRight"] * 21:
        one.keyboard.press(key)
        said.append(one.locator("#logo output").inner_text().split()[-1])
    assert (said[0], said[20], said[21]) == ("0.0012", "1", "0.1234")
    one.close()
