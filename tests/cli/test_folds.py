"""``--fold``: several models as one, judged by plain means of what each of them gives alone."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from cli_files import LENGTH
from matplotlib.figure import Figure

import genolift as gl
from genolift.evaluate.experiments.confidence import of_mean
from genolift.models.zoo import build
from genolift.sequence.fasta import read_fasta
from genolift.sequence.shuffle import shuffle
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folds(files, tmp_path_factory):
    """The model of ``files`` and two others like it."""
    folder = tmp_path_factory.mktemp("folds")
    paths = [folder / "b.keras", folder / "c.keras"]
    for seed, path in enumerate(paths, 1):
        build("tal_gata", seed=seed, length=LENGTH, filters=4, width=5).save(path)
    return [files.model, *paths]


@pytest.fixture(scope="module")
def all_folds(folds):
    return ("--fold", folds[1], "--fold", folds[2])


@pytest.fixture(scope="module")
def together(files, folds, all_folds, tmp_path_factory):
    """The store of three folds and two targets."""
    from genolift.cli.app import run

    out = tmp_path_factory.mktemp("together") / "s.zarr"
    command = ["explain", folds[0], files.fasta, *all_folds, "--target", "0", "2", "--out", out]
    assert run([str(word) for word in command]) == 0
    return out


def test_explain_gives_the_mean_and_the_spread(files, folds, together, genolift, tmp_path):
    alone = []
    for path in folds:
        out = tmp_path / f"{path.stem}.zarr"
        assert genolift("explain", path, files.fasta, "--target", 0, 2, "--out", out).code == 0
        alone.append(gl.Explanation.load(out))
    found = gl.Explanation.load(together)
    for name in ("scores", "hypothetical", "predictions"):
        mean = np.mean([getattr(one, name)[:] for one in alone], axis=0)
        np.testing.assert_allclose(getattr(found, name)[:], mean, atol=1e-7)
    np.testing.assert_allclose(found.spread[:], np.std([one.scores[:] for one in alone], axis=0, ddof=1), atol=1e-7)
    np.testing.assert_allclose(abs(found.residual[:]), np.max([abs(one.residual[:]) for one in alone], axis=0))
    assert found.method["models"] == 3


def test_a_store_is_continued_by_the_same_folds_only(files, folds, all_folds, together, genolift):
    command = ("explain", folds[0], files.fasta, "--target", 0, 2, "--out", together)
    assert "already complete" in genolift(*command, *all_folds).out
    for other in ((), all_folds[:2], (*all_folds[2:], *all_folds[:2])):
        refused = genolift(*command, *other)
        assert refused.code == 2
        assert "holds another result" in refused.err
        assert "model.folds" in refused.err or "method.models is 3 there" in refused.err


def test_workers_give_the_same_bytes(files, folds, all_folds, together, genolift, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "s.zarr"
    command = ("explain", folds[0], files.fasta, *all_folds, "--target", 0, 2, "--workers", 1, "--out", out)
    told = genolift(*command)
    assert told.code == 0, told.err
    one, other = gl.Explanation.load(together), gl.Explanation.load(out)
    np.testing.assert_array_equal(one.spread[:], other.spread[:])
    np.testing.assert_array_equal(one.scores[:], other.scores[:])


def test_the_spread_is_a_column_of_the_table(together, genolift, tmp_path):
    out = tmp_path / "s.tsv"
    assert genolift("export", together, "--to", "tsv", "--target", 2, "--out", out).code == 0
    rows = list(csv.DictReader(out.open(), delimiter="\t"))
    expected = gl.Explanation.load(together).spread[:][:, 1].ravel()
    np.testing.assert_array_equal(np.float32([row["spread"] for row in rows]), expected)


def test_diagnosis_of_every_fold(files, folds, genolift):
    told = genolift("explain", folds[0], files.fasta, "--fold", folds[1], "--target", 0, "--diagnose")
    assert told.code == 0, told.err
    assert [line for line in told.out.splitlines() if line.endswith(".keras")] == [str(path) for path in folds[:2]]
    assert told.out.count("imbalance_float64") == 2


def test_a_fold_may_be_the_weights_of_one_architecture(files, genolift, tmp_path):
    models = [build("tal_gata", seed=seed, length=LENGTH, filters=4, width=5) for seed in (0, 1)]
    (tmp_path / "model.json").write_text(models[0].to_json())
    for k, model in enumerate(models):
        model.save_weights(tmp_path / f"{k}.weights.h5")
    told = genolift(
        *("explain", tmp_path / "model.json", files.fasta, "--weights", tmp_path / "0.weights.h5"),
        *("--fold", tmp_path / "1.weights.h5", "--target", 1, "--method", "gradient", "--activation", "keep"),
        *("--out", tmp_path / "s.zarr"),
    )
    assert told.code == 0, told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    predicted = [model.predict(found.inputs[:], verbose=0)[:, 1] for model in models]
    assert found.spread[:].max() > 0
    np.testing.assert_allclose(found.predictions[:], np.mean(predicted, axis=0), atol=1e-6)


def test_what_is_no_fold(files, folds, genolift, tmp_path):
    def refused(*arguments):
        told = genolift("explain", folds[0], files.fasta, *arguments, "--target", 0, "--out", tmp_path / "s.zarr")
        assert told.code == 2
        (line,) = told.err.splitlines()
        assert not (tmp_path / "s.zarr").exists()
        return line

    build("tal_gata", length=LENGTH - 1, filters=4, width=5).save(tmp_path / "short.keras")
    line = refused("--fold", tmp_path / "short.keras")
    assert f"{tmp_path / 'short.keras'} and {folds[0]} are no folds of one model" in line
    assert (
        f"the inputs of the one are sequence ({LENGTH - 1}, 4), and those of the other sequence ({LENGTH}, 4)" in line
    )
    (tmp_path / "copy.keras").write_bytes(folds[1].read_bytes())
    assert "would count twice" in refused("--fold", folds[1], "--fold", tmp_path / "copy.keras")
    assert f"{folds[0]} is given twice" in refused("--fold", folds[0])
    assert "missing.keras does not exist" in refused("--fold", tmp_path / "missing.keras")
    assert "not averaged over models" in refused("--fold", folds[1], "--method", "maxent")


def test_the_band_of_a_logo_reaches_over_the_spread(together):
    found = gl.Explanation.load(together)
    figure = found.plot("s0", target=2)
    (band,) = [patch for patch in figure.axes[0].patches if type(patch).__name__ == "StepPatch"]
    values, edges, baseline = band.get_data()
    one = found["s0"].for_target(2)
    mean, spread = one.scores[0], one.spread[0]
    np.testing.assert_allclose(values, mean + spread, atol=1e-7)
    np.testing.assert_allclose(baseline, mean - spread, atol=1e-7)
    assert edges[0] == -0.5
    low, high = figure.axes[0].get_ylim()
    assert low < baseline.min()
    assert high > values.max()
    assert "mean ± SD of 3 models" in figure.get_suptitle()
    ax = Figure().add_subplot()
    found.plot("s0", target=2, ax=ax)
    low, high = ax.get_ylim()
    assert low < baseline.min()
    assert high > values.max()


def test_experiments_measure_the_mean_and_tell_the_spread(files, folds, all_folds, genolift, tmp_path):
    out = tmp_path / "m.tsv"
    command = ("marginalize", folds[0], files.fasta, *all_folds, "--motif", "AGATAAG", "--target", 0, "--target", 2)
    told = genolift(*command, "--activation", "keep", "--shuffles", 2, "--seed", 3, "--out", out)
    assert told.code == 0, told.err
    X = gl.one_hot([sequence for _, sequence in read_fasta(files.fasta)])
    X = shuffle(X, 2, 2, 3).reshape(-1, LENGTH, 4)
    with_motif = X.copy()
    with_motif[:, 26:33] = gl.one_hot("AGATAAG")[0]
    models = [gl.load_model(path) for path in folds]
    each = [model.predict(with_motif, verbose=0) - model.predict(X, verbose=0) for model in models]
    for row, target in zip(csv.DictReader(out.open(), delimiter="\t"), (0, 2), strict=True):
        effects = np.array(each)[:, :, target]
        assert float(row["effect"]) == pytest.approx(effects.mean(), abs=1e-7)
        assert float(row["spread"]) == pytest.approx(effects.mean(1).std(ddof=1), rel=1e-3)
        interval = of_mean(effects.mean(0).reshape(12, 2).mean(1))
        assert [float(row["low"]), float(row["high"])] == pytest.approx(interval, rel=1e-3)


def test_other_experiments_of_folds(files, folds, genolift, tmp_path):
    """Each is the mean of what the command says of single models, with their spread."""
    for number, (command, columns) in enumerate(
        {
            ("space", "--first", "GATA", "--second", "CAGC", "--distances", "0-4:4"): ["effect", "interaction"],
            ("ablate", "--stretch", "20-30", "--method", "gradient-x-input"): ["effect"],
        }.items()
    ):
        name, *words = command
        tables = []
        for k, models in enumerate([folds[:1], folds[1:2], [folds[0], "--fold", folds[1]]]):
            out = tmp_path / f"{number}_{k}.tsv"
            model, *more = models
            told = genolift(name, model, files.fasta, *more, *words, "--target", 1, "--out", out)
            assert told.code == 0, told.err
            tables.append(pd.read_csv(out, sep="\t"))
        one, other, both = tables
        for column in columns:
            np.testing.assert_allclose(both[column], (one[column] + other[column]) / 2, atol=1e-8)
            spread = "spread" if column == "effect" else f"{column}_spread"
            np.testing.assert_allclose(both[spread], np.abs(one[column] - other[column]) / np.sqrt(2), atol=1e-8)
            assert spread not in one


def test_check_explains_every_fold(files, folds, genolift, tmp_path):
    done = genolift("check", folds[0], "--fold", folds[1], "--target", 1, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert [proof["on"] for proof in told["proofs"]] == ["a random sequence", f"a random sequence by {folds[1]}"]
    assert f"{folds[0]} sequences.fa --fold {folds[1]} --target 1" in told["next"]["command"]
    assert told["cost"]["models"] == 2
    values = [gl.load_model(path).predict(_random_sequence(), verbose=0)[0, 1] for path in folds[:2]]
    said = [proof["sums"][0]["prediction"] for proof in told["proofs"]]
    np.testing.assert_allclose(said, np.log(values) - np.log1p(-np.array(values)), atol=1e-5)


def test_check_fails_where_one_fold_cannot_be_explained(files, genolift, tmp_path):
    """The exit code is of all models, so that the mean of folds is not trusted where one of them is not explained."""
    x = keras.Input((LENGTH, 4))
    steps = keras.ops.cast(keras.ops.argmax(x, -1), "float32")
    keras.Model(x, keras.layers.Dense(3, activation="sigmoid")(steps)).save(tmp_path / "steps.keras")
    done = genolift("check", files.model, "--fold", tmp_path / "steps.keras", "--target", 0)
    assert done.code == 1
    told = " ".join(done.out.split())  # Long paths are wrapped.
    assert f"tried on a random sequence by {tmp_path / 'steps.keras'}, and does not explain it" in told


def _random_sequence():
    return np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (1, LENGTH))]
