"""The simulated benchmark: what the paper's network answers to most holds the motifs that it was trained on."""

import numpy as np
import pytest

import genolift as gl
from genolift.evaluate.truth.matches import STRONG, find_matches
from genolift.simulate.reading import load_dataset

pytestmark = pytest.mark.slow

BOTH = 0


@pytest.fixture(scope="module")
def data(paper_data):
    return load_dataset(paper_data / "sequences.simdata.gz", "tal_gata", paper_data / "test_ids.txt.gz")


@pytest.fixture(scope="module")
def model(paper_data):
    return gl.load_model(paper_data / "model.json", weights=paper_data / "weights.h5")


def strong(dream, data):
    """The number of strong matches of each motif in each dream."""
    spec = gl.load_spec("tal_gata")
    counts = {}
    for name in ("GATA_disc1", "TAL1_known1"):
        matches = find_matches(dream.sequences, np.array(spec.motifs[name].matrix), spec.background, 30)
        counts[name] = np.bincount(matches.sequence[matches.log_odds >= STRONG], minlength=len(dream))
    return counts


def test_under_an_expert_the_optimum_for_both_has_both_motifs(model, data):
    dream = gl.dream(model, BOTH, real=data.sequences, expert="markov", typical=True)
    found = strong(dream, data)
    assert all(counts[0] >= 1 for counts in found.values())
    assert dream.outputs[0] > 0.99
    # A single start loses 3 to 11 % in four seeds, and the median of the best eight at most 8 %.
    assert dream.lost[0] < 0.2 * dream.values[0]
    assert np.median(dream.lost[:8] / dream.values[:8]) < 0.1
    # At least half of the best four are like real sequences.
    assert (dream.realism.p[:4] > 0.05).sum() >= 2


def test_without_an_expert_it_is_unlike_real_sequences(model, data):
    dream = gl.dream(model, BOTH, real=data.sequences)
    found = strong(dream, data)
    real = {name: 3 for name in found}  # No sequence of the simulation has more instances.
    assert sum(counts[0] for counts in found.values()) > sum(real.values()) / 2
    # Starts that end in a low optimum have changed little, and stay like real sequences.
    high = dream.values > dream.values[0] / 2
    assert high.sum() >= 2
    assert (dream.realism.p[high] < 0.01).all()
    assert dream.values[0] > 2 * np.quantile(predictions(model, data), 0.99)


def predictions(model, data):
    X = gl.one_hot(list(data.sequences[:1000]))
    p = np.clip(np.asarray(model(X))[:, BOTH], 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))
