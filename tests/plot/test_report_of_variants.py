"""The page about variants: their effects as the table has them, and both alleles base above base."""

import base64
import json
import re
import shutil

import numpy as np
import pytest
from test_stacked_logos import CHANGES, REF, coded, result

from genolift.cli.app import run
from genolift.plot.web.variants import write_variants
from genolift.results.explanation import Explanation
from genolift.simulate.motifs import Motif
from genolift.support.errors import FileProblem, InputError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=\"document.title='taken'\"></script><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    names, X, lines = [], [], []
    for number, (variant, (text, *_)) in enumerate(CHANGES.items()):
        names += [f"{variant}:ref", f"{variant}:alt"]
        X += [coded(REF), coded(text)]
        chrom, pos, change = variant.split(":")
        ref, alt = change.split(">")
        name = HOSTILE if number == 1 else f"rs{number}"
        for target in (0, 1):
            effect = 0.25 * number - target
            lines.append(
                f"{chrom}\t{pos}\t{name}\t{ref}\t{alt}\t{target}\tok\t{effect}\t{'NA' if number == 2 else 0.01 * number}"
            )
    lines.append("chr2\t9\trs9\tA\tC\t0\toutside_chromosome\tNA\tNA")
    head = "chrom\tpos\tid\tref\talt\ttarget\tstatus\tdelta\tp_value"
    (folder / "v.tsv").write_text("\n".join([head, *lines]) + "\n")
    explained = result(np.stack(X), names, targets=2, regions=[("chr1", 1000, 1020, "+")] * len(X))
    explained.save(folder / "a.zarr")
    motifs = {"TTGTT": Motif("TTGTT", np.eye(4)[[3, 3, 2, 3, 3]]), "TTGCA": Motif("TTGCA", np.eye(4)[[3, 3, 2, 1, 0]])}
    write_variants(
        folder / "v.tsv", folder / "a.zarr", folder / "r.html", {"delta": "the effect"}, motifs=motifs, progress=False
    )
    return folder, explained


def held(page, name):
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def unpacked(part):
    raw = np.frombuffer(base64.b64decode(part["data"]), "<i2")
    return np.where(raw == -32768, np.nan, raw * part["scale"])


def test_the_page_holds_the_table_and_the_scores(files):
    folder, explained = files
    page = (folder / "r.html").read_text()
    content, block = held(page, "content"), held(page, "block-0")
    assert content["names"] == list(CHANGES)
    assert [track["label"] for track in content["tracks"]] == [
        f"{side}, output {target}" for target in (0, 1) for side in ("reference", "alternative")
    ]
    assert {one["name"]: one["about"] for one in content["columns"]}["delta"] == "the effect"
    assert content["tracks"][1]["columns"]["delta"] == [0.25 * number for number in range(len(CHANGES))]
    assert content["tracks"][3]["columns"]["delta"] == [0.25 * number - 1 for number in range(len(CHANGES))]
    assert content["tracks"][0]["columns"]["p_value"][2] is None
    for number, variant in enumerate(CHANGES):
        for place, track in enumerate(block[number]["tracks"]):
            side, target = ("ref", "alt")[place % 2], place // 2
            one = explained[f"{variant}:{side}"].for_target(target)
            letters = np.array(list(track["sequence"]))
            scores = unpacked(track["scores"])
            assert np.isnan(scores[letters == "-"]).all()
            np.testing.assert_allclose(scores[letters != "-"], one.scores[0], atol=2e-4 * np.abs(one.scores).max())
    assert block[2]["tracks"][0]["sequence"][6:8] == "--"
    assert block[1]["tracks"][1]["sequence"][6:8] == "--"
    assert content["places"][2]["gap"] == {"start": 6, "end": 8}
    assert content["places"][1]["gap"] is None
    assert content["annotations"]["2"] == [{"start": 6, "end": 8, "label": "G>GTT", "strand": ""}]
    assert "outside_chromosome" in page
    assert "These are in the table, and not on this page." in page


def test_motifs_that_variants_make_and_break(files):
    content = held((files[0] / "r.html").read_text(), "content")
    told = dict(zip(content["names"], content["tracks"][0]["columns"]["motifs"], strict=True))
    assert told["chr1:6:G>GTT"] == "made TTGTT, broken TTGCA"
    assert told["chr1:6:G>T"] == "broken TTGCA"
    assert told["chr1:8:A>AA"] is None


