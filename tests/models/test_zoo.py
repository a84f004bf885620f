"""The architectures: shapes, the paper's exact network, seeds, and options that cannot be."""

import random

import numpy as np
import pytest

from genolift.models.seeding import seed_weights
from genolift.models.signature import describe
from genolift.models.zoo import ARCHITECTURES, build
from genolift.support.errors import InputError
from genolift.support.seeds import stream

SMALL = {
    "tal_gata": {"length": 40, "tasks": 2},
    "basset": {"length": 48, "tasks": 2},
    "bpnet": {"length": 160, "tasks": 2, "filters": 4, "dilations": 3},
    "dilated": {"length": 40, "tasks": 2, "filters": 8, "dilations": 3},
    "transformer": {"length": 40, "tasks": 2, "channels": 8},
    "attention_pool": {"length": 40, "tasks": 2, "filters": 4},
    "exponential": {"length": 40, "tasks": 2, "filters": 4},
    "additive": {"length": 40, "tasks": 2, "filters": 4},
    "pwm": {"length": 40, "tasks": 2},
    "pwm_tied": {"length": 40, "tasks": 2},
    "lattice": {"length": 40, "tasks": 2},
}


def dna(n, length):
    return np.eye(4, dtype=np.float32)[stream(0, "dna", length).integers(4, size=(n, length))]


def test_every_architecture_is_covered_here():
    assert set(SMALL) == set(ARCHITECTURES)


def listed(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("name", SMALL)
def test_the_seed_decides_the_weights(name):
    one, same, other = (build(name, seed=seed, **SMALL[name]) for seed in (1, 1, 2))
    learnt = {variable.path for variable in one.trainable_variables}
    kernels = [i for i, v in enumerate(one.weights) if len(v.shape) > 1 and v.path in learnt]
    assert kernels
    for i, (a, b, c) in enumerate(zip(one.get_weights(), same.get_weights(), other.get_weights(), strict=True)):
        np.testing.assert_array_equal(a, b)
        assert i not in kernels or not np.array_equal(a, c)


# Networks of given motifs see these alone, and a new lattice is constant.
@pytest.mark.parametrize("name", [name for name in SMALL if name not in ("pwm", "pwm_tied", "lattice")])
def test_output_depends_on_every_part_of_the_input(name):
    model = build(name, seed=3, **SMALL[name])
    X = dna(1, SMALL[name]["length"])
    turned = np.repeat(X, 4, axis=0)
    for quarter in range(4):
        part = np.array_split(np.arange(X.shape[1]), 4)[quarter]
        turned[quarter, part] = turned[quarter, part][:, ::-1]
    flat = [
        np.concatenate([np.asarray(output).reshape(len(given), -1) for output in listed(model(given))], axis=1)
        for given in (X, turned)
    ]
    assert (np.abs(flat[1] - flat[0]).max(axis=1) > 1e-6).all()


def test_building_leaves_the_global_random_state_of_numpy_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    build("tal_gata", seed=1)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_the_weights_do_not_depend_on_the_global_random_state():
    random.seed(1)
    one = build("transformer", seed=5, **SMALL["transformer"])
    random.seed(2)
    two = build("transformer", seed=5, **SMALL["transformer"])
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_layers_without_a_name_do_not_depend_on_models_built_before():
    """Keras numbers such layers through the process: ``dense`` in one model is ``dense_2`` in the next."""
    import keras

    def built():
        inner = keras.Sequential([keras.layers.Dense(5), keras.layers.Dense(5, name="told")])
        x = sequence = keras.Input((6, 4))
        x = keras.layers.Conv1D(3, 2, activation="relu")(keras.layers.Conv1D(3, 2)(x))
        return keras.Model(sequence, keras.layers.Dense(5)(inner(keras.layers.Flatten()(x))))

    one, two = built(), built()
    assert [v.path for v in one.weights] != [v.path for v in two.weights]
    for model in (one, two):
        seed_weights(model, 4)
    kernels = [v.numpy() for v in one.weights if len(v.shape) > 1]
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for i, a in enumerate(kernels):
        assert not any(a.shape == b.shape and np.allclose(a, b) for b in kernels[i + 1 :])


def test_the_projections_of_an_attention_layer_start_differently():
    attention = build("transformer", **SMALL["transformer"]).get_layer("attention1")
    query, key, value = [v.numpy() for v in attention.trainable_variables if v.shape == (8, 4, 2)]
    assert not np.allclose(query, key)
    assert not np.allclose(key, value)


def test_tal_gata_is_the_network_of_the_paper():
    model = build("tal_gata")
    conv1, conv2, dense, tasks = (model.get_layer(name) for name in ("conv1", "conv2", "dense", "tasks"))
    assert [layer.kernel.shape for layer in (conv1, conv2, dense, tasks)] == [
        (11, 4, 50),
        (11, 50, 50),
        (50, 50),
        (50, 3),
    ]
    assert [layer.activation.__name__ for layer in (conv1, conv2, dense, tasks)] == [
        "relu",
        "relu",
        "relu",
        "sigmoid",
    ]
    assert model.get_layer("dropout").rate == 0.5
    # the same by hand, from the weights: valid convolutions, mean over the 180 positions
    X = dna(2, 200)
    x = X
    for layer in (conv1, conv2):
        windows = np.lib.stride_tricks.sliding_window_view(x, 11, axis=1)  # (N, positions, channels, 11)
        x = np.maximum(np.einsum("npcw,wco->npo", windows, layer.kernel.numpy()) + layer.bias.numpy(), 0)
    assert x.shape == (2, 180, 50)
    x = np.maximum(x.mean(axis=1) @ dense.kernel.numpy() + dense.bias.numpy(), 0)
    x = 1 / (1 + np.exp(-(x @ tasks.kernel.numpy() + tasks.bias.numpy())))
    np.testing.assert_allclose(np.asarray(model(X)), x, atol=1e-5)  # float32 sums of 550 products


def test_tal_gata_of_any_length():
    model = build("tal_gata", length=None)
    assert describe(model).length is None
    assert model(dna(2, 21)).shape == model(dna(2, 333)).shape == (2, 3)


def test_bpnet_has_the_published_shapes():
    signature = describe(build("bpnet"))
    assert signature.length == 2114
    assert [(port.name, port.shape) for port in signature.outputs] == [
        ("profile", (1000, 1)),
        ("counts", (1,)),
    ]


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("resnet", {}, "no architecture 'resnet'; there are tal_gata"),
        ("tal_gata", {"depth": 3}, "no option 'depth'; it has length"),
        ("tal_gata", {"length": 20}, "21 is the shortest"),
        ("bpnet", {"length": 1114}, "1115 is the shortest"),
        ("basset", {"length": None}, "whole number"),
        ("tal_gata", {"tasks": 0}, "whole number"),
        ("transformer", {"channels": 10}, "4 heads"),
    ],
)
def test_what_cannot_be_built_is_refused(name, options, complaint):
    with pytest.raises(InputError, match=complaint):
        build(name, **options)


@pytest.mark.parametrize("name", ["tal_gata", "bpnet"])
def test_the_shortest_length_works(name):
    length = {"tal_gata": 21, "bpnet": 1115}[name]
    outputs = build(name, length=length)(dna(1, length))
    assert all(np.isfinite(np.asarray(output)).all() for output in listed(outputs))
