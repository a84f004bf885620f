"""Every measure of recovery.csv against its definition, written out with loops."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.truth import truth
from genolift.evaluate.truth.matches import find_matches
from genolift.evaluate.truth.recovery import COLUMNS, MEASURES, PAPER_MEASURES, recover
from genolift.evaluate.truth.standing import Standing
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.reading import load_dataset
from genolift.support.errors import InputError

# Two sharp motifs, so that what is embedded is a strong match.
MOTIFS = {
    "M1": 0.97 * np.eye(4)[[2, 0, 3, 0, 0, 2, 1]] + 0.0075,
    "M2": 0.97 * np.eye(4)[[1, 0, 2, 1, 3, 2, 3, 3]] + 0.0075,
}
BACKGROUND = np.array([0.3, 0.2, 0.2, 0.3])


def dataset(n=60, seed=0, strand="+", mixed=False):
    """Sequences with both, one or no motif; labels both, M1, M2."""
    rng = np.random.default_rng(seed)
    sequences, embeddings, labels = [], [], []
    for i in range(n):
        length = int(rng.integers(50, 70)) if mixed else 60
        text = list(rng.choice(list("ACGT"), p=BACKGROUND, size=length))
        kinds = [name for name, there in zip(MOTIFS, (i % 2, i // 2 % 2), strict=True) if there]
        for slot, name in enumerate(kinds):
            string = "".join("ACGT"[b] for b in MOTIFS[name].argmax(1))
            start = int(rng.integers(2, 15)) + 22 * slot
            text[start : start + len(string)] = string
            embeddings.append(Embedding(i, name, start, start + len(string), strand, string))
        sequences.append("".join(text))
        one, two = "M1" in kinds, "M2" in kinds
        labels.append([one and two, one, two])
    return Dataset(
        [f"s{i}" for i in range(n)],
        sequences,
        np.array(labels, dtype=np.int8),
        ["both", "first", "second"],
        np.full(n, "test"),
        embeddings,
        dict(MOTIFS),
        BACKGROUND,
    )


def some_scores(data, seed=1):
    """Noise, with importance at the motifs that is right but for a few instances."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=0.3, size=(len(data), 3, max(map(len, data.sequences))))
    for one in data.embeddings:
        scores[one.sequence_index, :, one.start : one.end] += rng.normal(0.25, 0.3)
    return scores


