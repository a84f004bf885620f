"""Experiments on motifs, with a network that counts GATs: what an edit does is known."""

import numpy as np
import pytest
from scipy import stats

import genolift as gl
from genolift.evaluate.experiments import confidence
from genolift.sequence.alphabet import decode, one_hot
from genolift.sequence.shuffle import shuffle, shuffle_stretches
from genolift.simulate.motifs import Motif
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()
import keras  # noqa: E402

K = keras.layers
pytestmark = pytest.mark.usefixtures("uncompiled")
LENGTH = 24


@pytest.fixture(scope="module")
def counter():
    """Outputs: the number of GATs, and its square."""
    x = keras.Input((LENGTH, 4))
    convolution = K.Conv1D(1, 3, activation="relu")
    count = K.GlobalAveragePooling1D()(convolution(x)) * (LENGTH - 2)
    model = keras.Model(x, K.Concatenate()([count, count * count]))
    kernel = np.zeros((3, 4, 1))
    kernel[[0, 1, 2], [2, 0, 3], 0] = 1
    convolution.set_weights([kernel, np.array([-2.0])])
    return model


@pytest.fixture(scope="module")
def backgrounds():
    rng = np.random.default_rng(0)
    return one_hot(["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(7)])


def gats(X):
    return np.array([sum(text[i : i + 3] == "GAT" for i in range(LENGTH)) for text in decode(X)])


def changed(X, text, start):
    return one_hot([old[:start] + text + old[start + len(text) :] for old in decode(X)])


def test_marginalize_by_hand(counter, backgrounds):
    motifs = {"gat": "GAT", "twice": "GATGAT"}
    found = gl.marginalize(counter, motifs, backgrounds, [0, 1], both_strands=True, confidence=0.8)
    assert list(found.table.motif) == ["gat"] * 4 + ["twice"] * 4
    assert list(found.table.strand) == ["+", "+", "-", "-"] * 2
    base = gats(backgrounds)
    for row in found.table.itertuples():
        forward = "GAT" if row.motif == "gat" else "GATGAT"
        text = forward if row.strand == "+" else "ATC" * (len(forward) // 3)
        after = gats(changed(backgrounds, text, (LENGTH - len(text)) // 2)) ** (1 + int(row.target))
        effect = after - base ** (1 + int(row.target))
        assert row.effect == pytest.approx(effect.mean(), abs=1e-5)
        assert row.after == pytest.approx(after.mean(), abs=1e-5)
        low, high = stats.ttest_1samp(effect, 0).confidence_interval(0.8) if effect.std() else (effect.mean(),) * 2
        assert (row.low, row.high) == pytest.approx((low, high), abs=1e-5)
        assert (row.n, row.end - row.start) == (7, len(text))
    assert found.effects.shape == (4, 7, 2)
    assert found.targets == ["0", "1"]


def test_motifs_of_all_kinds(counter, backgrounds):
    matrix = np.full((3, 4), 0.1)
    matrix[[0, 1, 2], [2, 0, 3]] = 0.7
    kinds = {"text": "gat", "motif": Motif("m", matrix), "one-hot": one_hot("GAT"), "gap": "GNT"}
    found = gl.marginalize(counter, kinds, backgrounds, 0, start=4).table.set_index("motif").effect
    assert found["text"] == found["motif"] == found["one-hot"]
    kept = [old[:4] + "G" + old[5] + "T" + old[7:] for old in decode(backgrounds)]
    assert found["gap"] == pytest.approx((gats(one_hot(kept)) - gats(backgrounds)).mean(), abs=1e-5)


def test_shuffled_backgrounds(counter, backgrounds):
    """Shuffles of a sequence are averaged before intervals are taken; of one sequence they are the backgrounds."""
    found = gl.marginalize(counter, "GAT", backgrounds, 1, start=9, shuffles=5, seed=3)
    shuffled = shuffle(backgrounds, 5, 2, 3)
    effects = np.stack([gats(changed(one, "GAT", 9)) ** 2 - gats(one) ** 2 for one in shuffled])
    assert len(np.unique(effects.mean(1))) > 1
    np.testing.assert_allclose(found.effects[0, :, 0], effects.mean(1), atol=1e-5)
    alone = gl.marginalize(counter, "GAT", backgrounds[:1], 1, start=9, shuffles=5, seed=3)
    np.testing.assert_allclose(alone.effects[0, :, 0], effects[0], atol=1e-5)


def test_one_background_has_no_interval(counter, backgrounds):
    row = gl.marginalize(counter, "GAT", backgrounds[:1], 0).table.iloc[0]
    assert np.isnan(row.low)
    assert np.isnan(row.high)
    assert row.effect == pytest.approx(1)


def test_importance_in_place_of_predictions(counter, backgrounds):
    """The sum of a method's scores over the stretch, after less before."""
    options = {"references": gl.references.Zeros()}
    found = gl.marginalize(counter, "GAT", backgrounds, [0, 1], start=5, method="gradient-x-input", **options)
    explain = gl.method("gradient-x-input", counter, target=[0, 1], **options)
    before, after = (explain(X).scores[:, :, 5:8].sum(-1) for X in (backgrounds, changed(backgrounds, "GAT", 5)))
    np.testing.assert_allclose(found.effects[0], after - before, atol=1e-5)
    assert np.abs(found.effects).max() > 1
    assert found.measure == "importance by gradient-x-input"


def test_importance_of_ablated_stretches(counter, backgrounds):
    """Each sequence's own stretch, in all its shuffles."""
    starts = np.array([2, 5, 9, 11, 14, 18, 0])
    options = {"method": "gradient-x-input", "replicates": 3, "seed": 7}
    found = gl.ablate(counter, (starts, starts + 6), backgrounds, 1, **options)
    explain = gl.method("gradient-x-input", counter, target=1)
    expected = []
    for x, start in zip(backgrounds, starts, strict=True):
        texts = decode(shuffle_stretches(x[None], np.array([start]), 6, 3, 1, 7)[0])
        copies = np.concatenate([changed(x[None], text, start) for text in texts])
        before, after = (explain(X).scores[:, start : start + 6].sum(-1) for X in (x[None], copies))
        expected.append(after.mean() - before[0])
    np.testing.assert_allclose(found.effects[0, :, 0], expected, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_ablate(counter, backgrounds):
    """A stretch of each sequence's own, replaced in every way."""
    starts = np.array([2, 5, 9, 11, 14, 18, 0])
    X = np.concatenate([changed(x[None], "GAGATG", start) for x, start in zip(backgrounds, starts, strict=True)])
    base = gats(X)
    expected = {}
    for by, text in (("CCCCCC", "CCCCCC"), ("zero", "NNNNNN")):
        copies = np.concatenate([changed(x[None], text, start) for x, start in zip(X, starts, strict=True)])
        expected[by] = gats(copies) - base
    for by, k in (("shuffle", 1), ("dinucleotide", 2)):
        effects = []
        for x, start, before in zip(X, starts, base, strict=True):
            drawn = shuffle_stretches(x[None], np.array([start]), 6, 4, k, 7)[0]
            effects.append(np.mean([gats(changed(x[None], decode(d[None])[0], start))[0] for d in drawn]) - before)
        expected[by] = np.array(effects)
    for by, effect in expected.items():
        found = gl.ablate(counter, (starts, starts + 6), X, 0, by=by, replicates=4, seed=7)
        np.testing.assert_allclose(found.effects[0, :, 0], effect, atol=1e-5)
        assert found.table.effect[0] == pytest.approx(effect.mean(), abs=1e-5)
        assert found.table.start[0] == ""
    assert expected["zero"].mean() < -0.5
    unknown = X.copy()
    unknown[np.arange(7)[:, None], starts[:, None] + np.arange(6)] = 0.25
    effect = (counter(unknown) - counter(X)).numpy()[:, 0]
    np.testing.assert_allclose(
        gl.ablate(counter, (starts, starts + 6), X, 0, by="unknown").effects[0, :, 0], effect, atol=1e-5
    )
    several = gl.ablate(counter, {"left": (0, 6), "right": (18, 24)}, X, [0, 1], by="zero")
    assert list(several.table.stretch) == ["left", "left", "right", "right"]
    assert list(several.table.start) == [0, 0, 18, 18]


def test_space(counter, backgrounds):
    """Two GATs: one each in the count, 4 − 1 − 1 in its square where the background has none."""
    plain = one_hot(["C" * LENGTH, "T" * LENGTH])
    found = gl.space(counter, "GAT", "ATC", plain, [0, 1], distances=[0, 4], both_orders=True)
    table = found.table.set_index(["order", "orientation", "distance", "target"]).sort_index()
    assert len(table) == 2 * 4 * 2 * 2
    for order in ("first, second", "second, first"):
        # The second motif is a GAT where it is turned; touching ones make no third here.
        assert table.loc[(order, "+-", 4, "0")].effect == pytest.approx(2)
        assert table.loc[(order, "+-", 4, "0")].interaction == pytest.approx(0, abs=1e-5)
        both = table.loc[(order, "+-", 4, "1")]
        assert (both.effect, both.first_alone, both.second_alone) == pytest.approx((4, 1, 1))
        assert (both.interaction, both.interaction_low, both.interaction_high) == pytest.approx((2, 2, 2))
        assert table.loc[(order, "++", 4, "0")].effect == pytest.approx(1)
        assert table.loc[(order, "--", 4, "0")].effect == pytest.approx(1)
        assert table.loc[(order, "-+", 0, "0")].effect == pytest.approx(0)
    ends = table.loc[("first, second", "++", 4, "0")]
    assert ends.second_start - ends.start == 3 + 4
    left = table.loc[("second, first", "++", 4, "0")]
    assert left.start - left.second_start == 3 + 4
    assert left.start == ends.start


def test_space_in_random_backgrounds(counter, backgrounds):
    found = gl.space(counter, "GAT", "GAT", backgrounds, 1, distances=range(3), orientations=["++"])
    for row in found.table.itertuples():
        one, two = changed(backgrounds, "GAT", row.start), changed(backgrounds, "GAT", row.second_start)
        none, one, two, both = (gats(X) ** 2 for X in (backgrounds, one, two, changed(one, "GAT", row.second_start)))
        assert row.interaction == pytest.approx((both - one - two + none).mean(), abs=1e-5)
        assert row.effect == pytest.approx((both - none).mean(), abs=1e-5)


def test_space_of_different_motifs_in_shuffles(counter, backgrounds):
    """Widths, orders, each alone, and intervals over sequences of means over their shuffles."""
    found = gl.space(
        *(counter, "GATGAT", "GAT", backgrounds, 1),
        **{
            "distances": [0, 4],
            "orientations": ["++"],
            "both_orders": True,
            "shuffles": 3,
            "seed": 2,
            "confidence": 0.8,
        },
    )
    drawn = shuffle(backgrounds, 3, 2, 2).reshape(-1, LENGTH, 4)

    def counted(X):
        return (gats(X) ** 2).reshape(len(backgrounds), 3).mean(1)

    start = 3 + 4  # the widest arrangement has the second motif at 0, and on the other side until 20, so two are left
    assert set(found.table.start) == {start + 2}
    for row in found.table.itertuples():
        left = row.order == "second, first"
        assert row.second_start == (row.start - row.distance - 3 if left else row.start + 6 + row.distance)
        one, two = changed(drawn, "GATGAT", row.start), changed(drawn, "GAT", row.second_start)
        none, one, two, both = map(counted, (drawn, one, two, changed(one, "GAT", row.second_start)))
        means = [(both - none).mean(), (one - none).mean(), (two - none).mean(), (both - one - two + none).mean()]
        assert [row.effect, row.first_alone, row.second_alone, row.interaction] == pytest.approx(means, abs=1e-4)
        if np.ptp(both - one - two + none) > 1e-6:
            between = stats.ttest_1samp(both - one - two + none, 0).confidence_interval(0.8)
            assert (row.interaction_low, row.interaction_high) == pytest.approx(tuple(between), abs=1e-4)
    assert (found.table.interaction_low < found.table.interaction_high).sum() > 1


def test_importance_of_two_motifs(counter, backgrounds):
    """Of both stretches, before and after."""
    options = {"distances": [5], "orientations": ["++"], "start": 3}
    found = gl.space(counter, "GAT", "GAT", backgrounds, 1, method="gradient-x-input", **options)
    explain = gl.method("gradient-x-input", counter, target=1)
    both = [*range(3, 6), *range(11, 14)]
    one, two = changed(backgrounds, "GAT", 3), changed(backgrounds, "GAT", 11)
    four = (backgrounds, one, two, changed(one, "GAT", 11))
    none, one, two, joint = (explain(X).scores[:, both].sum(1) for X in four)
    np.testing.assert_allclose(found.effects[0, :, 0], joint - none, atol=1e-4)
    assert found.table.interaction[0] == pytest.approx((joint - one - two + none).mean(), abs=1e-4)
    assert found.table.interaction[0] > 1


def test_bootstrap():
    values = np.random.default_rng(0).normal(3, 1, (60, 2))
    low, high = confidence.of_mean(values, "bootstrap", 0.9)
    expected = confidence.of_mean(values, "t", 0.9)
    np.testing.assert_allclose([low, high], expected, atol=0.05)
    assert (confidence.of_mean(values, "bootstrap", 0.9) == [low, high]).all()
    wider = confidence.of_mean(values, "bootstrap", 0.99)
    assert (wider[0] < low).all()
    assert (wider[1] > high).all()


def test_few_backgrounds_are_warned_of_by_the_bootstrap():
    with pytest.warns(GenoliftWarning, match="over 10 backgrounds"):
        confidence.of_mean(np.arange(10.0), "bootstrap")


def test_the_bootstrap_of_equal_and_of_nearly_equal_values_is_finite():
    np.testing.assert_array_equal(confidence.of_mean(np.full((40, 2), 3.0), "bootstrap"), np.full((2, 2), 3.0))
    low, high = confidence.of_mean(np.eye(40)[0], "bootstrap")
    assert low <= 1 / 40 < 0.1 < high < 0.5  # of 40, one responds: Clopper and Pearson's interval ends at 0.13


def test_repeated_backgrounds_count_once(counter, backgrounds):
    repeated = np.concatenate([backgrounds, backgrounds[:3], backgrounds[:1]])
    for call in (
        lambda X: gl.marginalize(counter, "GAT", X, [0, 1]),
        lambda X: gl.marginalize(counter, "GAT", X, [0, 1], shuffles=2),
        lambda X: gl.ablate(counter, (3, 9), X, [0, 1], replicates=3),
        lambda X: gl.space(counter, "GAT", "ATC", X, 1, distances=[3]),
    ):
        with pytest.warns(GenoliftWarning, match=r"4 of 11 (backgrounds|sequences) repeat others"):
            found = call(repeated).table
        once = call(backgrounds).table
        assert (found.n == len(backgrounds)).all()
        for column in ("before", "after", "effect", "low", "high"):
            np.testing.assert_allclose(found[column], once[column], atol=1e-6)


def test_one_repeated_background_is_one(counter, backgrounds):
    with pytest.warns(GenoliftWarning, match="repeat others"):
        row = gl.marginalize(counter, "GAT", np.repeat(backgrounds[:1], 5, axis=0), 0).table.iloc[0]
    assert row.n == 1
    assert np.isnan(row.low)


def test_a_sequence_with_two_places_is_two(counter, backgrounds):
    X = np.repeat(backgrounds[:1], 2, axis=0)
    assert (gl.ablate(counter, (np.array([2, 9]), np.array([8, 15])), X, 0).table.n == 2).all()


def test_equal_stretches_of_different_sequences_have_shuffles_of_their_own(backgrounds):
    X = np.concatenate([changed(x[None], "AGATAAGG", 8) for x in backgrounds])
    drawn = shuffle_stretches(X, np.full(len(X), 8), 8, 20, 1, 5)
    texts = [decode(one) for one in drawn]
    assert all(sorted(text) == sorted("AGATAAGG") for own in texts for text in own)
    assert len({tuple(own) for own in texts}) == len(X)
    assert len({text for own in texts for text in own}) > 60  # of 280 words there are, 140 draws hold about 110
    again = shuffle_stretches(X[3:4], np.array([8]), 8, 20, 1, 5)
    assert decode(again[0]) == texts[3]  # a draw does not depend on what else is asked for


def test_progress_and_batches(counter, backgrounds, monkeypatch, capsys):
    """Edits measured a few at a time give the same."""
    from genolift.evaluate.experiments import measuring

    whole = gl.space(counter, "GAT", "TTC", backgrounds, 0, distances=range(4))
    monkeypatch.setattr(measuring, "_TOGETHER", 1)
    apart = gl.space(counter, "GAT", "TTC", backgrounds, 0, distances=range(4), progress=True)
    np.testing.assert_allclose(apart.effects, whole.effects, atol=1e-6)
    assert "edits" in capsys.readouterr().err


def test_a_function_as_target(counter, backgrounds):
    found = gl.marginalize(counter, "GAT", backgrounds, lambda y: y * 2)
    assert found.targets[0] != found.targets[1]
    assert found.table.effect[0] == pytest.approx(2 * gl.marginalize(counter, "GAT", backgrounds, 0).table.effect[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, X: gl.marginalize(m, "GAX", X, 0), "not a DNA letter"),
        (lambda m, X: gl.marginalize(m, "NNN", X, 0), "no base"),
        (lambda m, X: gl.marginalize(m, "GAT", X, 0, start=22), "22 to 25"),
        (lambda m, X: gl.marginalize(m, "GAT", X, 0, interval="z"), "interval"),
        (lambda m, X: gl.marginalize(m, "GAT", X, 0, confidence=95), "confidence"),
        (lambda m, X: gl.marginalize(m, "GAT", X[0], 0), "one-hot DNA"),
        (lambda m, X: gl.ablate(m, (20, 30), X, 0), "20 to 30"),
        (lambda m, X: gl.ablate(m, (2, 6), X, 0, by="CC"), "2 long"),
        (lambda m, X: gl.ablate(m, (2, 6), X, 0, by="magic"), "by is one of"),
        (lambda m, X: gl.ablate(m, (np.arange(3), 6), X, 0), "for each of 7"),
        (lambda m, X: gl.ablate(m, (np.arange(7), np.full(7, 9)), X, 0), "several widths"),
        (lambda m, X: gl.space(m, "GAT", "GAT", X, 0, distances=[30]), "do not fit"),
        (lambda m, X: gl.space(m, "GAT", "GAT", X, 0, distances=[3], both_orders=True, start=4), "do not fit"),
        (lambda m, X: gl.space(m, "GAT", "GAT", X, 0, orientations=["+"]), "orientations"),
        (lambda m, X: gl.space(m, "GAT", "GAT", X, 0, distances=[-1]), "distances"),
    ],
)
def test_refusals(counter, backgrounds, call, words):
    with pytest.raises(InputError, match=words):
        call(counter, backgrounds)


def test_a_stretch_outside_its_sequence_is_refused_in_any_row(counter, backgrounds):
    X = np.tile(backgrounds[:1], (1500, 1, 1))
    starts = np.full(len(X), 3)
    starts[1200] = -5
    with pytest.raises(InputError, match=r"the stretch -5 to 1 .* is not within 0 to 24"):
        gl.ablate(counter, (starts, starts + 6), X, 0, by="zero")


# Pictures


def test_a_picture_of_effects(counter, backgrounds):
    found = gl.marginalize(counter, {"a": "GAT", "b": "TTT"}, backgrounds, [0, 1], interval="bootstrap")
    figure = found.plot()
    assert len(figure.axes) == 2
    for target, ax in zip("01", figure.axes, strict=True):
        rows = found.table[found.table.target == target]
        (means,) = [line for line in ax.lines if line.get_marker() == "o"]
        assert list(means.get_xdata()) == list(rows.effect)
        (spans,) = [c for c in ax.collections if hasattr(c, "get_segments") and len(c.get_segments()) == 2]
        assert [list(segment[:, 0]) for segment in spans.get_segments()] == rows[["low", "high"]].to_numpy().tolist()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a (+)", "b (+)"]
    assert len(found.plot(targets=[1]).axes) == 1
    with pytest.raises(InputError, match="target '7'"):
        found.plot(targets=[7])


def test_a_picture_of_distances(counter, backgrounds):
    found = gl.space(counter, "GAT", "TTC", backgrounds, 0, distances=[0, 2, 5], orientations=["++", "-+"])
    figure = found.plot()
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles == ["first (+) … second (+)", "first (-) … second (+)"]
    both = next(line for line in figure.axes[0].lines if line.get_label() == "both")
    rows = found.table[found.table.orientation == "++"]
    assert list(both.get_xdata()) == [0, 2, 5]
    assert list(both.get_ydata()) == list(rows.effect)


@pytest.mark.parametrize("shuffles", [0, 3])
def test_what_is_not_finite_has_no_mean(backgrounds, shuffles):
    """A network that overflows for the sequences of A alone; one is repeated, so that numbers are not places."""
    x = keras.Input((LENGTH, 4))
    dense = K.Dense(1, activation="exponential")
    model = keras.Model(x, dense(K.GlobalAveragePooling1D()(x)))
    dense.set_weights([np.array([[150.0], [0.0], [0.0], [0.0]]), np.zeros(1)])
    X = np.concatenate([backgrounds[:2], backgrounds[:2], one_hot(["A" * LENGTH])])
    words = "sequence number 4 .*the prediction is NaN or infinite for it or for an edited copy"
    with pytest.warns(GenoliftWarning), pytest.raises(InputError, match=words):
        gl.marginalize(model, "CCC", X, shuffles=shuffles)
    with pytest.warns(GenoliftWarning), pytest.raises(InputError, match=words):
        gl.space(model, "CCC", "GG", X, distances=[0, 1], shuffles=shuffles)
    with pytest.warns(GenoliftWarning), pytest.raises(InputError, match=words):
        gl.ablate(model, (2, 5), X, by="GGG" if shuffles else "shuffle")
    # What an edit makes infinite is found as well.
    nearly = one_hot([*["ACGT" * (LENGTH // 4)] * 1, "A" * (LENGTH - 12) + "C" * 12])
    with pytest.warns(GenoliftWarning), pytest.raises(InputError, match="sequence number 1 "):
        gl.marginalize(model, "A" * 8, nearly, start=LENGTH - 8)
