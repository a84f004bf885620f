"""Training for real values and for classes, and how such networks are judged."""

import numpy as np
import pytest

from genolift.models.metrics import value_metrics
from genolift.models.objectives import objective_of
from genolift.models.training import train
from genolift.models.zoo import ARCHITECTURES, build
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import parse_spec
from genolift.support.errors import InputError, UnsupportedModel

COUNT = {"distribution": "uniform", "min": 0, "max": 2}


def drawn(labels, n=1000):
    table = {
        "name": "t",
        "length": 40,
        "background": [0.3, 0.2, 0.2, 0.3],
        "motifs": {"A": {"kmers": ["GATAAGGC"]}},
        "groups": [{"name": "g", "sequences": n, "embed": [{"motif": "A", "count": COUNT}]}],
        "labels": labels,
        "splits": {"valid": 100, "test": 100},
    }
    return simulate(parse_spec(table))


@pytest.mark.slow
def test_a_real_value_is_learnt():
    model, record = train("tal_gata", drawn({"y": {"value": "A"}}), epochs=12, learning_rate=0.01, progress=False)
    assert model.layers[-1].activation.__name__ == "linear"
    assert record["recipe"]["loss"] == "mean squared error"
    assert record["metrics"]["y"]["pearson"] > 0.9


@pytest.mark.slow
def test_classes_are_learnt():
    classes = {"none": "A == 0", "one": "A == 1", "two": "A == 2"}
    model, record = train("tal_gata", drawn({"k": {"classes": classes}}), epochs=6, learning_rate=0.01, progress=False)
    assert model.layers[-1].activation.__name__ == "softmax"
    assert list(record["metrics"]) == list(classes)
    assert record["metrics"]["none"]["auroc"] > 0.95


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "bpnet"])
def test_every_architecture_can_end_so(name):
    for output in ("sigmoid", "softmax", "linear"):
        model = build(name, length=60, tasks=3, output=output, **({"filters": 8} if name == "basset" else {}))
        assert model.layers[-1].activation.__name__ == output
        assert model.output_shape == (None, 3)
    with pytest.raises(InputError, match="output is one of sigmoid, softmax, linear, not 'relu'"):
        build(name, output="relu")


def test_value_metrics_by_hand():
    values, predictions = np.array([[0.0], [1], [2], [3]]), np.array([[0.0], [1], [2], [5]])
    (found,) = value_metrics(values, predictions, ["y"]).values()
    assert found["mse"] == 1.0
    assert found["explained"] == pytest.approx(1 - 1 / 1.25)
    assert found["spearman"] == pytest.approx(1)
    assert found["pearson"] == pytest.approx(np.corrcoef(values.T, predictions.T)[0, 1])
    (constant,) = value_metrics(values, np.ones((4, 1)), ["y"]).values()
    assert constant["pearson"] is None
    assert constant["note"] == "all predictions are equal"
    with pytest.raises(InputError, match="not finite"):
        value_metrics(values, predictions * np.nan, ["y"])


def test_what_does_not_suit():
    dataset = drawn({"y": {"value": "A"}}, n=250)
    with pytest.raises(UnsupportedModel, match="real values need an end without it"):
        train(build("tal_gata", length=40, tasks=1), dataset, progress=False)
    dataset.kind = "binary"
    with pytest.raises(InputError, match="labels that are 0 or 1"):
        objective_of(dataset)
    dataset.kind = "classes"
    dataset.labels = np.zeros_like(dataset.labels)
    with pytest.raises(InputError, match="exactly one class"):
        objective_of(dataset)
    dataset.kind = "ordinal"
    with pytest.raises(InputError, match="not 'ordinal'"):
        objective_of(dataset)
