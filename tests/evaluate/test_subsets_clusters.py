"""Clusters of sufficient subsets: planted patterns found again, on both strands, compared between sources."""

from typing import ClassVar

import numpy as np
import pytest

from genolift.evaluate.discovery.subsets import Clusters, Subset, cluster, edit_distances, misclassified, subsets_of
from genolift.plot.subsets import plot_clusters
from genolift.results.explanation import Explanation
from genolift.results.fields import POSITION
from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.support.errors import InputError

L = 30


class Found(Explanation):
    FIELDS: ClassVar = {**Explanation.FIELDS, "subsets": POSITION}


def explained(planted, seed=0):
    """Sequences with the texts of ``planted`` (list per sequence) as subsets, N's of which are not in them."""
    rng = np.random.default_rng(seed)
    sequences, subsets = [], np.zeros((len(planted), L), np.int16)
    for i, texts in enumerate(planted):
        letters, place = rng.choice(list("ACGT"), L), 1
        for k, text in enumerate(texts, start=1):
            for letter in text:
                if letter != "N":
                    letters[place], subsets[i, place] = letter, k
                place += 1
            place += 2
        sequences.append("".join(letters))
    predictions = np.linspace(-1, 1, len(planted), dtype=np.float32)
    return Found({"inputs": one_hot(sequences), "subsets": subsets, "predictions": predictions}, target=0)


def test_subsets_are_read_off():
    found = subsets_of(explained([["GATNA", "TT"], [], ["CCC"]]))
    assert [(s.name, s.number, s.start, s.text) for s in found] == [
        ("0", 1, 1, "GATNA"),
        ("0", 2, 8, "TT"),
        ("2", 1, 1, "CCC"),
    ]
    with pytest.raises(InputError, match="the method sis finds them"):
        subsets_of(Explanation({"inputs": one_hot(["ACGT"])}))


def levenshtein(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, change)
    return table[-1, -1]


def test_distances_by_the_definition():
    texts = ["GATAA", "GATTA", "TTATC", "GNTAAC", "CC"]
    found, flipped = edit_distances(texts)
    alone, _ = edit_distances(texts, both_strands=False)
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            longer = max(len(a), len(b))
            forward, backward = levenshtein(a, b) / longer, levenshtein(a, reverse_complement(b)) / longer
            np.testing.assert_allclose([alone[i, j], found[i, j]], [forward, min(forward, backward)], rtol=1e-6)
            assert flipped[i, j] == (backward < forward)


def test_planted_patterns_are_found_on_both_strands():
    rng = np.random.default_rng(1)
    gata = ["AGATAA", "TTATCT", "AGATAG", "AGATAA", "AGATAA"]
    tal = ["CANNTG", "CANNTG", "CACNTG"]
    rubbish = ["GGGGGGGGGG", "CGCACGTTACA"]
    planted = [[one] for one in [*gata * 2, *tal * 2, *rubbish]]
    rng.shuffle(planted)
    found = cluster(explained(planted), eps=0.3, least=4)
    assert len(found) == 2
    assert [len(p.members) for p in found.patterns] == [10, 6]
    assert {p.text for p in found.patterns} == {"AGATAA", "CANNTG"}
    assert (found.labels < 0).sum() == 2
    gata_like = found.patterns[0].frequencies
    np.testing.assert_allclose(gata_like[:5].max(1), 1)
    np.testing.assert_allclose(gata_like[5], [0.8, 0, 0.2, 0])
    np.testing.assert_allclose(found.patterns[1].frequencies[2], [0, 1 / 3, 0, 0])  # N leaves its share out
    one_strand = cluster(explained(planted), eps=0.3, least=4, both_strands=False)
    assert [len(p.members) for p in one_strand.patterns] == [8, 6]


def test_shifted_members_are_aligned():
    texts = ["GATAAG", "GATAA", "ATAAG", "CGATAAG", "GATAAG"]
    found = Clusters([Subset("", str(i), 1, 0, text) for i, text in enumerate(texts)], eps=0.4, least=2)
    (pattern,) = found.patterns
    assert pattern.text == "GATAAG"
    np.testing.assert_allclose(pattern.frequencies.sum(1), [0.8, 1, 1, 1, 1, 0.8])
    np.testing.assert_allclose(pattern.frequencies.max(1), pattern.frequencies.sum(1))


def test_two_models_are_compared():
    both = {"first": explained([["AGATAA"]] * 6 + [["CACGTG"]] * 5), "second": explained([["AGATAA"]] * 4)}
    table = cluster(both, least=3).table()
    assert table.pattern.tolist() == ["AGATAA", "CACGTG"]
    assert table[["size", "first", "second"]].to_numpy().tolist() == [[10, 6, 4], [5, 5, 0]]
    assert table.sequences.tolist() == [10, 5]
    assert cluster(both, least=30).table().empty


def test_misclassified_sequences():
    found = explained([["A"], ["C"], ["G"], ["T"]])
    assert misclassified(found, [1, 0, 1, 0]).names == ["0", "3"]
    with pytest.raises(InputError, match="one 0 or 1 for each of the 4 sequences"):
        misclassified(found, [1, 0])


def test_pictures_and_refusals():
    some = cluster({"a": explained([["AGATAA"]] * 6), "b": explained([["CACGTG"]] * 5)}, least=3)
    figure = plot_clusters(some)
    assert len(figure.axes) == 4
    assert figure.axes[1].patches[0].get_width() == 6
    with pytest.raises(InputError, match="form no cluster"):
        plot_clusters(cluster(explained([["AAAA"], ["CCCCC"]]), least=3))
    with pytest.raises(InputError, match="no subsets to cluster"):
        cluster(explained([[], []]))
    with pytest.raises(InputError, match="eps must be above 0"):
        cluster(explained([["A"]]), eps=0)
