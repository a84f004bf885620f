"""Four tracks of signals have the shape of one-hot DNA, and nobody writes bases into them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import genolift as gl
from genolift.support.errors import Undefined, UnsupportedModel

pytestmark = pytest.mark.slow

_RNG = np.random.default_rng(7)
TRACKS = np.abs(_RNG.normal(size=(2, 6, 4))).astype(np.float32) + 0.2
DNA = np.eye(4, dtype=np.float32)[_RNG.integers(0, 4, (2, 6))]
_WEIGHTS = _RNG.normal(size=(4, 3)).astype(np.float32)


def model(x: Any) -> Any:
    return tf.reduce_sum(tf.nn.relu(x @ _WEIGHTS), (1, 2))[:, None]


@pytest.mark.parametrize("method", ["ism", "surrogate"])
def test_no_bases_are_written_into_tracks(method: str) -> None:
    with pytest.raises(UnsupportedModel, match=r"bases|mutates"):
        gl.method(method, model, target=0)(TRACKS)
    with pytest.raises(UnsupportedModel, match=r"bases|mutates"):
        gl.method(method, model, target=0, dna=False)(DNA)


@pytest.mark.parametrize("method", ["deeplift", "gradient-x-input", "lrp-epsilon", "expected-gradients"])
def test_tracks_have_no_hypothetical_contributions(method: str) -> None:
    options: dict[str, Any] = {} if method == "lrp-epsilon" else {"references": "zeros"}
    found = gl.method(method, model, target=0, **options)(TRACKS)
    with pytest.raises(Undefined, match="no bases"):
        _ = found.hypothetical
    assert found.scores.shape == (2, 6)
    forced = gl.method(method, model, target=0, dna=True, **options)(TRACKS)
    assert forced.hypothetical.shape == TRACKS.shape
    np.testing.assert_array_equal(forced.scores, found.scores)


def test_bases_that_are_not_certain_are_bases() -> None:
    uncertain = np.concatenate([DNA, np.zeros_like(DNA), np.full_like(DNA, 0.25)])
    found = gl.method("deeplift", model, target=0, references="zeros")(uncertain)
    assert found.hypothetical.shape == uncertain.shape


def test_tracks_beside_dna_are_told_apart() -> None:
    def both(x: Any, tracks: Any) -> Any:
        return model(x) + model(tracks)

    found = gl.method("deeplift", both, target=0)([DNA, TRACKS])
    assert found.hypothetical[0].shape == DNA.shape
    assert found.hypothetical[1] is None
    assert np.abs(found.scores[1]).max() == 0  # They keep their own values.
    mutated = gl.method("ism", both, target=0)([DNA, TRACKS])
    assert mutated.scores[1] is None


def _of_two(x: Any, tracks: Any) -> Any:
    return model(x) + model(tracks)


@pytest.mark.parametrize(
    ("dna", "X"),
    [
        ([True, False], [DNA, DNA]),
        ([True, False], {"tracks": DNA, "x": DNA}),
        ({"tracks": False}, [DNA, DNA]),
        ({"x": True, "tracks": False}, {"tracks": DNA, "x": DNA}),
        ([None, False], {"x": DNA, "tracks": DNA}),
    ],
)
def test_dna_is_said_of_each_input(dna: Any, X: Any) -> None:
    found = gl.method("ism", _of_two, target=0, dna=dna)(X)
    scores = found.scores if isinstance(X, list) else [found.scores["x"], found.scores["tracks"]]
    assert scores[0].shape == (2, 6)
    assert scores[1] is None
    assert found.method["dna"] == dna


@pytest.mark.parametrize(
    ("dna", "message"),
    [
        ({"signal": False}, "unknown inputs.*'signal'.*x, tracks"),
        ([True], "for 1 inputs, but there are 2"),
        ("yes", "must be True, False or None"),
        ({"x": "no"}, "must be True, False or None"),
    ],
)
def test_dna_of_inputs_that_are_not_there(dna: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gl.method("ism", _of_two, target=0, dna=dna)([DNA, DNA])
