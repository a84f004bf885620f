"""``genolift variants`` with several models, and with inputs beside the sequence, judged by plain Keras."""

import csv
import random
from types import SimpleNamespace

import numpy as np
import pytest
from cli_files import fasta
from scipy.spatial.distance import jensenshannon

import genolift as gl
from genolift.models.zoo import build
from genolift.pipeline.variants.alleles import alleles_of
from genolift.pipeline.variants.nulls import draw_null
from genolift.sequence.variants import Windows
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

pytestmark = pytest.mark.slow

K = keras.layers
L = 40
CHR1 = "".join(random.Random(7).choices("ACGT", k=400))


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome, SNVs of which one contradicts it and one has two alleles, and folds of a classifier and of a profile."""
    folder = tmp_path_factory.mktemp("folds")
    made = SimpleNamespace(folder=folder, genome=fasta(folder / "genome.fa", {"chr1": CHR1}), vcf=folder / "v.vcf")
    made.snvs = [(pos, CHR1[pos - 1], other(CHR1[pos - 1])) for pos in (60, 90, 200, 311)]
    lines = [("chr1", pos, ".", ref, alt) for pos, ref, alt in made.snvs]
    lines[1] = (*lines[1][:4], f"{lines[1][4]},{other(lines[1][4])}")
    lines.insert(1, ("chr1", 70, ".", other(CHR1[69]), CHR1[69]))
    made.vcf.write_text(
        "#CHROM\tPOS\tID\tREF\tALT\n# a comment\n" + "".join("\t".join(map(str, x)) + "\n" for x in lines)
    )
    made.tasks = [folder / f"t{seed}.keras" for seed in (1, 2, 3)]
    for seed, path in enumerate(made.tasks):
        build("tal_gata", seed=seed, length=L, filters=4, width=5).save(path)
    made.profiles = [folder / f"p{seed}.keras" for seed in (1, 2)]
    for seed, path in enumerate(made.profiles):
        keras.utils.set_random_seed(seed)
        x = keras.Input((L, 4))
        h = K.Conv1D(6, 5, padding="same", activation="relu")(x)
        profile = K.Flatten(name="profile")(K.Conv1D(1, 1, kernel_initializer=keras.initializers.RandomNormal(0, 3))(h))
        keras.Model(x, [profile, K.Dense(1, name="logcounts")(K.GlobalAveragePooling1D()(h))]).save(path)
    return made


def windows(pos, alt):
    """The windows of both alleles, as one-hot, forward and reversed."""
    start = pos - 1 - L // 2
    text = CHR1[start : start + L]
    texts = [text, text[: L // 2] + alt + text[L // 2 + 1 :]]
    return [gl.one_hot(texts), gl.one_hot(gl.reverse_complement(texts))]


def run(genolift, place, models, *options, out, **more):
    first, *others = models
    folds = [word for path in others for word in ("--fold", path)]
    told = genolift("variants", first, place.vcf, "--fasta", place.genome, *folds, *options, "--out", out)
    assert told.code == 0, told.err
    return table(out)


def test_effects_are_means_over_folds_with_their_spread(place, genolift, tmp_path):
    rows = run(genolift, place, place.tasks, "--target", 1, "--null", 30, out=tmp_path / "v.tsv")
    models = [gl.load_model(path) for path in place.tasks]
    scored = [row for row in rows if row["status"] == "ok"]
    assert [row["status"] for row in rows] == ["ok", "ref_mismatch", "ok", "ok", "ok", "ok"]
    for row in scored:
        each = []
        for model in models:
            p = np.mean(
                [_logit(model.predict(X, verbose=0)[:, 1]) for X in windows(int(row["pos"]), row["alt"])], axis=0
            )
            each.append(p[1] - p[0])
        assert float(row["delta"]) == pytest.approx(np.mean(each), abs=1e-5)
        assert float(row["delta_spread"]) == pytest.approx(np.std(each, ddof=1), abs=1e-5)
    assert rows[1]["delta_spread"] == "NA"
    # p-values are of the mean: what the mean of the folds says of null variants.
    windows_of = Windows(gl.Fasta(place.genome), L, (0,), None)
    drawn = [pairs[0] for _, pairs, _ in draw_null(alleles_of(place.vcf, windows_of), {"SNV": 5}, 30, 0)]
    sides = [gl.one_hot([pair[side] for pair in drawn]) for side in (0, 1)]
    null = np.mean([_both_strands(m, sides[1]) - _both_strands(m, sides[0]) for m in models], axis=0)
    for row in scored:
        beyond = (np.abs(null) >= abs(float(row["delta"]))).sum()
        assert float(row["p_value"]) == pytest.approx((1 + beyond) / 31)
    alone = run(genolift, place, place.tasks[:1], "--target", 1, out=tmp_path / "alone.tsv")
    assert "delta_spread" not in alone[0]


def _both_strands(model, X):
    return np.mean([_logit(model.predict(x, verbose=0)[:, 1]) for x in (X, X[:, ::-1, ::-1])], axis=0)


def _logit(p):
    p = p.astype(np.float64)
    return np.log(p) - np.log1p(-p)


def test_profiles_of_folds_are_compared_fold_by_fold(place, genolift, tmp_path):
    options = ("--target", "profile:profile", "--target", "logcounts:logcounts")
    rows = run(genolift, place, place.profiles, *options, out=tmp_path / "v.tsv")
    models = [keras.models.load_model(path) for path in place.profiles]
    for row in rows:
        if row["status"] != "ok" or row["target"] != "profile:profile":
            continue
        each = []
        for model in models:
            logits = [model.predict(X, verbose=0)[0] for X in windows(int(row["pos"]), row["alt"])]
            p = [np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in logits]
            each.append(np.mean([jensenshannon(*both, base=2) for both in p]))
        assert float(row["js_distance"]) == pytest.approx(np.mean(each), abs=1e-4)
        assert float(row["js_distance_spread"]) == pytest.approx(np.std(each, ddof=1), abs=1e-4)


def test_workers_and_a_second_run_of_folds(place, genolift, tmp_path):
    pytest.importorskip("distributed")
    run(genolift, place, place.tasks[:2], "--target", 0, out=tmp_path / "one.tsv")
    run(genolift, place, place.tasks[:2], "--target", 0, "--workers", 1, out=tmp_path / "two.tsv")
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    command = (
        "variants",
        place.tasks[0],
        place.vcf,
        "--fasta",
        place.genome,
        "--target",
        0,
        "--out",
        tmp_path / "one.tsv",
    )
    assert "already complete" in genolift(*command, "--fold", place.tasks[1]).out
    refused = genolift(*command, "--fold", place.tasks[2])
    assert refused.code == 2
    assert "model.folds[0]" in refused.err


def test_folds_of_other_scales_have_no_mean(place, genolift, tmp_path):
    x = keras.Input((L, 4))
    keras.Model(x, K.Dense(3, name="tasks")(K.Flatten()(x))).save(tmp_path / "linear.keras")
    fold = ("--fold", tmp_path / "linear.keras", "--target", 0)
    told = genolift("variants", place.tasks[0], place.vcf, "--fasta", place.genome, *fold, "--out", tmp_path / "v.tsv")
    assert told.code == 2
    assert "linear.keras predicts output, and" in told.err
    sequences = fasta(tmp_path / "s.fa", {"a": CHR1[:L]})
    told = genolift("explain", place.tasks[0], sequences, *fold, "--out", tmp_path / "s.zarr")
    assert told.code == 2
    assert (
        "logits would be averaged with outputs; explain each by itself, or what they give, by --activation keep"
        in told.err
    )
    told = genolift("marginalize", place.tasks[0], sequences, *fold, "--motif", "GATA", "--out", tmp_path / "m.tsv")
    assert told.code == 2
    assert "logits would be averaged with outputs" in told.err


@pytest.fixture(scope="module")
def sided(place):
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        dna, features = keras.Input((L, 4), name="dna"), keras.Input((3,), name="features")
        control = keras.Input((L, 1), name="control")
        h = K.Concatenate()([K.Conv1D(5, 5, padding="same", activation="relu")(dna), control])
        h = K.Concatenate()([K.Flatten()(K.Conv1D(3, 5, activation="relu")(h)), features])
        models.append(keras.Model([features, dna, control], K.Dense(1)(K.Dense(8, activation="relu")(h))))
        models[-1].save(place.folder / f"s{seed}.keras")
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.save(place.folder / "features.npy", rows)
    return SimpleNamespace(models=models, rows=rows, paths=[place.folder / f"s{seed}.keras" for seed in (1, 2)])


def test_both_alleles_get_the_row_of_their_record(place, sided, genolift, tmp_path):
    options = ("--also", f"features={place.folder / 'features.npy'}", "--also", "control=0.5", "--null", 12)
    explain = ("--explain", tmp_path / "s.zarr", "--method", "gradient-x-input")
    rows = run(genolift, place, sided.paths, *options, *explain, out=tmp_path / "v.tsv")
    record = {60: 0, 90: 2, 200: 3, 311: 4}  # The second record is not scored, and has a row all the same.
    control = np.full((2, L, 1), 0.5, np.float32)
    stored = gl.Explanation.load(tmp_path / "s.zarr")
    for row in (row for row in rows if row["status"] == "ok"):
        features = np.repeat(sided.rows[record[int(row["pos"])]][None], 2, 0)
        values = np.array(
            [
                np.mean(
                    [m.predict([features, X, control], verbose=0)[:, 0] for X in windows(int(row["pos"]), row["alt"])],
                    axis=0,
                )
                for m in sided.models
            ]
        )
        assert [float(row["pred_ref"]), float(row["pred_alt"])] == pytest.approx(values.mean(0), abs=1e-5)
        name = f"chr1:{row['pos']}:{row['ref']}>{row['alt']}"
        found = [stored[f"{name}:{which}"].predictions[0] for which in ("ref", "alt")]
        assert found == pytest.approx(values.mean(0), abs=1e-5)


def test_inputs_that_variants_cannot_take(place, sided, genolift, tmp_path):
    def refused(*options):
        told = genolift(
            "variants", sided.paths[0], place.vcf, "--fasta", place.genome, *options, "--out", tmp_path / "v.tsv"
        )
        assert told.code == 2
        assert not (tmp_path / "v.tsv").exists()
        return told.err.splitlines()[-1]

    given = ("--also", f"features={place.folder / 'features.npy'}")
    np.save(tmp_path / "control.npy", np.zeros((5, L, 1), np.float32))
    assert "'control' (40, 1) may run along the sequence" in refused(
        *given, "--also", f"control={tmp_path / 'control.npy'}"
    )
    line = refused(*given, "--also", "control=zeros", "--null-variants", place.vcf)
    assert "the null variants of a file have no rows; give a number or zeros, or --null" in line
    np.save(tmp_path / "few.npy", sided.rows[:4])
    line = refused("--also", f"features={tmp_path / 'few.npy'}", "--also", "control=zeros")
    assert f"'features' has 4 rows, and {place.vcf} 5 records" in line


def test_null_variants_have_the_rows_of_those_that_they_are_drawn_from(place, sided, genolift, tmp_path):
    options = ("--also", f"features={place.folder / 'features.npy'}", "--also", "control=zeros", "--null", 20)
    rows = run(genolift, place, sided.paths[:1], *options, out=tmp_path / "v.tsv")
    drawn = list(draw_null(alleles_of(place.vcf, Windows(gl.Fasta(place.genome), L, (0,), None)), {"SNV": 5}, 20, 0))
    lines = _record_lines(place.vcf)
    features = sided.rows[[lines.index(line) for *_, line in drawn]]
    control = np.zeros((20, L, 1), np.float32)
    reference = gl.one_hot([pairs[0][0] for _, pairs, _ in drawn])
    strands = (reference, reference[:, ::-1, ::-1])
    active = np.mean([sided.models[0].predict([features, X, control], verbose=0)[:, 0] for X in strands], axis=0)
    for row in rows:
        if row["status"] == "ok":
            most = max(float(row["pred_ref"]), float(row["pred_alt"]))
            assert float(row["active_allele_quantile"]) == pytest.approx((active <= most).mean())


def _record_lines(path):
    """The numbers of the lines that hold records, from 1 on."""
    return [k for k, line in enumerate(path.read_text().splitlines(), 1) if not line.startswith("#")]


def test_a_repeated_variant_has_the_row_of_each_record(place, sided, genolift, tmp_path):
    pos, ref, alt = place.snvs[2]
    twice = tmp_path / "twice.vcf"
    twice.write_text("#CHROM\tPOS\tID\tREF\tALT\n" + f"chr1\t{pos}\t.\t{ref}\t{alt}\n" * 2)
    np.save(tmp_path / "rows.npy", sided.rows[:2])
    options = ("--also", f"features={tmp_path / 'rows.npy'}", "--also", "control=zeros", "--out", tmp_path / "v.tsv")
    told = genolift("variants", sided.paths[0], twice, "--fasta", place.genome, *options)
    assert told.code == 0, told.err
    control = np.zeros((2, L, 1), np.float32)
    for row, features in zip(table(tmp_path / "v.tsv"), sided.rows, strict=False):
        inputs = [[np.repeat(features[None], 2, 0), X, control] for X in windows(pos, alt)]
        values = np.mean([sided.models[0].predict(one, verbose=0)[:, 0] for one in inputs], axis=0)
        assert [float(row["pred_ref"]), float(row["pred_alt"])] == pytest.approx(values, abs=1e-5)
