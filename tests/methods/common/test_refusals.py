"""Mistakes in what is given to a method: each is refused in a sentence that names the remedy."""

import numpy as np
import pytest
import small_network
from small_network import L, X

import genolift as gl
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def model():
    return small_network.build()


@pytest.fixture(scope="module")
def pair():
    a, b = keras.Input((L, 4), name="dna"), keras.Input((2,), name="signal")
    h = K.Concatenate()([K.Flatten()(a), b])
    return keras.Model([a, b], {"counts": K.Dense(1)(h), "profile": K.Dense(6)(h)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (X[:, :5], r"'dna' takes arrays of shape \(N, 8, 4\), but X has shape \(3, 5, 4\)"),
        (X[0], r"takes arrays of shape \(N, 8, 4\).*the axis of the sequences is missing: .* X\[None\]"),
        (X[0].T, r"axes are turned, and the axis of the sequences is missing: .* X\.T\[None\]"),
        (X.transpose(0, 2, 1), r"takes arrays of shape \(N, 8, 4\).*axes are turned: give X\.transpose\(0, 2, 1\)"),
        (X[..., :3], r"takes arrays of shape"),
        (X[0, 0], "first axis is the sequences"),
        (X[:0], "no sequences"),
        (np.full_like(X, np.nan), "NaN or infinite"),
        (np.array(["ACGTACGT"]), "encode sequences with genolift.one_hot"),
        ([X, X], r"has 1 inputs \(dna\), but 2 were given"),
        ({"rna": X}, "inputs are dna; X has rna"),
    ],
)
def test_inputs(model, given, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=0)(given)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, r"'tasks' of shape \(N, 3\); choose one by target="),
        (3, r"out of range: output 'tasks' has 3 \(0 to 2\)"),
        (-4, "out of range"),
        ("tasks", r"'tasks' has 1 axis after the batch: \(3,\); choose one number, as in target=\('tasks', 0\)"),
        ((0, 1), r"has 2 indices, but output 'tasks' has 1 axis .*choose one number, as in target=\('tasks', 0\)"),
        (("counts", 0), "no output named 'counts'; it has 'tasks'"),
        ([], "list of targets is empty"),
        (0.5, "not understood"),
        (True, "not understood"),
        ("best", "no output named 'best'"),
    ],
)
def test_targets(model, target, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=target)


def test_target_of_several_outputs(pair):
    with pytest.raises(InputError, match=r"'counts'.*'profile'.*; name one, as in target="):
        gl.method("gradient-x-input", pair, target=0)
    with pytest.raises(InputError, match="several outputs"):
        gl.method("gradient-x-input", pair)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (np.zeros((1, 5, 4)), r"shape \(1, 5, 4\) do not fit inputs of shape \(3, 8, 4\)"),
        (np.zeros((2, 1, L, 4)), "given for 2 sequences, but there are 3"),
        (lambda x: x, r"it should give \(1, R, 8, 4\)"),
        ("noise", "write shuffled:20"),
        (lambda x: np.full((len(x), 1, L, 4), np.inf), "the reference function gave NaN or infinite"),
        ([np.zeros((1, L, 4))] * 2, "2 references are given for 1 inputs"),
        ({"rna": None}, r"unknown inputs \['rna'\]; there are dna"),
    ],
)
def test_references(model, references, message):
    with pytest.raises(InputError, match=message):
        gl.method("gradient-x-input", model, target=0, references=references)(X)


def test_references_that_cannot_be():
    for make, message in [
        (lambda: gl.references.Background([0.5, 0.6]), "sum to 1"),
        (lambda: gl.references.Background([1.5, -0.5]), "non-negative"),
        (lambda: gl.references.Shuffled(0), "at least 1"),
        (lambda: gl.references.Fixed(np.full((1, L, 4), np.nan)), "NaN or infinite"),
    ]:
        with pytest.raises(InputError, match=message):
            make()


def test_references_of_several_inputs(pair):
    signal = np.ones((3, 2))
    refs = [np.zeros((2, L, 4)), np.zeros((3, 2))]
    with pytest.raises(InputError, match=r"different numbers of references: \[2, 3\]"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=refs)([X, signal])
    with pytest.raises(InputError, match="dict by input name, or a list"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=gl.references.Zeros())([X, signal])
    with pytest.raises(InputError, match="need one-hot DNA"):
        gl.method("gradient-x-input", pair, target=("counts", 0), references=[None, gl.references.Shuffled(2)])(
            [X, signal]
        )
    with pytest.raises(InputError, match="different numbers of sequences"):
        gl.method("gradient-x-input", pair, target=("counts", 0))([X, signal[:2]])


