"""Writes methods.md beside itself: which method explains which kind of model, and which fields it defines.

The models are those of the contract test, which holds every method to the table.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "methods")]

import method_models  # noqa: E402

from genolift.methods.registry import listing  # noqa: E402
from genolift.support.errors import GenoliftError  # noqa: E402

_INTRODUCTION = """# Methods

Made by `docs/make_methods.py`; do not edit. `genolift.method(name, model, target=...)` makes a method, and calling it with
sequences gives an `Explanation`. A field that a method does not define raises `genolift.Undefined` with the reason.

*hypothetical*: whether it says what each base would be worth at each position, as MoDISco wants; *contributions*: whether
single bases have (raw) contributions; *sum*: whether contributions promise to add up to f(x) − f(reference), with the
`residual` that is left. What a method means by these fields is in its docstring.
"""

_FIELDS = {"hypothetical": "hypothetical", "contributions": "raw_contributions", "sum": "residual"}


def tried(name: str, model):
    """An explanation of a few sequences, or the refusal."""
    try:
        return method_models.make(name, model, [0, 1])(method_models.sequences(4))
    except GenoliftError as problem:
        return problem


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
            refusals.append(f"- `{name}`, {kinds}: {message}.")
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    kinds = [f"- *{kind}*: {what}" for kind, what in method_models.KINDS.items()]
    summaries = [f"- `{name}`: {summary}" for name, summary in listing().items()]
    parts = [
        _INTRODUCTION.rstrip(),
        "\n".join(summaries),
        "## Which model",
        "The kinds of model that the contract test runs every method on:",
        "\n".join(kinds),
        "\n".join(lines),
        "Refusals, in their own words:",
        "\n".join(refusals),
    ]
    (HERE / "methods.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
