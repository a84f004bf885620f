"""Labels that are profiles: the reads that are expected, their draws, their truth, and the files that hold them."""

import itertools
import math

import numpy as np
import pytest

from genolift.simulate.dataset import Embedding
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.profiles.rates import ProfileValue, Rates
from genolift.simulate.profiles.tables import Profile
from genolift.simulate.reading import load_dataset
from genolift.simulate.scenes import Scenes
from genolift.simulate.spec import parse_spec
from genolift.support.errors import ConfigError, InputError

MOTIFS = {"A": {"matrix": [[0.7, 0.1, 0.1, 0.1]] * 4}, "B": {"matrix": [[0.1, 0.7, 0.1, 0.1]] * 5}}
FOOTPRINT = {"at": "A", "shape": "footprint", "width": 10.0, "spread": 2.0, "upstream": 0.75, "weight": "1 + B"}
PEAK = {"at": "B", "spread": 3.0, "offset": 4.0, "graded": True, "weight": 0.5}
READS = {"profile": [FOOTPRINT, PEAK], "base": 0.5, "total": 20.0, "positions": 40}


def spec(reads=READS, n=40, most=2, **changes):
    both = {"distribution": "uniform", "min": 0, "max": most}
    embed = [{"motif": name, "count": both, "strand": "both"} for name in MOTIFS]
    table = {
        "name": "t",
        "length": 60,
        "background": [0.25] * 4,
        "motifs": MOTIFS,
        "groups": [{"name": "g", "sequences": n, "embed": embed}],
        "labels": {"reads": reads},
        "splits": {"valid": 0.2, "test": 0.2},
    }
    return parse_spec(table | changes)


def match(one):
    odds = np.log((0.999 * np.array(MOTIFS[one.motif]["matrix"]) + 0.001 / 4) / 0.25)
    word = ["ACGT".index(c) for c in one.string]
    word = [3 - c for c in word[::-1]] if one.strand == "-" else word
    return sum(odds[i][c] for i, c in enumerate(word)) / odds.max(axis=1).sum()


