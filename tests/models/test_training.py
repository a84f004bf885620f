"""Training on data small enough to learn in seconds: determinism, early stopping, the record, and
refusals."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

from genolift.models.metrics import class_metrics
from genolift.models.recipe.hyperparameters import HYPERPARAMETERS
from genolift.models.training import train
from genolift.models.zoo import build
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.seeds import stream
from genolift.support.tensorflow import quiet_tensorflow

QUICK = {"epochs": 3, "batch_size": 16, "progress": False}


@dataclass
class Data:
    """What training reads of a data set."""

    sequences: list
    labels: np.ndarray
    tasks: list
    splits: np.ndarray


def data(n=96, length=30, seed=0):
    """Task "GG-rich": sequences of mostly G against mostly A; task "first": the first base is C."""
    random = stream(seed, "training data")
    labels = np.stack([np.arange(n) % 2, np.arange(n) // 2 % 2], axis=1)
    sequences = []
    for rich, first in labels:
        bases = random.choice(list("ACGT"), size=length, p=[0.1, 0.1, 0.7, 0.1] if rich else [0.7, 0.1, 0.1, 0.1])
        sequences.append("".join(["C" if first else "T", *bases[1:]]))
    splits = np.array(["train", "train", "train", "train", "valid", "test"])[np.arange(n) // 4 % 6]
    return Data(sequences, labels, ["GG-rich", "first"], splits)


def tiny(outputs=2, activation="sigmoid", dropout=0.5, length=30, seed=None):
    quiet_tensorflow()
    import keras

    start = keras.initializers.GlorotUniform(seed=1)
    return keras.Sequential(
        [
            keras.Input((length, 4)),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dropout(dropout, seed=seed),
            keras.layers.Dense(outputs, activation=activation, kernel_initializer=start),
        ]
    )


@pytest.fixture(scope="module")
def trained():
    return train("tal_gata", data(), seed=1, epochs=6, batch_size=8, learning_rate=0.01, progress=False)


def test_it_learns(trained):
    _, record = trained
    assert record["metrics"]["GG-rich"]["auroc"] == 1.0
    assert record["history"][-1]["loss"] < 0.8 * record["history"][0]["loss"]


def test_the_record_says_everything_and_is_json(trained):
    model, record = trained
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["architecture"] == "tal_gata"
    assert record["model"]["parameters"] == sum(weight.size for weight in model.get_weights())
    assert record["seed"] == 1
    assert {key: record["recipe"][key] for key in ("epochs", "batch_size", "patience", "learning_rate")} == {
        "epochs": 6,
        "batch_size": 8,
        "patience": HYPERPARAMETERS["tal_gata"].patience,
        "learning_rate": 0.01,
    }
    assert record["data"] == {
        "length": 30,
        "tasks": ["GG-rich", "first"],
        "sequences": {"train": 64, "valid": 16, "test": 16},
    }
    assert [row["epoch"] for row in record["history"]] == list(range(1, 7))
    assert {"genolift", "keras", "tensorflow", "numpy", "scikit-learn", "python"} <= set(record["versions"])
    assert record["seconds"] > 0
    assert record["notes"] == []


def test_metrics_are_those_of_the_returned_model_on_the_test_split():
    dataset = data()
    test = dataset.splits == "test"
    dataset.labels[test, 0] = np.arange(test.sum()) % 3 == 0  # nothing that can be learned
    model, record = train(tiny(), dataset, learning_rate=0.1, **QUICK)
    inputs = one_hot([s for s, chosen in zip(dataset.sequences, test, strict=True) if chosen])
    expected = class_metrics(dataset.labels[test], np.asarray(model(inputs)), dataset.tasks)
    assert record["metrics"]["GG-rich"]["positives"] == 6
    for task in dataset.tasks:
        assert record["metrics"][task] == pytest.approx(expected[task], abs=1e-6)


@pytest.mark.slow
def test_the_same_call_gives_the_same_weights():
    quick = {**QUICK, "epochs": 1}
    one, other, reseeded = (train("tal_gata", data(), seed=seed, **quick)[0].get_weights() for seed in (3, 3, 4))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], reseeded[0])


@pytest.mark.slow
def test_a_given_model_is_trained_in_place_and_its_dropout_follows_the_seed():
    def weights(layer_seed, seed):
        model = tiny(seed=layer_seed)
        assert train(model, data(), seed=seed, **QUICK)[0] is model
        return model.get_weights()[0]

    np.testing.assert_array_equal(weights(None, 1), weights(7, 1))
    assert not np.array_equal(weights(None, 1), weights(None, 2))


def test_best_weights_are_restored_when_the_validation_loss_rises():
    dataset = data()
    valid = dataset.splits == "valid"
    dataset.labels[valid] = 1 - dataset.labels[valid]  # the better the fit, the worse on "valid"
    model, record = train(tiny(dropout=0.0), dataset, epochs=30, patience=2, learning_rate=0.1, progress=False)
    assert record["stopped_early"]
    assert len(record["history"]) == record["best_epoch"] + 2 < 30
    p = np.asarray(model(one_hot([s for s, v in zip(dataset.sequences, valid, strict=True) if v])))
    y = dataset.labels[valid]
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    losses = [row["valid_loss"] for row in record["history"]]
    assert loss == pytest.approx(min(losses), rel=1e-4)  # float32 mean
    assert min(losses) < losses[-1]


def test_progress_counts_batches_and_is_silent_when_asked(capfd):
    train(tiny(), data(), epochs=2, batch_size=16, progress=True)
    shown = capfd.readouterr()
    assert re.search(r"8/8 .*epoch=2/2", shown.err)
    train(tiny(), data(), **QUICK)
    silent = capfd.readouterr()
    assert shown.out == silent.out == silent.err == ""


def test_the_learning_rate_climbs_and_falls():
    model, _ = train(tiny(), data(), epochs=10, batch_size=8, learning_rate=0.5, progress=False)
    optimizer = model.optimizer
    rates = []
    for step in range(81):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == pytest.approx(0.5) == pytest.approx(rates[8])
    assert rates[80] == pytest.approx(0.005)


def test_a_task_with_one_class_is_said_so():
    dataset = data()
    dataset.labels[:, 1] = 0
    with pytest.warns(GenoliftWarning, match="task 'first'"):
        _, record = train(tiny(), dataset, **QUICK)
    assert record["metrics"]["first"]["auroc"] is None
    assert record["metrics"]["GG-rich"]["auroc"] is not None
    assert any("only label 0 in the split 'train'" in note for note in record["notes"])
    json.dumps(record, allow_nan=False)


def test_without_a_test_split_there_are_no_metrics():
    dataset = data()
    dataset.splits[dataset.splits == "test"] = "train"
    with pytest.warns(GenoliftWarning, match="no metrics"):
        _, record = train(tiny(), dataset, **QUICK)
    assert record["metrics"] is None


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_missing_split_is_an_error(split):
    dataset = data()
    dataset.splits[dataset.splits == split] = "test"
    with pytest.raises(InputError, match=f"no sequence of the data set is in the split '{split}'"):
        train("tal_gata", dataset, **QUICK)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"labels": np.full((96, 2), 2)}, "0 or 1"),
        ({"labels": np.zeros((96, 3))}, "labels have shape"),
        ({"sequences": ["ACGT", *data().sequences[1:]]}, "sequence 1 has 30 bases"),
        ({"splits": np.array(["train"] * 95 + ["val"])}, "its splits are train, val"),
    ],
)
def test_data_that_cannot_be_trained_on(change, complaint):
    dataset = data()
    for name, value in change.items():
        setattr(dataset, name, value)
    with pytest.raises(InputError, match=complaint):
        train("tal_gata", dataset, **QUICK)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (lambda: "bpnet", "profiles and counts"),
        (lambda: tiny(outputs=3), "2 tasks need"),
        (lambda: tiny(activation="linear"), "not a sigmoid"),
        (lambda: tiny(length=31), r"the sequences are \(N, 30, 4\)"),
        (lambda: build("bpnet", length=1200), "one output"),
        (lambda: object(), "a Keras 3 model, not a builtins.object"),
    ],
)
def test_models_that_do_not_fit(model, complaint):
    with pytest.raises(UnsupportedModel, match=complaint):
        train(model(), data(), **QUICK)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 2.5},
        {"patience": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
    ],
)
def test_impossible_settings(options):
    with pytest.raises(InputError, match=next(iter(options))):
        train("tal_gata", data(), progress=False, **options)


def test_divergence_is_an_error():
    with pytest.raises(InputError, match="diverged"):
        train(tiny(), data(), learning_rate=1e38, epochs=5, progress=False)
