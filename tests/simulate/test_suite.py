"""The configurations that come with genolift, which are to fool methods: each holds what it says it tests."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import load_spec, parse_spec, shipped_specs

FOLDER = Path(__file__).parents[2] / "simulations"
N = 600


@pytest.fixture(scope="module", params=shipped_specs())
def drawn(request):
    return request.param, simulate(request.param, n=N)


def test_labels_vary_and_values_add_up(drawn):
    name, dataset = drawn
    spec = load_spec(name)
    assert spec.name == name
    assert (FOLDER / f"{name}.toml").read_text().startswith("# This")
    assert dataset.labels.std(axis=0).min() > 0.2
    for split in ("train", "valid", "test"):
        assert dataset.subset(split).labels.std(axis=0).min() > 0.1, split
    for t, outcome in enumerate(spec.outcomes):  # All instances bring the sequence from no instance to all.
        total = np.zeros(len(dataset))
        np.add.at(total, [one.sequence_index for one in dataset.embeddings], dataset.importance[:, t])
        if dataset.kind == "binary" and "when" not in str(spec.labels[outcome.task]) and "prob" not in str(spec.labels):
            without = float(outcome.task == "none")  # "absence" is the only label that is true of an empty sequence.
            np.testing.assert_allclose(total + without, dataset.labels[:, t], atol=1e-9)


def values(name, motif, task=0):
    dataset = simulate(name, n=N)
    return np.array(
        [v[task] for one, v in zip(dataset.embeddings, dataset.importance, strict=True) if one.motif == motif]
    )


def test_redundant_copies_share():
    shares = values("redundancy", "GATA_disc1")
    assert set(np.round(1 / shares).astype(int)) == {3, 4, 5, 6}


def test_a_repressor_is_negative_or_nothing():
    assert set(np.round(values("repressor", "TAL1_known1"), 6)) == {-0.5, 0.0}
    assert values("cancellation", "TAL1_known1").max() == 0
    assert values("cancellation", "TAL1_known1").min() < -0.5
    assert values("absence", "GATA_disc1").max() < 0


def test_a_decoy_and_a_companion_are_nothing():
    assert not values("decoys", "near_miss").any()
    assert not values("decoys", "TAL1_known1").any()
    assert values("decoys", "GATA_disc1").min() == 1


@pytest.mark.parametrize("name", ["spacing", "orientation", "order"])
def test_syntax_matters_where_it_holds(name):
    dataset = simulate(name, n=N)
    label = dataset.labels[[one.sequence_index for one in dataset.embeddings], 0]
    np.testing.assert_allclose(dataset.importance[:, 0], 0.5 * label)


def test_affinity_is_graded():
    strong = values("affinity", "GATA_disc1")
    assert 0.3 <= strong.min() < 0.4
    assert strong.max() <= 1
    assert strong.std() > 0.1


def test_both_motif_files_agree():
    """The file of motifs holds what the paper's own configuration says."""
    table = tomllib.loads((FOLDER / "tal_gata.toml").read_text())["motifs"]
    spec = load_spec("both")
    for name, motif in spec.matrices.items():
        np.testing.assert_allclose(motif, table[name]["matrix"], atol=1e-3)


def test_the_example_of_the_page_is_a_configuration():
    page = (FOLDER.parent / "docs" / "how-to" / "simulations.md").read_text()
    blocks = [part.split("```")[0] for part in page.split("```toml")[1:]]
    assert len(blocks) == 4
    spec = parse_spec(tomllib.loads("\n".join(blocks[:3])), folder=FOLDER)
    dataset = simulate(spec, n=50)
    assert dataset.tasks == ["active", "wrong", "chance"]
    assert {one.motif for one in dataset.embeddings} == {"GATA", "box"}
    spec = parse_spec(tomllib.loads("\n".join([*blocks[:2], blocks[3]])), folder=FOLDER)
    assert simulate(spec, n=50).profiles.shape == (50, 100, 1)
