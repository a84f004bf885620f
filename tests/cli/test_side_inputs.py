"""Models of several inputs: ``--also`` and ``--input``, judged by plain Keras and by the same in Python."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.evaluate.experiments.confidence import of_mean
from genolift.sequence.fasta import read_fasta
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.slow

K = keras.layers
N = 12


def network(seed, length=LENGTH, control=True):
    """A profile's control track and half-life features beside the sequence, which comes second."""
    keras.utils.set_random_seed(seed)
    dna = keras.Input((length, 4), name="dna")
    bias = keras.Input((length if control is True else control, 2), name="bias")
    features = keras.Input((3,), name="features")
    h = K.Conv1D(5, 5, padding="same", activation="relu")(dna)
    h = K.GlobalMaxPooling1D()(K.Conv1D(6, 3, activation="relu")(h))
    h = K.Concatenate()([h, K.GlobalAveragePooling1D()(bias), features])
    h = K.Dense(8, activation="relu")(h)
    return keras.Model([bias, dna, features], K.Dense(2, name="tasks")(h))


@pytest.fixture(scope="module")
def sided(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    made = SimpleNamespace(folder=folder, model=folder / "m.keras", fold=folder / "f.keras", models=[])
    for seed, path in ((1, made.model), (2, made.fold)):
        made.models.append(network(seed))
        made.models[-1].save(path)
    made.sequences = random_sequences(N)
    made.X = gl.one_hot(list(made.sequences.values()))
    made.fasta = fasta(folder / "twelve.fa", made.sequences)
    made.bias = rng.random((N, LENGTH, 2), np.float32)
    made.features = rng.normal(size=(N, 3)).astype(np.float32)
    np.savez(folder / "bias.npz", bias=made.bias, other=made.features)
    np.save(folder / "features.npy", made.features)
    made.options = ("--also", f"bias={folder / 'bias.npz'}", "--also", f"features={folder / 'features.npy'}")
    return made


def test_explain_is_what_python_says_with_the_others_held(sided, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    command = ("explain", sided.model, sided.fasta, *sided.options, "--target", 1, "--out", out)
    told = genolift(*command)
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    assert found.inputs.shape == found.hypothetical.shape == (N, LENGTH, 4)
    references = {"dna": gl.references.Shuffled(20, seed=0)}
    inputs = {"bias": sided.bias, "dna": sided.X, "features": sided.features}
    expected = gl.DeepLift(sided.models[0], 1, references=references)(inputs)
    np.testing.assert_allclose(found.scores[:], expected.scores["dna"], atol=1e-6)
    predicted = sided.models[0].predict([sided.bias, sided.X, sided.features], verbose=0)[:, 1]
    np.testing.assert_allclose(found.predictions[:], predicted, atol=1e-6)
    total = found.raw_contributions[:].sum((1, 2))
    np.testing.assert_allclose(total, predicted - found.reference_predictions[:].mean(1), atol=1e-5)
    assert "already complete" in genolift(*command).out
    np.save(tmp_path / "other.npy", sided.features[::-1])
    refused = genolift(*command[:5], "--also", f"features={tmp_path / 'other.npy'}", *command[7:])
    assert refused.code == 2
    assert "model.also.features.sha256" in refused.err


def test_mutagenesis_of_folds_with_a_constant(sided, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    told = genolift(
        *("explain", sided.model, sided.fasta, "--fold", sided.fold, "--also", "bias=zeros", "--also", "features=-0.5"),
        *("--target", 0, "--method", "ism", "--out", out),
    )
    assert told.code == 0, told.err
    mutated = sided.X.copy()
    mutated[:, 30] = np.eye(4)[2]
    others = np.zeros_like(sided.bias), np.full_like(sided.features, -0.5)
    effects = [
        model.predict([others[0], mutated, others[1]], verbose=0)[:, 0]
        - model.predict([others[0], sided.X, others[1]], verbose=0)[:, 0]
        for model in sided.models
    ]
    np.testing.assert_allclose(gl.Explanation.load(out).effects[:, 30, 2], np.mean(effects, axis=0), atol=1e-6)


@pytest.mark.parametrize("workers", [(), ("--workers", 1)])
def test_rows_belong_to_regions_in_the_order_of_the_file(sided, genolift, tmp_path, workers):
    """A region that is left out has a row too, which goes with it."""
    if workers:
        pytest.importorskip("distributed")
    chromosome = "".join(sided.sequences.values())
    genome = fasta(tmp_path / "genome.fa", {"chr1": chromosome})
    starts = [0, 5 * LENGTH, len(chromosome) - 10, 2 * LENGTH]
    (tmp_path / "r.bed").write_text("# regions\n" + "".join(f"chr1\t{s}\t{s + LENGTH}\n" for s in starts))
    np.save(tmp_path / "features.npy", sided.features[:4])
    out = tmp_path / "s.zarr"
    told = genolift(
        *("explain", sided.model, genome, "--regions", tmp_path / "r.bed", "--on-bad", "skip", "--also", "bias=0.25"),
        *("--also", f"features={tmp_path / 'features.npy'}", "--target", 0, "--method", "gradient-x-input"),
        *("--out", out, *workers),
    )
    assert told.code == 0, told.err
    rows, kept = [0, 1, 3], [0, 5, 2]
    bias = np.full((3, LENGTH, 2), 0.25, np.float32)
    predicted = sided.models[0].predict([bias, sided.X[kept], sided.features[rows]], verbose=0)[:, 0]
    np.testing.assert_allclose(gl.Explanation.load(out).predictions[:], predicted, atol=1e-6)


def test_experiments_edit_the_sequence_alone(sided, genolift, tmp_path):
    out = tmp_path / "m.tsv"
    told = genolift(
        *("marginalize", sided.model, sided.fasta, *sided.options, "--motif", "AGATAAG", "--target", 0, "--out", out)
    )
    assert told.code == 0, told.err
    edited = sided.X.copy()
    edited[:, 26:33] = gl.one_hot("AGATAAG")[0]
    before, after = (
        sided.models[0].predict([sided.bias, X, sided.features], verbose=0)[:, 0] for X in (sided.X, edited)
    )
    (row,) = csv.DictReader(out.open(), delimiter="\t")
    assert float(row["before"]) == pytest.approx(before.mean(), abs=1e-6)
    assert float(row["effect"]) == pytest.approx((after - before).mean(), abs=1e-6)
    assert [float(row["low"]), float(row["high"])] == pytest.approx(of_mean(after - before), abs=1e-6)


def test_ablation_and_spacing_with_rows(sided):
    """Copies of a sequence keep its row, and an equal sequence with another row is another one."""
    model, others = sided.models[0], {"bias": sided.bias, "features": sided.features}
    found = gl.ablate(model, (20, 30), sided.X, 1, others=others, by="unknown", replicates=3)
    ablated = sided.X.copy()
    ablated[:, 20:30] = 0.25
    effect = [model.predict([sided.bias, X, sided.features], verbose=0)[:, 1] for X in (sided.X, ablated)]
    np.testing.assert_allclose(found.effects[0, :, 0], effect[1] - effect[0], atol=1e-6)
    shuffled = gl.ablate(model, (20, 30), sided.X, 1, others=others, replicates=3, method="gradient-x-input")
    alone = gl.ablate(
        model, (20, 30), sided.X[4:], 1, others={k: v[4:] for k, v in others.items()}, replicates=3,
        method="gradient-x-input",
    )  # fmt: skip
    np.testing.assert_allclose(shuffled.effects[:, 4:], alone.effects, atol=1e-6)
    same = np.repeat(sided.X[:1], N, 0)
    spaced = gl.space(model, "GATA", "CAGC", same, 0, others=others, distances=[0, 3], orientations=["++"])
    assert list(spaced.table.n) == [N, N]
    none, both = sided.X[:1].copy(), sided.X[:1].copy()
    row = spaced.table.iloc[1]
    both[:, row.start : row.start + 4] = gl.one_hot("GATA")[0]
    both[:, row.second_start : row.second_start + 4] = gl.one_hot("CAGC")[0]
    values = [model.predict([sided.bias, np.repeat(x, N, 0), sided.features], verbose=0)[:, 0] for x in (none, both)]
    np.testing.assert_allclose(spaced.effects[1, :, 0], values[1] - values[0], atol=1e-6)


def test_check_tries_what_is_given(sided, genolift):
    done = genolift("check", sided.model, "--target", 1, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)["next"]["command"]
    assert "--also bias=bias.npz --also features=features.npz --target 1" in told
    given = ("--also", "bias=zeros", "--also", f"features={sided.folder / 'features.npy'}")
    done = genolift("check", sided.model, "--fold", sided.fold, *given, "--fasta", sided.fasta, "--target", 1, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    readings = {one["name"]: one["reading"] for one in told["inputs"]["inputs"]}
    assert readings["bias"] == "held at the number that was given"
    assert f"--also bias=0.0 --also features={sided.folder / 'features.npy'}" in told["next"]["command"]
    inputs = [np.zeros_like(sided.bias[:4]), sided.X[:4], sided.features[:4]]
    for model, proof in zip(sided.models, told["proofs"][1:], strict=True):
        said = [one["prediction"] for one in proof["sums"]]
        np.testing.assert_allclose(said, model.predict(inputs, verbose=0)[:, 1], atol=1e-5)


def test_what_is_not_given_or_wrong(sided, genolift, tmp_path):
    def refused(*options, model=sided.model, command="explain", more=()):
        told = genolift(command, model, sided.fasta, *options, "--target", 0, *more, "--out", tmp_path / "s.tsv")
        assert told.code == 2
        return told.err.splitlines()[-1]

    line = refused()
    assert f"m.keras takes bias ({LENGTH}, 2), features (3) beside the sequence dna ({LENGTH}, 4)" in line
    assert line.endswith("give --also NAME=FILE.npz (a row for each record), NAME=0.5 or NAME=zeros")
    assert f"takes features (3) beside the sequence dna ({LENGTH}, 4)" in refused("--also", "bias=zeros")
    assert "has no input 'size'; it takes bias" in refused(*sided.options, "--also", "size=3")
    assert "'dna' of" in refused(*sided.options, "--also", "dna=3")
    assert "'bias' is given twice" in refused(*sided.options, "--also", "bias=3")
    assert "'features:3' is not understood" in refused("--also", "features:3")
    assert "missing.npy does not exist" in refused("--also", "bias=missing.npy", "--also", "features=0")

    def of_file(array, name="bias"):
        np.save(tmp_path / "x.npy", array)
        rest = {"bias": "zeros", "features": "zeros"} | {name: tmp_path / "x.npy"}
        return refused(*(word for key, value in rest.items() for word in ("--also", f"{key}={value}")))

    assert f"'bias' has {N - 1} rows, and {sided.fasta} {N} records" in of_file(sided.bias[1:])
    assert "input 'bias' takes arrays of shape (N, 60, 2)" in of_file(sided.bias[:, :50])
    assert "holds NaN or infinite values" in of_file(np.full_like(sided.features, np.nan), "features")
    np.savez(tmp_path / "two.npz", one=sided.bias, two=sided.bias)
    assert "none of its arrays is called 'bias'" in refused(
        "--also", f"bias={tmp_path / 'two.npz'}", "--also", "features=1"
    )
    (tmp_path / "text.npz").write_text("0 1 2")
    assert "cannot be read as NumPy's" in refused("--also", f"bias={tmp_path / 'text.npz'}", "--also", "features=1")
    assert "may run along the sequence" in refused(*sided.options, more=("--rc-average",))


def test_which_input_is_the_sequence(genolift, files, tmp_path):
    first, second = keras.Input((LENGTH, 4), name="first"), keras.Input((LENGTH, 4), name="second")
    h = K.Concatenate()([K.Flatten()(first), K.Flatten()(second)])
    keras.Model([first, second], K.Dense(1)(K.Dense(4, activation="relu")(h))).save(tmp_path / "two.keras")
    out = tmp_path / "s.zarr"
    command = ("explain", tmp_path / "two.keras", files.fasta, "--method", "ism", "--out", out)
    told = genolift(*command, "--also", "first=zeros")
    assert told.code == 2
    assert "of which several have the shape of DNA; --input NAME says which one is scored" in told.err
    told = genolift(*command, "--input", "second", "--also", "first=0.25")
    assert told.code == 0, told.err
    X = gl.one_hot([sequence for _, sequence in read_fasta(files.fasta)])
    predicted = keras.models.load_model(tmp_path / "two.keras").predict([np.full_like(X, 0.25), X], verbose=0)[:, 0]
    np.testing.assert_allclose(gl.Explanation.load(out).predictions[:], predicted, atol=1e-6)
    assert "has no input 'third'" in genolift(*command, "--input", "third", "--force").err


def test_a_model_of_any_length_is_tried_with_the_others(genolift, tmp_path):
    network(3, length=None, control=8).save(tmp_path / "any.keras")
    records = fasta(tmp_path / "r.fa", random_sequences(3, 30) | {"longer": "ACGTT" * 9})
    np.save(tmp_path / "features.npy", np.arange(12).reshape(4, 3))
    told = genolift(
        *("explain", tmp_path / "any.keras", records, "--also", "bias=1", "--target", 0, "--references", "zeros"),
        *("--also", f"features={tmp_path / 'features.npy'}", "--out", tmp_path / "s.zarr"),
    )
    assert told.code == 0, told.err
    model = keras.models.load_model(tmp_path / "any.keras")
    one = gl.one_hot("ACGTT" * 9)
    predicted = model.predict([np.ones((1, 8, 2)), one, np.array([[9.0, 10, 11]])], verbose=0)[0, 0]
    assert gl.Explanation.load(tmp_path / "s.zarr")["longer"].predictions[0] == pytest.approx(predicted, abs=1e-5)


def test_other_commands_say_that_they_take_the_sequence_alone(sided, genolift, tmp_path):
    told = genolift("filters", sided.model, sided.fasta, "--out", tmp_path / "filters")
    assert told.code == 2
    assert "this command is for models that take a sequence and nothing else" in told.err
