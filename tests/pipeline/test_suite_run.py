"""The suite from simulations to a table: what it measures, what it refuses, and that it continues."""

import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.truth.measures import MEASURES
from genolift.pipeline.benchmark.comparing import running
from genolift.pipeline.benchmark.comparing import suite as module
from genolift.pipeline.benchmark.comparing.suite import run_suite, suite
from genolift.pipeline.benchmark.entries import ENTRIES, choose
from genolift.pipeline.benchmark.networks import NETWORKS, network
from genolift.support.errors import FileProblem, InputError, UnsupportedModel

CONFIGURATION = """
name = "{name}"
length = 40
background = [0.3, 0.2, 0.2, 0.3]
[motifs]
A = {{ kmers = ["GATAAGGCTC"] }}
B = {{ kmers = ["CAGCTGTTGC"] }}
[[groups]]
name = "g"
sequences = 600
embed = [
    {{ motif = "A", count = {{ distribution = "uniform", min = 0, max = 1 }} }},
    {{ motif = "B", count = {{ distribution = "uniform", min = 0, max = 1 }} }},
]
[labels]
{label}
[splits]
valid = 0.2
test = 0.2
"""
NETWORK = """
import keras

class Same(keras.layers.Layer):
    def call(self, x):
        return 1 * x

def build(length, tasks, output):
    x = sequence = keras.Input((length, 4))
    x = keras.layers.Conv1D(16, 10, activation="relu")(x)
    x = Same()(keras.layers.GlobalMaxPooling1D()(x))
    return keras.Model(sequence, keras.layers.Dense(tasks, activation=output)(x))
"""
METHODS = ("deeplift-rescale", "ism", "cam", "gradient@zeros")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    labels = {"yes": 'y = "A > 0"', "real": 'y = { value = "A - B" }'}
    for name, label in labels.items():
        (folder / f"{name}.toml").write_text(CONFIGURATION.format(name=name, label=label))
    (folder / "mine.py").write_text(NETWORK)
    return folder


def job(place, methods=METHODS[:3], **options):
    specs = [str(place / "yes.toml"), str(place / "real.toml")]
    return suite(specs, [str(place / "mine.py")], methods, seeds=1, explained=40, epochs=40, **options)


@pytest.fixture(scope="module")
def done(place):
    out = place / "out"
    assert not run_suite(job(place), out, progress=False)
    return out


@pytest.mark.slow
def test_the_table(done):
    table = pd.read_csv(done / "results.csv")
    assert set(table.simulation) == {"yes", "real"}
    assert set(table.network) == {"mine"}
    assert set(table.method) == {"deeplift-rescale", "ism"}  # There is no class activation map of a global maximum.
    assert set(table.truth) == {"label", "network"}
    assert set(table.metric) == set(MEASURES)
    assert (table.sequences == 40).all()
    known = table.dropna(subset=["value"])
    assert (known.low <= known.value + 1e-9).all()
    assert (known.value <= known.high + 1e-9).all()
    learnt = table[(table.simulation == "yes") & (table.truth == "network") & (table.metric == "auroc")]
    assert (learnt.value > 0.7).all()
    pd.testing.assert_frame_equal(table.astype({"references": object}).fillna(""), pd.read_parquet(
        done / "results.parquet").fillna(""), check_dtype=False, rtol=1e-3)  # fmt: skip


@pytest.mark.slow
def test_what_was_learnt_and_refused(done):
    trained = pd.read_csv(done / "networks.csv").set_index(["simulation", "metric"]).value
    assert trained["yes", "auroc"] > 0.8
    assert trained["real", "pearson"] > 0.7
    refused = pd.read_csv(done / "refused.csv")
    assert set(refused.method) == {"cam"}
    assert refused.reason.str.contains("cam").all()
    assert sorted(path.name for path in done.iterdir()) == [
        "failures.json", "index.html", "networks.csv", "refused.csv", "results.csv", "results.parquet", "run.json"]  # fmt: skip


