"""The method minimal-change: what its fields mean, goals of each kind, what must stay, and errors in one line."""

import numpy as np
import pytest

import genolift as gl
from genolift.support.errors import GenoliftError, GenoliftWarning, InputError
from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()

pytestmark = pytest.mark.usefixtures("uncompiled")
L, N = 10, 3
X = np.eye(4, dtype=np.float32)[np.random.default_rng(4).integers(0, 4, (N, L))]
WEIGHTS = np.random.default_rng(5).normal(size=(2, L, 4)).astype(np.float32)


def two(x):
    """Two sums over positions."""
    return tf.einsum("nlb,tlb->nt", x, WEIGHTS)


def method(model=two, target=0, **options):
    return gl.method("minimal-change", model, target, progress=False, **options)


START = np.einsum("nlb,tlb->nt", X, WEIGHTS)


def as_arrays(found, k=0):
    return np.eye(5, dtype=np.float32)[found.designs[:, k]][..., :4]


def test_fields_say_what_the_model_does():
    found = method(above=float(START[:, 0].max()) + 3)(X)
    designs = as_arrays(found)
    values = np.einsum("nlb,tlb->nt", designs, WEIGHTS)
    np.testing.assert_allclose(found.design_predictions[:, 0], values[:, 0], rtol=1e-5)
    np.testing.assert_array_equal(found.reached[:, 0], values[:, 0] >= found.goal)
    np.testing.assert_array_equal(found.edit_count[:, 0], (designs != X).any(-1).sum(1))
    np.testing.assert_array_equal(found.bases[:, 0], found.designs[:, 0])
    assert (found.inserted == -1).all()
    # Of a sum each edited base counts what its weight is more than the weight of the design's base.
    expected = (X * WEIGHTS[0]).sum(-1) - (designs * WEIGHTS[0]).sum(-1)
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    assert (found.scores <= 0).all()
    assert (found.scores < 0).any()
    assert [len(found.edits(i)) for i in range(N)] == found.edit_count[:, 0].tolist()


def test_a_goal_is_crossed_from_both_sides_and_thresholds_from_one():
    middle = float(np.median(START[:, 0]))
    crossed = method(to=middle + 0.01)(X)
    side = np.sign(crossed.goal - crossed.predictions)
    assert set(side) == {-1, 1}
    assert (side * (crossed.design_predictions[:, 0] - crossed.goal) >= -1e-6).all()
    above = method(above=middle)(X)
    already = START[:, 0] >= middle - 1e-6
    np.testing.assert_array_equal(above.edit_count[already, 0], 0)
    np.testing.assert_array_equal(above.at_least[already], 0)
    assert (above.edit_count[~already, 0] > 0).all()
    below = method(below=middle)(X)
    assert (below.design_predictions <= middle + 1e-6).all()


def test_near_a_value():
    found = method(to=1.0, within=0.15, algorithm="beam", width=30)(X)
    assert found.reached.all()
    assert (np.abs(found.design_predictions - 1.0) <= 0.15 + 1e-6).all()


def test_without_a_goal_half_of_what_shuffles_lack_is_lost():
    from genolift.sequence.shuffle import shuffle

    found = method(share=0.7, seed=3)(X)
    shuffled = np.einsum("nslb,lb->ns", shuffle(X, 10, 2, 3), WEIGHTS[0]).mean(1)
    np.testing.assert_allclose(found.goal, START[:, 0] - 0.7 * (START[:, 0] - shuffled), rtol=1e-5)
    assert found.reached.all()


def test_what_does_not_see_the_order_of_bases_has_nothing_to_lose():
    def composition(x):
        return tf.reduce_sum(x, 1)

    with pytest.warns(GenoliftWarning, match="3 of 3 predictions are the same for shuffles .* give to, above or below"):
        assert not method(composition)(X).scores.any()


def test_a_held_target_stays():
    goal = float(START[:, 0].max()) + 2.5
    free, held = method(above=goal)(X), method(above=goal, hold={1: 0.3}, algorithm="beam", width=20)(X)
    moved = np.abs(np.einsum("nlb,lb->n", as_arrays(free), WEIGHTS[1]) - START[:, 1])
    assert moved.max() > 0.3
    assert held.reached.all()
    np.testing.assert_allclose(held.held_at_x[:, 0], START[:, 1], rtol=1e-5)
    np.testing.assert_allclose(
        held.held_predictions[:, 0], np.einsum("nlb,lb->n", as_arrays(held), WEIGHTS[1]), atol=1e-5
    )
    assert (np.abs(held.held_predictions - held.held_at_x) <= 0.3 + 1e-6).all()
    np.testing.assert_array_equal(method(above=goal, hold="1:0.3", algorithm="beam", width=20)(X).designs, held.designs)


def test_a_sigmoid_is_steered_by_its_logit():
    """Where float32 cannot tell outputs apart, their logits still can."""

    def model(x):
        return tf.sigmoid(two(x) * 6 - 30)

    assert model(tf.constant(X)).numpy()[:, 0].max() < 1e-12
    found = method(model, above=0.9, activation="keep", most=10, algorithm="greedy")
    result = found(X)
    assert result.predictions.max() < 1e-9
    assert result.reached.all()
    as_logit = method(model, above=float(np.log(0.9 / 0.1)), activation="logit")(X)
    np.testing.assert_array_equal(result.designs, as_logit.designs)
    with pytest.raises(InputError, match=r"1\.2 is out of reach, because the output is a sigmoid"):
        method(model, above=1.2, activation="keep")(X)


