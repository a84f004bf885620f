"""Signature, docstring and ``genolift methods NAME`` show every option of every method, the inherited ones too."""

import inspect
import re

import pytest

import genolift as gl
from genolift.cli.app import run
from genolift.methods.common.documented import description_of, meanings_of
from genolift.methods.common.options import all_options_of, options_of
from genolift.methods.gradients.saliency import SlopeMethod
from genolift.methods.registry import listing, method_class

SHARED = {"activation", "progress", "memory", "seed", "rc_average", "mean_normalise"}


@pytest.mark.parametrize("name", listing())
def test_every_option_is_shown(name, capsys):
    kind = method_class(name)
    signature = inspect.signature(kind)
    assert list(signature.parameters)[:2] == ["model", "target"]
    options = all_options_of(kind)
    assert options.keys() >= SHARED - set(kind.lacks)
    named = [one for one in signature.parameters.values() if one.kind is one.KEYWORD_ONLY]
    if kind.hands_on_to({}) == ():
        assert [one.name for one in named] == list(options), "the signature has all options, in their order"
    for one in signature.parameters.values():
        assert one.annotation is not one.empty, f"{one.name} has no type"
    for one in named:
        assert options[one.name].default == one.default
    assert run(["methods", name]) == 0
    told = " ".join(capsys.readouterr().out.split())
    documented = {parameter: what for parameter, what in meanings_of(kind).items() if parameter not in kind.lacks}
    assert documented.keys() == {
        ("**" * (one.kind is one.VAR_KEYWORD)) + one.name for one in signature.parameters.values()
    }
    for parameter, meaning in documented.items():
        assert len(meaning.split()) > 3, f"{parameter} has no meaning"
        assert meaning.endswith("."), parameter
        assert f"\n{parameter}" in kind.__doc__
    for option in options.values():
        assert re.sub(r"``|:\w+:", "", " ".join(option.meaning.split())).replace("`", "") in told.replace("`", "")
        assert (f"{option.name}=" if option.name in options_of(kind) else option.name) in told
    assert description_of(kind).split("\n")[0] in kind.__doc__.split("\n")[0]


def test_the_signature_is_of_the_class_and_not_of_what_it_makes():
    assert "rule" in inspect.signature(gl.DeepLift).parameters
    made = gl.DeepLift(lambda x: x[:, 0, :1])
    assert list(inspect.signature(made).parameters) == ["X", "names", "regions"]


def test_options_of_deeplift():
    told = inspect.getdoc(gl.DeepLift)
    assert "rule : str | Mapping[str, str], default 'genomics'\n    The rule for nonlinearities." in told
    assert "fallback : str | None, optional\n" in told
    assert "seed : int, default 0\n    The seed of the method's own" in told
    assert told.count("Parameters\n----------") == 1
    assert told.count("\nreferences : ReferencesLike, optional\n    What each sequence") == 1


def test_a_class_that_says_less_and_one_that_hands_nothing_on():
    class Plain(SlopeMethod):
        """One line.

        References
        ----------
        Somebody (2020).
        """

        def __init__(self, model, target=None, *, own=3, seed=7, **options):
            super().__init__(model, target, seed=seed, **options)

        def block(self, copies, inputs, rows): ...

    assert list(inspect.signature(Plain).parameters)[2:5] == ["own", "seed", "gradient_correction"]
    assert inspect.signature(Plain).parameters["seed"].default == 7
    assert meanings_of(Plain)["own"] == ""
    assert meanings_of(Plain)["seed"].startswith("The seed of the method")
    assert Plain.__doc__.startswith("One line.\n\nParameters\n----------\nmodel")
    assert Plain.__doc__.endswith("References\n----------\nSomebody (2020).\n")

    class Fixed(Plain):
        def __init__(self, model, *, other: int = 1):
            super().__init__(model, 0)

    assert list(inspect.signature(Fixed).parameters) == ["model", "other"]
    assert list(all_options_of(Fixed)) == ["other"]
