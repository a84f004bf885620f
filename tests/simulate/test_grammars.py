"""What a configuration can say about motifs, syntax, backgrounds and labels, found again in what is drawn."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from genolift.sequence.alphabet import reverse_complement
from genolift.sequence.fasta import write_fasta
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.motifs import Motif, scan
from genolift.simulate.spec import parse_spec
from genolift.support.errors import ConfigError, InputError

SURE = 1e-3
SHARP = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]  # AGTCGA
MOTIFS = {"A": {"matrix": SHARP}, "B": {"matrix": [[0.05, 0.85, 0.05, 0.05]] * 4}}


def table(embed=(), group=None, **changes):
    groups = [{"name": "g", "sequences": 4000, "embed": list(embed)} | (group or {})]
    base = {"name": "t", "length": 60, "background": [0.25] * 4, "motifs": MOTIFS, "groups": groups}
    return base | {"labels": {"y": "A > 0"}} | changes


def drawn(embed=(), group=None, folder=None, seed=3, **changes):
    return simulate(parse_spec(table(embed, group, **changes), folder=folder), seed=seed)


def by_sequence(dataset):
    return [list(some) for _, some in itertools.groupby(dataset.embeddings, lambda one: one.sequence_index)]


def test_motifs_side_by_side():
    embed = {"motifs": ["A", "B"], "gap": {"min": 2, "max": 5}, "count": 1, "strand": "both", "strands": ["+", "-"]}
    dataset = drawn([embed], labels={"y": "pair(A, B, 2, 5, order='given', strands='opposite') == 1"})
    gaps, turned, starts = [], 0, []
    for left, right in by_sequence(dataset):
        gaps.append(right.start - left.end)
        back = left.motif == "B"
        turned += back
        a, b = (right, left) if back else (left, right)
        assert (a.motif, b.motif, a.strand, b.strand) == ("A", "B", *("-+" if back else "+-"))
        assert (reverse_complement(a.string) if back else a.string) == "AGTCGA"
        starts.append(left.start)
    assert chisquare(np.bincount(gaps)[2:]).pvalue > SURE
    assert abs(turned / 4000 - 0.5) < 4 * 0.5 / np.sqrt(4000)
    assert min(starts) == 0
    assert max(one.end for one in dataset.embeddings) == 60
    assert dataset.labels.all()


def test_any_order_and_any_strands():
    dataset = drawn([{"motifs": ["A", "B", "A"], "gap": 1, "count": 1, "order": "any", "strands": "any"}])
    seen = Counter(tuple(one.motif for one in some) for some in by_sequence(dataset))
    assert chisquare([seen[order] for order in (("A", "B", "A"), ("A", "A", "B"), ("B", "A", "A"))]).pvalue > SURE
    strands = Counter("".join(one.strand for one in some) for some in by_sequence(dataset))
    assert len(strands) == 8
    assert chisquare(list(strands.values())).pvalue > SURE
    assert all(b.start - a.end == 1 for some in by_sequence(dataset) for a, b in itertools.pairwise(some))


def test_blocks_never_overlap():
    embed = [{"motifs": ["A", "B"], "gap": {"min": 0, "max": 9}, "count": 2, "strand": "both"},
             {"motif": "B", "count": {"distribution": "uniform", "min": 0, "max": 2}}]  # fmt: skip
    for some in by_sequence(drawn(embed)):
        assert all(a.end <= b.start for a, b in itertools.pairwise(some))


def test_best_words_and_near_misses():
    motifs = MOTIFS | {"K": {"kmers": ["GATTA", "CATTA"], "weights": [3, 1]}, "N": {"like": "A", "mismatches": 2}}
    embed = [{"motif": "B", "count": 1, "sample": "best"}, {"motif": "K", "count": 1}, {"motif": "N", "count": 1}]
    dataset = drawn(embed, motifs=motifs)
    words = {name: Counter(one.string for one in dataset.embeddings if one.motif == name) for name in motifs}
    assert set(words["B"]) == {"CCCC"}
    assert set(words["K"]) == {"GATTA", "CATTA"}
    assert chisquare([words["K"]["GATTA"], words["K"]["CATTA"]], [3000, 1000]).pvalue > SURE
    assert all(sum(x != y for x, y in zip(word, "AGTCGA", strict=True)) == 2 for word in words["N"])
    np.testing.assert_allclose(dataset.motifs["K"][0], [0, 0.25, 0.75, 0])


def test_strength_of_instances():
    cold, hot = (drawn([{"motif": "B", "count": 1, "temperature": t}]) for t in (1.0, 4.0))
    share = [np.mean([one.string == "CCCC" for one in d.embeddings]) for d in (cold, hot)]
    p = np.array([0.05, 0.85]) ** 0.25
    for found, expected in zip(share, (0.85**4, (p[1] / (p[1] + 3 * p[0])) ** 4), strict=True):
        assert abs(found - expected) < 4 * np.sqrt(expected / 4000)
    weak = drawn([{"motif": "B", "count": 1, "match": {"min": -0.5, "max": 0.5}}])
    odds = Motif("B", np.array(MOTIFS["B"]["matrix"])).log_odds([0.25] * 4)
    for one in weak.embeddings[:500]:
        value = sum(odds[i]["ACGT".index(c)] for i, c in enumerate(one.string)) / odds.max(axis=1).sum()
        assert -0.5 <= value <= 0.5
    with pytest.raises(InputError, match=r"no instance had a match from 0.5 to 0.6"):
        drawn([{"motif": "A", "count": 1, "match": {"min": 0.5, "max": 0.6}}])


def test_instances_around_a_place():
    dataset = drawn([{"motif": "A", "count": 1}], {"placement": {"around": 30, "spread": 4.0}})
    middles = np.array([(one.start + one.end - 1) / 2 for one in dataset.embeddings])
    jitter = np.random.default_rng(0).uniform(-0.5, 0.5, len(middles))  # Places are whole numbers.
    assert kstest((middles + jitter - 30) / 4.01, "norm").pvalue > SURE
    two = drawn([{"motif": "A", "count": 2}], {"placement": {"around": 30, "spread": 4.0}})
    assert all(a.end <= b.start for a, b in by_sequence(two))
    with pytest.raises(InputError, match="do not find room around position 30"):
        drawn([{"motif": "A", "count": 5}], {"placement": {"around": 30, "spread": 0.5}})


def test_background_of_any_order(tmp_path):
    """Every other base of the file is A, so a chain of order 1 never has two A in a row, as one of order 0 has."""
    random = np.random.default_rng(0)
    text = "".join("A" + "CGT"[k] for k in random.integers(0, 3, 20_000))
    write_fasta(tmp_path / "x.fa", ["x", "y"], [text, "NNNN" + text + "NN"])
    one = drawn(background={"fasta": "x.fa", "order": 1}, folder=tmp_path)
    assert sum(s.count("AA") for s in one.sequences) < 40  # one is added to each count
    share = sum(s.count("A") for s in one.sequences) / (4000 * 60)
    assert abs(share - 0.5) < 0.01
    none = drawn(background={"fasta": "x.fa", "order": 0}, folder=tmp_path)
    assert abs(sum(s.count("A") for s in none.sequences) / (4000 * 60) - 0.5) < 0.01
    assert sum(s.count("AA") for s in none.sequences) > 20_000
    np.testing.assert_allclose(one.background, [1 / 2, 1 / 6, 1 / 6, 1 / 6], atol=0.01)


def test_a_chain_needs_enough_sequence(tmp_path):
    write_fasta(tmp_path / "x.fa", ["x"], ["ACGGT" * 30])
    assert parse_spec(table(background={"fasta": "x.fa", "order": 1}), folder=tmp_path)
    with pytest.raises(ConfigError, match=r"background: a chain of order 5 .* the file has 145; .*, or order = 1"):
        parse_spec(table(background={"fasta": "x.fa", "order": 5}), folder=tmp_path)


@pytest.mark.parametrize("own", ["shuffle", "redraw", "keep"])
def test_real_sequence_with_its_own_motifs_away(own, tmp_path):
    random = np.random.default_rng(1)
    text = "".join(random.choice(list("ACGT"), 3000))
    text = text[:1000] + "AGTCGA" + text[1006:2000] + "TCGACT" + text[2006:]
    write_fasta(tmp_path / "x.fa", ["x"], [text + "N" * 50 + text[:30]])
    background = {"sequences": "x.fa", "motifs": own}
    motifs = {"A": MOTIFS["A"]}
    dataset = drawn(background=background, motifs=motifs, folder=tmp_path)
    inside = [s in text for s in dataset.sequences]
    codes = dataset.one_hot().argmax(-1)
    odds = Motif("A", np.array(SHARP)).log_odds(dataset.background)
    found = sum((scan(codes, o) >= 0.6 * odds.max(axis=1).sum()).sum() for o in (odds, odds[::-1, ::-1]))
    if own == "keep":
        assert all(inside)
        assert found > 0
    else:
        assert found == 0
        assert 0.3 < np.mean(inside) < 1
    if own == "shuffle":
        assert all(any(sorted(s) == sorted(text[i : i + 60]) for i in range(2941)) for s in dataset.sequences[:5])
    with pytest.raises(InputError, match="no stretch of known bases has 4000 positions; the longest has 3000"):
        drawn(background=background, length=4000, folder=tmp_path)


def test_a_group_with_its_own_background():
    groups = [
        {"name": "rich", "sequences": 500, "background": [0.1, 0.4, 0.4, 0.1]},
        {"name": "plain", "sequences": 500},
    ]
    dataset = drawn(groups=groups)
    share = {
        group: np.mean([(s.count("G") + s.count("C")) / 60 for s, name in zip(dataset.sequences, dataset.names, strict=True)
                        if name.startswith(group)]) for group in ("rich", "plain")
    }  # fmt: skip
    assert share["rich"] == pytest.approx(0.8, abs=0.02)
    assert share["plain"] == pytest.approx(0.5, abs=0.02)


def test_noise_of_every_kind():
    count = {"distribution": "uniform", "min": 0, "max": 1}
    flipped = drawn([{"motif": "A", "count": count}], labels={"y": {"when": "A > 0", "flip": 0.2}})
    wrong = flipped.labels[:, 0] != (flipped.counts()["A"] > 0)
    assert abs(wrong.mean() - 0.2) < 4 * np.sqrt(0.16 / 4000)
    chance = drawn([{"motif": "A", "count": count}], labels={"y": {"probability": "0.3 + 0.5 * A"}})
    for number, expected in ((0, 0.3), (1, 0.8)):
        labels = chance.labels[chance.counts()["A"] == number, 0]
        assert abs(labels.mean() - expected) < 4 * np.sqrt(0.25 / len(labels))
    valued = drawn([{"motif": "A", "count": count}], labels={"y": {"value": "2 * A", "noise": 0.5}})
    left = valued.labels[:, 0] - 2 * valued.counts()["A"]
    assert kstest(left / 0.5, "norm").pvalue > SURE
    assert (valued.labels.dtype, valued.kind) == (np.float32, "real")
    np.testing.assert_allclose(chance.importance, 0.5)  # of the probability, not of what was drawn
    with pytest.raises(InputError, match=r"labels\.y\.probability: it goes from 2 to 2"):
        drawn([{"motif": "A", "count": 2}], {"sequences": 5}, labels={"y": {"probability": "1.0 * A"}})


def test_classes():
    count = {"distribution": "uniform", "min": 0, "max": 1}
    classes = {"none": "A == 0", "one": "A > 0"}
    dataset = drawn([{"motif": "A", "count": count}], labels={"kind": {"classes": classes}})
    assert dataset.tasks == ["none", "one"]
    assert dataset.kind == "classes"
    assert (dataset.labels.sum(axis=1) == 1).all()
    np.testing.assert_allclose(dataset.importance, np.tile([-1, 1], (len(dataset.embeddings), 1)))
    with pytest.raises(InputError, match=r"no class holds for .* sequences, such as g_"):
        drawn([{"motif": "A", "count": count}], labels={"kind": {"classes": {"x": "A > 0", "y": "A > 1"}}})
    with pytest.raises(InputError, match="x and y holds for"):
        drawn([{"motif": "A", "count": 1}], labels={"kind": {"classes": {"x": "A > 0", "y": "A < 2"}}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"embed": [{"motifs": ["A"], "count": 1}]}, r"embed\[0\]\.motifs"),
        ({"embed": [{"motif": "A", "gap": 2, "count": 1}]}, "'gap', 'order' and 'strands' belong to 'motifs'"),
        ({"embed": [{"count": 1}]}, "give either 'motif', or 'motifs'"),
        ({"embed": [{"motifs": ["A", "X"], "count": 1}]}, r"motifs\[1\]: unknown motif 'X'"),
        ({"embed": [{"motifs": ["A", "B"], "gap": 51, "count": 1}]}, "'A' and 'B' are 61 long and do not fit into 60"),
        ({"embed": [{"motifs": ["A", "B"], "strands": ["+"], "count": 1}]}, "1 strands for 2 motifs"),
        ({"embed": [{"motif": "A", "count": 1, "sample": "best", "temperature": 2.0}]}, "the best match is not drawn"),
        ({"embed": [{"motif": "A", "count": 1, "match": {"min": 0.9, "max": 0.1}}]}, "min 0.9 exceeds max 0.1"),
        ({"group": {"placement": {"around": 60, "spread": 1.0}}}, "around: 60 lies beyond the length 60"),
        ({"motifs": MOTIFS | {"K": {"kmers": ["AC", "ACG"]}}}, r"motifs\.K\.kmers: .* of the same length"),
        ({"motifs": MOTIFS | {"K": {"kmers": ["AN"]}}}, r"motifs\.K\.kmers: words consist of A, C, G, T"),
        ({"motifs": MOTIFS | {"K": {"kmers": ["AC"], "weights": [0.0]}}}, r"motifs\.K\.weights: .*above 0"),
        ({"motifs": MOTIFS | {"N": {"like": "Z", "mismatches": 1}}}, r"motifs\.N\.like: there is no motif 'Z'"),
        ({"motifs": MOTIFS | {"N": {"like": "A", "mismatches": 7}}}, "'A' has only 6 positions"),
        ({"motifs": MOTIFS | {"N": {"like": "A"}}}, "'like' and 'mismatches' belong together"),
        ({"background": {"fasta": "nowhere.fa", "order": 2}}, r"background: .*nowhere\.fa does not exist"),
        ({"background": {"fasta": "x.fa", "order": 9}}, r"background\.order"),
        ({"group": {"background": [0.5, 0.5]}}, r"groups\[0\]\.background: .*four numbers"),
        ({"labels": {"y": {"value": "A", "noise": -1.0}}}, r"labels\.y\.noise"),
        ({"labels": {"y": {"value": "A", "noisy": 1.0}}}, r"labels\.y\.noisy: unknown key"),
        ({"labels": {"y": {"when": "A", "flip": 0.1}}}, r"labels\.y\.when: 'A' is a number"),
        ({"labels": {"y": {"value": "A"}, "z": "A > 0"}}, "labels of one kind, and these are real and binary"),
        ({"labels": {"y": {"classes": {"a": "A > 0", "split": "A == 0"}}}}, "'split' is a column"),
        ({"labels": {"y": {"classes": {"a": "A > 0"}}}}, r"labels\.y\.classes"),
        ({"labels": {"y": {"value": "A", "noise": np.inf}}}, r"labels\.y\.noise: .*finite"),
        ({"group": {"placement": {"around": 30, "spread": np.inf}}}, r"placement\.spread: .*finite"),
        ({"labels": {"y": {"value": f"A * {10**400}"}}}, r"labels\.y\.value: .*too large"),
        ({"labels": {"y": {"value": "A * 1e999"}}}, r"labels\.y\.value: .*too large"),
        ({"labels": {"y": "not " * 900 + "A > 0"}}, r"labels\.y: .*nested deeper"),
        ({"group": {"name": "g\u00a0h"}}, r"groups\[0\]\.name: a name must not"),
        ({"motifs": {"A\u001cB": {"matrix": SHARP}}}, r"motifs\..*a name must not"),
    ],
)
def test_what_cannot_be_is_one_line_with_its_key(changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_spec(table(**changes), "here.toml")
    assert str(caught.value).startswith("here.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": {"y": {"value": "log(A)"}}}, r"^labels\.y\.value: 'log\(A\)' is not a finite number"),
        ({"labels": {"y": {"value": "A * 1e39"}}}, r"^labels\.y\.value: .*numbers up to"),
        ({"group": {"placement": {"around": 0, "spread": 0.1}}}, r"^groups\[0\]\.placement\.around: 1 instance does"),
        (
            {"embed": [{"motif": "B", "count": 1, "match": {"min": -9.0, "max": -8.0}}]},
            r"^groups\[0\]\.embed\[0\]\.match:",
        ),
    ],
)
def test_what_cannot_be_drawn_is_told_with_its_key(changes, words):
    count = {"distribution": "uniform", "min": 0, "max": 1}
    with pytest.raises(InputError, match=words):
        drawn(**{"embed": [{"motif": "A", "count": count}], "group": {"sequences": 20}, **changes} | {
            "group": {"sequences": 20, **changes.get("group", {})}})  # fmt: skip


def test_the_coldest_draw_is_the_best_match():
    dataset = drawn([{"motif": "B", "count": 1, "temperature": 1e-9}], {"sequences": 20}, labels={"y": "B > 0"})
    assert {one.string for one in dataset.embeddings} == {"CCCC"}
