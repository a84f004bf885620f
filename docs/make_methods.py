"""Write explanation/methods.md: which method explains which kind of model, and which fields it defines.

The models are those of the contract test, which checks every method against the table.
"""

from __future__ import annotations

import sys
import textwrap
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "helpers")]

import method_models  # noqa: E402

from genolift.methods.registry import listing  # noqa: E402
from genolift.support.errors import GenoliftError  # noqa: E402

_INTRODUCTION = """# Methods

This page lists every method, which kinds of model it explains, and what its result contains. It is made by
`docs/make_methods.py`; do not edit it.

On the command line, `genolift explain --method NAME` chooses a method; the default is `deeplift`. In Python,
`genolift.method(name, model, target=...)` makes one, and calling it with sequences returns an `Explanation`. The
command `genolift methods NAME` describes a method and lists its options.

## All methods
"""

_MODELS = """## Which method for which model

The tests run every method on five small models. `built-in` explains none of these, but networks that are built to be read,
see [Networks that can be read](readable.md):
"""

_COLUMNS = """In the table, *yes* below a model means that the method explains it, and *refused* means that it raises an
error. The columns before the models say what the result contains:

- *hypothetical*: hypothetical contributions, which say what each base would contribute at each position. TF-MoDISco
  needs them.
- *contributions*: raw contributions of single bases, and not only one score per position.
- *sum*: contributions that promise to sum to f(x) − f(reference), and the `residual` that is left.

If a method does not define a field, reading the field raises `genolift.Undefined` with the reason. The docstring of a
method says what it means by these fields.
"""

_REFUSALS = """## Why a method refuses a model

These are the error messages behind *refused* in the table:
"""

_OWN = """## A method of your own

A method is a class with a `name`, derived from the class whose work it shares:

- `genolift.methods.common.base.Method` traces the model and makes the result; `explain` returns its fields.
- `genolift.methods.common.referenced.ReferenceMethod` compares sequences with references; `multipliers` returns what
  computes the multipliers.
- `genolift.methods.gradients.saliency.SlopeMethod` takes slopes at the sequence, or at points made from it; `block`
  makes fields of them.
- `genolift.methods.perturbation.perturbed.ChangingMethod` predicts changed sequences, and `PerturbationMethod` beside it
  exchanges bases for those of references; `block` makes the changes, and `count` says how many there are.

Options are keyword-only parameters of `__init__` with a type, and all others are handed on. What an option means stands
under `Parameters` in the docstring. `describe` adds each option to the record of the result:

```python
import numpy as np

import genolift as gl
from genolift.methods.gradients.saliency import SlopeMethod


class SlopeThere(SlopeMethod):
    \"\"\"The slope at the base that is there, raised to a power.

    Parameters
    ----------
    power
        The power to which the size of each slope is raised; its sign is kept.
    \"\"\"

    name = "slope-there"

    def __init__(self, model, target=None, *, power: float = 1.0, **options):
        self.power = power
        super().__init__(model, target, **options)

    def describe(self):
        return {**super().describe(), "power": self.power}

    def block(self, copies, inputs, rows):
        predictions, slopes = copies.own_slopes()
        there = [(slope * x[:, None]).sum(-1) for slope, x in zip(slopes, copies.arrays, strict=True)]
        scores = [np.sign(slope) * np.abs(slope) ** self.power for slope in there]
        return {"predictions": predictions, "multipliers": slopes, "scores": scores}


gl.methods.register("slope-there", SlopeThere, "the slope at the base that is there")
```

Once it is registered it is there for `genolift.method` and `genolift.methods()`, and for the command line where your
program starts that with `genolift.cli.main()`. `"package.module:SlopeThere"` in place of the class imports it when it is
first made. A method of genolift's own is a module of one of the families in `genolift/methods` and a line in
`genolift/methods/catalog.py`.
"""

_FIELDS = {"hypothetical": "hypothetical", "contributions": "raw_contributions", "sum": "residual"}


def tried(name: str, model):
    """Return an explanation of a few sequences, or the error by which the method refuses the model."""
    try:
        return method_models.make(name, model, [0, 1])(method_models.sequences(4))
    except GenoliftError as problem:
        return problem


def _item(text: str) -> str:
    """Return a list item in lines of at most 120 columns."""
    return textwrap.fill(text, 120, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def main() -> None:
    warnings.simplefilter("ignore")
    models = {kind: method_models.build(kind) for kind in method_models.KINDS}
    head = ["method", *_FIELDS, *method_models.KINDS]
    rows, refusals = [], []
    for name in listing():
        found = {kind: tried(name, model) for kind, model in models.items()}
        refused = {kind: problem for kind, problem in found.items() if isinstance(problem, GenoliftError)}
        some = next((one for one in found.values() if not isinstance(one, GenoliftError)), None)
        defined = ["yes" if some is not None and field in some.defined else "no" for field in _FIELDS.values()]
        rows.append([f"`{name}`", *defined, *["refused" if kind in refused else "yes" for kind in models]])
        for message in dict.fromkeys(map(str, refused.values())):
            kinds = ", ".join(kind for kind, problem in refused.items() if str(problem) == message)
            refusals.append(_item(f"`{name}` ({kinds}): {message}."))
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    kinds = [f"- *{kind}*: {what}" for kind, what in method_models.KINDS.items()]
    summaries = [f"- `{name}`: {summary}" for name, summary in listing().items()]
    parts = [
        _INTRODUCTION.rstrip(),
        "\n".join(summaries),
        _MODELS.rstrip(),
        "\n".join(kinds),
        _COLUMNS.rstrip(),
        "\n".join(lines),
        _REFUSALS.rstrip(),
        "\n".join(refusals),
        _OWN.rstrip(),
    ]
    (HERE / "explanation" / "methods.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
