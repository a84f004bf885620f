"""`genolift judge` as it is typed."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cli_files import LENGTH, fasta, random_sequences

from genolift.cli.app import run
from genolift.evaluate.sanity.catalog import METRICS
from genolift.models.zoo import build
from genolift.pipeline.judging import judge as job
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError

COLUMNS = [
    *("store", "method", "references", "metric", "value", "low", "high", "n", "seconds"),
    *("against", "better", "cannot_tell"),
]


def explain(model, sequences, out, *options):
    options = options or ("--target", "0", "--references", "shuffled:3")
    assert run([str(one) for one in ("explain", model, sequences, *options, "--out", out)]) == 0
    return out


@pytest.fixture(scope="module")
def judged(files, tmp_path_factory):
    """Stores of two methods and of two networks, for forty sequences."""
    folder = tmp_path_factory.mktemp("judged")
    other = folder / "other.keras"
    build("tal_gata", seed=1, length=LENGTH, filters=4, width=5).save(other)
    sequences = fasta(folder / "forty.fa", random_sequences(40))
    found = SimpleNamespace(folder=folder, model=files.model, other=other, fasta=sequences)
    found.deeplift = explain(files.model, sequences, folder / "deeplift.zarr")
    found.gradients = explain(
        files.model, sequences, folder / "gradients.zarr", "--target", "1", "0", "--method", "gradient-x-input"
    )
    found.seed = explain(other, sequences, folder / "seed.zarr")
    return found


@pytest.mark.slow
def test_two_methods_are_judged(judged, genolift, tmp_path):
    out = tmp_path / "judge.tsv"
    command = ("judge", judged.deeplift, judged.gradients, "--model", judged.model, "--target", "0", "--out", out)
    told = genolift(*command)
    assert told.code == 0, told.err
    table = pd.read_csv(out, sep="\t", keep_default_na=False, na_values="NA")
    assert list(table.columns) == COLUMNS
    means = table[table.against == ""]
    everywhere = set(METRICS) - {"agreement", "random-labels"}
    assert set(means[means.store == "deeplift.zarr"].metric) == everywhere
    assert set(means[means.store == "gradients.zarr"].metric) == everywhere - {"residual"}
    assert set(means.references) == {"shuffled n=3 k=2", "zeros"}
    some = means[~means.low.isna()]
    assert ((some.low <= some.value) & (some.value <= some.high)).all()
    assert set(means[~means.metric.isin(["robustness"])].n) == {40}
    for row in table.itertuples():
        assert (row.better, row.cannot_tell) == (METRICS[row.metric].better, METRICS[row.metric].cannot_tell)
        assert METRICS[row.metric].cannot_tell in told.out

    differences = table[(table.against == "gradients.zarr") & (table.metric != "agreement")]
    assert set(differences.metric) == everywhere - {"residual"}
    by_name = means.set_index(["store", "metric"]).value
    for row in differences[differences.metric != "robustness"].itertuples():
        pair = by_name["deeplift.zarr", row.metric] - by_name["gradients.zarr", row.metric]
        assert row.value == pytest.approx(pair, abs=2e-3 * abs(by_name["deeplift.zarr", row.metric]) + 1e-9)
        assert (f"Under {row.metric}, " in told.out) == METRICS[row.metric].ranks
    scores = [np.asarray(Explanation.load(judged.deeplift).scores)]
    scores.append(np.asarray(Explanation.load(judged.gradients).for_target(0).scores))
    agreement = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*scores, strict=True)])
    assert table.set_index("metric").value["agreement"] == pytest.approx(agreement, abs=1e-3)
    assert "residual is not defined for gradients.zarr: the method does not promise" in told.out + told.err

    again = genolift(*command)
    assert again.code == 0
    assert f"{out} is already complete" in again.out
    assert again.out.splitlines()[:-1] == told.out.splitlines()[:-1]
    assert genolift(*command, "--seed", "1").err.count("seed is 0 there and 1 here") == 1


def test_an_interrupted_table_is_continued_to_the_same_bytes(judged, genolift, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "_BLOCK", 16)
    metrics = ("--metrics", "deletion,complexity")

    def judge(out):
        return genolift("judge", judged.deeplift, "--model", judged.model, *metrics, "--out", out)

    def values(out):
        return pd.read_csv(out, sep="\t").drop(columns="seconds")

    whole, broken = tmp_path / "whole.tsv", tmp_path / "broken.tsv"
    assert judge(whole).code == 0
    own = job._Work.lines

    def interrupted(work, block):
        if block == 1:
            raise KeyboardInterrupt
        return own(work, block)

    with monkeypatch.context() as patch:
        patch.setattr(job._Work, "lines", interrupted)
        told = judge(broken)
    assert (told.code, broken.exists()) == (130, False)
    assert "the same command continues" in told.err
    computed = []
    with monkeypatch.context() as patch:
        patch.setattr(job._Work, "lines", lambda work, block: computed.append(block) or own(work, block))
        told = judge(broken)
    assert told.code == 0
    assert computed == [1, 2]
    assert "continuing: 1 of 3 blocks are done" in told.err
    pd.testing.assert_frame_equal(values(whole), values(broken))


def test_stores_of_two_networks_agree_or_not_and_are_not_ranked(judged, genolift, tmp_path):
    out = tmp_path / "seeds.tsv"
    models = ("--model", judged.other, "--model", judged.model)
    told = genolift(
        "judge", judged.deeplift, judged.seed, *models, "--metrics", "agreement,complexity,deletion", "--out", out
    )
    assert told.code == 0, told.err
    assert "deeplift.zarr and seed.zarr" in told.out
    assert "Under " not in told.out  # their outputs have other ranges
    assert len(pd.read_csv(out, sep="\t")) == 5


def test_a_network_of_random_labels_is_compared(judged, genolift, tmp_path):
    out = tmp_path / "labels.tsv"
    command = ("judge", judged.deeplift, "--model", judged.model, "--random-labels", judged.other)
    assert genolift(*command, "--metrics", "random-labels", "--out", out).code == 0
    value = pd.read_csv(out, sep="\t").value[0]
    pair = [np.asarray(Explanation.load(store).scores) for store in (judged.deeplift, judged.seed)]
    expected = np.mean([abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(*pair, strict=True)])
    assert value == pytest.approx(expected, abs=1e-3)


def test_repeated_sequences_count_once_and_fewer_are_drawn(judged, genolift, tmp_path):
    sequences = random_sequences(10)
    twice = fasta(tmp_path / "twice.fa", sequences | {f"again{i}": text for i, text in enumerate(sequences.values())})
    store = explain(judged.model, twice, tmp_path / "twice.zarr")
    command = ("judge", store, "--model", judged.model, "--metrics", "complexity", "--out")
    assert genolift(*command, tmp_path / "all.tsv").code == 0
    assert pd.read_csv(tmp_path / "all.tsv", sep="\t").n[0] == 10
    assert genolift(*command, tmp_path / "few.tsv", "--sequences", "5").code == 0
    assert pd.read_csv(tmp_path / "few.tsv", sep="\t").n[0] <= 5


@pytest.mark.slow
def test_sequences_of_several_lengths_and_folds_and_merged_stores(files, judged, genolift, tmp_path):
    lengths = {f"{n}{i}": text for n in (40, 60) for i, text in enumerate(random_sequences(4, n, n).values())}
    fold = tmp_path / "fold.keras"
    build("tal_gata", seed=2, length=None, filters=4, width=5).save(fold)
    folds = ("--fold", fold)
    shards = []
    for k in range(2):
        part = fasta(tmp_path / f"{k}.fa", dict(list(lengths.items())[k::2]))
        options = ("--target", "0", "--references", "shuffled:2", "--seed", "3", *folds)
        shards.append(explain(files.any_length, part, tmp_path / f"{k}.zarr", *options))
    merged = tmp_path / "merged.zarr"
    assert genolift("merge", *shards, "--out", merged).code == 0
    out = tmp_path / "t.tsv"
    names = "deletion,continuity,efficient-mprt,residual"
    told = genolift("judge", merged, "--model", files.any_length, *folds, "--metrics", names, "--out", out)
    assert told.code == 0, told.err
    table = pd.read_csv(out, sep="\t")
    assert list(table.n) == [8] * 4
    assert "fewer than 30 sequences cannot hold their level: deletion of merged.zarr (8), continuity" in told.err
    assert np.isfinite(table.value).all()


@pytest.mark.slow
def test_what_cannot_be_judged_is_one_line(files, judged, genolift, tmp_path):
    saved = tmp_path / "python.zarr"
    Explanation({"inputs": np.eye(4)[None, [0, 1]], "raw_contributions": np.zeros((1, 2, 4))}).save(saved)
    both = tmp_path / "both.zarr"
    parts = {name: np.eye(4)[None, [0, 1]] for name in ("dna", "rna")}
    Explanation({"inputs": parts, "raw_contributions": parts}).save(both)
    twelve = explain(files.model, files.fasta, tmp_path / "twelve.zarr")
    renamed = {f"r{i}": text for i, text in enumerate(random_sequences(40).values())}
    names = explain(files.model, fasta(tmp_path / "names.fa", renamed), tmp_path / "names.zarr")
    bases = explain(files.model, fasta(tmp_path / "b.fa", random_sequences(40, seed=1)), tmp_path / "bases.zarr")
    target = explain(files.model, judged.fasta, tmp_path / "t.zarr", "--target", "1", "--references", "shuffled:3")
    model = ("--model", files.model)
    for arguments, words in (
        ((judged.deeplift, "--model", judged.other), "was made with another model than"),
        ((judged.deeplift, "--model", tmp_path / "no.keras"), "does not exist"),
        ((judged.deeplift, *model, "--model", judged.other), "has made none of the stores"),
        ((judged.deeplift, twelve, *model), "has 12 sequences"),
        ((judged.deeplift, names, *model), "has other sequences"),
        ((judged.deeplift, bases, *model), "has other bases for 's"),
        ((judged.deeplift, target, *model), "explains the target 1"),
        ((judged.deeplift, judged.deeplift, *model), "is given twice"),
        ((judged.gradients, *model), "several targets were explained"),
        ((both, *model), "explains a model of several inputs"),
        ((saved, *model), "does not say which model made it"),
        ((judged.deeplift, *model, "--metrics", "delition"), "did you mean deletion?"),
        ((judged.deeplift, *model, "--metrics", "agreement"), "give two stores or more"),
        ((judged.deeplift, *model, "--metrics", "random-labels"), "give one by --random-labels"),
        ((judged.deeplift, *model, "--memory", "much"), "is not a size"),
    ):
        told = genolift("judge", *arguments, "--out", tmp_path / "no.tsv")
        assert (told.code, told.out) == (2, ""), arguments
        assert words in told.err
        assert len(told.err.strip().splitlines()) == 1
    assert not (tmp_path / "no.tsv").exists()


def test_a_model_that_does_not_predict_what_the_store_says_is_refused(judged, tmp_path, monkeypatch):
    """A digest does not tell how a model is read: with other layers or in another layout it is another model."""
    from genolift.pipeline.common.modelfile import ModelFile

    monkeypatch.setattr(ModelFile, "describe", lambda file: Explanation.load(judged.deeplift).provenance["model"])
    wrong = job.Judging((judged.deeplift,), (ModelFile(judged.other),), tmp_path / "no.tsv", ("deletion",))
    with pytest.raises(InputError, match="it is not the model that made the store"):
        job.judge(wrong)


def test_help_names_every_metric(genolift):
    words = " ".join(genolift("judge", "--help").out.replace(",", " ").split())
    for name, metric in METRICS.items():
        assert f" {name} " in words or f" {name}. " in words
        if metric.most is not None:
            assert f"take {metric.most} of the sequences" in words


def test_the_record_says_how_the_table_was_made(judged, genolift, tmp_path):
    out = tmp_path / "t.tsv"
    genolift("judge", judged.deeplift, "--model", judged.model, "--metrics", "complexity", "--out", out)
    record = json.loads((tmp_path / "t.tsv.json").read_text())
    assert record["request"]["metrics"] == ["complexity"]
    assert record["request"]["models"][0]["sha256"]
    assert record["command_line"].startswith("genolift judge")


def test_the_rounding_of_one_store_is_no_merit_over_that_of_another(judged, genolift, tmp_path):
    options = ("--target", "0", "--references", "shuffled:3", "--rule", "rescale")
    rescale = explain(judged.model, judged.fasta, tmp_path / "rescale.zarr", *options)
    command = ("judge", judged.deeplift, rescale, "--model", judged.model, "--metrics", "residual,complexity")
    told = genolift(*command, "--out", tmp_path / "t.tsv")
    assert told.code == 0, told.err
    assert "Under complexity, " in told.out
    assert "Under residual, " not in told.out
    assert len(pd.read_csv(tmp_path / "t.tsv", sep="\t")) == 6


def test_a_saved_model_has_no_weights_to_shuffle_and_a_mean_of_strands_is_consistent(judged, genolift, tmp_path):
    saved = tmp_path / "saved"
    build("tal_gata", length=LENGTH, filters=4, width=5).export(saved, verbose=False)
    options = ("--target", "0", "--method", "gradient-x-input", "--rc-average")
    store = explain(saved, judged.fasta, tmp_path / "s.zarr", *options)
    names = "smooth-mprt,efficient-mprt,reverse-complement"
    told = genolift("judge", store, "--model", saved, "--metrics", names, "--out", tmp_path / "t.tsv")
    assert told.code == 0, told.err
    table = pd.read_csv(tmp_path / "t.tsv", sep="\t")
    assert list(table.metric) == ["reverse-complement"]
    assert table.value[0] == pytest.approx(1, abs=1e-4)
    assert told.err.count("is not defined for s.zarr: the weights of the model cannot be changed") == 2
