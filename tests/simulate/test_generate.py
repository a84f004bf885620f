"""Draw samples and estimate what went in. Seeds are fixed; correct code fails one seed in a thousand."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import load_spec, parse_spec
from genolift.support.errors import InputError

SURE = 1e-3


@pytest.fixture(scope="module")
def paper():
    return simulate("tal_gata", seed=4)


def by_motif(dataset, name):
    return [embedding for embedding in dataset.embeddings if embedding.motif == name]


def made(**changes):
    table = {
        "name": "t",
        "length": 20,
        "background": [0.25] * 4,
        "motifs": {"A": {"matrix": [[1, 0, 0, 0]] * 3}, "C": {"matrix": [[0.1, 0.6, 0.3, 0]] * 5}},
        "groups": [{"name": "g", "sequences": 20_000, "embed": [{"motif": "A", "count": 1}]}],
        "labels": {"has": "A > 0"},
    }
    return simulate(parse_spec(table | changes), seed=3)


def test_background_frequencies(paper):
    empty = [s for name, s in zip(paper.names, paper.sequences, strict=True) if name.startswith("neither")]
    assert len(empty) == 2000
    counts = one_hot(empty).sum(axis=(0, 1))
    assert chisquare(counts, np.array([0.3, 0.2, 0.2, 0.3]) * counts.sum()).pvalue > SURE
    # neighbours are independent
    pairs = Counter(a + b for s in empty for a, b in itertools.pairwise(s))
    expected = {a + b: p * q for a, p in zip("ACGT", (0.3, 0.2, 0.2, 0.3), strict=True)
                for b, q in zip("ACGT", (0.3, 0.2, 0.2, 0.3), strict=True)}  # fmt: skip
    total = sum(pairs.values())
    for pair, share in expected.items():  # overlapping pairs are not independent draws: 5 standard errors
        assert abs(pairs[pair] / total - share) < 5 * np.sqrt(share / total) * np.sqrt(2)


@pytest.mark.parametrize("name", ["GATA_disc1", "TAL1_known1"])
def test_every_matrix_is_found_again_in_its_instances(paper, name):
    counts = one_hot([embedding.string for embedding in by_motif(paper, name)]).sum(axis=0)
    matrix = paper.motifs[name]
    assert (counts[matrix == 0] == 0).all()
    for observed, expected in zip(counts, matrix, strict=True):
        possible = expected > 0
        if possible.sum() > 1:
            share = expected[possible] / expected[possible].sum()
            assert chisquare(observed[possible], share * observed.sum()).pvalue > SURE / len(matrix)


def test_numbers_of_instances_follow_their_distributions(paper):
    counts = paper.counts()
    groups = np.array([name.rsplit("_", 1)[0] for name in paper.names])
    single, double = np.array([2, 2, 4 / 3]) / (16 / 3), np.array([1, 1 / 2, 1 / 6]) / (5 / 3)
    for group, motif, expected in [
        ("gata_only", "GATA_disc1", single),
        ("tal1_only", "TAL1_known1", single),
        ("both", "GATA_disc1", double),
        ("both", "TAL1_known1", double),
    ]:
        observed = np.bincount(counts[motif][groups == group], minlength=4)
        assert observed[0] == 0
        assert chisquare(observed[1:], expected * 2000).pvalue > SURE
    both = groups == "both"
    table = Counter(zip(counts["GATA_disc1"][both], counts["TAL1_known1"][both], strict=True))
    cells = [(table[i, j], double[i - 1] * double[j - 1] * 2000) for i in (1, 2, 3) for j in (1, 2, 3)]
    assert chisquare(*zip(*cells, strict=True)).pvalue > SURE  # the two motifs' numbers are independent
    assert all(counts[motif][groups == "neither"].sum() == 0 for motif in counts)


def test_uniform_and_fixed_counts():
    dataset = made(
        groups=[
            {
                "name": "g",
                "sequences": 6000,
                "embed": [
                    {"motif": "A", "count": {"distribution": "uniform", "min": 0, "max": 2}},
                    {"motif": "C", "count": 2},
                ],
            }
        ]
    )
    counts = dataset.counts()
    assert chisquare(np.bincount(counts["A"])).pvalue > SURE
    assert (counts["C"] == 2).all()
    assert dataset.labels[:, 0].tolist() == (counts["A"] > 0).tolist()


def test_one_instance_lies_anywhere_alike():
    starts = [embedding.start for embedding in made().embeddings]
    assert set(starts) == set(range(18))
    assert chisquare(np.bincount(starts)).pvalue > SURE


def test_every_arrangement_without_overlap_is_equally_likely():
    dataset = made(
        length=11,
        groups=[
            {
                "name": "g",
                "sequences": 30_000,
                "embed": [{"motif": "A", "count": 2}, {"motif": "C", "count": 1}],
            }
        ],
        labels={"has": "C > 0"},
    )
    # one short of full: 3 + 3 + 5 = 11 leaves three orders
    found = Counter()
    rows = itertools.groupby(dataset.embeddings, key=lambda embedding: embedding.sequence_index)
    for _, row in rows:
        found["".join(embedding.motif for embedding in row)] += 1
    assert set(found) == {"AAC", "ACA", "CAA"}
    assert chisquare(list(found.values())).pvalue > SURE

    dataset = made(
        length=14,
        groups=[
            {
                "name": "g",
                "sequences": 30_000,
                "embed": [{"motif": "A", "count": 2}, {"motif": "C", "count": 1}],
            }
        ],
    )
    possible = set()
    for first, second, other in itertools.product(range(12), range(12), range(10)):
        taken = [*range(first, first + 3), *range(second, second + 3), *range(other, other + 5)]
        if first < second and len(set(taken)) == len(taken):
            possible.add((first, second, other))
    found = Counter()
    for _, row in itertools.groupby(dataset.embeddings, key=lambda embedding: embedding.sequence_index):
        row = list(row)
        a = sorted(embedding.start for embedding in row if embedding.motif == "A")
        found[(*a, next(embedding.start for embedding in row if embedding.motif == "C"))] += 1
    assert set(found) == possible
    assert chisquare(list(found.values())).pvalue > SURE


def test_no_two_instances_overlap_and_each_is_where_it_is_said_to_be(paper):
    occupied = np.zeros((len(paper), 200), dtype=int)
    for index, motif, start, end, strand, string in paper.embeddings:
        occupied[index, start:end] += 1
        assert end - start == len(paper.motifs[motif])
        assert paper.sequences[index][start:end] == string
        assert strand == "+"
    assert occupied.max() == 1
    keys = [(embedding.sequence_index, embedding.start) for embedding in paper.embeddings]
    assert keys == sorted(keys)


def test_positions_in_the_papers_set_up_are_symmetric(paper):
    # uniform over arrangements, hence the same seen from either end
    starts = np.array([e.start for e in by_motif(paper, "TAL1_known1")])
    mirrored = 200 - np.array([e.end for e in by_motif(paper, "TAL1_known1")])
    assert kstest(starts + np.random.default_rng(0).random(len(starts)), mirrored + 0.5).pvalue > SURE


def test_instances_keep_to_the_centre():
    placement = {"centre": 8}
    embed = [{"motif": "A", "count": 2}]
    groups = [{"name": "g", "sequences": 5000, "placement": placement, "embed": embed}]
    embeddings = made(groups=groups).embeddings
    assert min(e.start for e in embeddings) == 6
    assert max(e.end for e in embeddings) == 14


@pytest.mark.parametrize(("strand", "share"), [("forward", 0), ("reverse", 1), ("both", 0.5)])
def test_strands(strand, share):
    groups = [{"name": "g", "sequences": 4000, "embed": [{"motif": "C", "count": 1, "strand": strand}]}]
    dataset = made(groups=groups)
    reverse = [e for e in dataset.embeddings if e.strand == "-"]
    assert abs(len(reverse) / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000) + 1e-9
    forward = [e.string if e.strand == "+" else reverse_complement(e.string) for e in dataset.embeddings]
    counts = one_hot(forward).sum(axis=(0, 1))
    assert counts[3] == 0
    assert chisquare(counts[:3], np.array([0.1, 0.6, 0.3]) * counts.sum()).pvalue > SURE


def test_labels_follow_their_expressions(paper):
    groups = np.array([name.rsplit("_", 1)[0] for name in paper.names])
    expected = {"both": [1, 1, 1], "gata_only": [0, 1, 0], "tal1_only": [0, 0, 1], "neither": [0, 0, 0]}
    assert paper.tasks == ["both", "GATA", "TAL1"]
    assert paper.labels.tolist() == [expected[group] for group in groups]
    assert paper.labels.dtype == np.int8


def test_lengths_may_vary():
    dataset = made(length={"min": 5, "max": 9})
    lengths = np.array([len(s) for s in dataset.sequences])
    assert chisquare(np.bincount(lengths)[5:]).pvalue > SURE
    assert all(e.end <= lengths[e.sequence_index] for e in dataset.embeddings)
    ends = Counter((lengths[e.sequence_index], e.start) for e in dataset.embeddings)
    for length in range(5, 10):
        assert chisquare([ends[length, start] for start in range(length - 2)]).pvalue > SURE / 5


def test_same_seed_same_data_and_another_seed_other_data(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate("tal_gata", seed=seed, n=400).save(tmp_path / name)
    for file in ("sequences.fa", "dataset.tsv", "embeddings.bed"):
        first, again, other = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert first == again
        assert first != other
    assert simulate("tal_gata", n=40).sequences == simulate(load_spec("tal_gata"), seed=20170806, n=40).sequences


def test_another_number_keeps_the_proportions():
    dataset = simulate("tal_gata", n=1001)
    groups = Counter(name.rsplit("_", 1)[0] for name in dataset.names)
    assert sorted(groups.values()) == [250, 250, 250, 251]
    assert Counter(dataset.splits.tolist()) == {"train": 801, "valid": 100, "test": 100}
    with pytest.raises(InputError, match="4 groups"):
        simulate("tal_gata", n=3)


def test_order_and_splits_are_random(paper):
    assert Counter(paper.splits.tolist()) == {"train": 6400, "valid": 800, "test": 800}
    first = Counter(name.rsplit("_", 1)[0] for name in paper.names[:1000])
    assert chisquare(list(first.values())).pvalue > SURE
    test = paper.subset("test")
    assert chisquare(list(Counter(name.rsplit("_", 1)[0] for name in test.names).values())).pvalue > SURE