def naive(data, scores, t, motif, among):
    width = len(data.motifs[motif])
    relevant = {0: ("M1", "M2"), 1: ("M1",), 2: ("M2",)}[t]
    inside = [[set() for _ in s] for s in data.sequences]
    for one in data.embeddings:
        for p in range(one.start, one.end):
            inside[one.sequence_index][p].add(one.motif)
    holds = [{one.motif for one in data.embeddings if one.sequence_index == i} for i in range(len(data))]
    found = find_matches(data.sequences, data.motifs[motif], data.background)
    matches = [
        (i, v, float(scores[i, t, p : p + width].sum()), p)
        for i, p, v in zip(found.sequence, found.start, found.log_odds, strict=True)
        if among[i]
    ]
    result = dict.fromkeys((*MEASURES, *PAPER_MEASURES), np.nan)

    exists = np.array([[p < len(s) for p in range(scores.shape[2])] for s in data.sequences])
    empty = exists & ~np.array([[p < len(s) and bool(inside[i][p]) for p in range(scores.shape[2])]
                                for i, s in enumerate(data.sequences)])  # fmt: skip
    standing = Standing(scores[:, t], empty, width)

    drawn = {}
    for i, p in zip(*standing._controls(), strict=True):
        drawn.setdefault(i, p)

    def z(i, start):
        left_out = [start] if not any(inside[i][start : start + width]) else [start, drawn[i]]
        free = [
            scores[i, t, p : p + width].sum()
            for p in range(len(data.sequences[i]) - width + 1)
            if not any(inside[i][p : p + width]) and all(abs(p - one) >= width for one in left_out)
        ]
        return (scores[i, t, start : start + width].sum() - np.mean(free)) / np.std(free, ddof=1)

    controls = sorted(z(i, p) for i, p in zip(*standing._controls(), strict=True))
    highest = controls[int(np.ceil(0.95 * (len(controls) - 1)))]

    def stands_out(i, start):
        return z(i, start) > highest

    if motif in relevant:
        strong = [(i, imp, p) for i, v, imp, p in matches if v >= 7 and data.labels[i, t] == 1]
        result["paper_false_negative_rate"] = sum(imp <= 0 for _, imp, _ in strong) / len(strong)
        result["false_negative_rate"] = sum(not stands_out(i, p) for i, _, p in strong) / len(strong)
    else:
        null = [
            abs(scores[i, t, p : p + width].sum())
            for i, s in enumerate(data.sequences)
            if among[i] and not holds[i]
            for p in range(len(s) - width + 1)
        ]
        limit = np.percentile(null, 95)
        strong = [(i, imp, p) for i, v, imp, p in matches if v >= 7]
        result["paper_false_positive_rate"] = sum(abs(imp) > limit for _, imp, _ in strong) / len(strong)
        result["false_positive_rate"] = sum(stands_out(i, p) for i, _, p in strong) / len(strong)
    positives, negatives = [], []
    for i, s in enumerate(data.sequences):
        if among[i] and motif in holds[i]:
            for p in range(len(s)):
                if motif in inside[i][p]:
                    positives.append(scores[i, t, p])
                elif not inside[i][p]:
                    negatives.append(scores[i, t, p])
    # the chance that a base inside scores higher than one outside, over all pairs
    difference = np.subtract.outer(positives, negatives)
    result["auroc"] = ((difference > 0) + 0.5 * (difference == 0)).mean()
    # average precision: precision at each positive, from the highest score down
    order = sorted([(v, 1) for v in positives] + [(v, 0) for v in negatives], reverse=True)
    hits, total = 0, 0.0
    for rank, (_, hit) in enumerate(order, start=1):
        hits += hit
        total += hit * hits / rank
    result["auprc"] = total / len(positives)
    pairs = pd.DataFrame([(v, imp) for _, v, imp, _ in matches if v > 0])
    result["spearman"] = pairs[0].rank().corr(pairs[1].rank())
    return result


@pytest.mark.parametrize("mixed", [False, True])
def test_every_measure_is_what_it_is_defined_to_be(mixed):
    data = dataset(mixed=mixed)
    scores = some_scores(data)
    rng = np.random.default_rng(5)
    predictions = np.where(rng.random((len(data), 3)) < 0.8, 1, -1) * (2.0 * data.labels - 1)
    right = (predictions > 0) == (data.labels == 1)
    result = recover(data, {"m": scores}, predictions=predictions, seconds={"m": 1.5})
    assert tuple(result.table.columns[: len(COLUMNS)]) == COLUMNS
    assert len(result.table) == 6
    for row in result.table.to_dict("records"):
        t = data.tasks.index(row["task"])
        for suffix, among in (("", np.ones(len(data), bool)), ("_correct", right[:, t])):
            expected = naive(data, scores, t, row["motif"], among)
            for measure in (*MEASURES, *PAPER_MEASURES):
                assert row[measure + suffix] == pytest.approx(expected[measure], rel=1e-9, nan_ok=True), measure
        assert row["seconds"] == 1.5
    rates = result.table.false_negative_rate.dropna()
    assert len(rates) == 4
    assert rates.between(0.02, 0.98).all()  # the case tests something


