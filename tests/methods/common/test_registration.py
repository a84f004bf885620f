"""A method from outside the repository is made known with one call, and is then a method like any other."""

import re
from pathlib import Path

import method_models
import numpy as np
import outside_method
import pytest

import genolift as gl
from genolift.cli.app import run
from genolift.methods import registry
from genolift.support.errors import InputError

WHERE, SUMMARY = "outside_method:SlopeThere", "the slope at the base that is there"


@pytest.fixture
def registered(monkeypatch):
    """Forgets afterwards what a test has registered."""
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("where", [WHERE, outside_method.SlopeThere])
def test_a_method_from_outside(where, capsys):
    gl.methods.register("slope-there", where, SUMMARY)
    assert gl.methods()["slope-there"] == SUMMARY
    model, X = method_models.build("conv"), method_models.sequences(3)
    found = gl.method("slope-there", model, target=0, power=2.0)(X)
    expected = (gl.method("gradient", model, target=0)(X).multipliers * X).sum(-1)
    np.testing.assert_allclose(found.scores, np.sign(expected) * expected**2, rtol=1e-6)
    assert found.method["name"] == "slope-there"
    both = gl.method("slope-there", [model, model], target=0)(X)
    np.testing.assert_allclose(both.scores, expected, rtol=1e-6)
    assert run(["methods"]) == 0
    assert ["slope-there", SUMMARY] in [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert run(["methods", "slope-there"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--option power=1.0 a number The power to which the size of each slope is raised; its sign is kept." in told


@pytest.mark.usefixtures("registered")
def test_names_are_kept_apart():
    with pytest.raises(InputError, match="there is a method 'ism' already"):
        gl.methods.register("ism", "somebody:Else", SUMMARY)
    with pytest.raises(InputError, match="outside_method:SlopeThere is registered as 'slopes'"):
        gl.methods.register("slopes", outside_method.SlopeThere, SUMMARY)
    gl.methods.register("slopes", WHERE, SUMMARY)
    with pytest.raises(InputError, match="its attribute name must say the same"):
        gl.method("slopes", lambda x: x, 0)
    gl.methods.register("slope-nowhere", "outside_method:Nothing", SUMMARY)
    with pytest.raises(InputError, match="outside_method has no class Nothing"):
        gl.method("slope-nowhere", lambda x: x, 0)


@pytest.mark.usefixtures("registered")
def test_the_same_method_may_be_registered_again():
    for summary in ("first", "second"):
        gl.methods.register("slope-there", outside_method.SlopeThere, summary)
    assert gl.methods()["slope-there"] == "second"


@pytest.mark.usefixtures("registered")
def test_the_page_on_methods_shows_how():
    page = Path(__file__).parents[3] / "docs" / "explanation" / "methods.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, "methods.md", "exec"), {"__name__": "example"})
    assert gl.method("slope-there", lambda x: x[:, 0, :1], power=0.5).power == 0.5


@pytest.mark.usefixtures("registered")
def test_options_that_are_not_recorded_are_refused():
    class Forgetful(outside_method.SlopeMethod):
        name = "forgetful"

        def __init__(self, model, target=None, *, width: int = 3, **options):
            self.width = width
            super().__init__(model, target, **options)

    with pytest.raises(InputError, match=r"takes the options width and does not record them"):
        gl.methods.register("forgetful", Forgetful, "nothing")


@pytest.mark.usefixtures("registered")
def test_a_class_that_is_not_there():
    gl.methods.register("absent", "nowhere.at_all:Absent", "nothing")
    with pytest.raises(InputError, match="there is no module nowhere"):
        gl.method("absent", method_models.build("conv"), 0)


@pytest.mark.usefixtures("registered")
def test_fields_without_the_axis_of_targets_are_refused():
    """They would be taken for those of other targets."""
    from genolift.methods.common.base import Method

    class Flat(Method):
        name = "flat"

        def explain(self, inputs, traced):
            return {"scores": inputs.arrays[0].sum(-1)}, {}

    gl.methods.register("flat", Flat, "ones")
    model, X = method_models.build("conv"), method_models.sequences(3)
    assert gl.method("flat", model, target=0)(X).scores.shape == X.shape[:2]
    with pytest.raises(InputError, match=r"flat returned scores of shape .* those of 3 sequences and 2 targets"):
        gl.method("flat", model, target=[0, 1])(X)
