"""Match finding against a twin that looks at one window at a time."""

import math

import numpy as np
import pytest

from genolift.evaluate.truth.matches import find_matches, window_sums
from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.simulate.reading import load_dataset
from genolift.support.errors import InputError

BACKGROUND = [0.3, 0.2, 0.2, 0.3]


def random_motif(rng, width):
    return rng.dirichlet(np.full(4, 0.4), size=width)


def random_sequence(rng, length):
    return "".join(rng.choice(list("ACGTN"), p=[0.29, 0.2, 0.2, 0.29, 0.02], size=length))


def naive_matches(sequence, pwm, top, strands):
    """[(start, strand, log-odds)], best first, by the definition."""

    def window_score(window):
        total = 0.0
        for k, base in enumerate(window):
            if base in "ACGT":
                b = "ACGT".index(base)
                total += math.log((0.999 * pwm[k][b] + 0.001 / 4) / BACKGROUND[b])
        return round(total, 9)

    candidates = []
    for p in range(len(sequence) - len(pwm) + 1):
        window = sequence[p : p + len(pwm)]
        scores = {"+": window_score(window)}
        if strands == "both":
            # the motif read on the other strand, scored against the bases that stand there
            total = 0.0
            for k, base in enumerate(reverse_complement(window)):
                if base in "ACGT":
                    b = "ACGT".index(base)
                    total += math.log((0.999 * pwm[k][b] + 0.001 / 4) / BACKGROUND[b])
            scores["-"] = round(total, 9)
        strand = max(scores, key=lambda s: (scores[s], s == "+"))
        candidates.append((p, strand, scores[strand]))
    chosen = []
    while candidates and len(chosen) < top:
        best = max(candidates, key=lambda c: (c[2], -c[0]))
        chosen.append(best)
        candidates = [c for c in candidates if abs(c[0] - best[0]) >= len(pwm)]
    return chosen


@pytest.mark.parametrize("strands", ["+", "both"])
@pytest.mark.parametrize("seed", range(6))
def test_equal_to_the_twin(seed, strands):
    rng = np.random.default_rng(seed)
    pwm = random_motif(rng, int(rng.integers(3, 9)))
    sequences = [random_sequence(rng, int(rng.integers(2, 60))) for _ in range(20)]
    found = find_matches(sequences, pwm, BACKGROUND, top=4, strands=strands)
    expected = [(i, *m) for i, s in enumerate(sequences) for m in naive_matches(s, pwm, 4, strands)]
    assert found.sequence.tolist() == [e[0] for e in expected]
    assert found.start.tolist() == [e[1] for e in expected]
    assert found.strand.tolist() == [e[2] for e in expected]
    np.testing.assert_allclose(found.log_odds, [e[3] for e in expected], atol=2e-9)


def test_a_match_at_the_left_end_counts_once():
    pwm = np.eye(4)[[2, 0, 3, 0]]  # GATA
    found = find_matches(["GATACCCCCCCCCCCC"], pwm, BACKGROUND)
    strong = found.log_odds >= 4
    assert found.start[strong].tolist() == [0]


def test_neighbours_may_touch_but_not_overlap():
    pwm = np.eye(4)[[0, 0, 0]]
    found = find_matches(["CAAAAAAAC"], pwm, BACKGROUND)
    assert sorted(found.start[found.log_odds > 3].tolist()) == [1, 4]


def test_one_hot_and_lower_case_are_the_same_sequences():
    rng = np.random.default_rng(3)
    sequences = [random_sequence(rng, 40) for _ in range(5)]
    pwm = random_motif(rng, 6)
    plain = find_matches(sequences, pwm, BACKGROUND)
    for other in (one_hot(sequences), one_hot(sequences, unknown="zero"), [s.lower() for s in sequences]):
        for a, b in zip(plain, find_matches(other, pwm, BACKGROUND), strict=True):
            np.testing.assert_array_equal(a, b)


def test_sequences_too_short_have_no_matches():
    assert len(find_matches(["ACG"], np.full((4, 4), 0.25), BACKGROUND).start) == 0


def test_wrong_arguments_are_refused():
    with pytest.raises(InputError, match="not 'x'"):
        find_matches(["ACGT"], np.full((2, 4), 0.25), BACKGROUND, strands="x")
    with pytest.raises(InputError):
        find_matches(["ACGT"], np.full((2, 3), 0.25), BACKGROUND)
    with pytest.raises(InputError, match="shape"):
        find_matches(np.zeros((4, 4)), np.full((2, 4), 0.25), BACKGROUND)


def test_window_sums():
    x = np.arange(12.0).reshape(2, 6)
    assert window_sums(x, 3).tolist() == [[3, 6, 9, 12], [21, 24, 27, 30]]


def test_the_papers_test_sequences_have_as_many_strong_matches_as_the_paper_recounted(paper_data):
    data = load_dataset(
        paper_data / "sequences.simdata.gz", spec="tal_gata", test_ids=paper_data / "test_ids.txt.gz"
    ).subset("test")
    both = data.labels[:, 0] == 1
    counts = {}
    for name in data.motifs:
        found = find_matches(data.sequences, data.motifs[name], data.background)
        counts[name] = int((both[found.sequence] & (found.log_odds >= 7)).sum())
    assert counts == {"GATA_disc1": 294, "TAL1_known1": 341}