def test_it_is_complete_and_another_is_refused(done, place):
    assert run_suite(job(place), done, progress=False)
    with pytest.raises(InputError, match="suite has 2 entries there and 1 here"):
        run_suite(suite([str(place / "yes.toml")], ["tal_gata"], ["ism"], seeds=1), done)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length = 40", "length = { min = 30, max = 40 }", "yes: length: .* one length, and these have 30 to 40"),
        ("valid = 0.2", "", r"yes: splits\.valid: 0 of 600 .* at least 1 tells"),
        ("test = 0.2", "test = 1", r"yes: splits\.test: 1 of 600 .* at least 2 are explained"),
    ],
)
def test_what_no_network_can_learn_is_told_before_anything_is_drawn(old, new, words, place, tmp_path):
    path = tmp_path / "some.toml"
    path.write_text((place / "yes.toml").read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        run_suite(suite([str(path)], ["tal_gata"], ["ism"], seeds=1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_stay_apart_in_files(place, tmp_path):
    for name, file in (("a/b", "slash"), ("a", "short"), ("a-mine", "long")):
        (tmp_path / f"{file}.toml").write_text(CONFIGURATION.format(name=name, label='y = "A > 0"'))
        (tmp_path / "mine-b.py").write_text(NETWORK)
        (tmp_path / "b.py").write_text(NETWORK)
    (slash,) = module.lines(suite([str(tmp_path / "slash.toml")], ["tal_gata"], ["ism"], seeds=1))
    assert "/" not in slash.name + slash.data
    specs = [str(tmp_path / f"{file}.toml") for file in ("short", "long")]
    networks = [str(tmp_path / f"{name}.py") for name in ("mine-b", "b")]
    with pytest.raises(InputError, match="two networks of the suite would be kept as 'a-mine-b-0'"):
        run_suite(suite(specs, networks, ["ism"], seeds=1), tmp_path / "out")


@pytest.mark.slow
def test_interrupted_and_continued_by_workers(done, place, monkeypatch):
    out, stages = place / "again", []
    complete = running.complete

    def counted(stage, work):
        stages.append(stage.name)
        if len(stages) == 6:
            raise KeyboardInterrupt
        return complete(stage, work)

    monkeypatch.setattr(running, "complete", counted)
    with pytest.raises(KeyboardInterrupt):
        run_suite(job(place), out, progress=False)
    monkeypatch.undo()
    before = {path.name: path.stat().st_mtime_ns for path in (out / ".genolift-work").glob("*.stage.json")}
    assert len(before) == 7  # two simulations, and five stages of a network
    assert not run_suite(job(place), out, workers=2, progress=False)
    one, other = (pd.read_csv(folder / "results.csv") for folder in (done, out))
    # Another number of threads rounds differently in training, and the network's truth may be another a little.
    keys = ["simulation", "network", "seed", "method", "task", "truth", "metric"]
    pd.testing.assert_frame_equal(one[keys], other[keys])
    pd.testing.assert_series_equal(one.n[one.truth == "label"], other.n[other.truth == "label"])
    difference = (one.value - other.value).abs()
    assert difference.median() < 0.05


def test_names():
    assert [entry.name for entry in choose(["ism", "deeplift@zeros"])] == ["ism", "deeplift@zeros"]
    assert choose(["deeplift@zeros"])[0].references == "zeros"
    assert {entry.name for entry in choose(["all"])} == set(ENTRIES)
    assert len(ENTRIES) >= 25
    (some,) = choose(["deeplift@training:2"])
    assert np.array_equal(some.compared_with(lambda: np.eye(4)[None].repeat(3, 0)).array, [np.eye(4)] * 2)
    with pytest.raises(InputError, match="there are 1 sequences to take the references from"):
        some.compared_with(lambda: np.eye(4)[None])
    with pytest.raises(InputError, match="there is no method 'deeplit'; did you mean deeplift"):
        choose(["deeplit"])
    with pytest.raises(InputError, match="references 'nothing' are not understood"):
        choose(["deeplift@nothing"])
    assert network("dilated") is NETWORKS["dilated"]
    with pytest.raises(InputError, match="no network 'resnet'"):
        network("resnet")
    with pytest.raises(FileProblem, match="does not exist"):
        network("nowhere.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", r"defines no function build\(length, tasks, output\)"),
        ("def build(length): pass", "build cannot be called: TypeError"),
        ("def build(length, tasks, output): return 3", "build returned a int, not a Keras model"),
    ],
)
def test_a_file_that_builds_no_network(text, words, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(text)
    with pytest.raises((FileProblem, InputError, UnsupportedModel), match=words) as caught:
        network(str(path)).build(40, 1, "sigmoid", 0)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_entry_makes_a_method_that_scores(name, paper_like):
    entry, model = ENTRIES[name], paper_like
    if name in ("attention-rollout", "cam"):
        with pytest.raises(UnsupportedModel):
            entry.make(model, [0])
        return
    fitted_on = np.eye(4, dtype=np.float32)[np.random.default_rng(1).integers(0, 4, (10, 60))]
    method = entry.make(model, [0], lambda: fitted_on)
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, 60))]
    assert np.asarray(method(X).scores).shape == (3, 1, 60)


@pytest.fixture(scope="module")
def paper_like():
    from genolift.models.zoo import build

    return build("tal_gata", length=60, tasks=1, filters=4)
