"""Explanations in which motifs are planted: their contributions follow the log-odds of the motif, and noise lies around."""

import numpy as np

from genolift.results.explanation import Explanation

GATA = ["CAGATAAGG", "AAGATAACG", "TAGATAAGA", "GAGATTAGG"]
TAL = ["AACAGATGGT", "AACAGCTGGT", "GACAGATGTT", "AACATATGGT"]


def matrix(texts):
    """The frequencies of the bases in texts of one length, (w, 4)."""
    return np.mean([np.eye(4)[["ACGT".index(letter) for letter in text]] for text in texts], axis=0)


def planted(n, length, motifs, seed=0, noise=0.02, both_strands=True, hypothetical=True, share=1.0, sizes=None):
    """Return an explanation of n sequences with at most one motif each, and the planted places.

    Parameters
    ----------
    motifs
        For each motif its matrix and the size of its contributions, with their sign.
    share
        How many of the sequences have a motif.
    sizes
        Further targets: for each a factor by which each motif's contributions are multiplied.
    """
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 4, (n, length))
    effect = np.zeros((n, length, 4))
    places = []
    for i in range(n):
        if rng.random() >= share:
            continue
        k = int(rng.integers(len(motifs)))
        table, size = motifs[k]
        width = len(table)
        start = int(rng.integers(0, length - width + 1))
        word = np.array([rng.choice(4, p=row) for row in table])
        weight = size * np.log((table + 0.02) / 0.27) / np.log(1.02 / 0.27) * rng.uniform(0.7, 1.3)
        turned = bool(both_strands and rng.random() < 0.5)
        if turned:
            word, weight = 3 - word[::-1], weight[::-1, ::-1]
        bases[i, start : start + width] = word
        effect[i, start : start + width] = weight
        places.append((i, k, start, start + width, turned))
    inputs = np.eye(4, dtype=np.float32)[bases]
    targets = [1.0] if sizes is None else None
    which = np.full(n, -1)
    for i, k, *_ in places:
        which[i] = k
    fields = []
    for by in targets or sizes:
        factor = np.array([1.0 if k < 0 else (by if np.isscalar(by) else by[k]) for k in which])
        own = effect * factor[:, None, None]
        fields.append((own + rng.laplace(scale=noise, size=(n, length, 4))).astype(np.float32))
    values = fields[0] if sizes is None else np.stack(fields, 1)
    x = inputs if sizes is None else inputs[:, None]
    content = {"inputs": inputs, "raw_contributions": values * x}
    if hypothetical:
        content["hypothetical"] = values
    names = [f"s{i}" for i in range(n)]
    target = None if sizes is None else list(range(len(sizes)))
    return Explanation(content, names=names, target=target), places
