"""`genolift variants` where a model predicts infinity: an error or a row that says so, and never a p-value."""

import csv
import random
from types import SimpleNamespace

import numpy as np
import pytest
from cli_files import fasta

import genolift as gl

LENGTH = 40
MOTIF = "GATTACAGA"


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model of two outputs: one overflows where the motif is whole, the other never. And ten variants.

    The second variant completes the motif, and the third lies beside it, so that both its alleles overflow.
    """
    import keras

    folder = tmp_path_factory.mktemp("overflow")
    x = keras.Input((LENGTH, 4))
    found = keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(1, len(MOTIF), name="motif", use_bias=False)(x))
    much = keras.layers.Dense(1, activation="exponential", name="much")(found)
    keras.utils.set_random_seed(1)
    few = keras.layers.Dense(1, activation="softplus")(keras.layers.Flatten()(x))
    model = keras.Model(x, keras.layers.Concatenate()([much, few]))
    model.get_layer("motif").set_weights([gl.one_hot(MOTIF).reshape(len(MOTIF), 4, 1) * 11])
    model.get_layer("much").set_weights([np.ones((1, 1)), np.zeros(1)])
    model.save(folder / "m.keras")
    broken = MOTIF[:4] + "C" + MOTIF[5:]
    letters = random.Random(5).choices("ACGT", k=1200)
    letters[200 : 200 + len(MOTIF)], letters[300 : 300 + len(MOTIF)] = broken, MOTIF
    chromosome = "".join(letters)
    lines = [("chr1", pos, f"v{pos}", chromosome[pos - 1], other(chromosome[pos - 1])) for pos in range(400, 1100, 100)]
    lines[1:1] = [("chr1", 205, "whole", "C", "A"), ("chr1", 298, "both", chromosome[297], other(chromosome[297]))]
    (folder / "v.vcf").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    genome = fasta(folder / "g.fa", {"chr1": chromosome})
    command = ["variants", folder / "m.keras", folder / "v.vcf", "--fasta", genome, "--target", 0, 1]
    return SimpleNamespace(folder=folder, command=command, genome=genome, lines=lines, chromosome=chromosome)


def test_a_prediction_that_overflows_stops_the_job_and_names_the_record(place, genolift, tmp_path):
    told = genolift(*place.command, "--null", 50, "--out", tmp_path / "v.tsv")
    assert told.code == 2
    last = told.err.splitlines()[-1]
    assert "v.vcf, line 2, chr1:205:C>A, target 0: the prediction with the alternative allele is infinite" in last
    assert "--on-bad skip gives such records a row that says so" in last
    assert not (tmp_path / "v.tsv").exists()


def test_skipped_they_are_rows_without_numbers_and_the_others_are_as_alone(place, genolift, tmp_path):
    told = genolift(*place.command, "--null", 50, "--on-bad", "skip", "--out", tmp_path / "v.tsv")
    assert told.code == 0, told.err
    assert "9 alleles (7 scored, 2 not_finite)" in told.out
    rows = table(tmp_path / "v.tsv")
    bad = [row for row in rows if row["status"] != "ok"]
    assert [(row["id"], row["target"], row["status"]) for row in bad] == [
        ("whole", "0", "not_finite"),
        ("both", "0", "not_finite"),
    ]
    numbers = [name for name in rows[0] if name.startswith(("pred", "delta", "log2", "p_", "q_", "effect", "active"))]
    assert len(numbers) == 9
    assert {row[name] for row in bad for name in numbers} == {"NA"}
    assert [row["note"] for row in bad] == [
        "the prediction with the alternative allele is infinite",
        "the prediction with the reference allele is infinite",
    ]
    good = [row for row in rows if row["status"] == "ok"]
    assert len(good) == 16
    for row in good:
        assert 1 / 51 - 1e-6 <= float(row["p_value"]) <= 1
        fold = np.log2(float(row["pred_alt"]) / float(row["pred_ref"]))
        np.testing.assert_allclose(float(row["log2_fold_change"]), fold, atol=1e-5)
    again = genolift(*place.command, "--null", 50, "--on-bad", "skip", "--out", tmp_path / "v.tsv")
    assert "already complete: 9 alleles (7 scored, 2 not_finite)" in again.out


def test_null_variants_that_overflow_make_no_p_value_smaller(place, genolift, tmp_path):
    """A null of ten, of which two are not finite: no p-value is below 3 / 11."""
    pos = [*range(450, 1150, 100)]
    null = [("chr1", p, ".", place.chromosome[p - 1], other(place.chromosome[p - 1])) for p in pos]
    null = [*null, *place.lines[1:3], place.lines[0]]
    (tmp_path / "null.vcf").write_text("".join("\t".join(map(str, line)) + "\n" for line in null))
    command = [*place.command, "--null-variants", tmp_path / "null.vcf", "--out", tmp_path / "v.tsv"]
    told = genolift(*command)
    assert told.code == 2
    assert "for 2 of 10 null variants the model predicts what is not finite" in told.err
    assert f"the first is line 8 of {tmp_path / 'null.vcf'}; --on-bad skip counts them" in told.err
    told = genolift(*command, "--on-bad", "skip")
    assert told.code == 0, told.err
    assert "they count as larger than every effect, so that no p-value is too small" in told.err
    rows = [row for row in table(tmp_path / "v.tsv") if row["status"] == "ok" and row["target"] == "0"]
    assert min(float(row["p_value"]) for row in rows) >= 3 / 11 - 1e-6
    assert max(float(row["effect_percentile"]) for row in rows) <= 80
