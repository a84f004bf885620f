"""Whether methods explain networks that compute the same function alike (implementation invariance).

    python benchmarks/invariance.py [--method NAME ...]

For every method it explains a network, and five networks that compute the same function by construction. It prints a
table with the largest difference of scores as a share of the largest score; 0 stands for rounding (below 1e-4), and
"refused" for a network that the method does not take. The table is in docs/explanation/judging.md.
"""

import sys
import warnings
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import method_models
import same_function

from genolift.methods.registry import listing
from genolift.support.errors import GenoliftError, GenoliftWarning

ROUNDING = 1e-4


def sequences(count: int = 8) -> np.ndarray:
    """The sequences that are explained."""
    return np.eye(4, dtype=np.float32)[np.random.default_rng(5).integers(0, 4, (count, same_function.LENGTH))]


def scores(name: str, model, X: np.ndarray, **options) -> np.ndarray | None:
    """A method's scores for one task; None for a network that it refuses."""
    try:
        return np.asarray(method_models.make(name, model, 0, **options)(X).scores, np.float64)
    except GenoliftError:
        return None


def change(one: np.ndarray | None, other: np.ndarray | None) -> float | None:
    """The largest difference as a share of the largest score; None where one is refused."""
    return None if one is None or other is None else float(np.abs(one - other).max() / np.abs(one).max())


def cell(value: float | None) -> str:
    if value is None:
        return "refused"
    return "0" if value < ROUNDING else f"{value:.2g}"


@click.command()
@click.option("--method", "methods", multiple=True, help="Only this method.")
def main(methods: tuple[str, ...]) -> None:
    warnings.simplefilter("ignore", GenoliftWarning)
    X, plain = sequences(), same_function.build()
    rows = [(name, {}) for name in methods or listing()]
    if not methods:
        rows[1:1] = [("deeplift", {"rule": rule}) for rule in ("rescale", "revealcancel")]
    others = {pair: same_function.build(pair) for pair in same_function.PAIRS}
    print("| method |", " | ".join(same_function.PAIRS), "|")
    print("|---|" + "---|" * len(others))
    for name, options in rows:
        own = scores(name, plain, X, **options)
        cells = [cell(change(own, scores(name, other, X, **options))) for other in others.values()]
        label = f"`{name}`" + "".join(f", {value}" for value in options.values())
        print(f"| {label} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
