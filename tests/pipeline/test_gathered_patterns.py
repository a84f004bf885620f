"""Patterns gathered from a store: files and page, resumed after a kill, for several targets, and read by others."""

import csv
import json
import re

import numpy as np
import pytest
from planted_scores import GATA, TAL, matrix, planted

from genolift.cli.app import run
from genolift.evaluate.discovery import members as members_module
from genolift.evaluate.discovery.clustering import Model, Shape
from genolift.evaluate.discovery.members import Gathering, Members, Occurrence
from genolift.export.source import Scores
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.discovery import gathered as job_module
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.gathered import GatherJob, gather_patterns
from genolift.pipeline.discovery.gathering import Gatherer
from genolift.pipeline.discovery.patterns import PatternHits, read_patterns, write_hits
from genolift.results.explanation import Explanation
from genolift.simulate.motifs import Motif, meme_text
from genolift.support.errors import FileProblem, GenoliftWarning, InputError, Undefined

QUIET = Execution(progress=False)
MOTIFS = [(matrix(GATA), 0.4), (matrix(TAL), 0.4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gathered")
    one, places = planted(240, 100, MOTIFS, share=0.8)
    one.save(folder / "one.zarr")
    # In the second target the second motif is repressing, and the first is not there.
    planted(240, 100, MOTIFS, share=0.8, sizes=[(1.0, 1.0), (0.0, -1.0)])[0].save(folder / "two.zarr")
    np.save(folder / "places.npy", np.array(places))
    planted(240, 100, MOTIFS, share=0.3, seed=5)[0].save(folder / "null.zarr")
    gather_patterns(GatherJob(Search(folder / "one.zarr", execution=QUIET), folder / "out"))
    return folder


def found(folder, out, name="one.zarr", **options):
    search = Search(folder / name, execution=options.pop("execution", QUIET))
    written = gather_patterns(GatherJob(search, out, **options))
    return written, table(out)


def table(out):
    with open(out / "patterns.tsv") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_files_of_one_target(folder):
    written, rows = found(folder, folder / "out")
    assert list(written.counts) == ["pos_patterns.pattern_0", "pos_patterns.pattern_1"]
    assert written.was_there
    places = np.load(folder / "places.npy")
    for row in rows:
        assert abs(int(row["seqlets"]) - len(places) / 2) < 20
        assert int(row["sequences"]) == int(row["seqlets"])
        assert float(row["importance"]) > 0.5
        assert float(row["sd"]) > 0
    # The members are where motifs were planted, on their strands, and their mean is the importance.
    with open(folder / "out" / "patterns.bed") as file:
        members = list(csv.DictReader(file, delimiter="\t"))
    assert len(members) == sum(written.counts.values())
    truth = {f"s{i}": (a, b) for i, _, a, b, _ in places.tolist()}
    right = [
        truth[one["sequence"]][0] < int(one["end"]) and int(one["start"]) < truth[one["sequence"]][1]
        for one in members
        if one["sequence"] in truth
    ]
    assert np.mean(right) > 0.98
    for row in rows:
        mine = [float(one["importance"]) for one in members if one["name"] == row["pattern"]]
        assert np.mean(mine) == pytest.approx(float(row["importance"]), rel=1e-3)
    page = (folder / "out" / "patterns.html").read_text()
    assert len(re.findall("data:image/png", page)) == 4  # for each the pattern and members
    assert "2 patterns among" in page


def test_others_read_the_patterns(folder, tmp_path):
    written, rows = found(folder, folder / "out")
    patterns = read_patterns(folder / "out" / "patterns.h5")
    assert [one.name for one in patterns] == list(written.counts)
    assert [one.seqlets for one in patterns] == list(written.counts.values())
    assert [f"{one.cwm.sum():.2g}" for one in patterns] == [f"{float(row['importance']):.2g}" for row in rows]
    hits = write_hits(
        PatternHits(Search(folder / "one.zarr", execution=QUIET), folder / "out" / "patterns.h5", tmp_path / "h.bed")
    )
    for name, count in hits.counts.items():
        assert count == pytest.approx(written.counts[name], rel=0.15)
    assert run(["patterns", str(folder / "out" / "patterns.h5"), "--out", str(tmp_path / "again")]) == 0


@pytest.mark.slow
def test_known_motifs_give_names(folder, tmp_path):
    pytest.importorskip("memelite")
    rng = np.random.default_rng(0)
    others = [Motif(f"other{i}", rng.dirichlet([0.3] * 4, int(rng.integers(7, 13)))) for i in range(38)]
    known = [Motif("GATA", 0.9 * matrix(GATA) + 0.025), Motif("TAL", 0.9 * matrix(TAL) + 0.025)]
    (tmp_path / "known.meme").write_text(meme_text([(one, 20) for one in [*known, *others]], [0.25] * 4))
    written, rows = found(folder, tmp_path / "out", motifs=tmp_path / "known.meme")
    assert set(written.motifs.values()) == {"GATA", "TAL"}
    assert {row["motif"] for row in rows} == {"GATA", "TAL"}


@pytest.mark.slow
def test_several_targets_and_signs(folder, tmp_path):
    _, rows = found(folder, tmp_path / "out", "two.zarr")
    assert {(row["target"], row["pattern"]) for row in rows} == {
        ("0", "0.pos_patterns.pattern_0"),
        ("0", "0.pos_patterns.pattern_1"),
        ("1", "1.neg_patterns.pattern_0"),
    }
    assert [float(row["importance"]) > 0 for row in rows] == [True, True, False]
    # The repressing motif of the second target is the same motif as one of the first.
    (negative,) = (row for row in rows if "neg" in row["pattern"])
    (same,) = (row for row in rows if row["pattern"] == negative["alike"])
    assert same["alike"] == negative["pattern"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"patterns_0.h5", "patterns_1.bed", "run.json"}
    _, chosen = found(folder, tmp_path / "chosen", "two.zarr", targets=("1",))
    assert [row["pattern"] for row in chosen] == ["neg_patterns.pattern_0"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["clusters", "page"])
def test_a_killed_run_is_continued(folder, tmp_path, monkeypatch, stop):
    """It is stopped after each stage; what was done is not done again, and the files are the same bytes."""

    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if stop == "clusters":
            patch.setattr(members_module.Gathering, "add", kill)
        else:
            patch.setattr(job_module, "_write", kill)
        with pytest.raises(Killed):
            found(folder, tmp_path / "out")
    assert not (tmp_path / "out" / "patterns.tsv").exists()
    with monkeypatch.context() as patch:
        patch.setattr("genolift.pipeline.discovery.gathering.cluster_windows", kill)
        found(folder, tmp_path / "out")
    for name in ("tsv", "meme", "html", "bed", "h5"):
        one, two = (where / "out" / f"patterns.{name}" for where in (folder, tmp_path))
        assert one.read_bytes() == two.read_bytes()


def test_another_request_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="holds another result: fdr"):
        gather_patterns(GatherJob(Search(folder / "one.zarr", fdr=0.2, execution=QUIET), folder / "out"))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "mine.txt").write_text("")
    with pytest.raises(FileProblem, match="holds other files"):
        found(folder, tmp_path / "others")
    assert len(json.loads((folder / "out" / "run.json").read_text())["seqlets"]) == 2


