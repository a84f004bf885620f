"""``genolift marginalize``, ``ablate`` and ``space``: a table and a picture, or one line that says what is wrong."""

import csv

import numpy as np
import pytest
from cli_files import LENGTH, fasta

import genolift as gl
from genolift.sequence.fasta import read_fasta


def table(path):
    return list(csv.DictReader(path.open(), delimiter="\t"))


def inputs(files):
    return gl.load_model(files.model), gl.one_hot([sequence for _, sequence in read_fasta(files.fasta)])


def test_marginalize(files, genolift, tmp_path):
    out = tmp_path / "motifs.tsv"
    told = genolift(
        *("marginalize", files.model, files.fasta, "--motif", "GATA=AGATAAG", "--motif", "CANNTG"),
        *("--target", 0, 2, "--both-strands", "--shuffles", 2, "--seed", 5, "--out", out),
    )
    assert told.code == 0, told.err
    assert told.out == f"{out}: 8 rows, means over 12 backgrounds; {tmp_path / 'motifs.png'} shows them\n"
    model, X = inputs(files)
    motifs = {"GATA": "AGATAAG", "CANNTG": "CANNTG"}
    expected = gl.marginalize(model, motifs, X, [0, 2], both_strands=True, shuffles=2, seed=5).table
    rows = table(out)
    assert [row["motif"] for row in rows] == ["GATA"] * 4 + ["CANNTG"] * 4
    assert [float(row["effect"]) for row in rows] == pytest.approx(list(expected.effect), abs=1e-6)
    assert (tmp_path / "motifs.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["motifs.png", "motifs.tsv"]
    again = genolift("marginalize", files.model, files.fasta, "--motif", "AAA", "--target", 0, "--out", out)
    assert again.code == 2
    assert "--force" in again.err


def test_motifs_of_a_file(files, genolift, tmp_path):
    collection = tmp_path / "motifs.jaspar"
    collection.write_text(">MA1 GATA\nA [ 0 9 0 ]\nC [ 0 0 0 ]\nG [ 9 0 0 ]\nT [ 0 0 9 ]\n")
    arguments = ("marginalize", files.model, files.fasta, "--motifs", collection, "--target", 0)
    told = genolift(*arguments, "--motif", "MA1", "--motif", "GAT", "--out", tmp_path / "m.tsv")
    assert told.code == 0, told.err
    first, second = table(tmp_path / "m.tsv")
    assert first["effect"] == second["effect"]
    wrong = genolift(*arguments, "--motif", "MA2", "--out", tmp_path / "other.tsv")
    assert wrong.code == 2
    assert "holds no motif 'MA2'; it has MA1" in wrong.err


def test_ablate(files, genolift, tmp_path):
    out = tmp_path / "middle.tsv"
    told = genolift(
        *("ablate", files.model, files.fasta, "--stretch", "20-30", "--stretch", "end=50-60", "--by", "unknown"),
        *("--target", 1, "--interval", "bootstrap", "--confidence", 0.9, "--out", out),
    )
    assert told.code == 0, told.err
    assert "2 rows, means over 12 sequences" in told.out
    model, X = inputs(files)
    stretches = {"20-30": (20, 30), "end": (50, 60)}
    expected = gl.ablate(model, stretches, X, 1, by="unknown", interval="bootstrap", confidence=0.9).table
    for row, known in zip(table(out), expected.itertuples(), strict=True):
        assert (row["stretch"], int(row["start"])) == (known.stretch, known.start)
        assert float(row["low"]) == pytest.approx(known.low, abs=1e-6)


def test_space(files, genolift, tmp_path):
    out = tmp_path / "pair.tsv"
    told = genolift(
        *("space", files.model, files.fasta, "--first", "AGATAAG", "--second", "CAGCTG", "--distances", "0-6:3"),
        *("--orientations", "++,-+", "--target", 0, "--method", "deeplift", "--rule", "rescale"),
        *("--references", "zeros", "--out", out),
    )
    assert told.code == 0, told.err
    rows = table(out)
    assert [(row["orientation"], row["distance"]) for row in rows] == [(o, d) for o in ("++", "-+") for d in "036"]
    model, X = inputs(files)
    options = {"method": "deeplift", "rule": "rescale", "references": gl.references.Zeros()}
    expected = gl.space(
        model, "AGATAAG", "CAGCTG", X, 0, distances=[0, 3, 6], orientations=["++", "-+"], **options
    ).table
    assert [float(row["interaction"]) for row in rows] == pytest.approx(list(expected.interaction), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("marginalize", "--motif", "GAXX"), "not a DNA letter"),
        (("marginalize", "--motif", "GAT", "--motif", "GAT"), "'GAT' is given twice"),
        (("marginalize", "--motif", "GAT", "--start", 58), "58 to 61"),
        (("marginalize", "--motif", "GAT", "--rule", "rescale"), "the option 'rule' is a method's"),
        (("marginalize", "--motif", "GAT", "--method", "occlusion", "--rule", "rescale"), "takes no option 'rule'"),
        (("marginalize", "--motif", "GAT", "--target", 9), "target 9 is out of range"),
        (("ablate", "--stretch", "30-20"), "stretch '30-20' is not understood"),
        (("ablate", "--stretch", "50-61"), "50 to 61"),
        (("ablate", "--stretch", "5-9", "--by", "CC"), "2 long"),
        (("space", "--first", "GAT", "--second", "GAT", "--distances", "2-"), "distances '2-' are not understood"),
        (("space", "--first", "GAT", "--second", "GAT", "--distances", "0-90"), "do not fit"),
        (("space", "--first", "GAT", "--second", "GAT", "--orientations", "up"), "orientations are among"),
    ],
)
def test_mistakes(files, genolift, tmp_path, arguments, words):
    target = () if "--target" in arguments else ("--target", 0)
    told = genolift(arguments[0], files.model, files.fasta, *arguments[1:], *target, "--out", tmp_path / "x.tsv")
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert line.startswith("genolift: error: ")
    assert words in line
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_used(files, genolift, tmp_path):
    arguments = ("ablate", files.model, files.fasta, "--stretch", "5-9", "--target", 0)
    assert "ends in .tsv" in genolift(*arguments, "--out", tmp_path / "x.csv").err
    assert "no directory" in genolift(*arguments, "--out", tmp_path / "none" / "x.tsv").err
    mixed = fasta(tmp_path / "mixed.fa", {"a": "ACGT" * 10, "b": "ACGT" * 12})
    told = genolift("ablate", files.any_length, mixed, "--stretch", "5-9", "--target", 0, "--out", tmp_path / "x.tsv")
    assert "'a' is 40 long and 'b' 48" in told.err
    short = fasta(tmp_path / "short.fa", {"a": "ACGT"})
    told = genolift("ablate", files.model, short, "--stretch", "1-3", "--target", 0, "--out", tmp_path / "x.tsv")
    assert f"sequences of {LENGTH}" in told.err


