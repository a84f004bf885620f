"""Two stores compared: motifs gained and lost, sequences that differ, units, and simulations in which nothing differs."""

import csv
import re

import numpy as np
import pytest
from planted_scores import GATA, TAL, matrix, planted

from genolift.cli.app import run
from genolift.evaluate.discovery.paired import PairedTest
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.discovery import compared as job_module
from genolift.pipeline.discovery.compared import Comparison, compare, status
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

QUIET = Execution(progress=False)
MOTIFS = [(matrix(GATA), 0.4), (matrix(TAL), 0.4)]


def two(sizes, unit=1.0, **options):
    """Return explanations of the same sequences by two models, the second in another unit."""
    both, places = planted(options.pop("n", 240), options.pop("length", 100), MOTIFS, sizes=sizes, **options)
    out = []
    for target, by in ((0, 1.0), (1, unit)):
        one = both.for_target(target)
        fields = {name: by * np.asarray(getattr(one, name)) for name in ("raw_contributions", "hypothetical")}
        out.append(Explanation({"inputs": one.inputs, **fields}, names=one.names))
    return *out, places


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """B, in another unit, does not know the second motif, and half the first. Nulls are sequences without motifs."""
    folder = tmp_path_factory.mktemp("compared")
    a, b, places = two([(1.0, 1.0), (0.5, 0.0)], unit=30.0, share=0.8)
    a.save(folder / "a.zarr")
    b.save(folder / "b.zarr")
    null_a, null_b, _ = two([1.0, 1.0], unit=30.0, share=0, seed=9)
    null_a.save(folder / "null_a.zarr")
    null_b.save(folder / "null_b.zarr")
    np.save(folder / "places.npy", np.array(places))
    compare(job(folder, folder / "out"))
    return folder


def job(folder, out, first="a.zarr", second="b.zarr", **options):
    options = {"nulls": (folder / "null_a.zarr", folder / "null_b.zarr"), "execution": QUIET, **options}
    return Comparison(folder / first, folder / second, out, **options)


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.slow
def test_what_is_lost_and_what_is_weaker(folder):
    rows = {row["status"]: row for row in table(folder / "out" / "motifs.tsv")}
    assert set(rows) == {"lost", "weaker"}
    assert "AGAT" in rows["weaker"]["consensus"] or "ATCT" in rows["weaker"]["consensus"]
    ratio = {name: float(row["b"]) / float(row["a"]) for name, row in rows.items()}
    assert ratio["weaker"] == pytest.approx(0.5, abs=0.08)
    assert ratio["lost"] == pytest.approx(0, abs=0.08)
    for row in rows.values():
        assert float(row["low"]) < float(row["difference"]) < float(row["high"])
        assert float(row["q"]) < 1e-6
    assert int(rows["lost"]["members_b"]) == 0


def test_sequences_with_the_lost_motif_differ(folder):
    rows = table(folder / "out" / "regions.tsv")
    truth = {f"s{i}": (k, a, b) for i, k, a, b, _ in np.load(folder / "places.npy").tolist()}
    lost = [row for row in rows if truth.get(row["sequence"], (0,))[0] == 1]
    none = [row for row in rows if row["sequence"] not in truth]
    assert np.mean([float(row["q"]) <= 0.05 for row in lost]) > 0.95
    assert np.mean([float(row["q"]) <= 0.05 for row in none]) < 0.15
    for row in lost:
        _, start, end = truth[row["sequence"]]
        assert int(row["window_start"]) < end
        assert start < int(row["window_end"])
        assert row["motifs"]
    page = (folder / "out" / "compare.html").read_text()
    assert len(re.findall("data:image/png", page)) == 1 + 2 + 6


def test_the_other_way_round(folder, tmp_path):
    swapped = job(folder, tmp_path / "out", "b.zarr", "a.zarr", nulls=(folder / "null_b.zarr", folder / "null_a.zarr"))
    compare(swapped)
    there = sorted(table(folder / "out" / "motifs.tsv"), key=lambda row: row["status"])
    back = table(tmp_path / "out" / "motifs.tsv")
    assert {row["status"] for row in back} == {"gained", "stronger"}
    back.sort(key=lambda row: row["status"])
    for one, other in zip(there, back, strict=True):
        assert float(one["difference"]) == pytest.approx(-float(other["difference"]), rel=1e-3)
        assert float(one["p"]) == pytest.approx(float(other["p"]), rel=1e-3)
    p = [[row["p"] for row in table(where / "out" / "regions.tsv")] for where in (folder, tmp_path)]
    assert p[0] == p[1]


