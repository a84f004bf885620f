"""Training on profiles: the loss and the metrics against independent ones, what is learnt, and what is refused."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import multinomial

from genolift.models.objectives import objective_of
from genolift.models.profiles.heads import heads_of
from genolift.models.profiles.loss import counts_weight, profile_loss
from genolift.models.profiles.metrics import profile_metrics
from genolift.models.training import train
from genolift.models.zoo import build
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import parse_spec
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402


def drawn(n=600, length=30, positions=24, tasks=1):
    reads = {"profile": [{"at": "A", "spread": 1.5}], "base": 0.3, "total": 60.0, "positions": positions}
    table = {
        "name": "t",
        "length": length,
        "background": [0.3, 0.2, 0.2, 0.3],
        "motifs": {"A": {"kmers": ["GATAAGGC"]}},
        "groups": [{"name": "g", "sequences": n, "embed": [
            {"motif": "A", "count": {"distribution": "uniform", "min": 0, "max": 1}}]}],
        "labels": {f"reads{t}": reads for t in range(tasks)},
        "splits": {"valid": 0.15, "test": 0.15},
    }  # fmt: skip
    return simulate(parse_spec(table))


def two_headed(length=30, tasks=1, positions=24, counts_first=False, activation="linear"):
    keras.utils.set_random_seed(1)
    x = sequence = keras.Input((length, 4))
    x = keras.layers.Conv1D(8, 8, padding="same", activation="relu")(x)
    lost = length - positions
    profile = keras.layers.Conv1D(tasks, 5, padding="same")(x)
    profile = keras.layers.Cropping1D((lost // 2, lost - lost // 2), name="where")(profile)
    counts = keras.layers.Dense(tasks, activation=activation, name="many")(keras.layers.GlobalMaxPooling1D()(x))
    return keras.Model(sequence, [counts, profile] if counts_first else [profile, counts])


def test_the_loss_is_the_multinomial_likelihood_but_for_a_constant():
    random = np.random.default_rng(0)
    reads = random.poisson(2.0, (5, 7, 2))
    losses = []
    for _ in range(2):
        logits = random.normal(size=reads.shape).astype(np.float32)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        exact = [
            -sum(multinomial.logpmf(row[:, t], row[:, t].sum(), q[:, t].astype(float) / q[:, t].sum(dtype=float))
                 for t in range(2)) for row, q in zip(reads, p, strict=True)
        ]  # fmt: skip
        losses.append((np.asarray(profile_loss(reads, logits)), np.array(exact)))
    (a, exact_a), (b, exact_b) = losses
    np.testing.assert_allclose(a - b, exact_a - exact_b, rtol=1e-4)


def test_the_weight_of_counts_is_a_tenth_of_their_median():
    reads = np.array([10, 30, 500])[:, None, None] * np.ones((1, 2, 1))
    assert counts_weight(reads) == pytest.approx(6.0)
    assert counts_weight(0 * reads) == pytest.approx(0.1)


def test_metrics_by_scipy():
    random = np.random.default_rng(0)
    reads, logits = random.poisson(1.0, (6, 9, 2)), random.normal(size=(6, 9, 2))
    reads[0, :, 0] = 0
    counts = np.log1p(reads.sum(axis=1))
    found = profile_metrics(reads, logits, counts, ["a", "b"])
    for t, task in enumerate(found):
        some = [i for i in range(6) if reads[i, :, t].sum()]
        expected = [jensenshannon(reads[i, :, t], np.exp(logits[i, :, t]), 2) for i in some]
        assert found[task]["jsd"] == pytest.approx(np.mean(expected))
        mean = reads[:, :, t].sum(axis=0)
        assert found[task]["jsd_mean_profile"] == pytest.approx(
            np.mean([jensenshannon(reads[i, :, t], mean, 2) for i in some]))  # fmt: skip
        assert found[task]["pearson"] == pytest.approx(1)
    none = profile_metrics(0 * reads, logits, counts, ["a", "b"])["a"]
    assert none["jsd"] is None
    assert none["note"]
    json.dumps(none, allow_nan=False)


@pytest.mark.parametrize("counts_first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_where_and_how_many_are_learnt(counts_first):
    dataset = drawn()
    model, record = train(two_headed(counts_first=counts_first), dataset, epochs=12, learning_rate=0.03, progress=False)
    metrics = record["metrics"]["reads0"]
    assert metrics["pearson"] > 0.8
    assert metrics["jsd"] < metrics["jsd_mean_profile"] - 0.1
    assert record["recipe"]["counts_weight"] == counts_weight(dataset.profiles[dataset.splits == "train"])
    json.dumps(record, allow_nan=False)
    heads = heads_of(model, 1, 24)
    assert (heads.profile, heads.counts) == ((1, 0) if counts_first else (0, 1))
    # What is reported is what the returned model predicts, by hand.
    test = dataset.subset("test")
    where, many = heads.told_apart(model(test.one_hot()))
    assert record["metrics"]["reads0"] == pytest.approx(
        profile_metrics(test.profiles, where, many, ["reads0"])["reads0"], rel=1e-4)  # fmt: skip


@pytest.mark.slow
def test_bpnet_fits_itself_to_the_data():
    dataset = drawn(n=40, length=120, positions=20, tasks=2)
    model, record = train("bpnet", dataset, epochs=1, progress=False)
    assert model.get_layer("profile").output.shape == (None, 20, 2)
    assert set(record["metrics"]) == {"reads0", "reads1"}


def test_bpnet_takes_as_many_dilations_as_fit():
    def dilations(length, positions):
        model = build("bpnet", length=length, dilations=None, positions=positions, filters=2)
        assert model.output_shape[0] == (None, positions, 1)
        return sum(layer.name.startswith("dilated") for layer in model.layers)

    assert dilations(250, 100) == 3
    assert dilations(2114, 1000) == 8
    assert dilations(99, 1) == 1
    with pytest.raises(InputError, match="100 is the shortest"):
        build("bpnet", length=99, dilations=None, positions=2)
    assert [tuple(output.shape) for output in build("bpnet").outputs] == [(None, 1000, 1), (None, 1)]


def test_the_middle_of_bpnet_lies_where_the_reads_are_counted():
    """A base is seen by as many positions of the profile on either side of the middle."""
    model = build("bpnet", length=121, dilations=1, positions=15, filters=2, seed=3)
    X = np.eye(4, dtype=np.float32)[np.zeros((1, 121), int)]
    wide = build("bpnet", length=121, dilations=1, filters=2, seed=3)
    np.testing.assert_allclose(model(X)[0], np.asarray(wide(X)[0])[:, 4:19], rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: "dilated", "predicts one number for each task; train bpnet"),
        (lambda: build("dilated", length=30), r"those of 'dilated' are \(None, 1\); train the architecture bpnet"),
        (lambda: two_headed(positions=20), r"the data need logits \(None, 24, 1\)"),
        (lambda: two_headed(tasks=2), r"the data need logits \(None, 24, 1\)"),
        (lambda: two_headed(activation="sigmoid"), "output 'many' .* ends in a sigmoid"),
    ],
)
def test_models_that_do_not_fit_profiles(model, words):
    with pytest.raises(UnsupportedModel, match=words):
        train(model(), drawn(n=60), progress=False)


def test_data_without_reads():
    dataset = drawn(n=60)
    dataset.profiles = None
    with pytest.raises(InputError, match="the reads of each sequence"):
        objective_of(dataset)
    dataset.profiles = np.zeros((60, 24))
    with pytest.raises(InputError, match=r"profiles have shape \(60, 24\)"):
        objective_of(dataset)
    with pytest.raises(UnsupportedModel, match="predicts profiles and counts; train one of tal_gata"):
        train("bpnet", simulate("tal_gata", n=40), progress=False)
