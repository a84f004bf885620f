"""Write methods.md beside this file: which method explains which kind of model, and which fields it defines.

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

The tests run every method on five small models:
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
    ]
    (HERE / "methods.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
