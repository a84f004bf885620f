"""What a model says about its inputs and outputs."""

import pytest

from genolift.models.signature import Port, describe
from genolift.models.zoo import build
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow


@pytest.fixture(scope="module")
def libraries():
    quiet_tensorflow()
    import keras
    import tf_keras

    return {"keras": keras, "tf_keras": tf_keras}


def test_a_zoo_model():
    signature = describe(build("tal_gata"))
    assert signature.inputs == (Port("sequence", (200, 4)),)
    assert signature.outputs == (Port("tasks", (3,)),)
    assert (signature.length, signature.alphabet) == (200, 4)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_sequential_and_functional(libraries, library):
    keras = libraries[library]
    layers = keras.layers
    sequential = keras.Sequential(
        [layers.InputLayer((12, 4), name="dna"), layers.Flatten(), layers.Dense(2, name="out")]
    )
    assert describe(sequential).outputs == (Port("out", (2,)),)
    assert describe(sequential).length == 12
    one, two = keras.Input((None, 4), name="dna"), keras.Input((3,), name="context")
    joined = layers.Concatenate()([layers.GlobalAveragePooling1D()(one), two])
    heads = [layers.Dense(1, name="low")(joined), layers.Dense(2, name="high")(joined)]
    signature = describe(keras.Model([one, two], heads))
    assert signature.inputs == (Port("dna", (None, 4)), Port("context", (3,)))
    assert signature.outputs == (Port("low", (1,)), Port("high", (2,)))
    assert signature.length is None
    assert signature.alphabet == 4
    # dicts come in the order of their keys, under their keys
    signature = describe(keras.Model({"dna": one, "context": two}, {"z": heads[0], "a": heads[1]}))
    assert [port.name for port in signature.inputs] == ["context", "dna"]
    assert signature.outputs == (Port("a", (2,)), Port("z", (1,)))


def test_lengths_are_checked():
    fixed, free = describe(build("tal_gata")), describe(build("tal_gata", length=None))
    fixed.check_length("chr1:5-205", 200)
    free.check_length("any", 187)
    with pytest.raises(InputError, match="sequence 'chr1:5-192' is 187 long, the model takes 200"):
        fixed.check_length("chr1:5-192", 187)


def test_models_without_known_shapes(libraries):
    keras = libraries["keras"]
    with pytest.raises(UnsupportedModel, match=r"keras\.Input"):
        describe(keras.Sequential([keras.layers.Dense(2)]))
    with pytest.raises(UnsupportedModel):
        describe(lambda x: x)
