"""Many targets: they share one walk and one forward pass, and each is what it is alone."""

import numpy as np
import pytest

import genolift as gl
from genolift.engine.target import for_each
from genolift.engine.walk.multipliers import Propagation
from genolift.methods.common.traced import Traced
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")

X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 24))]
SHUFFLED = gl.references.Shuffled(2, seed=1)
Sum = gl.targets.Sum
# Several kinds in turns: single numbers, sums over bins and tracks, and a profile whose weights follow the sequence.
MIXED = [
    ("counts", 0),
    gl.targets.Profile("profile"),
    ("counts", 2),
    Sum(range(3, 9), None, "profile"),
    ("profile", 4, 1),
    Sum([0, 5], 1, "profile"),
    gl.targets.MeanCentred(1, "counts"),
]


@pytest.fixture(scope="module")
def two_heads():
    keras.utils.set_random_seed(1)
    x = keras.Input((24, 4))
    h = K.Conv1D(5, 5, activation="relu")(x)
    profile = K.Conv1D(2, 3, name="profile")(h)
    counts = K.Dense(3, name="counts")(K.Dense(4, activation="relu")(K.Flatten()(K.MaxPooling1D(2)(h))))
    return keras.Model(x, [profile, counts])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("deeplift", {"references": SHUFFLED}),
        ("integrated-gradients", {"references": SHUFFLED, "steps": 8}),
        ("gradient", {}),
        ("lrp-epsilon", {}),
        ("ism", {}),
        ("mask", {"steps": 3, "restarts": 1}),
    ],
)
@pytest.mark.filterwarnings("ignore:with 8 steps")
def test_each_target_is_what_it_is_alone(two_heads, method, options):
    whole = gl.method(method, two_heads, target=MIXED, **options)(X)
    for place in (1, 5) if method == "deeplift" else (5,):
        alone = gl.method(method, two_heads, target=MIXED[place], **options)(X)
        # TensorFlow may fuse a multiplication into another step, which moves the last digit.
        size = np.abs(alone.scores).max()
        np.testing.assert_allclose(whole.scores[:, place], alone.scores, atol=1e-6 * size, rtol=1e-6)
        np.testing.assert_allclose(whole.predictions[:, place], alone.predictions, rtol=1e-6)


def test_a_loop_is_walked_back_for_each_target():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([K.Input((24, 4)), K.LSTM(3), K.Dense(3)])
    whole = gl.DeepLift(model, target=[2, 0], references=SHUFFLED)(X)
    alone = gl.DeepLift(model, target=2, references=SHUFFLED)(X)
    np.testing.assert_allclose(whole.scores[:, 0], alone.scores, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("targets", [list(range(60)), [Sum(range(i, i + 4), i % 2, "profile") for i in range(12)]])
def test_targets_of_a_kind_share_one_walk(two_heads, targets, monkeypatch):
    walks, walk = [], Propagation.__call__

    def counted(self, *arguments, **options):
        walks.append(self)
        return walk(self, *arguments, **options)

    monkeypatch.setattr(Propagation, "__call__", counted)
    model = two_heads
    if targets[0] == 0:
        model = keras.Sequential([K.Input((24, 4)), K.Conv1D(3, 3, activation="relu"), K.Flatten(), K.Dense(60)])
    explained = gl.DeepLift(model, target=targets, references=SHUFFLED)(X)
    assert explained.scores.shape == (2, len(targets), 24)
    assert len(walks) == 1


def test_kinds_come_back_in_the_order_of_the_list(two_heads):
    traced = Traced(two_heads, [("counts", 2), ("profile", 4, 1), ("counts", 0)], "logit", [(24, 4)], ["x"])
    sizes = tf.function(lambda: for_each(traced.targets, lambda target: tf.reduce_sum(target.numbers[0])[None]))
    np.testing.assert_array_equal(sizes(), [[2, 5, 0]])


def test_a_sum_reaches_a_free_axis():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([K.Input((None, 4)), K.Conv1D(2, 3)])
    whole = gl.DeepLift(model, target=[Sum(range(3, 20), 1), Sum(21, 1)], references="zeros")(X)
    outputs = np.asarray(model(X))
    np.testing.assert_allclose(
        whole.predictions, np.stack([outputs[:, 3:20, 1].sum(1), outputs[:, 21, 1]], 1), rtol=1e-5
    )


def test_many_targets_count_in_the_memory_budget(two_heads):
    many = [("counts", 0)] * 2000
    method = gl.DeepLift(two_heads, target=many, references=SHUFFLED, memory="5MB")
    with pytest.raises(InputError, match="pair with 2000 targets needs about"):
        method(X)


def test_masks_of_targets_of_a_kind_are_computed_by_one_graph(two_heads):
    method = gl.method("mask", two_heads, target=[("counts", 0), ("counts", 1), ("counts", 2)], steps=2, restarts=1)
    method(X)
    graphs = {id(points._differentiate): points._differentiate for points in method._single}
    assert [graph.experimental_get_tracing_count() for graph in graphs.values()] == [1]
