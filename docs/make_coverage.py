"""Write reference/coverage.md: what genolift does with every TensorFlow operation and every Keras layer.

The table of operations is read off the engine. The table of layers is made from small models of each layer, which the
contract test runs too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "helpers")]

import keras_cases  # noqa: E402

from genolift.engine.operations.kinds import Comparison, Linear, Unary  # noqa: E402
from genolift.engine.operations.record import Operation  # noqa: E402
from genolift.engine.operations.steps import kind_of  # noqa: E402
from genolift.engine.operations.table import OPERATIONS  # noqa: E402
from genolift.engine.walk.multipliers import Propagation  # noqa: E402
from genolift.engine.walk.rules import deeplift  # noqa: E402
from genolift.methods.common.traced import Traced  # noqa: E402

_INTRODUCTION = """# What is covered

This page says what genolift's DeepLIFT does with every TensorFlow operation, every Keras layer and every Keras
activation. It is made by `docs/make_coverage.py`; do not edit it.

- **Exact** means that contributions sum to f(x) − f(reference) at this step up to rounding, without the
  local-integral fallback.
- An operation that is not listed is an error. The error names the operation and its layer. You can allow the local
  integral with `fallback="integrated-gradients"`, or add the operation with `genolift.rules.register`.
- Some steps carry no importance: shapes, constants, comparisons, masks and integers. They run as they are.
- A mask, or any other comparison of the explained input, must come out the same for a sequence and its reference. If
  it does not, explaining fails with an error that names the step. The same holds for steps that choose places by the
  values of the input, such as argsort and gather, or argmax and gather. Sorts and the largest few (top k) are an
  exception; they have a rule of their own.

## Kinds

Each step of a model has a kind, and each kind has one rule. [How genolift computes DeepLIFT](../explanation/deeplift.md) describes the rules. In
this table, a tensor is active if it depends on the input that is explained.

| kind | what it is | how importance is handed back |
|---|---|---|
| passing | linear, without mixing: sums, averages, scales, views | by the transpose |
| weighted | a weighted sum: convolutions, matrix products | by the transpose |
| product | a linear operation with several active inputs that multiply | over both orders of changing them |
| unary | a nonlinearity of each element of one tensor | by a chord, or by RevealCancel's two |
| elementwise | a nonlinearity of the elements of several active tensors | over the orders of changing them |
| selection | one of several elements passes | to the elements of the window, by their Shapley values |
| extremum | the elementwise maximum or minimum of two tensors | over both orders of changing the two |
| sort | the largest elements of each row, in order | through comparators, each a maximum and a minimum of two |
| softmax | exponentials over their sum | exponentials by chords, then a normalising product; see below |
| loop | a body that runs turn by turn | through the body, turn by turn |
| complex | a linear step on complex numbers | by the transpose |

Softmax uses logarithms where x and the reference are far apart.
"""


def carries(operation: Operation) -> bool:
    """Whether importance flows through an operation, by its kind or by what it is rewritten with."""
    return operation.spelling is not None or not (operation.kind is None or isinstance(operation.kind, Comparison))


def described(operation: Operation) -> str:
    """Return the kinds that an operation can have, by the names of the first table."""
    if operation.kind is None:
        return "rewritten"
    if isinstance(operation.kind, Unary):
        return "unary or elementwise"
    if not isinstance(operation.kind, Linear):
        return type(operation.kind).__name__.lower()
    several = operation.kind.factors is None or len(operation.kind.factors) > 1
    kind = "weighted" if operation.kind.mixes else "passing"
    return f"{kind} or product" if several else kind


def how(operation: Operation) -> str:
    """Return how exactly an operation is handled."""
    if isinstance(operation.kind, Unary) and operation.difference is None:
        return "exact; midpoint"
    return "exact"


_OPERATIONS = """## Operations

- Where an operation has two kinds, the second one applies if several of its inputs are active.
- *Rewritten* means that genolift replaces the operation by other operations of this table.
- *Midpoint* means that small differences are computed by the derivative at the midpoint. For the other nonlinearities
  they are computed from an exact form.
"""


def operations() -> str:
    listed = {name: operation for name, operation in OPERATIONS.items() if carries(operation)}
    rows = sorted(f"| {name} | {described(known)} | {how(known)} |" for name, known in listed.items())
    return "\n".join([_OPERATIONS, "| operation | kind | how |", "|---|---|---|", *rows])


def _steps(walk) -> list:
    """Return the walk's steps, including those inside loops."""
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


_LAYERS = """## Keras layers

Each layer was tried in a small model, and the table lists the kinds of the steps that it ran. The dense layers that
frame the layer in this model are not counted, which is why the row of `Dense` itself does not say *weighted*.

Random augmentation and dropout are off at inference. If they are left on, or put into a functional model with
`training=True`, they are refused. A row without an entry in the last column is something that is not explained by
itself.
"""


def layers() -> str:
    found: dict[str, set[str]] = {}
    for case in keras_cases.CASES:
        found.setdefault(case.name, set()).update(kinds_of(case))
    rows = {}
    for name, kinds in found.items():
        shown = ", ".join(sorted(kinds)) or "passing"
        rows[name] = f"| {name} | {shown} | exact{', as a loop' if 'loop' in kinds else ''} |"
    for name in keras_cases.REFUSED:
        rows[name] = f"| {name} | turns its input into integers | refused |"
    for name, reason in keras_cases.NOT_RUN.items():
        rows[name] = f"| {name} | {reason} | {'refused' if 'strings' in reason else ''} |"
    ordered = [rows[name] for name in sorted(rows)]
    return "\n".join([_LAYERS, "| layer | kinds of steps | how |", "|---|---|---|", *ordered])


def activations() -> str:
    rows = []
    for name in keras_cases.activation_names():
        refused = name in keras_cases.REFUSED_ACTIVATIONS
        rows.append(f"| {name} | {'refused: compares' if refused else 'exact'} |")
    return "\n".join(["## Keras activations", "", "| activation | how |", "|---|---|", *rows])


def main() -> None:
    text = "\n\n".join([_INTRODUCTION.rstrip(), operations(), layers(), activations()])
    (HERE / "reference" / "coverage.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
