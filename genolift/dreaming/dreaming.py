"""``genolift.dream``: from a model and what is maximised to sequences, and what is to be thought of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from genolift.dreaming.climbing import PARTS, Climb, Climbing
from genolift.dreaming.densities import Density, MarkovDensity
from genolift.dreaming.realism import Parts, judge_realism, position_distances, windows_of, word_distances
from genolift.dreaming.result import Dream
from genolift.dreaming.spaces import CodeSpace, RelaxedSpace, Space
from genolift.dreaming.subject import Subject
from genolift.dreaming.units import Unit
from genolift.methods.targets import TargetLike
from genolift.sequence.alphabet import decode
from genolift.support.errors import InputError
from genolift.support.memory import parse_bytes

#: The expert that is fitted to the real sequences.
MARKOV = "markov"
#: How strong each penalty is where nothing is said.
STRENGTHS = {"l2": 1e-4, "entropy": 0.1, "none": 0.0}
_PRIOR = 0.1  # The strength with which a generator's own prior counts.


def dream(
    model: Callable,
    target: TargetLike | Unit = None,
    *,
    length: int | None = None,
    expert: str | Density | None = None,
    order: int | None = None,
    weight: float = 1.0,
    typical: bool = False,
    generator: Any = None,
    penalty: str = "entropy",
    strength: float | None = None,
    real: Any = None,
    starts: int = 16,
    steps: int = 500,
    rate: float = 0.1,
    growth: float = 0.6,
    seed: int = 0,
    activation: str = "logit",
    memory: str | int | float | None = None,
    progress: bool | None = None,
    state: str | Path | None = None,
) -> Dream:
    """Return sequences that maximise a target, a hidden unit or a filter of a model (activation maximisation).

    The objective f(x) + ``weight`` · log p(x) − ``strength`` · penalty is climbed from many starts at once. The
    sequence x is relaxed: each position is a distribution over the bases, the softmax of four free numbers, or what a
    generator makes of a code. This is section 3 of Montavon, Samek and Müller (2018): 3.1 without an expert, 3.2 with
    one, and 3.3 in the code space of a generator. Penalties without an expert go back to Simonyan, Vedaldi and
    Zisserman (2014).

    Parameters
    ----------
    model
        A model of one-hot sequences (N, L, 4), as for every method of genolift.
    target
        What is maximised: a target as for every method, or a :class:`genolift.dreaming.Unit` of a hidden layer.
    length
        The length of the sequences, where the model takes any.
    expert
        The density p: ``"markov"`` for a Markov chain that is fitted to half of ``real``, or a density such as
        :class:`genolift.dreaming.MarkovDensity`. None adds nothing.
    order
        The order of the Markov chain. By default it is the largest up to 5 that the sequences suffice for.
    weight
        The factor of log p(x). With 1 and a logit as target, the objective is the logarithm of a posterior.
    typical
        Whether to keep log p(x) at what it is for real sequences, which are much less probable than the most probable
        ones: −(log p(x) − m)² / (2 s²) is added in the place of log p(x), where m and s are the mean and the standard
        deviation of log p in the half of ``real`` that experts are fitted to.
    generator
        A decoder in whose code space is searched: a Keras model from codes (B, ...) to logits (B, L, 4), as
        :func:`genolift.models.generative.files.load_generator` returns it.
    penalty
        ``"l2"``, ``"entropy"`` or ``"none"``, see :class:`genolift.dreaming.spaces.RelaxedSpace`. With a generator the
        length of a code is penalised, and entropy too unless it is ``"none"``; see
        :class:`genolift.dreaming.spaces.CodeSpace`.
    strength
        The factor of the penalty. By default 0.0001 for l2, 0.1 for entropy, and 0.1 for a code.
    real
        Real sequences, as texts or one-hot (N, L, 4). Half of them fit the expert. The others judge what was found, and
        the search does not see them.
    starts
        The number of starts.
    steps
        The number of steps of Adam.
    rate
        The learning rate at the beginning, which falls to nothing along a cosine.
    growth
        The share of the steps over which ``weight`` and ``strength`` grow from nothing to their full size. With 0 they
        have it from the beginning; see :class:`genolift.dreaming.climbing.Climbing`.
    seed
        The seed of the starts, and of the division of ``real``. A start depends on the seed and its number alone.
    activation
        ``"logit"`` looks through a final sigmoid or softmax and through the ReLU behind a unit; ``"keep"`` does not.
    memory
        The budget for the network's activations, as ``"4GB"`` or a number of bytes. The default is 1 GB.
    progress
        Whether progress is shown; None shows it where the work is long.
    state
        A file that keeps how far the search has come. A call that was killed continues from it.

    Returns
    -------
    Dream
        The sequences and what is to be thought of them, the best first.

    Raises
    ------
    InputError
        If the model has no such target or unit, an option is none, the generator makes sequences of another length, or
        nothing can be climbed.
    UnsupportedModel
        If the model takes anything but one sequence (N, L, 4).
    """
    budget = parse_bytes(memory)
    if not isinstance(starts, int) or isinstance(starts, bool) or starts < 1:
        raise InputError(f"starts={starts!r} is not a whole number of at least 1")
    subject = Subject(model, target, length, activation)
    parts = None if real is None else Parts.of(_texts(real), seed)
    density = _expert(expert, order, parts)
    space: Space
    if generator is None:
        space = RelaxedSpace(subject.length, penalty)
    else:
        space = _codes(generator, subject.length, penalty)
    if strength is None:
        strength = STRENGTHS[penalty] if generator is None else _PRIOR
    usual = _typical(density, parts, subject.length, seed) if typical else None
    climb = Climb(subject, space, density, Climbing(steps, rate, weight, strength, growth, usual), budget)
    begun = np.stack([space.begin(seed, number) for number in range(starts)])
    points, history = climb.run(begun, None if state is None else Path(state), progress)
    settings = {
        "target": subject.name,
        "length": subject.length,
        "activation": activation,
        "space": space.describe(),
        "expert": None if density is None else density.describe(),
        **asdict(climb.climbing),
        "starts": starts,
        "seed": seed,
    }
    return _told(subject, density, parts, climb.opened(points), history, climb.size, settings)


def _told(
    subject: Subject,
    density: Density | None,
    parts: Parts | None,
    relaxed: np.ndarray,
    history: dict[str, np.ndarray],
    size: int,
    settings: dict[str, Any],
) -> Dream:
    codes = relaxed.argmax(-1).astype(np.uint8)
    X = np.eye(4, dtype=np.float32)[codes]
    values, outputs, slopes = subject.evaluate(X, size)
    order = np.argsort(-values, kind="stable")
    codes, slopes = codes[order], slopes[order]
    importance = (slopes * X[order]).sum(-1) - slopes.mean(-1)
    return Dream(
        subject=subject.name,
        starts=order,
        relaxed=relaxed[order],
        relaxed_values=history[PARTS[0]][-1][order],
        codes=codes,
        values=values[order],
        outputs=outputs[order],
        importance=importance,
        expert=None if density is None else density.score(codes),
        realism=None if parts is None else judge_realism(parts, codes, settings["seed"]),
        history={part: column[:, order] for part, column in history.items()},
        position_distances=position_distances(codes),
        word_distances=word_distances(codes),
        settings=settings,
    )


def _expert(expert: str | Density | None, order: int | None, parts: Parts | None) -> Density | None:
    if expert == MARKOV:
        if parts is None:
            raise InputError("a Markov chain is fitted to real sequences, and none are given")
        return MarkovDensity(parts.expert, order)
    if order is not None:
        raise InputError(f"an order is that of the expert {MARKOV!r}, which is not asked for")
    if isinstance(expert, str):
        raise InputError(f"the expert is {MARKOV!r} or a density, and not {expert!r}")
    return expert


def _typical(density: Density | None, parts: Parts | None, length: int, seed: int) -> tuple[float, float]:
    """Return the mean and the standard deviation of log p of the real sequences that experts are fitted to."""
    if density is None or parts is None:
        raise InputError("what is typical is a matter of real sequences under an expert; give both")
    density.check(length)
    scores = density.score(windows_of(parts.expert, length, seed))
    if scores.std() == 0:
        raise InputError("all real sequences have the same density, so none is more typical than another")
    return float(scores.mean()), float(scores.std())


def _codes(generator: Any, length: int, penalty: str) -> CodeSpace:
    if penalty not in ("entropy", "none"):
        raise InputError(f"codes are penalised for entropy or none of it, and not for {penalty!r}")
    return CodeSpace(generator, length, penalty == "entropy")


def _texts(real: Any) -> Sequence[str]:
    return decode(real) if hasattr(real, "ndim") else list(real)
