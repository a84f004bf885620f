"""`genolift variants`: columns of features, and a null that is right where windows are active and shuffles are not."""

import csv
import random

import numpy as np
import pytest
from cli_files import fasta

import genolift as gl


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def vcf(path, *lines):
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    return path


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_columns_of_what_variants_overlap(files, genolift, tmp_path):
    chromosome = "".join(random.Random(3).choices("ACGT", k=300))
    genome = fasta(tmp_path / "g.fa", {"chr1": chromosome})
    lines = [("chr1", pos, ".", chromosome[pos - 1], other(chromosome[pos - 1])) for pos in (100, 150)]
    found = vcf(tmp_path / "v.vcf", *lines, ("chr9", 7, ".", "A", "C"))
    (tmp_path / "p.bed").write_text("chr1\t99\t120\tone\nchr1\t90\t100\ttwo\n")
    command = ["variants", files.model, found, "--fasta", genome, "--target", 0, "--out", tmp_path / "v.tsv"]
    told = genolift(*command, "--overlap", f"peaks={tmp_path / 'p.bed'}")
    assert told.code == 0, told.err
    rows = table(tmp_path / "v.tsv")
    assert [row["peaks"] for row in rows] == ["two,one", ".", "NA"]
    assert list(rows[0])[-2:] == ["peaks", "note"]
    (tmp_path / "p.bed").write_text("chr1\t99\t120\tone\n")
    told = genolift(*command, "--overlap", f"peaks={tmp_path / 'p.bed'}")
    assert told.code == 2
    assert "overlaps.peaks" in told.err
    assert "genes=genes.gtf" in genolift(*command, "--overlap", "peaks").err


def test_variants_of_a_file_as_the_null(files, genolift, tmp_path):
    """Each is compared with those of its kind, in windows of their own and unshuffled."""
    chromosome = "".join(random.Random(6).choices("ACGT", k=900))
    genome = fasta(tmp_path / "g.fa", {"chr1": chromosome})

    def snvs(*places):
        return [("chr1", pos, ".", chromosome[pos - 1], other(chromosome[pos - 1])) for pos in places]

    deletion = ("chr1", 500, ".", chromosome[499:503], chromosome[499])
    mine = vcf(tmp_path / "v.vcf", *snvs(100, 200, 300), deletion)
    common = vcf(tmp_path / "c.vcf", *snvs(*range(120, 800, 17)), ("chr9", 7, ".", "A", "C"))
    command = ["variants", files.model, mine, "--fasta", genome, "--target", 0, "--null-variants", common]
    told = genolift(*command, "--out", tmp_path / "v.tsv")
    assert told.code == 0, told.err
    assert "1 alleles get no p-value: no null variant is of their kind (deletion of 3)" in told.err
    assert "40 null variants are few for 3 alleles" in told.err
    assert (
        genolift("variants", files.model, common, "--fasta", genome, "--target", 0, "--out", tmp_path / "c.tsv").code
        == 0
    )
    null = [row for row in table(tmp_path / "c.tsv") if row["status"] == "ok"]
    size, ref = (np.array([float(row[name]) for row in null]) for name in ("delta", "pred_ref"))
    assert len(null) == 40
    *rows, last = table(tmp_path / "v.tsv")
    for row in rows:
        larger = (np.abs(size) >= abs(float(row["delta"])) - 1e-7).sum()
        np.testing.assert_allclose(float(row["p_value"]), (1 + larger) / 41, rtol=1e-6)
        np.testing.assert_allclose(float(row["effect_percentile"]), 100 * (40 - larger) / 40, rtol=1e-6)
        active = max(float(row["pred_ref"]), float(row["pred_alt"]))
        np.testing.assert_allclose(float(row["active_allele_quantile"]), (ref <= active + 1e-7).mean(), rtol=1e-6)
    assert last["p_value"] == last["q_value"] == last["effect_percentile"] == "NA"
    assert "already complete" in genolift(*command, "--out", tmp_path / "v.tsv").out
    vcf(common, *snvs(*range(120, 800, 19)))
    assert "null.records is 41 there" in genolift(*command, "--out", tmp_path / "v.tsv").err
    vcf(common, ("chr1", 100, ".", chromosome[99], chromosome[99] + "GGGGG"))
    assert "no null variants of the kinds that are scored" in genolift(*command, "--out", tmp_path / "w.tsv").err
    assert (
        "give --null or --null-variants, not both" in genolift(*command, "--null", 9, "--out", tmp_path / "w.tsv").err
    )
    assert not (tmp_path / "w.tsv").exists()


