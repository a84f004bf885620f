"""The bases of motif instances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genolift.simulate.background import categorical, tempered
from genolift.simulate.motifs import Motif
from genolift.simulate.parts import Embed
from genolift.simulate.spec import Spec
from genolift.support.errors import InputError

_ROUNDS = 1000


def draw_words(spec: Spec, embed: Embed, motif: str, n: int, random: np.random.Generator) -> np.ndarray:
    """Return the codes of ``n`` instances of a motif, (n, width) uint8, as the forward strand of the motif shows them.

    Raises
    ------
    InputError
        If instances as strong as ``embed.match`` wants do not come up.
    """
    draw = _drawer(spec, embed, motif, random)
    words = draw(n)
    if embed.match is None:
        return words
    wrong = np.arange(n)
    for _ in range(_ROUNDS):
        share = matches(spec, motif, words[wrong])
        wrong = wrong[(share < embed.match.min) | (share > embed.match.max)]
        if not len(wrong):
            return words
        words[wrong] = draw(len(wrong))
    raise InputError(
        f"motif {motif!r}: in {_ROUNDS:,} draws no instance had a match from {embed.match.min:g} to "
        f"{embed.match.max:g}; widen the range, or give another temperature"
    )


def matches(spec: Spec, motif: str, words: np.ndarray) -> np.ndarray:
    """Return the log-odds of instances as shares of the highest that their motif can have, (n,).

    Parameters
    ----------
    spec
        The configuration.
    motif
        The motif's name.
    words
        Codes of the instances as the forward strand of the motif shows them, (n, width).
    """
    scores = Motif(motif, spec.matrices[motif]).log_odds(spec.composition)
    share: np.ndarray = scores[np.arange(len(scores)), words].sum(axis=1) / scores.max(axis=1).sum()
    return share


def _drawer(spec: Spec, embed: Embed, motif: str, random: np.random.Generator) -> Callable[[int], np.ndarray]:
    matrix = spec.matrices[motif]
    if motif in spec.words:
        words, weights = spec.words[motif]
        if embed.sample == "best":
            best = words[weights.argmax()].astype(np.uint8)
            return lambda n: np.tile(best, (n, 1))
        ends = np.cumsum(weights)[:-1]
        return lambda n: words[np.searchsorted(ends, random.random(n), "right")].astype(np.uint8)
    if embed.sample == "best":
        consensus = matrix.argmax(axis=1).astype(np.uint8)
        return lambda n: np.tile(consensus, (n, 1))
    if embed.temperature != 1:
        matrix = tempered(matrix, embed.temperature)
    return lambda n: categorical(matrix, random.random((n, len(matrix)), dtype=np.float32))
