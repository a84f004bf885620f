"""Receptive fields, against what changes when a position is changed, and by hand."""

import keras
import numpy as np
import pytest
from test_reach import LENGTH, WHOLE, WINDOWS, functional

from genolift.engine.hidden.placing import first_wide, last_placed, name_of, placed
from genolift.engine.running.run import constants, forward
from genolift.engine.windows import receptive as engine_receptive
from genolift.engine.windows.receptive import Fields, Receptive
from genolift.methods.common.traced import Traced
from genolift.support.errors import UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
DRAWS = 4


def looked_at(model, length=LENGTH):
    """The receptive fields of a model's values, and those that have any."""
    traced = Traced(model, 0, "logit", [(length, 4)], ["x"])
    ends = [value for target in traced.targets for value in target.values]
    receptive = Receptive(traced.program, ends, [(length, 4)])
    known = [v for step in receptive.program.steps for v in step.outputs if placed(receptive, v)]
    return receptive, ends, known


def changed_rows(receptive, values):
    """Which rows of each value (positions, J) differ when a position gets other numbers, of a few drawn."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, (LENGTH, 4)).astype(np.float32)
    copies = np.repeat(x[None], DRAWS * LENGTH + 1, axis=0)
    for i in range(DRAWS * LENGTH):
        copies[1 + i, i % LENGTH] = rng.uniform(0.1, 0.9, 4)

    @tf.function
    def run(x):
        found = forward(receptive.program, [x], constants(receptive.program))
        return [found[value] for value in values]

    for value, tensor in zip(values, run(tf.constant(copies)), strict=True):
        rows = tensor.numpy().reshape(len(copies), receptive.rows(value), -1)
        yield (np.abs(rows[1:] - rows[:1]).max(-1) > 1e-6).reshape(DRAWS, LENGTH, -1).any(0)


QUICK = ("strided", "dilated", "along", "turned")
# One row in three may show less than it sees: the maximum of a pool hides the rest, dilated taps fall beside the ends.
SHOWN = {"max pool": 0.4, "max pool, overlapping": 0.6, "flatten, pooled": 0.6, "average pool": 0.9}
SHOWN |= {"upright": 0.85, "upright, pooled": 0.6}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in (*WINDOWS, *WHOLE)]
)
def test_rows_see_what_changes_them(name):
    """All of it, and, from the first position to the last, no more."""
    receptive, _, values = looked_at(functional((WINDOWS | WHOLE)[name]))
    assert len(values) > 3
    for value, changed in zip(values, changed_rows(receptive, values), strict=True):
        fields, exact = receptive(value), []
        for j, (start, end) in enumerate(zip(fields.starts, fields.ends, strict=True)):
            hit = np.flatnonzero(changed[:, j])
            assert not len(hit) or (start <= hit[0] and hit[-1] < end), (value, j)
            exact.append(end - start == (np.ptp(hit) + 1 if len(hit) else 0))
        assert np.mean(exact) >= SHOWN.get(name, 0.9), value


def test_by_hand():
    """A convolution of 4 by strides of 2 and a pool of 2 by 2: rows 4 apart that see 6 bases, the first around 2.5."""
    receptive, ends, _ = looked_at(
        functional(lambda x: K.Dense(1)(K.Flatten()(K.MaxPooling1D(2)(K.Conv1D(3, 4, strides=2)(x)))))
    )
    fields = receptive(last_placed(receptive, ends))
    assert fields.width == 6
    np.testing.assert_array_equal(fields.starts, [0, 4, 8, 12, 16])
    np.testing.assert_array_equal(fields.ends, [6, 10, 14, 18, 22])
    np.testing.assert_array_equal(fields.centres, [2.5, 6.5, 10.5, 14.5, 18.5])
    assert not fields.seen[22:].any()
    assert fields.seen[:22].all()


def test_padding_is_not_seen_and_does_not_move_the_centre():
    receptive, ends, _ = looked_at(functional(lambda x: K.Dense(1)(K.Flatten()(K.Conv1D(3, 5, padding="same")(x)))))
    fields = receptive(last_placed(receptive, ends))
    assert fields.width == 5
    np.testing.assert_array_equal(fields.centres, np.arange(LENGTH))
    assert fields.starts[:4].tolist() == [0, 0, 0, 1]
    assert fields.ends[-4:].tolist() == [LENGTH - 1, LENGTH, LENGTH, LENGTH]


def test_pieces_one_behind_the_other_keep_their_places():
    """A convolution over two copies of what is read: at the seam a row sees the end of one and the beginning of the other."""

    def twice(x):
        both = K.Concatenate(axis=1)([x, K.Cropping1D((5, 0))(x)])
        return K.Dense(1)(K.Flatten()(K.Conv1D(2, 3, padding="same", name="over")(both)))

    receptive, ends, _ = looked_at(functional(twice))
    fields = receptive(last_placed(receptive, ends))
    inner = np.r_[1 : LENGTH - 1, LENGTH + 1 : 2 * LENGTH - 5 - 1]
    np.testing.assert_array_equal(fields.centres[inner], np.r_[1 : LENGTH - 1, 6 : LENGTH - 1])
    np.testing.assert_array_equal(fields.starts[[0, LENGTH - 1, LENGTH]], [0, 5, 5])
    np.testing.assert_array_equal(fields.ends[[0, LENGTH - 1, LENGTH]], [2, LENGTH, LENGTH])


def test_what_was_cropped_is_not_seen_again_as_padding():
    receptive, ends, _ = looked_at(
        functional(lambda x: K.Dense(1)(K.Flatten()(K.Conv1D(2, 5, padding="same")(K.Cropping1D((4, 3))(x)))))
    )
    fields = receptive(last_placed(receptive, ends))
    assert fields.starts.min() == 4
    assert fields.ends.max() == LENGTH - 3
    assert fields.centres[0] == 4


def fields_at(windows, length):
    windows = np.array(windows)
    return Fields(1, length, np.maximum(windows[:, 0], 0), np.minimum(windows[:, 1], length), windows)


def test_spreading():
    """Linear between centres 1, 3 and 7; constant before and behind; nothing where no row looks."""
    fields = fields_at([(0, 3), (2, 5), (5, 10)], 12)
    found = fields.spread(np.array([2.0, 4, 12]))
    np.testing.assert_allclose(found, [2, 2, 3, 4, 6, 8, 10, 12, 12, 12, 0, 0])
    np.testing.assert_allclose(fields.spread(np.ones((2, 3))), [[1] * 10 + [0] * 2] * 2)


def test_spreading_rows_of_one_centre_and_in_any_order():
    turned = fields_at([(4, 7), (2, 5), (0, 3)], 7)
    np.testing.assert_allclose(turned.spread(np.array([5.0, 3, 1])), np.clip(np.arange(7), 1, 5))
    twice = fields_at([(0, 3), (0, 3), (2, 5)], 5)
    np.testing.assert_allclose(twice.spread(np.array([1.0, 3, 4])), [2, 2, 3, 4, 4])
    alone = fields_at([(1, 4)], 6)
    np.testing.assert_allclose(alone.spread(np.array([7.0])), [0, 7, 7, 7, 0, 0])


def towers(x):
    """Two pooled towers side by side, over a convolution that both read."""
    h = K.Conv1D(3, 3, activation="relu", name="stem")(x)
    heads = [K.GlobalMaxPooling1D()(K.Conv1D(3, taps, name=f"tower_{taps}")(h)) for taps in (3, 5)]
    return K.Dense(1)(K.Concatenate()(heads))


def attended(x):
    h = K.Conv1D(3, 3, activation="relu", name="stem")(x)
    h = K.Add()([h, K.MultiHeadAttention(2, 3)(h, h)])
    return K.Dense(1)(K.GlobalAveragePooling1D()(K.Dense(3, name="late")(h)))


CHOSEN = {
    "residual": (WINDOWS["residual"], "add"),
    "pooled": (WINDOWS["max pool"], "conv1d"),
    "towers": (towers, "stem"),
    "attention": (attended, "stem"),
    "recurrent": (WHOLE["recurrent"], "conv1d"),
    "nothing": (lambda x: K.Dense(1)(K.Flatten()(x)), None),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_the_last_layer_that_nothing_goes_past(name):
    build, expected = CHOSEN[name]
    receptive, ends, _ = looked_at(functional(build))
    found = last_placed(receptive, ends)
    assert (found is None) == (expected is None)
    if found is not None:
        assert name_of(found, receptive.program).startswith(expected)
        assert found.step.op == {"stem": "Relu", "add": "AddV2", "conv1d": "Relu"}[expected]


def test_the_first_layer_that_looks_along_the_sequence():
    receptive, _, _ = looked_at(
        functional(lambda x: K.Dense(1)(K.Flatten()(K.Conv1D(2, 3, name="wide")(K.Dense(3, name="letters")(x)))))
    )
    assert name_of(first_wide(receptive), receptive.program) == "wide"


def test_a_layout_that_is_not_understood_is_refused(monkeypatch):
    def fails(*_):
        raise KeyError("an odd layout")

    monkeypatch.setattr(engine_receptive, "route_of", fails)
    with pytest.raises(
        UnsupportedModel, match=r"cannot be followed through this model .*odd layout.*use deeplift or ism"
    ):
        looked_at(functional(lambda x: K.Dense(1)(K.Flatten()(K.Conv1D(2, 3)(x)))))
