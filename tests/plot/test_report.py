"""The report is one page that needs nothing else and shows what is there."""

import base64
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.truth.recovery import COLUMNS
from genolift.pipeline.common.drawing import write_page
from genolift.plot.report import accuracy_table, seed_tables, write_report
from genolift.plot.style import Picture, save_figure
from genolift.plot.web import page as module
from genolift.plot.web.page import PageOptions
from genolift.plot.web.stores import residual_table
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode
from genolift.support.errors import FileProblem, GenoliftWarning, InputError


class Page(HTMLParser):
    """Texts, image sources and whether every tag is closed."""

    VOID = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.cells = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "h2", "dd", "figcaption", "h1"):
            self.cells.append(data.strip())


def read(path):
    text = path.read_text()
    page = Page(text)
    assert page.open == []
    outside = re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"|url\(|@import|<script", text)
    assert outside == []  # nothing is fetched, nothing runs
    return page, text


@pytest.fixture
def benchmark(tmp_path):
    folder = tmp_path / "bench"
    folder.mkdir()
    row = dict.fromkeys(COLUMNS, np.nan) | {"auroc": 0.91234, "false_negative_rate": 0.0476}
    rows = [
        row | {"method": "deeplift-rescale", "task": "both", "motif": "GATA1", "seconds": 1.25},
        row | {"method": "<script>alert(1)</script>", "task": "none", "motif": "NA", "auroc_correct": 0.5},
    ]
    pd.DataFrame(rows).to_csv(folder / "recovery.csv", index=False)
    figure = Picture()
    figure.subplots()
    for name in ("figure5_GATA1.png", "figure5_TAL1.png", "figure6.png"):
        save_figure(figure, folder / name)
    (folder / "training.json").write_text(json.dumps(training(0) | {"other_seeds": [training(1)]}))
    return folder


def training(seed: int) -> dict:
    return {"seed": seed, "epochs": 12, "metrics": {"both": {"auroc": 0.98765, "accuracy": 0.9 + seed / 100}}}


def test_accuracy_of_every_network():
    table = accuracy_table(training(0) | {"other_seeds": [training(1)]})
    assert table.head == ["network", "both"]
    assert table.rows == [["seed 0", "0.900"], ["seed 1", "0.910"]]
    assert accuracy_table({"seed": 0, "metrics": None}).rows == []


def test_false_negatives_of_every_seed():
    table = pd.DataFrame(
        {
            "method": ["deeplift-rescale", "deeplift-rescale"],
            "task": "both",
            "motif": ["A", "B"],
            "false_negative_rate_seed_0": [0.25, np.nan],
            "false_negative_rate_seed_1": [0.5, np.nan],
        }
    )
    (only,) = seed_tables(table)
    assert only.head == ["task both, A", "seed 0", "seed 1"]
    assert only.rows == [["DeepLIFT rescale", "25.0%", "50.0%"]]
    assert seed_tables(table[["method", "task", "motif"]]) == []


def test_a_benchmarks_page_gathers_tables_figures_and_records(benchmark):
    write_report(benchmark, benchmark / "index.html")
    page, text = read(benchmark / "index.html")
    assert [image["alt"] for image in page.images] == ["Figure 5, GATA1", "Figure 5, TAL1", "Figure 6"]
    assert all(image["src"].startswith("data:image/png;base64,iVBOR") for image in page.images)
    for cell in (
        "4.8%",
        "0.912",
        "0.500",
        "DeepLIFT rescale",
        "both\nGATA1",
        "none\nNA",
        "1.25",
        "0.98765",
    ):
        assert cell in page.cells, cell
    assert "alert(1)" in text  # as text
    assert "nan" not in [cell.lower() for cell in page.cells]
    first = (benchmark / "index.html").read_bytes()
    write_report(benchmark, benchmark / "index.html")
    assert (benchmark / "index.html").read_bytes() == first


def store(tmp_path, targets=(), **changes):
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (8, 20))]
    raw = rng.normal(size=(8, *targets, 20, 4)).astype(np.float32)
    fields = {
        "inputs": X,
        "raw_contributions": raw,
        "predictions": np.full((8, *targets), 3.0),
        "reference_predictions": np.full((8, *targets, 2), 1.0),
        "residual": np.full((8, *targets, 2), -1e-6),
    } | changes
    path = tmp_path / "s.zarr"
    Explanation(
        fields,
        names=[f"<b>{i}</b>" for i in range(8)],
        target=[2, 5] if targets else 1,
        method={"name": "deeplift", "rule": "genomics"},
        provenance={"versions": {"tensorflow": "2.x"}},
    ).save(path)
    return path


