"""The table of operations agrees with itself, and what a user registers holds everywhere at once."""

from dataclasses import fields, replace
from typing import get_args

import keras
import numpy as np
import pytest

import genolift as gl
from genolift.engine.hidden.placing import last_placed
from genolift.engine.operations import kinds, record
from genolift.engine.operations.regions import fuse
from genolift.engine.operations.table import OPERATIONS, operation
from genolift.engine.windows import carry, lengthwise
from genolift.engine.windows.receptive import Receptive
from genolift.methods.common.traced import Traced
from genolift.support.errors import GenoliftWarning, InputError, UnsupportedModel
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
LENGTH = 19
ROWS = sorted(OPERATIONS)


# The table


def test_nothing_is_known_of_an_operation_that_nobody_described():
    plain = operation("NoSuchOperation")
    assert all(getattr(plain, field.name) in (None, False) for field in fields(plain))
    assert not plain.elementwise


def test_every_family_of_movement_has_a_function():
    assert set(carry.FAMILIES) == set(get_args(record.Window))
    assert {known.window for known in OPERATIONS.values()} - {None} <= set(carry.FAMILIES)


@pytest.mark.parametrize("name", ROWS)
def test_facts_agree_with_each_other(name):
    known = OPERATIONS[name]
    assert known != record.Operation(), "a row without a fact says nothing"
    if known.difference is not None:
        assert known.elementwise, "differences are taken inside fused functions, whose steps are elementwise"
    if known.elementwise:
        assert carry.rule_for(name) is carry.FAMILIES["elementwise"]
    if isinstance(known.kind, kinds.Unary):
        assert known.elementwise
    for choices in ("view", "reduces", "link", "control"):
        assert getattr(known, choices) in (None, *get_args(getattr(record, choices.capitalize(), record.Reduction)))
    if known.view is not None:
        assert isinstance(known.kind, kinds.Linear)
        assert known.moves
        assert known.keeps_sign
    if known.moves or known.shift or known.scale or known.adds:
        assert isinstance(known.kind, kinds.Linear)
        assert not known.kind.mixes
    if known.rectifier:
        assert isinstance(known.kind, kinds.Unary)
        assert not known.bounded_domain
    if known.filters:
        assert known.kind.convolves
    if known.transposes is not None:
        assert known.kind.mixes
    if known.reduces is not None:
        assert known.window == "reduction"
    if known.reciprocal is not None:
        assert isinstance(operation(known.reciprocal).kind, kinds.Unary)
    if known.reads is not None:
        assert known.spelling is not None
    if known.of_shape is not None:
        assert known.shape_only
    if known.alias or known.random or known.shape_only or known.control is not None:
        assert known.kind is None


@pytest.mark.parametrize("name", sorted(name for name, known in OPERATIONS.items() if known.non_negative))
def test_what_is_said_to_give_nothing_negative_does_not(name):
    x = np.linspace(-6, 6, 41, dtype=np.float32)[None]
    function = getattr(tf.raw_ops, name)
    argument = {"Softplus": "features", "Relu": "features", "Relu6": "features", "Softmax": "logits"}.get(name, "x")
    assert (function(**{argument: x}).numpy() >= 0).all()


# Registration, after everything has been imported, of an operation that is in no table.

OP = "BesselY0"


def unknown(h):
    """The operation, which exists for positive numbers only, of positive numbers."""
    return tf.raw_ops.BesselY0(x=1 + tf.nn.softplus(h))


@pytest.fixture
def table(monkeypatch):
    """The table, put back after the test."""
    assert OP not in OPERATIONS
    monkeypatch.setitem(OPERATIONS, OP, record.Operation())
    return OPERATIONS


@pytest.fixture(scope="module")
def model():
    """Convolution, the unknown operation, convolution, average, dense."""
    keras.utils.set_random_seed(3)
    x = keras.Input((LENGTH, 4))
    h = K.Lambda(unknown, output_shape=lambda shape: shape)(K.Conv1D(5, 3)(x))
    h = K.GlobalAveragePooling1D()(K.Conv1D(4, 4, activation="relu")(h))
    return keras.Model(x, K.Dense(1)(h))


@pytest.fixture(scope="module")
def X():
    return np.eye(4, dtype=np.float32)[np.random.default_rng(5).integers(0, 4, (2, LENGTH))]


def difference(a, b, d):
    return tf.raw_ops.BesselY0(x=b) - tf.raw_ops.BesselY0(x=a)


def traced_from(model):
    """What methods trace of a model of sequences, and the values that its output is."""
    traced = Traced(model, 0, "logit", [(LENGTH, 4)], ["x"])
    return traced, [value for target in traced.targets for value in target.values]


@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_an_operation_registered_late_is_explained(table, model, X, rule):
    with pytest.raises(UnsupportedModel, match=OP):
        gl.DeepLift(model)(X)
    gl.rules.register(OP, gl.rules.Unary(), bounded_domain=True)
    found = gl.DeepLift(model, rule=rule, references=gl.references.Background())(X)
    assert np.abs(found.residual).max() < 1e-5
    assert np.abs(found.contributions).max() > 1e-3


def test_an_operation_registered_late_has_windows(table, model, X):
    """Mutagenesis runs it on windows of changed rows, and the answer is that of whole sequences."""
    gl.rules.register(OP, gl.rules.Unary())
    fast, plain = (gl.method("ism", model, fast=fast)(X) for fast in (True, False))
    np.testing.assert_allclose(fast.effects, plain.effects, atol=1e-5 * np.ptp(plain.effects))
    assert list(fast.provenance["form"].values()) == ["windows"]
    assert windows_of(model) == [True]


