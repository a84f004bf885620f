"""The benchmark: what it leaves, and how it continues."""

import json
from pathlib import Path

import pandas as pd
import pytest

from genolift.evaluate.truth.recovery import COLUMNS
from genolift.pipeline.benchmark import benchmark, contenders, judging, stages
from genolift.pipeline.keeping.folder import WORK
from genolift.support.errors import InputError

SPEC = """
name = "small"
length = 50
background = [0.3, 0.2, 0.2, 0.3]
[motifs.GATA]
matrix = GATA_MATRIX
[motifs.EBOX]
matrix = EBOX_MATRIX
[[groups]]
name = "both"
sequences = 40
embed = [{ motif = "GATA", count = 1 }, { motif = "EBOX", count = 1 }]
[[groups]]
name = "gata"
sequences = 40
embed = [{ motif = "GATA", count = 1 }]
[[groups]]
name = "neither"
sequences = 40
[labels]
both = "GATA > 0 and EBOX > 0"
GATA = "GATA > 0"
[splits]
valid = 20
test = 40
"""
FILES = {
    *("sequences.fa", "dataset.tsv", "embeddings.bed", "model.keras", "training.json", "recovery.csv", "run.json"),
    *(f"{stem}.{kind}" for stem in ("figure5_GATA", "figure5_EBOX", "figure6") for kind in ("png", "svg")),
    "index.html",
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "small.toml"
    text = SPEC
    for name, consensus in (("GATA", "AGATAAG"), ("EBOX", "CAGATGG")):
        text = text.replace(
            f"{name}_MATRIX", str([[0.94 if base == one else 0.02 for base in "ACGT"] for one in consensus])
        )
    path.write_text(text)
    return str(path)


@pytest.fixture(scope="module")
def two_methods():
    """Only two of the methods, to be quick."""
    with pytest.MonkeyPatch.context() as patch:
        few = {name: contenders.METHODS[name] for name in ("gradient-x-input", "deeplift-genomics-shuffled")}
        for module in (contenders, benchmark, judging):
            patch.setattr(module, "METHODS", few)
        yield list(few)


@pytest.fixture(scope="module")
def interrupted(spec, two_methods, tmp_path_factory):
    """A benchmark of two seeds, interrupted in its last explanation and continued; which stages ran again."""
    out, ran = tmp_path_factory.mktemp("benchmark") / "out", []
    job = benchmark.Benchmark(spec, seeds=2, epochs=1)
    run_stage, last = stages.complete, f"explain-1-{two_methods[-1]}"

    def watched(stage, work):
        ran.append(stage.name)
        if stage.name == last and ran.count(last) == 1:
            raise KeyboardInterrupt
        return run_stage(stage, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "complete", watched)
        with pytest.raises(KeyboardInterrupt):
            benchmark.run_benchmark(job, out, progress=False)
        assert [path.name for path in out.iterdir()] == [WORK]
        first = list(ran)
        assert not benchmark.run_benchmark(job, out, progress=False)
    return job, out, first, ran[len(first) :]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'both = "GATA > 0 and EBOX > 0"\nGATA = "GATA > 0"',
            'y = { value = "GATA" }',
            "small: labels: .* real values",
        ),
        ("length = 50", "length = { min = 40, max = 50 }", "small: length: .* one length"),
        ("valid = 20", "", r"small: splits\.valid: 0 of 120"),
    ],
)
def test_what_has_no_figures_is_told_before_anything_is_drawn(old, new, words, spec, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(Path(spec).read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        benchmark.run_benchmark(benchmark.Benchmark(str(path)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_it_leaves_exactly_its_files(interrupted):
    assert {path.name for path in interrupted[1].iterdir()} == FILES


def test_it_continues_after_the_last_finished_stage(interrupted):
    _, _, first, then = interrupted
    assert first[-1] == "explain-1-deeplift-genomics-shuffled"
    assert then == [first[-1], "judge", "records"]


def test_recovery_has_a_row_per_method_task_and_motif(interrupted, two_methods):
    table = pd.read_csv(interrupted[1] / "recovery.csv")
    assert list(table.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert list(table.method.unique()) == two_methods
    assert len(table) == len(two_methods) * 2 * 2
    assert not table.duplicated(["method", "task", "motif"]).any()
    assert (table.seconds > 0).all()
    pd.testing.assert_series_equal(table.paper_false_negative_rate, table.false_negative_rate_seed_0, check_names=False)
    given = table.paper_false_negative_rate.notna()
    assert (given == table.false_negative_rate_seed_1.notna()).all()


def test_records_tell_seeds_versions_and_timings(interrupted):
    _, out, *_ = interrupted
    run = json.loads((out / "run.json").read_text())
    assert run["request"]["seeds"] == 2
    assert run["request"]["benchmark"]["name"] == "small"
    assert {"tensorflow", "keras", "numpy", "genolift", "python"} <= set(run["versions"])
    assert set(run["seconds"]) >= {"simulate", "train-0", "train-1", "judge"}
    assert set(run["files"]) == FILES - {"run.json"}
    training = json.loads((out / "training.json").read_text())
    assert [training["seed"], *(one["seed"] for one in training["other_seeds"])] == [0, 1]


def test_the_page_shows_everything(interrupted):
    page = (interrupted[1] / "index.html").read_text()
    assert "<h1>Benchmark small</h1>" in page
    assert page.count("data:image/png;base64") == 3
    assert "False negatives per training seed" in page
    assert 'src="http' not in page


def test_a_finished_benchmark_is_left_alone(interrupted):
    job, out, *_ = interrupted
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / WORK).mkdir()  # as if killed at the very end
    assert benchmark.run_benchmark(job, out)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_another_request_is_refused(interrupted, spec):
    with pytest.raises(InputError, match="seeds is 2 there and 3 here"):
        benchmark.run_benchmark(benchmark.Benchmark(spec, seeds=3, epochs=1), interrupted[1])
