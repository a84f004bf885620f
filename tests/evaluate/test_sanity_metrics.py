"""Metrics that explain further sequences or other models, on explanations that keep or break what they ask for."""

from zlib import crc32

import numpy as np
import pytest

from genolift.evaluate.faithfulness.metric import HIGHER, LOWER
from genolift.evaluate.faithfulness.subject import Case, Subject
from genolift.evaluate.sanity.catalog import METRICS
from genolift.evaluate.sanity.moving import CONTINUITY, ROBUSTNESS, STRANDS, silent_copies
from genolift.evaluate.sanity.parameters import EFFICIENT, SMOOTH, perturbed_copies
from genolift.evaluate.sanity.resemblance import AGREEMENT, LABELS
from genolift.evaluate.sanity.summary import Estimate, estimate, sentence

N, L = 60, 50
RNG = np.random.default_rng(0)
X = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, (N, L))]
PLACES = RNG.normal(size=L)


def matches(sequences):
    """GC after GC: a score at each position that knows neither its place nor its strand."""
    strong = sequences[:, :, 1] + sequences[:, :, 2]
    padded = np.pad(strong, ((0, 0), (1, 1)))
    return strong * (padded[:, :-2] + padded[:, 2:])


def by_place(sequences):
    return sequences[:, :, 0] * PLACES


def noise(sequences):
    return np.random.default_rng(crc32(np.ascontiguousarray(sequences).tobytes())).normal(size=sequences.shape[:2])


def case(explain, predict=lambda sequences: matches(sequences).sum(1), **options):
    return Case(Subject(X, predict), explain(X), explain, **options)


def test_continuity():
    assert CONTINUITY.compute(case(matches)).min() > 0.9  # the ends alone differ, as a base is carried round
    values = CONTINUITY.compute(case(by_place))
    assert abs(values.mean()) < 0.2
    inner = lambda sequences: sequences[:, :, 0] * np.arange(L)  # noqa: E731 - a score that grows with the place
    assert CONTINUITY.compute(case(inner)).mean() > 0.9


def test_a_constant_shift_of_a_pointwise_score_is_followed_exactly():
    explain = lambda sequences: sequences @ np.array([1, 2, 3, 4.5])  # noqa: E731
    np.testing.assert_allclose(CONTINUITY.compute(case(explain)), 1)


def test_reverse_complement():
    np.testing.assert_allclose(STRANDS.compute(case(matches)), 1)
    stranded = lambda sequences: sequences @ np.array([1.0, 0, 0, -1])  # noqa: E731 - A and T have opposite signs
    np.testing.assert_allclose(STRANDS.compute(case(stranded)), -1)


