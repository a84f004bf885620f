"""The page about variants: their effects as the table has them, and both alleles base above base."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from chromium import chromium, needs_chromium, opened
from tablekeys import check_keys
from test_stacked_logos import CHANGES, REF, coded, result

from genolift.cli.app import run
from genolift.plot.logos.alleles import align
from genolift.plot.web.variants import _located, _motifs, write_table, write_variants
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import encode
from genolift.simulate.motifs import Motif, read_motifs, scan
from genolift.support.errors import FileProblem, InputError

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
    about = {one["name"]: one["about"] for one in content["columns"]}
    assert about["delta"] == "The effect. Unit: not told. Source: column delta of v.tsv."
    assert about["p_value"].endswith("Unit: a probability, from 0 to 1. Source: column p_value of v.tsv.")
    titles = [one["title"] for one in content["columns"]]
    assert len(titles) == len(set(titles))
    assert content["sort"] == ["delta", "size"]
    assert "not know" not in content["heads"]["strongest"]["about"]
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


@pytest.mark.parametrize(
    ("word", "log_odds", "told"), [("CTTGATAAGG", 7.07, "broken GATA_disc1"), ("TTTGATAAGC", 6.02, None)]
)
def test_only_strong_matches_are_broken(word, log_odds, told):
    """A deletion destroys a GATAAG, which is strong with some bases beside it and not with others."""
    motif = read_motifs(Path(__file__).parents[2] / "simulations" / "motifs.meme")["GATA_disc1"]
    ref, alt = "CCTCTCCTCT" + word + "CTCTCTCTCT", "CCTCTCCTCT" + word[:3] + word[7:] + "CTCTCTCTCTTCTC"
    codes = [encode(text) for text in (ref, alt)]
    odds = motif.log_odds(np.full(4, 0.25))
    assert float(scan(codes[0][None].astype(np.int64), odds).max()) == pytest.approx(log_odds, abs=0.005)
    columns = align(coded(ref), coded(alt), "chr1:13:TGATA>T")
    assert _motifs(columns, codes, {"GATA_disc1": motif}) == told


def test_the_page_says_which_matches_are_strong(files):
    content = held((files[0] / "r.html").read_text(), "content")
    about = next(one["about"] for one in content["columns"] if one["name"] == "motifs")
    assert "at least 7, or 0.8 times the most that the motif can reach where that is less" in about
    assert "A change of a weaker match is not listed" in about


def test_the_strongest_stretch_is_named_by_its_place_in_the_genome():
    place = {"chrom": "chr1", "start": 1000, "gap": {"start": 6, "end": 8}}
    alt, ref = np.arange(20), np.r_[np.arange(6), np.arange(8, 22)]
    for start, where, told in (
        (0, alt, "chr1:1,001 to what is inserted behind 1,006"),
        (2, ref, "chr1:1,003-1,007"),
        (3, alt, "chr1:1,004-1,006"),
        (7, alt, "chr1, what is inserted behind 1,006 to 1,009"),
        (8, alt, "chr1:1,007-1,010"),
        (6, ref, "chr1:1,007-1,010"),
    ):
        bases = {0: "ACGTACG", 2: "ACGTA", 3: "ACG"}.get(start, "ACGT")
        assert _located({"start": start, "bases": bases}, where, place)["at"] == told
    assert _located({"start": 6, "bases": "TT"}, alt, place)["at"] == "chr1, inserted behind 1,006"
    assert "at" not in _located({"start": 3, "bases": "ACG"}, alt, {"gap": None})


def test_where_the_store_knows_no_regions_places_count_from_the_start_of_the_window(files, tmp_path):
    folder, explained = files
    fields = {name: getattr(explained, name) for name in explained.defined}
    Explanation(fields, names=explained.names, target=explained.target, method=explained.method).save(
        tmp_path / "a.zarr"
    )
    write_variants(folder / "v.tsv", tmp_path / "a.zarr", tmp_path / "r.html", progress=False)
    content = held((tmp_path / "r.html").read_text(), "content")
    assert "counted from 0 at the start of the allele's window" in content["heads"]["strongest"]["about"]
    assert "at" not in content["tracks"][0]["strongest"][0]


def test_a_table_alone_has_a_page_without_logos(files, tmp_path):
    folder, _ = files
    for out, options in (("all.html", []), ("one.html", ["--target", "1"])):
        assert run(["report", str(folder / "v.tsv"), *options, "--out", str(tmp_path / out)]) == 0
    content = held(page := (tmp_path / "all.html").read_text(), "content")
    assert content["names"] == list(CHANGES)
    assert [track["label"] for track in content["tracks"]] == ["output 0", "output 1"]
    assert content["tracks"][1]["columns"]["delta"] == [0.25 * number - 1 for number in range(len(CHANGES))]
    assert page.count("--explain alleles.zarr") == 1
    assert "outside_chromosome" in page
    assert 'id="logo"' not in page
    one = held((tmp_path / "one.html").read_text(), "content")
    assert [track["label"] for track in one["tracks"]] == ["output 1"]


def test_a_page_without_logos_holds_the_largest_effects_of_a_large_table(files, tmp_path, monkeypatch):
    folder, _ = files
    monkeypatch.setattr("genolift.plot.web.variants._MOST", 2)
    write_table(folder / "v.tsv", tmp_path / "r.html")
    content = held(page := (tmp_path / "r.html").read_text(), "content")
    # For target 0 the largest effects are those of the last variants, and for target 1 that of the first is as large.
    assert len(content["names"]) == 2
    assert content["names"][-1] == list(CHANGES)[-1]
    assert f"The 2 variants with the largest |effect| of {len(CHANGES)}; v.tsv has all." in page


def test_what_does_not_belong_together_is_said(files, tmp_path, capsys):
    folder, explained = files
    explained[2:].save(tmp_path / "part.zarr")
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    lines = (folder / "v.tsv").read_text().splitlines()
    (tmp_path / "lost.tsv").write_text(f"{lines[0]}\n{lines[-1]}\n")
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04\xff\x00\n")
    with pytest.raises(InputError, match="lacks the alleles of chr1:6:G>T"):
        write_variants(folder / "v.tsv", tmp_path / "part.zarr", tmp_path / "r.html")
    with pytest.raises(FileProblem, match="has no column 'chrom'"):
        write_variants(tmp_path / "other.tsv", folder / "a.zarr", tmp_path / "r.html")
    for arguments, words in (
        (("v.tsv", "--motifs", "other.tsv"), "--motifs looks at the bases of both alleles, which"),
        (("v.tsv", "--target", "7"), "v.tsv is of 0, 1, and not of target 7"),
        (("lost.tsv",), "no variant was scored; its column status says why"),
        (("v.tsv", "v.tsv", "a.zarr"), "2 tables and 1 stores are given"),
        (("other.tsv", "a.zarr"), "other.tsv is no table of genolift variants, and other files have no page"),
        (("model.keras",), "model.keras is no table of genolift variants, and other files have no page"),
        (("gone.tsv", "a.zarr"), "gone.tsv is not there"),
        (("v.tsv", "a.zarr", "--annotations", "v.tsv"), "--annotations marks the sequences of stores"),
        (("a.zarr", "--motifs", "v.tsv"), "v.tsv holds no motifs; MEME"),
    ):
        places = {one.name: one for at in (tmp_path, folder) for one in at.iterdir()}
        given = [str(places.get(one, one)) for one in arguments]
        assert run(["report", *given, "--out", str(tmp_path / "no.html")]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "no.html").exists()
    assert run(["report", str(folder / "v.tsv"), str(folder / "a.zarr"), "--out", str(tmp_path / "yes.html")]) == 0


def numbers_of(cells):
    return [float(text.replace("−", "-")) for text in cells.all_inner_texts()]


def check_heads(page):
    """Every head says by the keyboard what it means, all say something else, and Escape takes it away."""
    page.locator("#order").focus()
    for _ in range(len(page.locator("#filters input").all()) + 1):
        page.keyboard.press("Tab")
    heads = page.locator("#head [data-about]")
    texts = []
    for number in range(heads.count()):
        if page.evaluate("document.activeElement.id") == "list":  # A box that scrolls is a stop of its own.
            page.keyboard.press("Tab")
        assert heads.nth(number).evaluate("head => head === document.activeElement")
        tip = page.locator("#tip")
        assert tip.is_visible()
        assert heads.nth(number).get_attribute("aria-describedby") == "tip"
        box = tip.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]
        texts.append((heads.nth(number).inner_text(), tip.inner_text()))
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        page.keyboard.press("Tab")
    assert all(len(about) > 20 for _, about in texts)
    for each in zip(*texts, strict=True):
        assert len(set(each)) == len(texts)
    page.locator("summary", has_text="What the columns mean").click()
    assert page.locator("#meanings dd").all_inner_texts() == [about for _, about in texts]


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [1200, 375])
def test_a_table_alone_in_a_browser(files, tmp_path, width):
    write_table(files[0] / "v.tsv", tmp_path / "r.html", {HOSTILE: HOSTILE})
    with chromium() as browser, opened(browser, tmp_path / "r.html", width) as page:
        assert page.title() == "Variants of v.tsv"
        assert page.locator("#rows tr").count() == len(CHANGES)
        strongest = page.locator("#rows tr").first.locator("td.name").inner_text()
        assert page.locator("#chosen").inner_text() == strongest == list(CHANGES)[-1]
        check_heads(page)
        page.locator("#search").fill("gttt")  # bases, which the page does not have
        assert page.locator("#count").inner_text() == f"0 of {len(CHANGES)} variants"
        page.locator("#search").fill("chr1:6-6")
        assert page.locator("#rows tr").count() == sum(name.startswith("chr1:6:") for name in CHANGES)
        page.locator("#search").fill("onerror")  # the id of one is hostile
        page.locator("#rows tr").first.click()
        assert HOSTILE in page.locator("#card").inner_text()
        assert page.locator("img").count() == 0
        page.locator("#search").fill("")
        page.locator("#rows tr[tabindex='0']").focus()
        before = page.locator("#chosen").inner_text()
        page.keyboard.press("ArrowUp")
        after = page.locator("#rows tr[aria-selected=true] td.name").inner_text()
        assert page.locator("#chosen").inner_text() == after != before
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [1200, 375])
def test_in_a_browser(files, width):
    folder, _ = files
    with chromium() as browser, opened(browser, folder / "r.html", width) as page:
        page.wait_for_selector("#logo path.base, #logo path.bars")
        assert page.title() == "Variants of v.tsv"
        assert page.locator("#count").inner_text() == f"{len(CHANGES)} of {len(CHANGES)} variants"
        effects = page.locator("#rows td.delta")
        strengths = [0.25 * number for number in range(len(CHANGES))]
        page.locator("#track").select_option(label="reference, output 1")
        signed = [number - 1 for number in strengths]
        assert numbers_of(effects) == sorted(signed, key=abs, reverse=True)
        assert page.locator("th[aria-sort=other]").inner_text().startswith("effect (delta)")
        page.locator("[data-sort=delta]").click()
        assert numbers_of(effects) == sorted(signed, reverse=True)
        page.locator("[data-sort=delta]").click()
        assert numbers_of(effects) == sorted(signed)
        page.locator("#order").select_option(label="effect (delta), strongest of either sign first")
        page.get_by_label("|effect| from").fill("0.5")
        assert numbers_of(effects) == sorted([x for x in signed if abs(x) >= 0.5], key=abs, reverse=True)
        page.get_by_label("|effect| from").fill("")
        page.get_by_label("p up to").fill("0.01")
        assert len(numbers_of(effects)) == 2
        page.get_by_label("p up to").fill("")
        check_heads(page)
        assert re.search(r"at chr1.*1,0\d\d", page.locator("#rows td.strongest").first.inner_text())
        page.locator("#track").select_option(label="reference, output 0")
        page.locator("#search").fill("g>gtt")
        assert page.locator("#rows td.name").all_inner_texts() == ["chr1:6:G>GTT"]
        page.locator("#rows tr").first.click()
        card = page.locator("#card tbody tr")
        assert card.count() == 2
        assert "made TTGTT, broken TTGCA" in card.first.inner_text()
        page.locator("#every").uncheck()
        # The bases of a gap have no coordinate, and behind it the genome goes on.
        page.locator("#logo .frame").scroll_into_view_if_needed()
        box = page.locator("#logo .frame").bounding_box()
        left, right = 56, 12  # the margins of logo.js
        for column, said_of_it in ((5, "chr1:1,006"), (6, None), (7, None), (8, "chr1:1,007")):
            said_of_it = f"position {said_of_it}" if said_of_it else "base inserted behind chr1:1,006"
            page.mouse.move(box["x"] + left + (column + 0.5) * (box["width"] - left - right) / 22, box["y"] + 70)
            tip = page.locator("#logo .tip").inner_text()
            assert tip.split("\n")[0] == said_of_it
        letters = page.locator("#logo path.base").count()
        assert 36 <= letters <= 20 + 20  # both alleles of one target; what is too low to see is left out
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


@pytest.mark.slow
@needs_chromium
def test_the_keys_of_a_long_table_of_variants(tmp_path):
    lines = [f"chr1\t{100 + number}\tA\tC\t0\tok\t{1000 - number}" for number in range(450)]
    head = "chrom\tpos\tref\talt\ttarget\tstatus\tdelta"
    (tmp_path / "v.tsv").write_text("\n".join([head, *lines]) + "\n")
    write_table(tmp_path / "v.tsv", tmp_path / "r.html")
    with chromium() as browser, opened(browser, tmp_path / "r.html") as page:
        check_keys(page, [f"chr1:{100 + number}:A>C" for number in range(450)])


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