def with_null(folder, out, name, null):
    gather_patterns(GatherJob(Search(folder / name, null=folder / null, execution=QUIET), out))
    return table(out)


def test_patterns_are_more_common_than_in_the_null(folder, tmp_path):
    rows = with_null(folder, tmp_path / "out", "one.zarr", "null.zarr")
    assert len(rows) == 2
    for row in rows:
        assert float(row["share"]) == pytest.approx(0.4, abs=0.1)
        assert float(row["null_share"]) == pytest.approx(0.15, abs=0.08)
        assert float(row["null_q"]) < 1e-4
    planted(30, 90, MOTIFS)[0].save(tmp_path / "short.zarr")
    with pytest.raises(InputError, match="other lengths"):
        gather_patterns(GatherJob(Search(folder / "one.zarr", null=tmp_path / "short.zarr"), tmp_path / "other"))


def scaled_by(one, by):
    """Return an explanation in which all contributions are so much larger."""
    fields = {name: by * np.asarray(getattr(one, name)) for name in ("raw_contributions", "hypothetical")}
    return Explanation({"inputs": one.inputs, **fields}, names=one.names)


def test_a_null_with_smaller_scores_throughout(tmp_path):
    """The motif is as common in both, so that the scores of the null are brought to the scale of the data."""
    for name, by, seed in (("data", 1.6, 1), ("null", 1.0, 1001)):
        one = planted(150, 60, MOTIFS[:1], share=0.5, noise=0.1, seed=seed)[0]
        scaled_by(one, by).save(tmp_path / f"{name}.zarr")
    with pytest.warns(GenoliftWarning, match=r"1\.6. times the null's .* multiplied by that before patterns"):
        (row,) = with_null(tmp_path, tmp_path / "out", "data.zarr", "null.zarr")
    assert float(row["null_share"]) == pytest.approx(float(row["share"]), abs=0.15)  # 0.06 and 0.43 as they are
    assert float(row["null_p"]) > 0.01


