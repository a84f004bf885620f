"""Options as text: what each method takes, what a text means, and that every option is part of the record."""

import method_models
import numpy as np
import pytest

import genolift as gl
from genolift.methods.common.base import Method
from genolift.methods.common.options import Option, options_of, parsed
from genolift.methods.registry import listing, method_class
from genolift.pipeline.common.recipe import Recipe
from genolift.results.provenance import encode
from genolift.support.errors import InputError, UnsupportedModel

#: A value for each option that takes a name or numbers, none of them a default.
NAMES = {
    "pooling": "winner",
    "activation": "keep",
    "algorithm": "beam",
    "by": "ism",
    "combine": "max",
    "estimator": "linear",
    "existing": "keep",
    "forbid": "GAATTC",
    "gc": "0.3,0.7",
    "hold": "1:0.1",
    "composite": "epsilon-plus-flat",
    "fallback": "integrated-gradients",
    "fill": "zero",
    "frequencies": "0.3,0.2,0.2,0.3",
    "gauge": "copies",
    "hidden": "zplus",
    "instead": "unknown",
    "layer": "first",
    "moves": "left",
    "over": "outputs",
    "quadrature": "gauss-legendre",
    "rule": "revealcancel",
    "stretches": "2-5,7-9",
    "transform": "rank",
}
#: Another value for those of which some method has that one as its default.
OTHERS = {"activation": "logit"}
#: Options that name files, which are not here.
FILES = {"patterns", "keep", "only"}
#: Methods whose record says what they found in the model, and a model that they can read.
TELLS_OF_THE_MODEL = {
    **dict.fromkeys(["cam", "grad-cam", "guided-grad-cam"], "pooled"),
    **dict.fromkeys(["attention", "attention-rollout"], "attention"),
}
#: Options of a base that these refuse, which tells results apart as well.
REFUSED = {("interaction-maps", "layer"), ("interaction-maps", "over")}  # over needs a target with positions
#: Options that are given together.
TOGETHER = {
    "start": {"end": "12"},
    "end": {"start": "2"},
    "alpha": {"beta": "0.0"},
    "beta": {"alpha": "1.5"},
    "within": {"to": "0.5"},
}


def another(option: Option) -> str:
    """A text for a value that is not the default."""
    if option.name in NAMES and int not in option.types:
        return NAMES[option.name] if option.default != NAMES[option.name] else OTHERS[option.name]
    if {bool, int, float}.isdisjoint(option.types):
        pytest.fail(f"NAMES has no value for the option {option.name}")
    if bool in option.types:
        return "false" if option.default else "true"
    if int in option.types:
        return {"layer": "0", "head": "0"}.get(option.name, "9") if option.default is None else str(option.default + 1)
    return str(0.7 if option.default is None else 0.5 * option.default or -0.5)


@pytest.mark.parametrize("name", listing())
@pytest.mark.usefixtures("uncompiled")
def test_every_option_is_recorded(name):
    """What tells two results apart must be in the record, or one would be continued with the other's options."""
    kind = method_class(name)
    # A plain function is not traced before it is called, which saves a second each time.
    model = method_models.build(TELLS_OF_THE_MODEL[name]) if name in TELLS_OF_THE_MODEL else lambda x: x

    def described(texts: dict):
        return encode(kind(model, 0, **parsed(kind, texts)).describe())

    default = described({})
    options = options_of(kind)
    # What all methods take is tried on those that need no model.
    tried = options.keys() - (options_of(Method).keys() if name in TELLS_OF_THE_MODEL else ())
    for option in map(options.get, sorted(tried)):
        if option.types and option.name not in FILES and (name, option.name) not in REFUSED:
            with_it = {other: text for other, text in TOGETHER.get(option.name, {}).items() if other in options}
            try:
                changed = described({option.name: another(option), **with_it})
            except UnsupportedModel:  # which tells them apart as well
                continue
            assert changed != default, option.name


