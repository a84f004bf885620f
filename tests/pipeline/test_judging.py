"""What `genolift judge` makes of models and of records: shuffled weights that come back, and methods made again."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_network import X, build

import genolift as gl
from genolift.methods import targets
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.common.recorded import check_same_method, recorded_recipe
from genolift.pipeline.judging.subjects import Shuffled
from genolift.pipeline.judging.weights import STAGES, Weights
from genolift.support.errors import InputError

STORE = Path("scores.zarr")


@pytest.fixture(scope="module")
def model():
    return build()


def test_weights_are_shuffled_from_the_input_on_and_put_back(model):
    before = model.get_weights()
    weights = Weights([model], seed=0)
    assert weights.can_change
    assert weights.stages == [1 / 3, 2 / 3, 1]
    for stage, layers in zip(weights.stages, (1, 2, 3), strict=True):
        with weights.shuffled(stage):
            now = model.get_weights()
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            np.testing.assert_array_equal(np.sort(old, axis=None), np.sort(new, axis=None))
            assert np.array_equal(old, new) == (number // 2 >= layers or not old.any())
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_weights_are_put_back_after_an_error(model):
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt), Weights([model], 0).shuffled(1):
        raise KeyboardInterrupt
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_deep_networks_have_few_stages_and_functions_have_none():
    deep = gl.models.build("dilated", length=60, filters=4)
    assert len(Weights([deep], 0).stages) == STAGES
    assert not Weights([lambda x: x], 0).can_change


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("deeplift", ("0",), "shuffled1:4", {"rule": "rescale", "activation": "keep"}, seed=5),
        Recipe("deeplift", ("2",), "background:0.3,0.2,0.2,0.3", {"rc_average": True}),
        Recipe("integrated-gradients", ("0",), None, {"steps": 7}),
        Recipe("gradient-x-input", ("1",), "zeros"),
        Recipe("expected-gradients", ("1",), "sampled:4"),
        Recipe("occlusion", ("1",)),
        Recipe("ism", ("1",)),
    ],
    ids=lambda recipe: recipe.method,
)
def test_a_method_is_made_again_from_its_description(recipe, model):
    """As it must be for stores that were merged, which do not keep what was asked for."""
    method = recipe.make(model)
    target = targets.describe(method.target)
    again = recorded_recipe(STORE, method.describe(), target, {}).make(model)
    check_same_method(STORE, method.describe(), again.describe())
    np.testing.assert_array_equal(method(X).scores, again(X).scores)


@pytest.mark.parametrize("text", ["0", "3,1", "counts:0", "profile", "profile:head", "logcounts"])
def test_targets_are_read_from_their_record(text):
    told = targets.describe(targets.parse(text))
    recipe = recorded_recipe(STORE, {"name": "ism"}, told, {})
    assert targets.describe(targets.parse(recipe.targets[0])) == told


def test_what_was_asked_for_is_taken_as_it_was():
    asked = {"recipe": {"method": "ism", "targets": ("0", "counts:1"), "references": None, "options": {}, "seed": 4}}
    asked["recipe"]["fit_on"] = None
    recipe = recorded_recipe(STORE, {"name": "ism"}, ["counts", 1], {"asked": asked})
    assert recipe == Recipe("ism", ("counts:1",), None, {}, 4)


def test_what_a_record_does_not_tell_is_refused():
    described = {"name": "deeplift", "references": {"kind": "fixed", "digest": "ab"}}
    with pytest.raises(InputError, match=r"references \(fixed\) that cannot be made again"):
        recorded_recipe(STORE, described, 0, {})
    with pytest.raises(InputError, match="the target my_function, which cannot be made again"):
        recorded_recipe(STORE, {"name": "ism"}, "my_function", {})
    with pytest.raises(InputError, match=r"cannot be explained again as it was: method\.steps is 5 there and 6 here"):
        check_same_method(STORE, {"steps": 5, "genolift": "0"}, {"steps": 6, "genolift": "1"})


class Remembering:
    """A method that computes its scores from the weights when it is made, or whenever it is called."""

    def __init__(self, model, at_once):
        self.model, self.kept = model, None
        self.kept = self.now() if at_once else None

    def now(self):
        return float(np.abs(self.model.get_weights()[0][0, 0]).sum())

    def __call__(self, X):
        value = self.now() if self.kept is None else self.kept
        return SimpleNamespace(scores=np.full(X.shape[:2], value))


@pytest.mark.parametrize("at_once", [False, True])
def test_a_method_that_remembers_weights_is_made_again_under_shuffled_ones(at_once, model):
    """Or else it would pass for one that ignores the weights."""
    made = []

    def make(*_):
        made.append(Remembering(model, at_once))
        return made[-1]

    first = make()
    network = SimpleNamespace(weights=Weights([model], 0), made=lambda store: first, model=model, memory=None)
    store = SimpleNamespace(recipe=SimpleNamespace(make=make), unknown="uniform")
    shuffled = Shuffled(network, store, 1)
    with network.weights.shuffled(1):
        expected = first.now()
    assert expected != first.now()
    for _ in range(2):
        np.testing.assert_array_equal(shuffled(X), expected)
    assert len(made) == (4 if at_once else 2)