@pytest.mark.slow
def test_without_nulls_and_without_a_scale(folder, tmp_path):
    compare(job(folder, tmp_path / "own", nulls=None))
    assert {row["status"] for row in table(tmp_path / "own" / "motifs.tsv")} == {"lost", "weaker"}
    compare(job(folder, tmp_path / "raw", match="none"))
    rows = table(tmp_path / "raw" / "motifs.tsv")
    assert {row["status"] for row in rows} == {"gained", "lost"}  # In its own unit b has 15 times as much.


@pytest.mark.slow
def test_a_killed_run_is_continued(folder, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(job_module, "measure", kill)
        with pytest.raises(Killed):
            compare(job(folder, tmp_path / "out"))
    with monkeypatch.context() as patch:
        patch.setattr("genolift.pipeline.discovery.gathering.find_significant", kill)
        compare(job(folder, tmp_path / "out"))
    for name in ("motifs.tsv", "regions.tsv", "compare.html"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()
    assert compare(job(folder, tmp_path / "out")).was_there
    with pytest.raises(InputError, match="holds another result: gone"):
        compare(job(folder, tmp_path / "out", gone=0.1))


def test_mistakes_are_one_line(folder, tmp_path, capsys):
    def told(*arguments):
        assert run(["compare", *map(str, arguments), "--out", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
        assert not (tmp_path / "out" / "run.json").exists()
        return line

    planted(30, 100, MOTIFS)[0].save(tmp_path / "few.zarr")
    planted(240, 100, MOTIFS, seed=3)[0].save(tmp_path / "others.zarr")
    assert "have 240 and 30 sequences" in told(folder / "a.zarr", tmp_path / "few.zarr")
    assert "'s0' is another sequence" in told(folder / "a.zarr", tmp_path / "others.zarr")
    assert "shorter than the window" in told(folder / "a.zarr", folder / "b.zarr", "--window", 101)
    assert "is not there" in told(folder / "a.zarr", tmp_path / "no.zarr")
    assert "not" in told(folder / "a.zarr", folder / "b.zarr", "--target-b", 7)


@pytest.mark.parametrize(
    ("first", "second", "q", "word"),
    [
        (4.0, 0.5, 0.01, "lost"),
        (0.5, 4.0, 0.01, "gained"),
        (4.0, 2.0, 0.01, "weaker"),
        (-2.0, -4.0, 0.01, "stronger"),
        (3.0, -4.0, 0.01, "turned"),
        (4.0, 0.5, 0.2, "not told apart"),
        (4.0, 0.5, np.nan, "not told apart"),
    ],
)
def test_words(first, second, q, word):
    assert status(PairedTest(20, first, second, 0, 0, 0), q, 0.05, 0.25) == word


@pytest.mark.slow
@pytest.mark.parametrize("with_nulls", [True, False])
def test_equal_models_are_not_told_apart(tmp_path, with_nulls, monkeypatch):
    """Both read the same motifs with noise of their own, in other units: the p-values are those of chance."""
    monkeypatch.setattr(job_module, "compared_page", lambda *_: "")  # Pictures take more than half of the time.
    motifs, regions, shuffled = [], [], []
    for seed in range(60):
        for name, options in (("", {"seed": seed, "share": 0.6}), ("null", {"seed": 500 + seed, "share": 0})):
            for which, one in zip(
                "ab", two([1.0, 1.0], unit=5.0, n=100, length=60, noise=0.06, **options)[:2], strict=True
            ):
                one.save(tmp_path / f"{which}{name}{seed}.zarr")
        nulls = (tmp_path / f"anull{seed}.zarr", tmp_path / f"bnull{seed}.zarr") if with_nulls else None
        out = tmp_path / f"out{seed}"
        compare(job(tmp_path, out, f"a{seed}.zarr", f"b{seed}.zarr", nulls=nulls))
        motifs.append([float(row["p"]) for row in table(out / "motifs.tsv") if row["p"] != "NA"])
        regions.append([float(row["p"]) for row in table(out / "regions.tsv")])
        shuffled.append([float(row["null_p"]) for row in table(out / "regions.tsv") if with_nulls])
    # Tests of one data set share a scale and a null, so that the data set is the unit.
    for p in (motifs, regions, *([shuffled] if with_nulls else [])):
        for level in (0.05, 0.2):
            shares = [np.mean(np.array(one) <= level) for one in p if one]
            assert len(shares) > 50
            assert np.mean(shares) <= level + 2 * np.std(shares) / np.sqrt(len(shares))