def test_what_does_not_belong_together_is_said(files, tmp_path, capsys):
    folder, explained = files
    explained[2:].save(tmp_path / "part.zarr")
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04\xff\x00\n")
    with pytest.raises(InputError, match="lacks the alleles of chr1:6:G>T"):
        write_variants(folder / "v.tsv", tmp_path / "part.zarr", tmp_path / "r.html")
    with pytest.raises(FileProblem, match="has no column 'chrom'"):
        write_variants(tmp_path / "other.tsv", folder / "a.zarr", tmp_path / "r.html")
    for arguments, words in (
        (("v.tsv",), "v.tsv is a table of variants, and their page shows both alleles too; give the store beside it"),
        (("v.tsv", "v.tsv", "a.zarr"), "2 tables and 1 stores are given"),
        (("other.tsv", "a.zarr"), "other.tsv is no table of genolift variants, and other files have no page"),
        (("model.keras",), "model.keras is no table of genolift variants, and other files have no page"),
        (("gone.tsv", "a.zarr"), "gone.tsv is not there"),
        (("v.tsv", "a.zarr", "--annotations", "v.tsv"), "--annotations marks the sequences of stores"),
        (("a.zarr", "--motifs", "v.tsv"), "--motifs is for a table of variants"),
    ):
        places = {one.name: one for at in (tmp_path, folder) for one in at.iterdir()}
        given = [str(places.get(one, one)) for one in arguments]
        assert run(["report", *given, "--out", str(tmp_path / "no.html")]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "no.html").exists()
    assert run(["report", str(folder / "v.tsv"), str(folder / "a.zarr"), "--out", str(tmp_path / "yes.html")]) == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")
@pytest.mark.parametrize("width", [1200, 375])
def test_in_a_browser(files, width):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra [browser]")
    folder, _ = files
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": width, "height": 900}, offline=True).new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda problem: said.append(str(problem)))
        page.goto(f"file://{folder / 'r.html'}")
        page.wait_for_selector("#logo path.base, #logo path.bars")
        assert page.title() == "Variants of v.tsv"
        assert page.locator("#count").inner_text() == f"{len(CHANGES)} of {len(CHANGES)} variants"
        page.locator("[data-sort=delta]").click()
        assert page.locator("#rows td.delta").all_inner_texts()[0] in ("1.25", "0")
        page.locator("#search").fill("g>gtt")
        assert page.locator("#rows td.name").all_inner_texts() == ["chr1:6:G>GTT"]
        page.locator("#rows tr").first.click()
        card = page.locator("#card tbody tr")
        assert card.count() == 2
        assert "made TTGTT, broken TTGCA" in card.first.inner_text()
        page.locator("#every").uncheck()
        # The bases of a gap have no coordinate, and behind it the genome goes on.
        box = page.locator("#logo .frame").bounding_box()
        left, right = 56, 12  # the margins of logo.js
        for column, said_of_it in ((5, "chr1:1,006"), (6, None), (7, None), (8, "chr1:1,007")):
            page.mouse.move(box["x"] + left + (column + 0.5) * (box["width"] - left - right) / 22, box["y"] + 70)
            tip = page.locator("#logo .tip").inner_text()
            assert tip.split("(")[0].split()[1] == str(column)
            assert (said_of_it or "chr1") in tip if said_of_it else "chr1" not in tip
        letters = page.locator("#logo path.base").count()
        assert 36 <= letters <= 20 + 20  # both alleles of one target; what is too low to see is left out
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert said == []
        browser.close()


def test_a_target_is_found_by_what_it_is_and_not_by_its_place(files, tmp_path):
    folder, explained = files
    one = explained.for_target(1)
    one.save(tmp_path / "one.zarr")
    text = (folder / "v.tsv").read_text().splitlines()
    (tmp_path / "v.tsv").write_text("\n".join(line for line in text if line.split("\t")[5] != "1") + "\n")
    with pytest.raises(InputError, match=r"the store explains 1, and .*v\.tsv is of 0"):
        write_variants(tmp_path / "v.tsv", tmp_path / "one.zarr", tmp_path / "r.html", progress=False)


def test_a_table_of_another_model_is_refused(files, tmp_path, capsys):
    folder, explained = files
    fields = {name: getattr(explained, name) for name in explained.defined}
    Explanation(
        fields, names=explained.names, regions=explained.regions, target=explained.target, method=explained.method,
        provenance={"model": {"sha256": "one"}},
    ).save(tmp_path / "a.zarr")  # fmt: skip
    (tmp_path / "v.tsv").write_text((folder / "v.tsv").read_text())
    command = ["report", str(tmp_path / "v.tsv"), str(tmp_path / "a.zarr"), "--out", str(tmp_path / "r.html")]
    for model, status in (("one", 0), ("other", 2)):
        (tmp_path / "v.tsv.json").write_text(json.dumps({"request": {"model": {"sha256": model}}}))
        assert run(command) == status
    assert "explains another model than the one that" in capsys.readouterr().err