def test_profiles_are_aligned_when_asked(genolift, tmp_path):
    """Every position sees its own base alone, so that nothing changes where both alleles have the base."""
    import keras

    keras.utils.set_random_seed(5)
    x = keras.Input((40, 4))
    keras.Model(x, keras.layers.Cropping1D(5)(keras.layers.Conv1D(2, 1)(x))).save(tmp_path / "m.keras")
    chromosome = "".join(random.Random(6).choices("ACGT", k=200))
    genome = fasta(tmp_path / "g.fa", {"chr1": chromosome})
    base = chromosome[99]
    indels = [(base, base + "ACGTT"), (chromosome[99:104], base)]
    found = vcf(tmp_path / "v.vcf", *[("chr1", 100, ".", ref, alt) for ref, alt in indels])
    distances = {}
    for name, options in (("plain", []), ("aligned", ["--align-profiles"])):
        command = ["variants", tmp_path / "m.keras", found, "--fasta", genome, "--target", "profile", *options]
        told = genolift(*command, "--null", 20, "--out", tmp_path / f"{name}.tsv")
        assert told.code == 0, told.err
        distances[name] = [float(row["js_distance"]) for row in table(tmp_path / f"{name}.tsv")]
    assert min(distances["plain"]) > 0.05
    np.testing.assert_allclose(distances["aligned"], 0, atol=1e-3)  # a square root of what float32 leaves
    told = genolift(*command[:-1], "--null", 20, "--out", tmp_path / "aligned.tsv")
    assert told.code == 2
    assert "align_profiles" in told.err


def test_a_null_of_shuffled_flanks_is_another_null(files, genolift, tmp_path):
    chromosome = "".join(random.Random(6).choices("ACGT", k=300))
    genome = fasta(tmp_path / "g.fa", {"chr1": chromosome})
    found = vcf(tmp_path / "v.vcf", ("chr1", 100, ".", chromosome[99], other(chromosome[99])))
    command = ["variants", files.model, found, "--fasta", genome, "--target", 0, "--out", tmp_path / "v.tsv"]
    refused = genolift(*command, "--null-flank", 8)
    assert refused.code == 2
    assert "those of the null variants that are drawn; give --null too" in refused.err
    told = genolift(*command, "--null", 30, "--null-flank", 8)
    assert told.code == 0, told.err
    refused = genolift(*command, "--null", 30)
    assert refused.code == 2
    assert "null.flank" in refused.err


@pytest.mark.slow
def test_variants_that_touch_nothing_have_even_p_values_in_active_windows(genolift, tmp_path):
    """A sigmoid that a motif switches on, and 400 variants beside the motif: P(p <= 0.05) is 0.05."""
    import keras

    rng = random.Random(2)
    length, count = 100, 400
    x = keras.Input((length, 4))
    found = keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(1, 6, activation="relu", name="motif")(x))
    keras.utils.set_random_seed(3)
    around = keras.layers.Flatten()(keras.layers.Conv1D(8, 9, activation="tanh")(x))  # effects that vary with context
    around = keras.layers.Dense(1)(around)
    out = keras.layers.Dense(1, activation="sigmoid", name="out")(keras.layers.Concatenate()([found, around]))
    model = keras.Model(x, out)
    model.get_layer("motif").set_weights([gl.one_hot("GATAAG").reshape(6, 4, 1), np.array([-5.0])])
    model.get_layer("out").set_weights([np.array([[18.0], [1.0]]), np.array([-8.0])])  # both strands are averaged
    model.save(tmp_path / "m.keras")
    parts = ["".join(rng.choices("ACGT", k=125)) + "GATAAG" + "".join(rng.choices("ACGT", k=169)) for _ in range(count)]
    chromosome = "".join(parts)
    lines = [
        ("chr1", 300 * i + 161, f"v{i}", chromosome[300 * i + 160], other(chromosome[300 * i + 160]))
        for i in range(count)
    ]
    genome = fasta(tmp_path / "g.fa", {"chr1": chromosome})
    command = ["variants", tmp_path / "m.keras", vcf(tmp_path / "v.vcf", *lines), "--fasta", genome]
    told = genolift(*command, "--activation", "keep", "--null", 1000, "--out", tmp_path / "v.tsv")
    assert told.code == 0, told.err
    p = np.array([float(row["p_value"]) for row in table(tmp_path / "v.tsv")])
    for at in (0.05, 0.1):
        assert abs(np.mean(p <= at) - at) <= 3 * np.sqrt(at * (1 - at) / count)