def test_an_option_that_is_not_recorded_would_be_noticed(monkeypatch):
    occlusion = method_class("occlusion")
    describe = occlusion.describe
    monkeypatch.setattr(occlusion, "describe", lambda self: {**describe(self), "stride": None})
    with pytest.raises(AssertionError, match="stride"):
        test_every_option_is_recorded("occlusion")


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        (
            "integrated-gradients",
            {"steps": "20", "gradient_correction": "True"},
            {"steps": 20, "gradient_correction": True},
        ),
        ("lime", {"kernel_width": "2", "samples": "30"}, {"kernel_width": 2.0, "samples": 30}),
        ("ism", {"fast": "none"}, {"fast": None}),
        ("ism", {"fast": "no"}, {"fast": False}),
        ("sis", {"threshold": "1e-3"}, {"threshold": 0.001}),
        ("maxent", {"frequencies": "0.3,.2,.2,.3"}, {"frequencies": (0.3, 0.2, 0.2, 0.3)}),
        ("deeplift", {"rule": "rescale"}, {"rule": "rescale"}),
        ("deeplift", {"rule": "a:rescale,b:revealcancel"}, {"rule": {"a": "rescale", "b": "revealcancel"}}),
        ("lrp-composite", {"composite": "dense:gamma:0.5"}, {"composite": {"dense": "gamma:0.5"}}),
        ("pairwise-mutagenesis", {"width": "5"}, {"width": 5}),
        ("lime", {"samples": 30}, {"samples": 30}),
    ],
)
def test_what_texts_mean(name, texts, expected):
    found = parsed(method_class(name), texts)
    assert found == expected
    assert all(type(found[key]) is type(value) for key, value in expected.items())


@pytest.mark.parametrize(
    ("name", "texts", "words"),
    [
        (
            "lime",
            {"windows": "3"},
            "lime takes no option 'windows'; it takes activation, alpha, dna, kernel_width, mean_",
        ),
        ("lrp-epsilon", {"gradient_correction": "true"}, "takes no option 'gradient_correction'"),
        ("integrated-gradients", {"layer": "first"}, "takes no option 'layer'"),
        ("lime", {"samples": "3.5"}, "samples=3.5 is not understood; it takes a whole number"),
        ("ism", {"fast": "1"}, "fast=1 is not understood; it takes none or true or false"),
        ("prediction-difference", {"background": "ACGT"}, "in Python only"),
        ("lime", {"seed": "3"}, "give seed="),
        ("lime", {"references": "zeros"}, "give references="),
    ],
)
def test_what_is_no_option(name, texts, words):
    with pytest.raises(InputError, match=words):
        parsed(method_class(name), texts)


def test_an_option_in_words():
    found = options_of(method_class("ism"))
    assert next(iter(found)) == "fast"
    assert (str(found["fast"]), found["fast"].words) == ("fast=none", "none or true or false")
    assert str(options_of(method_class("maxent"))["frequencies"]) == "frequencies=0.25,0.25,0.25,0.25"


def test_the_seed_is_that_of_all_references():
    for name in listing():
        kind = method_class(name)
        if hasattr(kind, "default_references") and hasattr(kind.default_references(), "seed"):
            assert Recipe(name, seed=7).keywords()["references"].seed == 7
    assert Recipe("deep-shap", references="sampled:5", seed=7).keywords()["references"].describe() == {
        "kind": "sampled",
        "n": 5,
        "frequencies": [0.25] * 4,
        "seed": 7,
    }
    with pytest.raises(InputError, match="ism takes no references"):
        Recipe("ism", references="zeros").keywords()


DRAWING = {
    "smoothgrad": {"samples": "4"},
    "expected-gradients": {"draws": "2"},
    "lime": {"samples": "30"},
    "kernel-shap": {"samples": "60"},
    "shapley-sampling": {},
    "mask": {"steps": "6"},
    "maxent": {"sweeps": "2", "burn": "1", "samples": "8"},
    "deep-shap": {},
    "surrogate": {"samples": "40", "pairwise": "false"},
}
REFERENCES = {name: "background" for name in ("expected-gradients", "lime", "kernel-shap", "shapley-sampling", "mask")}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", DRAWING)
def test_the_seed_reaches_what_draws(name, conv):
    """Also with references that draw nothing: then the method's own draws are all that differs."""
    X = method_models.sequences(2)
    made = [Recipe(name, ("0",), REFERENCES.get(name), DRAWING[name], seed).make(conv) for seed in (0, 5, 5)]
    first, other, again = (method(X).scores for method in made)
    assert np.abs(first - other).max() > 1e-4 * np.abs(first).max()
    np.testing.assert_array_equal(other, again)


@pytest.fixture(scope="module")
def conv():
    return method_models.build("conv")


def test_references_by_name():
    assert gl.references.parse("sampled").count == 100
    with pytest.raises(InputError, match="sampled:100"):
        gl.references.parse("sampled:many")