def content(path):
    """Return what the page of stores tells its script, after a look at whether it can run or fetch anything else."""
    text = path.read_text()
    # A logo names shapes of its own, as url(#inside).
    outside = r"(?:src|href)=\"(?!data:)[^\"]*\"|url\((?!#)|@import"
    assert re.findall(outside, text.replace("link.href = url", "")) == []
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none';")
    assert re.search(r"script-src 'sha256-[\w+/=]+'$", html.unescape(policy))
    assert len(re.findall(r"<script", text.split("<noscript>")[1])) == 2 + text.count('id="block-')
    blocks = [json.loads(one) for one in re.findall(r'id="block-\d+">(.*?)</script>', text, re.S)]
    return json.loads(re.search(r'id="content">(.*?)</script>', text, re.S)[1]), blocks, text


def unpacked(part):
    values = np.frombuffer(base64.b64decode(part["data"]), "<i2").astype(float)
    return np.where(values == -32768, np.nan, values * part["scale"])


@pytest.mark.parametrize("targets", [(), (2,)])
def test_a_stores_page_has_all_scores_and_what_they_are(tmp_path, targets):
    path = store(tmp_path, targets)
    assert write_report(path, tmp_path / "report.html", PageOptions(progress=False)) == [tmp_path / "report.html"]
    told, blocks, text = content(tmp_path / "report.html")
    e = Explanation.load(path)
    assert told["names"] == [f"<b>{i}</b>" for i in range(8)]
    assert "<b>0</b>" not in text
    assert [track["label"] for track in told["tracks"]] == (
        ["output 2", "output 5"] if targets else ["s (DeepLIFT), output 1"]
    )
    assert told["tracks"][-1]["predictions"] == [3.0] * 8
    assert told["tracks"][-1]["residual"] == [1e-6] * 8
    assert "genomics" in text
    assert "2.x" in text
    scores = np.asarray(e.scores).reshape(8, -1, 20)
    for row, one in enumerate(blocks[0]):
        assert one["sequence"] == decode(np.asarray(e.inputs[row])[None])[0]
        for t, track in enumerate(one["tracks"]):
            found = unpacked(track["scores"])
            np.testing.assert_allclose(found, scores[row, t], atol=np.abs(scores[row, t]).max() / 60000)
            best = told["tracks"][t]["strongest"][row]
            sums = np.convolve(scores[row, t], np.ones(10), "valid")
            assert best["start"] == np.abs(sums).argmax()
            assert best["bases"] == one["sequence"][best["start"] :][:10]


def test_one_target_of_several_can_be_shown(tmp_path):
    write_report(store(tmp_path, (2,)), tmp_path / "report.html", PageOptions(target=5, progress=False))
    told, _, _ = content(tmp_path / "report.html")
    assert [track["label"] for track in told["tracks"]] == ["s (DeepLIFT), output 5"]


def test_stores_of_the_same_sequences_stand_together(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = store(tmp_path / "a"), store(tmp_path / "b")
    write_report([one, other], tmp_path / "report.html", PageOptions(progress=False))
    told, blocks, text = content(tmp_path / "report.html")
    assert len(told["tracks"]) == len(blocks[0][0]["tracks"]) == 2
    assert "<h2>Agreement</h2>" in text
    assert "1.000" in text
    different = Explanation.load(one)[:4].in_memory()
    different.save(tmp_path / "c.zarr")
    with pytest.raises(InputError, match="not of the same sequences"):
        write_report([one, tmp_path / "c.zarr"], tmp_path / "r.html")
    with pytest.raises(FileProblem, match=r"a is not a score store"):
        write_report([one, tmp_path / "a"], tmp_path / "r.html")


def test_annotations_by_name_and_by_place(tmp_path):
    rng = np.random.default_rng(1)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (3, 20))]
    regions = [("chr1", 100, 120, "+"), ("chr1", 110, 130, "-"), ("chr2", 0, 20, "+")]
    fields = {"inputs": X, "raw_contributions": X * rng.normal(size=X.shape)}
    Explanation(fields, names=["a", "b", "c"], regions=regions, target=0, method={"name": "ism"}).save(
        tmp_path / "s.zarr"
    )
    (tmp_path / "m.bed").write_text("chr1\t112\t118\tGATA\t0\t+\nc\t3\t9\tTAL\t0\t-\nchr1\t90\t101\tedge\t0\t.\n")
    write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(annotations=tmp_path / "m.bed", progress=False))
    told, _, text = content(tmp_path / "r.html")
    marks = {row: [tuple(one.values()) for one in some] for row, some in told["annotations"].items()}
    # On the reverse strand, 112 to 118 of 110 to 130 begins 12 from the right end, and the motif is turned round.
    assert marks == {
        "0": [(0, 1, "edge", "."), (12, 18, "GATA", "+")],
        "1": [(12, 18, "GATA", "-")],
        "2": [(3, 9, "TAL", "-")],
    }
    assert told["regions"][1] == "chr1:111-130 -"
    assert re.search(r"<td>GATA</td><td>2</td>", text)
    (tmp_path / "n.bed").write_text("chr9\t1\t2\n")
    with pytest.raises(InputError, match="nothing of it lies in these sequences; its first column names 'chr9'"):
        write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(annotations=tmp_path / "n.bed"))