def test_goals_are_on_the_scale_of_the_output_unless_logits_are_asked_for():
    """``to=0.9`` means the same probability here, in ``gl.design`` and in `genolift design`."""

    def model(x):
        return tf.sigmoid(two(x))

    by_method, by_function = method(model, to=0.9)(X), gl.design(model, X, 0, to=0.9, progress=False)
    np.testing.assert_array_equal(by_method.designs, by_function.designs)
    np.testing.assert_allclose(by_method.predictions, tf.sigmoid(two(X)).numpy()[:, 0], rtol=1e-5)
    assert by_method.method == by_function.method
    assert by_method.method["activation"] == "keep"


def test_what_stays_is_not_edited_and_the_rest_may_be():
    goal = float(START[:, 0].max()) + 1
    mask = np.zeros((N, L), bool)
    mask[0, 2:6], mask[1, :] = True, True
    with pytest.warns(GenoliftWarning, match="no position of '1' may be edited; keep, only and unknown bases leave"):
        kept = method(above=goal, keep=mask)(X)
    assert not (kept.scores != 0)[mask].any()
    assert kept.edit_count[1, 0] == 0
    only = method(above=goal, only=[(3, 7)])(X)
    assert not (only.scores != 0)[:, [0, 1, 2, 7, 8, 9]].any()
    assert (only.scores != 0).any()


def test_a_bed_file_knows_sequences_by_name(tmp_path):
    bed = tmp_path / "keep.bed"
    bed.write_text("b\t0\t10\nc\t0\t4\n")
    one = method(above=float(START[:, 0].max()) + 1, keep=str(bed))
    found = one(X, names=["a", "b", "c"])
    assert found.edit_count[:, 0].astype(bool).tolist() == [True, False, True]
    assert not found.scores[2, :4].any()
    with pytest.raises(InputError, match="knows sequences by their names; give names="):
        one(X)
    with pytest.raises(InputError, match="keep has stretches of 'c', and no sequence is called so"):
        one.check_names(["a", "b"])
    bed.write_text("a\t5\t11\n")
    with pytest.raises(InputError, match="keep: the stretch 5 to 11 of 'a' is not within 0 to 10"):
        method(above=1.0, keep=str(bed))(X, names=["a", "b", "c"])
    assert one.describe()["keep"] != method(above=1.0, keep=str(bed)).describe()["keep"]


def test_solutions_edit_different_positions():
    found = method(above=float(START[:, 0].max()) + 0.5, solutions=3)(X)
    edited = found.bases != X.argmax(-1)[:, None]
    assert edited.any(-1)[:, :2].all()
    assert edited.sum(1).max() == 1
    assert (np.diff(found.edit_count, axis=1) >= 0)[found.reached[:, 1:] == 1].all()


def test_forbidden_motifs_and_gc_hold_for_every_design():
    """The first choice of a search would make the motif."""
    free = method(above=float(START[:, 0].max()) + 2)(X)
    word = free.sequence(0)[3:6]
    other = method(above=float(START[:, 0].max()) + 2, forbid=[word], existing="keep", gc=(0.2, 0.8))(X)
    assert word not in other.sequence(0)
    assert other.reached[0, 0]


def test_a_goal_beyond_reach_says_how_far_it_got():
    with pytest.warns(GenoliftWarning, match=r"3 of 3 goals were not reached; of 'x' the prediction is .* 2 edits"):
        found = method(above=1e3, most=2)(X, names=["x", "y", "z"])
    assert not found.reached.any()
    # The best two substitutions all the same.
    gains = np.sort(WEIGHTS[0].max(1) - (X * WEIGHTS[0]).sum(2), axis=1)[:, ::-1][:, :2].sum(1)
    np.testing.assert_allclose(found.design_predictions[:, 0], START[:, 0] + gains, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": 1.0, "above": 2.0}, "to and above are two goals; give one"),
        ({"within": 0.1}, "give it together with to"),
        ({"above": float("nan")}, "above must be a number"),
        ({"share": 0}, "share must be above 0"),
        ({"hold": "1"}, "held target '1' is not understood; write TARGET:TOLERANCE"),
        ({"hold": {1: 0}}, "may move by a number above 0"),
        ({"algorithm": "magic"}, "algorithm must be 'thorough' or"),
        ({"gc": (0.6, 0.4)}, "gc is the lowest and the highest"),
        ({"most": 0}, "most must be a whole number of at least 1"),
        ({"keep": np.zeros(3)}, "keep is a BED file with the names"),
        ({"hold": {7: 0.1}}, "target 7 is out of range"),
        ({"hold": {0: 0.1}}, "target 0 cannot both stay and reach a goal; hold other targets"),
        ({"target": [1, 0], "hold": "0:0.1"}, "target 0 cannot both stay and reach a goal"),
    ],
)
def test_mistakes_are_one_line(options, words):
    with pytest.raises(GenoliftError, match=words):
        method(**options)(X)


def test_profiles_are_refused():
    profile = gl.targets.Profile()
    with pytest.raises(GenoliftError, match="the weights of a profile follow x; use its log-counts"):
        method(two, profile)(X)
