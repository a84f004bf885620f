"""Inputs in every order, structure and type that models take, and what is refused of them."""

import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K, ops = keras.layers, keras.ops
pytestmark = pytest.mark.usefixtures("uncompiled")
N, L = 3, 12
RNG = np.random.default_rng(0)
SEQ, OTHER = (np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))] for _ in range(2))
COV = RNG.normal(size=(N, 2)).astype(np.float32)
REFS = np.full((1, L, 4), 0.25, np.float32)
#: A method of each kind: walked, of slopes, of changed sequences, of references and slopes, of hidden layers.
NAMES = ["deeplift", "smoothgrad", "ism", "expected-gradients", "grad-cam", "lime"]


@pytest.fixture(scope="module")
def parts():
    keras.utils.set_random_seed(0)
    return {
        "conv": K.Conv1D(5, 3, activation="relu", padding="same", name="conv"),
        "pool": K.GlobalAveragePooling1D(),
        "top": K.Dense(1, name="top"),
        "trunk": keras.Sequential(
            [K.Input((L, 4)), K.Conv1D(5, 3, activation="relu"), K.Flatten(), K.Dense(1)], name="trunk"
        ),
    }


def joined(parts, seq, cov):
    """A number for each sequence, to which both inputs add."""
    return parts["top"](ops.concatenate([parts["pool"](parts["conv"](seq)), cov], -1))


def kinds(parts):
    """Models that take the same two inputs in different structures, and how each is called."""

    class OfDict(keras.Model):
        def call(self, inputs, training=False):
            return joined(parts, inputs["seq"], inputs["cov"])

    class OfList(keras.Model):
        def call(self, inputs):
            return joined(parts, *inputs)

    class OfTwo(keras.Model):
        def call(self, seq, cov):
            return joined(parts, seq, cov)

    class Callable:
        def __call__(self, cov, *, seq, scale=1.0):
            return scale * joined(parts, seq, cov)

    seq, cov = K.Input((L, 4), name="seq"), K.Input((2,), name="cov")
    output = joined(parts, seq, cov)
    return {
        "functional list": keras.Model([seq, cov], output),
        "functional dict": keras.Model({"seq": seq, "cov": cov}, output),
        "functional nested": keras.Model({"dna": {"seq": seq}, "more": [cov]}, output),
        "subclass of a dict": OfDict(),
        "subclass of a list": OfList(),
        "subclass of two": OfTwo(),
        "function": lambda seq, cov: joined(parts, seq, cov),
        "function turned round": lambda cov, seq: joined(parts, seq, cov),
        "function of a dict": lambda d: joined(parts, d["seq"], d["cov"]),
        "function of a list": lambda inputs: joined(parts, *inputs),
        "function of any": lambda *inputs: joined(parts, *inputs),
        "function of keywords": lambda **inputs: joined(parts, inputs["seq"], inputs["cov"]),
        "object": Callable(),
        "tf.function": tf.function(lambda cov, seq=None: joined(parts, seq, cov)),
    }


BY_LIST = {
    "functional list", "functional dict", "subclass of a list", "subclass of two", "function", "function turned round",
    "function of a list", "function of any", "tf.function",
}  # fmt: skip
NOT_BY_NAME = {"subclass of a list", "function of a list", "function of any"}
TURNED = {"function turned round", "tf.function", "functional dict"}


@pytest.mark.parametrize("kind", sorted(kinds({"conv": lambda x: x, "pool": lambda x: x[:, 0], "top": K.Dense(1)})))
def test_every_order_and_structure(parts, kind):
    """By name in both orders, one after the other with the same method, and as a list in the model's order."""
    model = kinds(parts)[kind]
    want = np.asarray(joined(parts, SEQ, COV))[:, 0]
    method = gl.DeepLift(model)
    names = ("dna/seq", "more/0") if kind == "functional nested" else ("seq", "cov")
    if kind not in NOT_BY_NAME:
        method.references = {names[0]: REFS}
        found = method(dict(zip(names, (SEQ, COV), strict=True)))
        np.testing.assert_allclose(found.predictions, want, atol=1e-5)
        again = method(dict(zip(reversed(names), (COV, SEQ), strict=True)))
        for name in names:
            np.testing.assert_array_equal(again.scores[name], found.scores[name])
        assert np.abs(found.scores[names[0]]).max() > 1e-4
        assert found.scores[names[1]].shape == (N, 2)
    if kind in BY_LIST:
        method.references = [None, REFS] if kind in TURNED else [REFS, None]
        found = method([COV, SEQ] if kind in TURNED else [SEQ, COV])
        np.testing.assert_allclose(found.predictions, want, atol=1e-5)


