"""Networks that can be read: their layers against slow twins in NumPy, sums, motifs of files, and saved models."""

import json
import zipfile

import numpy as np
import pytest

from genolift.models.loading import load_model
from genolift.models.readable.heads import AttentionPool, StrongestSites, SumOfUnits
from genolift.models.readable.reading import reading_of
from genolift.models.readable.scan import MotifScan
from genolift.models.training import train
from genolift.models.zoo import READABLE, build
from genolift.sequence.alphabet import one_hot
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.motifs import Motif, read_motifs
from genolift.simulate.spec import shipped_motifs
from genolift.support.errors import FileProblem, InputError
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (5, 40))]


def perturbed(model, size=0.1):
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(variable + size * random.normal(size=variable.shape))
    return model


@pytest.fixture(scope="module")
def networks():
    return {name: perturbed(build(name, seed=1, length=40, tasks=2)) for name in READABLE}


def slow_scan(scan, x, p, f, reverse=False):
    kernel = np.asarray(scan.weights_of_bases)
    kernel = kernel[::-1, ::-1] if reverse else kernel
    return float((x[p : p + scan.width] * kernel[:, :, f]).sum())


@pytest.mark.parametrize("name", READABLE)
def test_the_scan_is_a_walk_over_places(networks, name):
    scan = networks[name].get_layer("scan")
    found = np.asarray(scan(X))
    assert found.shape == (5, 40 - scan.width + 1, scan.filters)
    for p, f in [(0, 0), (3, 1), (found.shape[1] - 1, scan.filters - 1)]:
        score = slow_scan(scan, X[2], p, f)
        if scan.both_strands:
            score = max(score, slow_scan(scan, X[2], p, f, reverse=True))
        if scan.counts_sites:
            score = 20 * (score - 0.3 - 0.6 / (1 + np.exp(-float(scan.bias[f]))))
        else:
            score = score * float(scan.factor[f]) if scan.tie is not None else score
            score += float(scan.bias[f])
        wanted = {"relu": max(score, 0), "exponential": np.exp(score), "sigmoid": 1 / (1 + np.exp(-score))}
        assert found[2, p, f] == pytest.approx(wanted[scan.activation_name], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", READABLE)
def test_parts_sum_to_the_logit(networks, name):
    """By base, by filter and by place and filter: all sums are the logit less that of activations that are zero."""
    model = networks[name]
    reading = reading_of(model)
    p = np.asarray(model(X)).astype(float)
    logits = np.log(p / (1 - p))
    np.testing.assert_allclose(reading.logits(X), logits, atol=1e-4)
    wanted = logits - np.asarray(reading.head(np.zeros((1, 3, reading.scan.filters), np.float32)))
    for found in (reading.by_base(X).sum(axis=2), reading.by_filter(X).sum(axis=2)):
        np.testing.assert_allclose(found, wanted, atol=2e-4 * (1 + np.abs(wanted).max()))
    np.testing.assert_allclose(logits - wanted, np.broadcast_to(reading.silent(), logits.shape), atol=1e-3)


HITS = np.random.default_rng(3).gamma(0.5, size=(2, 6, 3)).astype(np.float32)


def made(head):
    head(HITS)
    random = np.random.default_rng(4)
    for variable in head.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    return head, {v.name: np.asarray(v) for v in head.trainable_variables}


def test_attention_pooling_by_hand():
    head, w = made(AttentionPool(2))
    for n in range(2):
        for t in range(2):
            a = np.exp(HITS[n] @ w["attention"][:, t])
            a /= a.sum()
            values = HITS[n] @ w["values"][:, t]
            assert np.asarray(head(HITS))[n, t] == pytest.approx((a * values).sum() + w["bias"][t], rel=1e-4)
            np.testing.assert_allclose(
                np.asarray(head.parts(HITS))[n, ..., t], a[:, None] * HITS[n] * w["values"][:, t], rtol=1e-4)  # fmt: skip


def test_strongest_sites_by_hand_and_ties_share():
    head, w = made(StrongestSites(2))
    hits = HITS.copy()
    hits[0, 4, 1] = hits[0, 2, 1] = 9.0
    logits, parts = np.asarray(head(hits)), np.asarray(head.parts(hits))
    expected = hits.max(axis=1) @ w["strongest"] + hits.mean(axis=1) @ w["mean"] + w["bias"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4)
    np.testing.assert_allclose(parts[0, 2, 1], parts[0, 4, 1])
    np.testing.assert_allclose(parts[0, 2, 1], 9 * (w["strongest"][1] / 2 + w["mean"][1] / 6), rtol=1e-4)
    np.testing.assert_allclose(parts[0, 0, 1], hits[0, 0, 1] * w["mean"][1] / 6, rtol=1e-4)


def test_sum_of_units_by_hand():
    head, w = made(SumOfUnits(2, 4))
    parts = np.asarray(head.parts(HITS))
    for n, p, f in [(0, 0, 0), (1, 5, 2), (0, 3, 1)]:
        bent = np.maximum(HITS[n, p, f] * w["inward"][f] + w["offset"][f], 0) - np.maximum(w["offset"][f], 0)
        np.testing.assert_allclose(parts[n, p, f], (bent @ w["outward"][f]) * w["mix"][f], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(np.asarray(head(HITS)), parts.sum(axis=(1, 2)) + w["bias"], rtol=1e-3, atol=1e-4)


def test_a_site_gets_what_its_filter_adds():
    """One filter that looks for ACG and one place that has it: the bases share by how much more they give."""
    scan = MotifScan(1, 3)
    sequence = keras.Input((8, 4))
    model = keras.Model(sequence, StrongestSites(1)(scan(sequence)))
    kernel = np.zeros((3, 4, 1), np.float32)
    kernel[[0, 1, 2], [0, 1, 2], 0] = [4.0, 2.0, 2.0]
    scan.kernel.assign(kernel)
    scan.bias.assign([-7.0])
    model.layers[-1].strongest.assign([[3.0]])
    model.layers[-1].mean.assign([[0.0]])
    scores = reading_of(model).by_base(one_hot(["TTACGTTT"]))[0, 0]
    np.testing.assert_allclose(scores, [0, 0, 1.5, 0.75, 0.75, 0, 0, 0], atol=1e-6)


def test_a_site_on_the_other_strand_is_shared_as_that_strand_shows_it():
    model = build("pwm", length=30)
    scan = model.get_layer("scan")
    (number,) = [i for i, name in enumerate(scan.motifs) if name.startswith("GATA")]
    motif = read_motifs(shipped_motifs())[scan.motifs[number]]
    forward = "C" * 8 + motif.consensus + "C" * (30 - 8 - motif.width)
    backward = forward[::-1].translate(str.maketrans("ACGT", "TGCA"))
    head = model.get_layer("logits")
    head.strongest.assign(np.eye(scan.filters, 1, -number))
    head.mean.assign(0 * head.mean)
    one, other = reading_of(model).by_base(one_hot([forward, backward]))[:, 0]
    assert one.sum() > 1
    np.testing.assert_allclose(one, other[::-1], atol=1e-5)
    inside = slice(8, 8 + motif.width)
    assert one[inside].sum() == pytest.approx(one.sum(), rel=1e-5)


def test_filters_hold_the_motifs_of_the_file():
    motifs = read_motifs(shipped_motifs())
    for name in ("pwm", "pwm_tied", "lattice"):
        scan = build(name, seed=5, length=40).get_layer("scan")
        kernel = np.asarray(scan.weights_of_bases)
        for number, motif in enumerate(scan.motifs):
            odds = Motif(motif, motifs[motif].matrix).log_odds([0.25] * 4)
            first = (scan.width - len(odds)) // 2
            np.testing.assert_allclose(
                kernel[first : first + len(odds), :, number], odds / odds.max(axis=1).sum(), atol=1e-6)  # fmt: skip
            assert np.abs(kernel[:, :, number]).sum() == pytest.approx(
                np.abs(odds / odds.max(axis=1).sum()).sum(), rel=1e-5)  # fmt: skip


@pytest.mark.slow
def test_fixed_filters_stay_and_tied_ones_stay_nearer_the_stronger_the_tie():
    data = simulate("tal_gata", n=120)

    def moved(name, **options):
        model = build(name, seed=1, length=200, tasks=3, **options)
        before = np.array(model.get_layer("scan").weights_of_bases)
        train(model, data, epochs=2, learning_rate=0.05, progress=False)
        return np.abs(np.asarray(model.get_layer("scan").weights_of_bases) - before).max()

    loose, tight = moved("pwm_tied", tie=0.01), moved("pwm_tied", tie=1000.0)
    assert moved("pwm") == 0
    assert 0 < tight < loose / 2


def test_motifs_of_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.jaspar"
    path.write_text(">M1 one\nA [9 0 0]\nC [0 9 0]\nG [0 0 9]\nT [1 1 1]\n")
    scan = build("pwm", length=20, motifs=path).get_layer("scan")
    assert (scan.filters, scan.width) == (1, 3)  # The motif stands under its accession and its name, and counts once.
    with pytest.raises(FileProblem):
        build("pwm", length=20, motifs=tmp_path / "nowhere.meme")
    with pytest.raises(InputError, match="3 is the shortest"):
        build("pwm", length=2, motifs=path)
    with pytest.raises(InputError, match="tie=0 is not a positive number"):
        build("pwm_tied", tie=0)
    with pytest.raises(InputError, match="a scan's activation is one of relu"):
        MotifScan(1, 3, activation="gelu")


@pytest.mark.parametrize("name", READABLE)
def test_saved_and_loaded_in_safe_mode(networks, name, tmp_path):
    path = tmp_path / "model.keras"
    networks[name].save(path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    assert "Lambda" not in config
    assert "genolift>MotifScan" in config
    json.loads(config)
    loaded = load_model(path)
    np.testing.assert_array_equal(np.asarray(loaded(X)), np.asarray(networks[name](X)))
    np.testing.assert_allclose(reading_of(loaded).by_base(X), reading_of(networks[name]).by_base(X), atol=1e-6)
    assert loaded.get_layer("scan").motifs == networks[name].get_layer("scan").motifs


def test_what_cannot_be_read():
    assert reading_of(build("dilated", length=40)) is None
    assert reading_of(lambda x: x) is None
    sequence = keras.Input((40, 4))
    hits = keras.layers.Dropout(0.1)(MotifScan(2, 5)(sequence))
    assert reading_of(keras.Model(sequence, SumOfUnits(1)(hits))) is None
    doubled = keras.layers.Dense(1)(SumOfUnits(1)(MotifScan(2, 5)(sequence)))
    assert reading_of(keras.Model(sequence, doubled)) is None
    assert reading_of(keras.Model(sequence, SumOfUnits(1)(MotifScan(2, 5)(sequence)))) is not None
