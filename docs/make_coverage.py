"""Writes coverage.md beside itself: what genolift does with every TensorFlow operation and every Keras layer.

The table of operations is read off the engine, that of layers off small models of each, the ones of the contract test.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "engine")]

import keras_cases  # noqa: E402

from genolift.engine.operations.differences import DIFFERENCES  # noqa: E402
from genolift.engine.operations.table import OPERATIONS, Linear, Unary, kind_of  # noqa: E402
from genolift.engine.tracing.spellings import SPELLINGS  # noqa: E402
from genolift.engine.walk.explain import Propagation  # noqa: E402
from genolift.engine.walk.rules import deeplift  # noqa: E402
from genolift.methods.common.traced import Traced  # noqa: E402

_KINDS = {
    "Linear": "linear",
    "Unary": "nonlinearity of each element: chord, or RevealCancel's two; of several active tensors: their orders",
    "Selection": "one of several passes: routed",
    "Extremum": "both orders of changing the two",
    "Sort": "a network of comparators, each a maximum and a minimum of two",
    "Softmax": "exponentials by chords and a normalising product, by logarithms where the two sides are far apart",
    "Loop": "its body walked turn by turn",
}

_INTRODUCTION = """# What is covered

Made by `docs/make_coverage.py`; do not edit. *Exact* means that contributions sum to f(x) − f(reference) at this step up
to rounding, without the local-integral fallback. An operation that is not listed is an error that names it and its
layer, unless `fallback="integrated-gradients"` allows it; `genolift.rules.register` adds one.

What does not carry importance (shapes, constants, comparisons, masks, integers) runs as it is. A mask or any other
comparison of the explained input must come out the same for a sequence and its reference; where it does not, explaining
fails with an error that names the step. So does what chooses places by the input's values (argsort and gather, argmax and
gather), other than sorts and the largest few, which have a rule of their own.
"""


def described(name: str) -> str:
    kind = OPERATIONS[name]
    if not isinstance(kind, Linear):
        return _KINDS[type(kind).__name__]
    several = kind.factors is None or len(kind.factors) > 1
    text = "weighted sum" if kind.mixes else "linear"
    return f"{text}; a product (midpoint) where several inputs are active" if several else text


def how(name: str) -> str:
    if isinstance(OPERATIONS[name], Unary) and name not in DIFFERENCES:
        return "exact; small differences by the derivative at the midpoint"
    return "exact"


def operations() -> str:
    rows = [f"| {name} | {described(name)} | {how(name)} |" for name in sorted(OPERATIONS)]
    rows += [
        f"| {name} | written with others of this table | exact |" for name in sorted(set(SPELLINGS) - set(OPERATIONS))
    ]
    rows.sort()
    return "\n".join(["## Operations", "", "| operation | kind | how |", "|---|---|---|", *rows])


def _steps(walk) -> list:
    """The walk's steps, those in loops included."""
    found = []
    for step in walk:
        found.append(step)
        if step.op == "Loop":
            found.extend(_steps(step.payload.walk))
    return found


def kinds_of(case) -> set[str]:
    model = keras_cases.build(case)
    traced = Traced(model, 0, "logit", [(keras_cases.LENGTH, 4)], ["x"])
    walk = Propagation(traced.program, traced.targets, deeplift).walk
    # The dense layers around the case are not its own.
    own = [s for s in _steps(walk) if s.op != "Input" and not _is_frame(s)]
    return {kind_of(step) for step in own}


def _is_frame(step) -> bool:
    return bool(step.layers) and bool(
        re.fullmatch(r"(functional\w*/)?(dense|flatten|reshape)(_\d+)?", step.layers[-1].path)
    )


def layers() -> str:
    found: dict[str, set[str]] = {}
    for case in keras_cases.CASES:
        found.setdefault(case.name, set()).update(kinds_of(case))
    rows = {}
    for name, kinds in found.items():
        shown = ", ".join(sorted(kinds)) or "passing"
        rows[name] = f"| {name} | {shown} | exact{', as a loop' if 'loop' in kinds else ''} |"
    for name in keras_cases.REFUSED:
        rows[name] = f"| {name} | makes integers of its input | refused |"
    for name, reason in keras_cases.NOT_RUN.items():
        rows[name] = f"| {name} | {reason} | {'refused' if 'strings' in reason else ''} |"
    ordered = [rows[name] for name in sorted(rows)]
    head = [
        "## Keras layers",
        "",
        "Random augmentation and dropout are off at inference; left on, or put into a functional model with training=True, "
        "they are refused.",
        "",
    ]
    return "\n".join([*head, "| layer | kinds of steps | how |", "|---|---|---|", *ordered])


def activations() -> str:
    rows = []
    for name in keras_cases.activation_names():
        refused = name in keras_cases.REFUSED_ACTIVATIONS
        rows.append(f"| {name} | {'refused: compares' if refused else 'exact'} |")
    return "\n".join(["## Keras activations", "", "| activation | how |", "|---|---|", *rows])


def main() -> None:
    text = "\n\n".join([_INTRODUCTION.rstrip(), operations(), layers(), activations()])
    (HERE / "coverage.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