def test_nested_inputs_as_they_are(parts):
    model = kinds(parts)["functional nested"]
    found = gl.DeepLift(model, references={"dna/seq": REFS})({"more": [COV], "dna": {"seq": SEQ}})
    np.testing.assert_allclose(found.predictions, np.asarray(joined(parts, SEQ, COV))[:, 0], atol=1e-5)


@pytest.mark.parametrize(("name", "as_dict"), [(name, i % 2 == 0) for i, name in enumerate(NAMES)])
def test_two_sequences_are_never_exchanged(parts, name, as_dict):
    """Inputs of the same shape, whose order nothing but their names tells."""
    trunk = parts["trunk"]

    class Twin(keras.Model):
        def call(self, inputs):
            return trunk(inputs["left"]) - trunk(inputs["right"])

    model = Twin() if as_dict else (lambda left, right: trunk(left) - trunk(right))
    options = {"references": {"left": REFS}} if name in ("deeplift", "lime") else {}
    options |= {"samples": 40} if name == "lime" else {}
    method = gl.method(name, model, **options)
    want = np.asarray(trunk(SEQ) - trunk(OTHER))[:, 0]
    first = method({"left": SEQ, "right": OTHER})
    second = method({"right": OTHER, "left": SEQ})
    for found in (first, second):
        np.testing.assert_allclose(found.predictions, want, atol=1e-5)
        np.testing.assert_array_equal(found.inputs["left"], SEQ)
    np.testing.assert_allclose(method({"left": OTHER, "right": SEQ}).predictions, -want, atol=1e-5)
    for side in ("left", "right"):
        if first.scores[side] is not None:
            np.testing.assert_array_equal(first.scores[side], second.scores[side])