def test_options(model):
    with pytest.raises(InputError, match="activation must be 'logit'"):
        gl.DeepLift(model, target=0, activation="softmax")
    with pytest.raises(InputError, match="choose among genomics"):
        gl.DeepLift(model, target=0, rule="taylor")
    with pytest.raises(InputError, match="choose among genomics"):
        gl.DeepLift(model, target=0, rule={"conv": "taylor"})
    with pytest.raises(InputError, match=r"does not run: dense_99; it runs .*conv.*hidden"):
        gl.DeepLift(model, target=0, rule={"dense_99": "rescale"})
    with pytest.raises(InputError, match=r"more than the budget .*; give memory="):
        gl.DeepLift(model, target=0, memory=100, references=gl.references.Zeros())(X)
    with pytest.raises(InputError, match="memory budget"):
        gl.DeepLift(model, target=0, memory="lots")


def test_rules_by_layer(model):
    """A name goes before a type, and layers that are not named use Rescale."""

    def scores(rule):
        return gl.DeepLift(model, target=0, rule=rule, references=gl.references.Zeros())(X).scores

    rescale, reveal, genomics = (scores(rule) for rule in ("rescale", "revealcancel", "genomics"))
    assert min(np.abs(a - b).max() for a, b in [(rescale, reveal), (reveal, genomics), (genomics, rescale)]) > 1e-4
    np.testing.assert_allclose(scores({"hidden": "revealcancel"}), genomics, atol=1e-6)
    np.testing.assert_allclose(scores({"Dense": "revealcancel", "Conv1D": "revealcancel"}), reveal, atol=1e-6)
    np.testing.assert_allclose(scores({"Dense": "revealcancel", "hidden": "rescale"}), rescale, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [(X[:, :0], "nothing in its sequences"), (X.astype(complex), "complex numbers")],
)
def test_empty_and_complex_inputs(given, message):
    with pytest.raises(InputError, match=message):
        gl.DeepLift(lambda x: tf.reduce_sum(x, [1, 2])[:, None], target=0)(given)


def test_no_references():
    with pytest.raises(InputError, match="none at all"):
        gl.references.Fixed(np.zeros((0, L, 4)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "gradient",
            {"references": "zeros"},
            "gradient takes no option 'references', because it compares a sequence with",
        ),
        ("gradient", {"steps": 5}, "gradient takes no option 'steps'; it takes activation, "),
        ("deeplift", {"refrences": "zeros"}, "deeplift takes no option 'refrences'; did you mean references"),
        ("ism", {"layer": "tasks"}, "ism takes no option 'layer', because it explains the inputs"),
    ],
)
def test_options_of_other_methods(model, name, options, message):
    with pytest.raises(InputError, match=message):
        gl.method(name, model, target=0, **options)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((L, 4), None),
        ((4, L), "NCL"),
        ((1, L, 4), "N1LC"),
        ((L, 1, 4), "NL1C"),
        ((1, 4, L), "N1CL"),
        ((4, L, 1), "NCL1"),
    ],
)
def test_models_in_another_layout(shape, layout):
    """The layout is named, and one that the model loader understands."""
    from genolift.models.layout import Layout

    inputs = keras.Input(shape)
    model = keras.Model(inputs, K.Dense(1)(K.Flatten()(inputs)))
    given = np.random.default_rng(0).random((3, *shape), np.float32)
    if layout is None:
        gl.DeepLift(model)(X)
        return
    with pytest.raises(InputError, match=f"this is the layout {layout}: load the model with"):
        gl.DeepLift(model)(given)
    assert Layout.parse(layout).fits(shape)
    if layout == "NCL":
        with pytest.raises(InputError, match="this is the layout NCL"):
            gl.DeepLift(model)(X)


def test_outputs_are_named_in_the_kind_of_target_that_was_given(pair):
    for target, python, command in (
        (None, "choose one by target=", "choose one by --target"),
        (0, r"target=\('counts', 0\)", "--target counts:0"),
        ("logcounts", r"genolift\.targets\.LogCounts\(output='counts'\)", "--target logcounts:counts"),
        ("profile", r"genolift\.targets\.Profile\(output='counts'.*\)", "--target profile:counts"),
        ("counts", r"target=\('counts', 0\)", "--target counts:0"),
    ):
        with pytest.raises(InputError, match=python) as refused:
            gl.method("gradient-x-input", pair, target)
        assert command in refused.value.for_command_line()
