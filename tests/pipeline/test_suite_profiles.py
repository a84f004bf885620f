"""The suite on profiles: which networks learn them, both targets against both truths, and who is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from genolift.cli.app import run as command
from genolift.pipeline.benchmark.comparing.suite import run_suite, suite
from genolift.pipeline.benchmark.networks import NETWORKS, network
from genolift.simulate.spec import load_spec
from genolift.support.errors import InputError

CONFIGURATION = """
name = "reads"
length = 40
background = [0.3, 0.2, 0.2, 0.3]
[motifs]
A = { kmers = ["GATAAGGCTC"] }
B = { kmers = ["CAGCTGTTGC"] }
[[groups]]
name = "g"
sequences = 400
embed = [
    { motif = "A", count = { distribution = "uniform", min = 0, max = 1 } },
    { motif = "B", count = { distribution = "uniform", min = 0, max = 1 } },
]
[labels.one]
positions = 30
base = 0.3
total = 60.0
profile = [{ at = "A", shape = "footprint", width = 12, spread = 1.5 }]
[labels.two]
positions = 30
base = 0.3
total = 40.0
profile = [{ at = "B", weight = "1 + A", spread = 2.0 }]
[splits]
valid = 0.2
test = 0.2
"""
NETWORK = """
import keras

def build_profile(length, tasks, positions):
    x = sequence = keras.Input((length, 4))
    x = keras.layers.Conv1D(16, 10, padding="same", activation="relu")(x)
    lost = length - positions
    profile = keras.layers.Conv1D(tasks, 15, padding="same")(x)
    profile = keras.layers.Cropping1D((lost // 2, lost - lost // 2), name="profile")(profile)
    counts = keras.layers.Dense(tasks, name="counts")(keras.layers.GlobalMaxPooling1D()(x))
    return keras.Model(sequence, [profile, counts])
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "reads.toml").write_text(CONFIGURATION)
    (folder / "mine.py").write_text(NETWORK)
    return folder


@pytest.fixture(scope="module")
def done(place):
    out = place / "out"
    networks = [str(place / "mine.py"), "dilated"]
    job = suite([str(place / "reads.toml")], networks, ["deeplift-rescale"], 1, explained=20, epochs=20)
    assert not run_suite(job, out, progress=False)
    return out


@pytest.mark.slow
def test_counts_and_profiles_are_judged(done):
    table = pd.read_csv(done / "results.csv")
    assert set(table.network) == {"mine"}
    assert set(table.task) == {"one", "two", "(profile of all)"}
    assert set(table.truth) == {"label", "network"}
    found = table[table.metric == "auroc"].set_index(["method", "task", "truth"]).value
    assert found["deeplift-rescale", "one", "network"] > 0.55
    assert found["deeplift-rescale", "(profile of all)", "label"] > 0.55
    trained = pd.read_csv(done / "networks.csv").set_index(["task", "metric"]).value
    assert trained["one", "pearson"] > 0.1
    assert trained["two", "jsd"] < trained["two", "jsd_mean_profile"]


@pytest.mark.slow
def test_who_does_not_fit_is_told(done):
    refused = pd.read_csv(done / "refused.csv")
    unfit = refused[refused.method == "(training)"]
    assert unfit[["simulation", "network", "seed"]].to_numpy().tolist() == [["reads", "dilated", 0]]
    assert unfit.reason.item() == "the labels are profiles, and dilated predicts one number for each task"
    assert "cannot learn the labels" in (done / "index.html").read_text()


def test_a_suite_in_which_nobody_fits_is_refused(place, tmp_path):
    with pytest.raises(InputError, match="reads: no network of the suite can learn it: the labels are profiles"):
        run_suite(suite([str(place / "reads.toml")], ["dilated"], ["ism"], seeds=1), tmp_path / "out")
    with pytest.raises(InputError, match="the labels are 0 or 1, and bpnet predicts a profile and its counts"):
        run_suite(suite(["tal_gata"], ["bpnet"], ["ism"], seeds=1), tmp_path / "out")
    (tmp_path / "plain.py").write_text("def build(length, tasks, output): pass")
    with pytest.raises(InputError, match="plain defines no build_profile"):
        run_suite(suite([str(place / "reads.toml")], [str(tmp_path / "plain.py")], ["ism"], seeds=1), tmp_path / "out")


def test_every_simulation_of_the_suite_has_its_networks():
    for name in ("profile", "tal_gata", "density"):
        kind = load_spec(name).kind
        fitting = {one for one, each in NETWORKS.items() if each.misfit(kind) is None}
        assert fitting == ({"bpnet"} if name == "profile" else {"tal_gata", "basset", "dilated", "transformer"})
    built = network("bpnet").build(250, 1, "profile", 0, positions=100)
    assert [tuple(output.shape) for output in built.outputs] == [(None, 100, 1), (None, 1)]


def run(capsys, *words):
    """The exit code and all that the command said."""
    code = command([str(word) for word in words])
    return code, "".join(capsys.readouterr())


def test_the_commands(place, tmp_path, capsys):
    """Data are drawn, told to be there, and trained on; the paper's figures are refused."""
    spec = place / "reads.toml"
    data = tmp_path / "data"
    assert run(capsys, "simulate", spec, "--out", data, "--sequences", 60)[0] == 0
    assert (data / "profiles.npz").is_file()
    assert "already complete" in run(capsys, "simulate", spec, "--out", data, "--sequences", 60)[1]
    (data / "profiles.npz").unlink()
    again = run(capsys, "simulate", spec, "--out", data, "--sequences", 60)
    assert again[0] == 0
    assert "already complete" not in again[1]
    assert (data / "profiles.npz").is_file()
    code, told = run(capsys, "train", spec, "--data", data, "--out", tmp_path / "m.keras", "--network", "dilated")
    assert code == 2
    assert "train bpnet" in told
    code, told = run(capsys, "benchmark", spec, "--out", tmp_path / "b")
    assert code == 2
    assert "these are profiles" in told


@pytest.mark.slow
def test_bpnet_is_trained_by_the_command(tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "m.keras"
    assert run(capsys, "simulate", "profile", "--out", data, "--sequences", 100)[0] == 0
    code, told = run(capsys, "train", "profile", "--data", data, "--out", out, "--network", "bpnet", "--epochs", 1)
    assert code == 0, told
    assert "jsd" in told
    record = json.loads((tmp_path / "m.keras.json").read_text())
    assert np.isfinite(record["recipe"]["counts_weight"])