def test_peaks_with_names_of_their_own_do_not_fill_the_page(tmp_path):
    lines = [f"<b>{k // 20}</b>\t{k % 20}\t{k % 20 + 1}\tpeak_{k}\n" for k in range(57)]
    (tmp_path / "m.bed").write_text("".join([*lines, *["<b>5</b>\t0\t4\tGATA\n"] * 2]))
    write_report(store(tmp_path), tmp_path / "r.html", PageOptions(annotations=tmp_path / "m.bed", progress=False))
    told, _, text = content(tmp_path / "r.html")
    assert "These are the 50 that are marked most often of 58." in text
    assert len(re.findall(r"<tr><td>(?:peak_\d+|GATA)</td>", text)) == 50
    assert sum(map(len, told["annotations"].values())) == 59  # In the logos all of them are marked.


def test_large_data_lie_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ONE_FILE", 1000)
    monkeypatch.setattr(module, "BLOCK", 5)
    files = write_report(store(tmp_path), tmp_path / "r.html", PageOptions(progress=False))
    assert [one.name for one in files] == ["r.html", "block-0.js", "block-1.js"]
    assert re.fullmatch(r"genoliftBlock\(1, \[.*\]\);\n", (tmp_path / "r_data" / "block-1.js").read_text())
    assert (
        json.loads(re.search(r'id="content">(.*?)</script>', (tmp_path / "r.html").read_text(), re.S)[1])["beside"]
        == "r_data"
    )
    (tmp_path / "r_data" / "mine.txt").write_text("")
    with pytest.raises(FileProblem, match=r"r_data holds other files \(mine\.txt\); give the page another name"):
        write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False))
    assert (tmp_path / "r_data" / "block-1.js").exists()


def test_the_residual_summary_ignores_references_that_were_not_used(tmp_path):
    residual = np.full((8, 2), np.nan)
    residual[:, 0] = [1, -2, 3, -4, 5, -6, 7, -8]
    e = Explanation.load(store(tmp_path, residual=residual))
    assert ["largest residual", "8"] in residual_table(e).rows
    assert ["median difference f(x) − f(reference)", "2"] in residual_table(e).rows


def test_inputs_that_are_not_dna_have_a_page_without_logos(tmp_path):
    Explanation({"inputs": np.ones((3, 2)), "raw_contributions": np.ones((3, 2))}).save(tmp_path / "s.zarr")
    write_report(tmp_path / "s.zarr", tmp_path / "r.html")
    page, _ = read(tmp_path / "r.html")
    assert page.images == []
    assert "3 × 2" in page.cells


def test_what_is_neither_is_refused(tmp_path):
    with pytest.raises(FileProblem, match="is not there"):
        write_report(tmp_path / "nothing", tmp_path / "r.html")
    with pytest.raises(FileProblem, match="neither a score store nor a directory with one page of results"):
        write_report(tmp_path, tmp_path / "r.html")
    with pytest.raises(FileProblem, match="cannot be written"):
        write_report(store(tmp_path), tmp_path / "no" / "r.html")
    assert not (tmp_path / "r.html").exists()


def bases(n=3, length=24, seed=0):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(seed).integers(0, 4, (n, length))]


def stored(path, X, **fields):
    """A store of the sequences a, b, c, ... whose scores are 1 where nothing else is given."""
    kept = {key: fields.pop(key) for key in ("lengths",) if key in fields}
    fields = {"inputs": X, "scores": np.ones(X.shape[:2], np.float32), **fields}
    Explanation(fields, names=list("abcdefgh")[: len(X)], target=0, method={"name": "ism"}, **kept).save(path)
    return path


def held(path):
    return json.loads(re.search(r'id="content">(.*?)</script>', path.read_text(), re.DOTALL)[1])


@pytest.mark.parametrize("other", [bases(seed=1), bases(length=30)])
def test_other_sequences_of_the_same_names_are_refused(tmp_path, other):
    one, two = stored(tmp_path / "one.zarr", bases()), stored(tmp_path / "two.zarr", other)
    with pytest.raises(InputError, match="'a' is another sequence in two"):
        write_report([one, two], tmp_path / "r.html", PageOptions(progress=False))
    assert not (tmp_path / "r.html").exists()


