"""False discovery rates of seqlets and hits, over many simulated data sets: they are what they are said to be."""

from pathlib import Path

import numpy as np
import pytest

from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.pipeline.discovery import finding
from genolift.pipeline.discovery.patterns import hit_finder
from genolift.pipeline.discovery.seqlets import seqlet_finder
from genolift.sequence.alphabet import one_hot

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning")]
SETS, FDR = 200, 0.05


class Held:
    """Scores in memory, in the place of a store."""

    def __init__(self, values):
        self.values, self.width = values, values.shape[1]
        self.lengths = np.full(len(values), self.width)

    def __len__(self):
        return len(self.values)

    def blocks(self, name, label=None):
        yield slice(0, len(self.values)), self.values


def noise(rng, n, length, smooth=True):
    """Laplace noise, whose neighbours correlate by 0.81 where it is smooth."""
    values = rng.laplace(size=(n, length + 4))
    kernel = np.array([0.25, 0.75, 1, 0.75, 0.25]) if smooth else np.array([0, 0, 1.0, 0, 0])
    return sum(values[:, i : i + length] * each for i, each in enumerate(kernel / np.linalg.norm(kernel)))


def seqlets(scores, null=None):
    held = Held(scores), None if null is None else Held(null)
    finder = seqlet_finder(held[1] or held[0], 2, 3)
    return finding.find_significant(finding.Search(Path("scores"), null=Path("null"), fdr=FDR), finder, *held)[0]


def planted(rng, scores, n, height):
    truth = np.zeros(scores.shape, bool)
    for i in range(n):
        start = rng.integers(0, scores.shape[1] - 8)
        scores[i, start : start + 8] += height * rng.uniform(0.5, 1.5, 8)
        truth[i, start : start + 8] = True
    return truth


def rates(found, truth, n):
    right = [truth[i, a:b].any() for i, a, b in zip(found.sequence, found.start, found.end, strict=True)]
    return (1 - np.mean(right) if right else 0.0), np.sum(right) / n


def within(shares, level=FDR):
    """Assert a mean, but for two standard errors."""
    assert np.mean(shares) <= level + 2 * np.std(shares) / np.sqrt(len(shares)), np.mean(shares)


@pytest.mark.parametrize(("scale", "power"), [(1.0, 0.95), (1.25, 0.9), (1.5, 0.85), (2.0, 0.6)])
def test_sequences_with_motifs_have_a_larger_background(scale, power):
    shares, found = [], []
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        scores = noise(rng, 100, 300)
        scores[:50] *= scale
        truth = planted(rng, scores, 50, 9)
        share, right = rates(seqlets(scores, noise(rng, 100, 300)), truth, 50)
        shares.append(share)
        found.append(right)
    within(shares)
    assert np.mean(found) > power


def test_backgrounds_of_many_scales_in_data_and_null():
    shares, found = [], []
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        scores, null = (noise(rng, 100, 300) * rng.lognormal(0, 0.3, (100, 1)) for _ in range(2))
        truth = planted(rng, scores, 50, 12)
        share, right = rates(seqlets(scores, null), truth, 50)
        shares.append(share)
        found.append(right)
    within(shares)
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("smooth", [False, True])
def test_noise_without_a_null(monkeypatch, smooth):
    monkeypatch.setattr(finding, "_MOST_DRAWS", 20)
    some = {1: [], -1: []}
    for seed in range(SETS):
        found = seqlets(noise(np.random.default_rng(seed), 30, 300, smooth))
        for sign, counts in some.items():
            counts.append(float((np.sign(found.importance) == sign).any()))
    for counts in some.values():
        within(counts)


def test_motifs_without_a_null(monkeypatch):
    """In noise without correlation, for which shuffled positions were right, none are lost."""
    monkeypatch.setattr(finding, "_MOST_DRAWS", 20)
    shares, found = [], []
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        scores = noise(rng, 30, 300, smooth=False)
        truth = planted(rng, scores, 20, 7)
        share, right = rates(seqlets(scores), truth, 20)
        shares.append(share)
        found.append(right)
    within(shares)
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("with_null", [True, False])
def test_a_pattern_and_its_relative(monkeypatch, with_null):
    """Hits of either are right where they overlap a planted instance of the same pattern."""
    monkeypatch.setattr(finding, "_MOST_DRAWS", 20)
    heights = np.array([0.5, 0.6, 1.5, 2, 2, 2, 1.5, 1])
    patterns = [
        ContributionPattern(name, one_hot(text)[0].astype(float) * heights[:, None])
        for name, text in (("a", "CAGATAAG"), ("b", "GAGATAAC"))
    ]
    finder = hit_finder(patterns, 0.7, True)
    shares, found = [], []
    for seed in range(SETS // 2):  # Each has ten times as many places as the others.
        rng = np.random.default_rng(seed)
        codes, values, truth = rng.integers(0, 4, (60, 200)), rng.laplace(size=(60, 200)), {}
        for i in range(40):
            which, start = int(rng.random() < 0.2), int(rng.integers(10, 180))
            codes[i, start : start + 8] = patterns[which].cwm.argmax(1)
            values[i, start : start + 8] += 4 * heights * rng.uniform(0.7, 1.3)
            truth[i] = (which, start)
        held = Held((np.eye(4)[codes] * values[..., None]).astype(np.float32))
        other = np.eye(4)[rng.integers(0, 4, (600, 200))] * rng.laplace(size=(600, 200, 1))
        null = Held(other.astype(np.float32)) if with_null else None
        search = finding.Search(Path("scores"), null=Path("null"), fdr=FDR)
        hits = finding.find_significant(search, finder, held, null)[0]
        right = [
            i in truth and truth[i][0] == k and abs(truth[i][1] - start) < 8
            for i, k, start in zip(hits.sequence.tolist(), hits.pattern.tolist(), hits.start.tolist(), strict=True)
        ]
        shares.append(1 - np.mean(right) if right else 0.0)
        found.append(np.sum(right) / 40)
    within(shares)
    assert np.mean(found) > 0.8