def test_activations_take_a_dict_too(parts):
    found = [
        gl.activations(kinds(parts)["function"], "conv", x)
        for x in ({"cov": COV, "seq": SEQ}, {"seq": SEQ, "cov": COV})
    ]
    np.testing.assert_array_equal(found[0].values, found[1].values)
    np.testing.assert_allclose(found[0].values, parts["conv"](SEQ), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "X", "message"),
    [
        (lambda left, right: left, {"left": SEQ, "rigth": SEQ}, "takes the arguments left, right, but X has the keys"),
        (lambda left, right: left, {"left": SEQ}, "takes the arguments left, right, but X has the keys left; give a dict"),
        (lambda left, right: left, SEQ, "takes the arguments left, right, but X has 1 input without names"),
        (lambda left, right: left, [SEQ, SEQ, SEQ], "but X has 3 inputs without names"),
        (lambda *inputs: inputs[0], {"b": SEQ, "a": SEQ}, r"takes the argument \*inputs, .* or a list in their order"),
        (lambda d: d["a"]["b"], {"a": {"b": SEQ}}, "inputs inside a dict; give a dict of arrays"),
        (lambda x, y: x, {"x": SEQ, "y": COV[:2]}, "different numbers of sequences"),
        (lambda x, y: x[:, 0], {"x": SEQ[0, :, 0], "y": COV[0]}, "the first axis is the sequences"),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_refused(model, X, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient", model)(X)


@pytest.mark.parametrize("name", ["deeplift", "grad-cam", "lime"])
def test_one_number_for_each_sequence(name):
    """Inputs of shape (): a dose, whose contribution is its share of the difference."""
    seq, dose = K.Input((L, 4), name="seq"), K.Input((), name="dose")
    h = K.GlobalAveragePooling1D()(K.Conv1D(4, 3, activation="relu", name="conv")(seq))
    model = keras.Model([seq, dose], K.Dense(1)(h) * ops.expand_dims(dose, -1))
    X = {"dose": np.array([0.5, 1, 2]), "seq": SEQ}
    options = {"references": {"dose": np.zeros(1), "seq": REFS}} if name == "deeplift" else {}
    options |= {"samples": 40} if name == "lime" else {}
    found = gl.method(name, model, **options)(X)
    np.testing.assert_allclose(found.predictions, model(X)[:, 0], atol=1e-5)
    if name == "deeplift":
        assert found.scores["dose"].shape == (N,)
        assert np.abs(found.scores["dose"]).max() > 1e-4
        assert np.abs(found.residual).max() < 1e-5
    if name == "grad-cam":
        by_function = gl.method(name, lambda seq, dose: model([seq, dose]))(X)
        np.testing.assert_array_equal(by_function.scores["seq"], found.scores["seq"])


def masked(kind):
    """A model whose mask of integers only selects, one that calculates with it, and one of numbers of positions."""
    keras.utils.set_random_seed(1)
    seq = K.Input((L, 4), name="seq")
    h = K.Conv1D(4, 3, padding="same", activation="relu", name="conv")(seq)
    if kind == "length":
        more = K.Input((), dtype="int32", name="more")
        h = ops.sum(h, 1) / ops.expand_dims(ops.cast(more, "float32"), -1)
    elif kind == "calculated":
        more = K.Input((L,), dtype="int64", name="more")
        h = ops.mean(h * ops.cast(ops.expand_dims(more, -1), "float32"), 1)
    else:
        more = K.Input((L,), dtype="bool" if kind == "bool" else "int32", name="more")
        chosen = more if kind == "bool" else ops.equal(more, 1)
        h = ops.mean(ops.where(ops.expand_dims(chosen, -1), h, 0.0), 1)
    return keras.Model([seq, more], K.Dense(1)(K.Dense(4, activation="tanh")(h)))


MORE = {
    "selecting": np.array([[1] * 8 + [0] * 4, [1] * 12, [0, 1] * 6]),
    "calculated": np.array([[1] * 8 + [0] * 4, [1] * 12, [0, 1] * 6]),
    "bool": np.array([[1] * 8 + [0] * 4, [1] * 12, [0, 1] * 6], bool),
    "length": np.array([12, 7, 4]),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("deeplift", "selecting"), ("ism", "selecting"), ("smoothgrad", "selecting"), ("deeplift", "calculated")),
        *(("grad-cam", "length"), ("expected-gradients", "length"), ("lime", "bool"), ("ism", "bool")),
    ],
)
def test_whole_numbers_beside_a_sequence(name, kind):
    """The sequence's scores are those of the model with the numbers built in."""
    model, more = masked(kind), MORE[kind]
    options = {"references": {"seq": REFS}} if name in ("deeplift", "lime") else {}
    options |= {"samples": 40} if name == "lime" else {}
    found = gl.method(name, model, **options)({"more": more, "seq": SEQ})
    np.testing.assert_allclose(found.predictions, model([SEQ, more])[:, 0], atol=1e-5)
    assert np.abs(found.scores["seq"]).max() > 0
    if name in ("deeplift", "ism"):
        own = tf.constant(more[:1])
        method = gl.method(
            name, lambda x: model([x, tf.repeat(own, tf.shape(x)[0], 0)]), **options and {"references": REFS}
        )
        np.testing.assert_allclose(found.scores["seq"][0], method(SEQ[:1]).scores[0], atol=1e-5)
    if name == "deeplift":
        assert np.abs(found.residual).max() < 1e-5
        assert np.abs(found.scores["more"]).max() == 0


def test_what_the_model_calculates_with_gets_contributions():
    model = masked("length")
    given = {"seq": SEQ, "more": MORE["length"]}
    found = gl.DeepLift(model, references={"seq": REFS, "more": np.array([6])})(given)
    assert np.abs(found.scores["more"]).max() > 1e-4
    assert np.abs(found.residual).max() < 1e-5
    at_reference = model([np.repeat(REFS, N, 0), np.full(N, 6)])[:, 0]
    np.testing.assert_allclose(found.reference_predictions[:, 0], at_reference, atol=1e-5)


