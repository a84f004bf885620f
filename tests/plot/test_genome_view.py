"""The genome view of the page about stores: igv.js in a real Chromium without a network, letters read from its canvas."""

import numpy as np
import pytest
from chromium import chromium, needs_chromium, opened

from genolift.plot.report import write_report
from genolift.plot.web.page import PageOptions
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

N, LENGTH, STRONG = 4, 100, 30
COLOURS = {"A": (0, 200, 0), "C": (0, 0, 200), "G": (209, 113, 5), "T": (255, 0, 0)}


def explained(regions=True):
    """Sequences of which one base says all, on either strand; another stretch is marked."""
    rng = np.random.default_rng(1)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (N, LENGTH))]
    X[:, STRONG] = np.eye(4)[[0, 1, 2, 3]]  # A, C, G and T
    scores = np.full((N, 1, LENGTH), 0.001, np.float32)
    scores[:, :, STRONG] = 1
    return Explanation(
        {"inputs": X, "scores": scores, "predictions": np.zeros((N, 1))},
        names=[f"seq{i}<b>" for i in range(N)], target=[0], method={"name": "ism"},
        regions=[("chr2" if i < 3 else "HLA B;1 染", 5000 * (i + 1), 5000 * (i + 1) + LENGTH, "+-"[i % 2]) for i in range(N)] if regions else None,
    )  # fmt: skip


def test_without_regions_it_is_refused(tmp_path):
    explained(regions=False).save(tmp_path / "s.zarr")
    with pytest.raises(InputError, match=r"does not know where its sequences lie.*leave out --genome-view"):
        write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False, genome=True))


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="the genome view is for the sequences of stores"):
        write_report(tmp_path, tmp_path / "r.html", PageOptions(progress=False, genome=True))


@pytest.mark.slow
@needs_chromium
def test_the_letters_stand_in_the_genome(tmp_path):
    explained().save(tmp_path / "s.zarr")
    (tmp_path / "m.bed").write_text("chr2\t5010\t5020\tGATA<b>\t0\t+\n")
    write_report(
        tmp_path / "s.zarr",
        tmp_path / "r.html",
        PageOptions(annotations=tmp_path / "m.bed", progress=False, genome=True),
    )
    asked = []
    with chromium() as browser, opened(browser, tmp_path / "r.html") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_selector("#logo path.base")
        page.evaluate("""() => {
          const make = igv.createBrowser;
          igv.createBrowser = async (...given) => (window.made = await make(...given));
        }""")
        page.locator("#genome summary").click()
        for row, base in enumerate("ACGT"):
            page.locator("#rows tr").nth(row).click()
            page.wait_for_selector(f"#browser[data-name='seq{row}<b>']")
            # Coordinates rise from left to right; a base of the reverse strand is shown as its partner.
            column, shown = (LENGTH - 1 - STRONG, {"C": "G", "T": "A"}[base]) if row % 2 else (STRONG, base)
            page.wait_for_function(
                "([column, length, colour]) => strongest(column, length).join() === colour.join()"
                .replace("strongest", f"({STRONGEST})"),
                arg=[column, LENGTH, list(COLOURS[shown])], timeout=10_000,
            )  # fmt: skip
        # A sequence that cannot be drawn is told, until one is chosen that can.
        page.evaluate("() => { made.loadSessionObject = async () => { throw new Error('no memory'); }; }")
        page.locator("#rows tr").nth(0).click()
        page.locator("#undrawn", has_text="The genome view cannot be drawn: no memory").wait_for()
        assert page.locator("#browser[data-name]").count() == 0
        page.evaluate("delete made.loadSessionObject")
        page.locator("#rows tr").nth(1).click()
        page.wait_for_selector("#browser[data-name='seq1<b>']")
        assert page.locator("#undrawn").inner_text() == ""
        page.set_viewport_size({"width": 375, "height": 800})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


#: The colour of most coloured pixels above the middle of a column of the last track.
STRONGEST = """(column, length) => {
  const canvases = [...document.querySelector("#browser").shadowRoot.querySelectorAll(".igv-viewport canvas")];
  const canvas = canvases.filter((one) => one.height > 60 && one.width > 600).at(-1);
  if (!canvas) return [];
  // Canvases reach beyond what is seen, on both sides alike.
  const view = canvas.closest(".igv-viewport").getBoundingClientRect(), box = canvas.getBoundingClientRect();
  const x = (view.left + (view.width * (column + 0.5)) / length - box.left) * (canvas.width / box.width), pen = canvas.getContext("2d");
  const found = {}, pixels = pen.getImageData(Math.round(x) - 2, 0, 5, canvas.height / 2).data;
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b, a] = pixels.slice(i, i + 4);
    if (a > 250 && Math.max(r, g, b) - Math.min(r, g, b) > 60) found[[r, g, b]] = (found[[r, g, b]] ?? 0) + 1;
  }
  return (Object.entries(found).sort((p, q) => q[1] - p[1])[0]?.[0] ?? "").split(",").map(Number);
}"""