def test_scatter_has_every_match_and_says_which_are_counted():
    data = dataset()
    scores = some_scores(data)
    result = recover(data, {"a": scores, "b": -scores})
    cloud = result.scatter
    assert len(cloud) == 2 * 3 * sum(
        len(find_matches(data.sequences, pwm, BACKGROUND).start) for pwm in MOTIFS.values()
    )
    for row in cloud.sample(50, random_state=0).itertuples():
        width = len(MOTIFS[row.motif])
        t = data.tasks.index(row.task)
        sign = 1 if row.method == "a" else -1
        expected = sign * scores[row.sequence, t, row.start : row.start + width].sum()
        assert row.importance == pytest.approx(expected)
    for row in result.table.itertuples():
        some = cloud[(cloud.method == row.method) & (cloud.task == row.task) & (cloud.motif == row.motif)]
        counted = some[some.counted]
        if np.isfinite(row.paper_false_negative_rate):
            assert (counted.importance <= 0).mean() == pytest.approx(row.paper_false_negative_rate)
            assert len(counted) == row.strong_matches
        else:
            assert counted.empty
    assert set(cloud.label.cat.categories) == {"none", "first", "second", "both + first + second"}


def test_perfect_and_contrary_scores():
    data = dataset()
    inside = np.any(list(truth.instance_bases(data).values()), axis=0)
    perfect = np.repeat(inside[:, None].astype(float), 3, axis=1)
    table = recover(data, {"good": perfect, "bad": -perfect}).table.set_index("method")
    assert (table.loc["good"].false_negative_rate.dropna() == 0).all()
    assert (table.loc["good"].auroc == 1).all()
    assert (table.loc["bad"].false_negative_rate.dropna() == 1).all()
    assert (table.loc["bad"].auroc == 0).all()
    assert table.seconds.isna().all()
    assert table.auroc_correct.isna().all()


def test_neither_a_constant_nor_what_is_added_to_all_scores_helps():
    data = dataset(mixed=True)
    scores = some_scores(data)
    table = recover(data, {"m": scores, "more": scores + 10, "constant": np.ones_like(scores)}).table.set_index(
        "method"
    )
    for measure in ("false_negative_rate", "false_positive_rate"):
        np.testing.assert_allclose(table.loc["more", measure], table.loc["m", measure])
    assert (table.loc["constant"].false_negative_rate.dropna() == 1).all()
    assert (table.loc["constant"].false_positive_rate.dropna() == 0).all()
    # What the paper's definition makes of it:
    assert (table.loc["more"].paper_false_negative_rate.dropna() == 0).all()
    assert (table.loc["constant"].paper_false_negative_rate.dropna() == 0).all()


def test_scores_that_know_nothing_stand_out_by_chance():
    rng = np.random.default_rng(3)
    data = dataset(n=800)
    scores = rng.normal(size=(800, 3, 60)) * rng.lognormal(size=(800, 1, 1))
    table = recover(data, {"m": scores}).table
    # Of the 20 to 50 overlapping windows of so short a sequence, the 95th percentile is not sure, and mostly too low.
    assert table.false_positive_rate.dropna().between(0.03, 0.18).all()
    assert table.false_negative_rate.dropna().between(0.82, 0.97).all()


def test_explanations_bring_their_predictions():
    data = dataset()
    X = one_hot(data.sequences)
    raw = X[:, None] * some_scores(data)[..., None].astype(np.float32)
    logits = 2.0 * data.labels - 1
    logits[::3] *= -1
    e = Explanation({"inputs": X, "raw_contributions": raw, "predictions": logits}, target=[0, 1, 2])
    ours = recover(data, {"m": e}).table
    same = recover(data, {"m": np.asarray(e.scores)}, predictions=logits).table
    pd.testing.assert_frame_equal(ours, same)
    assert ours.auroc_correct.notna().all()


def test_motifs_on_the_other_strand_are_looked_for_there():
    forward = dataset()
    data = dataset(strand="-")
    turned = {"M1": MOTIFS["M1"][::-1, ::-1], "M2": MOTIFS["M2"][::-1, ::-1]}
    data = replace(data, motifs=turned)  # the strings embedded are the reverse complements of these
    table = recover(data, {"m": some_scores(data)}).table
    plain = recover(forward, {"m": some_scores(forward)}).table
    assert (table.strong_matches >= plain.strong_matches).all()