def area(low, high):
    return (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2


def slow_rates(instances):
    """What the table above says, position by position and instance by instance."""
    b = sum(one.motif == "B" for one in instances)
    found = []
    for position in range(10, 50):
        rate = 0.5
        for one in instances:
            centre, way = (one.start + one.end - 1) / 2, -1 if one.strand == "-" else 1
            for share, offset, spread, weight in (
                [(0.75, -5, 2, 1 + b), (0.25, 5, 2, 1 + b)]
                if one.motif == "A"
                else [(1, 4, 3, 0.5 * max(0, match(one)))]
            ):
                middle = centre + way * offset
                rate += (
                    20 * weight * share * area((position - 0.5 - middle) / spread, (position + 0.5 - middle) / spread)
                )
        found.append(rate)
    return np.array(found)


def of_sequence(dataset, i):
    return [k for k, one in enumerate(dataset.embeddings) if one.sequence_index == i]


@pytest.fixture(scope="module")
def dataset():
    return simulate(spec(), seed=3)


def test_rates_are_what_the_table_says(dataset):
    assert dataset.expected.shape == dataset.profiles.shape == (40, 40, 1)
    assert {one.strand for one in dataset.embeddings} == {"+", "-"}
    for i in range(len(dataset)):
        expected = slow_rates([dataset.embeddings[k] for k in of_sequence(dataset, i)])
        np.testing.assert_allclose(dataset.expected[i, :, 0], expected, rtol=1e-5)


def test_truth_is_the_average_over_all_orders(dataset):
    """Both games, by Shapley's definition, from the slow rates."""
    checked = 0
    for i in range(len(dataset)):
        numbers = of_sequence(dataset, i)
        some = [dataset.embeddings[k] for k in numbers]
        if not 1 < len(some) < 5:
            continue
        whole = slow_rates(some)
        p = whole / whole.sum()

        def values(there, some=some, p=p):
            z = np.log(slow_rates([some[k] for k in sorted(there)]))
            return np.array([np.log1p(np.exp(z).sum()), (p * (z - z.mean())).sum()])

        orders = list(itertools.permutations(range(len(some))))
        total = np.zeros((len(some), 2))
        for order in orders:
            for at, k in enumerate(order):
                total[k] += values(order[: at + 1]) - values(order[:at])
        np.testing.assert_allclose(dataset.importance[numbers, 0], total[:, 0] / len(orders), atol=1e-9)
        np.testing.assert_allclose(dataset.profile_importance[numbers, 0], total[:, 1] / len(orders), atol=1e-9)
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("sampling", ["poisson", "multinomial"])
def test_reads_are_drawn_from_what_is_expected(sampling):
    """Mean and variance over many draws of one sequence: of a Poisson the same, of a multinomial n p (1 - p)."""
    drawn = simulate(spec({**READS, "sampling": sampling}, n=20000, most=0))
    expected = drawn.expected[0, :, 0].astype(float)
    np.testing.assert_allclose(drawn.expected[..., 0], np.broadcast_to(expected, drawn.expected.shape[:2]))
    mean, variance = drawn.profiles[..., 0].mean(axis=0), drawn.profiles[..., 0].var(axis=0)
    total = expected.sum()
    wanted = expected if sampling == "poisson" else expected * (1 - expected / total)
    np.testing.assert_allclose(mean, expected, atol=5 * np.sqrt(expected.max() / 20000))
    np.testing.assert_allclose(variance, wanted, rtol=0.06)
    counts = drawn.profiles.sum(axis=1)[:, 0]
    if sampling == "multinomial":
        assert set(counts) == {round(total)}
    else:
        assert counts.var() == pytest.approx(total, rel=0.06)
    np.testing.assert_allclose(drawn.labels[:, 0], np.log1p(counts), rtol=1e-6)


def test_a_shape_sums_to_one_however_narrow_it_is():
    label = Profile.model_validate({"profile": [{"at": "A", "spread": 0.01}], "base": 1.0, "total": 7.0})
    scenes = Scenes.of(1, [Embedding(0, "A", 20, 24, "+", "AAAA")], ["A"])
    along = Rates(label, ["A"], 60).along(scenes)[0, 0]
    assert along.sum() == pytest.approx(60 + 7)
    assert along[[21, 22]].tolist() == pytest.approx([4.5, 4.5])  # The centre of four bases lies between two.


def test_footprints_turn_with_their_strand():
    label = Profile.model_validate({"profile": [{**FOOTPRINT, "weight": 1.0}], "base": 1.0, "total": 5.0})
    forward, reverse = (
        Rates(label, ["A"], 60).along(Scenes.of(1, [Embedding(0, "A", 28, 32, strand, "AAAA")], ["A"]))[0, 0]
        for strand in "+-"
    )
    np.testing.assert_allclose(forward, reverse[::-1])
    assert forward[:30].sum() > forward[30:].sum() + 2  # Three quarters lie upstream.


def test_the_value_of_the_profile_is_that_of_the_target():
    """At all instances it is Σ p (z - mean z) with the p of these rates, and twice the rates change nothing."""

    def value(scale):
        label = {"profile": [PEAK], "base": 0.5 * scale, "total": 20.0 * scale}
        scenes = Scenes.of(1, [Embedding(0, "B", 28, 33, "+", "CCCCC")], ["B"], np.ones(1))
        return ProfileValue(Rates(Profile.model_validate(label), ["B"], 60))(scenes)

    np.testing.assert_allclose(value(1), value(3))
    assert value(1) > 0


def test_a_saved_directory_loads_as_it_was(dataset, tmp_path):
    dataset.save(tmp_path)
    for given in (spec(), None):
        loaded = load_dataset(tmp_path, given)
        assert loaded.kind == "profile"
        np.testing.assert_array_equal(loaded.profiles, dataset.profiles)
        np.testing.assert_array_equal(loaded.expected, dataset.expected)
        np.testing.assert_allclose(loaded.labels, dataset.labels, rtol=1e-6)
        np.testing.assert_allclose(loaded.importance, dataset.importance, atol=1e-6)
        np.testing.assert_allclose(loaded.profile_importance, dataset.profile_importance, atol=1e-6)
    header = (tmp_path / "embeddings.bed").read_text().split("\n")[0]
    assert header.split("\t")[7:] == ["importance:reads", "profile-importance:reads"]
    with np.load(tmp_path / "profiles.npz", allow_pickle=False) as held:
        assert sorted(held) == ["expected", "reads", "tasks"]
    first = (tmp_path / "profiles.npz").read_bytes()
    simulate(spec(), seed=3).save(tmp_path)
    assert (tmp_path / "profiles.npz").read_bytes() == first
    simulate("tal_gata", n=20).save(tmp_path)
    assert not (tmp_path / "profiles.npz").exists()


def test_subsets_carry_their_profiles(dataset):
    part = dataset.subset([7, 3])
    np.testing.assert_array_equal(part.profiles, dataset.profiles[[7, 3]])
    kept = [*of_sequence(dataset, 7), *of_sequence(dataset, 3)]
    np.testing.assert_array_equal(part.profile_importance, dataset.profile_importance[kept])


def changed(dataset, **arrays):
    held = {"tasks": np.array(["reads"]), "reads": dataset.profiles, "expected": dataset.expected} | arrays
    return {name: array for name, array in held.items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"reads": None}, "has no array 'reads'"),
        ({"tasks": np.array(["others"])}, "has the tasks others, not reads"),
        ({"reads": np.zeros((40, 40), int)}, r"reads are int64 \(40, 40\)"),
        ({"reads": np.full((40, 40, 1), -1)}, "some are negative"),
        ({"expected": np.zeros((40, 3, 1))}, "expected reads are"),
        ({"reads": np.zeros((40, 40, 1), int)}, "line 2: the labels are not the logarithms"),
        ({"tasks": np.array([{}], dtype=object)}, "is damaged or no .npz file"),
    ],
)
def test_files_that_do_not_hold_profiles(dataset, tmp_path, arrays, words):
    dataset.save(tmp_path)
    np.savez(tmp_path / "profiles.npz", **changed(dataset, **arrays))
    with pytest.raises(InputError, match=words):
        load_dataset(tmp_path)