def test_references_of_numbers_that_only_select_are_refused():
    """The prediction would jump between the two, and no rule could say to what."""
    model, given = masked("selecting"), {"seq": SEQ, "more": MORE["selecting"]}
    with pytest.raises(InputError, match=r"input 'more' holds whole numbers .* keeps its own value"):
        gl.DeepLift(model, references={"seq": REFS, "more": np.zeros((1, L))})(given)
    # There is one input that can be compared, so references need no name.
    found = gl.DeepLift(model, references=REFS)(given)
    assert np.abs(found.residual).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "name"), [("int8", "deeplift"), ("uint8", "ism"), ("int64", "smoothgrad"), ("bool", "grad-cam")]
)
def test_one_hot_of_integers(kind, name):
    """Explained like the same model of floating-point numbers."""
    rest = keras.Sequential([K.Input((L, 4)), K.Conv1D(4, 3, activation="relu", name="conv"), K.Flatten(), K.Dense(1)])
    whole = K.Input((L, 4), dtype=kind, name="dna")
    model = keras.Model(whole, rest(ops.flip(ops.cast(ops.flip(whole, 1), "float32"), 1)))
    given = SEQ.astype(kind)
    options = {"references": REFS} if name == "deeplift" else {}
    found, plain = (gl.method(name, one, **options)(x) for one, x in ((model, given), (rest, SEQ)))
    np.testing.assert_allclose(found.scores, plain.scores, atol=1e-5)
    assert np.abs(found.scores).max() > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (MORE["selecting"] + 0.5, r"whole numbers from -16777216 to 16777216 \(int32\), but there are values from 0.5"),
        (MORE["selecting"] + 2**25, "but there are values from 3.35544e"),
    ],
)
def test_numbers_that_the_model_could_not_take(more, message):
    with pytest.raises(InputError, match=message):
        gl.method("ism", masked("selecting"))({"seq": SEQ, "more": more})


def test_only_whole_numbers_that_select_are_refused():
    ids = K.Input((L,), dtype="int32", name="ids")
    model = keras.Model(ids, ops.cast(ops.equal(ids, 1), "float32"))
    with pytest.raises(UnsupportedModel, match=r"'ids' takes integers .* nothing that importance could go to"):
        gl.DeepLift(model, 0)


def test_functions_of_integers():
    """A function gets integers as they were given where it does not run on floating-point numbers."""

    def model(seq, length):
        inside = tf.sequence_mask(length, L, dtype=tf.float32)
        return tf.einsum("nlc,nl->n", seq * tf.constant([1.0, 2, 3, 4]), inside)[:, None]

    X = {"length": MORE["length"], "seq": SEQ}
    found = gl.DeepLift(model, references={"seq": REFS})(X)
    np.testing.assert_allclose(found.predictions, model(tf.constant(SEQ), X["length"])[:, 0], atol=1e-5)
    assert np.abs(found.scores["seq"][2, 4:]).max() == 0
    table = tf.constant(RNG.normal(size=(6, 2)).astype(np.float32))
    tokens = RNG.integers(0, 6, (N, 5))
    by_token = gl.method("ism", lambda ids: tf.reduce_sum(tf.gather(table, ids), (1, 2))[:, None])(tokens)
    np.testing.assert_allclose(by_token.predictions, table.numpy()[tokens].sum((1, 2)), atol=1e-5)


def test_lists_of_lists(parts):
    trunk = parts["trunk"]
    want = gl.method("ism", trunk)(SEQ).scores
    for given in (SEQ.tolist(), list(SEQ), tuple(SEQ), [list(x) for x in SEQ]):
        for model in (trunk, lambda x: trunk(x)):
            if isinstance(given[0], np.ndarray) and model is not trunk:
                continue  # A list of arrays is several inputs, unless the model says that it takes one.
            np.testing.assert_array_equal(gl.method("ism", model)(given).scores, want)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (tf.RaggedTensor.from_tensor(SEQ, lengths=[12, 7, 4]), "X is a RaggedTensor; pad to one length"),
        (tf.sparse.from_dense(SEQ), "X is a SparseTensor; give tf.sparse.to_dense"),
        ([SEQ[0].tolist(), SEQ[1, :7].tolist()], "a list of 2 sequences that do not all have one shape"),
        ([SEQ[0], SEQ[1, :7]], "a list of 2 sequences that do not all have one shape, .*pad"),
        (["ACGTACGTACGT"], "holds <U12, not numbers; encode sequences with genolift.one_hot"),
        (np.ma.masked_equal(SEQ, 1), "masked values; fill them first"),
    ],
    ids=["ragged", "sparse", "lists", "arrays", "texts", "masked"],
)
def test_what_is_no_array_is_refused(parts, X, message):
    with pytest.raises(InputError, match=message):
        gl.method("ism", parts["trunk"])(X)


def test_models_of_ragged_tensors_are_refused():
    tf_keras = pytest.importorskip("tf_keras")
    inputs = tf_keras.Input((None, 4), ragged=True, name="dna")
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(1)(tf_keras.layers.LSTM(3)(inputs)))
    with pytest.raises(UnsupportedModel, match="'dna' of the model takes ragged tensors"):
        gl.DeepLift(model)
