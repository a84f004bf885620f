"""Markov chains as densities: of sequences exactly log p, of relaxed ones its expectation."""

from itertools import product

import numpy as np
import pytest
from dream_models import linear, real_sequences

import genolift as gl
from genolift.dreaming.densities import MarkovDensity, NetworkDensity
from genolift.models.generative.autoregressive import build_autoregressive
from genolift.sequence.alphabet import encode
from genolift.simulate.background import order_for
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


def slow_log_prob(sequences: list[str], order: int, text: str) -> float:
    """log p of a text under the chain, from counts of words in a dict, each base after the others."""
    counts: dict[str, float] = {"".join(word): 1.0 for word in product("ACGT", repeat=order + 1)}
    for sequence in sequences:
        for start in range(len(sequence) - order):
            counts[sequence[start : start + order + 1]] += 1
    total = np.log(counts[text[: order + 1]] / sum(counts.values()))
    for end in range(order + 2, len(text) + 1):
        word = text[end - order - 1 : end]
        total += np.log(counts[word] / sum(counts[word[:-1] + base] for base in "ACGT"))
    return float(total)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_of_sequences_it_is_the_chain_itself(order):
    real = real_sequences()
    density = MarkovDensity(real, order)
    texts = real_sequences(5, 9, seed=3)
    codes = np.stack([encode(text) for text in texts])
    expected = [slow_log_prob(real, order, text) for text in texts]
    np.testing.assert_allclose(density.score(codes), expected, rtol=1e-12)
    x = tf.constant(np.eye(4, dtype=np.float32)[codes])
    np.testing.assert_allclose(density.log_prob(x), expected, rtol=1e-5)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_of_relaxed_sequences_it_is_the_expectation(order):
    """Over all 4^5 sequences, each with the product of its positions' probabilities."""
    density = MarkovDensity(real_sequences(), order)
    x = np.random.default_rng(1).dirichlet(np.ones(4), (3, 5)).astype(np.float32)
    every = np.array(list(product(range(4), repeat=5)))
    chances = x[:, np.arange(5), every].prod(-1)  # (3, 1024)
    np.testing.assert_allclose(density.log_prob(tf.constant(x)), chances @ density.score(every), rtol=1e-5)


def test_probabilities_of_all_sequences_sum_to_one():
    density = MarkovDensity(real_sequences(), 2)
    every = np.array(list(product(range(4), repeat=6)))
    assert np.exp(density.score(every)).sum() == pytest.approx(1, rel=1e-9)


def test_a_sequence_as_long_as_a_word_is_one_word():
    real = real_sequences()
    density = MarkovDensity(real, 3)
    codes = encode("ACGT")[None]
    np.testing.assert_allclose(density.score(codes), slow_log_prob(real, 3, "ACGT"))
    np.testing.assert_allclose(
        density.log_prob(tf.constant(np.eye(4, dtype=np.float32)[codes])), density.score(codes), rtol=1e-5
    )
    with pytest.raises(InputError, match="4 bases or more"):
        density.check(3)


def test_the_order_is_the_largest_that_the_sequences_suffice_for():
    """20 times as many words as there are different ones: 20 · 4^3 = 1,280 for an order of 2."""
    assert order_for([np.zeros(1_281, np.uint8)]) == 1
    assert order_for([np.zeros(1_282, np.uint8)]) == 2
    assert order_for([np.zeros(10, np.uint8)]) == 0


def test_unknown_bases_divide_the_sequences():
    """No word goes over the N, so that both give the same counts."""
    halves = [part for one in real_sequences() for part in (one[:15], one[15:])]
    joined = [one[:15] + "N" + one[15:] for one in real_sequences()]
    codes = np.stack([encode(text) for text in real_sequences(3, 8, seed=5)])
    np.testing.assert_allclose(MarkovDensity(joined, 2).score(codes), MarkovDensity(halves, 2).score(codes))


@pytest.mark.parametrize(("order", "said"), [(-1, "whole number of at least 0"), (1.5, "whole number"), (6, "order 6")])
def test_orders_that_cannot_be(order, said):
    with pytest.raises(InputError, match=said):
        MarkovDensity(real_sequences(), order)


def test_a_network_is_a_density_that_the_search_can_climb():
    """At one-hot sequences it is the network's own log p, and the dream's is that of its sequence."""
    model = build_autoregressive(seed=2, channels=8, layers=2)
    density = NetworkDensity(model)
    target, weights = linear(length=6)
    dream = gl.dream(target, expert=density, weight=3.0, starts=4, steps=60)
    logits = model.predict(dream.X, verbose=0).astype(float)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(dream.expert, (logs * dream.X).sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(dream.history["log_density"][-1], dream.expert, atol=0.3)
    # The best of all 4^6 sequences, one by one; no start is above it.
    every = np.array(list(product(range(4), repeat=6)))
    values = weights[np.arange(6), every].sum(1) + 3 * density.score(every)
    reached = dream.values - 0.5 + 3 * dream.expert
    assert (reached <= values.max() + 1e-3).all()
    assert reached.max() > np.quantile(values, 0.999)