def test_robustness_keeps_to_substitutions_without_effect():
    """The output reads the first half alone, so that silent copies differ in the second."""
    half = lambda sequences: matches(sequences)[:, : L // 2].sum(1)  # noqa: E731
    subject = Subject(X, half)
    copies, silent = silent_copies(subject)
    assert silent.mean() > 0.5
    changed = (copies != X).any(2)
    assert (changed.sum(1) == 1).all()
    moved = np.abs(half(copies) - half(X))
    bound = 0.02 * np.abs(subject.predictions - subject.filled_predictions)
    assert (moved[silent] <= bound[silent]).all()
    steady = lambda sequences: sequences @ np.array([1, 2, 3, 4.5])  # noqa: E731
    np.testing.assert_allclose(ROBUSTNESS.compute(case(steady, half))[silent], 1)
    assert np.nanmean(np.abs(ROBUSTNESS.compute(case(noise, half)))) < 0.5


def test_robustness_is_not_defined_where_every_substitution_matters():
    every = lambda sequences: (sequences @ np.array([1, 2, 4, 8.0])).sum(1)  # noqa: E731 - no shuffle changes it
    one = case(matches, every)
    assert not silent_copies(one.subject)[1].any()
    assert np.isnan(ROBUSTNESS.compute(one)).all()


def test_smooth_randomisation_tells_what_ignores_the_weights():
    ignorant = SMOOTH.compute(case(by_place, stages=[by_place, by_place]))
    np.testing.assert_allclose(ignorant, 1)
    flipped = SMOOTH.compute(case(by_place, stages=[lambda sequences: -by_place(sequences)]))
    np.testing.assert_allclose(flipped, 1)  # the same picture in the other colours
    other = SMOOTH.compute(case(by_place, stages=[noise]))
    assert other.mean() < 0.3
    half = SMOOTH.compute(case(by_place, stages=[by_place, noise]))
    np.testing.assert_allclose(half, (1 + other) / 2)


def test_perturbed_copies_are_dna_with_few_changes():
    copies = perturbed_copies(Subject(X, lambda sequences: sequences[:, 0, 0]))
    np.testing.assert_array_equal(copies.sum(3), 1)
    changed = (copies != X[:, None]).any(3).mean()
    assert 0.035 < changed < 0.065


def test_efficient_randomisation_is_the_relative_rise_of_complexity():
    """One of fifty positions against fifty different scores in fifty bins: the entropy rises."""
    simple = np.zeros((N, L))
    simple[:, 7] = 1
    before = -(0.02 * np.log(0.02) + 0.98 * np.log(0.98))
    spread = lambda sequences: np.tile(np.arange(L), (len(sequences), 1))  # noqa: E731
    one = Case(Subject(X, lambda sequences: sequences[:, 0, 0]), simple, stages=[noise, spread])
    np.testing.assert_allclose(EFFICIENT.compute(one), (np.log(50) - before) / before)
    turned = Case(one.subject, spread(X), stages=[lambda sequences: simple])
    assert (EFFICIENT.compute(turned) < 0).all()
    constant = Case(one.subject, np.ones((N, L)), stages=[spread])
    assert np.isnan(EFFICIENT.compute(constant)).all()


def test_agreement_and_random_labels():
    one = case(by_place, other=-by_place(X), relabelled=lambda sequences: -by_place(sequences))
    np.testing.assert_allclose(AGREEMENT.compute(one), -1)
    np.testing.assert_allclose(LABELS.compute(one), 1)
    assert LABELS.compute(case(by_place, relabelled=noise)).mean() < 0.3


def test_what_a_metric_needs_is_said():
    bare = Case(Subject(X, lambda sequences: sequences[:, 0, 0]), by_place(X))
    lacking = {name for name, metric in METRICS.items() if metric.lacks(bare)}
    assert lacking == set(METRICS) - {"deletion", "insertion", "sensitivity-n", "sufficiency", "complexity"}


def test_intervals_hold_the_mean():
    held = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(1, 1, 40)
        values[::8] = np.nan
        found = estimate(values, seed)
        assert found.n == 35
        held += found.low <= 1 <= found.high
    assert held >= 52  # 57 of 60 are expected, and fewer than 52 have a chance of 1 %
    assert estimate(np.full(3, np.nan)).n == 0
    assert np.isnan(estimate(np.array([2.0])).low)


@pytest.mark.parametrize(
    ("better", "low", "high", "said"),
    [
        (HIGHER, 0.1, 0.3, "a is better than b (a difference of 0.2, 0.1 to 0.3)"),
        (LOWER, 0.1, 0.3, "b is better than a"),
        (HIGHER, -0.3, -0.1, "b is better than a (a difference of 0.2, 0.1 to 0.3)"),
        (HIGHER, -0.1, 0.5, "a and b cannot be told apart"),
    ],
)
def test_sentences_say_which_is_better(better, low, high, said):
    metric = next(one for one in METRICS.values() if one.better == better)
    assert said in sentence(metric, "a", "b", Estimate((low + high) / 2, low, high, 50))


def test_sentences_about_few_sequences():
    metric = METRICS["deletion"]
    assert "cannot be compared" in sentence(metric, "a", "b", Estimate(1, np.nan, np.nan, 1))
    assert "5 sequences are few" in sentence(metric, "a", "b", Estimate(1, 0.5, 1.5, 5))