@pytest.mark.parametrize("name", ["marginalize", "ablate", "space"])
def test_help_teaches(name, genolift):
    told = genolift(name, "--help")
    assert told.code == 0
    assert "Examples:" in told.out
    assert f"genolift {name} model.keras" in told.out
    assert "confidence interval" in " ".join(told.out.split())


def test_a_sequence_whose_prediction_is_not_finite_is_named(genolift, tmp_path):
    import keras

    x = keras.Input((LENGTH, 4))
    dense = keras.layers.Dense(1, activation="exponential")
    model = keras.Model(x, dense(keras.layers.GlobalAveragePooling1D()(x)))
    dense.set_weights([np.array([[150.0], [0.0], [0.0], [0.0]]), np.zeros(1)])
    model.save(tmp_path / "m.keras")
    sequences = fasta(tmp_path / "s.fa", {"fine": "ACGT" * (LENGTH // 4), "much": "A" * LENGTH})
    for command, given in (("marginalize", ["--motif", "CC"]), ("ablate", ["--stretch", "2-5"])):
        told = genolift(command, tmp_path / "m.keras", sequences, *given, "--out", tmp_path / "t.tsv")
        assert told.code == 2
        assert f"{sequences}, 'much': the prediction is NaN or infinite" in told.err.splitlines()[-1]
        assert not (tmp_path / "t.tsv").exists()
