"""The searches, on models whose answer is known: sums over positions, and every pair of edits tried one by one."""

from itertools import combinations

import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("uncompiled")]
L, N = 9, 4
X = np.eye(4, dtype=np.float32)[np.random.default_rng(2).integers(0, 4, (N, L))]


def additive(seed: int):
    weights = np.random.default_rng(seed).normal(size=(L, 4)).astype(np.float32)
    return weights, lambda x: tf.reduce_sum(x * weights, [1, 2])[:, None]


def rugged(seed: int):
    """A network with much interaction between positions, as NumPy and as TensorFlow compute it."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(L * 4, 12)) * 1.5, rng.normal(size=12)

    def model(x):
        hidden = tf.nn.relu(tf.reshape(x, [-1, L * 4]) @ tf.constant(first, tf.float32) - 1)
        return hidden @ tf.constant(second[:, None], tf.float32)

    return (lambda x: np.maximum(x.reshape(len(x), -1) @ first - 1, 0) @ second), model


def design(model, X=X, **options):
    return gl.method("minimal-change", model, 0, progress=False, **options)(X)


@pytest.mark.parametrize("algorithm", ["thorough", "greedy", "beam"])
def test_the_fewest_edits_of_a_sum_are_found(algorithm):
    """The best substitution of each position is independent of all others, so the largest gains are the answer."""
    weights, model = additive(3)
    start = (X * weights).sum((1, 2))
    gains = np.sort(weights.max(1) - (X * weights).sum(2), axis=1)[:, ::-1]
    for wanted in (0.6, 2.5, 4.1):
        found = design(model, above=float(start.max()) + wanted, algorithm=algorithm, width=3)
        reached = start[:, None] + np.cumsum(gains, 1) >= float(start.max()) + wanted
        np.testing.assert_array_equal(found.reached[:, 0], reached.any(1))
        np.testing.assert_array_equal(found.edit_count[:, 0][reached.any(1)], reached.argmax(1)[reached.any(1)] + 1)


def pairs_by_hand(f, x, reach):
    """The smallest number of substitutions with which a sequence reaches its goal, up to two; 3 for more."""
    if reach(f(x[None])[0]):
        return 0
    singles = [(p, b) for p in range(L) for b in range(4) if not x[p, b]]
    for number in (1, 2):
        for edits in combinations(singles, number):
            if len({p for p, _ in edits}) == number:
                y = x.copy()
                for p, b in edits:
                    y[p] = np.eye(4)[b]
                if reach(f(y[None])[0]):
                    return number
    return 3


@pytest.mark.parametrize("seed", range(3))
def test_every_pair_is_tried(seed):
    """The minimum by loops over all pairs, in NumPy."""
    f, model = rugged(seed)
    start = f(X.astype(float))
    counted = set()
    for factor in (0.3, 1.0, 2.2):
        goal = float(np.median(start)) + factor * np.std(start) * 2
        expected = [pairs_by_hand(f, x.astype(float), lambda v, goal=goal: v >= goal) for x in X]
        found = design(model, above=goal, algorithm="exhaustive", most=2)
        np.testing.assert_array_equal(found.at_least, expected)
        few = np.array(expected) <= 2
        np.testing.assert_array_equal(found.reached[:, 0], few)
        np.testing.assert_array_equal(found.edit_count[few, 0], np.array(expected)[few])
        counted |= set(expected)
    assert len(counted) > 2


def test_a_beam_finds_what_single_steps_do_not():
    """f rises only where two bases change together, and a decoy leads single steps astray."""

    def model(x):
        both = x[:, 2, 1] * x[:, 6, 3] * 4
        return (both + 0.5 * x[:, 0, 2] + 0.4 * x[:, 4, 2])[:, None]

    A = np.zeros((1, L, 4), np.float32)
    A[..., 0] = 1
    with pytest.warns(
        GenoliftWarning, match=r"1 of 1 goals were not reached; of '0' the prediction is 0 and should becom"
    ):
        greedy = design(model, A, above=3.0, algorithm="greedy")
    assert not greedy.reached.any()
    assert greedy.edit_count[0, 0] == 2  # both decoys, which are the best it got
    assert greedy.at_least[0] == 2
    beam = design(model, A, above=3.0, algorithm="beam", width=40)
    assert (beam.edit_count[0, 0], beam.reached[0, 0]) == (2, 1)
    assert sorted(map(str, beam.edits(0))) == ["A2C", "A6T"]
    pair = design(model, A, above=3.0, algorithm="exhaustive")
    assert (pair.edit_count[0, 0], pair.at_least[0]) == (2, 2)


@pytest.mark.parametrize("algorithm", ["greedy", "ledidi"])
def test_superfluous_edits_are_undone(algorithm, monkeypatch):
    from genolift.methods.editing import searches
    from genolift.methods.editing.problem import Found

    weights, model = additive(3)

    def wasteful(problem, width):
        slots = problem.own.copy()
        best = weights.argmax(1)
        slots[:, 1::2] = best  # every position at its best
        return Found(slots, np.ones(problem.lanes, int))

    monkeypatch.setitem(searches.SEARCHES, algorithm, wasteful)
    goal = float((X * weights).sum((1, 2)).max()) + 2.0
    found = design(model, above=goal, algorithm=algorithm)
    monkeypatch.undo()
    np.testing.assert_array_equal(found.edit_count, design(model, above=goal).edit_count)


def test_insertions_and_deletions_save_edits():
    """A word that is one base too short, or too long, is mended by one indel, and by many substitutions."""
    word = "GATTACAG"
    codes = ["ACGT".index(letter) for letter in word]

    def model(x):
        return tf.reduce_sum(tf.stack([x[:, p + 1, code] for p, code in enumerate(codes)], 1), 1)[:, None]

    mended = {"TGATACAGT": ("insertion", "TGATTACAG"), "TGATTTACAG": ("deletion", "TGATTACAGN")}
    for text, (kind, whole) in mended.items():
        x = gl.one_hot([text])
        plain = design(model, x, above=8.0)
        moved = design(model, x, above=8.0, indels=True, algorithm="beam", width=6)
        assert moved.reached[0, 0]
        assert moved.sequence(0) == whole
        assert [one.kind for one in moved.edits(0)] == [kind]
        assert moved.edit_count[0, 0] == 1
        assert moved.edit_count[0, 0] < plain.edit_count[0, 0]


def test_the_side_that_moves_is_chosen():
    def model(x):
        return (x[:, 0, 2] + x[:, 1, 1])[:, None]

    x = gl.one_hot(["AGCTTTTTT"])
    right = design(model, x, above=2.0, indels=True, moves="right")
    assert [str(one) for one in right.edits(0)] == ["A0del"]
    assert right.sequence(0) == "GCTTTTTTN"
    left = design(model, x, above=2.0, indels=True, moves="left")
    assert [one.kind for one in left.edits(0)] == ["insertion"]
    assert left.sequence(0)[:2] == "GC"
    assert left.sequence(0).endswith("TTT")


DRAWING = ["ledidi", "fast-seqprop", "adabeam", "gradabeam"]


@pytest.mark.parametrize("algorithm", DRAWING)
def test_searches_that_draw_reach_the_goal_within_the_constraints(algorithm):
    weights, model = additive(3)
    x, goal = X[:2], float((X[:2] * weights).sum((1, 2)).max()) + 1.5
    fixed = np.zeros((2, L), bool)
    fixed[:, :2] = True
    word = "".join("ACGT"[b] for b in weights.argmax(1)[5:7])  # what an unbounded search would write
    options = {"above": goal, "keep": fixed, "forbid": word, "existing": "keep", "width": 6}
    found = design(model, x, algorithm=algorithm, seed=1, **options)
    assert found.reached.all()
    assert not found.scores[fixed].any()
    texts = ["".join("ACGT"[b] for b in one.argmax(-1)) for one in x]
    for i, text in enumerate(texts):
        assert word in text or word not in found.sequence(i)
        # After pruning every edit is needed, for the goal or so that the word does not occur.
        for edit in found.edits(i):
            undone = found.sequence(i)[: edit.position] + edit.before + found.sequence(i)[edit.position + 1 :]
            less = found.design_predictions[i, 0] + found.scores[i, edit.position]
            assert less < goal or word in undone or gl.reverse_complement(word) in undone
    # More than the fewest, which are known for a sum, is not wrong, but should stay near.
    fewest = design(model, x, algorithm="greedy", **options).edit_count[:, 0]
    assert (found.edit_count[:, 0] <= fewest + 3).all()
    if algorithm == "adabeam":
        again = design(model, x, algorithm=algorithm, seed=1, **options)
        np.testing.assert_array_equal(found.designs, again.designs)


def test_draws_depend_on_the_seed_and_the_sequence_alone():
    weights, model = additive(3)
    goal = float((X * weights).sum((1, 2)).max()) + 1.5
    whole = design(model, above=goal, algorithm="adabeam", seed=3)
    alone = design(model, X[2:3], above=goal, algorithm="adabeam", seed=3)
    np.testing.assert_array_equal(whole.designs[2], alone.designs[0])
    other = design(model, above=goal, algorithm="adabeam", seed=4)
    assert (whole.designs != other.designs).any()


def test_edits_are_saved_where_single_steps_mislead():
    """The best first steps are two that a single other step makes needless."""

    def model(x):
        a, b, c, d = x[:, 0, 2], x[:, 3, 2], x[:, 5, 2], x[:, 7, 2]
        return tf.minimum(1.2 * a + 1.1 * b + c + d + 3 * x[:, 1, 1] * x[:, 2, 1], 3)[:, None]

    A = np.zeros((1, L, 4), np.float32)
    A[..., 0] = 1
    greedy = design(model, A, above=3.0, algorithm="greedy")
    assert greedy.edit_count[0, 0] == 3
    thorough = design(model, A, above=3.0, algorithm="thorough")
    exact = design(model, A, above=3.0, algorithm="exhaustive")
    assert exact.edit_count[0, 0] == exact.at_least[0] == 2
    assert (thorough.reached[0, 0], thorough.edit_count[0, 0]) == (1, 2)


@pytest.mark.parametrize("seed", [0, 2, 6])
def test_the_default_search_needs_as_few_edits_as_every_single_search(seed):
    """On networks where positions interact, single steps alone need more edits for some sequences."""
    rng = np.random.default_rng(seed)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (12, 20))]
    first, second = rng.normal(size=(80, 24)).astype(np.float32), rng.normal(size=(24, 1)).astype(np.float32)

    def model(x):
        return tf.nn.relu(tf.reshape(x, [-1, 80]) @ first - 2) @ second

    start = model(X).numpy()
    goal = float(start.max() + 2.0 * start.std())
    counts = {}
    for algorithm in ("thorough", "greedy", "beam"):
        found = design(model, X, above=goal, algorithm=algorithm)
        assert found.reached.all()
        counts[algorithm] = found.edit_count[:, 0]
    assert (counts["thorough"] <= counts["greedy"]).all()
    assert (counts["thorough"] <= counts["beam"]).all()


def test_a_population_does_not_insert():
    with pytest.raises(InputError, match="ledidi exchanges bases only; with indels, use thorough"):
        design(additive(3)[1], above=1.0, algorithm="ledidi", indels=True)


@pytest.mark.parametrize("algorithm", ["thorough", *DRAWING])
def test_a_sequence_that_may_not_be_edited_ends_the_search(algorithm):
    with pytest.warns(GenoliftWarning, match="1 of 1 goals were not reached"):
        found = design(additive(3)[1], X[:1], above=1e3, algorithm=algorithm, keep=[(0, L)])
    assert found.edit_count[0, 0] == 0