def test_which_motifs_matter():
    data = dataset()
    assert truth.relevant(data).tolist() == [[True, True], [True, False], [False, True]]
    either = replace(data, labels=data.labels[:, 1:].max(1, keepdims=True), tasks=["either"])
    assert truth.relevant(either).tolist() == [[True, True]]
    one_or_other = replace(data, labels=data.labels[:, 1:].sum(1, keepdims=True) % 2, tasks=["xor"])
    assert truth.relevant(one_or_other).tolist() == [[True, True]]
    noise = replace(data, labels=np.ones((len(data), 1), np.int8), tasks=["always"])
    assert truth.relevant(noise).tolist() == [[False, False]]


def test_truth_of_one_sequence():
    data = dataset()
    i = 3
    marks = truth.instances_of(data, i)
    assert [mark[2] for mark in marks] == ["M1", "M2"]
    masks = truth.instance_bases(data)
    for start, end, motif, strand in marks:
        assert strand == "+"
        assert masks[motif][i, start:end].all()
        assert masks[motif][i].sum() == end - start
    assert truth.presence(data).sum(axis=0).tolist() == [30, 30]


def test_what_does_not_fit_is_refused():
    data = dataset()
    with pytest.raises(InputError, match=r"scores of m have shape \(60, 3, 59\)"):
        recover(data, {"m": np.zeros((60, 3, 59))})
    with pytest.raises(InputError, match="predictions have shape"):
        recover(data, {"m": np.zeros((60, 3, 60))}, predictions=np.zeros((60, 2)))
    with pytest.raises(InputError, match="needs the motifs"):
        recover(replace(data, motifs={}), {"m": np.zeros((60, 3, 60))})


def test_scores_that_are_all_equal_have_no_correlation_and_no_warning():
    data = dataset()
    table = recover(data, {"m": np.zeros((60, 3, 60))}).table
    assert table.spearman.isna().all()
    assert (table.false_negative_rate.dropna() == 1).all()
    assert (table.auroc == 0.5).all()


def test_the_papers_golden_scores_tell_the_rules_apart(shared_data):
    data = load_dataset(shared_data / "paper/sequences.simdata.gz", spec="tal_gata")
    with np.load(shared_data / "golden/paper_model.npz") as golden:
        ids = [str(name) for name in golden["ids"]]
        data = data.subset([data.names.index(name) for name in ids])
        rules = ("rescale", "revealcancel", "genomics")
        scores = {rule: golden[f"contributions/{rule}"].sum(-1).transpose(1, 0, 2) for rule in rules}
        table = recover(data, scores, predictions=golden["logits"]).table
    rates = table[table.task == table.task[0]].set_index(["method", "motif"]).paper_false_negative_rate
    assert rates["revealcancel"].tolist() == [0, 0]
    assert rates["genomics"].tolist() == [0, 0]
    assert rates["rescale", "GATA_disc1"] == pytest.approx(0.15)


def test_scores_and_predictions_that_are_not_finite_are_refused():
    data = dataset(8, mixed=True)
    scores = some_scores(data)
    short = int(np.argmin([len(sequence) for sequence in data.sequences]))
    scores[short, :, len(data.sequences[short]) :] = np.nan  # behind the end of a shorter sequence is nothing
    recover(data, {"deeplift": scores})
    scores[5, 1, 7] = np.inf
    with pytest.raises(InputError, match=r"scores of deeplift are NaN .* 1 of 8 sequences \(the first is number 5\)"):
        recover(data, {"deeplift": scores})
    scores[5, 1, 7] = 0
    predictions = np.ones((8, 3))
    predictions[2, 0] = np.nan
    with pytest.raises(InputError, match=r"predictions are NaN .*the first is number 2"):
        recover(data, {"deeplift": scores}, predictions=predictions)
