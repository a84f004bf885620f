"""`genolift influence`, as a user types it."""

import numpy as np
import pandas as pd
import pytest
from cli_files import LENGTH, fasta, random_sequences

from genolift.influence.data import HeldSet
from genolift.influence.influence import Influence
from genolift.models.loading import load_model
from genolift.models.zoo import build
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.influence import job
from genolift.pipeline.influence.labels import FileSet, read_labels
from genolift.simulate.dataset import Dataset
from genolift.simulate.reading import load_dataset


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model of two tasks, a data set, and queries."""
    folder = tmp_path_factory.mktemp("influence")
    build("tal_gata", length=LENGTH, tasks=2, filters=4, width=5).save(folder / "model.keras")
    sequences = random_sequences(30)
    labels = np.random.default_rng(0).integers(0, 2, (30, 2)).astype(np.int8)
    splits = np.array(["train"] * 24 + ["valid"] * 3 + ["test"] * 3)
    Dataset(list(sequences), list(sequences.values()), labels, ["a", "b"], splits, []).save(folder / "data")
    fasta(folder / "queries.fa", dict(list(sequences.items())[27:]))
    return folder


@pytest.mark.slow
def test_a_data_set_and_queries(place, genolift, tmp_path):
    ask = ("influence", place / "model.keras", place / "data", place / "queries.fa", "--target", "b")
    ask += ("--out", tmp_path / "out", "--suspects", "--top", 4, "--pictures", 1)
    told = genolift(*ask)
    assert told.code == 0, told.err
    assert "24 training sequences, 3 queries, by " in told.out
    table = pd.read_csv(tmp_path / "out" / "influence.tsv", sep="\t")
    assert set(table["query"]) == {"s27", "s28", "s29"}
    assert set(table["training"]) <= {f"s{i}" for i in range(24)}  # the split "train" alone
    held = np.load(tmp_path / "out" / "scores.npz")
    assert held["scores"].shape == (3, 24)
    row = table.iloc[0]
    assert held["scores"][0].max() == pytest.approx(row["score"], rel=1e-5)
    labels = pd.read_csv(place / "data" / "dataset.tsv", sep="\t", index_col="name")
    assert labels.loc[row["training"], "b"] == row["label:b"]
    assert len(pd.read_csv(tmp_path / "out" / "suspects.tsv", sep="\t")) == 24
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"query1.png", "query1-shared.png"}
    assert "is already complete" in genolift(*ask).out
    told = genolift(*ask[:-1], 2)
    assert told.code == 2
    assert "holds another result: pictures is 1 there and 2 here" in told.err


def test_a_table_beside_a_fasta_file_and_a_loss(place, genolift, tmp_path):
    """Without a split all records are training sequences, in whatever order the table has them."""
    lines = (place / "data" / "dataset.tsv").read_text().splitlines()
    (tmp_path / "labels.tsv").write_text("".join(line.rpartition("\t")[0] + "\n" for line in [lines[0], *lines[:0:-1]]))
    given = (place / "data" / "sequences.fa", place / "queries.fa", "--labels", tmp_path / "labels.tsv")
    told = genolift("influence", place / "model.keras", *given, "--query-labels", tmp_path / "labels.tsv")
    assert told.code == 2  # no --out
    told = genolift(
        *("influence", place / "model.keras", *given, "--query-labels", tmp_path / "labels.tsv"),
        *("--out", tmp_path / "out", "--pictures", 0),
    )
    assert told.code == 0, told.err
    assert np.load(tmp_path / "out" / "scores.npz")["scores"].shape == (3, 30)


@pytest.mark.slow
def test_shared_motifs_bear_names(genolift, tmp_path):
    """All sequences hold one word, the network looks for it, and a file calls it by a name."""
    word, other = "TTGACGTAAC", "GCAGGCTCCA"
    rng = np.random.default_rng(1)
    texts = {}
    for number in range(30):
        letters = rng.choice(list("ACGT"), LENGTH)
        if number % 2:
            start = int(rng.integers(5, LENGTH - 15))
            letters[start : start + len(word)] = list(word)
        texts[f"s{number}"] = "".join(letters)
    model = build("tal_gata", length=LENGTH, tasks=1, filters=2, width=10)
    kernel = np.stack([-np.ones((4, len(word)))] * 2, -1).transpose(1, 0, 2) * 0.4
    kernel[np.arange(len(word)), ["ACGT".index(letter) for letter in word]] = 1.0
    model.get_layer("conv1").set_weights([kernel.astype(np.float32), np.full(2, -4.0, np.float32)])
    for name in ("conv2", "dense", "tasks"):
        layer = model.get_layer(name)
        layer.set_weights([np.full(layer.kernel.shape, 0.3, np.float32), np.zeros(layer.bias.shape, np.float32)])
    model.save(tmp_path / "model.keras")
    labels = np.array([[number % 2] for number in range(30)], np.int8)
    splits = np.array(["train"] * 26 + ["test"] * 4)
    Dataset(list(texts), list(texts.values()), labels, ["a"], splits, []).save(tmp_path / "data")
    fasta(tmp_path / "queries.fa", dict(list(texts.items())[27:28]))
    rows = [
        f">{name}\n" + "".join("\t".join("0.97" if b == letter else "0.01" for b in "ACGT") + "\n" for letter in text)
        for name, text in (("mine", word), ("no", other))
    ]
    (tmp_path / "motifs.txt").write_text("".join(rows))
    ask = ("influence", tmp_path / "model.keras", tmp_path / "data", tmp_path / "queries.fa", "--target", 0)
    ask += ("--method", "neighbours", "--motifs", tmp_path / "motifs.txt", "--motif-format", "homer")
    told = genolift(*ask, "--out", tmp_path / "out")
    assert told.code == 0, told.err
    table = pd.read_csv(tmp_path / "out" / "shared.tsv", sep="\t")
    assert len(table)
    assert list(table.columns[-4:]) == ["motif", "motif_strand", "motif_p", "motif_q"]
    whole = table[table["bases"] == word]
    assert len(whole)
    assert set(whole["motif"]) == {"mine"}
    assert set(whole["motif_strand"]) == {"+"}
    assert (whole["motif_q"] <= 0.05).all()
    again = genolift(*ask[:-2], "--motif-format", "jaspar", "--out", tmp_path / "other")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert not (tmp_path / "other").exists()


def test_an_interrupted_run_continues(place, genolift, tmp_path, monkeypatch):
    ask = ("influence", place / "model.keras", place / "data", place / "queries.fa", "--target", 0, "--pictures", 0)
    assert genolift(*ask, "--out", tmp_path / "whole").code == 0

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(job, "_write", interrupted)
        told = genolift(*ask, "--out", tmp_path / "out")
    assert (told.code, told.err.splitlines()[-1]) == (
        130,
        "genolift: interrupted; the same command continues where it stopped",
    )
    assert genolift(*ask, "--out", tmp_path / "out").code == 0
    whole, continued = (tmp_path / name for name in ("whole", "out"))
    assert (whole / "influence.tsv").read_bytes() == (continued / "influence.tsv").read_bytes()
    scores = [np.load(folder / "scores.npz")["scores"] for folder in (whole, continued)]
    np.testing.assert_array_equal(*scores)
    assert not (tmp_path / "out" / ".genolift-work").exists()


def test_mistakes_are_one_line(place, genolift, tmp_path):
    model, data, queries = place / "model.keras", place / "data", place / "queries.fa"
    out = ("--out", tmp_path / "out")
    lines = (data / "dataset.tsv").read_text().splitlines()

    def table(*changed):
        (tmp_path / "table.tsv").write_text("".join(f"{line}\n" for line in changed))
        return ("--labels", tmp_path / "table.tsv")

    first = lines[1].split("\t")[0]
    mistakes = {
        "nothing to find": (model, data),
        "there are the tasks a, b; choose one by --target": (model, data, queries),
        "there is no task 'c'": (model, data, queries, "--target", "c"),
        "genolift train --checkpoints DIR": (model, data, queries, "--target", 0, "--method", "tracin"),
        "has no option 'l2'": (model, data, queries, "--target", 0, "--method", "last-layer", "--l2", 1),
        "does not exist": (tmp_path / "none.keras", data, queries),
        "no dataset.tsv beside it; give its labels by --labels": (model, queries, queries),
        "give queries and pictures of at least 1": (model, data, "--suspects", "--motifs", queries),
    }
    for text, given in mistakes.items():
        told = genolift("influence", *given, *out)
        assert (told.code, text in told.err, told.err.count("\n")) == (2, True, 1), (text, told.err)
    for text, changed in {
        f"line 3: '{first}' has labels already": [*lines[:2], *lines[1:]],
        "'s0' has no labels": [lines[0], *lines[2:]],
        "'s99' is not in": [*lines, "s99\t0\t0\ttrain"],
        "line 2: label 'x' is not a finite number": [lines[0], "s0\tx\t0\ttrain"],
        "line 2: the line has 2 columns": [lines[0], "s0\t0"],
        "line 2: split 'no' is not": [lines[0], "s0\t0\t0\tno"],
        "the first line must be name": ["a\tb", "s0\t0"],
        "not all 0 or 1": [lines[0], "s0\t2\t0\ttrain", *lines[2:]],
        "holds no labels": [lines[0]],
        "have 1 label each": ["name\ta", *(f"s{i}\t0" for i in range(30))],
    }.items():
        told = genolift("influence", model, data, queries, "--target", 0, *table(*changed), *out)
        assert (told.code, text in told.err, told.err.count("\n")) == (2, True, 1), (text, told.err)
    assert not (tmp_path / "out").exists()


def test_a_streamed_file_gives_what_arrays_give(place, genolift, tmp_path):
    """Sequences of other splits between those that are taken, and blocks that begin anywhere."""
    dataset = load_dataset(place / "data")
    dataset.splits[[1, 2, 9]] = "valid"
    dataset.save(tmp_path / "data")
    kept = dataset.subset("train")
    reading = Reading(tmp_path / "data" / "sequences.fa")
    stream = FileSet(reading, reading.source(LENGTH), read_labels(tmp_path / "data" / "dataset.tsv"))
    held = HeldSet(kept.sequences, kept.labels, kept.names, kept.tasks)
    for size, first in ((4, 0), (5, 3), (100, 0), (3, 20)):
        for one, other in zip(stream.blocks(size, first), held.blocks(size, first), strict=True):
            assert one.start == other.start
            np.testing.assert_array_equal(one.X, other.X)
            np.testing.assert_array_equal(one.labels, other.labels)
    assert list(stream.names) == kept.names
    np.testing.assert_array_equal(stream.take(7), held.take(7))
    told = genolift(
        *("influence", place / "model.keras", tmp_path / "data", place / "queries.fa", "--target", "a"),
        *("--method", "neighbours", "--pictures", 0, "--out", tmp_path / "out"),
    )
    assert told.code == 0, told.err
    model = load_model(place / "model.keras")
    expected = Influence(model, held, method="neighbours", target="a")(dataset.sequences[27:]).scores
    np.testing.assert_allclose(np.load(tmp_path / "out" / "scores.npz")["scores"], expected, rtol=1e-5, atol=1e-7)