def test_the_tested_half_does_not_choose_what_is_listed():
    members = Members(np.arange(8), np.zeros(8, int), *(np.zeros(8) for _ in range(5)))
    sums = {name: np.zeros((1, 40, 4)) for name in ("contributions", "frequencies")}
    gathering = Gathering(Model([], np.zeros(1), Shape()), 1, sums, [members])
    assert gathering.patterns(4, np.arange(8) < 3) == []
    (one,) = gathering.patterns(4, np.arange(8) < 4)
    assert len(one.members) == 8


def test_occurrence_by_hand():
    """Three of four against one of four: (4·4 + 1·1) of 70 tables are as extreme."""
    assert Occurrence(3, 4, 1, 4).p == pytest.approx(17 / 70)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:outside motifs")
@pytest.mark.parametrize(("n", "nulls", "share", "by"), [(120, 120, 0.6, 1), (60, 60, 0.4, 1), (120, 1000, 0.5, 1.6)])
def test_a_null_like_the_data_is_not_told_apart(tmp_path, n, nulls, share, by):
    """The p-values are at most as small as chance makes them, though patterns were looked for in the same data."""
    p = []
    gatherer = Gatherer()
    for seed in range(60):
        data, null = (
            Scores(scaled_by(planted(number, 60, MOTIFS[:1], seed=first + seed, share=share)[0], factor))
            for number, first, factor in ((n, 0, by), (nulls, 1000, 1))
        )
        search = Search(tmp_path / "data.zarr", null=tmp_path / "null.zarr", seed=seed, execution=QUIET)
        (tmp_path / str(seed)).mkdir()
        p += [one.occurrence.p for one in gatherer.gather(search, data, null, tmp_path / str(seed), "one").patterns]
    assert len(p) >= 40
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / len(p))


def test_nothing_stands_out(tmp_path):
    planted(40, 80, MOTIFS, share=0)[0].save(tmp_path / "noise.zarr")
    written, rows = found(tmp_path, tmp_path / "out", "noise.zarr")
    assert written.counts == {}
    assert rows == []
    assert "0 patterns" in (tmp_path / "out" / "patterns.html").read_text()


def test_mistakes_are_one_line(folder, tmp_path, capsys):
    def told(*arguments):
        assert run(["patterns", *map(str, arguments), "--out", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
        return line

    (tmp_path / "file.h5").write_text("")
    assert "--least is for the patterns of a store" in told(tmp_path / "file.h5", "--least", 5)
    assert "not among those explained" in told(folder / "two.zarr", "--target", 7)
    assert "a directory with other contents" in told(tmp_path)
    assert "does not exist" in told(tmp_path / "no.zarr")
    assert "at most" in told(folder / "one.zarr", "--least", 50, "--clustered", 20)
    assert not (tmp_path / "out").exists()


def test_scores_alone_are_enough(folder, tmp_path):
    """A method without hypothetical contributions, such as occlusion, has patterns too."""
    one = planted(240, 100, MOTIFS, share=0.8, hypothetical=False)[0]
    Explanation({"inputs": one.inputs, "scores": one.scores}, names=one.names).save(tmp_path / "scores.zarr")
    written, _ = found(tmp_path, tmp_path / "out", "scores.zarr")
    assert len(written.counts) == 2
    with pytest.raises(Undefined):
        Explanation.load(tmp_path / "scores.zarr").hypothetical  # noqa: B018
