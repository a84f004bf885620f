"""Explanations to export, and their stores."""

import numpy as np

from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot


def explained(n=5, length=12, targets=None, seed=0, unknown="uniform", **options):
    """An explanation whose hypothetical scores, scores and raw contributions agree, with an N in the first sequence."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGT"), length)) for _ in range(n)]
    texts[0] = texts[0][:2] + "N" + texts[0][3:]
    X = one_hot(texts, unknown)
    shape = (n, length, 4) if targets is None else (n, len(targets), length, 4)
    hypothetical = rng.normal(size=shape).astype(np.float32)
    x = X if targets is None else X[:, None]
    fields = {
        "inputs": X,
        "raw_contributions": x * hypothetical,
        "hypothetical": hypothetical,
        "predictions": rng.normal(size=shape[:-2]).astype(np.float32),
        "standard_error": np.full(shape[:-1], np.nan, np.float32),
    }
    if targets is not None:
        options["target"] = list(targets)
    options.setdefault("names", [f"s{i}" for i in range(n)])
    return Explanation(fields, method={"name": "test"}, **options)


def positions_only(n=3, length=12):
    """Scores of a method that knows positions only."""
    one = explained(n, length)
    return Explanation(
        {"inputs": one.inputs, "scores": one.scores},
        undefined={"hypothetical": "occlusion removes whole positions"},
        method={"name": "occlusion"},
    )


def stored(explanation, folder, name="s.zarr"):
    explanation.save(folder / name)
    return folder / name