def windows_of(model) -> list[bool]:
    """Whether each of the steps of the operation is run on windows."""
    traced, ends = traced_from(model)
    receptive = Receptive(traced.program, ends, [(LENGTH, 4)])
    return [receptive.knows(step.output) for step in receptive.program.steps if step.op == OP]


def test_an_operation_registered_late_has_a_receptive_field(table, model):
    """Three bases of the convolution before it; behind the next convolution six."""
    assert windows_of(model) == [False]
    gl.rules.register(OP, gl.rules.Unary())
    traced, ends = traced_from(model)
    receptive = Receptive(traced.program, ends, [(LENGTH, 4)])
    (step,) = [step for step in receptive.program.steps if step.op == OP]
    assert receptive(step.output).width == 3
    assert receptive(last_placed(receptive, ends)).width == 6


def test_an_operation_registered_late_is_fused_with_others(table):
    """x·f(x) is one function of x."""
    traced, ends = traced_from(lambda x: (x * unknown(x))[:, 0, :1])
    assert not any(OP in {inner.op for inner in step.body} for step in fuse(traced.program, ends))
    gl.rules.register(OP, gl.rules.Unary())
    (region,) = [step for step in fuse(traced.program, ends) if step.body]
    assert {"Mul", OP} <= {inner.op for inner in region.body}


def test_an_exact_difference_is_used(table, model, X):
    gl.rules.register(OP, gl.rules.Unary(), difference=lambda a, b, d: 2 * difference(a, b, d))
    with pytest.warns(GenoliftWarning, match="the balance first fails at .*BesselY0"):
        gl.DeepLift(model, rule="rescale", references=gl.references.Background())(X)


def test_relevance_knows_a_registered_gate(table, X):
    """As a factor of a product a gate takes nothing, whatever it is called."""
    weights = tf.constant([[1.0], [2], [3], [4]])

    def product(x):
        return (x[:, 0] @ weights) * unknown(x[:, 1] @ weights)

    def parts():
        relevance = gl.method("lrp-epsilon", product)(X).contributions.sum(-1)
        return relevance[:, 0] / relevance.sum(-1), relevance[:, 1] / relevance.sum(-1)

    gl.rules.register(OP, gl.rules.Unary())
    np.testing.assert_allclose(parts(), 0.5, rtol=1e-4)
    gl.rules.register(OP, gl.rules.Unary(), gate=True)
    np.testing.assert_allclose(parts(), [[1, 1], [0, 0]], atol=1e-6)


def test_a_rule_of_ones_own_goes_before_the_kind(table, X):
    """Also where the kind would have been fused with its neighbours."""

    def halves(step, flows, back):
        return {value: gl.rules.Flow(flows[0].mean / 2) for value in step.active_inputs}

    def network(x):
        return tf.exp(unknown(x))[:, 0, :1]

    gl.rules.register(OP, gl.rules.Unary())
    plain = gl.DeepLift(network, references=gl.references.Background())(X)
    gl.rules.register(OP, rule=halves)
    with pytest.warns(GenoliftWarning, match="the balance first fails at .*BesselY0"):
        ruled = gl.DeepLift(network, references=gl.references.Background())(X)
    assert np.abs(plain.multipliers - ruled.multipliers).max() > 1e-3


def test_a_function_says_how_rows_travel(table, model, X):
    calls = []

    def window(step, layout):
        calls.append(step.op)
        return carry.FAMILIES["elementwise"](step, layout)

    gl.rules.register(OP, gl.rules.Unary(), window=window)
    assert windows_of(model) == [True]
    assert set(calls) == {OP}


def test_a_family_says_how_rows_travel(table):
    gl.rules.register(OP, gl.rules.Linear(), window="slice")
    assert carry.rule_for(OP) is lengthwise.slice_of


def test_what_is_known_already_stays(table):
    table[OP] = replace(operation("Relu"), rectifier=True)
    gl.rules.register(OP, gl.rules.Unary(), difference=difference)
    assert operation(OP).rectifier
    assert operation(OP).difference is not operation("Relu").difference


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((OP,), {}, "a kind or a rule"),
        (("", gl.rules.Unary()), {}, "name of an operation"),
        (("BesselY00", gl.rules.Unary()), {}, "no operation 'BesselY00'; did you mean BesselY0"),
        ((OP, gl.rules.Unary), {}, r"must be made, as in Unary\(\)"),
        ((OP, "unary"), {}, r"must be Linear\(\.\.\.\), Unary\(\) or Selection"),
        ((OP, gl.rules.Unary()), {"window": "sideways"}, "one of elementwise, last-axis.*'sideways'"),
        ((OP, gl.rules.Unary()), {"gate": "yes"}, "gate of BesselY0 must be True or False"),
        ((OP, gl.rules.Unary()), {"difference": 3}, "difference of BesselY0 must be a function"),
        ((OP,), {"rule": "rescale"}, "rule of BesselY0 must be a function"),
        ((OP, gl.rules.Linear()), {"difference": difference}, r"for operations of the kind Unary\(\)"),
    ],
)
def test_what_makes_no_sense_is_refused(table, arguments, options, message):
    with pytest.raises(InputError, match=message):
        gl.rules.register(*arguments, **options)
    assert table[OP] == record.Operation()
