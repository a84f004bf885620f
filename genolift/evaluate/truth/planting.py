"""Known motifs planted into shuffles of real sequences: a truth for a model that exists already."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genolift.sequence.alphabet import BASES, codes_matrix, letters, one_hot
from genolift.sequence.shuffle import shuffle
from genolift.simulate.background import categorical, tempered
from genolift.simulate.dataset import Dataset, Embedding
from genolift.support import progress as display
from genolift.support.errors import InputError
from genolift.support.seeds import stream

Predict = Callable[[np.ndarray], np.ndarray]

#: A motif counts as one to which the model responds from so many standard errors on.
CLEAR = 4.0
#: What is planted in the sequences, in turn: how many instances of how many motifs.
_KINDS = ("one", "pair", "one", "pair", "same", "pair", "one", "none")
#: Temperatures at which instances are drawn: as the motif has them, and weaker.
_TEMPERATURES = (1.0, 1.0, 2.0, 4.0)
_TRIES = 200


@dataclass(frozen=True)
class Response:
    """What a motif does to the prediction, in the middle of shuffled sequences.

    Attributes
    ----------
    motif : str
        Its name.
    effect, error : float
        The mean difference that an instance makes, and its standard error over sequences.
    """

    motif: str
    effect: float
    error: float

    @property
    def z(self) -> float:
        """The effect in standard errors."""
        if self.error > 0:
            return self.effect / self.error
        return float(np.copysign(np.inf, self.effect)) if self.effect else 0.0


def responses(
    predict: Predict,
    sequences: Sequence[str],
    motifs: Mapping[str, np.ndarray],
    seed: int = 0,
    unknown: str = "uniform",
    progress: bool | None = True,
) -> list[Response]:
    """Measure what each motif does to the prediction, the strongest first.

    An instance that is drawn from the motif replaces the middle of a dinucleotide shuffle of each sequence, on the
    forward strand of one half and the reverse of the other.

    Parameters
    ----------
    predict
        The function from one-hot sequences (n, L, 4) to predictions (n,).
    sequences
        Texts of one length.
    motifs
        Probabilities (width, 4) by name. Motifs that are longer than the sequences are left out.
    seed
        The seed of shuffles and instances.
    unknown
        How N is encoded, ``"uniform"`` or ``"zero"``.
    progress
        Whether to show the progress.
    """
    plain = codes_matrix([shuffled[0] for shuffled in shuffle(list(sequences), 1, seed=seed)])
    table = one_hot("ACGTN", unknown)[0]
    before = np.asarray(predict(table[plain]), dtype=float)
    found = []
    fitting = {name: matrix for name, matrix in motifs.items() if len(matrix) <= plain.shape[1]}
    with display.bar(len(fitting), "trying motifs", "motifs", show=progress) as bar:
        for name, matrix in fitting.items():
            random = stream(seed, "responses", name)
            words = categorical(matrix, random.random((len(plain), len(matrix)), dtype=np.float32))
            words[1::2] = 3 - words[1::2, ::-1]
            edited = plain.copy()
            start = (plain.shape[1] - len(matrix)) // 2
            edited[:, start : start + len(matrix)] = words
            effect = np.asarray(predict(table[edited]), dtype=float) - before
            error = float(effect.std(ddof=1) / np.sqrt(len(effect))) if len(effect) > 1 else np.inf
            found.append(Response(name, float(effect.mean()), error))
            bar.update(1)
    return sorted(found, key=lambda one: -abs(one.effect))


def plant(
    sequences: Sequence[str], names: Sequence[str], motifs: Mapping[str, np.ndarray], task: str, seed: int = 0
) -> Dataset:
    """Return dinucleotide shuffles of sequences in which motifs are planted at known places.

    In turn they get one instance, one each of two motifs, two of one motif, or none. Strengths vary, because instances
    are drawn at several temperatures; strands and places are random, and instances do not overlap.

    Parameters
    ----------
    sequences
        Texts of one length.
    names
        Their names.
    motifs
        Probabilities (width, 4) by name.
    task
        The name of the target.
    seed
        The seed of all draws.

    Raises
    ------
    InputError
        If the motifs do not fit into the sequences.
    """
    length = len(sequences[0])
    shuffled = codes_matrix([one[0] for one in shuffle(list(sequences), 1, seed=seed + 1)])
    embeddings: list[Embedding] = []
    known = list(motifs)
    for row, name in enumerate(names):
        random = stream(seed, "planting", name)
        kind = _KINDS[row % len(_KINDS)]
        if kind == "none":
            continue
        first = known[int(random.integers(len(known)))]
        chosen = [first]
        if kind == "same" or (kind == "pair" and len(known) == 1):
            chosen = [first, first]
        elif kind == "pair":
            others = [motif for motif in known if motif != first]
            chosen = [first, others[int(random.integers(len(others)))]]
        for motif, start in zip(chosen, _places([len(motifs[one]) for one in chosen], length, random), strict=True):
            heat = _TEMPERATURES[int(random.integers(len(_TEMPERATURES)))]
            warm = tempered(motifs[motif], heat)
            word = categorical(warm, random.random(len(warm), dtype=np.float32))
            back = random.random() < 0.5
            word = 3 - word[::-1] if back else word
            shuffled[row, start : start + len(word)] = word
            embeddings.append(Embedding(row, motif, start, start + len(word), "-" if back else "+", letters(word)))
    embeddings.sort(key=lambda one: (one.sequence_index, one.start))
    counts = np.bincount(shuffled[shuffled < len(BASES)].ravel(), minlength=4)
    return Dataset(
        names=list(names),
        sequences=[letters(row) for row in shuffled],
        labels=np.zeros((len(shuffled), 1), dtype=np.int8),
        tasks=[task],
        splits=np.full(len(shuffled), "test"),
        embeddings=embeddings,
        motifs=dict(motifs),
        background=counts / counts.sum(),
    )


def _places(widths: list[int], length: int, random: np.random.Generator) -> list[int]:
    """Return where instances begin, which do not overlap."""
    if sum(widths) > length:
        raise InputError(f"motifs of {' and '.join(map(str, widths))} bases do not fit into sequences of {length}")
    for _ in range(_TRIES):
        starts = [int(random.integers(length - width + 1)) for width in widths]
        order = np.argsort(starts)
        if all(starts[a] + widths[a] <= starts[b] for a, b in itertools.pairwise(order)):
            return starts
    free = length - sum(widths)
    return [free // 2, free // 2 + widths[0]][: len(widths)]