def test_a_cut_file_and_a_missing_one(dataset, tmp_path):
    dataset.save(tmp_path)
    path = tmp_path / "profiles.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="damaged"):
        load_dataset(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="has no profiles, which 't' wants"):
        load_dataset(tmp_path, spec())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": 0}, r"labels\.reads\.base: Input should be greater than 0"),
        ({"positions": 61}, r"labels\.reads: 61 positions are more than the 60 bases"),
        ({"profile": [{**PEAK, "at": "C"}]}, r"labels\.reads: profile\[0\]\.at: unknown motif 'C'"),
        ({"profile": [PEAK, {**PEAK, "weight": "C"}]}, r"labels\.reads: profile\[1\]\.weight: unknown motif 'C'"),
        ({"profile": [{**PEAK, "width": 3.0}]}, r"labels\.reads\.profile\[0\]: 'width' and 'upstream' belong"),
        ({"profile": [{"at": "A", "shape": "footprint", "spread": 2.0}]}, "a footprint needs 'width'"),
        ({"profile": [{**FOOTPRINT, "offset": 2.0}]}, "'offset' belongs to a gaussian"),
        ({"sampling": "binomial"}, r"labels\.reads\.sampling"),
        ({"depth": 3}, r"labels\.reads\.depth: unknown key"),
    ],
)  # fmt: skip
def test_profiles_that_are_not_understood(changes, words):
    with pytest.raises(ConfigError, match=words):
        spec({**READS, **changes})


def test_profiles_among_labels():
    with pytest.raises(ConfigError, match="labels of one kind, and these are profile and binary"):
        spec(labels={"reads": READS, "y": "A > 0"})
    with pytest.raises(ConfigError, match="these have 40 and 60; give all the same number"):
        spec(labels={"reads": READS, "more": {**READS, "positions": 60}})
    with pytest.raises(ConfigError, match="profiles need sequences of one length"):
        spec(length={"min": 50, "max": 60})
    two = simulate(spec(labels={"reads": READS, "more": {**READS, "profile": [PEAK]}}))
    assert two.profiles.shape == (40, 40, 2)
    assert two.tasks == ["reads", "more"]
    kinds = np.array([one.motif for one in two.embeddings])
    assert not two.importance[kinds == "A", 1].any()
    assert two.importance[kinds == "A", 0].min() > 0


def test_reads_cannot_be_negative():
    with pytest.raises(InputError, match=r"labels\.reads: the expected .* must be above zero"):
        simulate(spec({**READS, "profile": [{**PEAK, "weight": -3.0}]}))
    with pytest.raises(InputError, match=r"labels\.reads: 2e\+10 reads are expected of a sequence"):
        simulate(
            spec({**READS, "total": 1e9, "profile": [{"at": "A", "spread": 0.1, "weight": 10.0}], "positions": 60})
        )