def test_what_is_not_known_is_not_called_nothing(tmp_path):
    scores = np.arange(72, dtype=np.float32).reshape(3, 24)
    scores[1], scores[2, 3] = np.nan, np.nan
    residual = np.array([[0.5, np.nan], [np.nan, np.nan], [0.0, -0.25]], np.float32)
    store = stored(tmp_path / "s.zarr", bases(), scores=scores, residual=residual)
    write_report(store, tmp_path / "r.html", PageOptions(progress=False))
    (track,), average = held(tmp_path / "r.html")["tracks"], held(tmp_path / "r.html")["average"]
    assert track["residual"] == [0.5, None, 0.25]
    assert track["strongest"][1] is None
    np.testing.assert_allclose(average["series"][0]["values"], np.nanmean(np.abs(scores), axis=0), rtol=1e-5)


def test_agreement_is_of_what_both_know(tmp_path):
    scores = np.random.default_rng(0).normal(size=(2, 24)).astype(np.float32)
    holed = scores.copy()
    holed[:, :12] = np.nan
    one = stored(tmp_path / "one.zarr", bases(2), scores=scores)
    two = stored(tmp_path / "two.zarr", bases(2), scores=holed)
    write_report([one, two], tmp_path / "r.html", PageOptions(progress=False))
    cells = re.findall(r"<td>([^<]*)</td>", (tmp_path / "r.html").read_text())
    assert [float(cell) for cell in cells if re.fullmatch(r"-?\d\.\d{3}", cell)] == [1, 1, 1, 1]


def test_annotations_end_where_their_sequence_ends(tmp_path):
    X = bases()
    X[1, 10:] = 0
    store = stored(tmp_path / "s.zarr", X, lengths=[24, 10, 24])
    (tmp_path / "m.bed").write_text("a\t20\t90\tlong\nb\t12\t15\tbehind\nc\t0\t24\twhole\n")
    with pytest.warns(GenoliftWarning, match="2 of its stretches reach beyond.*a, 20 to 90, and this has 24 bases"):
        write_report(store, tmp_path / "r.html", PageOptions(annotations=tmp_path / "m.bed", progress=False))
    marks = held(tmp_path / "r.html")["annotations"]
    assert {row: [(one["start"], one["end"]) for one in some] for row, some in marks.items()} == {
        "0": [(20, 24)],
        "2": [(0, 24)],
    }
    (tmp_path / "m.bed").write_text("b\t12\t15\tbehind\n")
    with pytest.raises(InputError, match="nothing of it lies in these sequences"):
        write_report(store, tmp_path / "r.html", PageOptions(annotations=tmp_path / "m.bed", progress=False))


def test_the_genome_browser_counts_towards_the_size_of_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ONE_FILE", 1_000_000)
    regions = [("chr1", 0, 24, "+")]
    Explanation(
        {"inputs": bases(1), "scores": np.ones((1, 24), np.float32)}, names=["a"], regions=regions, target=0,
        method={"name": "ism"},
    ).save(tmp_path / "s.zarr")  # fmt: skip
    assert len(write_report(tmp_path / "s.zarr", tmp_path / "r.html", PageOptions(progress=False))) == 1
    assert len(write_report(tmp_path / "s.zarr", tmp_path / "g.html", PageOptions(progress=False, genome=True))) == 2


@pytest.mark.parametrize(
    ("out", "words"),
    [("r.txt", "the name of a page ends in .html"), ("s.zarr/r.html", "lies in the store s.zarr")],
)
def test_where_a_page_may_not_be_written(tmp_path, out, words):
    store = stored(tmp_path / "s.zarr", bases())
    with pytest.raises(InputError, match=words):
        write_page([store], tmp_path / out, PageOptions())


def test_a_page_does_not_replace_what_it_is_made_of(tmp_path):
    store, marks = stored(tmp_path / "s.zarr", bases()), tmp_path / "marks.html"
    marks.write_text("a\t0\t5\tm\n")
    with pytest.raises(InputError, match="would be overwritten"):
        write_page([store], marks, PageOptions(annotations=marks))
    assert marks.read_text().startswith("a\t0")


def test_scores_among_the_hypothetical_contributions_are_not_repeated(tmp_path):
    X = bases(3, 1000)
    X[1, 5] = 0.25
    hypothetical = np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
    scores = (hypothetical * X).sum(axis=2)
    scores[2, 7] += 1
    fields = {"scores": scores, "hypothetical": hypothetical, "standard_error": np.abs(scores)}
    write_report(stored(tmp_path / "s.zarr", X, **fields), tmp_path / "r.html", PageOptions(progress=False))
    text = (tmp_path / "r.html").read_text()
    block = json.loads(re.search(r'id="block-0">(.*?)</script>', text, re.DOTALL)[1])
    # Those of an unknown base, and those that are something else, are written.
    assert ["scores" in one["tracks"][0] for one in block] == [False, True, True]
    # A thousand sequences of 1,000 bases are one file.
    assert 1000 * len(json.dumps(block[0], separators=(",", ":"))) < 14_600_000
