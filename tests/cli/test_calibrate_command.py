"""``genolift calibrate`` on a network whose weights say what it looks for."""

import numpy as np
import pandas as pd
import pytest

from genolift.sequence.fasta import write_fasta
from genolift.support.tensorflow import quiet_tensorflow

WORD = "GATTACAGGC"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    quiet_tensorflow()
    import keras

    folder = tmp_path_factory.mktemp("calibrate")
    kernel = np.stack([2.0 * np.eye(4)[["ACGT".index(c) for c in WORD]] - 1], axis=-1)
    layers = [keras.Input((80, 4)), keras.layers.Conv1D(1, 10, activation="relu"), keras.layers.GlobalMaxPooling1D(),
              keras.layers.Dense(1)]  # fmt: skip
    network = keras.Sequential(layers)
    network.layers[0].set_weights([kernel, np.array([5.0])])
    network.layers[2].set_weights([np.array([[1.0]]), np.array([0.0])])
    network.save(folder / "model.keras")
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(60)]
    write_fasta(folder / "seqs.fa", [f"s{i}" for i in range(60)], texts)
    rows = {"wanted": np.eye(4)[["ACGT".index(c) for c in WORD]], "idle": np.eye(4)[[3, 3, 3, 3, 3, 3]]}
    text = "MEME version 4\n\nALPHABET= ACGT\n\n"
    for name, matrix in rows.items():
        body = "\n".join(" ".join(f"{0.97 * v + 0.0075:.4f}" for v in row) for row in matrix)
        text += f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(matrix)}\n{body}\n\n"
    (folder / "motifs.meme").write_text(text)
    return folder


def run(place, capsys, *more):
    from genolift.cli.app import run as command

    arguments = ["calibrate", place / "model.keras", place / "seqs.fa", "--motifs", place / "motifs.meme", *more]
    code = command([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_table_and_a_recommendation(place, capsys):
    out = place / "best.tsv"
    methods = [part for name in ("deeplift@zeros", "ism", "gradient", "cam") for part in ("--methods", name)]
    code, told = run(place, capsys, *methods, "--out", out)
    assert code == 0, told
    assert "planted, with what each does in the middle of a sequence: wanted (+" in told
    assert "left out: cam: cam is for" in told
    assert "agrees best with what the model loses" in told
    table = pd.read_csv(out, sep="\t")
    assert set(table.method) == {"deeplift@zeros", "ism", "gradient"}
    ranked = table[table.metric == "spearman"].set_index("method")
    assert ranked.value["ism"] > 0.5
    assert ranked.equal[ranked.value.idxmax()]
    assert (table.sequences == 60).all()
    code, told = run(place, capsys, *methods, "--out", out)
    assert code == 2
    assert "--force" in told


def test_regions_that_leave_their_chromosome(place, tmp_path, capsys):
    genome, regions = tmp_path / "genome.fa", tmp_path / "peaks.bed"
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 1200))
    write_fasta(genome, ["chr1"], [text])
    regions.write_text("".join(f"chr1\t{start}\t{start + 80}\n" for start in range(0, 1200, 50)))
    from genolift.cli.app import run as command

    arguments = ["calibrate", place / "model.keras", genome, "--regions", regions, "--motifs", place / "motifs.meme"]
    arguments += ["--methods", "ism", "--out", tmp_path / "best.tsv"]
    assert command([str(argument) for argument in arguments]) == 2
    assert "--on-bad skip leaves such records out" in capsys.readouterr().err
    assert command([str(argument) for argument in [*arguments, "--on-bad", "skip"]]) == 0
    assert (pd.read_csv(tmp_path / "best.tsv", sep="\t").sequences == 23).all()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--methods", "deeplit"], "there is no method 'deeplit'"),
        (["--out", "x.csv"], "the table's name ends in .tsv"),
        (["--motifs", "nowhere.meme"], "nowhere.meme does not exist"),
    ],
)
def test_mistakes_are_one_line(place, more, words, tmp_path, capsys):
    code, told = run(place, capsys, "--out", tmp_path / "y.tsv", *more)
    assert code == 2
    assert words in told


def test_a_model_that_responds_to_nothing(place, tmp_path, capsys):
    (tmp_path / "idle.meme").write_text(
        (place / "motifs.meme").read_text().split("MOTIF wanted")[0]
        + "MOTIF idle"
        + (place / "motifs.meme").read_text().split("MOTIF idle")[1]
    )
    code, told = run(place, capsys, "--motifs", tmp_path / "idle.meme", "--out", tmp_path / "z.tsv")
    assert code == 2
    assert "responds to none of the 1 motifs" in told
    assert "more sequences" not in told
    few = ("--sequences-planted", "8")
    code, told = run(place, capsys, "--motifs", tmp_path / "idle.meme", "--out", tmp_path / "z.tsv", *few)
    assert code == 2
    assert "or more sequences: 8 tell only strong responses from chance" in " ".join(told.split())
