"""A data set is not drawn where nothing can be learnt of its labels."""

import logging

import pytest

from genolift.pipeline.benchmark.simulation import drawn
from genolift.simulate.spec import parse_spec
from genolift.support.errors import InputError

COUNT = {"distribution": "uniform", "min": 0, "max": 2}


def spec(labels):
    return parse_spec(
        {
            "name": "t",
            "length": 40,
            "background": [0.25] * 4,
            "motifs": {"A": {"kmers": ["ACGTAC"]}, "B": {"kmers": ["TTTCCC"]}},
            "groups": [{"name": "g", "sequences": 30, "embed": [{"motif": "A", "count": COUNT}]}],
            "labels": labels,
        }
    )


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"y": "A >= 0"}, "y"),
        ({"y": "A > 0", "z": "B > 0"}, "z"),
        ({"y": {"when": "A > 5", "flip": 0.1}}, r"y\.when"),
        ({"y": {"probability": "0.5 + 0 * A"}}, r"y\.probability"),
        ({"y": {"value": "0.1 * B - 0.3", "noise": 1.0}}, r"y\.value"),
        ({"y": {"classes": {"all": "A >= 0", "none": "A < 0"}}}, r"y\.classes\.all"),
    ],
)
def test_a_constant_label_is_refused_with_its_key(labels, key):
    with pytest.raises(InputError, match=rf"^labels\.{key}: .* is the same for all 30 sequences"):
        drawn(spec(labels))


def test_labels_that_vary_or_are_few_are_drawn(caplog):
    assert len(drawn(spec({"y": "A > 0"}))) == 30
    with caplog.at_level(logging.WARNING, "genolift"):
        assert len(drawn(spec({"y": "A > 2"}), n=4)) == 4
    assert "labels.y: 'A > 2' is the same for all 4 sequences" in caplog.text
