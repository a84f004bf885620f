"""What every method of influence promises, and what is refused."""

import numpy as np
import pytest
from influence_case import L, data, keras, network

import genolift as gl
from genolift.influence.catalog import METHODS
from genolift.influence.data import HeldSet
from genolift.influence.steps import Steps
from genolift.models.recipe.checkpoints import Keeper
from genolift.support.errors import InputError, UnsupportedModel


@pytest.fixture(scope="module", autouse=True)
def checkpoints(tmp_path_factory):
    """For TracIn."""
    OPTIONS["tracin"] = {"checkpoints": tmp_path_factory.mktemp("checkpoints")}
    keeper = Keeper(OPTIONS["tracin"]["checkpoints"], 5)
    for epoch in range(2):
        keeper.keep(network(2, "sigmoid", epoch), epoch + 1, 0.1)
    keeper.finish()


OPTIONS: dict[str, dict] = {"gauss-newton": {"damping": 1.0}}


def made(method, tmp_path=None, size=None, n=30):
    X, labels = data(n, 2, "sigmoid")
    steps = None if tmp_path is None else Steps(tmp_path)
    options = {"target": 1, "steps": steps, **OPTIONS.get(method, {})}
    influence = gl.Influence(network(2, "sigmoid"), X, labels, method=method, **options)
    if size is not None:
        influence._method.size = size
    return influence, X


#: Methods that take many passes over all weights, which are left to the slow tests.
LONG = ("gauss-newton", "tracin")


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in METHODS]
)
class TestEveryMethod:
    def test_results_do_not_depend_on_the_size_of_blocks(self, method):
        whole, X = made(method)
        small, _ = made(method, size=7)
        expected = whole(X[:4]).scores
        np.testing.assert_allclose(small(X[:4]).scores, expected, rtol=2e-3, atol=1e-4 * np.abs(expected).max())

    @pytest.mark.slow
    def test_a_killed_run_continues(self, method, tmp_path, monkeypatch):
        """Whatever step is next when it is killed: the end is the same, and no sequence is looked at again."""
        monkeypatch.setattr("genolift.influence.steps._EVERY", 0.0)
        influence, X = made(method, size=7)
        expected, suspects = influence(X[:4]).scores, influence.suspects()
        real, seen = HeldSet.blocks, []

        def killed(self, size, first=0):
            for block in real(self, size, first):
                if len(seen) % 8 == 4:
                    seen.append("killed")
                    raise KeyboardInterrupt
                seen.append(block.start)
                yield block

        monkeypatch.setattr(HeldSet, "blocks", killed)
        for _ in range(300):
            try:
                again, _ = made(method, tmp_path, size=7)
                found = again(X[:4]).scores
                break
            except KeyboardInterrupt:
                continue
        monkeypatch.setattr(HeldSet, "blocks", real)
        assert again.suspects().equals(suspects)
        assert seen.count("killed") >= 1
        assert found.tobytes() == expected.tobytes()

    def test_the_model_is_left_as_it_was(self, method):
        X, labels = data(30, 2, "sigmoid")
        model = network(2, "sigmoid")
        before, said = [weight.copy() for weight in model.get_weights()], model.predict(X, verbose=0)
        influence = gl.Influence(model, X, labels, method=method, target=0, **OPTIONS.get(method, {}))
        influence(X[:2])
        influence.suspects()
        assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
        np.testing.assert_array_equal(model.predict(X, verbose=0), said)


def test_the_table_has_those_that_move_a_query_most():
    influence, X = made("last-layer")
    found = influence(X[:3], names=["a", "b", "c"])
    table = found.top(4)
    for number, query in enumerate("abc"):
        for effect, sign in (("raises", 1), ("lowers", -1)):
            rows = table[(table["query"] == query) & (table["effect"] == effect)]
            best = np.sort(sign * found.scores[number])[::-1][:4]
            np.testing.assert_array_equal(sign * rows["score"], best[best > 0])
            assert list(rows["rank"]) == list(range(1, len(rows) + 1))
            kept = found.labels[rows["training"].astype(int), 1]
            np.testing.assert_array_equal(rows["label:1"], kept)
    assert found.to_tsv(4).splitlines()[0].split("\t") == list(table)


def test_queries_may_be_texts():
    influence, X = made("last-layer")
    text = "".join("ACGT"[base] for base in X[3].argmax(axis=1))
    np.testing.assert_array_equal(influence([text]).scores, influence(X[3:4]).scores)


def refused(match, kind=InputError, model=None, labels=None, queries=None, **options):
    X, own = data(20, 2, "sigmoid")
    given = network(2, "sigmoid") if model is None else model, X, own if labels is None else labels

    def ask():
        return gl.Influence(*given, **{"target": 0, **options})(X if queries is None else queries)

    with pytest.raises(kind, match=match):
        ask()


def test_what_cannot_be_used_is_refused():
    X, labels = data(20, 2, "sigmoid")
    refused("no method of influence 'nearest'; there are gauss-newton", method="nearest")
    refused("last-layer has no option 'l2'; it has damping", method="last-layer", l2=3)
    refused("there are the tasks 0, 1; choose one by target=", target=None)
    refused("there is no task 5", target=5)
    refused("has 2 outputs", labels=labels[:, 0])
    refused("are not all 0 or 1", labels=labels + 1)
    refused("20 training sequences need a row each", labels=labels[:5])
    refused("damping is a number of at least 0", method="last-layer", damping=-1)
    refused("l2 is a number above 0", method="representer", l2=0)
    refused(f"query sequences are {L - 1} long", queries=X[:, 1:])
    refused("lengths from 2 to 3", queries=["AC", "ACG"])
    refused("must be texts, or one-hot DNA", queries=X[:, :, :3])
    influence, X = made("last-layer")
    found = influence(X[:3])
    for match, ask in (
        ("1 of 3 queries", lambda: influence(X[:3], labels=[[0, 1]])),
        ("at least 1", lambda: found.top(0)),
        ("no query 'z'", lambda: found.number("z")),
    ):
        with pytest.raises(InputError, match=match):
            ask()


def test_models_that_are_not_understood_are_refused():
    layers = keras.layers
    inputs = keras.Input((L, 4))
    flat = layers.Flatten()(inputs)
    refused("none", UnsupportedModel, model=lambda x: x)
    refused("ends in 'flatten", UnsupportedModel, model=keras.Model(inputs, flat))
    refused("ends in relu", UnsupportedModel, model=keras.Model(inputs, layers.Dense(2, "relu")(flat)))
    refused("one output per task", UnsupportedModel, model=keras.Model(inputs, layers.Dense(2)(inputs)))
    penalty = layers.Dense(2, kernel_regularizer="l2", name="fine")(flat)
    refused("'fine' is trained with a penalty", UnsupportedModel, model=keras.Model(inputs, penalty))
    two = keras.Model(inputs, [layers.Dense(2)(flat), layers.Dense(2)(flat)])
    refused("one input and one output", UnsupportedModel, model=two)
    frozen = keras.Model(inputs, layers.Dense(2, "sigmoid")(flat))
    frozen.trainable = False
    refused("no trainable weight", UnsupportedModel, model=frozen)
