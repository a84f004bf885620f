"""What the suite compares: methods by name, each with its options and what sequences are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from genolift.methods import references as refs
from genolift.methods.registry import listing, no_method
from genolift.support.errors import InputError

_TRAINING = "training"
_SHUFFLES = "shuffled:10"  # The references of methods that are compared for their own sake.
# Methods that take a quarter of a second, one, or several seconds for a sequence explain so many.
_SOME, _FEW, _TEN = 60, 20, 10


@dataclass(frozen=True)
class Entry:
    """A method as the suite runs it.

    Attributes
    ----------
    name : str
        What it is called in tables.
    method : str
        The method's name.
    options : dict
        Its options.
    references : str or None
        What sequences are compared with, as the command line says it; ``None`` for methods without references.
    most : int or None
        How many sequences it explains at most, because each takes it long; ``None`` for all.
    """

    name: str
    method: str
    options: dict[str, Any] = field(default_factory=dict)
    references: str | None = None
    most: int | None = None

    def describe(self) -> dict[str, Any]:
        """Return what tells this entry from others."""
        return asdict(self)

    def compared_with(self, fit_on: Callable[[], Any] | None = None) -> refs.Reference:
        """Return the references, some of which are taken from what ``fit_on`` returns.

        Raises
        ------
        InputError
            If they are not understood, or are to be taken from sequences of which there are not as many.
        """
        number = _from_training(str(self.references))
        if number is None:
            return refs.parse(str(self.references))
        some = () if fit_on is None else fit_on()[:number]
        if len(some) < number:
            raise InputError(f"{self.name}: there are {len(some)} sequences to take the references from; ask for fewer")
        return refs.Fixed(some)

    def make(self, model: Any, target: Any, fit_on: Callable[[], Any] | None = None, **more: Any) -> Any:
        """Return the method for a model, with further options as methods take them.

        A method that is to be fitted is fitted on what ``fit_on`` returns, if that is given.
        """
        from genolift.methods.factory import method  # This import loads TensorFlow.

        references = {} if self.references is None else {"references": self.compared_with(fit_on)}
        made = method(self.method, model, target=target, progress=False, **self.options, **references, **more)
        if fit_on is not None and hasattr(made, "fit"):
            made.fit(fit_on())
        return made


def _from_training(text: str) -> int | None:
    """Return the number of training sequences that a text asks for as references; ``None`` for another kind."""
    kind, _, number = text.partition(":")
    return int(number) if kind == _TRAINING and number.isdecimal() and int(number) else None


def _entries() -> list[Entry]:
    rules = [
        Entry(f"deeplift-{rule}", "deeplift", {"rule": rule}, _SHUFFLES)
        for rule in ("genomics", "rescale", "revealcancel")
    ]
    pools = [
        Entry(f"deeplift-pool-{pool}", "deeplift", {"rule": "genomics", "pooling": pool}, _SHUFFLES)
        for pool in ("winner", "rise-and-fall")
    ]
    choices = {
        "zeros": "zeros",
        "background": "background:0.3,0.2,0.2,0.3",
        "1": "shuffled:1",
        "5": "shuffled:5",
        "20": "shuffled:20",
        "100": "shuffled:100",
        "mono": "shuffled1:10",
        "training": f"{_TRAINING}:10",
    }
    compared = [
        Entry(f"{label}@{name}", method, options, references, _FEW if name == "100" and method != "deeplift" else None)
        for label, method, options in (
            ("deeplift-genomics", "deeplift", {"rule": "genomics"}),
            ("integrated-gradients", "integrated-gradients", {"steps": 20}),
        )
        for name, references in choices.items()
    ]
    plain = [
        Entry(name, name)
        for name in (
            *("gradient", "sensitivity", "guided-backprop", "deconvnet", "cam", "grad-cam", "guided-grad-cam"),
            *("smoothgrad", "smoothgrad-squared", "smoothgrad-variance"),
            *("lrp-epsilon", "lrp-gamma", "lrp-alphabeta", "lrp-zb", "lrp-flat", "lrp-wsquare", "lrp-composite"),
            *("patternnet", "pattern-attribution", "attention-rollout", "ism"),
        )
    ]
    referenced = [
        Entry("gradient-x-input", "gradient-x-input", {}, _SHUFFLES),
        Entry("gradient-x-input@zeros", "gradient-x-input", {}, "zeros"),
        Entry("guided-backprop-x-input", "guided-backprop-x-input", {}, _SHUFFLES),
        Entry("integrated-gradients", "integrated-gradients", {"steps": 20}, _SHUFFLES),
        Entry("expected-gradients", "expected-gradients", {}, _SHUFFLES),
        Entry("deep-shap", "deep-shap"),
    ]
    slow = [
        Entry(name, name, {}, None, most)
        for most, names in (
            (_SOME, ("occlusion",)),
            (_FEW, ("lime", "shapley-sampling", "mask")),
            (_TEN, ("prediction-difference", "kernel-shap")),
        )
        for name in names
    ]
    # What methods that explain fewer sequences are compared with: the same sequences.
    first = [
        Entry(first_of(label, most), method, options, references, most)
        for label, method, options, references, most in (
            ("deeplift-genomics", "deeplift", {"rule": "genomics"}, _SHUFFLES, _FEW),
            ("deeplift-genomics", "deeplift", {"rule": "genomics"}, _SHUFFLES, _TEN),
            ("integrated-gradients@20", "integrated-gradients", {"steps": 20}, "shuffled:20", _FEW),
        )
    ]
    return [*rules, *pools, *compared, *referenced, *plain, *slow, *first]


def first_of(name: str, most: int) -> str:
    """Return the name of an entry that explains the first sequences alone, so many."""
    return f"{name}-first-{most}"


ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _entries()}


def choose(texts: Iterable[str]) -> list[Entry]:
    """Return the entries that a user names.

    Parameters
    ----------
    texts
        ``"all"``, names of entries, or names of methods; after an ``@`` what sequences are compared with, as in
        ``deeplift@shuffled:5``. ``training:10`` are the first ten of the sequences that methods are fitted on.

    Raises
    ------
    InputError
        If there is no such entry or method.
    """
    chosen: dict[str, Entry] = {}
    for text in texts:
        if text == "all":
            chosen |= ENTRIES
        elif text in ENTRIES:
            chosen[text] = ENTRIES[text]
        else:
            method, _, references = text.partition("@")
            if method not in listing():
                raise InputError(no_method(method) if method else f"{text!r} names no method")
            if references and _from_training(references) is None:
                refs.parse(references)
            chosen[text] = Entry(text, method, {}, references or None)
    return list(chosen.values())
